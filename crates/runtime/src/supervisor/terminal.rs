//! A terminal for a command in a running container, made among the container's
//! own: programs in it find `/dev/pts/N` under the name that `tty` says.
//!
//! It is whole before the command exists (owner, size), and neither side waits for
//! the other: libcontainer's own way, a console socket, offers neither.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::fchown;

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::{DEVPTS_SUPER_MAGIC, fstatfs};
use nix::sys::termios::{InputFlags, SetArg, tcgetattr, tcsetattr};

use super::inside::Inside;
use crate::sys;
use crate::wire::{Fault, FaultKind};

/// Where new terminals are made, in every container.
const PTMX: &str = "/dev/pts/ptmx";

/// The two ends of a terminal.
pub(crate) struct Terminal {
    /// What is written here is typed; what is read here is shown. Does not block.
    pub(crate) master: OwnedFd,
    /// What programs have as standard input, output and error.
    pub(crate) slave: OwnedFd,
}

/// Makes a terminal in a container, and gives it to a user.
pub(crate) fn make(inside: &Inside, owner: u32, (cols, rows): (u16, u16)) -> Result<Terminal, Fault> {
    let refuse = |error: io::Error| Fault::new(FaultKind::Runtime, format!("could not make a terminal: {error}"));
    let master = open_master(inside).map_err(refuse)?;
    let finish = || -> io::Result<OwnedFd> {
        let slave = sys::open_peer(master.as_fd())?;
        // Or a plain user's programs could not open their own terminal by its
        // name, as `script`, `sudo` and editors do. The group (tty) stays.
        fchown(&slave, Some(owner), None)?;
        sys::set_terminal_size(master.as_fd(), cols, rows)?;
        // Erasing a character then erases all of its bytes.
        let mut settings = tcgetattr(&slave)?;
        settings.input_flags |= InputFlags::IUTF8;
        tcsetattr(&slave, SetArg::TCSANOW, &settings)?;
        Ok(slave)
    };
    let slave = finish().map_err(refuse)?;
    Ok(Terminal { master, slave })
}

/// Opens the container's own multiplexer.
fn open_master(inside: &Inside) -> io::Result<OwnedFd> {
    // Something else may be there, made by the container. It is looked at first: opening a device
    // may do something, and no control group of devices keeps us from it.
    let found = inside.open(PTMX, OFlag::O_PATH)?;
    let multiplexer = libc::makedev(5, 2);
    if fstatfs(&found)?.filesystem_type() != DEVPTS_SUPER_MAGIC || fstat(&found)?.st_rdev != multiplexer {
        return Err(io::Error::other(format!("{PTMX} in the container does not make terminals")));
    }
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(open(path.as_str(), flags, Mode::empty())?)
}
