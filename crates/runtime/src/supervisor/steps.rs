//! Starts our own program again, for one step that touches a container.
//!
//! A copy of the supervisor would take the supervisor's memory along, and with it the environment of every container of
//! the task, to where a container's programs may look (`SYS_PTRACE`). A new program has nothing but its arguments, and
//! no descriptor but those it is given.

use std::io::{self, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, UnixCredentials, recvmsg, setsockopt,
    socketpair, sockopt::PassCred,
};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ARGUMENTS;
use crate::sys;
use crate::wire::{Fault, FaultKind};

/// What a process says that is about to become a container's program. The kernel adds who says it.
const HERE: &[u8] = b"here";
/// Longest thing that is said.
const LONGEST: usize = 16 << 10;

fn failed(what: &str, error: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Runtime, format!("could not {what}: {error}"))
}

/// Starts a step. It reads `order` from its standard input, and finds copies of the descriptors by
/// the numbers in its arguments.
pub(super) fn begin(step: &str, order: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<Child> {
    // Copies stay open in the new program. No other program starts meanwhile: there is one thread.
    let copies = descriptors.iter().map(nix::unistd::dup).collect::<nix::Result<Vec<OwnedFd>>>()?;
    let all: Vec<_> = std::env::args_os().skip(1).collect();
    let ours = all.len().saturating_sub(ARGUMENTS);
    let mut child = Command::new("/proc/self/exe")
        .arg0(std::env::args_os().next().unwrap_or_default())
        .args(&all[..ours])
        .arg(step)
        .args(copies.iter().map(|copy| copy.as_raw_fd().to_string()))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    drop(copies);
    let text = serde_json::to_vec(order)?;
    let told = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(&text));
    told.inspect_err(|_| {
        let _ = child.kill();
        let _ = child.wait();
    })?;
    Ok(child)
}

/// Takes what [`begin`] gave, in the new program.
pub(super) fn receive<T: DeserializeOwned, const N: usize>(numbers: &[String]) -> io::Result<(T, [OwnedFd; N])> {
    let wrong = || io::Error::other("the supervisor names other descriptors than this step takes");
    let open = |number: &String| sys::inherited(number.parse().map_err(|_| wrong())?);
    let descriptors = numbers.iter().map(open).collect::<io::Result<Vec<_>>>()?;
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    Ok((serde_json::from_slice(&text)?, descriptors.try_into().map_err(|_| wrong())?))
}

/// Says over a [`Line`] that the calling process is there.
pub(super) fn say_here(report: BorrowedFd<'_>) -> Result<(), Fault> {
    nix::unistd::write(report, HERE).map(drop).map_err(|errno| failed("say that it is there", errno))
}

/// What is heard from a step, and from the process that it leaves to us.
pub(super) struct Line(OwnedFd);

impl Line {
    /// Returns our end, and the one for the step, which is to close on execution.
    pub(super) fn new() -> Result<(Self, OwnedFd), Fault> {
        let (near, far) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
            .map_err(|errno| failed("make a socket", errno))?;
        // The kernel names each sender: a container's process may have got hold of the other end.
        setsockopt(&near, PassCred, &true).map_err(|errno| failed("set up a socket", errno))?;
        Ok((Self(near), far))
    }

    /// Hears how a step goes; returns the process that it leaves once that has become its program.
    pub(super) fn hear(&self, mut step: Child, patience: Duration) -> Result<i32, Fault> {
        let deadline = Instant::now() + patience;
        let (mut born, mut fault) = (None, None);
        let late = loop {
            match self.listen(deadline) {
                Ok(Some((said, who))) if said == HERE => born = born.or(who),
                Ok(Some((said, _))) => fault = fault.or(serde_json::from_slice::<Fault>(&said).ok()),
                // Every copy is closed: it has become its program, or ended.
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if late.is_some() {
            let _ = step.kill();
        }
        // Afterwards what it leaves is our child: we are the reaper of all below us.
        let _ = step.wait();
        let born = born.filter(|pid| {
            let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            waitid(Id::Pid(Pid::from_raw(*pid)), look).is_ok()
        });
        match (late, fault, born) {
            (Some(error), _, born) => {
                if let Some(pid) = born {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
                let text = format!("it has not begun within {} s: {error}", patience.as_secs());
                Err(Fault::new(FaultKind::Runtime, text))
            }
            (None, Some(fault), _) => Err(fault),
            (None, None, Some(pid)) => Ok(pid),
            (None, None, None) => Err(Fault::new(FaultKind::Runtime, "it ended before it had begun")),
        }
    }

    /// Returns what is said next and by which process, or nothing when no process is left to say anything.
    fn listen(&self, deadline: Instant) -> io::Result<Option<(Vec<u8>, Option<i32>)>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], wait) {
                Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
                Ok(_) => {}
                Err(errno) => return Err(errno.into()),
            }
            let mut bytes = vec![0; LONGEST];
            let mut slices = [IoSliceMut::new(&mut bytes)];
            let mut space = nix::cmsg_space!(UnixCredentials);
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
            let message = recvmsg::<UnixAddr>(self.0.as_raw_fd(), &mut slices, Some(&mut space), flags)?;
            let who = message.cmsgs()?.find_map(|part| match part {
                ControlMessageOwned::ScmCredentials(who) => Some(who.pid()),
                _ => None,
            });
            let count = message.bytes;
            bytes.truncate(count);
            return Ok((count > 0).then_some((bytes, who)));
        }
    }
}
