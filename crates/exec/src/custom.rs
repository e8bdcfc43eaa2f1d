//! Session documents that the account made: what one means, given a call's parameters. Pure.
//!
//! User guide, "Session document schema". Logging to buckets or log groups, keys, other users and time limits are said
//! of agents that are not here: a document that asks for one is refused by name, rather than followed in part.

use std::collections::BTreeMap;

use aws_model::AwsError;
use platform_core::ssm::{self, Document};
use regex::Regex;
use serde_json::{Map, Value};
use session::agent::Work;

use crate::documents::{Parameters, invalid};

/// Inputs of a shell that mean nothing here unless they are empty or false.
const FOREIGN: [&str; 8] = [
    "s3BucketName",
    "s3KeyPrefix",
    "cloudWatchLogGroupName",
    "kmsKeyId",
    "runAsEnabled",
    "runAsDefaultUser",
    "idleSessionTimeout",
    "maxSessionDuration",
];

/// Returns what a session of the document does.
///
/// # Errors
/// `InvalidDocument` for what is no session document or asks for what is not here, `InvalidParameters`.
pub(crate) fn work(document: &Document, given: &Parameters) -> Result<Work, AwsError> {
    let name = document.name.as_str();
    let content = document.version(None, None).map(|version| version.content.as_str()).unwrap_or_default();
    let content: Value = ssm::read(content).unwrap_or_default();
    let refused = |why: &str| AwsError::new("InvalidDocument", format!("Document with name {name} {why}."));
    if document.kind != "Session" {
        return Err(refused("is not a Session document"));
    }
    let values = values(name, content["parameters"].as_object(), given)?;
    let filled = |value: &Value| value.as_str().map(|text| fill(text, &values));
    let (inputs, properties) = (&content["inputs"], &content["properties"]);
    match content["sessionType"].as_str() {
        Some("Standard_Stream") => {
            let is_set = |value: &Value| !value.is_null() && *value != false && *value != "";
            if let Some(name) = FOREIGN.iter().find(|name| is_set(&inputs[**name])) {
                return Err(refused(&format!("asks for {name}, which managr's platform does not have")));
            }
            let profile = filled(&inputs["shellProfile"]["linux"]).filter(|text| !text.trim().is_empty());
            let command = profile.map_or_else(|| "sh".to_owned(), |profile| shell(&format!("{profile}\nexec sh")));
            Ok(Work::Terminal { command })
        }
        Some("InteractiveCommands" | "NonInteractiveCommands") => {
            let lines: Vec<String> = match &properties["linux"]["commands"] {
                Value::Array(lines) => lines.iter().filter_map(filled).collect(),
                one => filled(one).into_iter().collect(),
            };
            if lines.is_empty() {
                return Err(refused("has no commands for Linux"));
            }
            Ok(Work::Terminal { command: shell(&lines.join("\n")) })
        }
        Some("Port") => {
            let port = filled(&properties["portNumber"]).and_then(|text| text.parse().ok()).filter(|port| *port > 0);
            let port = port.ok_or_else(|| invalid(format!("Document {name} is given no port that there can be.")))?;
            let local_port = filled(&properties["localPortNumber"]);
            Ok(Work::Port { host: filled(&properties["host"]), port, local_port })
        }
        _ => Err(refused("has no sessionType that there is")),
    }
}

/// Returns the command that has a shell read these lines.
fn shell(lines: &str) -> String {
    format!("sh -c '{}'", lines.replace('\'', r"'\''"))
}

/// Returns every declared parameter with its value: the given one, or its default.
fn values(
    document: &str,
    declared: Option<&Map<String, Value>>,
    given: &Parameters,
) -> Result<BTreeMap<String, String>, AwsError> {
    let is_declared = |name: &String| declared.is_some_and(|declared| declared.contains_key(name));
    if let Some(name) = given.keys().find(|name| !is_declared(name)) {
        return Err(invalid(format!("Parameter \"{name}\" is not defined in document {document}.")));
    }
    let value = |(name, declared): (&String, &Value)| {
        let value = match (given.get(name).map(Vec::as_slice), &declared["default"]) {
            (Some([only]), _) => only.clone(),
            (Some(_), _) => return Err(invalid(format!("Parameter \"{name}\" must have one value."))),
            (None, Value::Null) => {
                return Err(invalid(format!("Parameter \"{name}\" is required by document {document}.")));
            }
            (None, Value::String(text)) => text.clone(),
            (None, other) => other.to_string(),
        };
        let pattern = declared["allowedPattern"].as_str().filter(|pattern| !pattern.is_empty());
        let matches = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&value));
        if let Some(pattern) = pattern.filter(|pattern| !matches(pattern)) {
            return Err(invalid(format!("Parameter \"{name}\" has value \"{value}\" not matching \"{pattern}\".")));
        }
        let allowed = declared["allowedValues"].as_array();
        if allowed.is_some_and(|allowed| allowed.iter().all(|one| *one != *value)) {
            return Err(invalid(format!("Parameter \"{name}\" has value \"{value}\", which is not allowed.")));
        }
        Ok((name.clone(), value))
    };
    declared.into_iter().flatten().map(value).collect()
}

