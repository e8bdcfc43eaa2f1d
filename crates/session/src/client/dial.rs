//! How this end gets a connection: the caller's business, asked for here.

use std::time::Duration;

use crate::WebSocket;
use crate::reach::BoxFuture;

/// Makes connections to one session.
pub trait Dial: Send + 'static {
    /// Connects; `again` after an earlier connection broke, when the service must first be asked to resume the
    /// session and gives another token.
    fn dial(&mut self, again: bool) -> BoxFuture<'_, Result<Dialled, DialError>>;
}

/// What dialling came to.
#[expect(clippy::large_enum_variant, reason = "made once for a connection")]
pub enum Dialled {
    /// A connection, and the token that opens it.
    Connected {
        /// The connection.
        socket: WebSocket,
        /// The token.
        token: String,
    },
    /// The service says that the session has ended.
    Over,
}

/// Why there is no connection: words that name what was tried.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DialError {
    /// What failed.
    pub message: String,
    /// Whether trying again makes no sense.
    pub is_final: bool,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Tries before a broken connection is given up: about ten seconds.
pub(super) const TRIES: u32 = 8;

/// Returns how long to wait before a try, counted from 0; the plugin waits 100 to 200 ms, then twice as long each
/// time up to 5 s.
pub(super) fn pause(tried: u32) -> Duration {
    match tried {
        0 => Duration::ZERO,
        tried => Duration::from_millis(100 << (tried - 1).min(5)),
    }
}
