//! What Parameter Store answers, as its model has it.

use aws_model::seconds;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrets::SecretText;
use serde::Serialize;
use serde_json::Value;

use crate::reference::Referred;
use crate::{Got, Parameter, ParameterType, Tag, Tier, Value as Held, Version};

/// The `Parameter` of the operations that get one. No `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ValueOf<'a> {
    name: &'a str,
    r#type: ParameterType,
    value: String,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<&'a str>,
    last_modified_date: Value,
    #[serde(rename = "ARN")]
    arn: String,
    data_type: &'a str,
}

impl<'a> ValueOf<'a> {
    pub(super) fn of(got: &'a Got, account: &str) -> Self {
        Self {
            name: got.parameter.name(),
            r#type: got.version.kind,
            value: held(got),
            version: got.version.number,
            selector: got.selector.as_deref(),
            last_modified_date: seconds(got.version.modified),
            arn: got.parameter.arn(account),
            data_type: &got.version.data_type,
        }
    }
}

/// A secret, read by the name of a parameter: it has neither a data type nor a version of its own. No `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretOf<'a> {
    name: &'a str,
    r#type: ParameterType,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<&'a str>,
    source_result: String,
    last_modified_date: Value,
    #[serde(rename = "ARN")]
    arn: &'a str,
}

impl<'a> SecretOf<'a> {
    pub(super) fn of(referred: &'a Referred) -> Self {
        Self {
            name: &referred.name,
            r#type: ParameterType::SecureString,
            value: referred.text().map(SecretText::expose),
            version: 0,
            selector: referred.selector.as_deref(),
            source_result: referred.source(),
            last_modified_date: seconds(referred.got.version.created),
            arn: &referred.got.secret.arn,
        }
    }
}

/// What is not decrypted is answered as its ciphertext, as AWS does.
fn held(got: &Got) -> String {
    match &got.value {
        Held::Clear(text) => text.expose().to_owned(),
        Held::Sealed(bytes) => STANDARD.encode(bytes),
    }
}

/// What a version is besides its value.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    name: &'a str,
    r#type: ParameterType,
    last_modified_date: Value,
    last_modified_user: String,
    version: i64,
    tier: Tier,
    policies: [(); 0],
    data_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_pattern: Option<&'a str>,
}

impl<'a> Metadata<'a> {
    fn of(parameter: &'a Parameter, version: &'a Version, account: &str) -> Self {
        Self {
            name: parameter.name(),
            r#type: version.kind,
            last_modified_date: seconds(version.modified),
            last_modified_user: parameter.owner(account),
            version: version.number,
            tier: version.tier,
            policies: [],
            data_type: &version.data_type,
            key_id: version.key_id.as_deref(),
            description: version.description.as_deref(),
            allowed_pattern: version.allowed_pattern.as_deref(),
        }
    }
}

/// A version as its history has it. No `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Past<'a> {
    #[serde(flatten)]
    metadata: Metadata<'a>,
    value: String,
    labels: &'a [String],
}

impl<'a> Past<'a> {
    pub(super) fn of(got: &'a Got, account: &str) -> Self {
        let metadata = Metadata::of(&got.parameter, &got.version, account);
        Self { metadata, value: held(got), labels: &got.version.labels }
    }
}

/// A parameter without its value.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described<'a> {
    #[serde(flatten)]
    metadata: Metadata<'a>,
    #[serde(rename = "ARN")]
    arn: String,
}

impl<'a> Described<'a> {
    pub(super) fn of(parameter: &'a Parameter, account: &str) -> Self {
        Self { metadata: Metadata::of(parameter, parameter.latest(), account), arn: parameter.arn(account) }
    }
}

/// A tag; as it is stored its members are written small.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagOf<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> TagOf<'a> {
    pub(super) fn of(Tag { key, value }: &'a Tag) -> Self {
        Self { key, value }
    }
}
