//! Carries a plan out as a release: written down before anything is done, watched to its end, and
//! written down again as what it came to. All or nothing: when one service is lost, the others go
//! back too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use aws::{Client, ECS};
use deploy_core::desired::Desired;
use deploy_core::plan::{Action, Plan, RiskKind, short};
use deploy_core::release::{Actor, Release, ReleaseOutcome};
use futures_util::future::{join_all, try_join_all};
use serde_json::json;

use crate::apply::{Progress, Work, before, route};
use aws_model::chain;

use crate::error::StageError;
use crate::event::{Event, Events};
use crate::journal::Journal;
use crate::lease::Held;
use crate::observe::object;
use crate::routes;
use crate::watch::{End, Goal, Loss, Patience, ServiceView, Watch};

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Who does it.
    pub by: Actor,
    /// Tag of the images, if it is one for all.
    pub tag: Option<String>,
    /// Whether it is watched to its end.
    pub waits: bool,
    /// Whether services that nothing changes are watched too, until they are steady.
    pub watches_all: bool,
    /// How long services may take.
    pub limit: Duration,
    /// How long they are watched on after they completed.
    pub bake: Duration,
    /// Risks that are gone on with.
    pub named: BTreeSet<RiskKind>,
}

/// A plan, and what it needs to be carried out.
#[derive(Debug)]
pub struct Job<'a> {
    /// Whom to ask.
    pub client: &'a Client,
    /// The plan.
    pub plan: &'a Plan,
    /// Directory that paths in the plan start from.
    pub directory: &'a Path,
    /// The lease of the stage; none where the endpoint keeps none.
    pub lease: Option<&'a Held>,
    /// How.
    pub terms: &'a Terms,
    /// How far it gets.
    pub progress: &'a Progress,
    /// Receives what happens.
    pub events: &'a Events,
}

