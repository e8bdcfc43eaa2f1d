//! The tasks' name server: answers on their gateway what the platform knows itself, and else what this host's own
//! servers say.
//!
//! It runs on the host, so that it reaches every server that the host does: on the loopback, over
//! IPv6, in a VPN. It has no cache that could be poisoned: each question goes out under an id
//! and from a port of its own. What the platform knows is asked of the world each time: an address that has gone is
//! in no answer from then on.

mod message;
mod own;
mod servers;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use message::{Answer, Incoming, Question, incoming};
use own::Own;
use platform_core::names::{RecordKind, Resolution};
use servers::Servers;

/// Port on the gateway. Port 53 itself may be taken by who listens on every address.
pub(super) const PORT: u16 = 51_653;

/// Where tasks ask.
pub(super) const ASKED: u16 = 53;

/// How long one server has. Two have had their time before the C library asks again (5 s).
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection may stay without a question (RFC 7766, 6.2.3: a few seconds).
const IDLE: Duration = Duration::from_secs(10);
/// Questions and connections of one task at a time: no task takes the answers from the others.
const PER_TASK: usize = 100;
/// Of all tasks: each takes a descriptor.
const AT_ALL: usize = 1000;
const LARGEST_DATAGRAM: usize = 4096;

/// Who asks for how much.
#[derive(Default)]
struct Turns {
    by_task: Mutex<HashMap<IpAddr, usize>>,
}

/// One question's or connection's place, given back when dropped.
struct Turn {
    turns: Arc<Turns>,
    task: IpAddr,
}

impl Turns {
    fn take(self: &Arc<Self>, task: IpAddr) -> Option<Turn> {
        let mut by_task = self.by_task.lock();
        let all: usize = by_task.values().sum();
        if all >= AT_ALL || by_task.get(&task).is_some_and(|own| *own >= PER_TASK) {
            return None;
        }
        *by_task.entry(task).or_default() += 1;
        Some(Turn { turns: self.clone(), task })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut by_task = self.turns.by_task.lock();
        if let Some(count) = by_task.get_mut(&self.task) {
            *count -= 1;
            if *count == 0 {
                by_task.remove(&self.task);
            }
        }
    }
}

/// What is listened on.
pub(super) struct Sockets {
    datagrams: UdpSocket,
    connections: TcpListener,
}

impl Sockets {
    pub(super) async fn bind(gateway: Ipv4Addr, port: u16) -> io::Result<Self> {
        let connections = TcpListener::bind((gateway, port)).await?;
        let datagrams = UdpSocket::bind((gateway, connections.local_addr()?.port())).await?;
        Ok(Self { datagrams, connections })
    }
}

/// Says what a name means to the task at an address.
pub(super) type Meaning = Box<dyn Fn(IpAddr, &str, RecordKind) -> Resolution + Send + Sync>;

/// What the platform knows itself.
pub(super) struct Known {
    pub(super) own: Meaning,
    /// Where tasks reach load balancers.
    pub(super) balancer: Ipv4Addr,
}

/// Who knows names.
struct Knowing {
    known: Known,
    servers: Servers,
}

/// Answers what the platform knows, and the rest from the servers of a `resolv.conf`, for as long as the process lives.
pub(super) fn serve(sockets: Sockets, gateway: Ipv4Addr, resolv_conf: impl Into<PathBuf>, known: Known) {
    let knowing = Arc::new(Knowing { known, servers: Servers::new(resolv_conf, gateway) });
    let turns = Arc::new(Turns::default());
    tokio::spawn(serve_datagrams(sockets.datagrams, knowing.clone(), turns.clone()));
    tokio::spawn(serve_connections(sockets.connections, knowing, turns));
}

async fn serve_datagrams(socket: UdpSocket, knowing: Arc<Knowing>, turns: Arc<Turns>) {
    let socket = Arc::new(socket);
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    loop {
        let (count, task) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // An earlier answer could not be delivered; the socket is as good as before.
                tracing::debug!(%error, "could not receive a task's question for a name");
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
        };
        let Some(turn) = turns.take(task.ip()) else { continue };
        let (wire, socket, knowing) = (buffer[..count].to_vec(), socket.clone(), knowing.clone());
        tokio::spawn(async move {
            if let Some(answer) = knowing.answer(task.ip(), wire, Way::Datagram).await {
                let _ = socket.send_to(&answer, task).await;
            }
            drop(turn);
        });
    }
}

