//! Takes a stage down: services first, then what carried requests to them, and with
//! `purge` everything that `up` made. Safe to repeat.

use std::time::{Duration, Instant};

use aws::{CallError, Client, ECR, ECS, ELB, LOGS, SECRETS};
use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec};
use serde_json::{Value, json};

use crate::databases;
use crate::discovery;
use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::journal::Journal;
use crate::observe::{self, object, text};
use crate::watch::{self, ServiceView, view};
use crate::{scaling, schedules};

/// How long tasks may take to stop: ECS's longest stop timeout and some.
const STOP_LIMIT: Duration = Duration::from_secs(150);

/// Takes a stage down.
///
/// # Errors
/// See [`StageError`].
pub async fn down(client: &Client, desired: &Desired, purge: bool, events: &Events) -> Result<(), StageError> {
    schedules::remove_all(client, desired, events).await?;
    scaling::remove_all(client, desired, events).await?;
    remove_services(client, desired, events).await?;
    for service in &desired.services {
        if let Some(ingress) = &service.ingress {
            remove_ingress(client, ingress, Balancer::Own, events).await?;
        }
    }
    discovery::remove_names(client, desired, events).await?;
    if purge {
        databases::remove_all(client, desired, events).await?;
        remove_rest(client, desired, events).await
    } else {
        Ok(())
    }
}

/// Whose the load balancer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balancer {
    /// The stage's, unless the manifest only points at its listener.
    Own,
    /// Another stage's: only what was put into it goes.
    Shared,
}

/// Deletes a stage's services and waits until their tasks have stopped.
pub(crate) async fn remove_services(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    // Stopping is asked for everywhere before anything is waited for.
    let mut stopping = Vec::new();
    for service in &desired.services {
        if let Some(before) = watch::look(client, &desired.cluster, &service.name).await? {
            delete_service(client, &desired.cluster, &service.name).await?;
            stopping.push(before);
        }
    }
    for before in stopping {
        let name = before.name.clone();
        wait_stopped(client, &desired.cluster, before, events).await?;
        events.resource(ResourceChange::Deleted, "service", &name);
    }
    Ok(())
}

async fn delete_service(client: &Client, cluster: &str, name: &str) -> Result<(), CallError> {
    let input = object(json!({ "cluster": cluster, "service": name, "force": true }));
    match client.call(&ECS, "DeleteService", input).await {
        Err(error) if !gone(&error, &["ServiceNotFoundException", "ServiceNotActiveException"]) => Err(error),
        _ => Ok(()),
    }
}

pub(crate) fn gone(error: &CallError, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}

