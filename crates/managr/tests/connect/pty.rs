//! Pseudo-terminals: what a container's end runs commands on, and what a person sits at.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::termios::tcsetwinsize;
use session::reach::BoxFuture;
use session::{Duplex, Reach, ReachError, SessionTarget, Size, Terminal};
use tokio::sync::oneshot;

/// Opens a pseudo-terminal with a window of this size.
pub(crate) fn pty(size: Size) -> OpenptyResult {
    let window = Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&window), None).unwrap();
    for end in [&pty.master, &pty.slave] {
        // A program that has the master of its own terminal never hears that it was hung up.
        fcntl_setfd(end, FdFlags::CLOEXEC).unwrap();
    }
    pty
}

/// Starts a program as the first of a session of its own, whose terminal this is. Its process id is the session's.
pub(crate) fn start(mut command: Command, pty: &OpenptyResult) -> Child {
    let end = || Stdio::from(pty.slave.try_clone().unwrap());
    command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
}

/// Changes a window's size.
pub(crate) fn resize(terminal: &File, size: Size) {
    let mut window = rustix::termios::tcgetwinsize(terminal).unwrap();
    (window.ws_col, window.ws_row) = (size.cols, size.rows);
    tcsetwinsize(terminal, window).unwrap();
}

/// This machine as the container.
pub(crate) struct Machine;

impl Reach for Machine {
    fn terminal<'a>(
        &'a self,
        _: &'a SessionTarget,
        command: &'a str,
        size: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        Box::pin(async move { Ok(terminal(command, size)) })
    }

    fn dial<'a>(
        &'a self,
        _: &'a SessionTarget,
        _: Option<&'a str>,
        _: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

fn terminal(text: &str, size: Size) -> Terminal {
    let pty = pty(size);
    let mut command = Command::new("setsid");
    command.args(["--ctty", "bash", "-c", &format!("exec {text}")]).env("HISTFILE", "/dev/null").env("TERM", "dumb");
    let mut child = start(command, &pty);
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap());
    drop(pty.slave);
    let master = File::from(pty.master);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut from_master, mut to_theirs) = (master.try_clone().unwrap(), theirs.try_clone().unwrap());
    std::thread::spawn(move || {
        // An error is the terminal's end.
        let _ = io::copy(&mut from_master, &mut to_theirs);
        let _ = to_theirs.shutdown(Shutdown::Write);
    });
    let (mut to_master, mut from_theirs) = (master.try_clone().unwrap(), theirs);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from_theirs.read(&mut buffer) {
            if to_master.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = killpg(group, Signal::SIGKILL);
    });
    let (tell, ended) = oneshot::channel();
    std::thread::spawn(move || tell.send(child.wait().unwrap().code()));
    ours.set_nonblocking(true).unwrap();
    Terminal {
        stream: Box::new(tokio::net::UnixStream::from_std(ours).unwrap()),
        resize: Box::new(move |size| resize(&master, size)),
        ended: Box::pin(async move { ended.await.ok().flatten() }),
    }
}
