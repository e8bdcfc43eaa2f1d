//! Clients that ask without a pause, a target that answers, and what became of every request.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::SOON;

/// A target that answers everything with `one`, changes its protocol when asked to, and remembers what it
/// was asked for.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Target {
    pub(crate) fn begin() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (door.local_addr().unwrap(), Arc::<Mutex<BTreeSet<String>>>::default());
        let all = Arc::clone(&asked);
        std::thread::spawn(move || {
            for socket in door.incoming() {
                let asked = Arc::clone(&all);
                std::thread::spawn(move || answer(&socket.unwrap(), &asked));
            }
        });
        Self { address, asked }
    }

    /// Returns how often it was asked for what begins so.
    pub(crate) fn asked(&self, beginning: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|path| path.starts_with(beginning)).count()
    }
}

fn answer(mut socket: &TcpStream, asked: &Mutex<BTreeSet<String>>) {
    let mut turn = 0;
    while let Ok(head) = read_head(socket) {
        let path = head.split(' ').nth(1).unwrap_or_default();
        // Each health check counts; a request has a name of its own.
        turn += 1;
        let name = if path == "/health" { format!("{path}-{:?}-{turn}", socket.peer_addr()) } else { path.to_owned() };
        asked.lock().unwrap().insert(name);
        if head.to_ascii_lowercase().contains("upgrade: echo") {
            let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
            let _ = socket.write_all(switch);
            let _ = io::copy(&mut &*socket, &mut &*socket);
            return;
        }
        if socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none").is_err() {
            return;
        }
    }
}

/// Reads a head with its empty line; an error when there is none.
pub(crate) fn read_head(mut socket: &TcpStream) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if socket.read(&mut byte)? == 0 {
            let kind = if head.is_empty() { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
            return Err(kind.into());
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Which connections a client asks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// One for every request.
    Fresh,
    /// The same for all, as long as it lasts.
    Kept,
}

/// What became of requests.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) answered: AtomicUsize,
    /// Connections that were refused, or not taken in at all.
    pub(crate) refused: AtomicUsize,
    /// Kept connections that ended under a request without a word. RFC 9110, 9.2.2: a client may send it
    /// again if it means the same twice, and here it does.
    pub(crate) sent_again: AtomicUsize,
    /// Answers of which a part came.
    pub(crate) cut: AtomicUsize,
    /// Requests on connections of their own that got no word, by name.
    pub(crate) silent: Mutex<BTreeSet<String>>,
    slowest_millis: AtomicUsize,
    enough: AtomicBool,
}

impl Seen {
    /// Returns the requests that got no whole answer, and those of them that a client may send again.
    pub(crate) fn broken(&self) -> usize {
        self.sent_again.load(Ordering::SeqCst) + self.cut.load(Ordering::SeqCst) + self.silent.lock().unwrap().len()
    }

    /// Returns how many of those without a word had not come to the target.
    pub(crate) fn not_passed_on(&self, target: &Target) -> usize {
        let asked = target.asked.lock().unwrap();
        self.silent.lock().unwrap().iter().filter(|name| !asked.contains(*name)).count()
    }
}

/// Clients at work.
pub(crate) struct Load {
    clients: Vec<JoinHandle<()>>,
    seen: Arc<Seen>,
}

impl Load {
    pub(crate) fn begin(address: SocketAddr, clients: &[Connections]) -> Self {
        let seen = Arc::new(Seen::default());
        let client = |(number, connections): (usize, &Connections)| {
            let (seen, connections) = (Arc::clone(&seen), *connections);
            std::thread::spawn(move || ask_on(&seen, address, connections, number))
        };
        Self { clients: clients.iter().enumerate().map(client).collect(), seen }
    }

    /// Waits until so many more requests were answered.
    pub(crate) async fn answered(&self, more: usize) {
        let wanted = self.seen.answered.load(Ordering::SeqCst) + more;
        let reached = async {
            while self.seen.answered.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, reached).await.expect("requests are answered");
    }

    pub(crate) fn end(self) -> Arc<Seen> {
        self.seen.enough.store(true, Ordering::SeqCst);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        self.seen
    }
}

fn ask_on(seen: &Seen, address: SocketAddr, connections: Connections, number: usize) {
    let mut kept: Option<TcpStream> = None;
    let mut turn = 0_u64;
    while !seen.enough.load(Ordering::SeqCst) {
        turn += 1;
        let (name, began) = (format!("/{number}-{turn}"), Instant::now());
        let used = kept.is_some();
        let socket = match kept.take().map_or_else(|| TcpStream::connect(address), Ok) {
            Ok(socket) => socket,
            Err(_) => {
                seen.refused.fetch_add(1, Ordering::SeqCst);
                continue;
            }
        };
        match ask(&socket, &name) {
            Ok(more) => {
                seen.answered.fetch_add(1, Ordering::SeqCst);
                kept = Some(socket).filter(|_| more && connections == Connections::Kept);
            }
            Err(Broken::Cut) => drop(seen.cut.fetch_add(1, Ordering::SeqCst)),
            Err(Broken::Silent) if used => drop(seen.sent_again.fetch_add(1, Ordering::SeqCst)),
            Err(Broken::Silent) => drop(seen.silent.lock().unwrap().insert(name)),
        }
        seen.slowest_millis.fetch_max(began.elapsed().as_millis() as usize, Ordering::SeqCst);
    }
}

enum Broken {
    Silent,
    Cut,
}

/// Asks once; returns whether the connection takes another request.
fn ask(mut socket: &TcpStream, name: &str) -> Result<bool, Broken> {
    let asked = socket.write_all(format!("GET {name} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    let head = asked.and_then(|()| read_head(socket));
    let head = head.map_err(|e| if e.kind() == io::ErrorKind::InvalidData { Broken::Cut } else { Broken::Silent })?;
    let head = head.to_ascii_lowercase();
    let mut body = [0; 3];
    let whole = socket.read_exact(&mut body).is_ok() && &body == b"one" && head.starts_with("http/1.1 200");
    if whole { Ok(!head.contains("\r\nconnection: close\r\n")) } else { Err(Broken::Cut) }
}
