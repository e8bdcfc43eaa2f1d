//! Previews as they are: remembered with every deploy, listed, and removed with all that was made for them. What
//! they share with other stages stays.

use aws::{CallError, Client, ECS, items};
use aws_model::Millis;
use deploy_core::Manifest;
use deploy_core::desired::{Desired, Preview};
use deploy_core::previews::Record;
use serde_json::{Value, json};

use crate::discovery;
use crate::down::{Balancer, remove_ingress, remove_services};
use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::journal::Journal;
use crate::observe::object;
use crate::{parameters, schedules};

/// Families of a task definition that a release command and one-off commands make.
const KIN: [&str; 3] = ["", "-release", "-run"];

/// Where an application's previews are remembered.
fn path(app: &str) -> String {
    format!("/managr/{app}/previews")
}

/// Remembers that a preview is deployed now, and until when it stays.
///
/// # Errors
/// See [`CallError`].
pub async fn touch(client: &Client, app: &str, preview: &Preview<'_>, by: &str) -> Result<Record, CallError> {
    // The store's clock is learned from an answer.
    parameters::below(client, &path(app)).await?;
    let now = client.now();
    let record = Record {
        name: preview.name.to_owned(),
        pr: preview.pr.to_owned(),
        from: preview.previews.from.clone(),
        host: preview.host(),
        by: by.to_owned(),
        deployed_at: now,
        expires_at: now + Millis::from(preview.previews.ttl()) * 1_000,
    };
    let written = serde_json::to_string(&record).expect("a record has text keys");
    parameters::overwrite(client, &name(app, preview.name), &written).await?;
    Ok(record)
}

fn name(app: &str, preview: &str) -> String {
    format!("{}/{preview}", path(app))
}

/// Returns the previews that are remembered, by name.
///
/// # Errors
/// See [`CallError`].
pub async fn list(client: &Client, app: &str) -> Result<Vec<Record>, CallError> {
    let found = parameters::below(client, &path(app)).await?;
    Ok(found.iter().filter_map(|parameter| serde_json::from_str(&parameter.value).ok()).collect())
}

/// Removes everything that deploys of a preview made, but for what is remembered of it. Safe to repeat.
///
/// # Errors
/// See [`StageError`].
pub async fn down(client: &Client, manifest: &Manifest, desired: &Desired, events: &Events) -> Result<(), StageError> {
    let shares = manifest.previews.as_ref().is_some_and(|previews| previews.host.is_some());
    let balancer = if shares { Balancer::Shared } else { Balancer::Own };
    schedules::remove_all(client, desired, events).await?;
    remove_services(client, desired, events).await?;
    for ingress in desired.services.iter().filter_map(|service| service.ingress.as_ref()) {
        remove_ingress(client, ingress, balancer, events).await?;
    }
    discovery::remove_names(client, desired, events).await?;
    for task in &desired.task_definitions {
        for kin in KIN {
            deregister(client, &format!("{}{kin}", task.family), events).await?;
        }
    }
    Ok(())
}

/// Forgets a preview: its releases, its lease, and that it was there.
///
/// # Errors
/// See [`CallError`].
pub async fn forget(client: &Client, app: &str, preview: &str) -> Result<(), CallError> {
    Journal::forget(client, app, preview).await?;
    parameters::delete(client, &[name(app, preview)]).await
}

/// Takes every revision of a family out of service. ECS keeps them, INACTIVE, as it does all.
async fn deregister(client: &Client, family: &str, events: &Events) -> Result<(), StageError> {
    let mut input = object(json!({ "familyPrefix": family, "status": "ACTIVE" }));
    let mut arns: Vec<String> = Vec::new();
    loop {
        let answer = client.call(&ECS, "ListTaskDefinitions", input.clone()).await?;
        arns.extend(items(&answer, "taskDefinitionArns").iter().filter_map(Value::as_str).map(str::to_owned));
        if !aws::go_on(&mut input, &answer) {
            break;
        }
    }
    // Some emulators take it for a prefix; what belongs to another family stays.
    let is_its = |arn: &String| {
        let revision = arn.rsplit('/').next().unwrap_or_default();
        revision.rsplit_once(':').is_some_and(|(name, _)| name == family)
    };
    arns.retain(is_its);
    for arn in &arns {
        let input = object(json!({ "taskDefinition": arn }));
        client.call(&ECS, "DeregisterTaskDefinition", input).await?;
    }
    if !arns.is_empty() {
        events.resource(ResourceChange::Deleted, "task definition", family);
    }
    Ok(())
}
