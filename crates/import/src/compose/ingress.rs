//! Which published port takes the requests from outside?

use deploy_core::manifest::{CommandLine, Ingress, IngressHealth, Protocol};

use super::draft::Draft;
use super::image::{Origin, known};

/// Names of services that stand in front of the others, the likeliest first.
const NAMES: [&str; 12] =
    ["proxy", "nginx", "traefik", "caddy", "gateway", "haproxy", "envoy", "lb", "web", "frontend", "app", "server"];
/// Ports of web servers, the likeliest first.
const PORTS: [u16; 10] = [80, 8080, 443, 3000, 8000, 5000, 4000, 8888, 5173, 8081];

/// Returns the index of the draft and its port.
pub(super) fn choose(drafts: &[Draft]) -> Option<(usize, u16)> {
    let mut best: Option<((usize, usize, usize), usize, u16)> = None;
    for (index, draft) in drafts.iter().enumerate() {
        if let Origin::Registry(image) = &draft.origin
            && known(image).is_some_and(|known| known.instead.is_some() || known.is_tool || known.port == 11211)
        {
            continue;
        }
        for published in draft.published.iter().filter(|published| published.port.protocol == Protocol::Tcp) {
            let host = published.host.as_deref().and_then(|host| host.rsplit(':').next()?.parse().ok()).unwrap_or(0);
            let rank = |port: u16| PORTS.iter().position(|known| *known == port).unwrap_or(PORTS.len());
            let name = NAMES.iter().position(|name| draft.name.contains(name)).unwrap_or(NAMES.len());
            // A load balancer speaks plain HTTP to a container: its TLS port is the last choice.
            let is_tls = usize::from(published.port.number == 443 || host == 443);
            // What is published as 80 is for the public, whatever it is called.
            let is_front = usize::from(host != 80);
            let score = (is_tls, is_front * 100 + name, rank(published.port.number).min(rank(host)));
            if best.as_ref().is_none_or(|(known, _, _)| score < *known) {
                best = Some((score, index, published.port.number));
            }
        }
    }
    best.map(|(_, index, port)| (index, port))
}

/// Returns the ingress; its health check asks for the path that the container's own check asks for.
pub(super) fn ingress(container: &str, port: u16, draft: &Draft) -> Ingress {
    let line = draft.container.health_check.as_ref().map(|health| match &health.command {
        CommandLine::Shell(line) => line.clone(),
        CommandLine::Words(words) => words.join(" "),
    });
    let path = line.and_then(|line| path_of(&line, port));
    let health_check = path.map(|path| IngressHealth { path: Some(path), ..IngressHealth::default() });
    Ingress { container: container.to_owned(), port, health_check, ..Ingress::default() }
}

/// Returns the path of a URL in a command that asks this port of this container.
fn path_of(line: &str, port: u16) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    let url = rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ';' | '|')).next()?;
    let (authority, path) = url.split_once('/').map(|(authority, path)| (authority, format!("/{path}")))?;
    let (host, asked) =
        authority.split_once(':').map_or((authority, Some(80)), |(host, port)| (host, port.parse().ok()));
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0");
    (is_here && asked == Some(port) && path.len() > 1).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn the_path_of_a_health_check_is_that_of_its_url() {
        for (line, port, expected) in [
            ("curl -f http://localhost:8000/health/ || exit 1", 8000, Some("/health/")),
            ("wget -qO- \"http://127.0.0.1/ping\"", 80, Some("/ping")),
            ("curl http://localhost:9000/x", 80, None),
            ("curl http://other/x", 80, None),
            ("curl http://localhost/", 80, None),
            ("pg_isready", 80, None),
        ] {
            assert_eq!(path_of(line, port).as_deref(), expected, "{line}");
        }
    }
}
