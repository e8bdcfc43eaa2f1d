//! A key, an alias, a grant: what they are, and what KMS says of them.

use std::collections::BTreeMap;

use aws_model::{AwsError, Document, Millis, region, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cipher::Secret;

/// Days between two automatic rotations, unless others are asked for (EnableKeyRotation API reference).
pub(crate) const YEAR: i64 = 365;
/// Milliseconds of a day.
pub(crate) const DAY: Millis = 86_400_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) region: String,
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) description: String,
    /// Whether a service of AWS has it, and not the customer.
    pub(crate) is_aws: bool,
    pub(crate) is_multi_region: bool,
    pub(crate) is_enabled: bool,
    pub(crate) created_at: Millis,
    /// When it will be gone, and how many days were asked for.
    pub(crate) deletion: Option<(Millis, i64)>,
    /// Days between rotations, where it is rotated.
    pub(crate) rotation: Option<i64>,
    pub(crate) policy: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// Oldest first; the last one encrypts.
    #[serde(default)]
    pub(crate) materials: Vec<Material>,
}

/// What a key encrypts with between two rotations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Material {
    pub(crate) number: u32,
    pub(crate) made_at: Millis,
    /// Sealed apart from the key's row.
    #[serde(skip)]
    pub(crate) secret: Secret,
}

/// A name for a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) region: String,
    /// With `alias/` in front.
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// What a user may do with a key. Kept; no call is refused here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) created_at: Millis,
    /// The request's members that KMS lists.
    pub(crate) document: Document,
}

impl Key {
    pub(crate) fn row(&self) -> String {
        format!("{} {}", self.region, self.id)
    }

    pub(crate) fn material_row(&self, number: u32) -> String {
        format!("kms {} {} {number:08}", self.region, self.id)
    }

    pub(crate) fn arn(&self) -> String {
        region::arn("kms", &self.region, &self.account, &format!("key/{}", self.id))
    }

    /// Whether its time is over.
    pub(crate) fn is_gone(&self, now: Millis) -> bool {
        self.deletion.is_some_and(|(at, _)| at <= now)
    }

    /// Refuses what a key that waits for its deletion, or is disabled, cannot do.
    pub(crate) fn usable(&self) -> Result<(), AwsError> {
        self.not_leaving()?;
        match self.is_enabled {
            true => Ok(()),
            false => Err(AwsError::new("DisabledException", format!("{} is disabled.", self.arn()))),
        }
    }

    pub(crate) fn not_leaving(&self) -> Result<(), AwsError> {
        match self.deletion {
            None => Ok(()),
            Some(_) => Err(AwsError::new("KMSInvalidStateException", format!("{} is pending deletion.", self.arn()))),
        }
    }

    /// Refuses to change what a service of AWS has.
    pub(crate) fn of_customer(&self) -> Result<(), AwsError> {
        match self.is_aws {
            false => Ok(()),
            true => Err(AwsError::new(
                "AccessDeniedException",
                format!("The key {} is managed by AWS and cannot be changed.", self.arn()),
            )),
        }
    }

    /// Returns when it is rotated next, where it is rotated.
    pub(crate) fn next_rotation(&self) -> Option<Millis> {
        let last = self.materials.last().map_or(self.created_at, |material| material.made_at);
        Some(last + self.rotation? * DAY)
    }

    pub(crate) fn metadata(&self) -> Value {
        let state = match (self.deletion, self.is_enabled) {
            (Some(_), _) => "PendingDeletion",
            (None, true) => "Enabled",
            (None, false) => "Disabled",
        };
        let mut out = json!({
            "AWSAccountId": self.account,
            "Arn": self.arn(),
            "CreationDate": seconds(self.created_at),
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "Description": self.description,
            "Enabled": state == "Enabled",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "KeyId": self.id,
            "KeyManager": if self.is_aws { "AWS" } else { "CUSTOMER" },
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyState": state,
            "KeyUsage": "ENCRYPT_DECRYPT",
            "MultiRegion": self.is_multi_region,
            "Origin": "AWS_KMS",
        });
        if self.is_multi_region {
            let itself = json!({"Arn": self.arn(), "Region": self.region});
            out["MultiRegionConfiguration"] =
                json!({"MultiRegionKeyType": "PRIMARY", "PrimaryKey": itself, "ReplicaKeys": []});
        }
        if let Some((at, _)) = self.deletion {
            out["DeletionDate"] = seconds(at);
        }
        out
    }
}

impl Alias {
    pub(crate) fn row(&self) -> String {
        format!("{} {}", self.region, self.name)
    }

    pub(crate) fn arn(&self, account: &str) -> String {
        region::arn("kms", &self.region, account, &self.name)
    }

    pub(crate) fn entry(&self, account: &str) -> Value {
        json!({
            "AliasArn": self.arn(account), "AliasName": self.name, "CreationDate": seconds(self.created_at),
            "LastUpdatedDate": seconds(self.updated_at), "TargetKeyId": self.key,
        })
    }
}

impl Grant {
    pub(crate) fn row(&self) -> String {
        format!("{} {} {}", self.region, self.key, self.id)
    }

    pub(crate) fn entry(&self, account: &str) -> Value {
        let mut out = self.document.clone();
        out.insert("CreationDate".into(), seconds(self.created_at));
        out.insert("GrantId".into(), json!(self.id));
        out.insert("IssuingAccount".into(), json!(region::global_arn("iam", &self.region, account, "root")));
        out.insert("KeyId".into(), json!(region::arn("kms", &self.region, account, &format!("key/{}", self.key))));
        Value::Object(out)
    }
}

/// The policy that a key has unless another is given (developer guide, "Default key policy").
pub(crate) fn default_policy(region: &str, account: &str) -> String {
    let root = region::global_arn("iam", region, account, "root");
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": root},
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}
