//! Parameters as Parameter Store writes them.

use aws_model::seconds;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parameters::{Got, Parameter, Value as Held, Version};
use serde_json::{Value, json};

/// The `Parameter` of the operations that get one.
pub(super) fn value(got: &Got, account: &str) -> Value {
    let Got { parameter, version, .. } = got;
    let mut answer = json!({
        "Name": parameter.name(),
        "Type": version.kind.as_str(),
        "Value": held(got),
        "Version": version.number,
        "LastModifiedDate": seconds(version.modified),
        "ARN": parameter.arn(account),
        "DataType": version.data_type,
    });
    if let Some(selector) = &got.selector {
        answer["Selector"] = json!(selector);
    }
    answer
}

/// A version as its history has it.
pub(super) fn past(got: &Got, account: &str) -> Value {
    let mut answer = metadata(&got.parameter, &got.version, account);
    answer["Value"] = json!(held(got));
    answer["Labels"] = json!(got.version.labels);
    answer
}

/// A parameter without its value.
pub(super) fn description(parameter: &Parameter, account: &str) -> Value {
    let mut answer = metadata(parameter, parameter.latest(), account);
    answer["ARN"] = json!(parameter.arn(account));
    answer
}

pub(super) fn tags(parameter: &Parameter) -> Value {
    parameter.tags().iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect()
}

/// Everybody is the account's root: the platform knows no users.
fn metadata(parameter: &Parameter, version: &Version, account: &str) -> Value {
    let mut answer = json!({
        "Name": parameter.name(),
        "Type": version.kind.as_str(),
        "LastModifiedDate": seconds(version.modified),
        "LastModifiedUser": format!("arn:aws:iam::{account}:root"),
        "Version": version.number,
        "Tier": version.tier.as_str(),
        "Policies": [],
        "DataType": version.data_type,
    });
    let optional = [
        ("KeyId", &version.key_id),
        ("Description", &version.description),
        ("AllowedPattern", &version.allowed_pattern),
    ];
    for (name, text) in optional {
        if let Some(text) = text {
            answer[name] = json!(text);
        }
    }
    answer
}

/// What is not decrypted is answered as its ciphertext, as AWS does.
fn held(got: &Got) -> String {
    match &got.value {
        Held::Clear(text) => text.expose().to_owned(),
        Held::Sealed(bytes) => STANDARD.encode(bytes),
    }
}
