//! Task definitions and services: planned as values, then done.
//!
//! A revision is registered only when it says something else than the newest one, and a
//! service is touched only when it is not as it should be.

use aws::{Client, ECS};
use deploy_core::desired::{Desired, ServiceDoc, update_document};
use deploy_core::{same_service, same_task_definition};
use ecs_model::Document;
use serde_json::{Value, json};

use crate::error::UpError;
use crate::event::{Events, Outcome};
use crate::observe::{self, object, text};
use crate::watch::{self, Goal, ServiceView};

/// What will be done for one service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The service.
    pub(super) service: ServiceDoc,
    /// What becomes of its task definition.
    pub(super) revision: Revision,
    /// What becomes of itself.
    pub(super) action: Action,
}

/// What becomes of a task definition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Revision {
    /// The newest revision already says it.
    Keep { arn: String },
    /// A revision must be registered.
    Register { document: Document },
}

/// What becomes of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It is not there.
    Create,
    /// It is different, or its tasks are out of date.
    Update { replace_tasks: bool },
    /// It is as it should be.
    Keep,
}

/// Returns what will be done for every service.
pub(super) async fn plan_all(client: &Client, desired: &Desired, secret_changed: bool) -> Result<Vec<Plan>, UpError> {
    let mut plans = Vec::with_capacity(desired.services.len());
    for service in &desired.services {
        let Some(task) = desired.service_task(&service.service) else { continue };
        let newest = observe::task_definition(client, &task.family).await?;
        let live = live_service(client, &desired.cluster, &service.name).await?;
        plans.push(plan(service, &task.document, newest.as_ref(), live.as_ref(), secret_changed));
    }
    Ok(plans)
}

