//! The hidden verb that the platform starts its load balancer with: `managr balance DIR`.
//!
//! A process of its own, so that requests go on when the platform does not.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tracing_subscriber::EnvFilter;

/// The word on the command line.
pub(crate) const VERB: &str = "balance";

/// Serves what a platform says over the socket in the directory named, until there is nothing to serve.
pub(crate) fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let filter = EnvFilter::try_from_env("MANAGR_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    log.with_ansi(false).with_writer(std::io::stderr).init();
    let Some(dir) = args.next() else {
        tracing::error!("a directory is missing; this verb is the platform's own");
        return ExitCode::FAILURE;
    };
    // Fails only for a process that leads its group already: then nothing is left to leave.
    let _ = nix::unistd::setsid();
    allow_connections();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "could not start");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(async {
        let signals = signals().unwrap_or_else(|error| {
            tracing::warn!(%error, "SIGTERM will break what is open");
            mpsc::unbounded_channel().1
        });
        balancer::serve(Path::new(&dir), tell_ready, signals).await
    });
    // What is open longer than it may be ends with the process, whatever it is doing.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the load balancer cannot work");
            ExitCode::FAILURE
        }
    }
}

/// Tells of every SIGTERM from now on.
fn signals() -> io::Result<UnboundedReceiver<()>> {
    let mut term = signal(SignalKind::terminate())?;
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move { while term.recv().await.is_some() && tell.send(()).is_ok() {} });
    Ok(told)
}

/// Says one line to the platform that waits for it. It may have died, and that is no matter.
fn tell_ready() {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "ready").and_then(|()| out.flush());
}

/// A request takes two sockets, and the usual limit of 1024 files is meant for programs that use
/// `select`: the system's own limit is taken instead.
fn allow_connections() {
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(errno) = raised {
        tracing::warn!(%errno, "the limit of open files stays as it is");
    }
}
