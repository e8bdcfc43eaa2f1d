//! Which bridge and network a platform's tasks get: chosen once, kept with its data.
//!
//! The first platform of a machine gets `managr0` and 10.77.0.0/16; another one, with a data
//! directory of its own, gets the next that are free, so that two never share addresses. A lock on the
//! machine is held from the look until the bridge is there, for two that start at once.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ServeOptions;

/// First and last second byte of the networks tried: 10.77.0.0/16 to 10.127.0.0/16.
const CHOICES: std::ops::RangeInclusive<u8> = 77..=127;
const FILE: &str = "network.json";

/// A platform's task network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskNet {
    /// Name of the bridge.
    pub(crate) bridge: String,
    /// Network address.
    pub(crate) base: Ipv4Addr,
    /// Prefix length.
    pub(crate) prefix: u8,
}

impl TaskNet {
    /// Returns the tasks' gateway, an address of this host.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.base) + 1)
    }
}

/// Returns what was chosen for this data directory, if anything was.
pub(crate) fn recorded(data: &Path) -> io::Result<Option<TaskNet>> {
    match fs::read(data.join(FILE)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Chooses bridge and network, or returns what was chosen before. What the caller names wins. The caller holds the
/// machine's lock.
pub(crate) fn settle(options: &ServeOptions, data: &Path) -> io::Result<TaskNet> {
    let before = recorded(data)?;
    let chosen = match (&options.bridge, options.subnet, &before) {
        (None, None, Some(before)) => return Ok(before.clone()),
        (bridge, subnet, before) => {
            let links = links(&fs::read_to_string("/proc/thread-self/net/dev")?);
            let routes = fs::read_to_string("/proc/thread-self/net/route")?;
            let free_bridge = || (0..).map(|n| format!("managr{n}")).find(|name| !links.contains(name));
            let bridge = bridge.clone().or_else(|| before.as_ref().map(|b| b.bridge.clone())).or_else(free_bridge);
            let (base, prefix) = subnet
                .or_else(|| before.as_ref().map(|b| (b.base, b.prefix)))
                .or_else(|| free_network(&routes))
                .ok_or_else(|| {
                    io::Error::other("no network from 10.77.0.0/16 to 10.127.0.0/16 is free; name one with --subnet")
                })?;
            TaskNet { bridge: bridge.expect("the names never end"), base, prefix }
        }
    };
    if before.as_ref() != Some(&chosen) {
        let written = data.join(format!("{FILE}.new"));
        fs::write(&written, serde_json::to_vec(&chosen).map_err(io::Error::other)?)?;
        fs::rename(written, data.join(FILE))?;
    }
    Ok(chosen)
}

/// Returns the names of the links, from the text of `/proc/net/dev`. (`/sys` may be another namespace's.)
fn links(dev: &str) -> Vec<String> {
    dev.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// Returns the first network that no route of the host touches.
fn free_network(routes: &str) -> Option<(Ipv4Addr, u8)> {
    // Columns: interface, destination, gateway, ..., mask; addresses in hex, lowest byte first.
    let taken: Vec<(u32, u32)> = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let number = |i: usize| u32::from_str_radix(columns.get(i)?, 16).ok().map(u32::swap_bytes);
            Some((number(1)?, number(7)?))
        })
        .filter(|(_, mask)| *mask != 0) // the default route touches everything
        .collect();
    CHOICES.map(|n| u32::from(Ipv4Addr::new(10, n, 0, 0))).find_map(|base| {
        let overlaps = |(to, mask): &(u32, u32)| (base & mask) == (to & mask) || (to & 0xffff_0000) == base;
        (!taken.iter().any(overlaps)).then_some((Ipv4Addr::from(base), 16))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n";

    #[test]
    fn takes_the_first_network_that_is_free() {
        let check = |routes: &str, expected: &str| {
            let (base, prefix) = free_network(&format!("{HEAD}{routes}")).unwrap();
            assert_eq!(format!("{base}/{prefix}"), expected);
        };
        check("", "10.77.0.0/16");
        check("eth0 00000000 010011AC 3 0 0 0 00000000 0 0 0", "10.77.0.0/16"); // default route
        check("managr0 00004D0A 00000000 1 0 0 0 0000FFFF 0 0 0", "10.78.0.0/16"); // 10.77.0.0/16
        check("x 00014D0A 00000000 1 0 0 0 00FFFFFF 0 0 0", "10.78.0.0/16"); // 10.77.1.0/24
    }

    #[test]
    fn says_so_when_nothing_is_free() {
        assert_eq!(free_network(&format!("{HEAD}x 0000000A 00000000 1 0 0 0 000000FF 0 0 0")), None); // 10.0.0.0/8
    }

    #[test]
    fn knows_the_links() {
        let dev = "Inter-|   Receive\n face |bytes\n    lo: 1 2 3\nmanagr0:0 0 0\n  a:b: 1\n";
        assert_eq!(links(dev), ["lo", "managr0", "a"]);
    }

    /// In a network namespace of the test's own, which ends with it: root is needed for that.
    #[test]
    fn platforms_that_start_at_once_get_networks_of_their_own() {
        testhost::needs_root!();
        let race = || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("this test needs root");
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let starts: Vec<_> = (0..6)
                    .map(|_| {
                        tokio::spawn(async {
                            let dir = tempfile::tempdir().unwrap();
                            let options = ServeOptions::new(crate::EngineKind::Native, None);
                            let net = super::super::settle_network(&options, dir.path()).await.unwrap();
                            (net, dir)
                        })
                    })
                    .collect();
                let mut bridges = std::collections::HashSet::new();
                let mut networks = std::collections::HashSet::new();
                let mut platforms = Vec::new();
                for start in starts {
                    let (net, dir) = start.await.unwrap();
                    assert!(bridges.insert(net.bridge.clone()), "{} was chosen twice", net.bridge);
                    assert!(networks.insert(net.base), "{} was chosen twice", net.base);
                    platforms.push((net, dir));
                }
                // A platform that goes removes only its own.
                let (first, dir) = platforms.swap_remove(0);
                runtime::purge_debris(&super::super::runtime_config(&first, None, dir.path())).await.unwrap();
                let left = links(&fs::read_to_string("/proc/thread-self/net/dev").unwrap());
                assert!(!left.contains(&first.bridge));
                assert!(platforms.iter().all(|(net, _)| left.contains(&net.bridge)), "{left:?}");
            });
        };
        std::thread::spawn(race).join().unwrap();
    }

    #[test]
    fn stays_with_what_was_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let options = ServeOptions::new(crate::EngineKind::Native, None);
        let first = settle(&options, dir.path()).unwrap();
        assert_eq!(settle(&options, dir.path()).unwrap(), first);
        let named = ServeOptions { bridge: Some("br7".into()), ..options };
        assert_eq!(settle(&named, dir.path()).unwrap().bridge, "br7");
        assert_eq!(recorded(dir.path()).unwrap().unwrap().bridge, "br7");
    }
}