/// Returns a service that can be updated; waits out the end of one that was deleted.
async fn live_service(client: &Client, cluster: &str, name: &str) -> Result<Option<Document>, UpError> {
    for _ in 0..600 {
        match observe::service(client, cluster, name).await? {
            Some(service) if text(&service, "status") == "DRAINING" => {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            found => return Ok(found),
        }
    }
    Err(UpError::Draining { service: name.to_owned() })
}

fn plan(
    service: &ServiceDoc,
    wanted: &Document,
    newest: Option<&Document>,
    live: Option<&Document>,
    secret_changed: bool,
) -> Plan {
    let kept = newest.filter(|newest| same_task_definition(wanted, newest));
    let revision = match kept {
        Some(newest) => Revision::Keep { arn: text(newest, "taskDefinitionArn").to_owned() },
        None => Revision::Register { document: wanted.clone() },
    };
    let action = match (live, &revision) {
        (None, _) => Action::Create,
        (Some(live), Revision::Keep { arn }) if same_service(&with_revision(&service.document, arn), live) => {
            // Values of secrets are read at a task's start: new ones need new tasks. A deployment that
            // failed for good starts nothing more: asking again means trying again.
            if secret_changed || has_failed(live) { Action::Update { replace_tasks: true } } else { Action::Keep }
        }
        (Some(_), _) => Action::Update { replace_tasks: secret_changed },
    };
    Plan { service: service.clone(), revision, action }
}

/// Whether the newest deployment of a service was given up.
fn has_failed(live: &Document) -> bool {
    let deployments = live.get("deployments").and_then(Value::as_array);
    let primary = deployments.into_iter().flatten().find(|d| d["status"] == "PRIMARY");
    primary.is_some_and(|d| d["rolloutState"] == "FAILED")
}

fn with_revision(document: &Document, arn: &str) -> Document {
    let mut document = document.clone();
    document.insert("taskDefinition".to_owned(), arn.into());
    document
}

/// Does what was planned; returns what to wait for, and what the service looked like before.
pub(super) async fn apply(client: &Client, plan: Plan, events: &Events) -> Result<(Goal, ServiceView), UpError> {
    let family = &plan.service.family;
    let arn = match plan.revision {
        Revision::Keep { arn } => {
            events.resource(Outcome::Unchanged, "task definition", short(&arn));
            arn
        }
        Revision::Register { document } => {
            let arn = register(client, document).await?;
            let outcome = if arn.ends_with(":1") { Outcome::Created } else { Outcome::Updated };
            events.resource(outcome, "task definition", short(&arn));
            arn
        }
    };
    tracing::debug!(%family, %arn, "revision settled");
    let request = with_revision(&plan.service.document, &arn);
    let cluster = text(&request, "cluster").to_owned();
    let name = plan.service.name;
    let before = match watch::look(client, &cluster, &name).await? {
        Some(before) => before,
        // Tasks of a service of this name that was deleted are still remembered: no news.
        None => {
            let remembered = observe::tasks(client, &cluster, &name).await?;
            ServiceView::read(&object(json!({ "serviceName": name })), &remembered, [])
        }
    };

    let (answer, outcome) = match plan.action {
        Action::Keep => (observe::service(client, &cluster, &name).await?.unwrap_or_default(), Outcome::Unchanged),
        Action::Create => (service_of(client.call(&ECS, "CreateService", request).await?), Outcome::Created),
        Action::Update { replace_tasks } => {
            let mut update = update_document(&request);
            if replace_tasks {
                update.insert("forceNewDeployment".to_owned(), json!(true));
            }
            (service_of(client.call(&ECS, "UpdateService", update).await?), Outcome::Updated)
        }
    };
    events.resource(outcome, "service", &name);
    let view = ServiceView::read(&answer, [], []);
    let deployment = view.primary().map(|primary| primary.id.clone()).unwrap_or_default();
    Ok((Goal { task_definition: arn, deployment }, before))
}

/// Registers a revision and returns its ARN.
pub(super) async fn register(client: &Client, document: Document) -> Result<String, UpError> {
    let answer = client.call(&ECS, "RegisterTaskDefinition", document).await?;
    let found = answer.get("taskDefinition").and_then(Value::as_object).map(|found| text(found, "taskDefinitionArn"));
    let arn = found.filter(|arn| !arn.is_empty());
    Ok(arn.ok_or(UpError::Incomplete { operation: "RegisterTaskDefinition", member: "taskDefinitionArn" })?.to_owned())
}

fn service_of(mut answer: Document) -> Document {
    match answer.remove("service") {
        Some(Value::Object(service)) => service,
        _ => object(json!({})),
    }
}

/// Returns `family:revision` of an ARN.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceDoc {
        ServiceDoc {
            service: "app".into(),
            name: "a-app-local".into(),
            family: "a-app".into(),
            document: object(json!({"serviceName": "a-app-local", "taskDefinition": "a-app", "desiredCount": 1})),
            ingress: None,
            release: None,
        }
    }

    fn definition(image: &str) -> Document {
        object(json!({
            "family": "a-app", "taskDefinitionArn": "arn:td/a-app:3",
            "containerDefinitions": [{"name": "web", "image": image, "essential": true}],
        }))
    }

    fn check(newest: Option<Document>, live: Option<Value>, secret_changed: bool, expected: &str) {
        let mut wanted = definition("one");
        wanted.remove("taskDefinitionArn");
        let live = live.map(object);
        let plan = plan(&service(), &wanted, newest.as_ref(), live.as_ref(), secret_changed);
        let revision = match &plan.revision {
            Revision::Keep { arn } => format!("keep {}", short(arn)),
            Revision::Register { .. } => "register".to_owned(),
        };
        assert_eq!(format!("{revision}, {:?}", plan.action), expected);
    }

    #[test]
    fn only_what_differs_is_touched() {
        let live = |revision: &str, count: u32| {
            Some(json!({"serviceName": "a-app-local", "taskDefinition": revision, "desiredCount": count}))
        };
        check(None, None, false, "register, Create");
        check(Some(definition("one")), None, false, "keep a-app:3, Create");
        check(Some(definition("one")), live("arn:td/a-app:3", 1), false, "keep a-app:3, Keep");
        check(Some(definition("two")), live("arn:td/a-app:3", 1), false, "register, Update { replace_tasks: false }");
        check(
            Some(definition("one")),
            live("arn:td/a-app:2", 1),
            false,
            "keep a-app:3, Update { replace_tasks: false }",
        );
        check(
            Some(definition("one")),
            live("arn:td/a-app:3", 2),
            false,
            "keep a-app:3, Update { replace_tasks: false }",
        );
    }

    #[test]
    fn new_values_of_secrets_replace_the_tasks() {
        let live = Some(json!({"serviceName": "a-app-local", "taskDefinition": "arn:td/a-app:3", "desiredCount": 1}));
        check(Some(definition("one")), live, true, "keep a-app:3, Update { replace_tasks: true }");
    }

    #[test]
    fn a_deployment_that_was_given_up_is_tried_again() {
        let live = |state: &str| {
            let deployments = json!([{"status": "PRIMARY", "rolloutState": state}]);
            let mut service =
                json!({"serviceName": "a-app-local", "taskDefinition": "arn:td/a-app:3", "desiredCount": 1});
            service["deployments"] = deployments;
            Some(service)
        };
        check(Some(definition("one")), live("COMPLETED"), false, "keep a-app:3, Keep");
        check(Some(definition("one")), live("IN_PROGRESS"), false, "keep a-app:3, Keep");
        check(Some(definition("one")), live("FAILED"), false, "keep a-app:3, Update { replace_tasks: true }");
    }
}
