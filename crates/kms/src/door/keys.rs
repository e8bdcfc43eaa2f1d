//! Keys: made, described, switched, rotated, tagged, deleted after a time.

use std::collections::BTreeMap;

use aws_model::call::read;
use aws_model::{AwsError, Call, Document, Millis, Service, managed_key, seconds, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Page, Which, policy, refuse};
use crate::Kms;
use crate::cipher::Secret;
use crate::key::{DAY, Key, Material, YEAR, default_policy};
use crate::state::{Changes, State};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    policy: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    multi_region: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    tag_key: String,
    tag_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    key_id: String,
    description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Schedule {
    key_id: String,
    pending_window_in_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Rotate {
    key_id: String,
    rotation_period_in_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    key_id: String,
    policy_name: Option<String>,
    #[serde(default)]
    policy: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tagged {
    key_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfKey {
    key_id: String,
    #[serde(flatten)]
    page: Page,
}

/// Refuses kinds of keys that are not made here.
fn refuse_others(input: &Document) -> Result<(), AwsError> {
    refuse(input, &["CustomKeyStoreId", "XksKeyId"])?;
    for (member, only) in [
        ("KeySpec", "SYMMETRIC_DEFAULT"),
        ("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"),
        ("KeyUsage", "ENCRYPT_DECRYPT"),
        ("Origin", "AWS_KMS"),
    ] {
        if let Some(other) = input.get(member).and_then(Value::as_str).filter(|value| *value != only) {
            let words = format!("{member} {other} is not supported by managr's platform: only {only} is");
            return Err(AwsError::new("UnsupportedOperationException", words));
        }
    }
    Ok(())
}

/// Returns a fresh key.
fn new_key(account: &str, region: String, now: Millis) -> Result<Key, AwsError> {
    let random = |error: getrandom::Error| AwsError::server(format!("no random numbers: {error}"));
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(random)?;
    // Version 4 and the variant of RFC 9562.
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    Ok(Key {
        policy: default_policy(&region, account),
        region,
        id,
        account: account.to_owned(),
        description: String::new(),
        is_aws: false,
        is_multi_region: false,
        is_enabled: true,
        created_at: now,
        deletion: None,
        rotation: None,
        tags: BTreeMap::new(),
        materials: vec![Material { number: 0, made_at: now, secret: Secret::fresh().map_err(random)? }],
    })
}

fn add_tags(key: &mut Key, given: Vec<Tag>) -> Result<(), AwsError> {
    for tag in given {
        tags::refuse(Service::Kms, [(tag.tag_key.as_str(), tag.tag_value.as_str())])?;
        key.tags.insert(tag.tag_key, tag.tag_value);
    }
    Ok(tags::refuse_many(Service::Kms, key.tags.len())?)
}

impl Kms {
    pub(super) async fn create_key(&self, call: &Call, input: Document) -> Result<Value, AwsError> {
        refuse_others(&input)?;
        let input: Create = read(call.operation, input)?;
        let region = call.region.clone();
        let account = self.inner.account.clone();
        self.change(move |_, now| {
            let mut key = new_key(&account, region, now)?;
            if input.multi_region {
                key.is_multi_region = true;
                key.id = format!("mrk-{}", key.id.replace('-', ""));
            }
            key.description = input.description;
            add_tags(&mut key, input.tags)?;
            if let Some(text) = input.policy {
                policy(&text)?;
                key.policy = text;
            }
            let answer = json!({"KeyMetadata": key.metadata()});
            Ok((answer, Changes { keys: vec![key], ..Changes::default() }))
        })
        .await
    }

    /// Returns a key by any of its names. A key that a service of AWS has (`alias/aws/secretsmanager`) is made when it is
    /// first asked for: on AWS it is made when the service first needs it.
    pub(super) async fn named(&self, region: &str, name: String) -> Result<Key, AwsError> {
        let found = self.find(region, &name);
        let last = name.rsplit_once(":key/").map_or(name.as_str(), |(_, id)| id);
        let alias = name.rsplit_once(":alias/").map_or(name.as_str(), |(_, tail)| tail).trim_start_matches("alias/");
        let by_alias =
            alias.strip_prefix("aws/").and_then(|word| managed_key::SERVICES.into_iter().find(|s| *s == word));
        let service = by_alias.or_else(|| managed_key::service(last, region, &self.inner.account));
        let Some(service) = service.filter(|_| found.is_err()) else { return found };
        let alias = format!("alias/aws/{service}");
        let (account, region, words) = (self.inner.account.clone(), region.to_owned(), default_words(service));
        self.change(move |state, now| {
            // Another caller may have been first.
            if let Ok(key) = state.find(&account, &region, &alias, now) {
                return Ok((key, Changes::default()));
            }
            let mut key = new_key(&account, region.clone(), now)?;
            key.id = managed_key::id(service, &region, &account);
            key.is_aws = true;
            key.rotation = Some(YEAR);
            key.description = words;
            let alias =
                crate::key::Alias { region, name: alias, key: key.id.clone(), created_at: now, updated_at: now };
            Ok((key.clone(), Changes { keys: vec![key], aliases: vec![alias], ..Changes::default() }))
        })
        .await
    }

    pub(super) async fn describe(&self, call: &Call, input: Which) -> Result<Value, AwsError> {
        Ok(json!({"KeyMetadata": self.named(&call.region, input.key_id).await?.metadata()}))
    }

    /// There is one policy to a key.
    pub(super) async fn list_policies(&self, call: &Call, input: Which) -> Result<Value, AwsError> {
        self.find(&call.region, &input.key_id)?;
        Ok(json!({"PolicyNames": ["default"], "Truncated": false}))
    }

    pub(super) async fn list_keys(&self, call: &Call, page: Page) -> Result<Value, AwsError> {
        let region = call.region.as_str();
        let (state, now) = (self.inner.state.read(), (self.inner.now)());
        let of_region = state.keys.values().filter(|key| key.region == region && !key.is_gone(now));
        let rows = of_region.map(|key| (key.id.clone(), json!({"KeyArn": key.arn(), "KeyId": key.id})));
        Ok(page.cut("Keys", rows, 100))
    }

    /// Changes one key.
    async fn edit(
        &self,
        region: String,
        name: String,
        edit: impl FnOnce(&mut Key, Millis) -> Result<Value, AwsError> + Send + 'static,
    ) -> Result<Value, AwsError> {
        let account = self.inner.account.clone();
        self.change(move |state: &State, now| {
            let mut key = state.find(&account, &region, &name, now)?;
            key.of_customer()?;
            let answer = edit(&mut key, now)?;
            Ok((answer, Changes { keys: vec![key], ..Changes::default() }))
        })
        .await
    }

    pub(super) async fn enable(&self, call: &Call, which: Which) -> Result<Value, AwsError> {
        self.set_enabled(call, which, true).await
    }

    pub(super) async fn disable(&self, call: &Call, which: Which) -> Result<Value, AwsError> {
        self.set_enabled(call, which, false).await
    }

    async fn set_enabled(&self, call: &Call, which: Which, is_enabled: bool) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, which.key_id, move |key, _| {
            key.not_leaving()?;
            key.is_enabled = is_enabled;
            Ok(Value::Null)
        })
        .await
    }

    pub(super) async fn set_description(&self, call: &Call, input: Describe) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, input.key_id, move |key, _| {
            key.not_leaving()?;
            key.description = input.description;
            Ok(Value::Null)
        })
        .await
    }

    /// Thirty days unless others are asked for; a disabled key can be deleted, one that is leaving cannot again.
    pub(super) async fn schedule_deletion(&self, call: &Call, input: Schedule) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, input.key_id, move |key, now| {
            key.not_leaving()?;
            let days = input.pending_window_in_days.unwrap_or(30);
            if !(7..=30).contains(&days) {
                let words = "PendingWindowInDays must be between 7 and 30";
                return Err(AwsError::new("ValidationException", words));
            }
            let at = now + days * DAY;
            key.deletion = Some((at, days));
            Ok(json!({
                "DeletionDate": seconds(at), "KeyId": key.arn(), "KeyState": "PendingDeletion",
                "PendingWindowInDays": days,
            }))
        })
        .await
    }

    /// A key that was to be deleted is disabled afterwards (API reference).
    pub(super) async fn cancel_deletion(&self, call: &Call, which: Which) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, which.key_id, |key, _| {
            if key.deletion.take().is_none() {
                let words = format!("{} is not pending deletion.", key.arn());
                return Err(AwsError::new("KMSInvalidStateException", words));
            }
            key.is_enabled = false;
            Ok(json!({"KeyId": key.arn()}))
        })
        .await
    }

    pub(super) async fn policy(&self, call: &Call, input: Policy) -> Result<Value, AwsError> {
        let region = call.region.as_str();
        named_default(&input)?;
        let key = self.find(region, &input.key_id)?;
        Ok(json!({"Policy": key.policy, "PolicyName": "default"}))
    }

    pub(super) async fn set_policy(&self, call: &Call, input: Policy) -> Result<Value, AwsError> {
        let region = call.region.clone();
        named_default(&input)?;
        policy(&input.policy)?;
        self.edit(region, input.key_id, move |key, _| {
            key.policy = input.policy;
            Ok(Value::Null)
        })
        .await
    }

    pub(super) async fn rotation(&self, call: &Call, input: Which) -> Result<Value, AwsError> {
        let key = self.find(&call.region, &input.key_id)?;
        let mut out = json!({"KeyId": key.arn(), "KeyRotationEnabled": key.rotation.is_some()});
        if let (Some(days), Some(next)) = (key.rotation, key.next_rotation()) {
            out["RotationPeriodInDays"] = json!(days);
            out["NextRotationDate"] = seconds(next);
        }
        Ok(out)
    }

    pub(super) async fn rotate(&self, call: &Call, input: Rotate) -> Result<Value, AwsError> {
        self.set_rotation(call, input, true).await
    }

    pub(super) async fn rotate_no_more(&self, call: &Call, input: Rotate) -> Result<Value, AwsError> {
        self.set_rotation(call, input, false).await
    }

    async fn set_rotation(&self, call: &Call, input: Rotate, is_on: bool) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, input.key_id, move |key, _| {
            key.usable()?;
            key.rotation = is_on.then(|| input.rotation_period_in_days.unwrap_or(YEAR));
            Ok(Value::Null)
        })
        .await
    }

    pub(super) async fn tag(&self, call: &Call, input: Tagged) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, input.key_id, move |key, _| {
            key.not_leaving()?;
            add_tags(key, input.tags).map(|()| Value::Null)
        })
        .await
    }

    pub(super) async fn untag(&self, call: &Call, input: Tagged) -> Result<Value, AwsError> {
        let region = call.region.clone();
        self.edit(region, input.key_id, move |key, _| {
            key.not_leaving()?;
            key.tags.retain(|name, _| !input.tag_keys.contains(name));
            Ok(Value::Null)
        })
        .await
    }

    pub(super) async fn tags(&self, call: &Call, input: OfKey) -> Result<Value, AwsError> {
        let region = call.region.as_str();
        let key = self.find(region, &input.key_id)?;
        let rows = key.tags.iter().map(|(name, value)| (name.clone(), json!({"TagKey": name, "TagValue": value})));
        Ok(input.page.cut("Tags", rows, 50))
    }
}

/// There is one policy to a key, and this is its name.
fn named_default(input: &Policy) -> Result<(), AwsError> {
    match input.policy_name.as_deref() {
        None | Some("default") => Ok(()),
        Some(other) => {
            Err(AwsError::new("NotFoundException", format!("No such policy exists: {other}; the only one is default")))
        }
    }
}

fn default_words(service: &str) -> String {
    format!("Default key that protects my {service} data when no other key is defined")
}
