//! Finds everything that would make a deployment fail before it starts. Reads only.
//!
//! `draft` writes down what there is to check, `ask` asks the world about each thing once and
//! all at the same time, `judge` says what the answers mean. A check that cannot be made is a
//! leaf with its reason; there is no early end.

mod ask;
mod databases;
mod draft;
mod judge;
mod outlook;
mod report;
#[cfg(test)]
mod tests;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::Client;
use aws_model::Document;
use deploy_core::desired::Desired;
use deploy_core::manifest::LOCAL;
use deploy_core::plan::Risk;
use deploy_core::vars;
use http::Method;

pub(crate) use ask::{image, registry, words};
pub use databases::DatabaseChecks;
pub use outlook::{Outlook, outlook, routes};
pub use report::{CheckOutcome, Counts, Finding, Leaf, Node, Report};

/// How to verify.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Whether secrets may be read, to see which keys they have. Values are not kept.
    pub read_secret_values: bool,
    /// What the deploy makes itself.
    pub expected: Expected,
    /// What is not consistent about the manifest's variables.
    pub variables: Vec<vars::check::Finding>,
    /// Task definitions that services run so far, by the services' names: what they suffer from is no news.
    pub running: BTreeMap<String, Document>,
    /// What is known of the ways to the stage's services.
    pub routes: Routes,
    /// What was found of the stage's databases; `verify` looks at them itself.
    pub databases: Vec<DatabaseChecks>,
}

/// What is known of the ways to a stage's services.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// What is wrong with them as they are.
    pub live: Vec<Risk>,
    /// What a deploy would cost.
    pub risks: Vec<Risk>,
    /// What would be wrong with them after a deploy.
    pub after: Vec<Risk>,
    /// Why that could not be told.
    pub unknown: Option<String>,
    /// What a deploy would change of what scales services, and what it leaves alone.
    pub scaling: Vec<ScalingFinding>,
}

/// Something about what scales a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScalingFinding {
    /// It is not there, and a deploy makes it.
    Missing {
        /// Service or policy.
        name: String,
        /// What.
        what: String,
    },
    /// It is another than the manifest says, and a deploy changes or removes it.
    Differs {
        /// Service or policy.
        name: String,
        /// What, from what to what.
        what: String,
    },
    /// The manifest does not say it, and managr did not make it.
    Foreign {
        /// Service.
        name: String,
        /// What it is.
        what: String,
        /// What removes it.
        remedy: String,
    },
    /// It could not be looked at.
    Unseen {
        /// Why.
        why: String,
    },
}

/// What the deploy makes itself: that it is not there yet is no failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// References of images that will be pushed; they are not looked for.
    pub images: BTreeSet<String>,
    /// Names of clusters.
    pub clusters: BTreeSet<String>,
    /// Names of log groups.
    pub log_groups: BTreeSet<String>,
    /// Names of target groups.
    pub target_groups: BTreeSet<String>,
    /// Keys of the stage's own secret that will be written.
    pub secret_keys: BTreeSet<String>,
}

/// Checks everything that a deployment of a stage depends on.
///
/// `desired` may name images by digest or by tag, and may be a plan's, with tokens in it; an image is looked for once, however many
/// containers use it.
pub async fn verify(client: &Client, desired: &Desired, options: &VerifyOptions) -> Report {
    let is_platform = desired.stage == LOCAL || aws::endpoint::is_loopback(&client.endpoint(&aws::ECS));
    let needs_roles = needs_roles(client).await;
    let databases = databases::all(client, desired, options.read_secret_values).await;
    let options = &VerifyOptions { databases, ..options.clone() };
    let architecture = default_architecture(client);
    let scene = draft::Scene { desired, options, default_architecture: architecture, is_platform, needs_roles };
    let draft = scene.draft();
    let facts = ask::all(client, desired, draft.topics(), options.read_secret_values).await;
    Report::new(&desired.app, &desired.stage, draft.settle(&facts))
}

/// The embedded platform says of itself whether it looks at roles; any other listener on this machine is taken for AWS.
async fn needs_roles(client: &Client) -> bool {
    let endpoint = client.endpoint(&aws::ECS);
    if !aws::endpoint::is_loopback(&endpoint) {
        return true;
    }
    let asked = aws::local::request(Method::GET, &endpoint, "/_managr/status", Duration::from_secs(2)).await;
    !asked.is_ok_and(|status| status.get("iamEnforcement").is_some_and(|word| word == "off"))
}

/// A task definition without a `runtimePlatform` runs on X86_64, except on the embedded platform:
/// that runs on the processor of this machine.
fn default_architecture(client: &Client) -> &'static str {
    if aws::endpoint::is_loopback(&client.endpoint(&aws::ECS)) && std::env::consts::ARCH == "aarch64" {
        "ARM64"
    } else {
        "X86_64"
    }
}
