//! Undoes a deployment that will not get there, instead of waiting until ECS notices.

use aws::{CallError, Client, ECS};
use serde_json::json;

use super::{Goal, ServiceView};
use crate::event::{Event, Events};
use crate::observe::object;

/// Asks for a deployment to be undone; returns whether there is something to go back to.
///
/// ECS undoes it itself (StopServiceDeployment); an endpoint that cannot is asked for the revision
/// that ran before.
///
/// # Errors
/// See [`CallError`].
pub(super) async fn stop(
    client: &Client,
    cluster: &str,
    goal: &Goal,
    view: &ServiceView,
    events: &Events,
) -> Result<bool, CallError> {
    let Some(previous) = goal.previous.as_ref() else { return Ok(false) };
    let message = format!("{}: its tasks stop again and again for the same cause; going back", view.name);
    // One that completed is over for ECS: its tasks began to stop only afterwards.
    if let Some(ours) = view.service_deployment.as_ref().filter(|ours| ours.status != "SUCCESSFUL") {
        let input = object(json!({ "serviceDeploymentArn": ours.arn, "stopType": "ROLLBACK" }));
        match client.call(&ECS, "StopServiceDeployment", input).await {
            Ok(_) => {
                events.emit(Event::Warning { message });
                return Ok(true);
            }
            // It ended meanwhile, or is being undone already: the next look tells.
            Err(error) if error.is("ConflictException") || error.is("InvalidParameterException") => return Ok(true),
            Err(error) if error.is_unserved() || error.is_denied() => {}
            Err(error) => return Err(error),
        }
    }
    if *previous == goal.task_definition {
        return Ok(false);
    }
    events.emit(Event::Warning { message });
    let input = object(json!({ "cluster": cluster, "service": view.name, "taskDefinition": previous }));
    client.call(&ECS, "UpdateService", input).await?;
    Ok(true)
}