/// Fills `{{ name }}`, with blanks or without. What is filled in is not read again.
fn fill(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let found = after.split_once("}}").and_then(|(name, after)| Some((values.get(name.trim())?.as_str(), after)));
        let (filled, after) = found.unwrap_or(("{{", after));
        out.push_str(filled);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `parameters` reads `name=value name=value`.
    fn check(content: Value, parameters: &str, want: &str) {
        let document = json!({
            "region": "r", "name": "own", "kind": "Session", "created": 0, "default": 1, "last": 1, "shared": [],
            "tags": [], "versions": [{"number": 1, "content": content.to_string(), "format": "JSON", "created": 0}],
        });
        let document: Document = serde_json::from_value(document).unwrap();
        let given = parameters.split(' ').filter_map(|pair| pair.split_once('='));
        let given = given.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect();
        let got = match work(&document, &given) {
            Ok(Work::Terminal { command }) => command,
            Ok(Work::Port { host, port, local_port }) => {
                format!("{}:{port} from {}", host.unwrap_or_default(), local_port.unwrap_or_default())
            }
            Err(error) => format!("{}: {}", error.code, error.message),
        };
        assert_eq!(got, want, "{content} {parameters}");
    }

    #[test]
    fn a_shell_has_its_profile_and_nothing_that_is_not_here() {
        let shell = |inputs: Value| json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs});
        check(shell(json!({})), "", "sh");
        check(shell(json!({"s3BucketName": "", "runAsEnabled": false})), "", "sh");
        check(shell(json!({"shellProfile": {"linux": "cd '/app'"}})), "", "sh -c 'cd '\\''/app'\\''\nexec sh'");
        let want = "InvalidDocument: Document with name own asks for kmsKeyId, which managr's platform does not have.";
        check(shell(json!({"kmsKeyId": "k"})), "", want);
        let want = "InvalidDocument: Document with name own has no sessionType that there is.";
        check(json!({"sessionType": "Other"}), "", want);
    }

    #[test]
    fn commands_and_ports_are_filled_with_what_is_given_and_allowed() {
        let parameters = json!({
            "file": {"type": "String", "allowedPattern": "^[a-z/]+$"},
            "lines": {"type": "String", "default": "10", "allowedValues": ["10", "20"]},
        });
        let tail = json!({"sessionType": "InteractiveCommands", "parameters": parameters,
                          "properties": {"linux": {"commands": "tail -n {{lines}} {{ file }} {{other}}"}}});
        check(tail.clone(), "file=/a", "sh -c 'tail -n 10 /a {{other}}'");
        check(tail.clone(), "file=/a lines=20", "sh -c 'tail -n 20 /a {{other}}'");
        check(tail.clone(), "", "InvalidParameters: Parameter \"file\" is required by document own.");
        let want = "InvalidParameters: Parameter \"file\" has value \";x\" not matching \"^[a-z/]+$\".";
        check(tail.clone(), "file=;x", want);
        let want = "InvalidParameters: Parameter \"lines\" has value \"5\", which is not allowed.";
        check(tail.clone(), "file=/a lines=5", want);
        check(tail, "file=/a x=1", "InvalidParameters: Parameter \"x\" is not defined in document own.");
        let port = json!({"sessionType": "Port", "parameters": {"port": {"type": "String", "default": "5432"}},
                          "properties": {"portNumber": "{{ port }}", "host": "db"}});
        check(port.clone(), "", "db:5432 from ");
        check(port, "port=0", "InvalidParameters: Document own is given no port that there can be.");
    }
}
