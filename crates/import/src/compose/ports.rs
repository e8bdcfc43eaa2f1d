//! Which ports does a compose service listen on, and which of them are for the outside?

use deploy_core::manifest::{Port, Protocol};

use super::account::{Word, segments};
use super::source::Source;
use super::yaml::{Member, Node, get};

/// Most ports of one range that are carried; more are a mistake, or not for a task.
const MOST: u16 = 32;

/// A port that Compose publishes on the host.
pub(super) struct Published {
    /// The container's port.
    pub(super) port: Port,
    /// The host's, as it is written.
    pub(super) host: Option<String>,
    pub(super) line: usize,
}

pub(super) fn published(source: &mut Source<'_>, entries: &[Member], path: &str) -> Vec<Published> {
    let here = format!("{path}.ports");
    let mut found = Vec::new();
    for node in get(entries, "ports").map(Node::items).unwrap_or_default() {
        let read = match node.text() {
            Some(text) => short(&text),
            None => long(source, node, &here),
        };
        match read {
            Ok((ports, host)) => {
                for node in [Some(node), node.get("target"), node.get("protocol")].into_iter().flatten() {
                    carry(source, node, &ports);
                }
                found.extend(ports.into_iter().map(|port| Published { port, host: host.clone(), line: node.line }));
            }
            Err(why) => source.leave(here.clone(), node.line, why),
        }
    }
    found
}

/// Returns the ports that a container listens on, as far as the file tells: those published, and those exposed.
pub(super) fn exposed(source: &mut Source<'_>, entries: &[Member], path: &str, published: &[Published]) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    let mut add = |port| {
        if !ports.contains(&port) {
            ports.push(port);
        }
    };
    published.iter().for_each(|published| add(published.port));
    for node in get(entries, "expose").map(Node::items).unwrap_or_default() {
        match node.text().ok_or("it is not a port".to_owned()).and_then(|text| range(&text)) {
            Ok(more) => {
                carry(source, node, &more);
                more.into_iter().for_each(&mut add);
            }
            Err(why) => source.leave(format!("{path}.expose"), node.line, why),
        }
    }
    ports
}

fn carry(source: &mut Source<'_>, node: &Node, ports: &[Port]) {
    let Some(port) = ports.first() else { return };
    let number = port.number;
    let item = if port.protocol == Protocol::Udp { format!("={number}/udp") } else { format!("={number}") };
    source.claim(node, vec![Word::Container(segments(&["ports", &item]))], None);
}

/// `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, with ranges.
fn short(text: &str) -> Result<(Vec<Port>, Option<String>), String> {
    let (addresses, protocol) = text.split_once('/').map_or((text, ""), |(addresses, protocol)| (addresses, protocol));
    let (host, container) = match addresses.rsplit_once(':') {
        Some((host, container)) => (Some(host), container),
        None => (None, addresses),
    };
    let container = if protocol.is_empty() { container.to_owned() } else { format!("{container}/{protocol}") };
    Ok((range(&container)?, host.filter(|host| !host.is_empty()).map(str::to_owned)))
}

fn long(source: &mut Source<'_>, node: &Node, here: &str) -> Result<(Vec<Port>, Option<String>), String> {
    let target = node.get("target").and_then(Node::text).ok_or("it has no `target`")?;
    let protocol = node.get("protocol").and_then(Node::text).unwrap_or_else(|| "tcp".to_owned());
    let published = node.get("published").and_then(Node::text);
    let ip = node.get("host_ip").and_then(Node::text);
    for entry in node.entries() {
        let why = match entry.key.as_str() {
            "target" | "protocol" | "published" | "host_ip" => continue,
            "name" | "app_protocol" => "ports have no names here",
            "mode" => "a load balancer sends requests to the ingress; other ports are the task's own",
            key if key.starts_with("x-") => continue,
            _ => "the compose specification has no such key",
        };
        source.leave(format!("{here}.{}", entry.key), entry.line, why);
    }
    let host = match (ip, published) {
        (Some(ip), Some(published)) => Some(format!("{ip}:{published}")),
        (ip, published) => published.or(ip),
    };
    Ok((range(&format!("{target}/{protocol}"))?, host))
}

fn range(text: &str) -> Result<Vec<Port>, String> {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        other => return Err(format!("ECS has tcp and udp, not `{other}`")),
    };
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let wrong = || format!("`{numbers}` is not a port or a range of ports");
    let (first, last) = match numbers.split_once('-') {
        Some((first, last)) => (number(first).ok_or_else(wrong)?, number(last).ok_or_else(wrong)?),
        None => {
            let port = number(numbers).ok_or_else(wrong)?;
            (port, port)
        }
    };
    if last < first || last - first >= MOST {
        return Err(format!("`{numbers}` is not a range of at most {MOST} ports"));
    }
    Ok((first..=last).map(|number| Port { number, protocol }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let told = match short(text) {
            Ok((ports, host)) => {
                let ports: Vec<String> = ports
                    .iter()
                    .map(|port| format!("{}{}", port.number, if port.protocol == Protocol::Udp { "/udp" } else { "" }))
                    .collect();
                format!("{} from {}", ports.join(" "), host.as_deref().unwrap_or("any"))
            }
            Err(why) => why,
        };
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn the_examples_of_the_specification() {
        check("3000", "3000 from any");
        check("3000-3002", "3000 3001 3002 from any");
        check("8000:80", "80 from 8000");
        check("9090-9091:8080-8081", "8080 8081 from 9090-9091");
        check("8000-9000:80", "80 from 8000-9000");
        check("127.0.0.1:8001:8001", "8001 from 127.0.0.1:8001");
        check("127.0.0.1::8001", "8001 from 127.0.0.1:");
        check("[::1]:6001:6002", "6002 from [::1]:6001");
        check("6060:6060/udp", "6060/udp from 6060");
        check("80/sctp", "ECS has tcp and udp, not `sctp`");
        check("http", "`http` is not a port or a range of ports");
        check("1-60000", "`1-60000` is not a range of at most 32 ports");
    }
}
