//! Connections to a port through a session: many at once where the agent can, else one after another.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};

use super::{Event, Greeting, Input, Session};
use crate::Duplex;
use crate::smux::{self, Opener};
use crate::wire::payload::Flag;

const PIPE: usize = 64 << 10;

/// Opens connections to the port of a session.
#[derive(Debug, Clone)]
pub struct Forward {
    way: Way,
    news: watch::Receiver<News>,
}

#[derive(Debug, Clone)]
enum Way {
    Many(Opener),
    /// An older agent: the holder of the permit has the session.
    One(mpsc::Sender<Box<dyn Duplex>>),
}

/// What is to be said of a port's session.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// How often the port did not answer.
    pub refused: u64,
    /// The connection is broken for now.
    pub is_interrupted: bool,
    /// Why the session is over, once it is; may be empty words.
    pub over: Option<String>,
}

impl Forward {
    /// Takes over a session whose greeting has arrived.
    pub fn over(session: Session, greeting: &Greeting) -> Self {
        let (tell, news) = watch::channel(News::default());
        let way = if greeting.is_multiplexed() {
            let (ours, below) = tokio::io::duplex(PIPE);
            tokio::spawn(carry(session, Box::new(below), tell));
            Way::Many(smux::opener(Box::new(ours), greeting.wants_keepalive()))
        } else {
            let (connections, waiting) = mpsc::channel(1);
            tokio::spawn(carry_one_by_one(session, waiting, tell));
            Way::One(connections)
        };
        Self { way, news }
    }

    /// Opens a connection. Whether the port answers shows in what comes: a refused one ends at once.
    ///
    /// # Errors
    /// `BrokenPipe` when the session has ended.
    pub async fn connect(&self) -> io::Result<Box<dyn Duplex>> {
        match &self.way {
            Way::Many(opener) => opener.open().await,
            Way::One(connections) => {
                let (ours, theirs) = tokio::io::duplex(PIPE);
                let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the session has ended");
                connections.send(Box::new(theirs)).await.map_err(gone)?;
                Ok(Box::new(ours))
            }
        }
    }

    /// Returns what happens to the session.
    pub fn news(&self) -> watch::Receiver<News> {
        self.news.clone()
    }
}

/// Takes in an event that is no data; returns whether it was the last.
fn note(event: Option<Event>, tell: &watch::Sender<News>) -> bool {
    let over = match event {
        Some(Event::Flag(Flag::ConnectToPortError)) => {
            tell.send_modify(|news| news.refused += 1);
            return false;
        }
        Some(Event::Interrupted) => {
            tell.send_modify(|news| news.is_interrupted = true);
            return false;
        }
        Some(Event::Resumed) => {
            tell.send_modify(|news| news.is_interrupted = false);
            return false;
        }
        Some(Event::Closed(words)) => words,
        Some(Event::Lost(error)) => error.to_string(),
        Some(_) => return false,
        None => String::new(),
    };
    tell.send_modify(|news| news.over = Some(over));
    true
}

/// Sends what comes out of `reader`, until its end.
async fn send_all(reader: &mut ReadHalf<Box<dyn Duplex>>, input: &Input) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = reader.read(&mut buffer).await {
        if input.send(Bytes::copy_from_slice(&buffer[..count])).await.is_err() {
            return;
        }
    }
}

/// Moves bytes between a session and what is above it.
async fn carry(session: Session, above: Box<dyn Duplex>, tell: watch::Sender<News>) {
    let Session { input, mut events } = session;
    let (mut reader, mut writer) = tokio::io::split(above);
    let receive = async {
        loop {
            match events.recv().await {
                Some(Event::Output(bytes)) => {
                    if writer.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                event => {
                    if note(event, &tell) {
                        return;
                    }
                }
            }
        }
    };
    // Whichever ends first, the session is over: the local connections or the remote ones are gone.
    tokio::select! {
        () = receive => {}
        () = send_all(&mut reader, &input) => {
            let _ = input.flag(Flag::TerminateSession).await;
        }
    }
    let _ = writer.shutdown().await;
}

/// Gives the session to one connection after another, as older agents want it.
async fn carry_one_by_one(session: Session, mut waiting: mpsc::Receiver<Box<dyn Duplex>>, tell: watch::Sender<News>) {
    let Session { input, mut events } = session;
    loop {
        // Between connections the session's end must still be heard; bytes that come then belong to no connection.
        let connection = tokio::select! {
            connection = waiting.recv() => match connection {
                Some(connection) => connection,
                None => break,
            },
            event = events.recv() => match note(event, &tell) {
                true => return,
                false => continue,
            },
        };
        let (mut reader, mut writer): (_, WriteHalf<_>) = tokio::io::split(connection);
        let mut sending = std::pin::pin!(send_all(&mut reader, &input));
        let over = loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Output(bytes)) => if writer.write_all(&bytes).await.is_err() {
                        break false;
                    },
                    Some(Event::Flag(Flag::ConnectToPortError)) => {
                        note(Some(Event::Flag(Flag::ConnectToPortError)), &tell);
                        break false;
                    }
                    event => if note(event, &tell) {
                        break true;
                    },
                },
                () = &mut sending => break false,
            }
        };
        let _ = writer.shutdown().await;
        if over || input.flag(Flag::DisconnectToPort).await.is_err() {
            return;
        }
    }
    let _ = input.flag(Flag::TerminateSession).await;
}
