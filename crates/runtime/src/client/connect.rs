//! A connection as a container of a task would make it.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::AddressFamily;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::Runtime;
use crate::network::{names, namespace};
use crate::process::{Identity, read_facts};

/// How long a connection may take, looking up its name included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much is read of a task's own `hosts` and `resolv.conf`.
const LONGEST_FILE: u64 = 1 << 20;

/// Returns the beginning of a file that containers may write to: they may make it as long as they like.
fn beginning(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(LONGEST_FILE).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Runtime {
    /// Connects to a port as the containers of a task would: from their network,
    /// so that `None`, their own localhost, reaches what listens on their
    /// loopback alone. Takes ten seconds at most.
    ///
    /// A name is looked up in the task's `hosts`, then by this host's resolver,
    /// which asks the same servers as the task does. (It also knows this host's
    /// own `/etc/hosts`.) A task with name servers of its own is refused names.
    ///
    /// # Errors
    ///
    /// The kind is that of the system's error, and `NotFound` for a task or a
    /// name that is not there; the text says what could not be reached.
    pub async fn connect(&self, task: &str, host: Option<&str>, port: u16) -> io::Result<TcpStream> {
        let host = host.filter(|host| !host.is_empty()).unwrap_or("localhost");
        let deadline = Instant::now() + PATIENCE;
        let reach = async {
            let namespace = self.namespace(task)?;
            let addresses = self.addresses(task, host, port).await?;
            try_each(&namespace, &addresses, deadline).await
        };
        let reached = timeout_at(deadline, reach).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        reached.map_err(|error| {
            let text = format!("could not connect to {} from task `{task}`: {error}", place(host, port));
            io::Error::new(error.kind(), text)
        })
    }

    /// Returns what a host is to the task, the address to try first first.
    async fn addresses(&self, task: &str, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let at_port = |addresses: Vec<IpAddr>| addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        if let Ok(address) = host.parse() {
            return Ok(at_port(vec![address]));
        }
        let files = self.inner.config.task(task).state;
        let listed = names::addresses_in(&beginning(&files.join("hosts")), host);
        if !listed.is_empty() {
            return Ok(at_port(listed));
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(at_port(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
        }
        let servers = names::foreign_servers(&beginning(&files.join("resolv.conf")), self.inner.config.gateway());
        if !servers.is_empty() {
            let text = format!("its name servers ({}) are not this host's; give an address", servers.join(", "));
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?
            .collect();
        if found.is_empty() {
            Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
        } else {
            Ok(found)
        }
    }

    /// Opens a task's network namespace: its supervisor's.
    fn namespace(&self, task: &str) -> io::Result<File> {
        let gone = |error: String| io::Error::new(io::ErrorKind::NotFound, error);
        let alive = self.inner.alive(task).map_err(|error| gone(error.to_string()))?;
        let namespace = File::open(format!("/proc/{}/ns/net", alive.supervisor))?;
        // Looked at last: were the process another one by now, so would be the namespace.
        let known = read_facts::<Identity>(&self.inner.config.task(task).supervisor())?;
        if known.is_some_and(|process| process.pid == alive.supervisor && process.is_alive()) {
            return Ok(namespace);
        }
        Err(gone(super::TaskError::SupervisorLost { task: task.to_owned() }.to_string()))
    }
}

/// Connects to the first address that answers. The error is that of the first.
async fn try_each(namespace: &File, addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut first = None;
    for (tried, address) in addresses.iter().enumerate() {
        // An address that does not answer leaves the others their share of the time.
        let share = (deadline - Instant::now()) / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let reached = timeout(share, connect_to(namespace, *address)).await;
        match reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    Err(first.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

async fn connect_to(namespace: &File, address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let stream = namespace::socket_in(namespace.try_clone()?, family).await?.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_no_more_of_a_file_than_its_beginning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "10.0.0.1 db\n").unwrap();
        file.as_file().set_len(1 << 40).unwrap();
        let text = beginning(file.path());
        assert_eq!((text.len() as u64, text.starts_with("10.0.0.1 db\n")), (LONGEST_FILE, true));
    }
}
