//! A connection to a database for programs that shall not see its password: `psql`, `pg_dump`, and this one.
//!
//! The relay is the server for what connects at this end, without TLS and without a question, and the client over there,
//! with both. What connects at this end does so over a stream of this process, or over a Unix socket in a directory that
//! nobody else may enter: no port is opened, and the password is in no environment, file or process list.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use session::Duplex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy_bidirectional};
use tokio::net::UnixListener;

use super::greet::{self, message};
use super::parts::Parts;

/// PostgreSQL's own bound of a first packet (`MAX_STARTUP_PACKET_LENGTH`).
const MOST: usize = 10_000;
const SSL: i32 = 80_877_103;
const GSS: i32 = 80_877_104;
const CANCEL: i32 = 80_877_102;

/// A stream to the server, once it is there.
pub type Dialled<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send + 'a>>;

/// How the server is reached: over a socket, or over a session.
pub trait Dial: Send + Sync + 'static {
    /// Opens a stream to the server.
    fn dial(&self) -> Dialled<'_>;
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The stream broke, or never was.
    #[error("the connection to the database broke")]
    Io(#[from] io::Error),
    /// What answers is something else.
    #[error("what answers there does not speak PostgreSQL's protocol")]
    NoPostgres,
    /// TLS came to nothing.
    #[error("no TLS with the database")]
    Tls {
        /// Why.
        source: io::Error,
    },
    /// The server could not prove that it knows the password.
    #[error("the server did not prove that it is the database")]
    Unproved {
        /// Why.
        source: io::Error,
    },
    /// It asks for what is not given.
    #[error("the server asks for {asked}, which managr does not give")]
    Unknown {
        /// What.
        asked: String,
    },
}

/// A way to a database.
#[derive(Clone)]
pub struct Relay {
    way: Arc<dyn Dial>,
    parts: Arc<Parts>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Relay {
    /// Returns one.
    pub fn new(way: impl Dial, parts: Parts) -> Self {
        Self { way: Arc::new(way), parts: Arc::new(parts) }
    }

    /// Returns whom it lets in, and where.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Returns a stream that speaks PostgreSQL's protocol and is let in without a question.
    pub fn stream(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let relay = self.clone();
        // Dropped at the other end, it ends by itself.
        tokio::spawn(async move { relay.serve(theirs).await });
        ours
    }

    /// Serves the socket that libpq looks for in a directory, until the returned task is dropped.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(&self, directory: &Path) -> io::Result<tokio::task::JoinSet<()>> {
        // libpq's name for port 5432.
        let listener = UnixListener::bind(directory.join(".s.PGSQL.5432"))?;
        let relay = self.clone();
        let mut listening = tokio::task::JoinSet::new();
        listening.spawn(async move {
            loop {
                if let Ok((here, _)) = listener.accept().await {
                    let relay = relay.clone();
                    tokio::spawn(async move { relay.serve(here).await });
                }
            }
        });
        Ok(listening)
    }

    async fn serve(&self, mut here: impl Duplex) {
        if let Err(error) = self.carry(&mut here).await {
            // Where it cannot be told, nobody listens any more.
            let _ = here.write_all(&refusal(&aws_model::chain(&error))).await;
            let _ = here.shutdown().await;
        }
    }

    async fn carry(&self, here: &mut impl Duplex) -> Result<(), RelayError> {
        let first = loop {
            let packet = first(here).await?;
            match i32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]) {
                SSL | GSS => here.write_all(b"N").await?,
                _ => break packet,
            }
        };
        let mut there = greet::secure(self.way.dial().await?).await?;
        there.stream.write_all(&first).await?;
        there.stream.flush().await?;
        if first[4..8] == CANCEL.to_be_bytes() {
            return Ok(there.stream.shutdown().await?);
        }
        match there.prove(&self.parts.user, self.parts.password.expose()).await? {
            Some(no) => {
                here.write_all(&no).await?;
                here.shutdown().await?;
            }
            None => {
                here.write_all(&message(b'R', &0_i32.to_be_bytes())).await?;
                // Either end may break it off: that is how connections end.
                let _ = copy_bidirectional(here, &mut there.stream).await;
            }
        }
        Ok(())
    }
}

/// Reads the packet that a connection begins with.
async fn first(here: &mut impl Duplex) -> Result<Vec<u8>, RelayError> {
    let length = here.read_u32().await?;
    let bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if !(8..=MOST).contains(&bytes) {
        return Err(RelayError::NoPostgres);
    }
    let mut packet = length.to_be_bytes().to_vec();
    packet.resize(bytes, 0);
    here.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}

/// Returns a fatal error in PostgreSQL's own form, so that every client shows it. 08006: connection failure.
fn refusal(words: &str) -> Vec<u8> {
    let words = words.replace('\0', "");
    let mut body = Vec::new();
    for (field, value) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "08006"), (b'M', &words)] {
        body.push(field);
        body.extend(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    message(b'E', &body)
}
