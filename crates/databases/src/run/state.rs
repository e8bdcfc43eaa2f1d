//! What is known of the databases' tasks: what was started, what has ended, what should run. Waits for changes.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use runtime::Event;
use tokio::sync::watch;

use super::place::is_task;
use super::{Instance, Running};

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It ended by itself or by a signal.
    Exited {
        /// Exit code, or 128 + signal.
        code: i32,
        /// Whether for want of memory.
        oom: bool,
    },
    /// Its supervisor is gone, and it was ended with it.
    Lost,
}

/// What is known of one.
#[derive(Default)]
struct Known {
    /// What it should run as; none when it should not run.
    wanted: Option<Instance>,
    /// The server that was started last, and is not known to have ended.
    running: Option<(Started, Running)>,
    /// By container: when it ended, and how.
    ends: HashMap<String, (u64, End)>,
    /// When its supervisor was lost.
    lost: bool,
    /// Keeps an image's layers from being swept while they are mounted.
    lease: Option<images::Lease>,
    changing: Arc<tokio::sync::Mutex<()>>,
}

/// A start of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// The port that it listens on.
    pub(crate) port: u16,
}

/// By task id.
pub(crate) struct State {
    known: Mutex<HashMap<String, Known>>,
    changed: watch::Sender<u64>,
}

impl Default for State {
    fn default() -> Self {
        Self { known: Mutex::default(), changed: watch::channel(0).0 }
    }
}

impl State {
    fn with<T>(&self, task: &str, act: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock();
        act(known.entry(task.to_owned()).or_default())
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Returns the lock under which a database is started, stopped or removed.
    pub(crate) fn changing(&self, task: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.with(task, |known| known.changing.clone())
    }

    pub(crate) fn want(&self, task: &str, instance: Option<Instance>) {
        self.with(task, |known| known.wanted = instance);
        self.tell();
    }

    pub(crate) fn wanted(&self, task: &str) -> Option<Instance> {
        self.with(task, |known| known.wanted.clone())
    }

    pub(crate) fn runs(&self, task: &str, running: Option<(Started, Running)>) {
        self.with(task, |known| known.running = running);
        self.tell();
    }

    /// Returns the server that runs, as far as is known.
    pub(crate) fn running(&self, task: &str) -> Option<(Started, Running)> {
        self.with(task, |known| known.running.clone())
    }

    /// Keeps an image's layers while a task lives.
    pub(crate) fn hold(&self, task: &str, lease: Option<images::Lease>) {
        self.with(task, |known| known.lease = lease);
    }

    /// Forgets that a supervisor was lost: its task was removed.
    pub(crate) fn removed(&self, task: &str) {
        self.with(task, |known| {
            known.lost = false;
            known.running = None;
            known.lease = None;
            known.ends.clear();
        });
        self.tell();
    }

    pub(crate) fn forget(&self, task: &str) {
        self.known.lock().remove(task);
        self.tell();
    }

    pub(crate) fn is_lost(&self, task: &str) -> bool {
        self.with(task, |known| known.lost)
    }

    /// Takes note of what happened to a task; whether it is a database's.
    pub(crate) fn hear(&self, event: &Event) -> bool {
        match event {
            Event::Exited { task, container, exit_code, oom, at_ms, .. } if is_task(task) => {
                self.with(task, |known| {
                    let end = (*at_ms, End::Exited { code: *exit_code, oom: *oom });
                    known.ends.insert(container.clone(), end);
                });
            }
            Event::SupervisorLost { task, .. } if is_task(task) => self.with(task, |known| known.lost = true),
            Event::LogAvailable { task, .. } | Event::StorageExceeded { task, .. } if is_task(task) => return true,
            _ => return false,
        }
        self.tell();
        true
    }

    /// Returns how a container ended that was started at a time; none while it runs.
    pub(crate) fn end(&self, task: &str, container: &str, started_ms: u64) -> Option<End> {
        self.with(task, |known| {
            if known.lost {
                return Some(End::Lost);
            }
            // An end of an earlier start may be told a second time.
            known.ends.get(container).filter(|(at, _)| *at >= started_ms).map(|(_, end)| end.clone())
        })
    }

    /// Waits for the end of a container that was started at a time.
    pub(crate) async fn ended(&self, task: &str, container: &str, started_ms: u64) -> End {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(end) = self.end(task, container, started_ms) {
                return end;
            }
            // The sender is ours.
            let _ = changes.changed().await;
        }
    }

    /// Waits until a database should not run any more, or as something else.
    pub(crate) async fn unwanted(&self, task: &str) {
        let mut changes = self.changed.subscribe();
        while self.wanted(task).is_some() {
            let _ = changes.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(task: &str, at_ms: u64) -> Event {
        let (task, container) = (task.to_owned(), "postgres".to_owned());
        Event::Exited { task, container, exit_code: 1, signal: None, oom: false, restarts: 0, at_ms }
    }

    #[test]
    fn an_end_that_is_told_again_is_not_that_of_the_next_start() {
        let state = State::default();
        assert!(state.hear(&exited("db-a", 10)));
        assert_eq!(state.end("db-a", "postgres", 9), Some(End::Exited { code: 1, oom: false }));
        assert_eq!(state.end("db-a", "postgres", 11), None);
    }

    #[test]
    fn other_tasks_are_not_ours() {
        assert!(!State::default().hear(&exited("0123", 10)));
    }
}
