//! What happened to a task, and what the task is after it.

use aws_model::Millis;
use aws_model::task_definition::TaskDefinition;

use super::{Action, health};
use crate::world::{ContainerPhase, ContainerState, DesiredStatus, Network, StopCause, Task};

/// Stop code of a task that the host lost.
pub(crate) const INFRASTRUCTURE: &str = "InfrastructureHealth";

/// Why tasks stop that ran when the host went down. ECS's words for a host of its own are `Host EC2
/// (instance i-…) stopped` (developer guide, "Amazon ECS stopped tasks error messages"); there is no
/// instance here that could be named.
pub const HOST_RESTARTED: &str = "Host was restarted: the task ended with it";

/// A fact about a task, as the engine reports it. Reporting it twice is the same as once.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Network, secrets and log groups are ready.
    Prepared(Network),
    /// They could not be made ready; the reason is in ECS's words (`ResourceInitializationError: …`).
    PrepareFailed(String),
    /// A container's image is here.
    Pulled {
        /// Container.
        container: String,
        /// Manifest digest.
        digest: String,
    },
    /// It could not be had (`CannotPullContainerError: …`).
    PullFailed {
        /// Container.
        container: String,
        /// In ECS's words.
        reason: String,
    },
    /// A container runs.
    Started {
        /// Container.
        container: String,
        /// Which start this is: how often it was started before ([`ContainerState::restarts`]).
        restarts: u32,
        /// When it started.
        at: Millis,
    },
    /// It could not be started (`CannotStartContainerError: …`).
    StartFailed {
        /// Container.
        container: String,
        /// In ECS's words.
        reason: String,
    },
    /// A container ended.
    Exited {
        /// Container.
        container: String,
        /// Exit code; 128 + signal when killed.
        code: i32,
        /// Whether the kernel killed it for its memory.
        oom: bool,
        /// Which start it was that ended: how often it had been started before.
        restarts: u32,
        /// When.
        at: Millis,
    },
    /// A health check ended.
    Probed {
        /// Container.
        container: String,
        /// Whether it passed.
        passed: bool,
        /// When.
        at: Millis,
    },
    /// Nothing of the task is left on the host.
    TornDown,
    /// The engine does not know the task any more (the host was restarted, the supervisor was killed).
    Lost(String),
}

impl Event {
    /// Returns the action of which this is the result.
    pub fn completes(&self) -> Option<Action> {
        Some(match self {
            Self::Prepared(_) | Self::PrepareFailed(_) => Action::Prepare,
            Self::Pulled { container, .. } | Self::PullFailed { container, .. } => Action::Pull(container.clone()),
            Self::Started { container, .. } | Self::StartFailed { container, .. } => Action::Start(container.clone()),
            Self::Probed { container, .. } => Action::Probe(container.clone()),
            Self::TornDown => Action::TearDown,
            Self::Exited { .. } | Self::Lost(_) => return None,
        })
    }
}

/// The most characters of a reason, of a task's as of a container's: "A short (1024 max characters)
/// human-readable string" (API reference, Container.reason); the agent cuts a task's at the same
/// (amazon-ecs-agent, `ecsMaxTaskReasonLength`).
pub const LONGEST_REASON: usize = 1024;

/// Returns a reason as the world keeps it: no longer than ECS's.
pub fn cut(reason: &str) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        None => reason.to_owned(),
        Some(_) => {
            let end = reason.char_indices().nth(LONGEST_REASON - 1).map_or(reason.len(), |(at, _)| at);
            format!("{}…", &reason[..end])
        }
    }
}

impl Event {
    /// Returns the event as the world takes it in. The world's one door for words from outside: what
    /// they were made from (a registry's answer, a name in an image) has no length of its own.
    fn admitted(&self) -> Self {
        match self.clone() {
            Self::PrepareFailed(reason) => Self::PrepareFailed(cut(&reason)),
            Self::PullFailed { container, reason } => Self::PullFailed { container, reason: cut(&reason) },
            Self::StartFailed { container, reason } => Self::StartFailed { container, reason: cut(&reason) },
            Self::Lost(reason) => Self::Lost(cut(&reason)),
            Self::Pulled { container, digest } => Self::Pulled { container, digest: cut(&digest) },
            other => other,
        }
    }

    /// Returns what to tell of an event that the store refuses to keep: that the action failed, for a
    /// reason that is short. None where nothing less can be said.
    pub fn refused(&self, why: &str) -> Option<Self> {
        let reason = cut(&format!("InternalError: the platform could not keep what happened: {why}"));
        Some(match self.clone() {
            Self::Prepared(_) | Self::PrepareFailed(_) => Self::PrepareFailed(reason),
            Self::Pulled { container, .. } | Self::PullFailed { container, .. } => {
                Self::PullFailed { container, reason }
            }
            Self::Started { container, .. } | Self::StartFailed { container, .. } => {
                Self::StartFailed { container, reason }
            }
            Self::Exited { .. } | Self::Probed { .. } => Self::Lost(reason),
            Self::TornDown | Self::Lost(_) => return None,
        })
    }
}

