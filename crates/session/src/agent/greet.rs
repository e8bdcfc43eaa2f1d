//! What the container's end asks for at the start, and whether it got it. Pure; the other side is `client/greet.rs`.

use serde_json::{Value, json};

use super::Work;
use crate::wire::payload::{ActionStatus, HandshakeRequest, HandshakeResponse, is_version_at_least};

/// What we say that we are: late enough for every client to multiplex ports, without keepalives.
const AGENT_VERSION: &str = "3.3.0.0";
/// Clients from this version on forward many connections over one session (amazon-ssm-agent, `muxport`).
const MULTIPLEXING: [u32; 3] = [1, 1, 70];

/// Returns the greeting of a session.
pub(super) fn greeting(work: &Work) -> HandshakeRequest {
    let (session_type, properties) = match work {
        Work::Terminal { .. } => ("InteractiveCommands", json!({})),
        Work::Port { host, port, local_port } => {
            let mut properties = json!({"portNumber": port.to_string(), "type": "LocalPortForwarding"});
            for (name, value) in [("localPortNumber", local_port), ("host", host)] {
                if let Some(value) = value {
                    properties[name] = Value::String(value.clone());
                }
            }
            ("Port", properties)
        }
    };
    HandshakeRequest {
        agent_version: AGENT_VERSION.to_owned(),
        session_type: Some(session_type.to_owned()),
        properties,
        others: Vec::new(),
    }
}

/// Returns whether many connections may share the session; none when the client cannot do what was asked for.
pub(super) fn accepted(response: &HandshakeResponse) -> Option<bool> {
    let refused = |(name, status): &(String, ActionStatus)| name == "SessionType" && *status != ActionStatus::Success;
    let can = !response.actions.iter().any(refused);
    can.then(|| is_version_at_least(&response.client_version, &MULTIPLEXING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_can_decides_by_its_version_how_ports_are_carried() {
        let check = |status, version: &str, expected| {
            let actions =
                vec![("SessionType".to_owned(), status), ("KMSEncryption".to_owned(), ActionStatus::Unsupported)];
            let response = HandshakeResponse { client_version: version.to_owned(), actions };
            assert_eq!(accepted(&response), expected, "{status:?} {version}");
        };
        check(ActionStatus::Success, "1.2.764.0", Some(true));
        check(ActionStatus::Success, "1.1.70", Some(true));
        check(ActionStatus::Success, "1.1.69.9", Some(false));
        check(ActionStatus::Unsupported, "1.2.764.0", None);
    }

    #[test]
    fn a_port_is_named_with_all_that_is_known_of_it() {
        let work = Work::Port { host: Some("db".into()), port: 5432, local_port: None };
        let expected = json!({"portNumber": "5432", "type": "LocalPortForwarding", "host": "db"});
        assert_eq!(greeting(&work).properties, expected);
    }
}
