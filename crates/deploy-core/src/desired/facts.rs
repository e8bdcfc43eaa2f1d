//! What the world answered, as far as documents depend on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Stands for an account that is not known: no ARN with it can be taken for a real one.
pub const UNKNOWN_ACCOUNT: &str = "ACCOUNT_ID";

/// What documents depend on besides the manifest. [`Facts::local`] is a good start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// AWS account.
    pub account: String,
    /// AWS region, when the caller insists on one; otherwise the stage's or the manifest's.
    pub region: Option<String>,
    /// Host (and port) of the registry, as in `123456789012.dkr.ecr.us-east-1.amazonaws.com`.
    pub registry: String,
    /// Full references, best with digests, of images by their name in `[images]`.
    pub images: BTreeMap<String, String>,
    /// Tag of every image, in place of what the stage's template makes of git.
    pub tag: Option<String>,
    /// ARN of the stage's JSON secret, once it exists.
    pub secret_arn: Option<String>,
    /// ARNs of databases' secrets by their name in the manifest, once they exist.
    pub database_secrets: BTreeMap<String, String>,
    /// ARNs of target groups by service, once they exist.
    pub target_groups: BTreeMap<String, String>,
    /// ARNs of the registries that services are found by, by service, once they exist.
    pub registries: BTreeMap<String, String>,
    /// What git says about the working copy, for tags.
    pub git: Git,
}

impl Facts {
    /// Returns the facts of an embedded platform that nothing was asked yet; `registry` is its `host:port`. Its
    /// account is the one that the platform has.
    pub fn local(registry: impl Into<String>) -> Self {
        Self { account: "123456789012".to_owned(), registry: registry.into(), ..Self::default() }
    }
}

/// What git says about the working copy; a part is absent when it does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Git {
    /// Commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Tag that points at the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Number of the pull request, as the pipeline says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<String>,
    /// Whether the working copy has changes that no commit has.
    #[serde(default)]
    pub dirty: bool,
}
