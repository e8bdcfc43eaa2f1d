//! A file that people keep is changed: all of it or nothing, with its mode and its owner, and never over what
//! another `managr` writes at the same time.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::exit::Exit;
use crate::failure::Failure;

/// Mode of a file that holds secrets and was not there.
const PRIVATE: u32 = 0o600;

/// Changes a file's text; one that is not there is empty, and is made for its owner alone. Returns whether
/// anything changed.
///
/// # Errors
/// Whatever `edit` says; when the file cannot be read or written.
pub(super) fn change(path: &Path, edit: impl FnOnce(&str) -> Result<String, Failure>) -> Result<bool, Failure> {
    // A link stays one.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let fail = |what: &str, error: io::Error| {
        Failure::new(format!("could not {what} {}: {error}", path.display())).exit(Exit::Failed)
    };
    let next = Next::lock(&path).map_err(|error| fail("write beside", error))?;
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(fail("read", error)),
    };
    let after = edit(before.as_deref().unwrap_or_default())?;
    if before.as_deref().unwrap_or_default() == after {
        return Ok(false);
    }
    next.put(&path, &after).map_err(|error| fail("write", error))?;
    Ok(true)
}

/// Reads a file; one that is not there is empty.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::new(format!("could not read {}: {error}", path.display())).exit(Exit::Usage)),
    }
}

/// What a file will be, in the same directory, locked by its writer. One that a killed process left is
/// used by the next.
struct Next {
    file: File,
    path: PathBuf,
    done: bool,
}

impl Next {
    fn lock(target: &Path) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.managr"));
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(PRIVATE);
            let file = options.custom_flags(nix::libc::O_NOFOLLOW).open(&path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            // The process that had it before has put it in place, or removed it.
            let is_there = std::fs::symlink_metadata(&path)
                .is_ok_and(|now| file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (now.dev(), now.ino())));
            if is_there {
                return Ok(Self { file, path, done: false });
            }
        }
    }

    fn put(mut self, target: &Path, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())?;
        if let Ok(old) = std::fs::metadata(target) {
            let own = self.file.metadata()?;
            if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
                std::os::unix::fs::fchown(&self.file, Some(old.uid()), Some(old.gid()))?;
            }
            self.file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn given(path: &Path) -> Result<String, Failure> {
    let read = match path.as_os_str() == "-" {
        true => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        }
        false => std::fs::read_to_string(path),
    };
    read.map_err(|error| Failure::new(format!("could not read {}: {error}", path.display())).exit(Exit::Usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(path: &Path, text: &str) -> bool {
        change(path, |before| Ok(format!("{before}{text}"))).unwrap()
    }

    #[test]
    fn mode_and_link_stay_and_nothing_is_left_beside() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("a"), directory.path().join("b"));
        std::fs::write(&file, "1").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();
        assert!(add(&link, "2"));
        assert!(!add(&file, ""));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "12");
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(add(&directory.path().join("new"), "x"));
        assert_eq!(std::fs::metadata(directory.path().join("new")).unwrap().mode() & 0o7777, 0o600);
        let refused = change(&file, |_| Err(Failure::new("no")));
        assert!(refused.is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_writes_at_the_same_time_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        std::fs::write(directory.path().join(".a.managr"), "left by a killed process").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| assert!(add(&file, "x"))));
            }
        });
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x".repeat(160));
    }
}
