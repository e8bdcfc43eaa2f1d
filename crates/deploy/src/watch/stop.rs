//! Undoes a deployment that will not get there, instead of waiting until ECS notices.

use aws::{CallError, Client, ECS};
use serde_json::json;

use super::{Goal, ServiceView};
use crate::event::{Event, Events};
use crate::observe::object;

/// Asks for a deployment to be undone or, with nothing to go back to, to be given up; returns
/// whether that will show.
///
/// ECS does it itself (StopServiceDeployment); an endpoint that cannot is asked for the revision
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
    let (stop_type, then) = match &goal.previous {
        Some(_) => ("ROLLBACK", "going back"),
        None => ("ABORT", "there is nothing to go back to, so it is given up"),
    };
    let message = format!("{}: its tasks stop again and again for the same cause; {then}", view.name);
    // One that completed is over for ECS: its tasks began to stop only afterwards.
    if let Some(ours) = view.service_deployment.as_ref().filter(|ours| ours.status != "SUCCESSFUL") {
        let input = object(json!({ "serviceDeploymentArn": ours.arn, "stopType": stop_type }));
        match client.call(&ECS, "StopServiceDeployment", input).await {
            Ok(_) => {
                events.emit(Event::Warning { message });
                return Ok(true);
            }
            // It ended meanwhile, or is being undone already: the next look tells.
            Err(error) if error.is("ConflictException") => return Ok(true),
            Err(error) if error.is("InvalidParameterException") => return Ok(goal.previous.is_some()),
            Err(error) if error.is_unserved() || error.is_denied() => {}
            Err(error) => return Err(error),
        }
    }
    let Some(previous) = goal.previous.as_ref().filter(|previous| **previous != goal.task_definition) else {
        return Ok(false);
    };
    events.emit(Event::Warning { message });
    let input = object(json!({ "cluster": cluster, "service": view.name, "taskDefinition": previous }));
    client.call(&ECS, "UpdateService", input).await?;
    Ok(true)
}
