//! One listening address: bind, accept, serve, and end in order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use parking_lot::{Mutex, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Listener;
use crate::counts::{Connected, ListenerCounts, add};
use crate::descriptors::Descriptors;
use crate::event::Event;
use crate::handshake;
use crate::headers::Forwarded;
use crate::io::{Activity, FrontIo};
use crate::proxy::{self, Client, Security, Table};
use crate::sockets::Sockets;

/// How long requests in flight may go on after their listener was removed.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// How often an address that could not be had is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a client may take to begin: what has not asked anything holds a place in vain.
const HANDSHAKE: Duration = Duration::from_secs(10);
const BACKLOG: u32 = 4096;
/// The ALB's limit for a whole request header.
const HEAD: usize = 64 * 1024;

/// A listener at work; dropping it stops accepting, and ends its connections in order.
#[derive(Debug)]
pub(crate) struct ListenerAtWork {
    pub(crate) address: SocketAddr,
    pub(crate) table: Arc<RwLock<Arc<Table>>>,
    pub(crate) counts: Arc<ListenerCounts>,
    voice: Arc<Voice>,
    stop: CancellationToken,
}

/// What all listeners of a process have in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) events: UnboundedSender<Event>,
    /// Those that may still accept. Waiting for the last connection means waiting for these first.
    pub(crate) doors: TaskTracker,
    /// Client connections and tunnels, those of listeners that were removed included.
    pub(crate) open: TaskTracker,
    /// What listeners listen on, and what an earlier process listened on.
    pub(crate) sockets: Arc<Mutex<Sockets>>,
    pub(crate) descriptors: Arc<Descriptors>,
    /// Another process takes over: nothing is accepted, and each connection ends after its next answer.
    pub(crate) leaves: CancellationToken,
}

/// Tells of one listener, and remembers what it told last.
#[derive(Debug)]
struct Voice {
    events: UnboundedSender<Event>,
    told: Mutex<Option<Event>>,
}

impl Voice {
    fn tell(&self, event: Event) {
        let mut told = self.told.lock();
        if told.as_ref() != Some(&event) {
            drop(self.events.send(event.clone()));
            *told = Some(event);
        }
    }
}

impl Drop for ListenerAtWork {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl ListenerAtWork {
    /// Begins to listen. The first try is made before this returns.
    pub(crate) fn start(listener: &Listener, table: Table, common: Common) -> Self {
        let address = listener.address;
        let table = Arc::new(RwLock::new(Arc::new(table)));
        let stop = CancellationToken::new();
        let voice = Arc::new(Voice { events: common.events.clone(), told: Mutex::new(None) });
        let arn = listener.arn.clone();
        let (own_table, own_stop, own_voice) = (Arc::clone(&table), stop.clone(), Arc::clone(&voice));
        let doors = common.doors.clone();
        let counts = Arc::<ListenerCounts>::default();
        let own_counts = Arc::clone(&counts);
        let door =
            Door { arn, address, table: own_table, counts: own_counts, stop: own_stop, voice: own_voice, common };
        let first = door.listen();
        doors.spawn(door.keep_open(first));
        Self { address, table, counts, voice, stop }
    }

