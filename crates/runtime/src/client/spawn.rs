//! Starts a supervisor process. The socket it is to listen on is made here and
//! handed over, so that it can be talked to before it has fully started.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::link::Link;
use crate::config::{Config, TaskPaths};
use crate::process::{Identity, read_facts};
use crate::sys;
use crate::wire::Request;

/// How long a supervisor may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a directory that only root can enter, with those above it.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Starts the supervisor of a task in the task's network namespace.
///
/// The process is not tied to the caller in any way; a task reaps it when it ends.
pub(super) fn supervisor(config: &Config, paths: &TaskPaths, namespace: OwnedFd) -> io::Result<()> {
    let socket = paths.socket();
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
    let complaints = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(paths.supervisor_log())?;
    let [program, arguments @ ..] = &config.supervisor[..] else {
        return Err(io::Error::other("no command for the supervisor is configured"));
    };
    // A container that may look at other processes (`SYS_PTRACE`) sees our program when a command
    // enters it, and in its own init. It must not be able to write to it (CVE-2019-5736), so every
    // supervisor, and what that starts again, runs from a view that allows no writes. A sealed
    // copy in memory would do as well and cost the size of the program; runc has come to a view, too.
    let view = sys::read_only_view(Path::new(program))?;
    let mut child = tokio::process::Command::new(format!("/proc/self/fd/{}", view.as_raw_fd()))
        .arg0(program)
        .args(arguments)
        .arg(&paths.state)
        .arg(&paths.run)
        .arg(&config.cgroup_parent)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::from(namespace))
        .stderr(Stdio::from(complaints))
        .kill_on_drop(false)
        .spawn()?;
    tokio::spawn(async move { child.wait().await });
    Ok(())
}

/// Ends a task's supervisor, no matter who started it and how far it has come; returns once it is gone. Safe to repeat.
///
/// It is found by its socket, which it has from birth: one that has only just
/// been started by a platform that died has not written down who it is yet.
pub(super) async fn end_supervisor(paths: &TaskPaths) {
    let polite = async {
        let Ok(link) = Link::connect(&paths.socket(), |_| {}).await else { return };
        let _ = link.ask(Request::Shutdown).await;
        // The connection breaks when the process has ended, and not before.
        while link.ask(Request::Hello).await.is_ok() {}
    };
    let _ = tokio::time::timeout(PATIENCE, polite).await;
    let Ok(Some(supervisor)) = read_facts::<Identity>(&paths.supervisor()) else { return };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while supervisor.is_alive() && tokio::time::Instant::now() < deadline {
        supervisor.kill();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Returns the end of what a supervisor complained of.
pub(super) fn last_words(paths: &TaskPaths) -> String {
    let text = fs::read_to_string(paths.supervisor_log()).unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.reverse();
    if lines.is_empty() { "it said nothing".to_owned() } else { lines.join("; ") }
}
