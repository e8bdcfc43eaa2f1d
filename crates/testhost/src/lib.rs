//! What does a test need of this machine? For tests only; what needs no machine is in `testkit`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Set where no test may be skipped, as in CI.
const NOTHING_IS_SKIPPED: &str = "MANAGR_CI";
/// Set where root runs the tests, but only those that any user could run: `cargo xtask test --quick`.
const AS_WITHOUT_ROOT: &str = "MANAGR_WITHOUT_ROOT";

/// Ends the calling test with a line on stderr, unless root runs it: see [`has_root`].
#[macro_export]
macro_rules! needs_root {
    () => {
        if !$crate::has_root() {
            return;
        }
    };
}

/// Whether root runs the calling test, and may act as root. If not, a line says that the test is skipped. It is
/// written past the harness, which hides what a passing test prints.
///
/// # Panics
/// When root is missing although `MANAGR_CI` is set: CI must show everything, so it skips nothing.
pub fn has_root() -> bool {
    goes_on("root", nix::unistd::geteuid().is_root() && std::env::var_os(AS_WITHOUT_ROOT).is_none())
}

/// Ends the calling test with a line on stderr, unless root runs it where Debian's PostgreSQL 15 is: see
/// [`has_postgres`].
#[macro_export]
macro_rules! needs_postgres {
    () => {
        if !$crate::has_postgres() {
            return;
        }
    };
}

/// Whether root runs the calling test, and Debian's `postgresql-15` is there. If not, a line says that the test is
/// skipped.
///
/// # Panics
/// When one is missing although `MANAGR_CI` is set.
pub fn has_postgres() -> bool {
    has_root() && goes_on("postgresql-15", Path::new("/usr/lib/postgresql/15/bin/initdb").exists())
}

/// Ends the calling test with a line on stderr, unless `python3` has boto3: see [`has_boto3`].
#[macro_export]
macro_rules! needs_boto3 {
    () => {
        if !$crate::has_boto3() {
            return;
        }
    };
}

/// Whether `python3` can import boto3. If not, a line says that the test is skipped.
///
/// # Panics
/// When it is missing although `MANAGR_CI` is set.
pub fn has_boto3() -> bool {
    static IS_THERE: LazyLock<bool> = LazyLock::new(|| {
        let import = Command::new("python3").args(["-c", "import boto3"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    });
    goes_on("boto3", *IS_THERE)
}

/// Whether the calling test goes on, which needs something that may be missing.
fn goes_on(what: &str, is_there: bool) -> bool {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    match turn(is_there, std::env::var_os(NOTHING_IS_SKIPPED).is_some()) {
        Turn::Run => true,
        Turn::Skip => {
            // Nothing can be done about a stderr that is closed.
            let _ = writeln!(std::io::stderr(), "skipped, needs {what}: {test}");
            false
        }
        Turn::Fail => panic!("`{test}` needs {what}, and {NOTHING_IS_SKIPPED} forbids to skip it"),
    }
}

/// What becomes of a test that needs what may be missing.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Run,
    Skip,
    Fail,
}

fn turn(is_there: bool, nothing_is_skipped: bool) -> Turn {
    match (is_there, nothing_is_skipped) {
        (true, _) => Turn::Run,
        (false, true) => Turn::Fail,
        (false, false) => Turn::Skip,
    }
}

/// Where the disk of a test that runs on a small one is mounted.
const SMALL_DISK: &str = "TESTHOST_SMALL_DISK";

/// Runs the calling test once more, on a disk of `mib` MiB that is its own, and returns none: the test is
/// done then. In there it returns where that disk is; temporary files lie on it, too. Returns none without root, too,
/// after the line of [`has_root`].
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
    if !has_root() {
        return None;
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

/// Writes to a file until the disk has not one byte left, as a container without limits does.
///
/// # Panics
/// When the file cannot be opened.
pub fn fill(file: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).expect("the file can be opened");
    for chunk in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; chunk]).is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_skips_a_test_and_fails_it_where_nothing_may_be_skipped() {
        assert_eq!([turn(true, false), turn(true, true)], [Turn::Run, Turn::Run]);
        assert_eq!([turn(false, false), turn(false, true)], [Turn::Skip, Turn::Fail]);
    }
}
