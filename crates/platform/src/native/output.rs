//! What containers print, moved from the runtime's files into CloudWatch Logs.
//!
//! The position is stored with the events, in one transaction, so that a crash loses nothing and
//! stores nothing twice; only what is stored is given back to the runtime to delete.

use std::sync::Arc;
use std::time::Duration;

use aws_model::Millis;
use aws_model::task_definition::TaskDefinition;
use platform_core::world::Task;
use runtime::LogEntry;

use aws_model::chain;

use super::multiline::{Grouped, Piece};
use super::start::region_of;
use super::{NativeParts, millis, multiline, now};

/// Whether a container may print more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// It may, unless its output says that it has ended.
    MayCome,
    /// Its task is being removed.
    Never,
}

impl NativeParts {
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
                self.copy(&task, &spec, &container, More::MayCome).await;
                drop(held);
                let again = self.kept.lock().get_mut(&task.id).is_some_and(|k| k.notices.read(&container));
                if !again {
                    return;
                }
            }
        });
    }

    /// Moves all that a task's containers have printed.
    pub(super) async fn drain_output(self: &Arc<Self>, task: &Arc<Task>, spec: &TaskDefinition, more: More) {
        let turn = self.kept.lock().get(&task.id).map(|k| k.output.clone());
        let Some(turn) = turn else { return };
        let _turn = turn.lock().await;
        for container in &task.containers {
            self.copy(task, spec, &container.name, more).await;
        }
    }

    async fn copy(self: &Arc<Self>, task: &Task, spec: &TaskDefinition, container: &str, more: More) {
        let moved = self.try_copy(task, spec, container, more).await;
        if let Ok(Some(at)) = moved {
            self.read_again(&task.id, container, at);
        }
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

    /// Reads a container's output again when what waits for more lines is to be logged without them.
    fn read_again(self: &Arc<Self>, task: &str, container: &str, at: Millis) {
        let mut kept = self.kept.lock();
        if !kept.get_mut(task).is_some_and(|known| known.waiting.insert(container.to_owned())) {
            return;
        }
        drop(kept);
        let (inner, task, container) = (self.clone(), task.to_owned(), container.to_owned());
        let pause = Duration::from_millis(u64::try_from(at - now()).unwrap_or(0));
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(known) = inner.kept.lock().get_mut(&task) {
                known.waiting.remove(&container);
            }
            inner.move_output(task, container);
        });
    }

    /// Returns when to read again, if lines wait for more.
    async fn try_copy(
        &self,
        task: &Task,
        spec: &TaskDefinition,
        container: &str,
        more: More,
    ) -> Result<Option<Millis>, String> {
        let source = source(task, container);
        let log = spec.container(container).and_then(|c| c.log_configuration.as_ref());
        let log = log.filter(|l| l.log_driver == "awslogs");
        let region = region_of(task);
        // One that is not valid has kept the task from starting.
        let pattern = log.and_then(|log| multiline::pattern(&log.options).ok().flatten());
        let stored = self.logs.position(&source).map_err(|e| chain(&e))?.unwrap_or(0);
        let known = self.kept.lock().get(&task.id).and_then(|k| k.positions.get(container).copied());
        let mut from = match known.filter(|p| p.line() == stored || log.is_none()) {
            Some(position) => position,
            None => self.runtime.log_position(&task.id, container, stored).map_err(|e| chain(&e))?,
        };
        loop {
            let read = self.runtime.logs(&task.id, container, from).map_err(|e| chain(&e))?;
            if read.next == from {
                return Ok(None);
            }
            // What fills a whole read without an end is logged as it is.
            let is_end = !read.at_end || read.complete || more == More::Never;
            let pieces = read.entries.iter().map(piece);
            let grouped = match &pattern {
                Some(pattern) => multiline::group(pattern, &pieces.collect::<Vec<_>>(), is_end, now()),
                None => Grouped {
                    events: pieces.map(|piece| piece.event()).collect(),
                    taken: read.next.line().saturating_sub(from.line()),
                    look_again_at: None,
                },
            };
            if grouped.taken == 0 {
                return Ok(grouped.look_again_at);
            }
            let line = from.line() + grouped.taken;
            if let Some(log) = log {
                let group = log.options.get("awslogs-group").map_or("", String::as_str);
                let stream = stream_name(log, container, &task.id);
                self.logs.ensure_stream(&region, group, &stream).await.map_err(|e| chain(&e))?;
                let position = (source.as_str(), line);
                let commit = self.logs.append_from(&region, group, &stream, position, grouped.events);
                commit.map_err(|e| chain(&e))?.await.map_err(|e| chain(&e))?;
            }
            from = match read.next.line() == line {
                true => read.next,
                false => self.runtime.log_position(&task.id, container, line).map_err(|e| chain(&e))?,
            };
            if let Some(kept) = self.kept.lock().get_mut(&task.id) {
                kept.positions.insert(container.to_owned(), from);
            }
            self.runtime.discard_logs(&task.id, container, from).map_err(|e| chain(&e))?;
            if read.at_end {
                return Ok(grouped.look_again_at);
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
fn stream_name(log: &aws_model::task_definition::LogConfiguration, container: &str, task: &str) -> String {
    match log.options.get("awslogs-stream-prefix") {
        Some(prefix) => format!("{prefix}/{container}/{task}"),
        None => format!("{container}/{task}"),
    }
}

fn piece(entry: &LogEntry) -> Piece {
    match entry {
        LogEntry::Line(line) => Piece { at: millis(line.at_ms), bytes: line.bytes.clone(), lines: 1, is_line: true },
        LogEntry::Dropped { lines } => {
            let message = format!("[managr: {lines} lines were dropped here, because they were not read in time]");
            Piece { at: now(), bytes: message.into_bytes(), lines: *lines, is_line: false }
        }
    }
}
