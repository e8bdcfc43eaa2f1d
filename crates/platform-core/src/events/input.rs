//! What a target is sent: the event, a part of it, a text, or a template with parts of it (user guide, "Amazon
//! EventBridge input transformation").

use aws_model::{AwsError, Document, Millis};
use serde_json::Value;

use super::event;
use super::wrong;

/// What a target says of its input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// Nothing: the event.
    Event,
    /// A text, whatever happened.
    Text(String),
    /// A part of the event.
    Part(Path),
    /// A template, and where its variables are.
    Template { variables: Vec<(String, Path)>, template: String },
}

/// What a template may say besides its variables.
pub(crate) struct Surroundings<'a> {
    pub(crate) rule_arn: &'a str,
    pub(crate) rule_name: &'a str,
    pub(crate) now: Millis,
}

/// Where something is in an event: `$.detail.items[0].name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
    Each,
}

impl Path {
    /// Reads a path; none where it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, tail) = after.split_at(end);
                match name {
                    "" => return None,
                    "*" => steps.push(Step::Each),
                    name => steps.push(Step::Member(name.to_owned())),
                }
                rest = tail;
            } else {
                let (inner, tail) = rest.strip_prefix('[')?.split_once(']')?;
                let quoted = |mark: char| inner.strip_prefix(mark)?.strip_suffix(mark);
                steps.push(match quoted('\'').or_else(|| quoted('"')) {
                    Some(name) => Step::Member(name.to_owned()),
                    None if inner == "*" => Step::Each,
                    None => Step::Element(inner.parse().ok()?),
                });
                rest = tail;
            }
        }
        Some(Self(steps))
    }

    /// Returns what is there.
    pub(crate) fn of(&self, event: &Value) -> Option<Value> {
        fn walk(steps: &[Step], value: &Value) -> Option<Value> {
            let Some((step, rest)) = steps.split_first() else { return Some(value.clone()) };
            match step {
                Step::Member(name) => walk(rest, value.get(name)?),
                Step::Element(index) => walk(rest, value.get(index)?),
                Step::Each => {
                    let all: Vec<Value> = match value {
                        Value::Array(items) => items.iter().filter_map(|item| walk(rest, item)).collect(),
                        Value::Object(members) => members.values().filter_map(|item| walk(rest, item)).collect(),
                        _ => return None,
                    };
                    Some(Value::Array(all))
                }
            }
        }
        walk(&self.0, event)
    }
}

impl Said {
    /// Reads what a target says.
    pub(crate) fn read(target: &Document) -> Result<Self, AwsError> {
        let id = target.get("Id").and_then(Value::as_str).unwrap_or_default();
        let text = |name: &str| target.get(name).and_then(Value::as_str);
        let path = |text: &str| Path::parse(text).ok_or_else(|| wrong(format!("Invalid path {text} for target {id}.")));
        match (text("Input"), text("InputPath"), target.get("InputTransformer")) {
            (None, None, None) => Ok(Self::Event),
            (Some(text), None, None) => Ok(Self::Text(text.to_owned())),
            (None, Some(at), None) => path(at).map(Self::Part),
            (None, None, Some(transformer)) => {
                let template = transformer["InputTemplate"].as_str().unwrap_or_default().to_owned();
                let map = transformer.get("InputPathsMap").and_then(Value::as_object).into_iter().flatten();
                let read = |(name, at): (&String, &Value)| Ok((name.clone(), path(at.as_str().unwrap_or_default())?));
                let variables = map.map(read).collect::<Result<_, AwsError>>()?;
                Ok(Self::Template { variables, template })
            }
            // API reference, PutTargets: the three are mutually exclusive.
            _ => Err(wrong(format!(
                "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
            ))),
        }
    }

    /// Returns what is sent of an event.
    pub(crate) fn of(&self, event: &Document, around: &Surroundings<'_>) -> String {
        let whole = || Value::Object(event.clone());
        match self {
            Self::Event => whole().to_string(),
            Self::Text(text) => text.clone(),
            Self::Part(path) => path.of(&whole()).unwrap_or(Value::Null).to_string(),
            Self::Template { variables, template } => {
                let whole = whole();
                let value = |name: &str| {
                    reserved(name, event, around).or_else(|| {
                        let (_, path) = variables.iter().find(|(own, _)| own == name)?;
                        // "If you specify a variable to match a JSON path that doesn't exist in the event, that variable
                        // isn't created and won't appear in the output" (user guide).
                        Some(path.of(&whole).unwrap_or(Value::Null))
                    })
                };
                filled(template, value)
            }
        }
    }
}

fn reserved(name: &str, event: &Document, around: &Surroundings<'_>) -> Option<Value> {
    Some(match name.strip_prefix("aws.events.")? {
        "rule-arn" => around.rule_arn.into(),
        "rule-name" => around.rule_name.into(),
        "event.ingestion-time" => event::seconds(around.now).into(),
        "event.json" => Value::Object(event.clone()),
        "event" => {
            let mut envelope = event.clone();
            envelope.shift_remove("detail");
            Value::Object(envelope)
        }
        _ => return None,
    })
}

