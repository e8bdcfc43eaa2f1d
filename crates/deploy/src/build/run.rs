//! Runs a build tool and passes its output on, line by line.

use std::collections::VecDeque;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::BuildError;
use crate::event::{Event, Events, ImagePhase};

/// Lines kept for the error.
const TAIL: usize = 25;

/// Runs a tool to its end; its lines become events.
pub(super) async fn streamed(
    program: &'static str,
    args: &[String],
    image: &str,
    phase: ImagePhase,
    events: &Events,
) -> Result<(), BuildError> {
    let mut command = Command::new(program);
    // A build that no caller waits for any more (Ctrl-C) must not go on.
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| BuildError::Start { program, source })?;
    let (lines, mut received) = mpsc::channel::<String>(64);
    forward(child.stdout.take(), lines.clone());
    forward(child.stderr.take(), lines);

    let mut tail = VecDeque::with_capacity(TAIL);
    while let Some(line) = received.recv().await {
        events.emit(Event::ImageLine { image: image.to_owned(), line: line.clone() });
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let status = child.wait().await.map_err(|source| BuildError::Start { program, source })?;
    if status.success() {
        return Ok(());
    }
    Err(BuildError::Failed { image: image.to_owned(), phase, program, status, tail: tail.into() })
}

/// Sends a stream's lines; ends with the stream.
fn forward(stream: Option<impl AsyncRead + Unpin + Send + 'static>, lines: mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream);
        let mut buffer = Vec::new();
        while let Ok(1..) = reader.read_until(b'\n', &mut buffer).await {
            let line = String::from_utf8_lossy(&buffer);
            // Progress bars overwrite their line: only the last state is worth passing on.
            let line = line.trim_end().rsplit('\r').next().unwrap_or("").to_owned();
            buffer.clear();
            if !line.is_empty() && lines.send(line).await.is_err() {
                return;
            }
        }
    });
}

/// Returns what a tool printed, if it succeeded.
pub(super) async fn output(program: &str, args: &[String]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Vec<String> {
        vec!["-c".to_owned(), script.to_owned()]
    }

    #[tokio::test]
    async fn both_streams_become_events_and_a_failure_keeps_the_end() {
        let (events, mut received) = Events::channel();
        let script = sh("for i in $(seq 40); do echo line $i; done; echo 'bad\rworse' >&2; exit 3");
        let error = streamed("sh", &script, "web", ImagePhase::Building, &events).await.unwrap_err();
        let BuildError::Failed { tail, status, .. } = &error else { panic!("{error}") };
        assert_eq!((tail.len(), status.code()), (TAIL, Some(3)));
        assert_eq!(error.to_string(), "`sh` could not build image `web` (exit status: 3)");
        drop(events);
        let mut lines = Vec::new();
        while let Some(Event::ImageLine { line, .. }) = received.recv().await {
            lines.push(line);
        }
        assert_eq!(lines.len(), 41);
        assert!(lines.contains(&"line 1".to_owned()) && lines.contains(&"worse".to_owned()));
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let (events, _received) = Events::channel();
        let error = streamed("managr-no-such-tool", &[], "web", ImagePhase::Pushing, &events).await.unwrap_err();
        assert_eq!(error.to_string(), "could not start `managr-no-such-tool`");
        assert_eq!(output("managr-no-such-tool", &[]).await, None);
    }
}
