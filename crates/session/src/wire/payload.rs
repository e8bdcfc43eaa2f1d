//! The documents that frames carry.
//!
//! What others write is read kindly: names in any case (Go's JSON does not mind), unknown members kept out.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::frame::{Frame, uuid_text};

/// What a payload is; the numbers of the wire.
pub mod kind {
    /// Bytes of the stream: output one way, input the other.
    pub const OUTPUT: u32 = 1;
    /// An error in words.
    pub const ERROR: u32 = 2;
    /// The window's size.
    pub const SIZE: u32 = 3;
    /// HandshakeRequest.
    pub const HANDSHAKE_REQUEST: u32 = 5;
    /// HandshakeResponse.
    pub const HANDSHAKE_RESPONSE: u32 = 6;
    /// HandshakeComplete.
    pub const HANDSHAKE_COMPLETE: u32 = 7;
    /// A flag; see [`super::Flag`].
    pub const FLAG: u32 = 10;
    /// Standard error, where the streams are apart.
    pub const STDERR: u32 = 11;
    /// `EXIT_CODE: n`, where the streams are apart.
    pub const EXIT_CODE: u32 = 12;
}

/// The size of a terminal's window, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// What a terminal has by default.
    pub const USUAL: Self = Self { cols: 80, rows: 24 };

    /// Returns the payload.
    pub fn encode(self) -> Bytes {
        serde_json::to_vec(&self).expect("two numbers").into()
    }

    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}

/// What one end tells the other beside the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// The local connection is closed; the next one uses the same session.
    DisconnectToPort,
    /// End the session.
    TerminateSession,
    /// The port did not answer.
    ConnectToPortError,
}

impl Flag {
    /// Returns the payload.
    pub fn encode(self) -> Bytes {
        let number: u32 = match self {
            Self::DisconnectToPort => 1,
            Self::TerminateSession => 2,
            Self::ConnectToPortError => 3,
        };
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        match u32::from_be_bytes(payload.try_into().ok()?) {
            1 => Some(Self::DisconnectToPort),
            2 => Some(Self::TerminateSession),
            3 => Some(Self::ConnectToPortError),
            _ => None,
        }
    }
}

/// The first message of a connection, as text: who it is and by which token.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// The session's token.
    pub token: String,
    /// UUID of this client, the same after a broken connection.
    pub client_id: String,
    /// Version of the client.
    pub client_version: String,
}

/// Without the token.
impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("client_version", &self.client_version).finish_non_exhaustive()
    }
}

impl Opening {
    /// Returns the message; `request_id` is a UUID.
    pub fn encode(&self, request_id: &[u8; 16]) -> String {
        json!({
            "MessageSchemaVersion": "1.0",
            "RequestId": uuid_text(request_id),
            "TokenValue": self.token,
            "ClientId": self.client_id,
            "ClientVersion": self.client_version,
        })
        .to_string()
    }

    /// Reads a message; none when it has no token.
    pub fn decode(text: &str) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_str(text).ok()?;
        let word = |name| text_of(&members, name).map(str::to_owned);
        Some(Self {
            token: word("TokenValue")?,
            client_id: word("ClientId").unwrap_or_default(),
            client_version: word("ClientVersion").unwrap_or_default(),
        })
    }
}

/// What the container's end asks for first.
#[derive(Debug, Clone, PartialEq)]
pub struct HandshakeRequest {
    /// Version of the agent; decides how ports are forwarded.
    pub agent_version: String,
    /// `InteractiveCommands`, `Standard_Stream`, `NonInteractiveCommands` or `Port`.
    pub session_type: Option<String>,
    /// What belongs to the type: ports and their numbers.
    pub properties: Value,
    /// Actions asked for that we do not know, such as `KMSEncryption`.
    pub others: Vec<String>,
}

impl HandshakeRequest {
    /// Returns the payload.
    pub fn encode(&self) -> Bytes {
        let action = json!({
            "ActionType": "SessionType",
            "ActionParameters": {"SessionType": self.session_type, "Properties": self.properties},
        });
        document(&json!({"AgentVersion": self.agent_version, "RequestedClientActions": [action]}))
    }

    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_slice(payload).ok()?;
        let mut request = Self {
            agent_version: text_of(&members, "AgentVersion").unwrap_or_default().to_owned(),
            session_type: None,
            properties: Value::Null,
            others: Vec::new(),
        };
        for action in member(&members, "RequestedClientActions").and_then(Value::as_array).into_iter().flatten() {
            let action = action.as_object()?;
            match text_of(action, "ActionType") {
                Some("SessionType") => {
                    let parameters = member(action, "ActionParameters").and_then(Value::as_object)?;
                    request.session_type = text_of(parameters, "SessionType").map(str::to_owned);
                    request.properties = member(parameters, "Properties").cloned().unwrap_or_default();
                }
                other => request.others.push(other.unwrap_or_default().to_owned()),
            }
        }
        Some(request)
    }
}

