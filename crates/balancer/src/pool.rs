//! Keep-alive connections to one target.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::body::RequestBody;
use crate::descriptors::Descriptors;

/// A connection to a target.
pub(crate) type Sender = http1::SendRequest<RequestBody>;

/// How long a connection may stay idle before it is closed.
pub(crate) const IDLE: Duration = Duration::from_secs(60);
/// How long a connection may have been idle that takes a request which must not be repeated. Targets
/// close what is idle for some seconds, and one that does so just then has such a request lost.
pub(crate) const JUST_USED: Duration = Duration::from_secs(1);
/// How many idle connections a target keeps at most.
const MOST: usize = 512;
/// "Before the connection timeout expired (10 seconds)": ALB guide, HTTP 504.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection given back is ready as soon as its task has run once more; one that is not
/// by then is busy for another reason and not worth waiting for.
const SETTLE: Duration = Duration::from_millis(50);

/// Why a target could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("could not connect to the target")]
    Refused(#[source] io::Error),
    #[error("the target did not accept a connection in {} s", CONNECT.as_secs())]
    Slow,
    #[error("as many connections to targets are open as this process may have")]
    TooMany,
    #[error("could not set up HTTP with the target")]
    Handshake(#[source] hyper::Error),
}

/// Idle connections, the last used on top.
#[derive(Debug)]
pub(crate) struct Pool {
    address: SocketAddr,
    idle: Mutex<Idle>,
    descriptors: Arc<Descriptors>,
}

#[derive(Debug, Default)]
struct Idle {
    stack: Vec<(Instant, Sender)>,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(address: SocketAddr, descriptors: Arc<Descriptors>) -> Self {
        Self { address, idle: Mutex::default(), descriptors }
    }

    /// Returns an idle connection that is ready, if there is one that was used within `age`.
    pub(crate) async fn take(&self, age: Duration) -> Option<Sender> {
        loop {
            let (_, mut sender) = {
                let mut idle = self.idle.lock();
                // The last used is on top: those below are older.
                idle.stack.last().filter(|(since, _)| since.elapsed() <= age)?;
                idle.stack.pop()?
            };
            if sender.is_closed() {
                continue;
            }
            if sender.is_ready() || matches!(timeout(SETTLE, sender.ready()).await, Ok(Ok(()))) {
                return Some(sender);
            }
        }
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Sender, ConnectError> {
        let permit = timeout(CONNECT, self.descriptors.for_target()).await.map_err(|_| ConnectError::TooMany)?;
        let stream = timeout(CONNECT, TcpStream::connect(self.address))
            .await
            .map_err(|_| ConnectError::Slow)?
            .map_err(ConnectError::Refused)?;
        stream.set_nodelay(true).map_err(ConnectError::Refused)?;
        let (sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(ConnectError::Handshake)?;
        // The sender learns of a failure by itself; an idle close is no failure.
        tokio::spawn(async move {
            drop(connection.with_upgrades().await);
            drop(permit);
        });
        Ok(sender)
    }

    /// Keeps a connection for the next request, unless the pool is closed or full.
    pub(crate) fn put(&self, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock();
        if !idle.closed && idle.stack.len() < MOST {
            idle.stack.push((Instant::now(), sender));
        }
    }

    /// Closes idle connections and keeps none from now on, or keeps them again.
    pub(crate) fn set_closed(&self, closed: bool) {
        let mut idle = self.idle.lock();
        idle.closed = closed;
        if closed {
            idle.stack.clear();
        }
    }

    /// Closes all that are idle.
    pub(crate) fn clear(&self) {
        self.idle.lock().stack.clear();
    }

    /// Closes connections that were idle too long.
    pub(crate) fn sweep(&self) {
        self.idle.lock().stack.retain(|(since, sender)| since.elapsed() <= IDLE && !sender.is_closed());
    }
}
