//! What does a test need of this machine? For tests only; what needs no machine is in `testkit`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the disk of a test that runs on a small one is mounted.
const SMALL_DISK: &str = "TESTHOST_SMALL_DISK";

/// Runs the calling test once more, on a disk of `mib` MiB that is its own, and returns none: the test is
/// done then. In there it returns where that disk is; temporary files lie on it, too.
///
/// `test` is the test's name as the harness has it, with its modules. Needs root: the disk is a tmpfs in a
/// mount namespace of its own. It has no bound of inodes, as a disk that has only bytes to give.
///
/// # Panics
/// When the test fails there.
pub fn small_disk(mib: u32, test: &str) -> Option<PathBuf> {
    if let Some(here) = std::env::var_os(SMALL_DISK) {
        return Some(here.into());
    }
    // Short: a socket's path has at most 108 bytes.
    let dir = tempfile::Builder::new().prefix("d-").tempdir().expect("a temporary directory");
    let script = format!(
        "mount -t tmpfs -o size={mib}m,nr_inodes=0 none '{}' && exec \"$0\" --exact {test} --nocapture",
        dir.path().display()
    );
    let run = Command::new("unshare")
        .args(["-m", "sh", "-ec", &script])
        .arg(std::env::current_exe().expect("a test knows its own path"))
        .env(SMALL_DISK, dir.path())
        .env("TMPDIR", dir.path())
        .output()
        .expect("util-linux is there");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    // A name that no test has runs none, and that is no success.
    assert!(said.contains("1 passed"), "`{test}` is no test's name: {said}");
    None
}

/// Writes to a file until the disk has not one byte left, as a container does that nobody bounds.
///
/// # Panics
/// When the file cannot be opened.
pub fn fill(file: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).expect("the file can be opened");
    for chunk in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; chunk]).is_ok() {}
    }
}
