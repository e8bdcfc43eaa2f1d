//! What a session reaches inside of a task: a terminal in a container, a port of its network.
//!
//! It is the part of amazon-ssm-agent that the agent plays inside of a container on ECS, and says
//! what that one says (`agent/session/shell/shell_unix.go`).

mod words;

use std::future::Future;
use std::io;
use std::pin::Pin;

use aws_model::chain;
use runtime::{FaultKind, RunAs, Runtime, StartError, TerminalCommand};
use session::{Duplex, Reach, ReachError, SessionTarget, Size, Terminal};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The agent's word for what ours can do, whatever the container's own says.
const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// Reaches into the containers of this machine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Containers {
    runtime: Runtime,
}

impl Containers {
    /// Reaches into the containers of a runtime.
    pub(crate) fn new(runtime: Runtime) -> Self {
        Self { runtime }
    }
}

impl Reach for Containers {
    fn terminal<'a>(
        &'a self,
        place: &'a SessionTarget,
        command: &'a str,
        size: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        Box::pin(async move {
            let argv = arguments(command)?;
            let program = argv[0].clone();
            let env = vec![(TERM.0.to_owned(), TERM.1.to_owned())];
            // Root whatever the container's user is (developer guide, considerations of ECS Exec).
            let command = TerminalCommand { argv, env, run_as: RunAs::Root, size: (size.cols, size.rows) };
            let attached = self.runtime.attach(&place.task, &place.container, command).await;
            let attached = attached.map_err(|error| refusal(&program, &error))?;
            let resizer = attached.resizer();
            Ok(Terminal {
                resize: Box::new(move |size| {
                    if let Err(error) = resizer.resize(size.cols, size.rows) {
                        tracing::debug!(%error, "a terminal did not take its size");
                    }
                }),
                ended: Box::pin(attached.ended()),
                stream: Box::new(attached),
            })
        })
    }

    fn dial<'a>(
        &'a self,
        place: &'a SessionTarget,
        host: Option<&'a str>,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let stream = self.runtime.connect(&place.task, host, port).await?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

/// Returns program and arguments of a command, never empty: a shell when it names none.
fn arguments(command: &str) -> Result<Vec<String>, ReachError> {
    if command.trim().is_empty() {
        return Ok(vec!["sh".to_owned()]);
    }
    match words::split(command) {
        Ok(words) if words.is_empty() => Err(ReachError("Failed to parse commands input: no command".to_owned())),
        Ok(words) => Ok(words),
        Err(error) => Err(ReachError(format!("Failed to parse commands input: {error}"))),
    }
}

/// Says why a command did not start, as Go's `exec` says it through the agent.
fn refusal(program: &str, error: &StartError) -> ReachError {
    let cause = match error {
        StartError::Refused { kind: FaultKind::CommandNotFound, .. } if program.contains('/') => {
            format!("fork/exec {program}: no such file or directory")
        }
        StartError::Refused { kind: FaultKind::CommandNotFound, .. } => {
            format!("exec: {program:?}: executable file not found in $PATH")
        }
        StartError::Refused { reason, .. } => reason.clone(),
        StartError::Task(error) => chain(error),
    };
    ReachError(format!("Failed to start pty: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(program: &str, kind: FaultKind) -> String {
        let (container, reason) = ("web".to_owned(), "`x` cannot be executed: Permission denied".to_owned());
        refusal(program, &StartError::Refused { container, kind, reason }).to_string()
    }

    #[test]
    fn says_what_the_real_agent_says() {
        assert_eq!(
            refused("bash", FaultKind::CommandNotFound),
            "Failed to start pty: exec: \"bash\": executable file not found in $PATH"
        );
        assert_eq!(
            refused("/bin/bash", FaultKind::CommandNotFound),
            "Failed to start pty: fork/exec /bin/bash: no such file or directory"
        );
        assert_eq!(
            refused("x", FaultKind::CommandNotExecutable),
            "Failed to start pty: `x` cannot be executed: Permission denied"
        );
        assert_eq!(
            arguments("echo 'a").unwrap_err().to_string(),
            "Failed to parse commands input: EOF found when expecting closing quote"
        );
    }

    #[test]
    fn a_command_that_names_nothing_is_a_shell_and_a_comment_is_refused() {
        for command in ["", " \t\n"] {
            assert_eq!(arguments(command).unwrap(), ["sh"]);
        }
        assert!(arguments("# nothing").is_err());
        assert_eq!(arguments("''").unwrap(), [""], "the runtime refuses it");
    }
}
