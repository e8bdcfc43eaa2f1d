//! The container's end of one session: greets, starts the work, carries its bytes, and ends it when the user
//! is gone. Plays what amazon-ssm-agent and the service before it do.

mod driver;
mod greet;
mod port;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::reach::{Reach, SessionTarget};
use crate::wire::payload::Opening;
use crate::{WebSocket, link};

/// What a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A command on a terminal.
    Terminal {
        /// As ExecuteCommand was given it.
        command: String,
    },
    /// Connections to a port.
    Port {
        /// Host as the container knows it; none is its own `localhost`.
        host: Option<String>,
        /// Port.
        port: u16,
        /// The user's local port, which is only passed on.
        local_port: Option<String>,
    },
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until the user's end connects for the first time.
    pub connect: Duration,
    /// Until it has answered the greeting; real agents wait 15 s.
    pub handshake: Duration,
    /// Until it is back after a broken connection; the plugin tries for some six seconds.
    pub resume: Duration,
    /// Until it has acknowledged something more of the last output; real agents wait 2 s for all of it.
    pub drain: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(60),
            handshake: Duration::from_secs(15),
            resume: Duration::from_secs(15),
            drain: Duration::from_secs(2),
        }
    }
}

/// What a session is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Session id.
    pub session_id: String,
    /// Where it leads.
    pub place: SessionTarget,
    /// What it is for.
    pub work: Work,
    /// How long things may take.
    pub times: Times,
}

/// How a session stands; the words of DescribeSessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The user's end has not connected yet.
    Connecting,
    /// It is connected.
    Connected,
    /// Its connection broke; it may come back.
    Disconnected,
    /// Nothing of the session is left.
    Terminated,
}

/// One session's end. Cheap to clone; the session ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Agent {
    sockets: mpsc::UnboundedSender<(WebSocket, Opening)>,
    orders: mpsc::UnboundedSender<String>,
    state: watch::Receiver<State>,
}

impl Agent {
    /// Begins a session; nothing is started before the user's end has connected and answered.
    pub fn spawn(settings: Settings, reach: Arc<dyn Reach>) -> Self {
        let (sockets, connections) = mpsc::unbounded_channel();
        let (orders, ordered) = mpsc::unbounded_channel();
        let (tell, state) = watch::channel(State::Connecting);
        tokio::spawn(driver::run(settings, reach, connections, ordered, tell));
        Self { sockets, orders, state }
    }

    /// Takes a connection whose opening was read and whose token was right. An older one is closed; the session
    /// goes on where it was.
    pub fn attach(&self, socket: WebSocket, opening: Opening) {
        if let Err(error) = self.sockets.send((socket, opening)) {
            let (socket, _) = error.0;
            tokio::spawn(link::refuse(socket)); // it ended in this very moment
        }
    }

    /// Ends the session; `words` are shown to the person and may be empty.
    pub fn terminate(&self, words: &str) {
        let _ = self.orders.send(words.to_owned()); // it has ended already
    }

    /// Returns how it stands.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Waits until nothing of the session is left. Holds no handle of it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut state = self.state.clone();
        async move {
            // The other half goes with the session's task.
            let _ = state.wait_for(|state| *state == State::Terminated).await;
        }
    }
}
