//! What the container's end asks for at the start, and what is answered. Pure.

use serde_json::Value;

use crate::wire::payload::{ActionStatus, HandshakeRequest, HandshakeResponse, is_version_at_least};

/// Agents after 3.0.196.0 forward many connections over one session (session-manager-plugin,
/// `TCPMultiplexingSupportedAfterThisAgentVersion`).
const MULTIPLEXING: [u32; 4] = [3, 0, 196, 1];
/// Agents after 3.1.1511.0 want no keepalive within the session: it would hide that it is not used (the same,
/// `DoesAgentSupportDisableSmuxKeepAlive`). Those before end one that is silent.
const SILENCE: [u32; 4] = [3, 1, 1511, 1];

/// What kind of session it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Greeting {
    /// `InteractiveCommands`, `Standard_Stream`, `NonInteractiveCommands` or `Port`.
    pub session_type: String,
    /// What belongs to the type.
    pub properties: Value,
    /// Version of the agent; empty where it did not say.
    pub agent_version: String,
    /// A message for the person; mostly empty.
    pub message: String,
}

impl Greeting {
    /// Returns whether this is a session of a port.
    pub fn is_port(&self) -> bool {
        self.session_type == "Port"
    }

    /// Returns whether many connections share the session.
    pub fn is_multiplexed(&self) -> bool {
        let local = super::property(&self.properties, "type") == Some("LocalPortForwarding");
        self.is_port() && local && is_version_at_least(&self.agent_version, &MULTIPLEXING)
    }

    /// Returns whether the agent ends a multiplexed session that is silent.
    pub(super) fn wants_keepalive(&self) -> bool {
        !is_version_at_least(&self.agent_version, &SILENCE)
    }

    /// Returns the greeting of an agent that does not shake hands.
    pub(super) fn unasked() -> Self {
        Self {
            session_type: "Standard_Stream".to_owned(),
            properties: Value::Null,
            agent_version: String::new(),
            message: String::new(),
        }
    }
}

/// Returns the answer to a request, and either the greeting or what it asks for that cannot be done.
pub(super) fn answer(request: HandshakeRequest, version: &str) -> (HandshakeResponse, Result<Greeting, String>) {
    const KNOWN: [&str; 4] = ["InteractiveCommands", "Standard_Stream", "NonInteractiveCommands", "Port"];
    let session_type = request.session_type.unwrap_or_else(|| "Standard_Stream".to_owned());
    let known = KNOWN.contains(&session_type.as_str());
    let status = if known { ActionStatus::Success } else { ActionStatus::Unsupported };
    let mut actions = vec![("SessionType".to_owned(), status)];
    actions.extend(request.others.iter().map(|other| (other.clone(), ActionStatus::Unsupported)));
    let response = HandshakeResponse { client_version: version.to_owned(), actions };
    let outcome = match request.others.first() {
        Some(other) if other == "KMSEncryption" => Err("encryption with a KMS key".to_owned()),
        Some(other) => Err(format!("`{other}`")),
        None if !known => Err(format!("a session of type `{session_type}`")),
        None => Ok(Greeting {
            session_type,
            properties: request.properties,
            agent_version: request.agent_version,
            message: String::new(),
        }),
    };
    (response, outcome)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(session_type: &str, others: &[&str]) -> HandshakeRequest {
        HandshakeRequest {
            agent_version: "3.3.0.0".into(),
            session_type: Some(session_type.into()),
            properties: json!({"type": "LocalPortForwarding"}),
            others: others.iter().map(|other| (*other).to_owned()).collect(),
        }
    }

    #[test]
    fn what_cannot_be_done_is_named_and_answered_so() {
        let (response, outcome) = answer(request("Standard_Stream", &["KMSEncryption"]), "1");
        assert_eq!(outcome.unwrap_err(), "encryption with a KMS key");
        assert_eq!(response.actions[1], ("KMSEncryption".to_owned(), ActionStatus::Unsupported));
        let (response, outcome) = answer(request("Dance", &[]), "1");
        assert_eq!(outcome.unwrap_err(), "a session of type `Dance`");
        assert_eq!(response.actions[0].1, ActionStatus::Unsupported);
    }

    #[test]
    fn ports_are_multiplexed_where_the_agent_can() {
        let (_, greeting) = answer(request("Port", &[]), "1");
        let greeting = greeting.unwrap();
        assert!(greeting.is_multiplexed());
        assert!(!greeting.wants_keepalive());
        assert!(!Greeting { agent_version: "3.0.196.0".into(), ..greeting.clone() }.is_multiplexed());
        let between = Greeting { agent_version: "3.1.1511.0".into(), ..greeting.clone() };
        assert!(between.is_multiplexed() && between.wants_keepalive());
        assert!(!Greeting { properties: json!({}), ..greeting.clone() }.is_multiplexed());
        assert!(!Greeting { session_type: "Standard_Stream".into(), ..greeting }.is_multiplexed());
    }
}
