//! When an alarm of CloudWatch ends a deployment, and for how long alarms are waited for (developer guide, "How
//! CloudWatch alarms detect Amazon ECS deployment failures").
//!
//! ECS polls the alarms from the first running task of the deployment on (AWS's announcement: "as soon as one or more
//! tasks of the updated service are in a running state"), and goes on through a bake time after it has replaced all tasks.
//! "If an alarm is in ALARM at the beginning of a deployment, ECS will not monitor alarms for the duration of that
//! deployment" (Copilot's manual, after the guide). A way back is not watched: what it leaves is in ALARM as it begins.

use aws_model::Millis;

use super::{Step, tell, words};
use crate::Cx;
use crate::alarms::{is_raised, window};
use crate::world::{
    AlarmWatch, AlarmsView, Change, Deployment, DeploymentStatus, RolloutState, Service, ServiceDeployment, TaskStatus,
    World,
};

/// Notes that an alarm was raised, at every deployment that watches it: it may be over before the loop looks. The
/// services whose records change are decided over.
pub(crate) fn alarmed(world: &World, region: &str, name: &str) -> Vec<Change> {
    let is_watching = |row: &&std::sync::Arc<ServiceDeployment>| {
        !row.status.is_final()
            && row.arn.split(':').nth(3) == Some(region)
            && matches!(row.alarms.watch, AlarmWatch::Waiting | AlarmWatch::On)
            && row.alarms.names.iter().any(|watched| watched == name)
    };
    let noted = |row: &std::sync::Arc<ServiceDeployment>| {
        let mut row = ServiceDeployment::clone(row);
        if row.alarms.watch == AlarmWatch::On && !row.alarms.raised.iter().any(|raised| raised == name) {
            row.alarms.raised.push(name.to_owned());
        }
        Change::ServiceDeployment(row)
    };
    world.service_deployments.values().filter(is_watching).map(noted).collect()
}

impl Step {
    /// Finds out whether there are alarms to watch, begins to watch them once a task runs, and notes those that are
    /// raised.
    pub(super) fn watch_alarms(&mut self, world: &World, cx: &mut Cx<'_>) {
        let Some(primary) = self.next.deployments.first().map(Deployment::id) else { return };
        let runs = |seen: &super::Seen| seen.of(&primary) && seen.task.last_status == TaskStatus::Running;
        let runs = self.tasks.iter().any(runs);
        let Some(row) = self.history.ongoing().filter(|row| row.rollback.is_none()) else { return };
        let raised_of = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| is_raised(world, cx.region, name)).cloned().collect()
        };
        let mut view = row.alarms.clone();
        let mut blind = Vec::new();
        if view.watch == AlarmWatch::New {
            let rule = &self.next.alarms;
            blind = if rule.enabled { raised_of(&rule.names) } else { Vec::new() };
            let watch = if rule.enabled && blind.is_empty() { AlarmWatch::Waiting } else { AlarmWatch::Off };
            let names = if rule.enabled { rule.names.clone() } else { Vec::new() };
            view = AlarmsView { watch, names, ..view };
        }
        if view.watch == AlarmWatch::Waiting && runs {
            view.watch = AlarmWatch::On;
        }
        if view.watch == AlarmWatch::On {
            let more = raised_of(&view.names).into_iter().filter(|name| !view.raised.contains(name));
            let more: Vec<String> = more.collect();
            view.raised.extend(more);
        }
        if view == row.alarms {
            return;
        }
        if let Some(row) = self.history.current() {
            row.alarms = view;
        }
        if !blind.is_empty() {
            let message = words::not_watched(&self.next.name, &primary, &blind);
            tell(&mut self.next, cx, message);
        }
    }

    /// Gives a deployment up during which an alarm was raised, and goes back if that is wanted.
    pub(super) fn trip_alarms(&mut self, cx: &mut Cx<'_>) {
        let in_progress =
            self.next.deployments.first().is_some_and(|primary| primary.rollout_state == RolloutState::InProgress);
        let is_hit = |row: &&ServiceDeployment| {
            row.rollback.is_none() && row.alarms.watch == AlarmWatch::On && !row.alarms.raised.is_empty()
        };
        if !in_progress || self.history.ongoing().filter(is_hit).is_none() {
            return;
        }
        if let Some(row) = self.history.current() {
            row.alarms.watch = AlarmWatch::Triggered;
            row.alarms.baking_since = None;
        }
        match self.next.alarms.rollback {
            true => self.go_back(cx, &words::ALARMED),
            false => self.give_up(cx, DeploymentStatus::Stopped, &words::ALARMED, words::ALARMED_FOR_GOOD),
        }
    }

    /// Returns whether a deployment whose tasks are all there waits for its alarms, and sees that it is looked at when it
    /// has waited. AWS computes the bake time from the alarms and says not how; here it is over when every alarm has
    /// judged only what was measured since it began.
    pub(super) fn bakes(&mut self, world: &World, now: Millis, is_done: bool) -> bool {
        let in_progress = |service: &Service| {
            service.deployments.first().is_some_and(|primary| primary.rollout_state == RolloutState::InProgress)
        };
        let Some(row) = self.history.ongoing().filter(|row| row.rollback.is_none()) else { return false };
        if !matches!(row.alarms.watch, AlarmWatch::Waiting | AlarmWatch::On) || !in_progress(&self.next) {
            return false;
        }
        // What comes to nothing (a count of 0) has nothing to bake.
        let is_on = row.alarms.watch == AlarmWatch::On;
        let since = is_done.then(|| row.alarms.baking_since.unwrap_or(now)).filter(|_| is_on);
        if since != row.alarms.baking_since
            && let Some(row) = self.history.current()
        {
            row.alarms.baking_since = since;
        }
        let region = self.next.arn.split(':').nth(3).unwrap_or_default();
        let longest = self.next.alarms.names.iter().map(|name| window(world, region, name)).max().unwrap_or(0);
        match since {
            // Tasks come and go yet: the one before it stays in the list.
            None => is_on || !is_done,
            Some(since) if now < since + longest => {
                self.look(Some(since + longest));
                true
            }
            Some(_) => {
                if let Some(row) = self.history.current() {
                    row.alarms.baking_since = None;
                }
                false
            }
        }
    }
}
