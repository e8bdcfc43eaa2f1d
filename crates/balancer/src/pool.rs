//! Keep-alive connections to one target.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::body::RequestBody;
use crate::descriptors::{Descriptors, Held};

/// A connection to a target.
#[derive(Debug)]
pub(crate) struct Sender {
    requests: http1::SendRequest<RequestBody>,
    held: Held,
}

impl Sender {
    fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Waits a moment until the connection takes another request; false if it does not.
    async fn settles(&mut self) -> bool {
        self.requests.is_ready() || matches!(timeout(SETTLE, self.requests.ready()).await, Ok(Ok(())))
    }

    /// Sends a request. The error has the request in it when no byte of it was written.
    pub(crate) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<> {
        self.requests.try_send_request(request)
    }

    /// Returns a hold on the connection's descriptor: a tunnel keeps it open when HTTP is over.
    pub(crate) fn held(&self) -> Held {
        Held::clone(&self.held)
    }
}

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
            if sender.settles().await {
                return Some(sender);
            }
        }
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Sender, ConnectError> {
        let held = timeout(CONNECT, self.descriptors.for_target()).await.map_err(|_| ConnectError::TooMany)?;
        let stream = timeout(CONNECT, TcpStream::connect(self.address))
            .await
            .map_err(|_| ConnectError::Slow)?
            .map_err(ConnectError::Refused)?;
        stream.set_nodelay(true).map_err(ConnectError::Refused)?;
        let (requests, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(ConnectError::Handshake)?;
        let sender = Sender { requests, held: Held::clone(&held) };
        // The sender learns of a failure by itself; an idle close is no failure.
        tokio::spawn(async move {
            drop(connection.with_upgrades().await);
            drop(held);
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

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every connection's request with a change of protocol, and holds it until it ends.
    async fn switching() -> SocketAddr {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = door.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut asked = [0; 4096];
                    let _ = socket.read(&mut asked).await;
                    let answer = b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
                    socket.write_all(answer).await.unwrap();
                    while socket.read(&mut asked).await.is_ok_and(|read| read > 0) {}
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn a_tunnel_counts_against_the_targets_share_until_it_ends() {
        let descriptors = Descriptors::within(38); // three for targets
        let pool = Pool::new(switching().await, Arc::clone(&descriptors));
        let mut tunnels = Vec::new();
        for _ in 0..3 {
            let mut sender = pool.connect().await.unwrap();
            let request = Request::builder().header("connection", "upgrade").header("upgrade", "x");
            let mut answer = sender.send(request.body(RequestBody::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
            let io = hyper::upgrade::on(&mut answer).await.unwrap();
            tunnels.push((io, sender.held()));
        }
        let none = timeout(Duration::from_millis(200), descriptors.for_target()).await;
        assert!(none.is_err(), "three are open");
        tunnels.pop();
        timeout(CONNECT, descriptors.for_target()).await.expect("one has ended");
    }
}
