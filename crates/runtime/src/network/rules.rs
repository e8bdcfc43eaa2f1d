//! What may pass between tasks, this host and the world? The text of our tables.
//! Pure: settings in, rules out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::addresses::{mac_of, mac_text};
use crate::config::{Config, Transport};

/// Name of the set of a port's own addresses, in the bridge table.
pub(crate) const OWN: &str = "own";
/// Name of the counter of probes that came through.
pub(crate) const PROBED: &str = "probed";
/// Where a probe goes: an address for documentation (RFC 5737), which no host has.
pub(crate) const NOWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 51_653);

/// The links of tasks by name, each with its task's address.
pub(crate) type Ports = BTreeMap<String, Ipv4Addr>;

/// Returns the commands that make the routed table anew, in one transaction.
///
/// `shut` are the links that this host did not forward between before forwarding
/// was switched on for the tasks. It goes on not to.
pub(crate) fn routed(config: &Config, shut: &[String]) -> String {
    let (table, bridge) = (config.table(), &config.bridge);
    let (subnet, prefix) = config.subnet;
    let gateway = config.gateway();
    let word = |transport| match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let redirects: String = config
        .redirects
        .iter()
        .map(|r| {
            let (asked, port, how) = (r.asked.ip(), r.asked.port(), word(r.transport));
            format!("    iifname \"{bridge}\" ip daddr {asked} {how} dport {port} dnat to {gateway}:{}\n", r.port)
        })
        .collect();
    let answered: String = config
        .redirects
        .iter()
        .map(|r| format!("    ip daddr {gateway} {} dport {} accept\n", word(r.transport), r.port))
        .chain(config.open_ports.iter().map(|port| format!("    tcp dport {port} accept\n")))
        .collect();
    let guard = if shut.is_empty() {
        String::new()
    } else {
        let links = shut.iter().map(|link| format!("\"{link}\"")).collect::<Vec<_>>().join(", ");
        format!("    iifname {{ {links} }} oifname {{ {links} }} drop\n")
    };
    let (nowhere, port) = NOWHERE;
    format!(
        "table ip {table} {{}}
delete table ip {table}
table ip {table} {{
  counter {PROBED} {{}}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
{redirects}  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {subnet}/{prefix} oifname != \"{bridge}\" masquerade
  }}
  chain probes {{
    type filter hook postrouting priority raw; policy accept;
    ip saddr {subnet}/{prefix} ip daddr {nowhere} udp dport {port} counter name {PROBED} drop
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname != \"{bridge}\" iifname != \"lo\" ip daddr {gateway} drop
    iifname != \"{bridge}\" accept
    ct state established,related accept
    icmp type echo-request accept
{answered}    meta l4proto tcp reject with tcp reset
    reject with icmp type admin-prohibited
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname \"{bridge}\" oifname \"{bridge}\" accept
    iifname \"{bridge}\" ip daddr 169.254.0.0/16 udp dport {{ 53, 123 }} accept
    iifname \"{bridge}\" ip daddr 169.254.0.0/16 tcp dport 53 accept
    iifname \"{bridge}\" ip daddr 169.254.0.0/16 reject with icmp type admin-prohibited
    iifname \"{bridge}\" accept
    oifname \"{bridge}\" ct state established,related accept
    oifname \"{bridge}\" drop
{guard}  }}
}}
"
    )
}

/// Returns the commands that make the table of the bridge's ports anew: a task's
/// port sends IPv4 and ARP as the task that it is, and nothing else. That ends
/// ARP and address spoofing, IPv6 beside the rules above, and DHCP servers.
pub(crate) fn bridged(config: &Config, ports: &Ports) -> String {
    let (table, prefix) = (config.table(), config.link_prefix());
    let own: Vec<String> = ports
        .iter()
        .map(|(link, address)| {
            let mac = mac_text(mac_of(*address));
            format!("\"{link}\" . {mac} . {mac} . {address}")
        })
        .collect();
    let elements =
        if own.is_empty() { String::new() } else { format!("\n    elements = {{ {} }}", own.join(",\n      ")) };
    format!(
        "table bridge {table} {{}}
delete table bridge {table}
table bridge {table} {{
  set {OWN} {{
    type ifname . ether_addr . ether_addr . ipv4_addr{elements}
  }}
  chain port {{
    iifname . ether saddr . ether saddr . ip saddr @{OWN} accept
    iifname . ether saddr . arp saddr ether . arp saddr ip @{OWN} accept
    drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    iifname \"{prefix}*\" jump port
  }}
}}
"
    )
}

/// Returns the key of the set [`OWN`] for a port, as the kernel keeps it: each
/// part is padded to four bytes (nft's concatenations, `nft(8)`).
pub(crate) fn own_key(link: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut key = link.as_bytes().to_vec();
    key.resize(16, 0); // IFNAMSIZ
    for _ in 0..2 {
        key.extend(mac_of(address));
        key.extend([0, 0]);
    }
    key.extend(address.octets());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Redirect;

    fn config() -> Config {
        Config {
            state_dir: "/s".into(),
            run_dir: "/r".into(),
            bridge: "br-x".into(),
            subnet: ("10.3.0.0".parse().unwrap(), 16),
            cgroup_parent: "p".into(),
            redirects: vec![Redirect {
                transport: Transport::Tcp,
                asked: "169.254.170.2:80".parse().unwrap(),
                port: 7000,
            }],
            open_ports: vec![8080],
            supervisor: vec![],
        }
    }

    #[test]
    fn translates_only_what_leaves_the_bridge() {
        let rules = routed(&config(), &[]);
        assert!(rules.contains("ip saddr 10.3.0.0/16 oifname != \"br-x\" masquerade"));
        assert!(rules.contains("iifname \"br-x\" ip daddr 169.254.170.2 tcp dport 80 dnat to 10.3.0.1:7000"));
        assert!(rules.starts_with("table ip managr_br_x {}\ndelete table ip managr_br_x\n"));
    }

    #[test]
    fn opens_to_tasks_what_is_answered_and_what_was_named() {
        let rules = routed(&config(), &[]);
        let input = rules.split("chain input").nth(1).unwrap().split('}').next().unwrap();
        let accepted: Vec<&str> =
            input.lines().map(str::trim).filter(|line| line.ends_with("dport 7000 accept")).collect();
        assert_eq!(accepted, ["ip daddr 10.3.0.1 tcp dport 7000 accept"]);
        assert!(input.contains("\n    tcp dport 8080 accept\n"));
        assert!(input.trim_end().ends_with("reject with icmp type admin-prohibited"));
    }

    #[test]
    fn keeps_shut_what_was_shut_before_forwarding_was_switched_on() {
        let links = ["eth0".to_owned(), "eth1".to_owned()];
        assert!(
            routed(&config(), &links).contains("iifname { \"eth0\", \"eth1\" } oifname { \"eth0\", \"eth1\" } drop")
        );
        assert!(!routed(&config(), &[]).contains("oifname {"));
    }

    #[test]
    fn a_key_is_as_long_as_the_sum_of_its_padded_parts() {
        let key = own_key("mgabcd012345678", Ipv4Addr::new(10, 3, 0, 2));
        assert_eq!(key.len(), 16 + 8 + 8 + 4);
        assert_eq!(key[16..24], [0x0a, 0x58, 10, 3, 0, 2, 0, 0]);
        assert_eq!(key[32..], [10, 3, 0, 2]);
    }
}
