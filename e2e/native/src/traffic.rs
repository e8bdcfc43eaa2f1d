//! Requests without pause, and what became of them.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a client waits for any answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client of [`Habit::Fresh`] waits between requests: a closed connection keeps its port
/// for a minute, and an address has 28,000.
const PAUSE: Duration = Duration::from_millis(100);
/// How long traffic goes on at most, if the test does not end it.
const LONGEST: Duration = Duration::from_secs(900);

/// What a client does with its connection.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// Keeps it, and gets the page over and over.
    Kept,
    /// Keeps it; every second request is a POST with a body, which no proxy may send twice.
    KeptPosts,
    /// Opens one for every request.
    Fresh,
    /// Likewise, to POST a body.
    FreshPosts,
}

/// Clients that ask one address over and over.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Tally>>,
}

#[derive(Default)]
struct Tally {
    failures: Vec<String>,
    micros: Vec<u32>,
}

/// What became of all requests.
pub struct TrafficReport {
    /// Requests answered 200, whole.
    pub good: u64,
    /// Those that were not.
    pub failures: Vec<String>,
    /// How long the hundredth part of the good ones took at least.
    pub p99: Duration,
}

impl fmt::Display for TrafficReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p99 = self.p99.as_secs_f64() * 1000.0;
        write!(f, "{} requests, {} failed, p99 {p99:.1} ms", self.good, self.failures.len())
    }
}

impl Traffic {
    /// Begins with `clients` that each keep a connection to `address`.
    pub fn begin(address: SocketAddr, clients: usize) -> Self {
        Self::of(address, &["/"], vec![Habit::Kept; clients])
    }

    /// Begins with `clients` of every habit in equal parts, who ask for `paths` in equal parts.
    pub fn mixed(address: SocketAddr, paths: &[&'static str], clients: usize) -> Self {
        let habits = [Habit::Kept, Habit::Fresh, Habit::KeptPosts, Habit::FreshPosts];
        Self::of(address, paths, habits.into_iter().cycle().take(clients).collect())
    }

    /// Begins with `clients`, half of which keep their connection; all only read.
    pub fn kept_and_fresh(address: SocketAddr, paths: &[&'static str], clients: usize) -> Self {
        Self::of(address, paths, [Habit::Kept, Habit::Fresh].into_iter().cycle().take(clients).collect())
    }

    fn of(address: SocketAddr, paths: &[&'static str], habits: Vec<Habit>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicU64::new(0));
        let end = Instant::now() + LONGEST;
        let clients = habits.into_iter().enumerate().map(|(number, habit)| {
            // Four clients in a row differ in habit; the next four, in path.
            let path = paths[number / 4 % paths.len()];
            let (stop, good) = (stop.clone(), good.clone());
            let client = Client { address, path, habit };
            std::thread::spawn(move || {
                let mut tally = Tally::default();
                while !stop.load(Ordering::Relaxed) && tally.failures.len() < 10 && Instant::now() < end {
                    if let Err(error) = client.converse(&stop, &good, &mut tally.micros) {
                        tally.failures.push(error.to_string());
                    }
                }
                tally
            })
        });
        let clients = clients.collect();
        Self { stop, good, clients }
    }

    /// Returns the requests answered so far.
    pub fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Ends it; returns the requests answered and what failed.
    pub fn end(self) -> TrafficReport {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for client in self.clients {
            let tally = client.join().expect("a client does not panic");
            all.failures.extend(tally.failures);
            all.micros.extend(tally.micros);
        }
        let at = all.micros.len() * 99 / 100;
        let p99 = if all.micros.is_empty() { 0 } else { *all.micros.select_nth_unstable(at).1 };
        TrafficReport {
            good: self.good.load(Ordering::Relaxed),
            failures: all.failures,
            p99: Duration::from_micros(p99.into()),
        }
    }
}

#[derive(Clone, Copy)]
struct Client {
    address: SocketAddr,
    path: &'static str,
    habit: Habit,
}

impl Client {
    /// One connection, until `stop` is set or the other side closes in order (`Connection: close`).
    fn converse(self, stop: &AtomicBool, good: &AtomicU64, micros: &mut Vec<u32>) -> std::io::Result<()> {
        let fresh = matches!(self.habit, Habit::Fresh | Habit::FreshPosts);
        let mut began = Some(Instant::now());
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut posts = matches!(self.habit, Habit::KeptPosts | Habit::FreshPosts);
        while !stop.load(Ordering::Relaxed) {
            let began = began.take().unwrap_or_else(Instant::now);
            stream.write_all(self.request(posts, fresh).as_bytes())?;
            let goes_on = answer(&mut reader)?;
            good.fetch_add(1, Ordering::Relaxed);
            micros.push(began.elapsed().as_micros().try_into().unwrap_or(u32::MAX));
            posts = self.habit == Habit::KeptPosts && !posts;
            if fresh {
                std::thread::sleep(PAUSE);
            }
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn request(self, posts: bool, last: bool) -> String {
        let (method, length, body) = if posts { ("POST", "Content-Length: 4\r\n", "body") } else { ("GET", "", "") };
        let connection = if last { "Connection: close\r\n" } else { "" };
        format!("{method} {} HTTP/1.1\r\nHost: test\r\n{length}{connection}\r\n{body}", self.path)
    }
}

/// Reads one answer, which must be 200 and whole; returns whether the connection can be used again.
fn answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<bool> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") && !line.starts_with("HTTP/1.0 200") {
        return Err(std::io::Error::other(format!("answered {line:?}")));
    }
    let (mut length, mut close) = (None, line.starts_with("HTTP/1.0"));
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse::<u64>().ok();
        }
        close |= header == "connection: close";
    }
    let Some(length) = length else {
        std::io::copy(reader, &mut std::io::sink())?;
        return Ok(false);
    };
    let came = std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    if came == length { Ok(!close) } else { Err(std::io::Error::other(format!("{came} of {length} bytes came"))) }
}