async fn wait_stopped(
    client: &Client,
    cluster: &str,
    mut before: ServiceView,
    events: &Events,
) -> Result<(), StageError> {
    let since = Instant::now();
    let name = before.name.clone();
    loop {
        let tasks = observe::tasks(client, cluster, &name).await?;
        let service = object(json!({ "serviceName": name }));
        let mut now = ServiceView::read(&service, &tasks, []);
        // A service that is gone no longer lists its tasks: what it had is asked for by name.
        if now.tasks.is_empty() {
            now.tasks = still_there(client, cluster, &before).await?;
        }
        for event in view::news(&before, &now) {
            events.emit(event);
        }
        let count = now.tasks.iter().filter(|task| !task.is_stopped()).count();
        if count == 0 {
            return Ok(());
        }
        if since.elapsed() > STOP_LIMIT {
            return Err(StageError::NotStopped { service: name, count });
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn still_there(client: &Client, cluster: &str, view: &ServiceView) -> Result<Vec<watch::TaskView>, StageError> {
    let ids: Vec<&str> = view.tasks.iter().map(|task| task.id.as_str()).collect();
    let mut found = Vec::new();
    for chunk in ids.chunks(100) {
        let answer = client.call(&ECS, "DescribeTasks", object(json!({ "cluster": cluster, "tasks": chunk }))).await?;
        found.extend(aws::items(&answer, "tasks").iter().filter_map(Value::as_object).map(watch::TaskView::read));
    }
    Ok(found)
}

/// Removes the load balancer and the target group that are ours; what the manifest only
/// points at stays.
pub(crate) async fn remove_ingress(
    client: &Client,
    ingress: &IngressSpec,
    balancer: Balancer,
    events: &Events,
) -> Result<(), StageError> {
    if ingress.listener_arn.is_none()
        && balancer == Balancer::Own
        && let Some(balancer) = observe::load_balancer(client, &ingress.load_balancer).await?
    {
        let arn = text(&balancer, "LoadBalancerArn");
        for listener in observe::listeners(client, arn).await? {
            let input = object(json!({ "ListenerArn": text(&listener, "ListenerArn") }));
            remove(client.call(&ELB, "DeleteListener", input).await, &["ListenerNotFound"])?;
        }
        let input = object(json!({ "LoadBalancerArn": arn }));
        remove(client.call(&ELB, "DeleteLoadBalancer", input).await, &["LoadBalancerNotFound"])?;
        events.resource(ResourceChange::Deleted, "load balancer", &ingress.load_balancer);
    }
    if ingress.target_group_arn.is_none()
        && let Some(group) = observe::target_group(client, &ingress.target_group).await?
    {
        for listener in listeners_with_rules(client, ingress, balancer).await? {
            remove_rules(client, &listener, text(&group, "TargetGroupArn")).await?;
        }
        let input = object(json!({ "TargetGroupArn": text(&group, "TargetGroupArn") }));
        remove(client.call(&ELB, "DeleteTargetGroup", input).await, &["TargetGroupNotFound"])?;
        events.resource(ResourceChange::Deleted, "target group", &ingress.target_group);
    }
    Ok(())
}

/// Returns the listeners that stay, and that may have rules of ours.
async fn listeners_with_rules(
    client: &Client,
    ingress: &IngressSpec,
    balancer: Balancer,
) -> Result<Vec<String>, CallError> {
    if let Some(listener) = &ingress.listener_arn {
        return Ok(vec![listener.clone()]);
    }
    let found = match balancer {
        Balancer::Own => None,
        Balancer::Shared => observe::load_balancer(client, &ingress.load_balancer).await?,
    };
    let Some(found) = found else { return Ok(Vec::new()) };
    let listeners = observe::listeners(client, text(&found, "LoadBalancerArn")).await?;
    Ok(listeners.iter().map(|listener| text(listener, "ListenerArn").to_owned()).collect())
}

async fn remove_rules(client: &Client, listener: &str, group: &str) -> Result<(), StageError> {
    for rule in observe::rules(client, listener).await? {
        let mut actions = aws::items(&rule, "Actions").iter().filter_map(Value::as_object);
        if text(&rule, "IsDefault") != "true" && actions.any(|action| text(action, "TargetGroupArn") == group) {
            let input = object(json!({ "RuleArn": text(&rule, "RuleArn") }));
            remove(client.call(&ELB, "DeleteRule", input).await, &["RuleNotFound"])?;
        }
    }
    Ok(())
}

/// Something that is gone already was not there to remove.
pub(crate) fn remove(result: Result<Document, CallError>, codes: &[&str]) -> Result<bool, CallError> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if gone(&error, codes) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn remove_rest(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    match Journal::forget(client, &desired.app, &desired.stage).await {
        Err(error) if !error.is_unserved() => return Err(error.into()),
        _ => {}
    }
    if let Some(secret) = &desired.secret
        && observe::secret(client, &secret.name).await?.is_some()
    {
        let input = object(json!({ "SecretId": secret.name, "ForceDeleteWithoutRecovery": true }));
        if remove(client.call(&SECRETS, "DeleteSecret", input).await, &["ResourceNotFoundException"])? {
            events.resource(ResourceChange::Deleted, "secret", &secret.name);
        }
    }
    for name in &desired.log_groups {
        let input = object(json!({ "logGroupName": name }));
        if remove(client.call(&LOGS, "DeleteLogGroup", input).await, &["ResourceNotFoundException"])? {
            events.resource(ResourceChange::Deleted, "log group", name);
        }
    }
    for name in &desired.repositories {
        let input = object(json!({ "repositoryName": name, "force": true }));
        if remove(client.call(&ECR, "DeleteRepository", input).await, &["RepositoryNotFoundException"])? {
            events.resource(ResourceChange::Deleted, "repository", name);
        }
    }
    if observe::cluster(client, &desired.cluster).await?.is_none() {
        return Ok(());
    }
    let input = object(json!({ "cluster": desired.cluster }));
    // Another stage may live in the same cluster.
    let codes = ["ClusterNotFoundException", "ClusterContainsServicesException", "ClusterContainsTasksException"];
    if remove(client.call(&ECS, "DeleteCluster", input).await, &codes)? {
        events.resource(ResourceChange::Deleted, "cluster", &desired.cluster);
    }
    Ok(())
}
