//! The platform's end of the connection to one supervisor.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::wire::{Envelope, Fault, Message, Reply, Request, decode, encode};

/// What a supervisor tells unasked.
pub(super) enum News {
    Message(Message),
    /// The connection ended: the supervisor is gone.
    Lost,
}

/// The supervisor did not answer: it is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// A connection; cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    shared: Arc<Shared>,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    next: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    replies: HashMap<u64, oneshot::Sender<Result<Reply, Fault>>>,
    closed: bool,
}

impl Link {
    /// Connects to the supervisor that listens on `socket`.
    pub(super) async fn connect(socket: &Path, news: impl Fn(News) + Send + 'static) -> io::Result<Self> {
        let (reader, writer) = UnixStream::connect(socket).await?.into_split();
        let shared = Arc::new(Shared::default());
        let (outbox, inbox) = mpsc::unbounded_channel();
        tokio::spawn(write_all(writer, inbox));
        tokio::spawn(read_all(reader, Arc::clone(&shared), news));
        Ok(Self { shared, outbox })
    }

    /// Asks and waits for the answer.
    pub(super) async fn ask(&self, request: Request) -> Result<Result<Reply, Fault>, Gone> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        {
            let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.closed {
                return Err(Gone);
            }
            waiting.replies.insert(id, sender);
        }
        let _ = self.outbox.send(encode(&Envelope { id, request }));
        reply.await.map_err(|_| Gone)
    }
}

async fn write_all(mut writer: OwnedWriteHalf, mut inbox: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = inbox.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_all(mut reader: OwnedReadHalf, shared: Arc<Shared>, news: impl Fn(News)) {
    let mut buffer = Vec::new();
    loop {
        match decode::<Message>(&mut buffer) {
            Ok(Some(Message::Reply { id, result })) => {
                let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(sender) = waiting.replies.remove(&id) {
                    let _ = sender.send(result);
                }
                continue;
            }
            Ok(Some(message)) => {
                news(News::Message(message));
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "A supervisor sent an unreadable message.");
                break;
            }
        }
        match reader.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    {
        let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.replies.clear();
    }
    news(News::Lost);
}
