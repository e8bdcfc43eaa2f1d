//! Watches that no task takes more of the disk than it may.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::{Event, HostTasks, Life, lock};
use crate::storage::{self, is_due};

/// How often to ask the filesystem how full it is, which costs it nothing.
const EVERY: Duration = Duration::from_secs(1);

/// Tells of each task that holds more than it may, until the runtime is gone.
pub(super) async fn watch(inner: Weak<HostTasks>) {
    let mut told = HashSet::new();
    let mut last: Option<(u64, Instant)> = None;
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        let limits = inner.storage_limits();
        told.retain(|task| limits.iter().any(|(known, _)| known == task));
        let Some(smallest) = limits.iter().map(|(_, limit)| *limit).min() else { continue };
        let Ok(used) = storage::used_on_disk(&inner.config.state_dir) else { continue };
        if last.is_some_and(|(then, at)| !is_due(then, used, at.elapsed(), smallest)) {
            continue;
        }
        let looked = inner.clone();
        let counting = move || looked.over_limit(limits);
        for (task, limit_bytes) in tokio::task::spawn_blocking(counting).await.unwrap_or_default() {
            if told.insert(task.clone()) {
                inner.emit(Event::StorageExceeded { task, limit_bytes });
            }
        }
        // What was written during the count is for the next one.
        last = Some((used, Instant::now()));
    }
}

impl HostTasks {
    fn storage_limits(&self) -> Vec<(String, u64)> {
        let tasks: Vec<Arc<super::Task>> = lock(&self.tasks).values().cloned().collect();
        let limit = |task: &super::Task| match task.life() {
            Life::Alive(alive) => alive.storage_bytes,
            Life::Absent | Life::Lost(_) => None,
        };
        tasks.iter().filter_map(|task| Some((task.id.clone(), limit(task)?))).collect()
    }

    /// Counts what each task holds; returns those that hold too much.
    fn over_limit(&self, mut limits: Vec<(String, u64)>) -> Vec<(String, u64)> {
        limits.retain(|(task, limit)| {
            let usage = storage::measure(&self.writable(task), &self.cgroups.processes(task));
            usage.exceeds(*limit)
        });
        limits
    }

    /// Returns the directories that a task's containers write to.
    fn writable(&self, task: &str) -> Vec<PathBuf> {
        let paths = self.config.task(task);
        let containers = fs::read_dir(paths.containers()).into_iter().flatten().flatten();
        let uppers = containers.map(|entry| entry.path().join("upper"));
        std::iter::once(paths.volumes()).chain(uppers).collect()
    }
}