/// Fills a template in. Within quotes a text is put as it is, and everything else as JSON whose quotes are escaped;
/// outside of them all is JSON. What is no variable stays.
fn filled(template: &str, value: impl Fn(&str) -> Option<Value>) -> String {
    let mut out = String::new();
    let mut rest = template;
    let mut is_quoted = false;
    while let Some(letter) = rest.chars().next() {
        if letter == '<'
            && let Some((name, tail)) = rest[1..].split_once('>')
            && let Some(value) = value(name)
        {
            match (is_quoted, &value) {
                (true, Value::Null) => {}
                (true, Value::String(text)) => out += &inside(text),
                (true, value) => out += &inside(&value.to_string()),
                (false, value) => out += &value.to_string(),
            }
            rest = tail;
            continue;
        }
        if letter == '\\' {
            let escaped = rest.chars().nth(1);
            out.push(letter);
            out.extend(escaped);
            rest = &rest[1 + escaped.map_or(0, char::len_utf8)..];
            continue;
        }
        is_quoted ^= letter == '"';
        out.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    out
}

/// Returns a text as it stands between quotes.
fn inside(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Refuses what cannot be sent.
pub(super) fn check(said: &Said, id: &str) -> Result<(), AwsError> {
    match said {
        Said::Event | Said::Part(_) => Ok(()),
        Said::Text(text) => match serde_json::from_str::<Value>(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(wrong(format!("Invalid JSON text in Input for target {id}: {error}"))),
        },
        Said::Template { variables, .. } => {
            // API reference, InputTransformer: at most 100 keys, and none that begins with "AWS".
            if variables.len() > 100 {
                return Err(wrong(format!("InputPathsMap of target {id} has more than 100 keys.")));
            }
            match variables.iter().find(|(name, _)| name.to_ascii_lowercase().starts_with("aws")) {
                Some((name, _)) => Err(wrong(format!("InputPathsMap of target {id} has the reserved key {name}."))),
                None => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is sent of the user guide's example.
    fn sent(target: Value) -> String {
        let event = json!({
            "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
            "resources": ["arn:a", "arn:b"],
            "detail": {"instance-id": "i-0123456789", "state": "RUNNING", "n": 5, "say": "a \"b\"", "items": [{"k": 1}, {"k": 2}]},
        });
        let (Value::Object(target), Value::Object(event)) = (target, event) else { panic!("objects") };
        let around = Surroundings { rule_arn: "arn:rule", rule_name: "rule", now: 1_700_000_000_000 };
        Said::read(&target).unwrap().of(&event, &around)
    }

    fn template(template: &str) -> String {
        let paths = json!({"instance": "$.detail.instance-id", "state": "$.detail.state", "n": "$.detail.n",
            "say": "$.detail.say", "none": "$.detail.none", "detail": "$.detail.items"});
        sent(json!({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}))
    }

    #[test]
    fn templates_are_filled_in_as_the_guide_shows() {
        let cases = [
            (r#""instance <instance> is in <state>""#, r#""instance i-0123456789 is in RUNNING""#),
            (r#"{"instance" : <instance>, "state": <state>}"#, r#"{"instance" : "i-0123456789", "state": "RUNNING"}"#),
            (r#"{"state": "<state>", "n": <n>, "none": "<none>"}"#, r#"{"state": "RUNNING", "n": 5, "none": ""}"#),
            (r#"{"say": "<say>", "again": <say>}"#, r#"{"say": "a \"b\"", "again": "a \"b\""}"#),
            (r#"{"items": <detail>, "unknown": "<b>"}"#, r#"{"items": [{"k":1},{"k":2}], "unknown": "<b>"}"#),
            (r#"{"at": <aws.events.event.ingestion-time>}"#, r#"{"at": "2023-11-14T22:13:20Z"}"#),
            (r#""<aws.events.rule-name> <aws.events.rule-arn>""#, r#""rule arn:rule""#),
            ("\"one \\\"<state>\\\"\"\n\"two <n>\"", "\"one \\\"RUNNING\\\"\"\n\"two 5\""),
        ];
        for (given, expected) in cases {
            assert_eq!(template(given), expected);
        }
        let whole: Value = serde_json::from_str(&template("<aws.events.event.json>")).unwrap();
        let envelope: Value = serde_json::from_str(&template("<aws.events.event>")).unwrap();
        assert!(whole["detail"]["n"] == 5 && envelope["source"] == "aws.ec2" && envelope.get("detail").is_none());
    }

    #[test]
    fn a_part_is_found_by_its_path() {
        let part = |path: &str| sent(json!({"InputPath": path}));
        assert_eq!(part("$.detail.items[1].k"), "2");
        assert_eq!(part("$.detail.items[*].k"), "[1,2]");
        assert_eq!(part("$.resources[0]"), r#""arn:a""#);
        assert_eq!(part("$['source']"), r#""aws.ec2""#);
        assert_eq!(part("$.detail.nothing"), "null");
        assert_eq!(sent(json!({"Input": "{}"})), "{}");
        assert!(part("$").starts_with('{') && sent(json!({})).starts_with('{'));
        for wrong in ["detail", "$detail", "$.", "$.a[", "$.a[b]"] {
            assert_eq!(Path::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_of_the_three_is_said_at_most() {
        let Value::Object(both) = json!({"Id": "1", "Input": "{}", "InputPath": "$"}) else { panic!("an object") };
        assert!(Said::read(&both).unwrap_err().message.contains("Only one of"));
        assert!(check(&Said::Text("{".into()), "1").unwrap_err().message.contains("Invalid JSON"));
    }
}
