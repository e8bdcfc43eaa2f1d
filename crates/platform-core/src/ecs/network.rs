//! A request's network configuration.

use aws_model::task_definition::TaskDefinition;
use aws_model::{AwsError, Document};
use serde_json::{Value, json};

/// Refuses a request whose network configuration does not fit the task definition.
pub(super) fn check(spec: &TaskDefinition, request: &Document) -> Result<(), AwsError> {
    let awsvpc = spec.network_mode.as_deref() == Some("awsvpc");
    let given = request.get("networkConfiguration").and_then(|n| n.get("awsvpcConfiguration"));
    match given {
        None if awsvpc => Err(AwsError::invalid_parameter(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )),
        Some(_) if !awsvpc => Err(AwsError::invalid_parameter(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        )),
        Some(config) => {
            let length = |name: &str| config.get(name).and_then(Value::as_array).map_or(0, Vec::len);
            match (length("subnets"), length("securityGroups")) {
                (0, _) => Err(AwsError::invalid_parameter("subnets can not be empty.")),
                (n, _) if n > 16 => Err(AwsError::invalid_parameter("subnets can have at most 16 items.")),
                (_, n) if n > 5 => Err(AwsError::invalid_parameter("securityGroups can have at most 5 items.")),
                _ => Ok(()),
            }
        }
        None => Ok(()),
    }
}

/// Fills in what ECS answers for an `awsvpcConfiguration`.
pub(super) fn fill(request: &mut Document) {
    let config = request.get_mut("networkConfiguration").and_then(|n| n.get_mut("awsvpcConfiguration"));
    if let Some(config) = config.and_then(Value::as_object_mut) {
        config.entry("securityGroups").or_insert_with(|| json!([]));
        config.entry("assignPublicIp").or_insert_with(|| json!("DISABLED"));
    }
}
