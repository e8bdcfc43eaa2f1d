//! What became of a service's deployments: list and describe, ended ones included.

use aws_model::arn::{Arn, InCluster};
use aws_model::{AwsError, Document, Millis, seconds};
use serde_json::{Value, json};

use super::find;
use super::input::{failure, named, required, text, texts};
use super::page::Page;
use super::service_render::{revision_arn, revision_counts};
use crate::world::{AlarmWatch, DeploymentStatus, Service, ServiceDeployment, World};
use crate::{Cx, Input};

/// ListServiceDeployments: newest first.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let service = service_of(world, cx, input)?;
    // "If this parameter isn't used, then ListServiceDeployments returns up to 20 results" (API reference).
    let page = Page::read_with_default(input, 100, 20)?;
    let after = page.after.and_then(place);
    let wanted: Vec<&str> = texts(input, "status").collect();
    let bound = |name: &str| input.get("createdAt").and_then(|c| c.get(name)?.as_f64()).map(|s| (s * 1000.0) as Millis);
    let (before, later) = (bound("before"), bound("after"));
    let fits = |row: &&ServiceDeployment| {
        before.is_none_or(|t| row.created_at < t)
            && later.is_none_or(|t| row.created_at > t)
            && (wanted.is_empty() || wanted.contains(&row.status.as_str()))
            && after.is_none_or(|place| (row.created_at, row.arn.as_str()) < place)
    };
    let rows = world.deployments_of(&service.arn).into_iter().map(|row| &**row).filter(fits);
    Ok(page.answer_documents("serviceDeployments", rows.map(|row| (token(row), brief(row)))))
}

/// DescribeServiceDeployments.
pub(super) fn describe(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in named(input, "serviceDeploymentArns", 20)? {
        let row = world.service_deployments.get(arn);
        match row.and_then(|row| Some((row, world.services.get(&row.service_arn)?))) {
            Some((row, service)) => found.push(render(world, service, row)),
            None => failures.push(failure(arn, "MISSING")),
        }
    }
    Ok(json!({"serviceDeployments": found, "failures": failures}))
}

/// A service's ARN names its cluster; only a bare name is looked for in the caller's (or the default) one.
fn service_of<'w>(world: &'w World, cx: &Cx<'_>, input: &Input) -> Result<&'w Service, AwsError> {
    let service = required(input, "service")?;
    let mut input = input.clone();
    if text(&input, "cluster").is_none()
        && service.starts_with("arn:")
        && let Some(cluster) = InCluster::parse("service", service).and_then(|parsed| parsed.cluster)
    {
        input.insert("cluster".into(), cluster.into());
    }
    let cluster = find::cluster(world, cx, &input)?;
    Ok(find::service(world, cluster, service)?)
}

/// A page's token: the place in the list, valid though the record that was there is forgotten.
fn token(row: &ServiceDeployment) -> String {
    format!("{}|{}", row.created_at, row.arn)
}

fn place(token: &str) -> Option<(Millis, &str)> {
    let (at, arn) = token.split_once('|')?;
    Arn::ecs(arn, "service-deployment")?;
    Some((at.parse().ok()?, arn))
}

fn brief(row: &ServiceDeployment) -> Value {
    let mut out = Document::new();
    out.insert("serviceDeploymentArn".into(), row.arn.clone().into());
    out.insert("serviceArn".into(), row.service_arn.clone().into());
    out.insert("clusterArn".into(), row.cluster_arn.clone().into());
    let times = [("startedAt", row.started_at), ("createdAt", Some(row.created_at)), ("finishedAt", row.finished_at)];
    put_times(&mut out, &times);
    out.insert("targetServiceRevisionArn".into(), revision_arn(&row.service_arn, &row.target.number).into());
    out.insert("status".into(), row.status.as_str().into());
    if let Some(reason) = &row.status_reason {
        out.insert("statusReason".into(), reason.clone().into());
    }
    Value::Object(out)
}