async fn serve_connections(listener: TcpListener, knowing: Arc<Knowing>, turns: Arc<Turns>) {
    loop {
        let (stream, task) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a task's connection for names");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(turn) = turns.take(task.ip()) else { continue };
        let knowing = knowing.clone();
        tokio::spawn(async move {
            // It ends when the task ends it, or breaks it.
            let _ = serve_connection(stream, task.ip(), &knowing).await;
            drop(turn);
        });
    }
}

async fn serve_connection(mut stream: TcpStream, task: IpAddr, knowing: &Knowing) -> io::Result<()> {
    while let Ok(wire) = timeout(IDLE, receive(&mut stream)).await {
        if let Some(answer) = knowing.answer(task, wire?, Way::Connection).await {
            timeout(IDLE, send(&mut stream, &answer)).await??;
        }
    }
    Ok(())
}

/// How a question came, and how it is passed on.
#[derive(Clone, Copy)]
enum Way {
    Datagram,
    Connection,
}

impl Knowing {
    /// Returns the answer to what a task asked, if it gets one.
    async fn answer(&self, task: IpAddr, wire: Vec<u8>, way: Way) -> Option<Vec<u8>> {
        let question = match incoming(wire) {
            Incoming::Ask(question) => question,
            Incoming::Refuse(refusal) => return Some(refusal),
            Incoming::Ignore => return None,
        };
        let is_datagram = matches!(way, Way::Datagram);
        let known = own::asked(question.query()).map(|(name, kind)| (self.known.own)(task, &name, kind));
        match own::decide(&question, known.unwrap_or(Resolution::NotOurs), self.known.balancer, is_datagram) {
            Own::Elsewhere => Some(self.elsewhere(&question, way).await),
            Own::Known(wire) => Some(wire),
            Own::Behind(records, query) => {
                let said = match Question::of(query) {
                    // By a connection: what is said there is never cut off.
                    Some(further) => self.elsewhere(&further, Way::Connection).await,
                    None => question.failed(),
                };
                Some(own::joined(&question, records, &said, is_datagram))
            }
        }
    }

    /// Returns what this host's servers say.
    async fn elsewhere(&self, question: &Question, way: Way) -> Vec<u8> {
        let mut last = None;
        for server in self.servers.now().iter() {
            let asked = async {
                match way {
                    Way::Datagram => ask(question, *server).await,
                    Way::Connection => ask_connected(question, *server).await,
                }
            };
            match timeout(PATIENCE, asked).await {
                Ok(Ok(Answer { wire, helps: true })) => return wire,
                Ok(Ok(Answer { wire, .. })) => last = Some(wire),
                Ok(Err(error)) => tracing::debug!(%server, %error, "a name server did not answer"),
                Err(_) => tracing::debug!(%server, "a name server did not answer in time"),
            }
        }
        last.unwrap_or_else(|| question.failed())
    }
}

/// Asks by a datagram, from a port that the kernel picks at random.
async fn ask(question: &Question, server: SocketAddr) -> io::Result<Answer> {
    let here: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((here, 0)).await?;
    // From now on the kernel passes on what comes from the server alone.
    socket.connect(server).await?;
    let id = random();
    socket.send(&question.wire(id)).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let count = socket.recv(&mut buffer).await?;
        if let Some(answer) = question.answer(id, buffer[..count].to_vec()) {
            return Ok(answer);
        }
    }
}

async fn ask_connected(question: &Question, server: SocketAddr) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let id = random();
    send(&mut stream, &question.wire(id)).await?;
    let wire = receive(&mut stream).await?;
    question.answer(id, wire).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it answered something else"))
}

/// Receives a message with its length before it (RFC 1035, 4.2.2).
async fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut wire = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut wire).await?;
    Ok(wire)
}

async fn send(stream: &mut TcpStream, wire: &[u8]) -> io::Result<()> {
    let length = u16::try_from(wire.len()).map_err(io::Error::other)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(wire);
    stream.write_all(&framed).await
}

/// Returns a random number: which of several answers comes first.
pub(super) fn draw() -> u64 {
    getrandom::u64().expect("the kernel's random source answers once the system is up")
}

fn random() -> u16 {
    let bytes = getrandom::u32().expect("the kernel's random source answers once the system is up");
    (bytes >> 8) as u16
}

#[cfg(test)]
mod tests;
