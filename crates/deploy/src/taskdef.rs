//! One revision for one service, without a manifest.

use std::time::Duration;

use aws::{Client, ECS};
use aws_model::Document;
use deploy_core::plan::controller::Controller;
use deploy_core::plan::short;
use serde_json::{Value, json};

use crate::apply::{self, before};
use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::observe::object;
use crate::watch::{Goal, Patience, ServiceView, Watch};

/// A service.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// Cluster.
    pub cluster: &'a str,
    /// Name.
    pub name: &'a str,
}

/// Registers a revision and returns its ARN.
///
/// # Errors
/// See [`StageError`].
pub async fn register(client: &Client, document: Document, events: &Events) -> Result<String, StageError> {
    let arn = apply::register(client, document).await?;
    events.resource(ResourceChange::Updated, "task definition", short(&arn));
    Ok(arn)
}

/// Returns a service as it is, before anything is registered for it.
///
/// # Errors
/// [`StageError::NoService`], [`StageError::OthersController`]; see [`StageError`].
pub async fn look(client: &Client, service: &Service<'_>) -> Result<ServiceView, StageError> {
    let Service { cluster, name } = *service;
    let seen = match before(client, cluster, name).await {
        Err(StageError::Call(error)) if error.is("ClusterNotFoundException") => ServiceView::default(),
        seen => seen?,
    };
    if seen.task_definition.is_empty() {
        return Err(StageError::NoService { service: name.to_owned(), cluster: cluster.to_owned() });
    }
    refuse_others(&seen)?;
    Ok(seen)
}

/// Refuses a service whose tasks another controller replaces: ECS would, after a revision was registered for it.
fn refuse_others(seen: &ServiceView) -> Result<(), StageError> {
    let Some(other) = Controller::named(&seen.controller) else { return Ok(()) };
    let (words, remedy) = (other.refuses("taskDefinition"), other.remedy());
    Err(StageError::OthersController { service: seen.name.clone(), words, remedy })
}

/// Lets a service, as [`look`] saw it, run a revision and, with `wait`, watches until it does.
///
/// # Errors
/// [`StageError::Lost`] when it does not get there; see [`StageError`].
pub async fn run(
    client: &Client,
    (service, seen): (&Service<'_>, ServiceView),
    revision: &str,
    wait: Option<Duration>,
    events: &Events,
) -> Result<(), StageError> {
    let Service { cluster, name } = *service;
    let running = seen.task_definition.clone();
    let input = object(json!({ "cluster": cluster, "service": name, "taskDefinition": revision }));
    let answer = client.call(&ECS, "UpdateService", input).await?;
    events.resource(ResourceChange::Updated, "service", name);
    let Some(limit) = wait else { return Ok(()) };
    let answered = answer.get("service").and_then(Value::as_object).cloned().unwrap_or_default();
    let deployment = ServiceView::read(&answered, [], []).primary().map(|d| d.id.clone()).unwrap_or_default();
    let goal = Goal { task_definition: revision.to_owned(), deployment, previous: Some(running) };
    let patience = Patience::of(client, limit);
    let watch = Watch { client, cluster, patience, stops_crash_loops: true, events };
    match watch.loss(&goal, seen).await? {
        Some(loss) => Err(StageError::Lost { losses: vec![loss] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_another_controller_replaces_gets_no_revision() {
        let check = |controller: Value, is_refused: bool| {
            let mut document = object(json!({ "serviceName": "web", "taskDefinition": "web:1" }));
            document.insert("deploymentController".to_owned(), controller.clone());
            let told = refuse_others(&ServiceView::read(&document, [], [])).map_err(|error| error.to_string());
            assert_eq!(told.is_err(), is_refused, "{controller}: {told:?}");
            assert!(told.err().is_none_or(|words| words.starts_with("service web: ")));
        };
        check(json!({ "type": "CODE_DEPLOY" }), true);
        check(json!({ "type": "EXTERNAL" }), true);
        check(json!({ "type": "ECS" }), false);
        check(Value::Null, false);
    }
}