/// What became of one action of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionStatus {
    /// Done.
    Success,
    /// Tried, and it failed.
    Failed,
    /// Not known here.
    Unsupported,
}

/// What the user's end answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeResponse {
    /// Version of the client; decides how ports are forwarded.
    pub client_version: String,
    /// Actions and what became of them.
    pub actions: Vec<(String, ActionStatus)>,
}

impl HandshakeResponse {
    /// Returns the payload.
    pub fn encode(&self) -> Bytes {
        let done = |(name, status): &(String, ActionStatus)| {
            let (number, error) = match status {
                ActionStatus::Success => (1, String::new()),
                ActionStatus::Failed => (2, format!("{name} failed")),
                ActionStatus::Unsupported => (3, format!("Unsupported action {name}")),
            };
            json!({"ActionType": name, "ActionStatus": number, "ActionResult": null, "Error": error})
        };
        let actions: Vec<Value> = self.actions.iter().map(done).collect();
        document(&json!({"ClientVersion": self.client_version, "ProcessedClientActions": actions, "Errors": null}))
    }

    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_slice(payload).ok()?;
        let action = |value: &Value| {
            let action = value.as_object()?;
            let status = match member(action, "ActionStatus").and_then(Value::as_i64) {
                Some(1) => ActionStatus::Success,
                Some(3) => ActionStatus::Unsupported,
                _ => ActionStatus::Failed,
            };
            Some((text_of(action, "ActionType")?.to_owned(), status))
        };
        let actions = member(&members, "ProcessedClientActions").and_then(Value::as_array);
        Some(Self {
            client_version: text_of(&members, "ClientVersion").unwrap_or_default().to_owned(),
            actions: actions.into_iter().flatten().filter_map(action).collect(),
        })
    }
}

/// Returns the payload that ends the handshake.
pub fn handshake_complete(took_ns: u64) -> Bytes {
    document(&json!({"HandshakeTimeToComplete": took_ns, "CustomerMessage": ""}))
}

/// Reads the message for the user out of the payload that ends the handshake.
pub fn customer_message(payload: &[u8]) -> String {
    let members: Map<String, Value> = serde_json::from_slice(payload).unwrap_or_default();
    text_of(&members, "CustomerMessage").unwrap_or_default().to_owned()
}

/// Returns the payload that says that a message arrived.
pub fn acknowledgement(of: &Frame, sequential: bool) -> Bytes {
    document(&json!({
        "AcknowledgedMessageType": of.kind.name(),
        "AcknowledgedMessageId": uuid_text(&of.id),
        "AcknowledgedMessageSequenceNumber": of.sequence,
        "IsSequentialMessage": sequential,
    }))
}

/// Reads which message arrived: it is known by its number only.
pub fn acknowledged(payload: &[u8]) -> Option<i64> {
    let members: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    member(&members, "AcknowledgedMessageSequenceNumber")?.as_i64()
}

/// Returns the payload that ends a session; `output` is for the person and may be empty.
pub fn channel_closed(session_id: &str, id: &[u8; 16], created: u64, output: &str) -> Bytes {
    document(&json!({
        "MessageId": uuid_text(id),
        "CreatedDate": created.to_string(),
        "DestinationId": "",
        "SessionId": session_id,
        "MessageType": "channel_closed",
        "SchemaVersion": 1,
        "Output": output,
    }))
}

/// Reads why a session ended.
pub fn closing_words(payload: &[u8]) -> String {
    let members: Map<String, Value> = serde_json::from_slice(payload).unwrap_or_default();
    text_of(&members, "Output").unwrap_or_default().to_owned()
}

/// Reads the code of an exit-code payload.
pub fn exit_code(payload: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(payload).ok()?;
    text.trim().trim_start_matches("EXIT_CODE:").trim().parse().ok()
}

/// Compares versions number by number; parts that are no number count as 0.
pub fn is_version_at_least(version: &str, least: &[u32]) -> bool {
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    let part = |numbers: &[u32], at: usize| numbers.get(at).copied().unwrap_or(0);
    let longest = numbers.len().max(least.len());
    let different = (0..longest).find(|at| part(&numbers, *at) != part(least, *at));
    different.is_none_or(|at| part(&numbers, at) > part(least, at))
}

fn document(value: &Value) -> Bytes {
    value.to_string().into_bytes().into()
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

fn text_of<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    member(members, name)?.as_str()
}

#[cfg(test)]
mod tests;
