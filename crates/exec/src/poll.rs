//! DiscoverPollEndpoint: where the region's endpoints are.
//!
//! No agent polls here. Tools that open sessions ask all the same: they take the host's name after its first label for
//! the region's domain, and call `ssm` there (fujiwara/ecsta). What they get leads to this platform, never to AWS.

use std::net::IpAddr;

use serde_json::{Value, json};

/// The operation's name.
pub(super) const DISCOVER_POLL_ENDPOINT: &str = "DiscoverPollEndpoint";

/// Returns the answer for a caller that reached the platform at `authority`.
pub(super) fn discover(region: &str, authority: &str) -> Value {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    // An address has no names below it; `localhost` has, in every resolver that follows RFC 6761.
    let host = if is_address { "localhost" } else { host };
    let endpoint = |label: &str| format!("http://{label}.{region}.{host}{port}/");
    json!({
        "endpoint": endpoint("ecs-a-1"),
        "telemetryEndpoint": endpoint("ecs-t-1"),
        "serviceConnectEndpoint": endpoint("ecs-sc"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_a_name_under_the_platforms_own() {
        let check = |authority: &str, wanted: &str| assert_eq!(discover("eu-west-1", authority)["endpoint"], wanted);
        check("127.0.0.1:4566", "http://ecs-a-1.eu-west-1.localhost:4566/");
        check("[::1]:4566", "http://ecs-a-1.eu-west-1.localhost:4566/");
        check("localhost:4566", "http://ecs-a-1.eu-west-1.localhost:4566/");
        check("aws.test", "http://ecs-a-1.eu-west-1.aws.test/");
    }
}
