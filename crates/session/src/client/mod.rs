//! The user's end of a session: connects, shakes hands, sends input, hands over what comes, and connects
//! again when a connection breaks.

mod dial;
mod driver;
mod forward;
mod greet;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

pub use dial::{Dial, DialError, Dialled};
pub use forward::{Forward, News};
pub use greet::Greeting;

use crate::Size;
use crate::wire::payload::Flag;

/// Messages waiting in either direction between a session and its user.
const WAITING: usize = 64;

/// Who this end says that it is.
#[derive(Debug, Clone)]
pub struct Options {
    /// UUID, the same for all connections of one session.
    pub client_id: String,
    /// Version of a client; agents choose how to forward ports by it. Real plugins say `1.2.x.0`.
    pub client_version: String,
}

impl Options {
    /// Returns options with an id of their own.
    pub fn new() -> Self {
        let client_id = crate::wire::frame::uuid_text(&crate::clock::uuid());
        // The oldest plugin that AWS still takes.
        Self { client_id, client_version: "1.2.764.0".to_owned() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// A session that was begun. Dropping both halves ends the connection.
#[derive(Debug)]
pub struct Session {
    /// What goes to the container.
    pub input: Input,
    /// What comes from it. What is not taken is not acknowledged, so that the other end waits.
    pub events: mpsc::Receiver<Event>,
}

/// What happens in a session, in order.
#[derive(Debug)]
pub enum Event {
    /// The handshake is done; nothing that was sent before counted.
    Ready(Greeting),
    /// Bytes of the stream.
    Output(Bytes),
    /// Bytes of standard error, where the other end keeps the streams apart.
    Stderr(Bytes),
    /// The command's exit code, where the other end tells it.
    ExitCode(i32),
    /// A flag.
    Flag(Flag),
    /// The connection broke; another is being made.
    Interrupted,
    /// The session goes on where it was.
    Resumed,
    /// The session is over; the words are the service's and may be empty. The last event.
    Closed(String),
    /// The session could not begin or go on. The last event.
    Lost(LostError),
}

/// Why a session was lost.
#[derive(Debug, thiserror::Error)]
pub enum LostError {
    /// No connection could be made.
    #[error("could not connect to the session")]
    Dial(#[source] DialError),
    /// The service says that the session has ended, while it was not connected.
    #[error("the session ended while its connection was broken")]
    Over,
    /// The other end asks for something that we cannot do.
    #[error("the session asks for {0}, which managr cannot do yet")]
    Unsupported(String),
    /// The other end is silent.
    #[error("the other end did not greet within {0} s")]
    Silent(u64),
}

/// Sends to the container's end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Input(mpsc::Sender<Command>);

#[derive(Debug)]
enum Command {
    Bytes(Bytes),
    Size(Size),
    Flag(Flag),
}

/// The session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended")]
pub struct Ended;

impl Input {
    /// Sends bytes as they are; waits while too many are under way. (The plugin makes a lone `\n` a `\r`, which is
    /// its terminal's business and not the channel's.)
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Ended> {
        self.0.send(Command::Bytes(bytes)).await.map_err(|_| Ended)
    }

    /// Tells the window's size.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn resize(&self, size: Size) -> Result<(), Ended> {
        self.0.send(Command::Size(size)).await.map_err(|_| Ended)
    }

    /// Sends a flag.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn flag(&self, flag: Flag) -> Result<(), Ended> {
        self.0.send(Command::Flag(flag)).await.map_err(|_| Ended)
    }
}

/// Begins a session: connects in the background, and goes on until it ends or is dropped.
pub fn start(dial: impl Dial, options: Options) -> Session {
    let (commands, from_user) = mpsc::channel(WAITING);
    let (to_user, events) = mpsc::channel(WAITING);
    tokio::spawn(driver::run(Box::new(dial), options, from_user, to_user));
    Session { input: Input(commands), events }
}

/// Properties of a port session that a greeting tells.
fn property<'a>(properties: &'a Value, name: &str) -> Option<&'a str> {
    properties.get(name)?.as_str()
}
