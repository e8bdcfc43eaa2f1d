//! What Secrets Manager is asked (botocore: secretsmanager 2017-10-17). What the model can say of an input is not said
//! here again.

use aws_model::AwsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::{
    Filter, NewSecret, NewVersion, PasswordRules, Removal, Revised, SecretBytes, SecretText, SecretValue, Tag,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Which {
    pub(super) secret_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Get {
    pub(super) secret_id: String,
    pub(super) version_id: Option<String>,
    pub(super) version_stage: Option<String>,
}

/// The two members of which at most one is sent.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    secret_string: Option<SecretText>,
    /// Base64.
    secret_binary: Option<SecretText>,
}

impl Sent {
    fn read(self) -> Result<Option<SecretValue>, AwsError> {
        match (self.secret_string, self.secret_binary) {
            (Some(_), Some(_)) => Err(AwsError::invalid_parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )),
            (Some(text), None) => Ok(Some(SecretValue::Text(text))),
            (None, Some(encoded)) => {
                let bytes = STANDARD
                    .decode(encoded.expose())
                    .map_err(|_| AwsError::new("SerializationException", "SecretBinary must be base64"))?;
                Ok(Some(SecretValue::Binary(SecretBytes::new(bytes))))
            }
            (None, None) => Ok(None),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    name: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(flatten)]
    sent: Sent,
    #[serde(default)]
    tags: Vec<WireTag>,
}

impl Create {
    pub(super) fn read(self) -> Result<NewSecret, AwsError> {
        Ok(NewSecret {
            name: self.name,
            token: self.client_request_token,
            description: self.description,
            kms_key_id: self.kms_key_id,
            value: self.sent.read()?,
            tags: self.tags.into_iter().map(Tag::from).collect(),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    pub(super) secret_id: String,
    client_request_token: Option<String>,
    #[serde(flatten)]
    sent: Sent,
    #[serde(default)]
    version_stages: Vec<String>,
}

impl Put {
    pub(super) fn read(self) -> Result<NewVersion, AwsError> {
        let value = self.sent.read()?.ok_or_else(|| {
            AwsError::new("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
        })?;
        Ok(NewVersion { token: self.client_request_token, value, stages: self.version_stages })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Update {
    pub(super) secret_id: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(flatten)]
    sent: Sent,
}

impl Update {
    pub(super) fn read(self) -> Result<Revised, AwsError> {
        Ok(Revised {
            token: self.client_request_token,
            description: self.description,
            kms_key_id: self.kms_key_id,
            value: self.sent.read()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    pub(super) secret_id: String,
    recovery_window_in_days: Option<i64>,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

impl Delete {
    pub(super) fn removal(&self) -> Result<Removal, AwsError> {
        match (self.force_delete_without_recovery, self.recovery_window_in_days) {
            (true, Some(_)) => Err(AwsError::invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            )),
            (true, None) => Ok(Removal::Now),
            (false, days) => Ok(Removal::After(days.unwrap_or(30))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    pub(super) secret_id: String,
    pub(super) resource_policy: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Stage {
    pub(super) secret_id: String,
    pub(super) version_stage: String,
    pub(super) remove_from_version_id: Option<String>,
    pub(super) move_to_version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    pub(super) secret_id: String,
    tags: Vec<WireTag>,
}

impl Tags {
    pub(super) fn read(self) -> (String, Vec<Tag>) {
        (self.secret_id, self.tags.into_iter().map(Tag::from).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Untag {
    pub(super) secret_id: String,
    pub(super) tag_keys: Vec<String>,
}

/// A tag as it is sent: the model requires neither member.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireTag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

impl From<WireTag> for Tag {
    fn from(WireTag { key, value }: WireTag) -> Self {
        Self { key, value }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(default)]
    pub(super) filters: Vec<Filter>,
    #[serde(default)]
    pub(super) include_planned_deletion: bool,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
    pub(super) sort_by: Option<String>,
    pub(super) sort_order: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Versions {
    pub(super) secret_id: String,
    #[serde(default)]
    pub(super) include_deprecated: bool,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch {
    pub(super) secret_id_list: Option<Vec<String>>,
    pub(super) filters: Option<Vec<Filter>>,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Password {
    password_length: Option<usize>,
    #[serde(default)]
    exclude_characters: String,
    #[serde(default)]
    exclude_lowercase: bool,
    #[serde(default)]
    exclude_uppercase: bool,
    #[serde(default)]
    exclude_numbers: bool,
    #[serde(default)]
    exclude_punctuation: bool,
    #[serde(default)]
    include_space: bool,
    require_each_included_type: Option<bool>,
}

impl Password {
    pub(super) fn rules(self) -> PasswordRules {
        PasswordRules {
            length: self.password_length.unwrap_or(32),
            exclude: self.exclude_characters,
            no_lowercase: self.exclude_lowercase,
            no_uppercase: self.exclude_uppercase,
            no_numbers: self.exclude_numbers,
            no_punctuation: self.exclude_punctuation,
            space: self.include_space,
            each_kind: self.require_each_included_type.unwrap_or(true),
        }
    }
}
