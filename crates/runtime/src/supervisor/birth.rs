//! Makes a container and starts its first process, with libcontainer, in a step of its own: what
//! libcontainer leaves lying about (descriptors, directories) ends with the step, and the supervisor's
//! memory is in no container, not even in one whose process 1 is our small init.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::error::LibcontainerError;
use libcontainer::syscall::syscall::SyscallType;
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::payload::{self, First, Payload};
use super::steps::{self, Line};
use crate::wire::{Fault, FaultKind};

/// The word by which the supervisor asks for this step.
pub(super) const STEP: &str = "launch";
/// How long a container may take to begin. Until then no process in it could hold it up; a disk may.
const PATIENCE: Duration = Duration::from_secs(60);

/// A container, all of whose directories and files are there.
#[derive(Serialize, Deserialize)]
pub(super) struct Birth {
    pub(super) name: String,
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) credentials: Credentials,
    /// Whether a small init is to watch over the program.
    pub(super) init: bool,
    /// Where libcontainer keeps its own files.
    pub(super) library: PathBuf,
    /// Where `config.json` is.
    pub(super) bundle: PathBuf,
}

/// libcontainer's errors nest deeply; the innermost says what happened.
fn library_fault(error: &dyn std::error::Error) -> Fault {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        texts.push(inner.to_string());
        source = inner.source();
    }
    texts.dedup();
    let text = texts.join(": ");
    // Errors of the new process arrive as text alone.
    if text.contains("prepare rootfs") {
        let hint = "a mount target is a broken link or the wrong kind of file, or a source is missing";
        return Fault::new(FaultKind::Mount, format!("{text} ({hint})"));
    }
    Fault::new(FaultKind::Runtime, text)
}

/// Starts a container; returns its process, a child of ours, once it has become its program.
pub(super) fn start(birth: &Birth, [stdin, stdout, stderr]: [OwnedFd; 3]) -> Result<i32, Fault> {
    payload::check(&birth.argv, &birth.env)?;
    let (line, far) = Line::new()?;
    let descriptors = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), far.as_fd()];
    let child = steps::begin(STEP, birth, &descriptors)
        .map_err(|error| Fault::new(FaultKind::Runtime, format!("could not begin to start the container: {error}")))?;
    drop((far, stdin, stdout, stderr));
    line.hear(child, PATIENCE)
}

/// Makes the container and starts it, in a process that exists for nothing else. Returns only on failure.
pub(super) fn launch(numbers: &[String]) -> io::Error {
    let (birth, [stdin, stdout, stderr, report]) = match steps::receive::<Birth, 4>(numbers) {
        Ok(received) => received,
        Err(error) => return error,
    };
    let payload = match Payload::new(&birth.argv, &birth.env, report) {
        Ok(payload) => payload,
        Err(fault) => return io::Error::other(fault.message),
    };
    let first = First { payload: payload.clone(), credentials: birth.credentials, init: birth.init };
    let work = || -> Result<(), LibcontainerError> {
        ContainerBuilder::new(birth.name, SyscallType::default())
            .with_root_path(&birth.library)?
            .with_executor(first)
            .with_stdin(stdin)
            .with_stdout(stdout)
            .with_stderr(stderr)
            .as_init(&birth.bundle)
            .with_systemd(false)
            .with_detach(true)
            .build()?
            .start()
    };
    if let Err(error) = work() {
        payload.tell(&library_fault(&error));
        std::process::exit(1);
    }
    std::process::exit(0)
}
