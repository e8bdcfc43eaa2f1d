//! How does a task find names? Its `resolv.conf`, `hosts` and `hostname`.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::spec::TaskSpec;

/// Where systemd-resolved keeps the real name servers.
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";

/// Returns the text of a task's `resolv.conf`.
pub(crate) fn resolv_conf(spec: &TaskSpec) -> String {
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let text = if is_loopback_only(&host) && Path::new(RESOLVED).exists() {
        fs::read_to_string(RESOLVED).unwrap_or(host)
    } else {
        host
    };
    adapt(&text, spec)
}

/// A name server on the host's loopback cannot be reached from a task.
pub(crate) fn is_loopback_only(text: &str) -> bool {
    let mut servers = servers(text).peekable();
    servers.peek().is_some() && servers.all(|server| server.starts_with("127."))
}

fn servers(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")).map(str::trim)
}

fn adapt(host: &str, spec: &TaskSpec) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in host.lines().map(str::trim) {
        let word = line.split_whitespace().next().unwrap_or_default();
        let kept = match word {
            "nameserver" => spec.dns_servers.is_empty() && !line.contains("127."),
            "search" | "domain" => spec.dns_search.is_empty(),
            "options" => true,
            _ => false,
        };
        if kept {
            lines.push(line.to_owned());
        }
    }
    lines.extend(spec.dns_servers.iter().map(|server| format!("nameserver {server}")));
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

/// Returns those name servers of a task that are not this host's: names that
/// they know cannot be looked up here.
pub(crate) fn foreign_servers(task_resolv_conf: &str) -> Vec<String> {
    let ours = ["/etc/resolv.conf", RESOLVED].map(|path| fs::read_to_string(path).unwrap_or_default());
    let known: Vec<&str> = ours.iter().flat_map(|text| servers(text)).collect();
    servers(task_resolv_conf).filter(|server| !known.contains(server)).map(str::to_owned).collect()
}

/// Returns the host name of a task's containers.
pub(crate) fn hostname(spec: &TaskSpec) -> String {
    spec.hostname.clone().unwrap_or_else(|| spec.id.chars().take(12).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_servers_that_a_task_cannot_reach() {
        let host = "# made by\nsearch lan\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n";
        assert_eq!(adapt(host, &TaskSpec::default()), "search lan\nnameserver 10.0.0.1\n");
        assert!(!is_loopback_only(host));
        assert!(is_loopback_only("nameserver 127.0.0.53\n"));
        assert!(!is_loopback_only(""));
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
        assert_eq!(adapt(host, &spec), "options ndots:5\nnameserver 9.9.9.9\nsearch a.test\n");
    }
}