    /// Tells again whether it listens.
    pub(crate) fn tell_again(&self) {
        if let Some(known) = &*self.voice.told.lock() {
            drop(self.voice.events.send(known.clone()));
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Returns what an operator can act on.
fn in_words(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {} is already in use by another listener or process", address.port()),
        io::ErrorKind::PermissionDenied => {
            format!("port {} needs root (or CAP_NET_BIND_SERVICE) to listen on", address.port())
        }
        io::ErrorKind::AddrNotAvailable => format!("address {} is not one of this machine's", address.ip()),
        _ => format!("could not listen on {address}: {error}"),
    }
}

struct Door {
    arn: String,
    address: SocketAddr,
    table: Arc<RwLock<Arc<Table>>>,
    counts: Arc<ListenerCounts>,
    stop: CancellationToken,
    voice: Arc<Voice>,
    common: Common,
}

impl Door {
    /// Takes the socket that is kept for the address, or binds one and has it kept.
    fn listen(&self) -> io::Result<TcpListener> {
        let mut sockets = self.common.sockets.lock();
        if let Some(kept) = sockets.of(self.address) {
            kept.set_nonblocking(true)?;
            return TcpListener::from_std(kept);
        }
        let bound = bind(self.address)?;
        // Under the lock: the code that stops this listener then lets go of what is kept. A port that the kernel
        // chooses is in no configuration, so no later listener could ask for it again.
        if self.address.port() != 0 && !self.stop.is_cancelled() && !self.common.leaves.is_cancelled() {
            // Out of descriptors it is not kept, and serves all the same.
            let _ = bound.as_fd().try_clone_to_owned().map(|socket| sockets.keep(socket));
        }
        Ok(bound)
    }

    async fn keep_open(self, first: io::Result<TcpListener>) {
        let mut bound = first;
        let listener = loop {
            match bound {
                Ok(listener) => break listener,
                Err(error) => {
                    let error = in_words(self.address, &error);
                    self.voice.tell(Event::ListenerFailed { arn: self.arn.clone(), address: self.address, error });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.stop.cancelled() => return,
                () = self.common.leaves.cancelled() => return,
            }
            bound = self.listen();
        };
        let address = listener.local_addr().unwrap_or(self.address);
        self.voice.tell(Event::ListenerReady { arn: self.arn.clone(), address });
        loop {
            // An accept that is dropped leaves its connection in the backlog, where the next owner of the
            // socket finds it: so nothing is accepted once this one is stopped.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.common.leaves.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => self.begin_connection(socket, peer, address),
                    // Out of file descriptors, or a client gone before it was accepted.
                    Err(error) => {
                        tracing::warn!(listener = %self.arn, %error, "could not accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
    }

    fn begin_connection(&self, socket: TcpStream, peer: SocketAddr, local: SocketAddr) {
        // Fails only for a socket that is already gone; serving it will say so.
        drop(socket.set_nodelay(true));
        let activity = Activity::new();
        let Some(place) = self.common.descriptors.place(&activity) else {
            add(&self.counts.rejected, 1);
            self.common.descriptors.refuse(socket);
            return;
        };
        let security = self.table.read().security.clone();
        let scheme = if matches!(security, Security::Tls(..)) { "https" } else { "http" };
        let client = Arc::new(Client {
            forwarded: Forwarded::new(peer, local, scheme),
            port: local.port(),
            activity: Arc::clone(&activity),
            stop: self.stop.clone(),
            last: self.common.leaves.child_token(),
            speaks_http2: CancellationToken::new(),
            open: self.common.open.token(),
            place: Arc::new(place),
            counts: Connected::new(&self.counts),
        });
        tokio::spawn(begin(socket, security, client, Arc::clone(&self.table)));
    }
}

/// Serves one connection to its end, after its handshake if it has one.
async fn begin(socket: TcpStream, security: Security, client: Arc<Client>, table: Arc<RwLock<Arc<Table>>>) {
    let config = match security {
        Security::Plain => return serve(socket, client, table).await,
        Security::Tls(_, config) => config,
        Security::Broken => return,
    };
    let handshake = timeout(HANDSHAKE, handshake::accept(socket, config, &client.counts));
    // Dropped, the connection closes: nothing was asked on it yet.
    let secured = tokio::select! {
        secured = handshake => secured.unwrap_or_else(|_| {
            add(&client.counts.tls_errors, 1); // it began, and did not go on
            None
        }),
        () = client.place.needed() => None,
        () = client.stop.cancelled() => None,
    };
    if let Some(secured) = secured {
        serve(secured, client, table).await;
    }
}

/// Serves what is asked on one connection. A tunnel begun on it outlives this.
async fn serve<S>(socket: S, client: Arc<Client>, table: Arc<RwLock<Arc<Table>>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (idle, keep_alive, http2) = {
        let table = table.read();
        (table.attributes.idle_timeout, table.attributes.client_keep_alive, table.attributes.http2)
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if !http2 {
        builder = builder.http1_only();
    }
    builder.http1().timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(HEAD);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD as u32).max_concurrent_streams(128);

    let activity = Arc::clone(&client.activity);
    let service = service_fn(|request| {
        let (client, table) = (Arc::clone(&client), Arc::clone(&table.read()));
        async move { Ok::<_, Infallible>(proxy::serve(&client, &table, request).await) }
    });
    let connection = builder.serve_connection_with_upgrades(
        FrontIo::new(socket, Arc::clone(&activity), Arc::clone(&client.counts)),
        service,
    );
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client that broke off or sent what is no HTTP was answered by hyper already.
        _ = connection.as_mut() => return,
        () = activity.idle_for(idle) => return,
        () = client.place.needed() => return,
        () = last_request(&client, keep_alive) => {}
        () = client.stop.cancelled() => {}
    }
    // HTTP/2: GOAWAY, and what has begun is finished. HTTP/1: what is idle is closed, since no process serves
    // a listener that was removed.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = activity.idle_for(idle) => {}
        () = client.place.needed() => {}
        () = async { client.stop.cancelled().await; tokio::time::sleep(GRACE).await } => {}
    }
}

/// Resolves when a connection of HTTP/2 should take no more requests.
///
/// One of HTTP/1 is not closed, since a request may be on its way: its next answer says that it is the
/// last. The ALB does so, too ("accepts one more request and then gracefully closes the connection": ALB
/// guide, HTTP client keepalive duration). Which of the two it is, its first request tells.
async fn last_request(client: &Client, keep_alive: Duration) {
    tokio::select! {
        () = tokio::time::sleep(keep_alive) => client.last.cancel(),
        () = client.last.cancelled() => {}
    }
    client.speaks_http2.cancelled().await;
}
