//! What is on a platform, by name, in every region: shown before all of it is removed.

use platform_core::World;
use serde::{Deserialize, Serialize};

use crate::state::State;

/// What is on a platform, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Contents {
    /// Clusters.
    pub clusters: Vec<String>,
    /// Services: cluster and name.
    pub services: Vec<(String, String)>,
    /// Tasks of no service that have not stopped: cluster and family.
    pub tasks: Vec<(String, String)>,
    /// Load balancers.
    pub load_balancers: Vec<String>,
    /// Repositories of images.
    pub repositories: Vec<String>,
    /// Secrets.
    pub secrets: Vec<String>,
    /// Parameters.
    pub parameters: Vec<String>,
    /// Log groups.
    pub log_groups: Vec<String>,
}

impl Contents {
    /// Returns what is in these truths.
    pub fn of(
        world: &World,
        registry: &registry::Registry,
        secrets: &secrets::Secrets,
        parameters: &parameters::Parameters,
        logs: &logs::Logs,
    ) -> Self {
        Self {
            repositories: registry.repositories().into_iter().map(|repository| repository.name).collect(),
            secrets: secrets.names(),
            parameters: parameters.names(),
            log_groups: logs.names(),
            ..Self::of_world(world)
        }
    }

    fn of_world(world: &World) -> Self {
        let cluster = |arn: &str| world.clusters.get(arn).map_or_else(|| last(arn), |cluster| cluster.name.clone());
        let alone = world.tasks.values().filter(|task| task.service_arn.is_none() && !task.is_stopped());
        Self {
            clusters: world.clusters.values().map(|cluster| cluster.name.clone()).collect(),
            services: world.services.values().map(|s| (cluster(&s.cluster_arn), s.name.clone())).collect(),
            tasks: alone.map(|task| (cluster(&task.cluster_arn), task.family.clone())).collect(),
            load_balancers: world.load_balancers.values().map(|balancer| balancer.name.clone()).collect(),
            ..Self::default()
        }
    }
}

/// The page `/_managr/contents`.
pub(crate) fn of_state(state: &State) -> Contents {
    let rest = |world: &World| Contents::of(world, &state.registry, &state.secrets, &state.parameters, &state.logs);
    state.orchestrator.read(rest)
}

fn last(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}