fn put_times(out: &mut Document, times: &[(&str, Option<Millis>)]) {
    for (name, at) in times {
        if let Some(at) = at {
            out.insert((*name).to_owned(), seconds(*at));
        }
    }
}

fn render(world: &World, service: &Service, row: &ServiceDeployment) -> Value {
    let mut out = Document::new();
    out.insert("serviceDeploymentArn".into(), row.arn.clone().into());
    out.insert("serviceArn".into(), row.service_arn.clone().into());
    out.insert("clusterArn".into(), row.cluster_arn.clone().into());
    put_times(
        &mut out,
        &[
            ("createdAt", Some(row.created_at)),
            ("startedAt", row.started_at),
            ("finishedAt", row.finished_at),
            ("stoppedAt", row.stopped_at),
            ("updatedAt", Some(row.updated_at)),
        ],
    );
    let sources = row.sources.iter().map(|number| revision_counts(world, service, number));
    out.insert("sourceServiceRevisions".into(), sources.collect());
    out.insert("targetServiceRevision".into(), revision_counts(world, service, &row.target.number));
    out.insert("status".into(), row.status.as_str().into());
    if let Some(reason) = &row.status_reason {
        out.insert("statusReason".into(), reason.clone().into());
    }
    if let Some(stage) = stage(world, service, row) {
        out.insert("lifecycleStage".into(), stage.into());
    }
    if let Some(configuration) = &row.configuration {
        out.insert("deploymentConfiguration".into(), configuration.clone());
    }
    if let Some(rollback) = &row.rollback {
        let mut told = json!({"reason": rollback.reason, "startedAt": seconds(rollback.started_at)});
        if let Some(number) = &rollback.number {
            told["serviceRevisionArn"] = revision_arn(&row.service_arn, number).into();
        }
        out.insert("rollback".into(), told);
    }
    out.insert("deploymentCircuitBreaker".into(), breaker(row));
    out.insert("alarms".into(), alarms(row));
    Value::Object(out)
}

/// A rolling deployment scales up until its revision has all of its tasks, and then cleans up the old ones.
fn stage(world: &World, service: &Service, row: &ServiceDeployment) -> Option<&'static str> {
    if row.status.is_final() {
        return None;
    }
    let back = row.rollback.as_ref().and_then(|r| r.number.as_deref());
    let counts = world.task_index.counts(&format!("ecs-svc/{}", back.unwrap_or(&row.target.number)));
    Some(match row.status {
        DeploymentStatus::Pending => "RECONCILE_SERVICE",
        _ if row.alarms.baking_since.is_some() => "BAKE_TIME",
        _ if counts.running < service.desired_count => "SCALE_UP",
        _ => "CLEAN_UP",
    })
}

/// "Amazon ECS is not using alarms for service deployment failures when the status is DISABLED" (API reference).
fn alarms(row: &ServiceDeployment) -> Value {
    let seen = &row.alarms;
    let status = match seen.watch {
        AlarmWatch::Triggered => "TRIGGERED",
        AlarmWatch::New | AlarmWatch::Off => "DISABLED",
        AlarmWatch::Waiting | AlarmWatch::On if row.status.is_final() => "MONITORING_COMPLETE",
        AlarmWatch::Waiting | AlarmWatch::On => "MONITORING",
    };
    let mut told = json!({"status": status});
    for (name, alarms) in [("alarmNames", &seen.names), ("triggeredAlarmNames", &seen.raised)] {
        if !alarms.is_empty() {
            told[name] = json!(alarms);
        }
    }
    told
}

fn breaker(row: &ServiceDeployment) -> Value {
    let status = match (row.breaker.enabled, row.breaker.triggered, row.status.is_final()) {
        (_, true, _) => "TRIGGERED",
        (false, _, _) => "DISABLED",
        (true, false, false) => "MONITORING",
        (true, false, true) => "MONITORING_COMPLETE",
    };
    json!({"status": status, "failureCount": row.breaker.failures, "threshold": row.breaker.threshold})
}
