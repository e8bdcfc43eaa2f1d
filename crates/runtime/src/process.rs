//! Is that process still the one we started? A pid alone does not say: pids
//! are used again, so a process is known by pid, start time and boot.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::sys;

/// A name that the kernel chooses at each boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Names a process for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// Start time in clock ticks since boot, from `/proc/PID/stat`.
    start: u64,
    boot: String,
}

impl Identity {
    /// Returns the identity of a process that runs now, or `None`.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let boot = fs::read_to_string(BOOT).ok()?;
        Some(Self { pid, start: start_time(&stat)?, boot: boot.trim().to_owned() })
    }

    /// Whether it still runs; a zombie does not.
    pub(crate) fn is_alive(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        !is_zombie(&stat) && Self::of(self.pid).as_ref() == Some(self)
    }

    /// Whether it was started since the host was; one that was not cannot run any more.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        fs::read_to_string(BOOT).is_ok_and(|boot| boot.trim() == self.boot)
    }

    /// Kills it, if it is still the same process.
    pub(crate) fn kill(&self) {
        if self.is_alive() {
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
    }
}

/// The command name may hold spaces and brackets, so fields count from the last `)`.
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

fn start_time(stat: &str) -> Option<u64> {
    fields(stat)?.get(19)?.parse().ok()
}

fn is_zombie(stat: &str) -> bool {
    fields(stat).is_some_and(|fields| matches!(fields.first(), Some(&("Z" | "X"))))
}

/// Whether a process that runs belongs to a terminal session. A zombie does not
/// run, unless only its first thread has ended.
fn runs_in(stat: &str, session: i32) -> bool {
    let number = |index: usize| fields(stat)?.get(index)?.parse::<i32>().ok();
    number(3) == Some(session) && (!is_zombie(stat) || number(17) > Some(1))
}

/// The processes of a terminal session, which is known by the process that leads it.
///
/// The kernel gives a session's number to no other process while one of the
/// session is left.
pub(crate) struct Session {
    /// Process that leads the session.
    pub(crate) leader: i32,
    /// Whether the leader has been reaped. Its number may then be in use again.
    pub(crate) leader_gone: bool,
}

impl Session {
    fn is_over(&self) -> bool {
        self.leader_gone && Path::new(&format!("/proc/{}", self.leader)).exists()
    }

    fn has(&self, pid: i32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        runs_in(&stat, self.leader)
    }

    /// Returns the processes of the session that run now.
    pub(crate) fn members(&self) -> Vec<i32> {
        if self.is_over() {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| self.has(*pid)).collect()
    }

    /// Kills a process that [`Session::members`] named, if it is still one of them.
    pub(crate) fn kill(&self, pid: i32) {
        let Ok(process) = sys::pidfd_open(pid) else { return };
        // Looked at again: the number may have become another process's meanwhile.
        if self.has(pid) && !self.is_over() {
            let _ = sys::pidfd_signal(process.as_fd(), Signal::SIGKILL as i32);
        }
    }
}

/// Returns the time in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as u64)
}

/// Whether a file must survive a power cut, or only the end of processes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    PowerCut,
    ProcessEnd,
}

/// Replaces a file of facts whole, readable by root only.
pub(crate) fn write_facts(path: &Path, facts: &impl Serialize, durability: Durability) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(&serde_json::to_vec(facts)?)?;
    if durability == Durability::PowerCut {
        file.sync_all()?;
    }
    fs::rename(&fresh, path)?;
    if durability == Durability::PowerCut
        && let Some(parent) = path.parent()
    {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Reads a file of facts; `None` when there is none.
pub(crate) fn read_facts<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_start_time_behind_an_odd_command_name() {
        let stat = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(start_time(stat), Some(4242));
        assert!(!is_zombie(stat));
        assert!(is_zombie("12 (x) Z 1 2"));
    }

    #[test]
    fn tells_who_runs_in_a_session() {
        let stat =
            |state, threads| format!("12 (a) b (c)) {state} 1 2 33 4 5 6 7 8 9 10 11 12 13 14 15 16 {threads} 18");
        assert!(runs_in(&stat("S", 1), 33));
        assert!(!runs_in(&stat("S", 1), 2));
        assert!(!runs_in(&stat("Z", 1), 33), "a zombie is over");
        assert!(runs_in(&stat("Z", 2), 33), "its other threads run");
        assert!(!runs_in("", 33), "it is not there");
    }

    #[test]
    fn a_pid_with_another_start_time_is_another_process() {
        let me = Identity::of(std::process::id() as i32).unwrap();
        assert!(me.is_alive());
        let past = Identity { start: me.start - 1, ..me };
        assert!(!past.is_alive());
    }
}
