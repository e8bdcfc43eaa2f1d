//! KMS's operations, answered by [`Kms`]. The front has held every input against the model before.
//!
//! Policies and grants are kept but refuse no call. Key stores of one's own, imported material, keys for signing and
//! keys in several regions' copies are refused by name.

mod aliases;
mod crypto;
mod grants;
mod keys;

use aws_model::call::document;
use aws_model::{Answer, Answering, AwsError, Call, Document, Door};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Kms;

const OPERATIONS: [&str; 30] = [
    "CancelKeyDeletion",
    "CreateAlias",
    "CreateGrant",
    "CreateKey",
    "Decrypt",
    "DeleteAlias",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateRandom",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
];
const MORE: [&str; 2] = ["UpdateAlias", "UpdateKeyDescription"];

impl Door for Kms {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.into_iter().chain(MORE).collect()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(async { document(self.answer(call).await?).map(Answer::Document) })
    }
}

impl Kms {
    async fn answer(&self, mut call: Call) -> Result<Value, AwsError> {
        if call.input.get("DryRun").and_then(Value::as_bool) == Some(true) {
            let words = "The request would have succeeded, but the DryRun option is set.";
            return Err(AwsError::new("DryRunOperationException", words).with_status(412));
        }
        let region = call.region.clone();
        match call.operation.name() {
            "CreateKey" => {
                keys::refuse_others(&call.input)?;
                self.create_key(region, call.read()?).await
            }
            "DescribeKey" => {
                Ok(json!({"KeyMetadata": self.named(&region, call.read::<Which>()?.key_id).await?.metadata()}))
            }
            "ListKeys" => self.list_keys(&region, &call.read()?),
            "EnableKey" => self.set_enabled(region, call.read()?, true).await,
            "DisableKey" => self.set_enabled(region, call.read()?, false).await,
            "UpdateKeyDescription" => self.set_description(region, call.read()?).await,
            "ScheduleKeyDeletion" => self.schedule_deletion(region, call.read()?).await,
            "CancelKeyDeletion" => self.cancel_deletion(region, call.read()?).await,
            "GetKeyPolicy" => self.policy(&region, &call.read()?),
            "PutKeyPolicy" => self.set_policy(region, call.read()?).await,
            "ListKeyPolicies" => {
                self.find(&region, &call.read::<Which>()?.key_id)?;
                Ok(json!({"PolicyNames": ["default"], "Truncated": false}))
            }
            "GetKeyRotationStatus" => self.rotation(&region, &call.read::<Which>()?.key_id),
            "EnableKeyRotation" => self.set_rotation(region, call.read()?, true).await,
            "DisableKeyRotation" => self.set_rotation(region, call.read()?, false).await,
            "TagResource" => self.tag(region, call.read()?).await,
            "UntagResource" => self.untag(region, call.read()?).await,
            "ListResourceTags" => self.tags(&region, &call.read()?),
            "CreateAlias" => self.create_alias(region, call.read()?).await,
            "UpdateAlias" => self.update_alias(region, call.read()?).await,
            "DeleteAlias" => self.delete_alias(region, call.read()?).await,
            "ListAliases" => self.list_aliases(&region, &call.read()?),
            "Encrypt" => self.encrypt(region, call.read()?).await,
            "Decrypt" => {
                refuse(&call.input, &["Recipient"])?;
                self.decrypt(&region, &call.read()?)
            }
            "ReEncrypt" => self.re_encrypt(region, call.read()?).await,
            "GenerateDataKey" => {
                refuse(&call.input, &["Recipient"])?;
                self.generate_data_key(region, call.read()?, true).await
            }
            "GenerateDataKeyWithoutPlaintext" => self.generate_data_key(region, call.read()?, false).await,
            "GenerateRandom" => {
                refuse(&call.input, &["Recipient", "CustomKeyStoreId"])?;
                crypto::random(&call.read()?)
            }
            "CreateGrant" => self.create_grant(region, call.input).await,
            "ListGrants" => self.list_grants(&region, &call.read()?),
            "ListRetirableGrants" => self.list_retirable(&region, &call.read()?),
            "RevokeGrant" | "RetireGrant" => self.remove_grant(region, call.read()?).await,
            other => Err(AwsError::server(format!("{other} is offered and has no answer"))),
        }
    }
}

/// A request that only names a key.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Which {
    pub(crate) key_id: String,
}

/// How a list is cut.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Page {
    limit: Option<usize>,
    marker: Option<String>,
}

impl Page {
    /// Cuts a page out of rows in the order of their names; a marker is the name after which it begins.
    pub(crate) fn cut(&self, list: &str, rows: impl Iterator<Item = (String, Value)>, most: usize) -> Value {
        let mut rows: Vec<(String, Value)> =
            rows.filter(|(name, _)| self.marker.as_ref().is_none_or(|marker| name > marker)).collect();
        let limit = self.limit.unwrap_or(most).max(1);
        let is_cut = rows.len() > limit;
        rows.truncate(limit);
        let mut out = json!({"Truncated": is_cut});
        if let Some((last, _)) = rows.last().filter(|_| is_cut) {
            out["NextMarker"] = json!(last);
        }
        out[list] = rows.into_iter().map(|(_, row)| row).collect();
        out
    }
}

/// Refuses members that are known and cannot be honoured.
pub(crate) fn refuse(input: &Document, members: &[&str]) -> Result<(), AwsError> {
    match members.iter().find(|member| input.contains_key(**member)) {
        Some(member) => Err(AwsError::new(
            "UnsupportedOperationException",
            format!("{member} is not supported by managr's platform"),
        )),
        None => Ok(()),
    }
}

/// Refuses what is no policy of a resource.
pub(crate) fn policy(text: &str) -> Result<(), AwsError> {
    let words =
        "The new key policy is not valid: it is not a JSON document whose statements have principals and actions.";
    let malformed = || AwsError::new("MalformedPolicyDocumentException", words);
    aws_model::policy::of_resource(text).map(drop).ok_or_else(malformed)
}
