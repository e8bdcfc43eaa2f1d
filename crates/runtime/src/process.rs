//! Is that process still the one we started? A pid alone does not say: pids
//! are used again, so a process is known by pid, start time and boot.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

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
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self { pid, start: start_time(&stat)?, boot: boot.trim().to_owned() })
    }

    /// Whether it still runs; a zombie does not.
    pub(crate) fn is_alive(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        !is_zombie(&stat) && Self::of(self.pid).as_ref() == Some(self)
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
    fn a_pid_with_another_start_time_is_another_process() {
        let me = Identity::of(std::process::id() as i32).unwrap();
        assert!(me.is_alive());
        let past = Identity { start: me.start - 1, ..me };
        assert!(!past.is_alive());
    }
}
