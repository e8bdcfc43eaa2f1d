//! What is in the tasks' way on this host, and which command makes way? Pure: what was seen in, obstacles out.
//!
//! Whether something is in the way is known from a probe; the rules only tell what it is. An `accept` of
//! our own table does not overrule another table's drop (nft(8), VERDICT STATEMENTS), so each firewall has
//! to let tasks through in the way that is its own.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::config::{Redirect, Transport};
use crate::network::probe::Reach;

/// What was seen of this host.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) bridge: &'a str,
    pub(crate) gateway: Ipv4Addr,
    /// Name of our own tables.
    pub(crate) table: &'a str,
    pub(crate) reach: &'a Reach,
    /// What `nft -j list ruleset` says.
    pub(crate) ruleset: &'a Value,
    /// What `iptables-legacy -S` says, where its rules are in use.
    pub(crate) legacy: Option<&'a str>,
    /// Whether packets between ports of a bridge go through the firewall (`bridge-nf-call-iptables`).
    pub(crate) bridge_filtered: bool,
}

/// Something in the tasks' way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way, such as `ufw`.
    pub what: String,
    /// Which traffic suffers.
    pub suffers: String,
    /// The commands that make way.
    pub remedy: Vec<String>,
    /// What we do ourselves about it, being the documented way of that firewall.
    pub(crate) ours: Option<Mend>,
}

impl Obstacle {
    /// Says that this kernel does not keep tasks from passing for each other.
    pub(crate) fn unfiltered_ports() -> Self {
        Self {
            what: "this kernel has no nftables for bridges (CONFIG_NF_TABLES_BRIDGE)".to_owned(),
            suffers: "a task with CAP_NET_RAW can pass for another one, towards other tasks".to_owned(),
            remedy: Vec::new(),
            ours: None,
        }
    }
}

/// What we do ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// Rules in the chain that Docker keeps for others (docs.docker.com, "Packet filtering and firewalls").
    DockerUser,
    /// The bridge in the zone `trusted`, until firewalld is started again (firewalld.org, zones).
    Firewalld,
}

/// Returns the iptables rules that let a bridge through Docker's chain, without the command before them.
pub(crate) fn docker_rules(bridge: &str) -> [String; 2] {
    [format!("-i {bridge} -j ACCEPT"), format!("-o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")]
}

/// Returns what is in the way, each with what makes way.
pub(crate) fn find(facts: &Facts<'_>) -> Vec<Obstacle> {
    let mut hooks = Vec::new();
    if facts.reach.out == Some(false) || !facts.reach.between {
        hooks.push(Hook::Forward);
    }
    if !facts.reach.unanswered.is_empty() {
        hooks.push(Hook::Input);
    }
    let mut obstacles: Vec<Obstacle> = Vec::new();
    for hook in hooks {
        let mut found = suspects(facts, hook);
        // Docker's own rule stands before whatever else is in that chain.
        if found.contains(&Suspect::Docker) {
            found.retain(|suspect| !matches!(suspect, Suspect::Iptables(_) | Suspect::Ufw));
        }
        if found.is_empty() {
            found.push(Suspect::Unknown);
        }
        for suspect in found {
            let obstacle = describe(facts, hook, &suspect);
            match obstacles.iter_mut().find(|known| known.what == obstacle.what) {
                Some(known) => {
                    known.suffers = format!("{}; {}", known.suffers, obstacle.suffers);
                    known.remedy.extend(obstacle.remedy.into_iter().filter(|line| !line.is_empty()));
                    known.remedy.dedup();
                }
                None => obstacles.push(obstacle),
            }
        }
    }
    obstacles
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    Forward,
    Input,
}

