//! Ends every process of a group and removes the group, whatever the processes do.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long the kernel may take to let go of killed processes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(2);

/// Kills every process of the groups, which are one group in several hierarchies.
/// Returns once none is left, or says how many resisted.
pub(super) fn kill_all(groups: &[PathBuf]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for group in groups {
        // Stops processes from forking while we kill the group.
        let _ = fs::write(group.join("pids.max"), "0");
        thaw(group);
        // From Linux 5.14 on the kernel does it at once, frozen or not.
        let _ = fs::write(group.join("cgroup.kill"), "1");
    }
    loop {
        let left: BTreeSet<i32> = groups.iter().flat_map(|group| processes(group)).collect();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let text = format!("{} processes do not end, {} among them", left.len(), left.first().unwrap_or(&0));
            return Err(io::Error::other(text));
        }
        for pid in &left {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Lets the processes of a group run again: on cgroup v1 a frozen one cannot even be killed.
pub(super) fn thaw(group: &Path) {
    for (file, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let path = group.join(file);
        if path.exists() {
            let _ = fs::write(path, value);
        }
    }
    for below in subgroups(group) {
        thaw(&below);
    }
}

/// Removes a group with those below it. Safe to repeat.
pub(super) fn remove(group: &Path) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_remove(group) {
            // Killed processes leave their group when the kernel gets to it.
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) && Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

fn try_remove(group: &Path) -> io::Result<()> {
    for below in subgroups(group) {
        try_remove(&below)?;
    }
    match fs::remove_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Returns the processes of a group and of those below it.
pub(super) fn processes(group: &Path) -> Vec<i32> {
    let mut found: Vec<i32> = subgroups(group).iter().flat_map(|below| processes(below)).collect();
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    found.extend(own.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 1));
    found
}

fn subgroups(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(group) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
