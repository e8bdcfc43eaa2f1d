//! One connection: a WebSocket in two halves, so that neither end waits to be read before it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::WebSocket;

/// How a WebSocket is kept alive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulse {
    /// Time between pings.
    pub(crate) every: Duration,
    /// How long the other end may be silent after one.
    pub(crate) patience: Duration,
}

/// How long a connection that is left may take for what was handed over. One whose other end does not read would
/// otherwise stay open as long as that end does.
const LINGER: Duration = Duration::from_secs(5);

/// How long the end of a session waits for its last message to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection that is open.
pub(crate) struct Link {
    reader: SplitStream<WebSocket>,
    writer: mpsc::UnboundedSender<Message>,
    queued: Arc<AtomicUsize>,
    pulse: Pulse,
    next_ping: Instant,
    silent_until: Option<Instant>,
    /// The task that writes.
    writing: JoinHandle<()>,
    /// Tells it that the connection is left.
    _left: oneshot::Sender<()>,
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
        let (left, is_left) = oneshot::channel::<()>();
        let writing = tokio::spawn(async move {
            let write = async {
                while let Some(message) = messages.recv().await {
                    counted.fetch_sub(1, Ordering::Relaxed);
                    let last = message.is_close();
                    if sink.send(message).await.is_err() || last {
                        break;
                    }
                }
                let _ = sink.close().await;
            };
            let linger = async {
                let _ = is_left.await; // nothing is sent over it: it is dropped
                tokio::time::sleep(LINGER).await;
            };
            // Whichever ends, the sink goes, and with the reader's half the connection.
            tokio::select! {
                () = write => {}
                () = linger => {}
            }
        });
        let next_ping = Instant::now() + pulse.every;
        Self { reader, writer, queued, pulse, next_ping, silent_until: None, writing, _left: left }
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
        // Does not wait for a peer that does not read.
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
                // The library has the same answer ready and sends it with our next message: this is that message.
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    const PULSE: Pulse = Pulse { every: Duration::from_secs(54), patience: Duration::from_secs(60) };

    #[tokio::test(start_paused = true)]
    async fn an_end_that_does_not_read_keeps_no_connection_open() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let link = Link::new(crate::server_socket(Box::new(ours)).await, PULSE);
        (0..100).for_each(|_| link.send(Bytes::from_static(&[0; 10_000])));
        drop(link);
        tokio::time::sleep(LINGER + Duration::from_secs(1)).await;
        let mut rest = Vec::new();
        theirs.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() <= 1024, "it was still written to: {} bytes", rest.len());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_handed_over_before_still_arrives() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let link = Link::new(crate::server_socket(Box::new(ours)).await, PULSE);
        (0..100).for_each(|_| link.send(Bytes::from_static(&[0; 1000])));
        link.close();
        drop(link);
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        assert!(all.len() > 100_000, "{} bytes", all.len());
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_answers_no_ping_is_gone() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        let mut link = Link::new(crate::server_socket(Box::new(ours)).await, PULSE);
        let began = Instant::now();
        assert!(matches!(link.next().await, Incoming::Gone));
        assert_eq!(began.elapsed(), PULSE.every + PULSE.patience);
    }
}