impl Job<'_> {
    /// Carries the plan out; returns the release, unless there was nothing to do.
    ///
    /// # Errors
    /// See [`StageError`]; the release says how it ended.
    pub async fn carry_out(&self) -> Result<Option<Release>, StageError> {
        if self.plan.is_empty() && !self.terms.watches_all {
            return Ok(None);
        }
        let journal = self.lease.map(|_| Journal::new(self.client, &self.plan.app, &self.plan.stage));
        let mut release = match &journal {
            Some(journal) if !self.plan.is_empty() => {
                let release = journal.begin(self.draft()).await?;
                self.progress.begun(&release);
                Some(release)
            }
            _ => None,
        };
        let done = self.perform(&mut release, journal.as_ref()).await;
        self.progress.ended();
        if let (Some(journal), Some(release)) = (&journal, &mut release) {
            let (outcome, cause) = match &done {
                Ok(outcome) => (*outcome, None),
                Err(error) => ended(error),
            };
            if let Err(error) = journal.end(release, outcome, cause).await {
                let message = format!("how release {} ended could not be written down: {error}", release.number);
                self.events.emit(Event::Warning { message });
            }
        }
        done.map(|_| release)
    }

    fn draft(&self) -> Release {
        let images = self.plan.images.iter().map(|image| (image.name.clone(), image.reference.clone()));
        Release {
            number: 0,
            restored: self.plan.restores,
            git: self.plan.git.clone(),
            tag: self.terms.tag.clone(),
            images: images.collect(),
            // Known once the revisions are registered.
            services: BTreeMap::new(),
            schedules: BTreeMap::new(),
            overrides: self.plan.overrides.clone(),
            by: self.terms.by.clone(),
            started_at: self.client.now(),
            finished_at: None,
            outcome: ReleaseOutcome::InProgress,
            cause: None,
        }
    }

    async fn perform(
        &self,
        release: &mut Option<Release>,
        journal: Option<&Journal>,
    ) -> Result<ReleaseOutcome, StageError> {
        // What starts tasks, and what moves their number.
        let is_last = |action: &Action| {
            matches!(action, Action::PutSchedule { .. } | Action::SetSchedule { .. } | Action::Scaling { .. })
        };
        let is_service =
            |action: &Action| matches!(action, Action::CreateService { .. } | Action::UpdateService { .. });
        let mut work = Work::new(self.client, self.plan, self.directory, self.progress, self.events);
        let guard = || self.lease.map_or(Ok(()), Held::check);
        work.perform_all(guard, |action| !is_service(action) && !is_last(action)).await?;
        // What services will run is on record before the first of them is touched: the next deploy after
        // one that was cut off knows what went on.
        let (services, schedules) = (work.services()?, work.schedules()?);
        if let Some(release) = release {
            release.services.clone_from(&services);
            release.schedules = schedules;
            if let Some(journal) = journal {
                journal.write(release).await?;
            }
            self.progress.begun(release);
        }
        let asked = work.perform_all(guard, is_service).await;
        let mut started = std::mem::take(&mut work.started);
        if let Err(error) = asked {
            // The process that took the stage from us decides what becomes of it.
            if !matches!(error, StageError::LeaseLost { .. }) {
                self.undo_all(&started).await;
            }
            return Err(error);
        }
        if self.terms.waits && self.terms.watches_all {
            for (name, revision) in &services {
                if !started.iter().any(|(_, before)| before.name == *name) {
                    started.extend(self.standing(name, revision).await?);
                }
            }
        }
        if self.terms.waits {
            self.settle(started).await?;
        }
        // Schedules start what services have proved, and scaling asks for more of it: a release that is lost touches neither.
        work.perform_all(guard, is_last).await?;
        Ok(if self.terms.waits { ReleaseOutcome::Succeeded } else { ReleaseOutcome::Unwatched })
    }

    /// Returns what to wait for at a service that nothing changes.
    async fn standing(&self, name: &str, revision: &str) -> Result<Option<(Goal, ServiceView)>, StageError> {
        let seen = before(self.client, &self.plan.cluster, name).await?;
        let Some(primary) = seen.primary() else { return Ok(None) };
        let goal = Goal { task_definition: revision.to_owned(), deployment: primary.id.clone(), previous: None };
        Ok(Some((goal, seen)))
    }

    fn watch(&self) -> Watch<'_> {
        Watch {
            client: self.client,
            cluster: &self.plan.cluster,
            patience: Patience { bake: self.terms.bake, ..Patience::of(self.client, self.terms.limit) },
            stops_crash_loops: true,
            events: self.events,
        }
    }

    /// Undoes what was begun before a call was refused: a release is all or nothing. How that goes is
    /// said, and does not hide why it was necessary.
    async fn undo_all(&self, started: &[(Goal, ServiceView)]) {
        let watch = Watch { patience: Patience::of(self.client, self.terms.limit), ..self.watch() };
        for (goal, before) in started {
            let words = match self.undo(&watch, goal, before).await {
                Ok(None) => continue,
                Ok(Some(_)) => "did not get there".to_owned(),
                Err(error) => error.to_string(),
            };
            self.events.emit(Event::Warning { message: format!("{} on its way back: {words}", before.name) });
        }
    }

    /// Watches deployments to their ends; if one is lost, the others are undone.
    async fn settle(&self, started: Vec<(Goal, ServiceView)>) -> Result<(), StageError> {
        let watch = self.watch();
        let ends = join_all(started.iter().map(|(goal, before)| watch.loss(goal, before.clone())));
        let ends = ends.await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut losses: Vec<Loss> = ends.iter().flatten().cloned().collect();
        if losses.is_empty() {
            return Ok(());
        }
        if takes_all_back(losses.iter().map(|loss| loss.end)) {
            let well = started.iter().zip(&ends).filter(|(_, end)| end.is_none()).map(|(started, _)| started);
            let undone = try_join_all(well.map(|(goal, before)| self.undo(&watch, goal, before))).await?;
            losses.extend(undone.into_iter().flatten());
        }
        Err(StageError::Lost { losses })
    }

    /// Brings a service back to what it ran before, since the release was lost elsewhere; returns
    /// how that failed, if it did.
    async fn undo(&self, watch: &Watch<'_>, goal: &Goal, seen: &ServiceView) -> Result<Option<Loss>, StageError> {
        let Some(previous) = goal.previous.as_ref().filter(|previous| **previous != goal.task_definition) else {
            return Ok(None);
        };
        let name = &seen.name;
        self.events.emit(Event::Warning { message: format!("{name} goes back too: a release is all or nothing") });
        let now = before(self.client, &self.plan.cluster, name).await?;
        let input = object(json!({ "cluster": self.plan.cluster, "service": name, "taskDefinition": previous }));
        let answer = self.client.call(&ECS, "UpdateService", input).await?;
        let service = answer.get("service").and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
        let primary = ServiceView::read(&service, [], []).primary().cloned().unwrap_or_default();
        let goal = Goal { task_definition: previous.clone(), deployment: primary.id, previous: None };
        let loss = watch.loss(&goal, now).await?;
        if loss.is_none() {
            self.events.emit(Event::Warning { message: format!("{name} runs {} again", short(previous)) });
        }
        Ok(loss)
    }
}

