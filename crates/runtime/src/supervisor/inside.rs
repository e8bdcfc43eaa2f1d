//! The files of a running container as it sees them. Paths are resolved within
//! it, whatever its links say.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

/// The root directory of a running container.
pub(crate) struct Inside(OwnedFd);

impl Inside {
    /// Finds the root directory of the container that a process is in.
    pub(crate) fn of(process: i32) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(open(format!("/proc/{process}/root").as_str(), flags, Mode::empty())?))
    }

    /// Opens what the container has under a path.
    pub(crate) fn open(&self, path: &str, flags: OFlag) -> io::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        Ok(openat2(&self.0, path, how)?)
    }
}
