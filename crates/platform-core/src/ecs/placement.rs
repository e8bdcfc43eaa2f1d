//! Where a task or service runs: launch type and capacity provider, in ECS's order of precedence.

use aws_model::{AwsError, Document};
use serde_json::Value;

use super::input::text;
use crate::Cx;
use crate::world::World;

/// The platform version that LATEST stands for.
pub(super) const PLATFORM_VERSION: &str = "1.4.0";
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// Where something runs. All of this platform is Fargate; a capacity provider is named if one was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Placement {
    /// The launch type that the caller named.
    pub launch_type: Option<String>,
    /// The provider of the strategy, the cluster's default strategy included.
    pub capacity_provider: Option<String>,
}

/// Reads where a RunTask or CreateService request wants to run.
///
/// A launch type beats the cluster's default strategy (RunTask API reference, `capacityProviderStrategy`).
/// With neither, ECS means EC2; here it is Fargate, because there are no container instances.
pub(super) fn of(world: &World, cluster_arn: &str, request: &Document) -> Placement {
    let launch_type = text(request, "launchType").map(str::to_owned);
    let own = strategy(request, "capacityProviderStrategy");
    let cluster = || default_strategy(world, cluster_arn);
    let strategy = if launch_type.is_some() { own } else { own.or_else(cluster) };
    Placement { launch_type, capacity_provider: strategy.and_then(heaviest) }
}

/// Returns a strategy; an empty one is none.
fn strategy<'a>(document: &'a Document, name: &str) -> Option<&'a Value> {
    document.get(name).filter(|value| value.as_array().is_some_and(|items| !items.is_empty()))
}

/// Returns the strategy of what names neither a launch type nor a strategy of its own.
pub(super) fn default_strategy<'w>(world: &'w World, cluster_arn: &str) -> Option<&'w Value> {
    strategy(&world.clusters.get(cluster_arn)?.document, "defaultCapacityProviderStrategy")
}

/// Returns the platform version that a request gets.
pub(super) fn platform_version(request: &Document) -> &str {
    match request.get("platformVersion").and_then(Value::as_str) {
        None | Some("LATEST" | "") => PLATFORM_VERSION,
        Some(version) => version,
    }
}

/// Refuses what this platform has not: container instances, external ones, unknown providers and versions.
///
/// # Errors
/// ECS's `InvalidParameterException`, `ClientException` or `PlatformUnknownException`.
pub(super) fn check(cx: &Cx<'_>, placement: &Placement, request: &Document) -> Result<(), AwsError> {
    if placement.launch_type.is_some() && strategy(request, "capacityProviderStrategy").is_some() {
        return Err(AwsError::invalid_parameter(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    // Where nothing runs, nothing lacks machines.
    if cx.runs_nothing() {
        return Ok(());
    }
    match placement.launch_type.as_deref() {
        None | Some("FARGATE") => {}
        // What ECS says on a cluster without instances (RunTask).
        Some("EC2") => {
            return Err(AwsError::invalid_parameter(
                "No Container Instances were found in your cluster. This platform runs launchType FARGATE only.",
            ));
        }
        Some(other) => {
            return Err(AwsError::invalid_parameter(format!(
                "launchType {other} is not supported by this platform: it runs FARGATE only."
            )));
        }
    }
    for item in request.get("capacityProviderStrategy").and_then(Value::as_array).into_iter().flatten() {
        let name = item.get("capacityProvider").and_then(Value::as_str).unwrap_or_default();
        if !PROVIDERS.contains(&name) {
            return Err(AwsError::invalid_parameter(format!(
                "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
            )));
        }
    }
    match platform_version(request) {
        "1.4.0" | "1.3.0" => Ok(()),
        _ => Err(AwsError::new("PlatformUnknownException", "The specified platform does not exist.")),
    }
}

/// All providers are this machine: the one with a base, or else the heaviest, gets every task.
fn heaviest(strategy: &Value) -> Option<String> {
    let number = |item: &Value, name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(0);
    let items = strategy.as_array()?;
    // `max_by_key` takes the last of equals; the first is meant.
    let chosen = items.iter().rev().max_by_key(|item| (number(item, "base"), number(item, "weight")))?;
    chosen.get("capacityProvider").and_then(Value::as_str).map(str::to_owned)
}
