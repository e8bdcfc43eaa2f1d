//! What the content of a document says: whether it is one, and what is read out of it.

use aws_model::AwsError;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Most bytes of a content (Systems Manager's quotas: 64 KB).
const MOST: usize = 64 * 1024;

/// Reads a content, which is JSON, or YAML if the caller says so; texts are not read.
///
/// # Errors
/// `InvalidDocumentContent` for what cannot be read, `InvalidDocumentSchemaVersion` for a version that this kind of
/// document does not have (user guide, "Schemas, features, and examples"), `MaxDocumentSizeExceeded`.
pub(super) fn read(kind: &str, format: &str, content: &str) -> Result<Map<String, Value>, AwsError> {
    if content.len() > MOST {
        return Err(AwsError::new("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB."));
    }
    if format == "TEXT" {
        return Ok(Map::new());
    }
    let invalid = |words: String| AwsError::new("InvalidDocumentContent", words);
    let document: Value = match format {
        "YAML" => serde_saphyr::from_str(content).map_err(|_| invalid("YAML not well-formed.".to_owned()))?,
        _ => serde_json::from_str(content).map_err(|error| {
            invalid(format!("JSON not well-formed. at Line: {}, Column: {}", error.line(), error.column()))
        })?,
    };
    let Value::Object(document) = document else {
        return Err(invalid("The content of a document is an object.".to_owned()));
    };
    let versions: &[&str] = match kind {
        "Command" => &["1.2", "2.0", "2.2"],
        "Policy" => &["2.0"],
        "Automation" => &["0.3"],
        "Session" => &["1.0"],
        _ => return Ok(document),
    };
    match document.get("schemaVersion").and_then(Value::as_str) {
        None => Err(invalid("The document has no schemaVersion.".to_owned())),
        Some(version) if !versions.contains(&version) => {
            let words = format!("Schema version {version} is not supported for {kind} documents.");
            Err(AwsError::new("InvalidDocumentSchemaVersion", words))
        }
        Some(_) => Ok(document),
    }
}

/// Reads the content of a document that was checked when it was kept: JSON, or YAML.
pub fn read_any(content: &str) -> Option<Value> {
    serde_json::from_str(content).ok().or_else(|| serde_saphyr::from_str(content).ok())
}

/// Returns the parameters that a content declares, as a description lists them.
pub(super) fn parameters(document: &Map<String, Value>) -> Vec<Value> {
    let declared = document.get("parameters").and_then(Value::as_object);
    let shown = declared.into_iter().flatten().map(|(name, declared)| {
        let kind = if declared["type"] == "StringList" { "StringList" } else { "String" };
        let mut out = json!({"Name": name, "Type": kind});
        if let Some(text) = declared["description"].as_str() {
            out["Description"] = json!(text);
        }
        match &declared["default"] {
            Value::Null => {}
            Value::String(text) => out["DefaultValue"] = json!(text),
            other => out["DefaultValue"] = json!(other.to_string()),
        }
        out
    });
    shown.collect()
}

/// Returns what a document can be run on. Of commands that is what their plugins run on.
pub(super) fn platforms(kind: &str, document: &Map<String, Value>) -> Vec<&'static str> {
    let text = Value::Object(document.clone()).to_string();
    match kind {
        "Command" if text.contains("aws:runShellScript") && !text.contains("aws:runPowerShellScript") => {
            vec!["Linux", "MacOS"]
        }
        _ => vec!["Windows", "Linux", "MacOS"],
    }
}

/// Returns the SHA-256 of a content, in hexadecimal digits.
pub(super) fn hash(content: &str) -> String {
    Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a content in another format. JSON is YAML too, so that only YAML has to be written anew.
pub(super) fn converted(content: &str, from: &str, to: Option<&str>) -> String {
    if let ("YAML", Some("JSON")) = (from, to)
        && let Ok(value) = serde_saphyr::from_str::<Value>(content)
    {
        return serde_json::to_string_pretty(&value).unwrap_or_else(|_| content.to_owned());
    }
    content.to_owned()
}
