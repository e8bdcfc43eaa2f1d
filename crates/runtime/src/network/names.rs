//! How does a task find names? Its `resolv.conf`, `hosts` and `hostname`.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::spec::TaskSpec;

/// Where systemd-resolved keeps the real name servers.
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";

/// As many servers as the C library looks at (`MAXNS`, resolv.conf(5)).
const MOST_SERVERS: usize = 3;

/// Returns the text of a task's `resolv.conf`. `answerer` answers names on the tasks' network, if anything does.
pub(crate) fn resolv_conf(spec: &TaskSpec, answerer: Option<Ipv4Addr>) -> String {
    adapt(&host_resolv_conf(), spec, answerer)
}

/// Returns the host's `resolv.conf`: that of systemd-resolved's own servers where the usual one names only its stub.
fn host_resolv_conf() -> String {
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    if reachable(&host).is_empty() && Path::new(RESOLVED).exists() {
        fs::read_to_string(RESOLVED).unwrap_or(host)
    } else {
        host
    }
}

/// Whether a task finds no server of the host's that it can reach.
pub(crate) fn host_has_no_server_for_tasks() -> bool {
    reachable(&host_resolv_conf()).is_empty()
}

/// Returns the servers that a task can reach by itself: not this host's loopback, and not by IPv6,
/// which tasks do not have.
fn reachable(text: &str) -> Vec<Ipv4Addr> {
    servers(text)
        .filter_map(|server| server.parse().ok())
        .filter(|address: &Ipv4Addr| !address.is_loopback() && !address.is_unspecified())
        .collect()
}

fn servers(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()
    })
}

/// The host's own servers come after the gateway's: they answer while the platform is restarted.
fn adapt(host: &str, spec: &TaskSpec, answerer: Option<Ipv4Addr>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in host.lines().map(str::trim) {
        let kept = match line.split_whitespace().next().unwrap_or_default() {
            "search" | "domain" => spec.dns_search.is_empty(),
            "options" => true,
            _ => false,
        };
        if kept {
            lines.push(line.to_owned());
        }
    }
    let mut servers = spec.dns_servers.clone();
    if servers.is_empty() {
        servers.extend(answerer.into_iter().chain(reachable(host)));
        servers.truncate(MOST_SERVERS);
    }
    lines.extend(servers.iter().map(|server| format!("nameserver {server}")));
    if !spec.dns_search.is_empty() {
        lines.push(format!("search {}", spec.dns_search.join(" ")));
    }
    lines.join("\n") + "\n"
}

/// Returns the text of a task's `hosts`.
pub(crate) fn hosts(spec: &TaskSpec, hostname: &str, address: Ipv4Addr) -> String {
    let mut text = String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    text += &format!("{address}\t{hostname}\n");
    for (name, address) in &spec.extra_hosts {
        text += &format!("{address}\t{name}\n");
    }
    text
}

/// Returns the addresses that a `hosts` file has for a name, in its order.
pub(crate) fn addresses_in(hosts: &str, name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut found = Vec::new();
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse) else { continue };
        if words.any(|known| known.eq_ignore_ascii_case(name)) && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Returns those name servers of a task that are not this host's, nor the gateway, which asks them:
/// names that they know cannot be looked up here.
pub(crate) fn foreign_servers(task_resolv_conf: &str, gateway: Ipv4Addr) -> Vec<String> {
    let ours = ["/etc/resolv.conf", RESOLVED].map(|path| fs::read_to_string(path).unwrap_or_default());
    let gateway = gateway.to_string();
    let known: Vec<&str> = ours.iter().flat_map(|text| servers(text)).chain([gateway.as_str()]).collect();
    servers(task_resolv_conf).filter(|server| !known.contains(server)).map(str::to_owned).collect()
}

/// Returns the host name of a task's containers.
pub(crate) fn hostname(spec: &TaskSpec) -> String {
    spec.hostname.clone().unwrap_or_else(|| spec.id.chars().take(12).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    #[test]
    fn names_the_gateway_and_then_servers_that_a_task_can_reach() {
        let check = |host: &str, answerer, expected: &str| {
            assert_eq!(adapt(host, &TaskSpec::default(), answerer), expected, "{host:?}");
        };
        let host = "# made by\nsearch lan\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n";
        check(host, None, "search lan\nnameserver 10.0.0.1\n");
        check(host, Some(GATEWAY), "search lan\nnameserver 10.77.0.1\nnameserver 10.0.0.1\n");
        // It is no loopback for having 127 in it.
        check("nameserver 10.127.0.9\n", None, "nameserver 10.127.0.9\n");
        check("nameserver 2001:db8::1\nnameserver 127.0.0.1\n", Some(GATEWAY), "nameserver 10.77.0.1\n");
        check("nameserver fe80::1%eth0\nnameserver 0.0.0.0\n", Some(GATEWAY), "nameserver 10.77.0.1\n");
        let many = "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n";
        check(many, Some(GATEWAY), "nameserver 10.77.0.1\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n");
        check("", Some(GATEWAY), "nameserver 10.77.0.1\n");
    }

    #[test]
    fn the_gateway_asks_this_hosts_servers() {
        assert_eq!(foreign_servers("nameserver 10.77.0.1\nnameserver 203.0.113.253\n", GATEWAY), ["203.0.113.253"]);
    }

    #[test]
    fn finds_a_name_among_the_hosts() {
        let text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost # db\n\n10.1.2.3 db.internal DB\nnonsense db\n10.1.2.4 db\n";
        let found = |name| addresses_in(text, name).iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(found("localhost"), "127.0.0.1 ::1");
        assert_eq!(found("LOCALHOST."), "127.0.0.1 ::1");
        assert_eq!(found("db"), "10.1.2.3 10.1.2.4");
        assert_eq!(found("internal"), "");
        assert_eq!(found("10.1.2.3"), "", "an address is no name");
    }

    #[test]
    fn takes_servers_and_domains_of_the_task_instead() {
        let spec = TaskSpec {
            dns_servers: vec![Ipv4Addr::new(9, 9, 9, 9)],
            dns_search: vec!["a.test".into()],
            ..TaskSpec::default()
        };
        let host = "search lan\nnameserver 10.0.0.1\noptions ndots:5\n";
        assert_eq!(adapt(host, &spec, Some(GATEWAY)), "options ndots:5\nnameserver 9.9.9.9\nsearch a.test\n");
    }
}
