//! From a table of a resource's attributes: which members of AWS's document do they become, and who keeps the rest?
//!
//! A row names a path of Terraform and what becomes of it. `[]` behind a name is a block that may be repeated; the same
//! mark in the member takes its number. What no row names is not claimed, and so it is listed.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::super::leaves::Leaf;
use super::super::scope::Instance;
use super::super::value::Value;
use super::Estate;
use crate::found::reference;
use crate::ledger::{Account, Claim, Ledger};

/// A path of Terraform, and what it becomes.
#[derive(Debug)]
pub(super) struct Row(pub(super) &'static str, pub(super) To);

/// What an attribute becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// A member of the document, as it is. `*` at both ends is a map.
    Member(&'static str),
    /// A member that names another object of these types.
    Reference(&'static str, &'static [&'static str]),
    /// A truth that AWS calls `ENABLED` or `DISABLED`.
    Enabled(&'static str),
    /// A truth that AWS calls `internal` or `internet-facing`.
    Scheme,
    /// An item of `Attributes`: its key.
    Attribute(&'static str),
    /// The beginning of a name, whose end the provider makes up.
    Prefix(&'static str),
    /// A credential, which is never carried.
    Secret,
    /// What Terraform keeps, with all that is beneath it: what it is for Terraform.
    Keep(&'static str),
}

/// What a resource says as a document.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) document: Map<String, Json>,
    pub(super) unknown: Vec<Unknown>,
    /// Paths of attributes that no row names.
    pub(super) unread: Vec<String>,
}

/// A member with an unknown value.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) member: String,
    /// Path of the attribute that it would be made of.
    pub(super) path: String,
    /// What it depends on.
    pub(super) why: String,
}

/// Claims what a table names of a resource, and returns the document that it makes: `object` is whose it is.
pub(super) fn made(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    leaves: &[Leaf],
    rows: &[&[Row]],
    object: &str,
    ledger: &mut Ledger,
) -> Made {
    let mut made = Made::default();
    let address = instance.address();
    for leaf in leaves {
        let rows = rows.iter().copied().flatten();
        let found = rows.filter_map(|row| Some((row, matched(row.0, &leaf.path)?)));
        let is_whole = |(row, (_, rest)): &(&Row, (Vec<usize>, Vec<&str>))| {
            rest.is_empty() || row.0.ends_with('*') || matches!(row.1, To::Keep(_))
        };
        let Some((Row(_, to), numbers)) = found.filter(is_whole).max_by_key(|(row, _)| row.0.len()) else {
            made.unread.push(leaf.path.clone());
            continue;
        };
        let claim = one(estate, instance, leaf, *to, &numbers, object, &mut made);
        ledger.claim(&address, &leaf.path, claim);
    }
    made
}

/// Returns the numbers of repeated blocks and what a `*` stands for, if a row's path is a leaf's.
fn matched<'l>(row: &str, leaf: &'l str) -> Option<(Vec<usize>, Vec<&'l str>)> {
    let mut numbers = Vec::new();
    let mut rest: Vec<&str> = leaf.split('.').collect();
    for part in row.split('.') {
        if part == "*" {
            return (!rest.is_empty()).then_some((numbers, rest));
        }
        let (name, is_list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
        if rest.first() != Some(&name) {
            return None;
        }
        rest.remove(0);
        let number = rest.first().and_then(|number| number.parse::<usize>().ok());
        match number {
            Some(number) if is_list => {
                rest.remove(0);
                numbers.push(number);
            }
            // A block that there is one of has no second.
            Some(_) => return None,
            None if is_list => numbers.push(0),
            None => {}
        }
    }
    Some((numbers, rest))
}

fn one(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    leaf: &Leaf,
    to: To,
    (numbers, rest): &(Vec<usize>, Vec<&str>),
    object: &str,
    made: &mut Made,
) -> Claim {
    let kept = |why: &str| Claim::Is(Account::Owner(format!("Terraform: {why}")));
    let became = |member: String| Claim::Became { object: object.to_owned(), member };
    let (member, value) = match to {
        To::Keep(why) => return kept(why),
        To::Secret => {
            let why = "a credential is never carried: it stays in Terraform";
            return Claim::Is(Account::Owner(why.to_owned()));
        }
        To::Attribute(key) => {
            let member = format!("Attributes.{key}");
            match shown(&leaf.value) {
                Ok(value) => {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let list = made.document.entry("Attributes").or_insert_with(|| json!([]));
                    if let Some(list) = list.as_array_mut() {
                        list.push(json!({ "Key": key, "Value": text }));
                    }
                }
                Err(why) => made.unknown.push(Unknown { member: member.clone(), path: leaf.path.clone(), why }),
            }
            return became(member);
        }
        To::Prefix(member) => (member, instance.attribute("name")),
        To::Scheme => {
            let scheme = leaf.value.as_bool().map(|is| if is { "internal" } else { "internet-facing" });
            ("Scheme", scheme.map_or_else(|| leaf.value.clone(), Value::from))
        }
        To::Enabled(member) => {
            let word = leaf.value.as_bool().map(|is| if is { "ENABLED" } else { "DISABLED" });
            (member, word.map_or_else(|| leaf.value.clone(), Value::from))
        }
        To::Member(member) | To::Reference(member, _) => (member, leaf.value.clone()),
    };
    let path = placed(member, numbers, rest);
    let is_name = NAMES.contains(&member);
    let json = match (to, estate.names.get(&instance.address())) {
        (_, Some(name)) if is_name => Ok(name.as_str().into()),
        (To::Reference(_, kinds), _) => match estate.referred(&value, kinds) {
            Some(found) => Ok(reference(&found.address()).into()),
            None => shown(&value),
        },
        _ => shown(&value),
    };
    match json {
        Ok(Json::Null) => {}
        Ok(json) => put(&mut made.document, &path, json),
        Err(why) if is_name => {
            let address = instance.address();
            let why = format!(
                "only AWS can tell its name ({why}), and managr makes none up: give --state or --plan-json, or say \
                 --name '{address}=NAME'"
            );
            made.unknown.push(Unknown { member: joined(&path), path: leaf.path.clone(), why });
        }
        Err(why) => made.unknown.push(Unknown { member: joined(&path), path: leaf.path.clone(), why }),
    }
    became(joined(&path))
}

/// Members by which a deploy finds an object.
const NAMES: [&str; 4] = ["Name", "clusterName", "logGroupName", "serviceName"];

/// A part of a member's path.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Name(String),
    Index(usize),
}

/// Returns a member's path with the numbers of its lists.
fn placed(member: &str, numbers: &[usize], rest: &[&str]) -> Vec<Part> {
    let mut numbers = numbers.iter();
    let mut path = Vec::new();
    for part in member.split('.') {
        match part.strip_suffix("[]") {
            Some(name) => {
                path.push(Part::Name(name.to_owned()));
                path.push(Part::Index(numbers.next().copied().unwrap_or_default()));
            }
            // A key may have dots of its own.
            None if part == "*" => path.push(Part::Name(rest.join("."))),
            None => path.push(Part::Name(part.to_owned())),
        }
    }
    path
}

fn joined(path: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Name(name) => name.clone(),
        Part::Index(index) => index.to_string(),
    };
    path.iter().map(text).collect::<Vec<_>>().join(".")
}

fn put(document: &mut Map<String, Json>, path: &[Part], value: Json) {
    let Some((Part::Name(first), rest)) = path.split_first() else { return };
    let mut place = document.entry(first.clone()).or_insert(Json::Null);
    for part in rest {
        place = match part {
            Part::Name(name) => {
                if !place.is_object() {
                    *place = json!({});
                }
                &mut place[name.as_str()]
            }
            Part::Index(index) => {
                if !place.is_array() {
                    *place = json!([]);
                }
                let Some(list) = place.as_array_mut() else { return };
                while list.len() <= *index {
                    list.push(json!({}));
                }
                &mut list[*index]
            }
        };
    }
    *place = value;
}

/// Returns a value as JSON, or what it is not known by.
pub(super) fn shown(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => Json::Number(number.clone()),
        Value::Text(text) => match (text.shown(), text.unknowns().next(), text.secrets().next()) {
            (Some(text), ..) => text.into(),
            (None, Some(unknown), _) => return Err(unknown.to_owned()),
            (None, None, secret) => {
                return Err(format!("the sensitive value of {}", secret.unwrap_or("something")));
            }
        },
        Value::List(values) => values.iter().map(shown).collect::<Result<_, _>>()?,
        Value::Map(values) => {
            let pairs: BTreeMap<_, _> =
                values.iter().map(|(key, value)| Ok((key.clone(), shown(value)?))).collect::<Result<_, String>>()?;
            Json::Object(pairs.into_iter().collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_the_numbers_of_blocks_that_may_be_repeated() {
        let path = |row: &str, leaf: &str, member: &str| {
            matched(row, leaf).map(|(numbers, rest)| joined(&placed(member, &numbers, &rest)))
        };
        let forward = "action[].forward.target_group[].arn";
        let member = "Actions[].ForwardConfig.TargetGroups[].TargetGroupArn";
        assert_eq!(
            path(forward, "action.forward.target_group.2.arn", member).as_deref(),
            Some("Actions.0.ForwardConfig.TargetGroups.2.TargetGroupArn")
        );
        assert_eq!(
            path(forward, "action.1.forward.target_group.arn", member).as_deref(),
            Some("Actions.1.ForwardConfig.TargetGroups.0.TargetGroupArn")
        );
        assert_eq!(path(forward, "action.1.forward.1.target_group.arn", member), None, "one forward, and no second");
        assert_eq!(path("options.*", "options.awslogs.group", "O.*").as_deref(), Some("O.awslogs.group"));
        assert_eq!(path("name", "named", "N"), None);
    }
}