/// Refuses load balancers that say of themselves that they cannot take requests, and services that no request gets to.
///
/// # Errors
/// [`StageError::Impaired`] and [`StageError::Unreached`].
pub async fn check_routes(
    client: &Client,
    desired: &Desired,
    named: &BTreeSet<RiskKind>,
    events: &Events,
) -> Result<(), StageError> {
    route::check(client, desired).await?;
    routes::follow(client, desired, named, events).await
}

/// Waits until the deployments of a stage have ended, and writes down what the newest release came
/// to, if no other process did.
///
/// # Errors
/// [`StageError::Lost`] when one was lost; see [`StageError`].
pub async fn wait(client: &Client, desired: &Desired, limit: Duration, events: &Events) -> Result<(), StageError> {
    let journal = Journal::new(client, &desired.app, &desired.stage);
    let releases = match journal.releases().await {
        Err(error) if error.is_unserved() => Vec::new(),
        releases => releases?,
    };
    let mut newest = releases.last().filter(|release| is_open(release)).cloned();
    let before_that = releases.iter().rev().find(|release| release.outcome == ReleaseOutcome::Succeeded);
    let watch = Watch {
        client,
        cluster: &desired.cluster,
        patience: Patience::of(client, limit),
        stops_crash_loops: false,
        events,
    };
    let ends = join_all(desired.services.iter().map(async |service| {
        let seen = before(client, &desired.cluster, &service.name).await?;
        let Some(primary) = seen.primary().cloned() else {
            let (service, cluster) = (service.name.clone(), desired.cluster.clone());
            return Err(StageError::NoService { service, cluster });
        };
        // What was released is waited for, though something else may be on its way back by now.
        let wanted = newest.as_ref().and_then(|release| release.services.get(&service.name));
        let goal = match wanted.filter(|wanted| **wanted != seen.task_definition) {
            Some(wanted) => {
                let ours = seen.deployments.iter().find(|deployment| deployment.task_definition == *wanted);
                let previous = before_that.and_then(|release| release.services.get(&service.name)).cloned();
                let deployment = ours.map(|ours| ours.id.clone()).unwrap_or_default();
                Goal { task_definition: wanted.clone(), deployment, previous }
            }
            None => Goal { task_definition: seen.task_definition.clone(), deployment: primary.id, previous: None },
        };
        Ok(watch.loss(&goal, seen).await?)
    }));
    let ends = ends.await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let losses: Vec<Loss> = ends.into_iter().flatten().collect();
    let done = if losses.is_empty() { Ok(()) } else { Err(StageError::Lost { losses }) };
    if let Some(release) = &mut newest {
        let (outcome, cause) = done.as_ref().map_or_else(ended, |()| (ReleaseOutcome::Succeeded, None));
        journal.end(release, outcome, cause).await?;
    }
    done
}

/// Whether services that came up go back, because others were lost. One that timed out is still under way: what it
/// needs from the others is not taken away. Nor is it, when another deploy has the stage.
fn takes_all_back(mut ends: impl Iterator<Item = End>) -> bool {
    ends.all(|end| !matches!(end, End::TimedOut | End::Superseded))
}

