//! Why the runtime could not do what it was asked.

use std::io;
use std::path::PathBuf;

use crate::network::NetworkError;
use crate::wire::FaultKind;

/// Why a runtime could not be opened or purged.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No control groups are mounted.
    #[error("this host has no control groups mounted")]
    NoCgroups,
    /// A directory could not be used.
    #[error("could not use {}", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The network could not be set up or removed.
    #[error("could not set up the network of the tasks")]
    Network(#[from] NetworkError),
    /// Control groups cannot be made or given limits.
    #[error("control groups cannot be used")]
    CgroupsUnusable(#[source] io::Error),
    /// A control group could not be removed.
    #[error("could not remove control groups")]
    Cgroups(#[source] io::Error),
}

/// Why a task could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The id cannot be a file name.
    #[error("task id `{task}` is not valid: letters, digits, `-`, `_` and `.` only")]
    InvalidId {
        /// The id.
        task: String,
    },
    /// There is no such task.
    #[error("no task `{task}` is on this host")]
    NoSuchTask {
        /// The id.
        task: String,
    },
    /// The supervisor died; its containers were ended. The task can only be removed.
    #[error("the supervisor of task `{task}` is gone, and its containers with it")]
    SupervisorLost {
        /// The id.
        task: String,
    },
    /// The supervisor could not be started.
    #[error("could not start the supervisor of task `{task}`: {reason}")]
    Supervisor {
        /// The id.
        task: String,
        /// What happened, with the last words of the supervisor.
        reason: String,
    },
    /// The supervisor lives, but was started by another version of the platform.
    #[error("the supervisor of task `{task}` is of another version of managr and cannot do this; a new task can")]
    OutOfStep {
        /// The id.
        task: String,
    },
    /// The supervisor lives, but does not answer.
    #[error("the supervisor of task `{task}` does not answer")]
    Silent {
        /// The id.
        task: String,
    },
    /// The network could not be set up.
    #[error("could not set up the network of task `{task}`")]
    Network {
        /// The id.
        task: String,
        /// What failed.
        #[source]
        source: NetworkError,
    },
    /// A file or control group failed.
    #[error("could not {action} for task `{task}`")]
    System {
        /// The id.
        task: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Why a container could not be started, signalled or removed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The task is not there or has lost its supervisor.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The supervisor refused.
    #[error("container `{container}`: {reason}")]
    Refused {
        /// The container.
        container: String,
        /// Whose fault it is.
        kind: FaultKind,
        /// What happened.
        reason: String,
    },
}

/// Why a command could not be run in a container.
pub type ExecError = StartError;
