//! ExecuteCommand: the world decides which container, the sessions open the way.

use aws_model::AwsError;
use orchestrator::CallCx;
use platform_core::ecs;
use serde_json::{Value, json};
use session::agent::Work;

use crate::call::Call;
use crate::sessions::{self, Asked};
use crate::state::State;

/// The document that ECS starts its sessions with (AmazonECS-ExecuteInteractiveCommand in every policy for ECS Exec).
const DOCUMENT: &str = "AmazonECS-ExecuteInteractiveCommand";

/// Answers ExecuteCommand.
pub(super) fn execute_command(state: &State, call: &Call) -> Result<Value, AwsError> {
    let cx = CallCx { region: call.region.clone(), access_key: String::new() };
    let destination = state.orchestrator.answer(&cx, |world, cx| ecs::execute_command(world, cx, &call.input))?;
    let sessions = state.sessions.as_ref().ok_or_else(not_connected)?;
    let command = call.input.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
    let asked = Asked {
        prefix: "ecs-execute-command",
        work: Work::Terminal { command },
        document: DOCUMENT.to_owned(),
        reason: None,
        region: call.region.clone(),
    };
    let ticket = sessions::open(state, sessions, &call.authority, &destination, asked);
    let mut answer = Value::Object(destination.answer());
    answer["session"] = json!({
        "sessionId": ticket.opened.session_id,
        "streamUrl": ticket.stream_url,
        "tokenValue": ticket.opened.token,
    });
    Ok(answer)
}

/// ECS's words are "The execute command failed due to an internal error. Try again later."; here it is known why,
/// and that later is no better.
fn not_connected() -> AwsError {
    AwsError::new(
        "TargetNotConnectedException",
        "The execute command failed because the target is not connected: this platform's engine runs no containers.",
    )
}
