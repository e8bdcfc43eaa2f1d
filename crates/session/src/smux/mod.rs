//! Many byte streams over one: how ports are forwarded over a session.
//!
//! smux version 1 has no window per stream. What came for a stream that its user does not read waits in
//! memory, at most 4 MiB for all streams together; then nothing more is read, for any of them, as in
//! xtaci/smux. A stream ends in each direction by itself: FIN says that nothing more comes.

mod frame;
mod stream;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use self::frame::{Command, Frame};
use self::stream::Port;
use crate::Duplex;

/// Bytes that wait for all readers together; xtaci's `MaxReceiveBuffer`.
const BUFFERED: usize = 4 << 20;
/// As often as xtaci's `KeepAliveInterval`.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// Frames that wait to be sent.
const QUEUED: usize = 16;

/// Asks the end that numbers streams for a new one.
#[derive(Debug, Clone)]
pub struct Opener(mpsc::Sender<oneshot::Sender<Box<dyn Duplex>>>);

impl std::fmt::Debug for dyn Duplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Duplex")
    }
}

impl Opener {
    /// Opens a stream.
    ///
    /// # Errors
    /// `BrokenPipe` when the session has ended.
    pub async fn open(&self) -> io::Result<Box<dyn Duplex>> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the session has ended");
        let (sender, stream) = oneshot::channel();
        self.0.send(sender).await.map_err(|_| gone())?;
        stream.await.map_err(|_| gone())
    }
}

/// Begins the end that opens streams. It ends when `under` does, or when every opener and stream is dropped.
/// `keeps_alive` for an other end that ends the session when it hears nothing for 30 s, as xtaci's does unless told
/// otherwise.
pub fn opener(under: Box<dyn Duplex>, keeps_alive: bool) -> Opener {
    let (openings, asked) = mpsc::channel(QUEUED);
    tokio::spawn(async move {
        // Numbers 3, 5, 7 …, as xtaci's client end.
        let _ = Session::new(under).run(Role::Opens { asked, next: 3, keeps_alive }).await;
    });
    Opener(openings)
}

/// Begins the end that accepts streams; each is handed over as it comes.
pub fn acceptor(under: Box<dyn Duplex>) -> mpsc::Receiver<Box<dyn Duplex>> {
    let (accepted, streams) = mpsc::channel(QUEUED);
    tokio::spawn(async move {
        let _ = Session::new(under).run(Role::Accepts(accepted)).await;
    });
    streams
}

enum Role {
    Opens {
        asked: mpsc::Receiver<oneshot::Sender<Box<dyn Duplex>>>,
        next: u32,
        keeps_alive: bool,
    },
    Accepts(mpsc::Sender<Box<dyn Duplex>>),
    /// Opened streams; no caller is left that could ask for more.
    Carries,
}

impl Role {
    fn is_over(&self) -> bool {
        match self {
            Self::Carries => true,
            Self::Accepts(accepted) => accepted.is_closed(),
            Self::Opens { .. } => false,
        }
    }
}

struct Session {
    reader: ReadHalf<Box<dyn Duplex>>,
    buffer: BytesMut,
    ports: HashMap<u32, Port>,
    frames: mpsc::Sender<Frame>,
    /// Which stream has said that it sends nothing more.
    finished: mpsc::UnboundedReceiver<u32>,
    finishes: mpsc::UnboundedSender<u32>,
    room: Arc<Semaphore>,
}

