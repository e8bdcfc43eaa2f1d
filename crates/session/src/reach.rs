//! What a session reaches inside of a task. The owner of the containers implements it.

use std::future::Future;
use std::io;
use std::pin::Pin;

use crate::{Duplex, Size};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a session leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTarget {
    /// Task id.
    pub task: String,
    /// Container's name within the task.
    pub container: String,
}

/// Why a command could not be started: words for the person at the other end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReachError(pub String);

/// What a session can reach.
pub trait Reach: Send + Sync + 'static {
    /// Starts a command with a terminal of its own. `command` is the string of ExecuteCommand, which the
    /// agent splits as a shell would and runs without one (amazon-ssm-agent, `shell_unix.go`).
    fn terminal<'a>(
        &'a self,
        place: &'a SessionTarget,
        command: &'a str,
        size: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>>;

    /// Connects to a port as the container would; no host is the container's own `localhost`.
    fn dial<'a>(
        &'a self,
        place: &'a SessionTarget,
        host: Option<&'a str>,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>>;
}

/// A command on a terminal. Dropping it ends the processes of its session.
pub struct Terminal {
    /// The master side; ends when the last process has closed the other.
    pub stream: Box<dyn Duplex>,
    /// Changes the window's size.
    pub resize: Box<dyn Fn(Size) + Send + Sync>,
    /// Resolves to the exit code, if it is known.
    pub ended: BoxFuture<'static, Option<i32>>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}
