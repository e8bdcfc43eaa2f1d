//! A terminal in a running container, as the platform holds it.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::{ExecError, Runtime, TaskError, out_of_step, refused};
use crate::spec::TerminalCommand;
use crate::sys;
use crate::wire::{AttachRequest, Envelope, Fault, Message, Reply, Request, decode, encode};

/// How long a supervisor may take to start a command.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command on a terminal in a container.
///
/// What is written is typed there; what is read is what it shows, and ends when
/// the last program has let go of the terminal.
///
/// Dropping it ends the session, as the end of this process does: the terminal
/// hangs up, and what has not ended a second later is killed. The same second
/// has what the command leaves in its session when it ends; only what has made
/// a session of its own (`setsid`) stays.
pub struct Attached {
    terminal: Arc<AsyncFd<OwnedFd>>,
    line: Arc<Line>,
}

/// Changes the size of the terminal of an [`Attached`], while there is one.
#[derive(Clone)]
pub struct Resizer {
    terminal: Weak<AsyncFd<OwnedFd>>,
}

/// The connection to the supervisor. It holds the session.
struct Line {
    stream: UnixStream,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    buffer: Vec<u8>,
    /// The last word: the exit code, if there was one.
    end: Option<Option<i32>>,
}

impl Runtime {
    /// Starts a command in a running container on a terminal of its own.
    pub async fn attach(&self, task: &str, container: &str, command: TerminalCommand) -> Result<Attached, ExecError> {
        let alive = self.inner.alive(task)?;
        let request = AttachRequest { container: container.to_owned(), command };
        let socket = self.inner.config.task(task).socket();
        let ask = async {
            let mut stream = UnixStream::connect(socket).await?;
            stream.write_all(&encode(&Envelope { id: 0, request: Request::Attach(request) })).await?;
            hear_reply(stream).await
        };
        let answer = tokio::time::timeout(PATIENCE, ask).await;
        match answer.map_err(|_| TaskError::Silent { task: task.to_owned() })? {
            Ok(Ok(attached)) => Ok(attached),
            Ok(Err(fault)) => Err(refused(container)(fault)),
            Err(error) if is_end(&error) => {
                self.ask(&alive, task, Request::Hello).await?.map_err(refused(container))?;
                // One that does not know the request closes the connection, and goes on.
                Err(out_of_step(task).into())
            }
            Err(source) => {
                let action = "ask its supervisor for a terminal";
                Err(TaskError::System { task: task.to_owned(), action, source }.into())
            }
        }
    }
}

/// Whether the other side ended the connection, or speaks what we do not know.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, InvalidData, NotFound, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionRefused | ConnectionReset | InvalidData | NotFound | UnexpectedEof)
}

/// Hears the one reply, which brings the terminal along if there is one.
async fn hear_reply(stream: UnixStream) -> io::Result<Result<Attached, Fault>> {
    let mut buffer = Vec::new();
    let mut terminal = None;
    let reply = loop {
        if let Some(Message::Reply { result, .. }) = decode::<Message>(&mut buffer)? {
            break result;
        }
        let mut chunk = [0; 4096];
        let receive = || sys::receive(stream.as_fd(), &mut chunk);
        let (count, descriptor) = stream.async_io(Interest::READABLE, receive).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend(&chunk[..count]);
        terminal = terminal.or(descriptor);
    };
    match (reply, terminal) {
        (Ok(Reply::Attached), Some(terminal)) => {
            let heard = Mutex::new(Heard { buffer, end: None });
            let line = Arc::new(Line { stream, heard });
            Ok(Ok(Attached { terminal: Arc::new(sys::watch(terminal)?), line }))
        }
        (Ok(_), _) => Err(io::ErrorKind::InvalidData.into()),
        (Err(fault), _) => Ok(Err(fault)),
    }
}

impl Line {
    async fn end(&self) -> Option<i32> {
        let mut heard = self.heard.lock().await;
        loop {
            if let Some(end) = heard.end {
                return end;
            }
            heard.end = match decode::<Message>(&mut heard.buffer) {
                Ok(Some(Message::Ended { exit_code })) => Some(Some(exit_code)),
                Ok(Some(_)) => continue,
                Ok(None) => match self.hear(&mut heard.buffer).await {
                    Ok(count) if count > 0 => continue,
                    _ => Some(None),
                },
                Err(_) => Some(None),
            };
        }
    }

    async fn hear(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

impl Attached {
    /// Tells the terminal its new size; its programs learn of it.
    pub fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        sys::set_terminal_size(self.terminal.as_fd(), cols, rows)
    }

    /// Returns what can change the size from elsewhere. It does not hold the session.
    pub fn resizer(&self) -> Resizer {
        Resizer { terminal: Arc::downgrade(&self.terminal) }
    }

    /// Waits for the end of the command: its exit code, or 128 + signal; `None`
    /// when it is not known, such as when the supervisor died. Does not hold the
    /// session, and may be waited for after it was let go of.
    pub fn ended(&self) -> impl Future<Output = Option<i32>> + Send + 'static {
        let line = Arc::clone(&self.line);
        async move { line.end().await }
    }
}

impl Resizer {
    /// Tells the terminal its new size. One that is gone takes no notice.
    pub fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        match self.terminal.upgrade() {
            Some(terminal) => sys::set_terminal_size(terminal.as_fd(), cols, rows),
            None => Ok(()),
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // This is what the supervisor notices, even while a caller still waits
        // to hear how the command ends.
        let _ = shutdown(self.line.stream.as_raw_fd(), Shutdown::Write);
    }
}

impl AsyncRead for Attached {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.terminal.poll_read_ready(cx))?;
            match guard.try_io(|terminal| Ok(nix::unistd::read(terminal.get_ref(), buffer.initialize_unfilled())?)) {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                // No program has the terminal any more: that is the end.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => return Poll::Ready(Ok(())),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_not_yet) => {}
            }
        }
    }
}

impl AsyncWrite for Attached {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.terminal.poll_write_ready(cx))?;
            match guard.try_io(|terminal| Ok(nix::unistd::write(terminal.get_ref(), bytes)?)) {
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(done) => return Poll::Ready(done),
                Err(_not_yet) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing is closed: a terminal has one end for both directions.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
