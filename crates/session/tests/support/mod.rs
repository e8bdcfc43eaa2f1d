//! A task that is not there, and the way to it: what both ends' tests share.

#![allow(dead_code)]
#![allow(clippy::unwrap_used)]

pub(crate) mod relay;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use session::agent::Times;
use session::client::{Dial, DialError, Dialled, Event, Greeting, Options, Session};
use session::reach::BoxFuture;
use session::sessions::Request;
use session::{Duplex, Reach, ReachError, SessionTarget, Sessions, Size, Terminal};
use tokio::io::AsyncWriteExt;

use relay::Weather;

/// Counts what is alive inside of the task.
#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) alive: AtomicUsize,
    pub(crate) sizes: Mutex<Vec<Size>>,
}

pub(crate) struct Alive(Arc<Inside>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Inside {
    fn enter(self: &Arc<Self>) -> Alive {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Alive(self.clone())
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

/// Commands: `cat` echoes, `yes N` writes N bytes, `exit` ends at once; others are not there. Port 7 echoes.
pub(crate) struct FakeReach(pub Arc<Inside>);

/// Returns the byte at a place of the stream that `yes` writes.
pub(crate) fn byte(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

impl Reach for FakeReach {
    fn terminal<'a>(
        &'a self,
        _place: &'a SessionTarget,
        command: &'a str,
        size: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(4096);
            let alive = self.0.enter();
            let inside = self.0.clone();
            inside.sizes.lock().unwrap().push(size);
            let (mut reader, mut writer) = tokio::io::split(theirs);
            let mut words = command.split(' ');
            let (ended, code) = tokio::sync::oneshot::channel();
            match words.next() {
                Some("cat") => {
                    tokio::spawn(async move {
                        let _ = tokio::io::copy(&mut reader, &mut writer).await;
                        drop(alive);
                    });
                    std::mem::forget(ended); // it never ends by itself
                }
                Some("yes") => {
                    let count: usize = words.next().unwrap().parse().unwrap();
                    tokio::spawn(async move {
                        let bytes: Vec<u8> = (0..count).map(byte).collect();
                        let _ = writer.write_all(&bytes).await;
                        drop((writer, reader, alive));
                        let _ = ended.send(0);
                    });
                }
                Some("exit") => {
                    drop(alive);
                    let _ = ended.send(3);
                }
                other => return Err(ReachError(format!("exec: {other:?}: executable file not found in $PATH"))),
            }
            Ok(Terminal {
                stream: Box::new(ours),
                resize: Box::new(move |size| inside.sizes.lock().unwrap().push(size)),
                ended: Box::pin(async move {
                    match code.await {
                        Ok(code) => Some(code),
                        Err(_) => std::future::pending().await,
                    }
                }),
            })
        })
    }

    fn dial<'a>(
        &'a self,
        _place: &'a SessionTarget,
        _host: Option<&'a str>,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            if port != 7 {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (ours, theirs) = tokio::io::duplex(4096);
            let alive = self.0.enter();
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(theirs);
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.shutdown().await;
                drop(alive);
            });
            Ok(Box::new(ours) as Box<dyn Duplex>)
        })
    }
}

/// A platform's sessions and what is inside of its only task.
pub(crate) struct World {
    pub(crate) sessions: Sessions,
    pub(crate) inside: Arc<Inside>,
}

impl World {
    pub(crate) fn new() -> Self {
        let inside = Arc::new(Inside::default());
        let sessions = Sessions::with_times(Arc::new(FakeReach(inside.clone())), Times::default());
        Self { sessions, inside }
    }

    pub(crate) fn request(work: session::agent::Work) -> Request {
        Request {
            prefix: "ecs-execute-command".into(),
            target: "ecs:c_t_r".into(),
            place: SessionTarget { task: "t".into(), container: "web".into() },
            work,
            document: None,
            reason: None,
            owner: "arn:aws:iam::123456789012:root".into(),
            region: "us-east-1".into(),
        }
    }

    /// Opens a session and connects to it through some weather.
    pub(crate) fn connect(&self, work: session::agent::Work, weather: Weather) -> Session {
        let opened = self.sessions.open(Self::request(work));
        let way = Way { sessions: self.sessions.clone(), opened: Some(opened.clone()), id: opened.session_id, weather };
        session::client::start(way, Options::new())
    }

    pub(crate) fn terminal(&self, command: &str, weather: Weather) -> Session {
        self.connect(session::agent::Work::Terminal { command: command.into() }, weather)
    }
}

/// Connects to a session that was opened, as a client of some version.
pub(crate) fn dial(world: &World, opened: session::sessions::Opened, options: Options) -> Session {
    let id = opened.session_id.clone();
    let way = Way { sessions: world.sessions.clone(), opened: Some(opened), id, weather: Weather::fair() };
    session::client::start(way, options)
}

/// Dials the sessions of this process.
struct Way {
    sessions: Sessions,
    opened: Option<session::sessions::Opened>,
    id: String,
    weather: Weather,
}

impl Dial for Way {
    fn dial(&mut self, again: bool) -> BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(async move {
            let opened = match self.opened.take() {
                Some(opened) if !again => opened,
                _ => match self.sessions.resume(&self.id) {
                    Ok(opened) => opened,
                    Err(_) => return Ok(Dialled::Over),
                },
            };
            let (ours, theirs) = self.weather.wire().await;
            let (sessions, id) = (self.sessions.clone(), self.id.clone());
            tokio::spawn(async move { sessions.serve(&id, session::server_socket(theirs).await).await });
            Ok(Dialled::Connected { socket: session::client_socket(ours).await, token: opened.token })
        })
    }
}

/// Waits for the greeting.
pub(crate) async fn greeted(session: &mut Session) -> Greeting {
    loop {
        match session.events.recv().await {
            Some(Event::Ready(greeting)) => return greeting,
            Some(Event::Interrupted | Event::Resumed) => {}
            other => panic!("no greeting: {other:?}"),
        }
    }
}

/// Collects output until the end, which it returns.
pub(crate) async fn output(session: &mut Session) -> (Vec<u8>, Option<Event>) {
    let mut bytes = Vec::new();
    loop {
        match session.events.recv().await {
            Some(Event::Output(piece)) => bytes.extend_from_slice(&piece),
            Some(Event::Interrupted | Event::Resumed) => {}
            end => return (bytes, end),
        }
    }
}

/// Collects so many bytes of output.
pub(crate) async fn take(session: &mut Session, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        match session.events.recv().await {
            Some(Event::Output(piece)) => bytes.extend_from_slice(&piece),
            Some(Event::Interrupted | Event::Resumed) => {}
            other => panic!("{other:?} after {} bytes", bytes.len()),
        }
    }
    bytes
}
