//! What is there to say of the schedules of a stage: when next, how it went last, and of which release it is?
//!
//! From what fires them, tasks, logs and the record of releases: nothing of it is the embedded platform's alone.

use std::collections::BTreeMap;

use aws::{CallError, Client};
use aws_model::Millis;
use deploy_core::desired::{Desired, ScheduleDoc};
use deploy_core::manifest::Via;
use deploy_core::plan::short;
use deploy_core::release::Release;
use futures_util::future::try_join_all;
use futures_util::join;
use serde::Serialize;
use serde_json::Value;

use super::next::Clock;
use super::runs::{Run, runs};
use super::seen::{self, Seen};
use crate::journal::Journal;
use crate::logs;
use crate::observe::text;

/// What is known of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleStatus {
    /// Name in the manifest.
    pub schedule: String,
    /// Name of its rule, or of its schedule in EventBridge Scheduler.
    pub name: String,
    /// Its group in EventBridge Scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What fires it.
    pub via: Via,
    /// Whether it is there.
    pub exists: bool,
    /// Its expression: as it is there, or else the manifest's.
    pub expression: String,
    /// The zone that this is meant in.
    pub timezone: String,
    /// Whether it fires.
    pub enabled: bool,
    /// What the manifest says of that, if it says it: a deploy brings it back to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_in_manifest: Option<bool>,
    /// When it fires next, in milliseconds since the epoch; none if never, or if that is not known.
    pub next: Option<Millis>,
    /// The revision that it starts, `family:revision`.
    pub revision: String,
    /// The release that put that there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// The last run that ECS remembers.
    pub last: Option<Run>,
    /// What wrote last, where no run is remembered any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrote: Option<Wrote>,
}

/// The last task of which there are lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrote {
    /// Id of the task.
    pub task: String,
    /// When it wrote its last line.
    pub at: Millis,
}

/// What is known of a stage's schedules, and what could not be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedules {
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// Schedules, in the order of the manifest.
    pub schedules: Vec<ScheduleStatus>,
    /// What could not be told, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Looks at the schedules of a stage.
///
/// # Errors
/// See [`CallError`]. What only adds to the picture (logs, releases) is a note where it cannot be read.
pub async fn show(client: &Client, desired: &Desired) -> Result<Schedules, CallError> {
    let journal = Journal::new(client, &desired.app, &desired.stage);
    let (seen, runs, releases) =
        join!(seen::look(client, &desired.schedules), runs(client, desired), journal.releases());
    let (seen, mut runs) = (seen?, runs?);
    let mut notes = Vec::new();
    if seen.rules.is_none() || seen.scheduler.is_none() {
        notes.push("the endpoint does not serve all that schedules need".to_owned());
    }
    let releases = releases.unwrap_or_else(|error| {
        notes.push(format!("the releases of the stage could not be read: {error}"));
        Vec::new()
    });
    let now = client.now();
    let mut schedules: Vec<ScheduleStatus> = desired
        .schedules
        .iter()
        .map(|doc| status(doc, &seen, runs.remove(&doc.name).unwrap_or_default(), &releases, now))
        .collect();
    let wrote = schedules
        .iter()
        .filter(|one| one.last.is_none())
        .map(async |one| Ok::<_, CallError>((one.schedule.clone(), wrote(client, desired, &one.schedule).await?)));
    match try_join_all(wrote).await {
        Ok(found) => {
            let mut found: BTreeMap<String, Option<Wrote>> = found.into_iter().collect();
            schedules.iter_mut().for_each(|one| one.wrote = found.remove(&one.schedule).flatten());
        }
        Err(error) => notes.push(format!("what earlier runs wrote could not be looked for: {error}")),
    }
    Ok(Schedules { app: desired.app.clone(), stage: desired.stage.clone(), schedules, notes })
}

fn status(doc: &ScheduleDoc, seen: &Seen, runs: Vec<Run>, releases: &[Release], now: Millis) -> ScheduleStatus {
    let found = seen.described(doc);
    let by_clock = runs.iter().rev().find(|run| !run.by_hand).map(|run| run.at);
    let clock = found.map(|(via, described)| Clock { via, described, fired: by_clock });
    let starts = seen.target(doc).and_then(|target| target.get("EcsParameters")?.get("TaskDefinitionArn")?.as_str());
    let revision = starts.map(short).unwrap_or_default().to_owned();
    let is_its = |release: &&Release| release.schedules.get(&doc.rule).is_some_and(|arn| Some(arn.as_str()) == starts);
    let via = found.map_or(doc.via, |(via, _)| via);
    ScheduleStatus {
        schedule: doc.name.clone(),
        name: doc.rule.clone(),
        group: (via == Via::Scheduler).then(|| doc.group().to_owned()),
        via,
        exists: found.is_some(),
        expression: found.map_or_else(|| doc.expression.clone(), |(_, one)| text(one, "ScheduleExpression").to_owned()),
        timezone: clock.as_ref().map_or_else(|| doc.zone(), Clock::zone).to_owned(),
        enabled: clock.as_ref().is_some_and(Clock::is_enabled),
        enabled_in_manifest: doc.enabled,
        next: clock.and_then(|clock| clock.next(now)),
        release: releases.iter().rev().find(is_its).map(|release| release.number),
        revision,
        last: runs.into_iter().next_back(),
        wrote: None,
    }
}

/// Looks for what a schedule's task wrote last. Nothing tells who started a task that others start too.
async fn wrote(client: &Client, desired: &Desired, schedule: &str) -> Result<Option<Wrote>, CallError> {
    let Some(doc) = desired.schedules.iter().find(|doc| doc.name == schedule && doc.service.is_none()) else {
        return Ok(None);
    };
    let Some(task) = desired.schedule_task(schedule) else { return Ok(None) };
    let containers = aws::items(&task.document, "containerDefinitions").iter().filter_map(Value::as_object);
    let source = containers.filter_map(logs::source).find(|source| source.container == doc.container);
    let Some(source) = source else { return Ok(None) };
    Ok(logs::newest(client, &source).await?.map(|(task, at)| Wrote { task, at }))
}