/// Returns the task after an event. Decides nothing: [`super::decide`] does.
pub fn absorb(task: &Task, spec: &TaskDefinition, event: &Event, now: Millis) -> Task {
    let mut next = task.clone();
    match &event.admitted() {
        Event::Prepared(network) => {
            next.network.get_or_insert_with(|| network.clone());
            next.connectivity_at.get_or_insert(now);
        }
        Event::PrepareFailed(reason) => fail_start(&mut next, reason),
        Event::Pulled { container, digest } => with(&mut next, container, |c| {
            if c.phase <= ContainerPhase::Pulling {
                c.phase = ContainerPhase::Pulled;
                c.image_digest = Some(digest.clone());
            }
        }),
        Event::PullFailed { container, reason } => {
            with(&mut next, container, |c| refuse(c, reason));
            fail_start(&mut next, reason);
        }
        Event::Started { container, restarts, at } => with(&mut next, container, |c| {
            let awaited = c.phase < ContainerPhase::Running || c.phase == ContainerPhase::Restarting;
            if awaited && *restarts == c.restarts {
                c.phase = ContainerPhase::Running;
                c.started_at = Some(*at);
                // How it ended before is not how it is.
                (c.exit_code, c.reason, c.stopped_at) = (None, None, None);
            }
        }),
        Event::StartFailed { container, reason } => {
            // One that ran has ended as it ended; whether its task ends is decided by that.
            let ran = next.container(container).is_some_and(|c| c.phase == ContainerPhase::Restarting);
            with(&mut next, container, |c| refuse(c, reason));
            if !ran {
                fail_start(&mut next, reason);
            }
        }
        // An earlier start's end, told again.
        Event::Exited { container, restarts, .. }
            if next.container(container).is_some_and(|c| *restarts < c.restarts) => {}
        Event::Exited { container, code, oom, at, .. } => {
            let lost = next.stop.as_ref().is_some_and(|stop| stop.code == INFRASTRUCTURE);
            with(&mut next, container, |c| {
                if c.phase != ContainerPhase::Stopped {
                    c.phase = ContainerPhase::Stopped;
                    c.exit_code = Some(*code);
                    c.started_at.get_or_insert(*at);
                    c.stopped_at = Some(*at);
                    if *oom {
                        c.reason = Some("OutOfMemoryError: Container killed due to memory usage".to_owned());
                    }
                } else if lost && c.started_at.is_some() {
                    // That the host lost it, and why, is known before how it ended, which only adds to that.
                    c.exit_code.get_or_insert(*code);
                }
            });
        }
        Event::Probed { container, passed, at } => {
            let check = spec.container(container).and_then(health::check_of);
            if let Some(check) = check {
                with(&mut next, container, |c| {
                    // A check of what has ended says nothing of what is being started.
                    if c.phase != ContainerPhase::Restarting {
                        c.health = health::after(check, c, *passed, *at);
                    }
                });
            }
        }
        Event::TornDown => {
            for c in &mut next.containers {
                c.phase = ContainerPhase::Stopped;
            }
            next.execution_stopped_at.get_or_insert(now);
            next.stopped_at.get_or_insert(now);
        }
        Event::Lost(why) => {
            for c in next.containers.iter_mut().filter(|c| c.phase != ContainerPhase::Stopped) {
                refuse(c, why);
                c.stopped_at = Some(now);
            }
            next.desired_status = DesiredStatus::Stopped;
            next.stop.get_or_insert_with(|| StopCause { code: INFRASTRUCTURE.to_owned(), reason: why.clone() });
        }
    }
    next
}

fn with(task: &mut Task, container: &str, f: impl FnOnce(&mut ContainerState)) {
    if let Some(c) = task.containers.iter_mut().find(|c| c.name == container) {
        f(c);
    }
}

fn refuse(container: &mut ContainerState, reason: &str) {
    if container.phase != ContainerPhase::Stopped {
        container.phase = ContainerPhase::Stopped;
        container.reason = Some(reason.to_owned());
    }
}

pub(super) fn fail_start(task: &mut Task, reason: &str) {
    task.desired_status = DesiredStatus::Stopped;
    task.stop.get_or_insert_with(|| StopCause { code: "TaskFailedToStart".to_owned(), reason: reason.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_reason_stays_and_a_long_one_says_that_it_goes_on() {
        assert_eq!(cut("CannotPullContainerError: x"), "CannotPullContainerError: x");
        let whole = "ü".repeat(LONGEST_REASON);
        assert_eq!(cut(&whole), whole);
        let long = cut(&format!("{whole}!"));
        assert_eq!((long.chars().count(), long.chars().last()), (LONGEST_REASON, Some('…')));
    }

    proptest::proptest! {
        #[test]
        fn no_reason_is_longer_than_ecs_has_it(part in "\\PC{0,40}", times in 0_usize..200) {
            let reason = part.repeat(times);
            let kept = cut(&reason);
            proptest::prop_assert!(kept.chars().count() <= LONGEST_REASON);
            proptest::prop_assert!(kept == reason || reason.starts_with(kept.strip_suffix('…').unwrap()));
            let told = Event::Started { container: "c".into(), restarts: 0, at: 1 }.refused(&reason).unwrap();
            proptest::prop_assert_eq!(told.admitted(), told);
        }
    }
}