impl Session {
    fn new(under: Box<dyn Duplex>) -> Self {
        let (reader, mut writer) = tokio::io::split(under);
        let (frames, mut queue) = mpsc::channel::<Frame>(QUEUED);
        tokio::spawn(async move {
            let mut out = BytesMut::new();
            while let Some(frame) = queue.recv().await {
                out.clear();
                frame.encode(&mut out);
                while let Ok(frame) = queue.try_recv() {
                    frame.encode(&mut out);
                }
                if writer.write_all(&out).await.is_err() {
                    return;
                }
            }
            let _ = writer.shutdown().await;
        });
        let (finishes, finished) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(BUFFERED));
        Self { reader, buffer: BytesMut::new(), ports: HashMap::new(), frames, finished, finishes, room }
    }

    /// Carries streams until the bytes below end.
    async fn run(mut self, mut role: Role) -> io::Result<()> {
        // A stream that was asked for and is not announced yet. Reading goes on meanwhile: the other end may take no
        // more before we have taken something.
        let mut opening = None;
        let frames = self.frames.clone();
        let keeps_alive = matches!(role, Role::Opens { keeps_alive: true, .. });
        let mut pulse = tokio::time::interval_at(Instant::now() + KEEPALIVE, KEEPALIVE);
        // Until no caller has a stream or can open one.
        while opening.is_some() || !(self.ports.is_empty() && role.is_over()) {
            // Dropping a branch loses nothing: reading goes into our own buffer in one step.
            tokio::select! {
                read = self.reader.read_buf(&mut self.buffer) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    while let Some(frame) = Frame::decode(&mut self.buffer).map_err(io::Error::other)? {
                        self.take(frame, &role).await?;
                    }
                }
                asked = asked(&mut role), if opening.is_none() => match asked {
                    Some(asked) => opening = Some(asked),
                    None => role = Role::Carries,
                },
                room = frames.reserve(), if opening.is_some() => {
                    let Ok(room) = room else { return Ok(()) };
                    if let Some((number, answer)) = opening.take() {
                        room.send(Frame::new(Command::Syn, number, Bytes::new()));
                        let _ = answer.send(self.open(number)); // who asked has gone: its stream ends by itself
                    }
                }
                Some(number) = self.finished.recv() => {
                    if let Some(port) = self.ports.get_mut(&number) {
                        port.sends = false;
                    }
                    self.forget(number);
                }
                _ = pulse.tick(), if keeps_alive => {
                    // Where frames wait already, the other end hears enough.
                    let _ = frames.try_send(Frame::new(Command::Nop, 0, Bytes::new()));
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, number: u32) -> Box<dyn Duplex> {
        let (port, stream) = stream::new(number, self.frames.clone(), self.finishes.clone());
        self.ports.insert(number, port);
        stream
    }

    async fn take(&mut self, frame: Frame, role: &Role) -> io::Result<()> {
        match frame.command {
            Command::Nop => {}
            Command::Syn => {
                if let Role::Accepts(accepted) = role
                    && !self.ports.contains_key(&frame.stream)
                {
                    let stream = self.open(frame.stream);
                    accepted.send(stream).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
                }
            }
            Command::Push => {
                if let Some(port) = self.ports.get(&frame.stream) {
                    let length = u32::try_from(frame.data.len()).expect("a frame is short");
                    // Waits until readers have taken something: this is what slows the other end down.
                    let room = self.room.clone().acquire_many_owned(length).await.expect("never closed");
                    port.give(frame.data, room);
                }
            }
            Command::Fin => {
                if let Some(port) = self.ports.get_mut(&frame.stream) {
                    port.end();
                }
                self.forget(frame.stream);
            }
        }
        Ok(())
    }

    /// Forgets a stream that has ended both ways.
    fn forget(&mut self, number: u32) {
        if self.ports.get(&number).is_some_and(Port::is_over) {
            self.ports.remove(&number);
        }
    }
}

/// Waits for a caller who wants a stream; never, where the other end opens them.
async fn asked(role: &mut Role) -> Option<(u32, oneshot::Sender<Box<dyn Duplex>>)> {
    match role {
        Role::Carries | Role::Accepts(_) => std::future::pending().await,
        Role::Opens { asked, next, .. } => {
            let answer = asked.recv().await?;
            let number = *next;
            *next = next.wrapping_add(2).max(3);
            Some((number, answer))
        }
    }
}

#[cfg(test)]
mod tests;
