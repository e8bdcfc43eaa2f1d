//! What libcontainer leaves lying about, taken away. A supervisor lives for as
//! long as its task does, and runs a health check every few seconds.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::RawFd;
use std::path::Path;

/// Does one piece of libcontainer's work. One that fails leaves its channels
/// open, and may leave the process in another directory.
///
/// Only for a process with one thread: nobody else opens anything meanwhile.
pub(crate) fn tidily<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let before = open_descriptors();
    work().inspect_err(|_| {
        // Without knowing what was open before, nothing can be told to be astray.
        if let (Some(before), Some(after)) = (before, open_descriptors()) {
            for stray in after.difference(&before) {
                let _ = nix::unistd::close(*stray);
            }
        }
        let _ = std::env::set_current_dir("/");
    })
}

fn open_descriptors() -> Option<BTreeSet<RawFd>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc/self/fd").ok()? {
        found.insert(entry.ok()?.file_name().to_str()?.parse().ok()?);
    }
    // The one that the list was read through is closed by now.
    found.retain(|descriptor| fs::symlink_metadata(format!("/proc/self/fd/{descriptor}")).is_ok());
    Some(found)
}

/// Removes the sockets of commands that have started: one is left for each.
pub(crate) fn forget_notices(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"tenant-notify-") {
            let _ = fs::remove_file(entry.path());
        }
    }
}
