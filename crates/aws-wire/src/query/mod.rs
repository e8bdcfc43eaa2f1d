//! Reads the parameters of Query, and of EC2's own form of it, into the document that they were.
//!
//! `Actions.member.1.Order=1` becomes `{"Actions":[{"Order":1}]}`: names and types are the model's. A parameter that
//! the operation does not have is ignored by Query services and refused by EC2 (`UnknownParameter`: EC2's API
//! reference, "Client error codes").
//!
//! Names follow Smithy's specification of the two protocols, "Request serialization": what an item is called, whether
//! a list is flat, `queryName`.

mod tree;

use aws_model::model::{Kind, Member, Model, Operation, Shape, ShapeId};
use aws_model::{AwsError, Document, Protocol};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::leaf;
use tree::Node;

/// Splits a form body or a URL's query into its decoded pairs.
pub fn pairs(form: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Reads an operation's input out of the parameters; the envelope (`Action`, `Version`, the signature) is passed over.
///
/// # Errors
/// When names contradict each other, there are too many, or a value is not what the model says, in AWS's codes.
pub fn read(operation: Operation, pairs: Vec<(String, String)>) -> Result<Document, AwsError> {
    let is_ec2 = operation.service().protocols().contains(&Protocol::Ec2);
    let names = tree::grow(pairs).map_err(|words| AwsError::new("MalformedQueryString", words))?;
    let Some(input) = operation.input() else { return Ok(Document::new()) };
    let reader = Reader { model: operation.model(), is_ec2 };
    match reader.value(input, false, Node::Branch(names), "")? {
        Some(Value::Object(document)) => Ok(document),
        _ => Ok(Document::new()),
    }
}

/// Whether a parameter's name is a member's. EC2's names are wire names with a capital letter, if no other is said.
fn is_named(model: &Model, member: &Member, is_ec2: bool, name: &str) -> bool {
    if is_ec2 {
        let wire = member.wire_name();
        return match member.query_name {
            Some(own) => own == name,
            None => {
                let first = name.bytes().zip(wire.bytes()).next();
                first.is_some_and(|(given, own)| given == own.to_ascii_uppercase()) && name.get(1..) == wire.get(1..)
            }
        };
    }
    match &model.shape(member.shape).kind {
        // A flat list goes by what its items are called (Smithy, `xmlFlattened` with `xmlName`).
        Kind::List { item_name: Some(item), is_flat, .. } if *is_flat || member.is_flat => *item == name,
        _ => member.wire_name() == name,
    }
}

/// Clients make these up by themselves, wherever their model has one: a newer client's is no mistake of its user.
const TOKEN: &str = "ClientToken";

struct Reader {
    model: &'static Model,
    is_ec2: bool,
}

impl Reader {
    /// Returns the value of a shape; none if nothing is said. `path` is its name as the caller wrote it.
    fn value(&self, id: ShapeId, is_flat: bool, node: Node, path: &str) -> Result<Option<Value>, AwsError> {
        let shape = self.model.shape(id);
        match (&shape.kind, node) {
            (Kind::Structure(_) | Kind::Map { .. }, Node::Leaf(text)) if text.is_empty() => Ok(None),
            // So a list without items is sent (botocore's serializer, Smithy's `EmptyQueryLists`).
            (Kind::List { .. }, Node::Leaf(text)) if text.is_empty() => Ok(Some(Value::Array(Vec::new()))),
            (Kind::Structure(_), Node::Branch(names)) => self.structure(shape, names, path).map(Some),
            (Kind::List { item, item_name, is_flat: flat }, Node::Branch(names)) => {
                let below = (!self.is_ec2 && !*flat && !is_flat).then(|| item_name.unwrap_or("member"));
                let items = self.numbered(names, below, path)?.into_iter();
                let read = |(number, node)| match self.value(*item, false, node, &format!("{path}.{number}")) {
                    // An item is there, though it is empty.
                    Ok(None) => Ok(Value::from("")),
                    Ok(Some(value)) => Ok(value),
                    Err(error) => Err(error),
                };
                items.map(read).collect::<Result<_, _>>().map(Value::Array).map(Some)
            }
            (Kind::Map { key, item, key_name, item_name, is_flat: flat }, Node::Branch(names)) => {
                let below = (!*flat && !is_flat).then_some("entry");
                let names_of = (key_name.unwrap_or("key"), item_name.unwrap_or("value"));
                let mut map = Document::new();
                for (number, entry) in self.numbered(names, below, path)? {
                    let path = format!("{path}.{number}");
                    let (key, value) = self.entry((*key, *item), names_of, entry, &path)?;
                    map.insert(key, value);
                }
                Ok(Some(Value::Object(map)))
            }
            (kind, Node::Leaf(text)) => leaf::read(kind, &text).map_err(|want| self.wrong(path, want)),
            (kind, Node::Branch(_)) => Err(self.wrong(path, leaf::noun(kind))),
        }
    }

    fn structure(&self, shape: &Shape, names: Vec<(String, Node)>, path: &str) -> Result<Value, AwsError> {
        let members = shape.structure().map_or(&[][..], |structure| &structure.members);
        let mut document = Document::new();
        for (name, node) in names {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let Some(member) = members.iter().find(|member| is_named(self.model, member, self.is_ec2, &name)) else {
                if self.is_ec2 && name != TOKEN {
                    let words = format!("The parameter {} is not recognized", shown(&path));
                    return Err(AwsError::new("UnknownParameter", words));
                }
                continue;
            };
            if let Some(value) = self.value(member.shape, member.is_flat, node, &path)? {
                document.insert(member.name.to_owned(), value);
            }
        }
        Ok(Value::Object(document))
    }

    /// Returns what is numbered below a name, in the order of the numbers. Items that stand without the word between
    /// (`X.1` for `X.member.1`) are taken too.
    fn numbered(
        &self,
        mut names: Vec<(String, Node)>,
        below: Option<&str>,
        path: &str,
    ) -> Result<Vec<(u64, Node)>, AwsError> {
        if let Some(word) = below
            && names.len() == 1
            && names[0].0 == word
        {
            match names.pop() {
                Some((_, Node::Branch(inner))) => names = inner,
                Some((_, Node::Leaf(text))) if text.is_empty() => {}
                _ => return Err(self.wrong(path, "a list")),
            }
        }
        let number = |(name, node): (String, Node)| match name.parse::<u64>() {
            Ok(number) if name.bytes().all(|b| b.is_ascii_digit()) => Ok((number, node)),
            _ => Err(self.wrong(path, "a list")),
        };
        let mut items = names.into_iter().map(number).collect::<Result<Vec<_>, _>>()?;
        items.sort_by_key(|(number, _)| *number);
        Ok(items)
    }

    fn entry(
        &self,
        (key, item): (ShapeId, ShapeId),
        (key_name, item_name): (&str, &str),
        node: Node,
        path: &str,
    ) -> Result<(String, Value), AwsError> {
        let Node::Branch(names) = node else { return Err(self.wrong(path, "an entry of a map")) };
        let (mut found, mut value) = (None, None);
        for (name, node) in names {
            let path = format!("{path}.{name}");
            if name == key_name {
                found = self.value(key, false, node, &path)?;
            } else if name == item_name {
                value = self.value(item, false, node, &path)?;
            }
        }
        match found {
            Some(Value::String(key)) => Ok((key, value.unwrap_or_else(|| Value::from("")))),
            _ => Err(self.wrong(path, "an entry of a map")),
        }
    }

    /// What AWS says of a malformed value: "MalformedInput" in the Query services (CloudWatch: "timestamp must follow
    /// ISO8601"), "InvalidParameterValue" in EC2 (API reference, client error codes). Never quotes the value.
    fn wrong(&self, path: &str, want: &str) -> AwsError {
        let code = if self.is_ec2 { "InvalidParameterValue" } else { "MalformedInput" };
        AwsError::new(code, format!("The parameter {} must be {want}", shown(path)))
    }
}

/// Keeps an echo of the caller's bytes short.
fn shown(path: &str) -> String {
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_model::Service;

    fn check(service: Service, operation: &str, form: &str, expected: &str) {
        let operation = service.model().operation(operation).unwrap();
        let got = match read(operation, pairs(form)) {
            Ok(document) => Value::Object(document).to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{form}");
    }

    #[test]
    fn lists_structures_and_numbers_are_the_models() {
        let rule = |form: &str, expected: &str| check(Service::ElbV2, "CreateRule", form, expected);
        rule("Action=CreateRule&Version=1&ListenerArn=a%2Fb+c", r#"{"ListenerArn":"a/b c"}"#);
        rule("Priority=10&Unknown=1&X-Amz-Date=1", r#"{"Priority":10}"#);
        rule(
            "Actions.member.10.Type=b&Actions.member.2.Type=a&Actions.member.2.Order=1",
            r#"{"Actions":[{"Type":"a","Order":1},{"Type":"b"}]}"#,
        );
        rule(
            "Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=5",
            r#"{"Actions":[{"ForwardConfig":{"TargetGroups":[{"Weight":5}]}}]}"#,
        );
        rule("Conditions=&Actions.1.Type=x", r#"{"Conditions":[],"Actions":[{"Type":"x"}]}"#);
        rule("Priority=abc", "MalformedInput: The parameter Priority must be a whole number");
        rule("Priority.1=1", "MalformedInput: The parameter Priority must be a whole number");
        rule("Actions.member.x=1", "MalformedInput: The parameter Actions must be a list");
        rule("", "{}");
    }

    #[test]
    fn an_empty_text_is_no_number_and_no_word() {
        let group = "HealthCheckPort=&Port=&Protocol=&HealthCheckEnabled=&ProtocolVersion=&Matcher=";
        check(Service::ElbV2, "CreateTargetGroup", group, r#"{"HealthCheckPort":"","ProtocolVersion":""}"#);
    }

    #[test]
    fn ec2_has_flat_lists_and_names_with_a_capital() {
        check(
            Service::Ec2,
            "DescribeVpcs",
            "VpcId.1=vpc-1&VpcId.2=vpc-2&Filter.1.Name=cidr&Filter.1.Value.1=x&MaxResults=5&DryRun=true",
            r#"{"VpcIds":["vpc-1","vpc-2"],"Filters":[{"Name":"cidr","Values":["x"]}],"MaxResults":5,"DryRun":true}"#,
        );
        check(
            Service::Ec2,
            "AuthorizeSecurityGroupIngress",
            "GroupId=sg-1&IpPermissions.1.FromPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0",
            r#"{"GroupId":"sg-1","IpPermissions":[{"FromPort":80,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]}"#,
        );
        check(Service::Ec2, "DescribeVpcs", "ClientToken=1", "{}");
        check(Service::Ec2, "DescribeVpcs", "Nonsense=1", "UnknownParameter: The parameter Nonsense is not recognized");
        check(
            Service::Ec2,
            "DescribeVpcs",
            "MaxResults=x",
            "InvalidParameterValue: The parameter MaxResults must be a whole number",
        );
    }

    #[test]
    fn names_that_contradict_each_other_are_refused() {
        let sts = |form: &str, words: &str| {
            check(Service::Sts, "GetCallerIdentity", form, &format!("MalformedQueryString: {words}"));
        };
        sts("A=1&A.B=2", "The parameter A.B is malformed.");
        sts("A.B=2&A=1", "The parameter A is malformed.");
        sts("A..B=2", "The parameter A..B is malformed.");
        sts(&format!("A{}=1", ".x".repeat(40)), &format!("The parameter A{} is malformed.", ".x".repeat(40)));
        let many = format!("{}=", "a.".repeat(20));
        sts(&vec![many.as_str(); 4_000].join("&"), "the request has more than 70000 names");
    }
}
