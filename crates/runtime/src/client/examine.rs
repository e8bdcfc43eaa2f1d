//! Do tasks get through what else is on this host? Looks, makes way where it may, and says what remains.

use std::fs;

use serde_json::Value;

use super::{Runtime, lock};
use crate::config::{Config, fnv};
use crate::network::obstacles::{Facts, Obstacle, find};
use crate::network::probe::{Ends, Reach};
use crate::network::{NetworkError, firewall, mend};

/// What was found out about the tasks' network.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What is in the tasks' way.
    pub obstacles: Vec<Obstacle>,
    /// What was in their way, until we made way.
    pub mended: Vec<Obstacle>,
    /// What the rules were; while they are the same, so is what was found.
    seen: u64,
}

impl Runtime {
    /// Returns whether the firewalls are as they were when something was found out. Runs nft once.
    pub async fn is_unchanged(&self, examined: &Examined) -> bool {
        let seen = tokio::task::spawn_blocking(fingerprint).await;
        seen.is_ok_and(|seen| seen == examined.seen)
    }

    /// Sends probes as a task does, and finds out what is in the way of those that do not arrive. Makes way where that
    /// is the documented way of the firewall, and then looks again. To be asked once the platform answers what tasks
    /// ask it.
    ///
    /// # Errors
    /// When the probes could not be made.
    pub async fn examine_network(&self) -> Result<Examined, NetworkError> {
        let mut examined = self.examine_ways().await?;
        if !self.inner.firewall.filters_ports().await {
            examined.obstacles.push(Obstacle::unfiltered_ports());
        }
        Ok(examined)
    }

    async fn examine_ways(&self) -> Result<Examined, NetworkError> {
        let mut mended: Vec<Obstacle> = Vec::new();
        loop {
            let seen = tokio::task::spawn_blocking(fingerprint).await.unwrap_or_default();
            let reach = self.probe().await?;
            if reach.is_free() {
                return Ok(Examined { obstacles: Vec::new(), mended, seen });
            }
            let config = self.inner.config.clone();
            let already: Vec<_> = mended.iter().filter_map(|obstacle| obstacle.ours).collect();
            let looked = tokio::task::spawn_blocking(move || {
                let obstacles = look(&config, &reach);
                let made_way: Vec<Obstacle> = obstacles
                    .iter()
                    .filter(|obstacle| match obstacle.ours {
                        Some(ours) if !already.contains(&ours) => mend::mend(&config.bridge, ours)
                            .inspect_err(|error| {
                                tracing::warn!(error, "no way could be made through {}", obstacle.what)
                            })
                            .is_ok(),
                        _ => false,
                    })
                    .cloned()
                    .collect();
                (obstacles, made_way)
            });
            let (obstacles, made_way) = looked.await.expect("looking at rules does not panic");
            if made_way.is_empty() {
                return Ok(Examined { obstacles, mended, seen });
            }
            mended.extend(made_way);
        }
    }

    async fn probe(&self) -> Result<Reach, NetworkError> {
        let inner = &self.inner;
        let _probing = inner.probing.lock().await;
        let take = || lock(&inner.addresses).take();
        let (from, to) = (take()?, take());
        let probed = async {
            let ends = Ends { config: &inner.config, links: &inner.links, firewall: &inner.firewall };
            ends.probe(&from, to.as_ref().map_err(|error| NetworkError::Probe { reason: error.to_string() })?).await
        };
        let reach = probed.await;
        for network in std::iter::once(&from).chain(&to) {
            lock(&inner.addresses).release(network.address);
        }
        reach
    }
}

fn look(config: &Config, reach: &Reach) -> Vec<Obstacle> {
    let ruleset = firewall::output(&["-j", "list", "ruleset"]).unwrap_or_default();
    let ruleset: Value = serde_json::from_str(&ruleset).unwrap_or_default();
    let legacy = legacy_rules();
    let nf = fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").unwrap_or_default();
    find(&Facts {
        bridge: &config.bridge,
        gateway: config.gateway(),
        table: &config.table(),
        reach,
        ruleset: &ruleset,
        legacy: legacy.as_deref(),
        bridge_filtered: nf.trim() == "1",
    })
}

/// Returns what iptables of the old kind has, where the kernel says that it has anything.
fn legacy_rules() -> Option<String> {
    let tables = fs::read_to_string("/proc/thread-self/net/ip_tables_names").unwrap_or_default();
    if !tables.lines().any(|table| table == "filter") {
        return None;
    }
    ["iptables-legacy", "iptables"].iter().find_map(|program| mend::says(program, &["-S"]).ok())
}

/// Returns a number that changes when the rules do. Those of single tasks and counters are left out.
fn fingerprint() -> u64 {
    let rules = firewall::output(&["-s", "-t", "list", "ruleset"]).unwrap_or_default();
    let nf = fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").unwrap_or_default();
    fnv(format!("{rules}{nf}{}", legacy_rules().unwrap_or_default()).as_bytes())
}
