//! A client that respects the time that an address may be kept: asks for what `NAME` means by the C library, keeps the
//! answer for ten seconds, and asks each address in turn for its page. Prints a line about everything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// As `plan::discovery::TTL` has it.
const KEPT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(2);

fn main() {
    let name = std::env::var("NAME").expect("NAME says whom to ask");
    let mut told: Option<(Instant, Vec<SocketAddr>)> = None;
    loop {
        let addresses = match told.take().filter(|(at, _)| at.elapsed() < KEPT) {
            Some(kept) => told.insert(kept).1.clone(),
            None => match (name.as_str(), 8000).to_socket_addrs() {
                Ok(found) => {
                    let found: Vec<SocketAddr> = found.collect();
                    println!("told {found:?}");
                    told.insert((Instant::now(), found)).1.clone()
                }
                Err(error) => {
                    println!("not told: {error}");
                    Vec::new()
                }
            },
        };
        for address in addresses {
            match page(&name, address) {
                Ok(answer) => println!("answer {answer}"),
                Err(error) => println!("LOST {address}: {error}"),
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Returns the last line of the page that an address answers.
fn page(name: &str, address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {name}\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    text.trim().lines().last().map(str::to_owned).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}
