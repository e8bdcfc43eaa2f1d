//! Which name servers does this host ask? Read again whenever the file has changed.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

/// As many as the C library asks (`MAXNS`, resolv.conf(5)).
const MOST: usize = 3;

/// The servers of a `resolv.conf`.
pub(super) struct Servers {
    path: PathBuf,
    /// Never asked, whatever the file says: our own address.
    never: Ipv4Addr,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    servers: Arc<[SocketAddr]>,
}

/// What changes when a file does.
type Stamp = (SystemTime, u64);

impl Servers {
    pub(super) fn new(path: impl Into<PathBuf>, never: Ipv4Addr) -> Self {
        Self { path: path.into(), never, known: Mutex::default() }
    }

    /// Returns the servers to ask, in their order.
    pub(super) fn now(&self) -> Arc<[SocketAddr]> {
        // Follows the link that the file often is; a file that is not there is one without servers.
        let stamp = fs::metadata(&self.path).and_then(|file| Ok((file.modified()?, file.len()))).ok();
        let mut known = self.known.lock();
        if stamp.is_none() || known.stamp != stamp {
            let text = fs::read_to_string(&self.path).unwrap_or_default();
            *known = Known { stamp, servers: parse(&text, self.never, index_of_link).into() };
        }
        known.servers.clone()
    }
}

/// Returns the servers that a `resolv.conf` names; one that names none means this host (resolv.conf(5)).
fn parse(text: &str, never: Ipv4Addr, index_of_link: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(word) = words.next() else { continue };
        let (address, link) = word.split_once('%').map_or((word, None), |(address, link)| (address, Some(link)));
        let server = match (address.parse::<IpAddr>(), link) {
            (Ok(IpAddr::V6(address)), Some(link)) => match link.parse().ok().or_else(|| index_of_link(link)) {
                Some(index) => SocketAddr::V6(SocketAddrV6::new(address, 53, 0, index)),
                None => continue,
            },
            // To the resolver this means the host itself.
            (Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), None) => SocketAddr::from((Ipv4Addr::LOCALHOST, 53)),
            (Ok(address), None) => SocketAddr::new(address, 53),
            _ => continue,
        };
        if server.ip() != IpAddr::V4(never) && !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers.truncate(MOST);
    if servers.is_empty() {
        servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
    }
    servers
}

fn index_of_link(name: &str) -> Option<u32> {
    fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_every_server_that_the_host_asks() {
        let check = |text: &str, expected: &str| {
            let servers = parse(text, Ipv4Addr::new(10, 77, 0, 1), |link| (link == "eth0").then_some(7));
            assert_eq!(servers.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" "), expected, "{text:?}");
        };
        check("nameserver 10.127.0.9\n", "10.127.0.9:53");
        check("# by hand\nnameserver\t127.0.0.53 # a stub\noptions edns0\n", "127.0.0.53:53");
        check("nameserver 2001:db8::1\nnameserver 192.0.2.7\n", "[2001:db8::1]:53 192.0.2.7:53");
        check("nameserver fe80::1%eth0\nnameserver fe80::1%eth9\n", "[fe80::1%7]:53");
        check(
            "nameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\n",
            "1.1.1.1:53 2.2.2.2:53 3.3.3.3:53",
        );
        check("nameserver 10.77.0.1\n", "127.0.0.1:53"); // our own: it would ask itself for ever
        check("nameserver 0.0.0.0\n", "127.0.0.1:53");
        check("nameservers 1.2.3.4\nnameserver x\nnameserver\n", "127.0.0.1:53");
        check("", "127.0.0.1:53");
    }

    #[test]
    fn reads_the_file_again_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resolv.conf");
        let servers = Servers::new(&path, Ipv4Addr::LOCALHOST);
        fs::write(&path, "nameserver 192.0.2.1\n").unwrap();
        assert_eq!(servers.now()[0].to_string(), "192.0.2.1:53");
        fs::write(&path, "nameserver 198.51.100.2\n").unwrap();
        assert_eq!(servers.now()[0].to_string(), "198.51.100.2:53");
    }
}