/// Whether it is not known yet how a release ended. One that was cut off before its revisions were registered has
/// ended: it changed no service.
fn is_open(release: &Release) -> bool {
    let unknown = matches!(
        release.outcome,
        ReleaseOutcome::Unwatched | ReleaseOutcome::InProgress | ReleaseOutcome::Interrupted | ReleaseOutcome::TimedOut
    );
    unknown && !release.services.is_empty()
}

/// Returns how a release ended that came to an error.
fn ended(error: &StageError) -> (ReleaseOutcome, Option<String>) {
    if let StageError::ReleaseCommand { loss } = error {
        let told = loss.causes.first().map(|told| format!(": {}", told.cause.words()));
        return (ReleaseOutcome::Failed, Some(format!("{error}{}", told.unwrap_or_default())));
    }
    let StageError::Lost { losses } = error else {
        return (ReleaseOutcome::Failed, Some(chain(error)));
    };
    let has = |end: End| losses.iter().any(|loss| loss.end == end);
    let outcome = if losses.iter().all(|loss| loss.end == End::RolledBack) {
        ReleaseOutcome::RolledBack
    } else if has(End::TimedOut) {
        ReleaseOutcome::TimedOut
    } else {
        ReleaseOutcome::Failed
    };
    let first = losses.iter().find_map(|loss| Some((loss, loss.causes.first()?)));
    let cause = first.map(|(loss, told)| format!("{}: {}", loss.service, told.cause.words()));
    (outcome, cause.or_else(|| losses.first().map(|loss| format!("{}: {}", loss.service, loss.reason))))
}

/// Tidies up after a release that was cut off; returns the release, as interrupted, if one had begun.
pub async fn tidy(client: &Client, app: &str, stage: &str, progress: &Progress) -> Option<Release> {
    let phase = progress.phase();
    if let Some((cluster, task)) = phase.release {
        let input = object(json!({ "cluster": cluster, "task": task, "reason": "the deploy was interrupted" }));
        let _ = client.call(&ECS, "StopTask", input).await;
    }
    let mut release = phase.record?;
    let cause = match phase.services.is_empty() {
        true => "interrupted before any service was changed".to_owned(),
        false => format!("interrupted while {} went on", phase.services.join(", ")),
    };
    let _ = Journal::new(client, app, stage).end(&mut release, ReleaseOutcome::Interrupted, Some(cause)).await;
    Some(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: ReleaseOutcome, revision: Option<&str>, expected: bool) {
        let release = Release {
            number: 2,
            restored: None,
            git: Default::default(),
            tag: None,
            images: Default::default(),
            services: revision.map(|revision| ("web".to_owned(), revision.to_owned())).into_iter().collect(),
            schedules: Default::default(),
            overrides: Default::default(),
            by: Actor::default(),
            started_at: 0,
            finished_at: None,
            outcome,
            cause: None,
        };
        assert_eq!(is_open(&release), expected, "{outcome:?} {revision:?}");
    }

    #[test]
    fn a_release_is_all_or_nothing_unless_it_is_not_over_or_not_ours() {
        let all = |ends: &[End]| takes_all_back(ends.iter().copied());
        assert!(all(&[End::RolledBack]) && all(&[End::RolledBack, End::Failed]) && all(&[End::CrashLoop]));
        assert!(!all(&[End::RolledBack, End::TimedOut]) && !all(&[End::Superseded]));
    }

    #[test]
    fn a_release_that_changed_no_service_is_not_waited_for() {
        check(ReleaseOutcome::Unwatched, Some("arn:r:2"), true);
        check(ReleaseOutcome::Interrupted, Some("arn:r:2"), true);
        check(ReleaseOutcome::TimedOut, Some("arn:r:2"), true);
        check(ReleaseOutcome::Succeeded, Some("arn:r:2"), false);
        check(ReleaseOutcome::Interrupted, None, false);
    }
}
