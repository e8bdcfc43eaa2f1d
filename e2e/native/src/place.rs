//! A place of its own on this machine for each test's platform: a bridge and a subnet that no other test has, in this
//! clone or in another, and that nothing is left on by a test that was killed.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

use crate::platform::binary;

/// Where the places are handed out, for all tests on this machine.
const PLACES: &str = "/run/managr-e2e";

/// A place. The kernel gives it back when the test's process ends, however that ends.
#[derive(Debug)]
pub(crate) struct Place {
    /// 1 to 99.
    number: u8,
    _held: Flock<File>,
}

impl Place {
    /// Takes a free place for the platform whose data will be in `data`, and removes what a killed test left there.
    pub(crate) fn take(data: &Path) -> Self {
        fs::create_dir_all(PLACES).expect("/run is writable");
        (1..=99).find_map(|number| Self::try_take(number, data)).expect("fewer than 99 platforms run at once")
    }

    fn try_take(number: u8, data: &Path) -> Option<Self> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(format!("{PLACES}/{number}")).expect("a place can be opened");
        let mut held = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
        let mut left = String::new();
        held.read_to_string(&mut left).expect("a place says whose it was");
        held.set_len(0).and_then(|()| held.rewind()).expect("a place can be written");
        held.write_all(data.as_os_str().as_encoded_bytes()).expect("a place can be written");
        let place = Self { number, _held: held };
        place.clear(Path::new(&left));
        Some(place)
    }

    /// Removes the platform whose data are in `left`, if a killed test left it. `left` is empty if no test was here.
    fn clear(&self, left: &Path) {
        if left.exists() {
            for pid in processes_with(left) {
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            }
            let _ = Command::new(binary()).args(["platform", "purge", "--data-dir"]).arg(left).output();
            let _ = left.parent().map(fs::remove_dir_all);
        }
        // If the data were removed by hand, or places were once handed out differently, the bridge may be left.
        if Path::new("/sys/class/net").join(self.bridge()).exists() {
            let _ = Command::new("ip").args(["link", "del", &self.bridge()]).output();
        }
    }

    /// Returns the bridge's name.
    pub(crate) fn bridge(&self) -> String {
        format!("mgt{}", self.number)
    }

    /// Returns the subnet of the platform's tasks.
    pub(crate) fn subnet(&self) -> String {
        format!("10.{}.0.0/16", 100 + self.number)
    }
}

/// Returns the processes that have `path` among their arguments.
fn processes_with(path: &Path) -> Vec<nix::unistd::Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let wanted = path.as_os_str().as_encoded_bytes();
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == wanted)
    })
    .map(nix::unistd::Pid::from_raw)
    .collect()
}
