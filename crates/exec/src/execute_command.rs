//! ECS's operations whose answer needs more than the world: ExecuteCommand, and DiscoverPollEndpoint, which tells by what
//! name the caller reaches the platform.

use aws_model::call::document;
use aws_model::{Answering, AwsError, Call, Door};
use orchestrator::Handle;
use platform_core::ecs;
use serde_json::{Value, json};
use session::Sessions;
use session::agent::Work;

use crate::{Asked, Caller, Ways, poll};

/// The document that ECS starts its sessions with (AmazonECS-ExecuteInteractiveCommand in every policy for ECS Exec).
const DOCUMENT: &str = "AmazonECS-ExecuteInteractiveCommand";

/// Answers the operations of ECS whose answer is not the world's alone.
pub struct ExecuteCommand(Ways);

impl ExecuteCommand {
    /// Makes the door; without sessions, nothing is connected.
    pub fn new(world: Handle, sessions: Option<Sessions>) -> Self {
        Self(Ways { world, sessions })
    }

    fn answer(&self, call: &Call) -> Result<Value, AwsError> {
        let caller = Caller::of(call);
        let destination = self.0.world.answer(&caller.cx, |world, cx| ecs::execute_command(world, cx, &call.input))?;
        let sessions = self.0.sessions.as_ref().ok_or_else(not_connected)?;
        let command = call.input.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = Asked {
            prefix: Some("ecs-execute-command"),
            work: Work::Terminal { command },
            document: DOCUMENT.to_owned(),
            reason: None,
        };
        let ticket = self.0.open(sessions, &caller, &destination, asked);
        let mut answer = Value::Object(destination.answer());
        answer["session"] = json!({
            "sessionId": ticket.opened.session_id,
            "streamUrl": ticket.stream_url,
            "tokenValue": ticket.opened.token,
        });
        Ok(answer)
    }
}

impl Door for ExecuteCommand {
    fn operations(&self) -> Vec<&'static str> {
        vec![poll::DISCOVER_POLL_ENDPOINT, ecs::EXECUTE_COMMAND]
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(async move {
            let answer = match call.operation.name() {
                poll::DISCOVER_POLL_ENDPOINT => poll::discover(&call.region, &call.authority),
                _ => self.answer(&call)?,
            };
            Ok(document(answer)?.into())
        })
    }
}

/// ECS's words are "The execute command failed due to an internal error. Try again later."; here it is known why,
/// and that later is no better.
fn not_connected() -> AwsError {
    AwsError::new(
        "TargetNotConnectedException",
        "The execute command failed because the target is not connected: this platform's engine runs no containers.",
    )
}
