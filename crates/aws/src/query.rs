//! Writes a document as the Query protocol's form: `A.member.1.B=value`.

use aws_model::Document;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What stays as it is in a form and in a path.
pub(crate) const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How a list is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lists {
    /// `Names.member.1`.
    Members,
    /// `Name.1`, as EC2 has it.
    Flat,
    /// `Tags.Tag.1`, as RDS has it: items are called like the list, in the singular.
    Named,
}

/// Returns the form of one call.
pub(crate) fn form(operation: &str, version: &str, input: &Document, lists: Lists) -> String {
    let mut pairs = vec![("Action".to_owned(), operation.to_owned()), ("Version".to_owned(), version.to_owned())];
    for (name, value) in input {
        flatten(name, value, lists, &mut pairs);
    }
    let encoded =
        pairs.iter().map(|(n, v)| format!("{}={}", utf8_percent_encode(n, KEPT), utf8_percent_encode(v, KEPT)));
    encoded.collect::<Vec<_>>().join("&")
}

fn flatten(name: &str, value: &Value, lists: Lists, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            // An empty list is written as the bare name, as botocore does.
            if items.is_empty() {
                pairs.push((name.to_owned(), String::new()));
            }
            for (index, item) in items.iter().enumerate() {
                let name = match lists {
                    Lists::Members => format!("{name}.member.{}", index + 1),
                    Lists::Named => {
                        let list = name.rsplit('.').next().unwrap_or(name);
                        format!("{name}.{}.{}", singular(list), index + 1)
                    }
                    Lists::Flat => format!("{name}.{}", index + 1),
                };
                flatten(&name, item, lists, pairs);
            }
        }
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{name}.{member}"), value, lists, pairs);
            }
        }
        Value::String(text) => pairs.push((name.to_owned(), text.clone())),
        other => pairs.push((name.to_owned(), other.to_string())),
    }
}

/// Returns what an item of one of RDS's lists is called (botocore's model of RDS, `locationName` of lists' members).
pub(crate) fn singular(list: &str) -> &str {
    match list {
        "TagList" | "TagKeys" | "Tags" => "Tag",
        "VpcSecurityGroups" => "VpcSecurityGroupMembership",
        "SubnetIds" => "SubnetIdentifier",
        "DBParameterGroups" => "DBParameterGroup",
        "EventCategories" | "EventCategoriesList" => "EventCategory",
        list => list.strip_suffix('s').unwrap_or("member"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(input: Value, expected: &str) {
        let input = input.as_object().expect("an object").clone();
        assert_eq!(form("Do", "1", &input, Lists::Members), format!("Action=Do&Version=1{expected}"));
    }

    #[test]
    fn leaves_lists_and_structures() {
        check(json!({}), "");
        check(json!({"Name": "a b&c", "Port": 80, "On": true, "Gone": null}), "&Name=a%20b%26c&Port=80&On=true");
        check(json!({"Names": ["a", "b"]}), "&Names.member.1=a&Names.member.2=b");
        let subnets = json!({"SubnetId": ["a"], "Filter": [{"Name": "n", "Value": ["v"]}]});
        assert_eq!(
            form("Do", "1", subnets.as_object().unwrap(), Lists::Flat),
            "Action=Do&Version=1&SubnetId.1=a&Filter.1.Name=n&Filter.1.Value.1=v"
        );
        let tags = json!({"Tags": [{"Key": "a", "Value": "b"}], "VpcSecurityGroupIds": ["sg-1"]});
        assert_eq!(
            form("Do", "1", tags.as_object().unwrap(), Lists::Named),
            "Action=Do&Version=1&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1"
        );
        check(json!({"Names": []}), "&Names=");
        check(
            json!({"Actions": [{"Type": "forward", "Config": {"Groups": [{"Weight": 1}]}}]}),
            "&Actions.member.1.Type=forward&Actions.member.1.Config.Groups.member.1.Weight=1",
        );
    }
}
