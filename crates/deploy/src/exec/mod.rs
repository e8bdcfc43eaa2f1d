//! Into a running container: asks the service for a session, and finds out what became of a container whose session
//! was lost. What is said over a session is crate `session`'s, what is done with it the caller's.

mod dial;
mod fate;

use std::fmt;

use aws::{CallError, Client, ECS, SSM};
use aws_model::Document;
use serde_json::{Value, json};

pub use dial::Dialler;
pub use fate::fate;

use crate::observe::object;

/// A session that was granted: its id, where to connect and the word that opens it.
#[derive(Clone)]
pub struct Ticket {
    /// Id of the session.
    pub session_id: String,
    url: String,
    token: String,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

impl Ticket {
    /// Reads `sessionId`, `streamUrl` and `tokenValue`, in any capitals as the plugin does: ECS begins them small, SSM
    /// large.
    pub fn read(document: &Document) -> Option<Self> {
        let text = |wanted: &str| {
            let found = document.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.and_then(|(_, value)| value.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Some(Self { session_id: text("sessionId")?, url: text("streamUrl")?, token: text("tokenValue")? })
    }
}

/// Why a session was not granted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The service said no, or nothing.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer holds no session.
    #[error("{operation} answered without a session")]
    Incomplete {
        /// Operation called.
        operation: &'static str,
    },
}

/// Asks for a session that runs `command` in a container, with a terminal.
///
/// # Errors
/// See [`OpenError`].
pub async fn execute(
    client: &Client,
    cluster: &str,
    task: &str,
    container: &str,
    command: &str,
) -> Result<Ticket, OpenError> {
    let input = json!({
        "cluster": cluster, "task": task, "container": container, "interactive": true, "command": command,
    });
    let answer = client.call(&ECS, "ExecuteCommand", object(input)).await?;
    let session = answer.get("session").and_then(Value::as_object);
    session.and_then(Ticket::read).ok_or(OpenError::Incomplete { operation: "ExecuteCommand" })
}

/// A port to forward to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port<'a> {
    /// A host that the container reaches; none is the container itself.
    pub host: Option<&'a str>,
    /// Its port.
    pub port: u16,
    /// The port at this end, as the agent receives it.
    pub local: u16,
}

/// Returns the name by which Systems Manager knows a container (user guide, "Starting a session (port forwarding)").
pub fn target(cluster: &str, task: &str, runtime_id: &str) -> String {
    let cluster = cluster.rsplit('/').next().unwrap_or(cluster);
    format!("ecs:{cluster}_{task}_{runtime_id}")
}

/// Asks for a session that forwards connections to a port.
///
/// # Errors
/// See [`OpenError`].
pub async fn forward(client: &Client, target: &str, port: &Port<'_>) -> Result<Ticket, OpenError> {
    let answer = client.call(&SSM, "StartSession", start(target, port)).await?;
    Ticket::read(&answer).ok_or(OpenError::Incomplete { operation: "StartSession" })
}

fn start(target: &str, port: &Port<'_>) -> Document {
    let mut parameters = json!({
        "portNumber": [port.port.to_string()], "localPortNumber": [port.local.to_string()],
    });
    let document = match port.host {
        Some(host) => {
            parameters["host"] = json!([host]);
            "AWS-StartPortForwardingSessionToRemoteHost"
        }
        None => "AWS-StartPortForwardingSession",
    };
    object(json!({ "Target": target, "DocumentName": document, "Parameters": parameters }))
}

/// Ends a session, even with a client connected.
///
/// # Errors
/// See [`CallError`].
pub async fn terminate(client: &Client, session_id: &str) -> Result<(), CallError> {
    client.call(&SSM, "TerminateSession", object(json!({ "SessionId": session_id }))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_in_any_capitals_and_never_shows_its_token() {
        for names in [["sessionId", "streamUrl", "tokenValue"], ["SessionId", "StreamUrl", "TokenValue"]] {
            let [id, url, token] = names;
            let ticket = Ticket::read(&object(json!({ id: "s-1", url: "wss://x/", token: "t0ken" }))).unwrap();
            assert_eq!(ticket.url, "wss://x/");
            assert_eq!(format!("{ticket:?}"), r#"Ticket { session_id: "s-1", .. }"#);
        }
        assert!(Ticket::read(&object(json!({ "sessionId": "s-1", "streamUrl": "", "tokenValue": "t" }))).is_none());
    }

    #[test]
    fn a_host_behind_the_container_has_a_document_of_its_own() {
        let port = Port { host: None, port: 80, local: 8000 };
        let own = start("ecs:c_t_r", &port);
        assert_eq!(own["DocumentName"], "AWS-StartPortForwardingSession");
        assert_eq!(own["Parameters"], json!({"portNumber": ["80"], "localPortNumber": ["8000"]}));
        let other = start("ecs:c_t_r", &Port { host: Some("db"), ..port });
        assert_eq!(other["DocumentName"], "AWS-StartPortForwardingSessionToRemoteHost");
        assert_eq!(other["Parameters"]["host"], json!(["db"]));
        assert_eq!(target("arn:aws:ecs:us-east-1:1:cluster/c", "t", "t-1"), "ecs:c_t_t-1");
    }
}
