//! A directory in memory for a file that must never reach a disk. It goes with everything in it when it is
//! dropped.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// `f_type` of file systems that are in memory (`statfs(2)`).
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// A directory in memory, for its owner alone.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// When no place in memory can be written to.
    pub(super) fn new() -> Result<Self, Failure> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()).map(PathBuf::from);
        let places = runtime.into_iter().chain(["/dev/shm", "/run", "/tmp"].map(PathBuf::from));
        let mut tag = [0; 8];
        getrandom::fill(&mut tag).map_err(|error| Failure::new(format!("no random numbers: {error}")))?;
        let name = format!("managr-{}", hex::encode(tag));
        for place in places.filter(|place| is_in_memory(place)) {
            let path = place.join(&name);
            if DirBuilder::new().mode(0o700).create(&path).is_ok() {
                return Ok(Self(path));
            }
        }
        Err(Failure::new("there is no place in memory (tmpfs) for the values while they are edited")
            .hint("set XDG_RUNTIME_DIR to one, or set them one by one: `managr vars set STAGE NAME --secret`"))
    }

    /// Writes a file for its owner alone.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whatever an editor left beside is in there too.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_in_memory(path: &Path) -> bool {
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "the type differs between platforms")]
    rustix::fs::statfs(path).is_ok_and(|found| matches!(found.f_type as i64 & 0xffff_ffff, TMPFS | RAMFS))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn it_is_in_memory_private_and_gone_afterwards() {
        let scratch = Scratch::new().unwrap();
        let file = scratch.write("a", "x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(scratch.path()), mode(&file)), (0o700, 0o600));
        assert!(is_in_memory(&file) && !is_in_memory(Path::new("/proc")));
        std::fs::rename(&file, scratch.path().join("b~")).unwrap();
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
    }
}
