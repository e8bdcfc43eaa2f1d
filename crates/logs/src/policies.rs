//! Resource policies: kept and answered, not acted on.

use std::collections::BTreeMap;

use aws_model::{Millis, policy};
use serde::{Deserialize, Serialize};

use crate::Logs;
use crate::error::LogsError;
use crate::records::{Record, Records};

/// Of a region (service quotas).
const POLICIES: usize = 10;

/// A policy that says which services may write to the groups of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePolicy {
    /// Its name.
    pub policy_name: String,
    /// Its text.
    pub policy_document: String,
    /// When it was put.
    pub last_updated_time: Millis,
}

impl Record for ResourcePolicy {
    const TABLE: &'static str = "logs.resource-policies";

    fn rows(records: &mut Records) -> &mut BTreeMap<String, Self> {
        &mut records.policies
    }
}

impl Logs {
    /// Puts a policy in place of one of the same name, and returns it.
    ///
    /// # Errors
    /// When the text is no policy, or there are ten others.
    pub async fn put_resource_policy(
        &self,
        region: &str,
        name: String,
        document: String,
    ) -> Result<ResourcePolicy, LogsError> {
        if policy::of_resource(&document).is_none() {
            return Err(LogsError::invalid("Resource policy document is invalid."));
        }
        let region = region.to_owned();
        self.record(move |index, now| {
            let (front, key) = (format!("{region}:"), format!("{region}:{name}"));
            let others = index.records.policies.keys().filter(|other| other.starts_with(&front) && **other != key);
            if others.count() >= POLICIES {
                return Err(LogsError::LimitExceeded);
            }
            let policy = ResourcePolicy { policy_name: name, policy_document: document, last_updated_time: now };
            Ok((policy.clone(), vec![(key, Some(policy))]))
        })
        .await
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// When there is none of the name.
    pub async fn delete_resource_policy(&self, region: &str, name: &str) -> Result<(), LogsError> {
        let key = format!("{region}:{name}");
        self.record::<ResourcePolicy, ()>(move |index, _| match index.records.policies.get(&key) {
            Some(_) => Ok(((), vec![(key, None)])),
            None => {
                Err(LogsError::NoPolicy { name: key.split_once(':').map_or(key.clone(), |(_, name)| name.to_owned()) })
            }
        })
        .await
    }

    /// Returns the policies of a region by name, with their keys.
    pub fn resource_policies(&self, region: &str) -> Vec<(String, ResourcePolicy)> {
        let front = format!("{region}:");
        let index = self.inner.index.read();
        let rows = index.records.policies.range(front.clone()..).take_while(|(key, _)| key.starts_with(&front));
        rows.map(|(key, policy)| (key.clone(), policy.clone())).collect()
    }
}
