//! The container that keeps `overlap` and `timeout` of a schedule: how its image gets into a registry, and what it does
//! in a task.
//!
//! - `program`: which files this program runs from; `image`: an image of them, byte for byte the same each time;
//!   `push`: that image in a registry, if a schedule needs it; `run`: what the container does.
//!
//! Which run goes on is decided in [`deploy_core::gate`].

mod image;
mod program;
mod push;
mod run;

use std::io;
use std::path::PathBuf;

pub use push::{ensure, look};
pub use run::{Held, RunError, end, hold};

/// Why the gate of a schedule cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The task's processor is another one than this machine's.
    #[error(
        "schedule `{schedule}` runs on {task} and this machine is {own}: what keeps its `overlap` and `timeout` is this \
         program, which cannot run there; deploy from a machine with that processor"
    )]
    Architecture {
        /// The schedule.
        schedule: String,
        /// The `cpuArchitecture` of its task.
        task: String,
        /// Ours, in the same words.
        own: String,
    },
    /// A file of the program could not be read.
    #[error("could not read {} for the gate of schedules", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The program runs from files that cannot be carried elsewhere.
    #[error("this program cannot be carried into the gate of schedules: {why}")]
    Uncarried {
        /// Why.
        why: String,
    },
}
