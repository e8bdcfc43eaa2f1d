//! A session as DescribeSessions tells it.

use crate::agent::State;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No client has connected yet.
    Connecting,
    /// A client is connected.
    Connected,
    /// The connection broke; it may come back.
    Disconnected,
    /// It was asked to end.
    Terminating,
    /// It is over.
    Terminated,
}

impl Status {
    /// Returns the word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "Connecting",
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }

    /// Returns whether it may be connected to, now or again.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Connecting | Self::Connected | Self::Disconnected)
    }
}

/// A session. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub session_id: String,
    /// What it is to.
    pub target: String,
    /// How it stands.
    pub status: Status,
    /// When it was made.
    pub started_at: u64,
    /// When it ended.
    pub ended_at: Option<u64>,
    /// The document that describes it.
    pub document: Option<String>,
    /// Why it was made, as the user said.
    pub reason: Option<String>,
    /// Who made it: an ARN.
    pub owner: String,
    /// Region of the call.
    pub region: String,
}

impl Row {
    /// Takes in how the session's end stands. A session that was asked to end is never open again.
    pub(super) fn note(&mut self, state: State, now: u64) {
        self.status = match (state, self.status) {
            (State::Terminated, _) => Status::Terminated,
            (_, Status::Terminating) => Status::Terminating,
            (State::Connecting, _) => Status::Connecting,
            (State::Connected, _) => Status::Connected,
            (State::Disconnected, _) => Status::Disconnected,
        };
        if state == State::Terminated {
            self.ended_at.get_or_insert(now);
        }
    }
}
