//! Secrets as Secrets Manager writes them.

use aws_model::seconds;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrets::{Created, Got, Secret, SecretValue, Version};
use serde_json::{Map, Value, json};

/// Name and ARN: what every answer begins with.
pub(super) fn identity(secret: &Secret) -> Value {
    json!({"ARN": secret.arn, "Name": secret.name})
}

pub(super) fn created(created: &Created) -> Value {
    let mut answer = json!({"ARN": created.arn, "Name": created.name});
    if let Some(version) = &created.version {
        answer["VersionId"] = json!(version.id);
    }
    answer
}

pub(super) fn value(got: &Got) -> Value {
    let mut answer = identity(&got.secret);
    answer["VersionId"] = json!(got.version.id);
    match &got.value {
        SecretValue::Text(text) => answer["SecretString"] = json!(text.expose()),
        SecretValue::Binary(bytes) => answer["SecretBinary"] = json!(STANDARD.encode(bytes.expose())),
    }
    answer["VersionStages"] = json!(got.version.stages);
    answer["CreatedDate"] = seconds(got.version.created);
    answer
}

pub(super) fn description(secret: &Secret) -> Value {
    let mut answer = common(secret);
    answer["VersionIdsToStages"] = stages(secret);
    answer
}

pub(super) fn entry(secret: &Secret) -> Value {
    let mut answer = common(secret);
    answer["SecretVersionsToStages"] = stages(secret);
    answer
}

pub(super) fn version(version: &Version) -> Value {
    json!({"VersionId": version.id, "VersionStages": version.stages, "CreatedDate": seconds(version.created)})
}

fn common(secret: &Secret) -> Value {
    let mut answer = identity(secret);
    let optional = [
        ("Description", secret.description.as_ref().map(|text| json!(text))),
        ("KmsKeyId", secret.kms_key_id.as_ref().map(|text| json!(text))),
        ("LastAccessedDate", secret.accessed.map(seconds)),
        ("DeletedDate", secret.deleted.map(seconds)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            answer[name] = value;
        }
    }
    answer["CreatedDate"] = seconds(secret.created);
    answer["LastChangedDate"] = seconds(secret.changed);
    answer["Tags"] = secret.tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect();
    answer
}

/// Versions without a label are deprecated and not shown.
fn stages(secret: &Secret) -> Value {
    let labelled = secret.versions.iter().filter(|v| !v.stages.is_empty());
    Value::Object(labelled.map(|v| (v.id.clone(), json!(v.stages))).collect::<Map<_, _>>())
}
