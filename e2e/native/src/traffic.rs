//! Requests without pause, and what became of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Clients that ask one address over and over, each on a connection that it keeps.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Traffic {
    /// Begins with `clients` connections to `address`.
    pub fn begin(address: SocketAddr, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicU64::new(0));
        let clients = (0..clients)
            .map(|_| {
                let (stop, good) = (stop.clone(), good.clone());
                std::thread::spawn(move || {
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::Relaxed) && failures.len() < 10 {
                        if let Err(error) = converse(address, &stop, &good) {
                            failures.push(error.to_string());
                        }
                    }
                    failures
                })
            })
            .collect();
        Self { stop, good, clients }
    }

    /// Returns the requests answered so far.
    pub fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Ends it; returns the requests answered and what failed.
    pub fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.clients.into_iter().flat_map(|c| c.join().expect("a client does not panic")).collect();
        (self.good.load(Ordering::Relaxed), failures)
    }
}

/// One connection, until it is told to stop or the other side closes in order (`Connection: close`).
fn converse(address: SocketAddr, stop: &AtomicBool, good: &AtomicU64) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")?;
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
        match length {
            Some(length) => std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?,
            None => std::io::copy(&mut reader, &mut std::io::sink())?,
        };
        good.fetch_add(1, Ordering::Relaxed);
        if close || length.is_none() {
            return Ok(());
        }
    }
    Ok(())
}
