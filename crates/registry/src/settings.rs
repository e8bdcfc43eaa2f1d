//! What is set for the registry as a whole. Kept and answered; nothing here replicates, scans or pulls through.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Registry;
use crate::error::RegistryError;

/// Settings of the registry.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The registry policy's text.
    pub policy: Option<String>,
    /// The scanning configuration, as the caller gave it.
    pub scanning: Scanning,
    /// The replication configuration, as the caller gave it.
    pub replication: Option<Value>,
    /// Pull-through cache rules, by the prefix of their repositories.
    pub caches: BTreeMap<String, CacheRule>,
}

/// How the registry's images would be scanned.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Scanning {
    /// `BASIC` or `ENHANCED`.
    pub scan_type: String,
    /// Which repositories, and when.
    pub rules: Vec<ScanningRule>,
}

/// A rule of the scanning configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningRule {
    /// `SCAN_ON_PUSH`, `CONTINUOUS_SCAN` or `MANUAL`.
    pub scan_frequency: String,
    /// Which repositories.
    pub repository_filters: Vec<ScanningFilter>,
}

/// Repositories by wildcard.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningFilter {
    /// The wildcard.
    pub filter: String,
    /// `WILDCARD`.
    pub filter_type: String,
}

/// A pull-through cache rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheRule {
    /// Host of the registry whose images are meant.
    pub upstream_registry_url: String,
    /// ECR's word for it.
    pub upstream_registry: Option<String>,
    /// Secret with its credentials.
    pub credential_arn: Option<String>,
    /// Role for a registry of another account.
    pub custom_role_arn: Option<String>,
    /// Prefix of the repositories there.
    pub upstream_repository_prefix: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Milliseconds since the epoch.
    pub updated_at: i64,
}

impl Default for Scanning {
    fn default() -> Self {
        Self { scan_type: "BASIC".to_owned(), rules: Vec::new() }
    }
}

impl Registry {
    /// Returns the registry's settings.
    pub fn settings(&self) -> Settings {
        self.read(|truth| truth.settings.clone())
    }

    /// Changes the registry's settings and returns what `change` returns.
    ///
    /// # Errors
    /// When `change` refuses, or the database does.
    pub async fn update_settings<R, E: From<RegistryError>>(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<R, E>,
    ) -> Result<R, E> {
        let written = self.write(|truth, batch| {
            let mut settings = truth.settings.clone();
            let result = change(&mut settings);
            if result.is_ok() {
                truth.put_settings(settings, batch);
            }
            Ok(result)
        });
        written.await?
    }
}
