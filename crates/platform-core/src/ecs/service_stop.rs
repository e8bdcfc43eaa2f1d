//! StopServiceDeployment: asks the scheduler to go back, or to stop where it is.

use aws_model::arn::Arn;
use aws_model::{AwsError, Document};
use serde_json::json;

use super::input::{required, text};
use crate::world::{Change, DeploymentStatus, ServiceDeployment, World};
use crate::{Cx, Input, Outcome};

/// StopServiceDeployment. One that is on its way to its end already goes on there, as the developer guide
/// says ("Stopping Amazon ECS service deployments").
pub(super) fn stop(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let row = find(world, &input)?;
    if row.status.is_final() {
        return Err(AwsError::new(
            "ConflictException",
            format!("The service deployment cannot be stopped: its status is {}.", row.status.as_str()),
        ));
    }
    let asked = match text(&input, "stopType") {
        Some("ABORT") => DeploymentStatus::StopRequested,
        _ => DeploymentStatus::RollbackRequested,
    };
    let moving = matches!(row.status, DeploymentStatus::Pending | DeploymentStatus::InProgress);
    let stopped = || ServiceDeployment { status: asked, updated_at: cx.now, ..row.clone() };
    let changes = moving.then(|| Change::ServiceDeployment(stopped())).into_iter().collect();
    Ok(Outcome { reply: json!({"serviceDeploymentArn": row.arn}), changes })
}

fn find<'w>(world: &'w World, input: &Document) -> Result<&'w ServiceDeployment, AwsError> {
    let arn = required(input, "serviceDeploymentArn")?;
    if Arn::ecs(arn, "service-deployment").is_none() {
        return Err(AwsError::invalid_parameter(
            "Invalid identifier: serviceDeploymentArn is not the ARN of a service deployment.",
        ));
    }
    let missing = || AwsError::new("ServiceDeploymentNotFoundException", "Service deployment not found.");
    world.service_deployments.get(arn).map(|row| &**row).ok_or_else(missing)
}
