//! KMS's operations, answered by [`Kms`]. The front has held every input against the model before.
//!
//! Policies and grants are kept but refuse no call. Key stores of one's own, imported material, keys for signing and
//! keys in several regions' copies are refused by name.

mod aliases;
mod crypto;
mod grants;
mod keys;

use aws_model::call::{Row, answer_by, names};
use aws_model::page::{Order, cut};
use aws_model::{Answering, AwsError, Call, Document, Door, row};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Kms;

/// In the order of their names.
const ROWS: &[Row<Kms>] = &[
    row!("CancelKeyDeletion", Kms::cancel_deletion),
    row!("CreateAlias", Kms::create_alias),
    row!("CreateGrant", Kms::create_grant),
    row!("CreateKey", Kms::create_key),
    row!("Decrypt", Kms::decrypt),
    row!("DeleteAlias", Kms::delete_alias),
    row!("DescribeKey", Kms::describe),
    row!("DisableKey", Kms::disable),
    row!("DisableKeyRotation", Kms::rotate_no_more),
    row!("EnableKey", Kms::enable),
    row!("EnableKeyRotation", Kms::rotate),
    row!("Encrypt", Kms::encrypt),
    row!("GenerateDataKey", Kms::data_key),
    row!("GenerateDataKeyWithoutPlaintext", Kms::sealed_data_key),
    row!("GenerateRandom", crypto::random),
    row!("GetKeyPolicy", Kms::policy),
    row!("GetKeyRotationStatus", Kms::rotation),
    row!("ListAliases", Kms::list_aliases),
    row!("ListGrants", Kms::list_grants),
    row!("ListKeyPolicies", Kms::list_policies),
    row!("ListKeys", Kms::list_keys),
    row!("ListResourceTags", Kms::tags),
    row!("ListRetirableGrants", Kms::list_retirable),
    row!("PutKeyPolicy", Kms::set_policy),
    row!("ReEncrypt", Kms::re_encrypt),
    row!("RetireGrant", Kms::remove_grant),
    row!("RevokeGrant", Kms::remove_grant),
    row!("ScheduleKeyDeletion", Kms::schedule_deletion),
    row!("TagResource", Kms::tag),
    row!("UntagResource", Kms::untag),
    row!("UpdateAlias", Kms::update_alias),
    row!("UpdateKeyDescription", Kms::set_description),
];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Kms {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        if call.input.get("DryRun").and_then(Value::as_bool) == Some(true) {
            let words = "The request would have succeeded, but the DryRun option is set.";
            let refused = AwsError::new("DryRunOperationException", words).with_status(412);
            return Box::pin(async move { Err(refused) });
        }
        answer_by(ROWS, self, call)
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
    /// Answers a page of rows in the order of their names.
    pub(crate) fn cut(&self, list: &str, rows: impl Iterator<Item = (String, Value)>, most: usize) -> Value {
        let page = cut(rows, Order::Rising, self.marker.as_deref(), self.limit.unwrap_or(most));
        let mut out = json!({"Truncated": page.next.is_some(), list: page.items});
        if let Some(next) = page.next {
            out["NextMarker"] = json!(next);
        }
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
