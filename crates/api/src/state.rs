//! What the front hands to every service: the doors to the platform's truths.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

/// What the operator has to know, and can do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What is wrong, and who suffers.
    pub text: String,
    /// Commands that mend it.
    pub remedy: Vec<String>,
}

/// Answers with all notices at present.
pub type Notices = Arc<dyn Fn() -> Vec<Notice> + Send + Sync>;

/// The platform, as the API sees it. Every member is a cheap handle.
pub struct State {
    /// Who answers which operation.
    pub doors: crate::Doors,
    /// Clusters, task definitions, services, tasks, load balancers.
    pub orchestrator: orchestrator::Handle,
    /// Repositories and images; also serves `/v2/`.
    pub registry: registry::Registry,
    /// Secrets Manager's truth.
    pub secrets: secrets::Secrets,
    /// Parameter Store's truth.
    pub parameters: parameters::Parameters,
    /// KMS's truth.
    pub kms: kms::Kms,
    /// CloudWatch Logs' truth.
    pub logs: logs::Logs,
    /// CloudWatch's truth.
    pub metrics: metrics::Metrics,
    /// Sessions into containers; none where the engine runs no containers that one could reach.
    pub sessions: Option<session::Sessions>,
    /// Account of this platform, twelve digits.
    pub account: String,
    /// Name of the engine that runs the tasks, e.g. `native`.
    pub engine: String,
    /// Asked for what the operator has to know of the machine; shown at the top of a status, after a full
    /// disk.
    pub notices: Notices,
    /// When the platform started.
    pub started: Instant,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("account", &self.account).finish_non_exhaustive()
    }
}
