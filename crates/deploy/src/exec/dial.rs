//! Makes connections to a session: the first with the token that was granted, later ones with a new one.

use aws::{CallError, Client, SSM};
use base64::Engine;
use serde_json::json;
use session::client::{Dial, DialError, Dialled};
use session::{WebSocket, accept_key, client_socket};

use super::Ticket;
use crate::observe::object;

/// Connects to one session, again and again.
#[derive(Debug)]
pub struct Dialler {
    client: Client,
    ticket: Ticket,
}

impl Dialler {
    /// Returns what connects to a session that was granted.
    pub fn new(client: Client, ticket: Ticket) -> Self {
        Self { client, ticket }
    }

    /// Asks for a new token; `false` when the session has ended.
    async fn resume(&mut self) -> Result<bool, DialError> {
        let input = object(json!({ "SessionId": self.ticket.session_id }));
        let answer = match self.client.call(&SSM, "ResumeSession", input).await {
            Ok(answer) => answer,
            Err(error) if error.is("DoesNotExistException") => return Ok(false),
            Err(error) => return Err(failed("could not resume the session", error)),
        };
        // A session that timed out is answered without a token (session-manager-plugin, `ResumeSessionHandler`).
        let token = answer.get("TokenValue").and_then(|token| token.as_str()).filter(|token| !token.is_empty());
        if let Some(token) = token {
            self.ticket.token = token.to_owned();
        }
        Ok(token.is_some())
    }

    async fn connect(&self) -> Result<WebSocket, DialError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| DialError {
            message: format!("no random numbers for a connection: {error}"),
            is_final: true,
            source: None,
        })?;
        let key = base64::engine::general_purpose::STANDARD.encode(random);
        let upgraded = self.client.upgrade(&self.ticket.url, &key).await;
        let upgraded = upgraded.map_err(|error| failed("could not open the data channel", error))?;
        if upgraded.accept != accept_key(key.as_bytes()) {
            let message = "the server of the data channel does not speak WebSocket".to_owned();
            return Err(DialError { message, is_final: true, source: None });
        }
        Ok(client_socket(Box::new(upgraded.stream)).await)
    }
}

impl Dial for Dialler {
    fn dial(&mut self, again: bool) -> session::reach::BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(async move {
            if again && !self.resume().await? {
                return Ok(Dialled::Over);
            }
            Ok(Dialled::Connected { socket: self.connect().await?, token: self.ticket.token.clone() })
        })
    }
}

/// Only what may pass is tried again.
fn failed(message: &str, error: CallError) -> DialError {
    let is_final = !matches!(error, CallError::Transport { .. });
    DialError { message: message.to_owned(), is_final, source: Some(Box::new(error)) }
}
