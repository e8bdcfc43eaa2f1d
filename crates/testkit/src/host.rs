//! What containers do, and when their doing is heard of. Outlives the platform.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Millis;
use platform_core::task::{Action, Event};
use platform_core::world::{Target, TargetKey, TargetState, Task};

use crate::fixtures;

/// What the containers of a revision do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// How long a container takes to start.
    pub starts_after: Millis,
    /// How long after its start its checks pass; never if none.
    pub healthy_after: Option<Millis>,
    /// Exit code, and how long after its start.
    pub exits: Option<(i32, Millis)>,
    /// Whether its image cannot be had.
    pub image_missing: bool,
    /// Whether its secret cannot be had.
    pub secret_missing: bool,
    /// Whether it goes on after SIGTERM.
    pub ignores_term: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            starts_after: 0,
            healthy_after: Some(0),
            exits: None,
            image_missing: false,
            secret_missing: false,
            ignores_term: false,
        }
    }
}

/// Something that happens, heard of by the platform if it lives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happening {
    Task(String, Event),
    Health(TargetKey, TargetState),
    Drained(TargetKey),
}

/// The machine below the platform.
#[derive(Debug, Default)]
pub struct Host {
    /// By revision number; what is not there is well.
    pub does: BTreeMap<u32, Behaviour>,
    /// When each container started, by task, container and how often it had been started.
    started: BTreeMap<(String, String, u32), Millis>,
    due: BTreeMap<(Millis, u64), Happening>,
    under_way: BTreeSet<(String, Action)>,
    counter: u64,
    /// How long a target's last connection takes to end.
    pub connections_last: Millis,
}

impl Host {
    fn at(&mut self, at: Millis, what: Happening) {
        self.counter += 1;
        self.due.insert((at, self.counter), what);
    }

    /// Returns when the next thing happens.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next thing that has happened.
    pub(crate) fn take(&mut self, now: Millis) -> Option<Happening> {
        let key = *self.due.keys().next().filter(|(at, _)| *at <= now)?;
        let what = self.due.remove(&key)?;
        if let Happening::Task(arn, event) = &what {
            if let Some(action) = event.completes() {
                self.under_way.remove(&(arn.clone(), action));
            }
            if let Event::Exited { container, .. } = event {
                self.under_way.remove(&(arn.clone(), Action::Terminate(container.clone())));
                self.under_way.remove(&(arn.clone(), Action::Kill(container.clone())));
            }
        }
        Some(what)
    }

    /// Begins an action, unless it is under way; returns whether it was begun.
    pub(crate) fn begin(&mut self, task: &Task, action: &Action, now: Millis) -> bool {
        if !self.under_way.insert((task.arn.clone(), action.clone())) {
            return false;
        }
        let number = task.task_definition_arn.rsplit(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let does = self.does.get(&number).cloned().unwrap_or_default();
        let (at, event) = self.effect(task, action, &does, now);
        if let Some(event) = event {
            self.at(at, Happening::Task(task.arn.clone(), event));
        }
        true
    }

    fn effect(&mut self, task: &Task, action: &Action, does: &Behaviour, now: Millis) -> (Millis, Option<Event>) {
        let restarts = |container: &String| task.container(container).map_or(0, |c| c.restarts);
        let key = |container: &String| (task.arn.clone(), container.clone(), restarts(container));
        let begun =
            |container: &String, at| Event::Started { container: container.clone(), restarts: restarts(container), at };
        let ended = |container: &String, code, at| Event::Exited {
            container: container.clone(),
            code,
            oom: false,
            restarts: restarts(container),
            at,
        };
        let event = match action {
            Action::Prepare if does.secret_missing => Event::PrepareFailed(
                "ResourceInitializationError: unable to pull secrets or registry auth: secret `db` is not there"
                    .to_owned(),
            ),
            Action::Prepare => {
                self.counter += 1;
                Event::Prepared(fixtures::network((self.counter % 60_000 + 2) as u16))
            }
            Action::Pull(container) if does.image_missing => Event::PullFailed {
                container: container.clone(),
                reason: "CannotPullContainerError: image `i` is not in the registry".to_owned(),
            },
            Action::Pull(container) => Event::Pulled { container: container.clone(), digest: "sha256:0".to_owned() },
            Action::Start(container) => {
                if let Some(at) = self.started.get(&key(container)).copied() {
                    return (at.max(now), Some(begun(container, at)));
                }
                let at = now + does.starts_after;
                self.started.insert(key(container), at);
                if let Some((code, after)) = does.exits {
                    let event = ended(container, code, at + after);
                    // Heard of after the start, though at the same time.
                    self.counter += 1;
                    self.due.insert((at + after, self.counter + 1), Happening::Task(task.arn.clone(), event));
                    self.due.insert((at, self.counter), Happening::Task(task.arn.clone(), begun(container, at)));
                    self.counter += 1;
                    return (at, None);
                }
                return (at, Some(begun(container, at)));
            }
            Action::Probe(container) => {
                let started = self.started.get(&key(container)).copied().unwrap_or(now);
                let passed = does.healthy_after.is_some_and(|after| now >= started + after);
                Event::Probed { container: container.clone(), passed, at: now }
            }
            Action::Terminate(_) if does.ignores_term => return (now, None),
            Action::Terminate(container) => ended(container, 143, now),
            Action::Kill(container) => ended(container, 137, now),
            Action::TearDown => Event::TornDown,
        };
        (now, Some(event))
    }

    /// Follows a target: the balancer probes a new one, and lets a leaving one's connections end.
    pub(crate) fn watch(&mut self, target: &Target, task: Option<&Task>, now: Millis) {
        match target.state {
            TargetState::Initial => {
                let number = task.and_then(|t| t.task_definition_arn.rsplit(':').next()?.parse().ok()).unwrap_or(0);
                match self.does.get(&number).cloned().unwrap_or_default().healthy_after {
                    Some(after) => {
                        self.at(now + after.max(1000), Happening::Health(target.key.clone(), TargetState::Healthy));
                    }
                    None => self.at(now + 10_000, Happening::Health(target.key.clone(), TargetState::Unhealthy)),
                }
            }
            TargetState::Draining => {
                let at = now + self.connections_last;
                self.at(at, Happening::Drained(target.key.clone()));
            }
            _ => {}
        }
    }

    /// Makes something go wrong with a task's container by itself.
    pub fn exit(&mut self, task: &Task, code: i32, now: Millis) {
        for container in &task.containers {
            let (name, restarts) = (container.name.clone(), container.restarts);
            let event = Event::Exited { container: name, code, oom: false, restarts, at: now };
            self.at(now, Happening::Task(task.arn.clone(), event));
        }
    }

    /// Makes a target's checks turn out so.
    pub fn probe(&mut self, key: TargetKey, state: TargetState, now: Millis) {
        self.at(now, Happening::Health(key, state));
    }

    /// The platform is gone: results on their way to it are lost, what containers did is not.
    pub(crate) fn platform_died(&mut self) {
        let lasts = |what: &Happening| !matches!(what, Happening::Task(_, event) if event.completes().is_some());
        self.due.retain(|_, what| lasts(what));
        self.under_way.clear();
    }
}
