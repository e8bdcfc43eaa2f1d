//! Stands where Datadog's agent stands in a task: takes DogStatsD on UDP 8125 and traces on TCP
//! 8126, and prints one line for each thing that it got.
//!
//! It forwards nothing and needs no network. A datagram or a payload that it cannot read is
//! printed as such; it never ends because of what it was sent.

mod apm;
mod dogstatsd;
mod traces;

use std::io::{self, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::ExitCode;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use small_http::Server;

/// DogStatsD clients buffer up to about 8 KB; the largest possible datagram costs nothing more.
const LARGEST_DATAGRAM: usize = 65_535;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("datadog-agent: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let metrics = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port("DD_DOGSTATSD_PORT", 8125)?))?;
    let server = Server::bind(port("DD_APM_RECEIVER_PORT", 8126)?)?;
    let stopper = server.stopper()?;
    // Whether the key arrived, never the key.
    let key = if std::env::var_os("DD_API_KEY").is_some_and(|key| !key.is_empty()) { "present" } else { "absent" };
    say(&format!(
        "datadog-agent: dogstatsd on udp {}, traces on tcp {}, DD_API_KEY {key}",
        metrics.local_addr()?.port(),
        server.port()?
    ));
    std::thread::spawn(move || receive(&metrics));
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            stopper.stop();
        }
    });
    server.serve(|request| {
        let apm::Taken { lines, response } = apm::take(request);
        lines.iter().for_each(|line| say(line));
        response
    });
    say("datadog-agent: stopped");
    Ok(())
}

fn port(name: &str, default: u16) -> io::Result<u16> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => {
            text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is no port")))
        }
        _ => Ok(default),
    }
}

fn receive(socket: &UdpSocket) {
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    loop {
        // An error here is the echo of an ICMP answer to nobody; the socket is still good.
        let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
        let text = String::from_utf8_lossy(&buffer[..length]);
        for line in text.lines().filter(|line| !line.is_empty()) {
            match dogstatsd::parse(line) {
                Ok(sample) => say(&sample.to_string()),
                Err(why) => say(&format!("dogstatsd refused why={why} line={line:?}")),
            }
        }
    }
}

/// Prints one line; a closed output is no reason to stop receiving.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