impl Hook {
    fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Input => "input",
        }
    }
    fn chain(self) -> &'static str {
        match self {
            Self::Forward => "FORWARD",
            Self::Input => "INPUT",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Suspect {
    Docker,
    Ufw,
    Firewalld,
    /// A chain of iptables that drops what no rule accepts; the command that lists it.
    Iptables(&'static str),
    /// A chain of nftables: family, table, chain.
    Nft(String, String, String),
    Unknown,
}

/// Returns the chains that drop, or may drop, at a hook.
fn suspects(facts: &Facts<'_>, hook: Hook) -> Vec<Suspect> {
    let entries = facts.ruleset["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let chains = || entries.iter().filter_map(|entry| entry.get("chain"));
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let has_chain = |name: &str| chains().any(|c| c["table"] == "filter" && c["name"] == name);
    let legacy_has = |word: &str| facts.legacy.is_some_and(|rules| rules.contains(word));
    let mut found = Vec::new();
    for chain in chains().filter(|c| c["hook"] == hook.word() && c["table"] != facts.table) {
        let (family, table, name) = (text(chain, "family"), text(chain, "table"), text(chain, "name"));
        let of_chain = |rule: &&Value| {
            rule["family"] == chain["family"] && rule["table"] == chain["table"] && rule["chain"] == chain["name"]
        };
        let rules = entries.iter().filter_map(|entry| entry.get("rule")).filter(of_chain);
        let drops = chain["policy"] == "drop" || rules.clone().any(ends_in_refusal);
        if !matches!(family.as_str(), "ip" | "inet" | "bridge") || !drops {
            continue;
        }
        let suspect = match (table.as_str(), name.as_str()) {
            ("firewalld", _) => Suspect::Firewalld,
            ("filter", "FORWARD") if has_chain("DOCKER-USER") => Suspect::Docker,
            ("filter", "FORWARD" | "INPUT") if has_chain("ufw-before-forward") => Suspect::Ufw,
            ("filter", "FORWARD" | "INPUT") => Suspect::Iptables("iptables"),
            _ => Suspect::Nft(family, table, name),
        };
        if !found.contains(&suspect) {
            found.push(suspect);
        }
    }
    let chain = hook.chain();
    if legacy_has(&format!("-P {chain} DROP"))
        || legacy_has(&format!("-A {chain} -j DROP"))
        || legacy_has(&format!("-A {chain} -j REJECT"))
    {
        found.push(match hook {
            Hook::Forward if legacy_has("-N DOCKER-USER") => Suspect::Docker,
            _ if legacy_has("-N ufw-before-forward") => Suspect::Ufw,
            _ => Suspect::Iptables("iptables-legacy"),
        });
    }
    found
}

/// Whether a rule refuses whatever comes to it.
fn ends_in_refusal(rule: &Value) -> bool {
    let statements = rule["expr"].as_array().map(Vec::as_slice).unwrap_or_default();
    let refuses = |s: &Value| s.get("drop").is_some() || s.get("reject").is_some();
    // Conditions of iptables that nft has no words for are `xt`.
    let asks = |s: &Value| s.get("match").is_some() || s["xt"]["type"] == "match" || s.get("limit").is_some();
    !statements.iter().any(asks) && statements.iter().any(refuses)
}

fn describe(facts: &Facts<'_>, hook: Hook, suspect: &Suspect) -> Obstacle {
    let (bridge, gateway) = (facts.bridge, facts.gateway);
    let asked = || facts.reach.unanswered.iter().map(move |r| (gateway, r.port, word(r)));
    let suffers = suffering(facts, hook);
    let established = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
    let (what, remedy, ours) = match suspect {
        Suspect::Docker => {
            let rules = docker_rules(bridge).map(|rule| format!("iptables -I DOCKER-USER {rule}"));
            ("Docker's firewall (chain FORWARD, policy DROP)".to_owned(), rules.to_vec(), Some(Mend::DockerUser))
        }
        Suspect::Firewalld => {
            let command = |kind| format!("firewall-cmd {kind}--zone=trusted --add-interface={bridge}");
            ("firewalld".to_owned(), vec![command(""), command("--permanent ")], Some(Mend::Firewalld))
        }
        Suspect::Ufw => {
            let commands = match hook {
                Hook::Forward => vec![format!("ufw route allow in on {bridge}")],
                Hook::Input => asked()
                    .map(|(to, port, how)| format!("ufw allow in on {bridge} to {to} port {port} proto {how}"))
                    .collect(),
            };
            ("ufw".to_owned(), commands, None)
        }
        Suspect::Iptables(command) => {
            let rules = match hook {
                Hook::Forward => vec![
                    format!("{command} -I FORWARD -i {bridge} -j ACCEPT"),
                    format!("{command} -I FORWARD -o {bridge} {established}"),
                ],
                Hook::Input => asked()
                    .map(|(to, port, how)| {
                        format!("{command} -I INPUT -i {bridge} -d {to} -p {how} --dport {port} -j ACCEPT")
                    })
                    .collect(),
            };
            (format!("chain {} of {command}", hook.chain()), rules, None)
        }
        Suspect::Nft(family, table, chain) => {
            let insert = |rule: String| format!("nft insert rule {family} {table} {chain} {rule}");
            let rules = match hook {
                Hook::Forward => vec![
                    insert(format!("iifname {bridge} accept")),
                    insert(format!("oifname {bridge} ct state established,related accept")),
                ],
                Hook::Input => asked()
                    .map(|(to, port, how)| insert(format!("iifname {bridge} ip daddr {to} {how} dport {port} accept")))
                    .collect(),
            };
            let what = format!("nftables' chain {chain} of table {family} {table} (add the rules to its file too)");
            (what, rules, None)
        }
        Suspect::Unknown => {
            let look =
                vec!["nft list ruleset".to_owned(), "iptables-legacy -S".to_owned(), "nft monitor trace".to_owned()];
            ("something that the rules do not show; look with these commands".to_owned(), look, None)
        }
    };
    Obstacle { what, suffers, remedy, ours }
}

fn suffering(facts: &Facts<'_>, hook: Hook) -> String {
    if hook == Hook::Input {
        let names = |transport: Transport, port: u16| match (transport, port) {
            (_, 53) => "names (DNS)".to_owned(),
            (_, 80) => "the metadata endpoint".to_owned(),
            (_, port) => format!("port {port} of the platform"),
        };
        let mut suffering: Vec<String> =
            facts.reach.unanswered.iter().map(|r| names(r.transport, r.asked.port())).collect();
        suffering.dedup();
        return format!("tasks do not reach {}", suffering.join(" and "));
    }
    match (facts.reach.out == Some(false), facts.reach.between) {
        (true, true) => "tasks have no way out of this machine".to_owned(),
        (true, false) => "tasks have no way out of this machine, nor to each other".to_owned(),
        (false, _) if facts.bridge_filtered => {
            "tasks do not reach each other (net.bridge.bridge-nf-call-iptables is 1)".to_owned()
        }
        (false, _) => "tasks do not reach each other".to_owned(),
    }
}

fn word(redirect: &Redirect) -> &'static str {
    match redirect.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

#[cfg(test)]
mod tests;
