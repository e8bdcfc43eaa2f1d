//! One connection: a WebSocket in two halves, so that neither end waits to be read before it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::WebSocket;

/// How long the last words may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a WebSocket is kept alive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulse {
    /// Time between pings.
    pub(crate) every: Duration,
    /// How long the other end may be silent after one.
    pub(crate) patience: Duration,
}

/// A connection that is open.
pub(crate) struct Link {
    reader: SplitStream<WebSocket>,
    writer: mpsc::UnboundedSender<Message>,
    writing: JoinHandle<()>,
    queued: Arc<AtomicUsize>,
    pulse: Pulse,
    next_ping: Instant,
    silent_until: Option<Instant>,
}

/// What came over a connection.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A frame's bytes.
    Frame(Bytes),
    /// A text message; only the first one of a connection means something.
    Text,
    /// The connection is gone.
    Gone,
}

impl Link {
    pub(crate) fn new(socket: WebSocket, pulse: Pulse) -> Self {
        let (mut sink, reader) = socket.split();
        let (writer, mut messages) = mpsc::unbounded_channel::<Message>();
        let queued = Arc::new(AtomicUsize::new(0));
        let counted = queued.clone();
        let writing = tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                counted.fetch_sub(1, Ordering::Relaxed);
                let last = message.is_close();
                if sink.send(message).await.is_err() || last {
                    break;
                }
            }
            let _ = sink.close().await;
        });
        let next_ping = Instant::now() + pulse.every;
        Self { reader, writer, writing, queued, pulse, next_ping, silent_until: None }
    }

    /// Hands a frame over; what a broken connection loses is sent again on the next.
    pub(crate) fn send(&self, frame: Bytes) {
        self.put(Message::Binary(frame));
    }

    /// Hands a text message over.
    pub(crate) fn say(&self, text: String) {
        self.put(Message::Text(text.into()));
    }

    /// Closes the connection after what was handed over.
    pub(crate) fn close(&self) {
        self.put(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })));
    }

    /// Closes the connection and waits until what was handed over has left: the process may end after this.
    pub(crate) async fn finish(self) {
        self.close();
        // Whoever does not read is not waited for.
        let _ = tokio::time::timeout(LAST_WORDS, self.writing).await;
    }

    fn put(&self, message: Message) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        if self.writer.send(message).is_err() {
            self.queued.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Returns whether everything handed over has left: then what is not acknowledged may be late.
    pub(crate) fn has_left(&self) -> bool {
        self.queued.load(Ordering::Relaxed) == 0
    }

    /// Waits for the next message, pinging meanwhile. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            let deadline = self.silent_until.unwrap_or(self.next_ping);
            let message = match tokio::time::timeout_at(deadline, self.reader.next()).await {
                Ok(message) => message,
                Err(_) if self.silent_until.is_some() => return Incoming::Gone,
                Err(_) => {
                    self.put(Message::Ping(Bytes::from_static(b"keepalive")));
                    self.next_ping += self.pulse.every;
                    self.silent_until = Some(Instant::now() + self.pulse.patience);
                    continue;
                }
            };
            if self.silent_until.take().is_some() {
                self.next_ping = Instant::now() + self.pulse.every;
            }
            match message {
                Some(Ok(Message::Binary(bytes))) => return Incoming::Frame(bytes),
                Some(Ok(Message::Text(_))) => return Incoming::Text,
                // Answered by the library when something is written; see `answer`.
                Some(Ok(Message::Ping(payload))) => self.put(Message::Pong(payload)),
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Incoming::Gone,
            }
        }
    }
}

/// Reads the text message that opens a connection.
pub(crate) async fn opening_text(socket: &mut WebSocket) -> Option<String> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            _ => return None,
        }
    }
}

/// Closes a connection that is not wanted, without saying why.
pub(crate) async fn refuse(mut socket: WebSocket) {
    let frame = CloseFrame { code: CloseCode::Policy, reason: "".into() };
    let _ = socket.close(Some(frame)).await;
}
