//! Follows a one-off task to the end of its container, and its output to the last line.

use std::time::{Duration, Instant};

use aws::{CallError, Client, ECS, items};
use serde_json::{Value, json};

use super::{Ended, Started, ended, stop};
use crate::event::ContainerState;
use crate::logs::Stream;
use crate::observe::object;
use crate::watch::{Patience, TaskView};

/// What is reported while a task runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A line of the container's output.
    Line(String),
    /// The container got somewhere.
    State(ContainerState),
    /// There is no answer; it is tried again for a while.
    Silent {
        /// What went wrong.
        error: String,
    },
    /// Its output cannot be read; the task goes on.
    NoOutput {
        /// Why.
        error: String,
    },
}

/// How long there may be no answer, or none that knows the task, before it counts as lost: a platform that restarts and
/// a control plane that is behind take seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// Follows a task until its container has ended and its output is reported to the end. What still runs
/// beside the container is then stopped.
///
/// # Errors
/// When there is no answer for a minute, or the call is refused.
pub async fn follow(client: &Client, task: &Started, mut tell: impl FnMut(Said)) -> Result<Ended, CallError> {
    let interval = Patience::of(client, Duration::ZERO).interval;
    let mut output = task.output.as_ref().map(|source| Stream::of(source, &task.id));
    let mut told = None;
    let end = loop {
        let found = look(client, task, &mut tell).await?;
        // Looked at before its output is read: what it wrote until then is reported by then.
        let Some(view) = found else {
            break Ended::Lost { reason: "ECS does not know the task any more".to_owned() };
        };
        let state = view.containers.iter().find(|c| c.name == task.container).map(|c| c.state.clone());
        if let Some(state) = state.filter(|state| told.as_ref() != Some(state)) {
            tell(Said::State(state.clone()));
            told = Some(state);
        }
        read(client, &mut output, &mut tell).await;
        if let Some(end) = ended(&view, &task.container) {
            break end;
        }
        tokio::time::sleep(interval).await;
    };
    let stopped = finish(client, task, &mut output, &mut tell).await;
    // The container's own end is known: that the rest could not be stopped does not change it.
    if let Err(error) = stopped {
        tell(Said::Silent { error: error.to_string() });
    }
    Ok(end)
}

/// Reads on until nothing more comes, and ends what runs beside the container.
async fn finish(
    client: &Client,
    task: &Started,
    output: &mut Option<Stream>,
    tell: &mut impl FnMut(Said),
) -> Result<(), CallError> {
    let interval = Patience::of(client, Duration::ZERO).interval;
    // Elsewhere the driver delivers in batches, and what is delivered can be read a little later.
    let quiet = if interval < Duration::from_secs(1) { Duration::from_millis(500) } else { Duration::from_secs(5) };
    let (begun, mut asked) = (Instant::now(), false);
    let mut last = Instant::now();
    loop {
        if read(client, output, tell).await > 0 {
            last = Instant::now();
        }
        let view = look(client, task, tell).await?;
        let is_over = view.as_ref().is_none_or(TaskView::is_stopped);
        // ECS itself ends a task whose essential container ended, by the second look.
        if !asked && !view.as_ref().is_none_or(TaskView::is_ending) && begun.elapsed() >= interval {
            stop(client, task, "managr run: the command has ended").await?;
            asked = true;
        }
        // What runs beside it may take its whole stop timeout; we do not wait for that.
        let waited = begun.elapsed() >= quiet * 4;
        let heard = output.is_none() || last.elapsed() >= quiet;
        if heard && (is_over || (waited && (asked || view.as_ref().is_none_or(TaskView::is_ending)))) {
            return Ok(());
        }
        tokio::time::sleep(interval.min(quiet / 2)).await;
    }
}

/// Returns the task as it is now; none when it stays unknown.
async fn look(client: &Client, task: &Started, tell: &mut impl FnMut(Said)) -> Result<Option<TaskView>, CallError> {
    let since = Instant::now();
    let mut silent = false;
    loop {
        let input = object(json!({ "cluster": task.cluster, "tasks": [task.arn] }));
        match client.call(&ECS, "DescribeTasks", input).await {
            Ok(answer) => {
                if let Some(found) = items(&answer, "tasks").first().and_then(Value::as_object) {
                    return Ok(Some(TaskView::read(found)));
                }
                if since.elapsed() > SILENCE {
                    return Ok(None);
                }
            }
            Err(error @ CallError::Transport { .. }) if since.elapsed() < SILENCE => {
                if !std::mem::replace(&mut silent, true) {
                    tell(Said::Silent { error: error.to_string() });
                }
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Tells what was written since the last time, and returns how many lines. Who may start tasks may
/// not always read logs: then it is said once, and not tried again.
async fn read(client: &Client, output: &mut Option<Stream>, tell: &mut impl FnMut(Said)) -> usize {
    let Some(stream) = output else { return 0 };
    match stream.next(client).await {
        Ok(lines) => {
            let count = lines.len();
            lines.into_iter().for_each(|line| tell(Said::Line(line)));
            count
        }
        // A service that does not answer is asked again with the next look.
        Err(CallError::Transport { .. }) => 0,
        Err(error) => {
            tell(Said::NoOutput { error: error.to_string() });
            *output = None;
            0
        }
    }
}
