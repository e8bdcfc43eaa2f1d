//! What containers print, moved from the runtime's files into CloudWatch Logs.
//!
//! The position is stored with the events, in one transaction, so that a crash loses nothing and
//! stores nothing twice; only what is stored is given back to the runtime to delete.

use std::sync::Arc;

use ecs_model::task_definition::TaskDefinition;
use logs::LogEvent;
use platform_core::world::Task;
use runtime::LogEntry;

use orchestrator::chain;

use super::start::region_of;
use super::{Inner, millis, now};

impl Inner {
    /// Begins to move a container's output; returns at once.
    pub(super) fn move_output(self: Arc<Self>, task: String, container: String) {
        let mut kept = self.kept.lock();
        let Some(known) = kept.get_mut(&task) else { return };
        if !known.notices.arrived(&container) {
            return;
        }
        let (task, spec, turn) = (known.task.clone(), known.spec.clone(), known.output.clone());
        drop(kept);
        tokio::spawn(async move {
            loop {
                let held = turn.lock().await;
                self.copy(&task, &spec, &container).await;
                drop(held);
                let again = self.kept.lock().get_mut(&task.id).is_some_and(|k| k.notices.read(&container));
                if !again {
                    return;
                }
            }
        });
    }

    /// Moves all that a task's containers have printed.
    pub(super) async fn drain_output(&self, task: &Arc<Task>, spec: &TaskDefinition) {
        let turn = self.kept.lock().get(&task.id).map(|k| k.output.clone());
        let Some(turn) = turn else { return };
        let _turn = turn.lock().await;
        for container in &task.containers {
            self.copy(task, spec, &container.name).await;
        }
    }

    async fn copy(&self, task: &Task, spec: &TaskDefinition, container: &str) {
        let moved = self.try_copy(task, spec, container).await;
        // Said once: a container that prints on a full disk would fill the log with it.
        let (began, ended) = match self.kept.lock().get_mut(&task.id) {
            Some(kept) if moved.is_err() => (kept.stuck.insert(container.to_owned()), false),
            Some(kept) => (false, kept.stuck.remove(container)),
            None => (moved.is_err(), false),
        };
        if let (true, Err(error)) = (began, &moved) {
            tracing::error!(
                task = task.id,
                container,
                error,
                "output was not moved; it waits in its files (said once)"
            );
        }
        if ended {
            tracing::info!(task = task.id, container, "output is moved again");
        }
    }

    async fn try_copy(&self, task: &Task, spec: &TaskDefinition, container: &str) -> Result<(), String> {
        let source = source(task, container);
        let log = spec.container(container).and_then(|c| c.log_configuration.as_ref());
        let log = log.filter(|l| l.log_driver == "awslogs");
        let region = region_of(task);
        let stored = self.logs.position(&source).map_err(|e| chain(&e))?.unwrap_or(0);
        let known = self.kept.lock().get(&task.id).and_then(|k| k.positions.get(container).copied());
        let mut from = match known.filter(|p| p.line() == stored || log.is_none()) {
            Some(position) => position,
            None => self.runtime.log_position(&task.id, container, stored).map_err(|e| chain(&e))?,
        };
        loop {
            let read = self.runtime.logs(&task.id, container, from).map_err(|e| chain(&e))?;
            if read.next == from {
                return Ok(());
            }
            if let Some(log) = log {
                let group = log.options.get("awslogs-group").map_or("", String::as_str);
                let stream = stream_name(log, container, &task.id);
                let events = read.entries.iter().map(event).collect();
                self.logs.ensure_stream(&region, group, &stream).await.map_err(|e| chain(&e))?;
                let position = (source.as_str(), read.next.line());
                let commit = self.logs.append_from(&region, group, &stream, position, events).map_err(|e| chain(&e))?;
                commit.await.map_err(|e| chain(&e))?;
            }
            from = read.next;
            if let Some(kept) = self.kept.lock().get_mut(&task.id) {
                kept.positions.insert(container.to_owned(), from);
            }
            self.runtime.discard_logs(&task.id, container, from).map_err(|e| chain(&e))?;
            if read.at_end {
                return Ok(());
            }
        }
    }

    /// Forgets the positions of a task whose output is all stored and whose files are gone.
    pub(super) async fn forget_output(&self, task: &Task) {
        for container in &task.containers {
            if let Err(error) = self.logs.forget(&source(task, &container.name)).await {
                tracing::warn!(task = task.id, error = chain(&error), "a log position was left behind");
            }
        }
    }
}

/// Names a container's output in the logs' books.
fn source(task: &Task, container: &str) -> String {
    format!("task/{}/{container}", task.id)
}

/// `PREFIX/CONTAINER/TASK` (ECS developer guide, awslogs-stream-prefix); Fargate requires the prefix.
fn stream_name(log: &ecs_model::task_definition::LogConfiguration, container: &str, task: &str) -> String {
    match log.options.get("awslogs-stream-prefix") {
        Some(prefix) => format!("{prefix}/{container}/{task}"),
        None => format!("{container}/{task}"),
    }
}

fn event(entry: &LogEntry) -> LogEvent {
    match entry {
        LogEntry::Line(line) => {
            LogEvent { at: millis(line.at_ms), message: String::from_utf8_lossy(&line.bytes).into_owned() }
        }
        LogEntry::Dropped { lines } => {
            let message = format!("[managr: {lines} lines were dropped here: nobody read them in time]");
            LogEvent { at: now(), message }
        }
    }
}
