//! How finely does a service want to be measured? (`monitoring` of CreateService and UpdateService.)

use aws_model::{AwsError, Document};
use serde_json::Value;

use crate::world::Service;

/// "The supported metric names" (API reference, MetricConfiguration).
const NAMES: [&str; 2] = ["CPUUtilization", "MemoryUtilization"];

/// Whether a service has a metric told every 20 seconds.
pub(super) fn is_fine(service: &Service, metric: &str) -> bool {
    let finest = |configuration: &&Value| configuration.get("resolutionSeconds").and_then(Value::as_i64) == Some(20);
    configurations(&service.document).filter(finest).flat_map(names).any(|name| name == metric)
}

/// Checks what the model cannot say of a service's `monitoring`.
pub(crate) fn check(document: &Document) -> Result<(), AwsError> {
    for configuration in configurations(document) {
        let seconds = configuration.get("resolutionSeconds").and_then(Value::as_i64).unwrap_or_default();
        // "The valid values are 20 and 60."
        if seconds != 20 && seconds != 60 {
            return Err(AwsError::invalid_parameter(format!(
                "The resolutionSeconds {seconds} of monitoring is not valid: 20 and 60 are."
            )));
        }
        if let Some(name) = names(configuration).find(|name| !NAMES.contains(name)) {
            return Err(AwsError::invalid_parameter(format!(
                "The metric name {name} of monitoring is not supported: CPUUtilization and MemoryUtilization are."
            )));
        }
    }
    Ok(())
}

fn configurations(document: &Document) -> impl Iterator<Item = &Value> {
    let list = document.get("monitoring").and_then(|monitoring| monitoring.get("metricConfigurations"));
    list.and_then(Value::as_array).into_iter().flatten()
}

fn names(configuration: &Value) -> impl Iterator<Item = &str> {
    configuration.get("metricNames").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
