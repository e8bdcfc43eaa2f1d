//! What Secrets Manager answers, as its model has it.

use std::collections::BTreeMap;

use aws_model::seconds;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::{Created, Got, Secret, SecretError, SecretValue, Tag, Version};

/// What every answer about a secret begins with.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    name: &'a str,
}

impl<'a> Named<'a> {
    pub(super) fn of(secret: &'a Secret) -> Self {
        Self { arn: &secret.arn, name: &secret.name }
    }
}

/// What came of a creation or a new version.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Made {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

impl From<Created> for Made {
    fn from(created: Created) -> Self {
        Self { arn: created.arn, name: created.name, version_id: created.version.map(|version| version.id) }
    }
}

/// A value. No `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ValueOf<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    version_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<String>,
    version_stages: &'a [String],
    created_date: Value,
}

impl<'a> ValueOf<'a> {
    pub(super) fn of(got: &'a Got) -> Self {
        let (text, bytes) = match &got.value {
            SecretValue::Text(text) => (Some(text.expose()), None),
            SecretValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes.expose()))),
        };
        Self {
            named: Named::of(&got.secret),
            version_id: &got.version.id,
            secret_string: text,
            secret_binary: bytes,
            version_stages: &got.version.stages,
            created_date: seconds(got.version.created),
        }
    }
}

/// A secret of a batch that has no value to answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Failed<'a> {
    secret_id: &'a str,
    error_code: &'static str,
    message: String,
}

impl<'a> Failed<'a> {
    pub(super) fn of(secret_id: &'a str, error: &SecretError) -> Self {
        Self { secret_id, error_code: error.code(), message: error.to_string() }
    }
}

/// A version without its value.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Past<'a> {
    version_id: &'a str,
    version_stages: &'a [String],
    created_date: Value,
}

impl<'a> Past<'a> {
    pub(super) fn of(version: &'a Version) -> Self {
        let created_date = seconds(version.created);
        Self { version_id: &version.id, version_stages: &version.stages, created_date }
    }
}

/// A tag; as it is stored its members are written small.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagOf<'a> {
    key: &'a str,
    value: &'a str,
}

/// A secret without its values.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_accessed_date: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_date: Option<Value>,
    created_date: Value,
    last_changed_date: Value,
    tags: Vec<TagOf<'a>>,
    /// The two operations that describe name this member differently.
    #[serde(flatten)]
    versions: BTreeMap<&'static str, BTreeMap<&'a str, &'a [String]>>,
}

impl<'a> Described<'a> {
    /// `member` is what the operation calls the versions.
    pub(super) fn of(secret: &'a Secret, member: &'static str) -> Self {
        let labelled = secret.versions.iter().filter(|version| !version.stages.is_empty());
        let stages = labelled.map(|version| (version.id.as_str(), version.stages.as_slice())).collect();
        Self {
            named: Named::of(secret),
            description: secret.description.as_deref(),
            kms_key_id: secret.kms_key_id.as_deref(),
            last_accessed_date: secret.accessed.map(seconds),
            deleted_date: secret.deleted.map(seconds),
            created_date: seconds(secret.created),
            last_changed_date: seconds(secret.changed),
            tags: secret.tags.iter().map(|Tag { key, value }| TagOf { key, value }).collect(),
            // Versions without a label are deprecated and not shown.
            versions: BTreeMap::from([(member, stages)]),
        }
    }
}
