//! Session Manager: sessions into the containers of tasks that were started with ExecuteCommand.
//!
//! Targets are `ecs:CLUSTER_TASK_RUNTIME`; there are no managed nodes. Sessions are neither logged nor encrypted with
//! a key: they do not leave this machine unless the platform's port does.

mod describe;
mod documents;

use std::collections::BTreeMap;

use aws_model::{AwsError, seconds};
use orchestrator::CallCx;
use platform_core::ecs::{self, Destination};
use serde_json::{Value, json};
use session::sessions::Row;

use self::describe::{Filter, Query};
use super::with_token;
use crate::call::Call;
use crate::channel;
use crate::members::{Members, invalid};
use crate::sessions::{self, Asked};
use crate::state::State;

/// The operations offered.
pub(super) const OPERATIONS: &[&str] =
    &["DescribeSessions", "GetConnectionStatus", "ResumeSession", "StartSession", "TerminateSession"];

/// Most sessions of a page, and how many it has where nobody says.
const PAGE: usize = 200;

/// Who calls, as far as sessions need it.
pub(super) struct Caller {
    pub(super) region: String,
    pub(super) authority: String,
}

impl Caller {
    pub(super) fn of(call: &Call) -> Self {
        Self { region: call.region.clone(), authority: call.authority.clone() }
    }
}

/// Answers one of [`OPERATIONS`].
pub(super) fn answer(state: &State, caller: &Caller, operation: &str, input: &mut Members) -> Result<Value, AwsError> {
    match operation {
        "StartSession" => start(state, caller, input),
        "ResumeSession" => resume(state, caller, input),
        "TerminateSession" => {
            let id = session_id(input)?;
            if let Some(sessions) = &state.sessions {
                sessions.terminate(&id); // the model has no error for one that is not there
            }
            Ok(json!({"SessionId": id}))
        }
        "DescribeSessions" => describe(state, caller, input),
        "GetConnectionStatus" => {
            let target = target(input)?;
            let status = if reached(state, caller, &target).is_some() { "connected" } else { "notconnected" };
            Ok(json!({"Target": target, "Status": status}))
        }
        _ => Err(AwsError::server(format!("{operation} is offered and has no answer"))),
    }
}

fn start(state: &State, caller: &Caller, input: &mut Members) -> Result<Value, AwsError> {
    let target = target(input)?;
    let reason = input.text("Reason")?;
    if reason.as_ref().is_some_and(|reason| !(1..=256).contains(&reason.chars().count())) {
        return Err(invalid("Reason", "must have 1 to 256 characters"));
    }
    let named = input.text("DocumentName")?.unwrap_or_else(|| documents::SHELL.to_owned());
    // An ARN's last part is the name.
    let document = named.rsplit('/').next().unwrap_or(&named).to_owned();
    let work = documents::work(&document, &parameters(input)?)?;
    let not_connected = || AwsError::new("TargetNotConnected", format!("{target} is not connected."));
    let destination = reached(state, caller, &target).ok_or_else(not_connected)?;
    let sessions = state.sessions.as_ref().ok_or_else(not_connected)?;
    let asked = Asked { prefix: "root", work, document, reason, region: caller.region.clone() };
    let ticket = sessions::open(state, sessions, &caller.authority, &destination, asked);
    Ok(opened(&ticket.opened.session_id, &ticket.opened.token, &ticket.stream_url))
}

fn resume(state: &State, caller: &Caller, input: &mut Members) -> Result<Value, AwsError> {
    let id = session_id(input)?;
    let missing = || AwsError::new("DoesNotExistException", format!("Session {id} does not exist."));
    let sessions = state.sessions.as_ref().ok_or_else(missing)?;
    match sessions.resume(&id) {
        Ok(again) => Ok(opened(&id, &again.token, &channel::url(&caller.authority, &id))),
        // No token says that it is over; the plugin prints that it timed out (session-manager-plugin,
        // `ResumeSessionHandler`). An error it would take for a broken connection and try again.
        Err(_) if sessions.list().iter().any(|row| row.session_id == id) => Ok(json!({"SessionId": id})),
        Err(_) => Err(missing()),
    }
}

fn describe(state: &State, caller: &Caller, input: &mut Members) -> Result<Value, AwsError> {
    let open = match input.needed("State")?.as_str() {
        "Active" => true,
        "History" => false,
        _ => return Err(invalid("State", "must be one of [Active, History]")),
    };
    let filter = |mut filter: Members| {
        let (key, value) = (filter.needed("key")?, filter.needed("value")?);
        if key == "Status" && !describe::is_status(&value) {
            return Err(invalid("Filters", "has a Status that no session has"));
        }
        Filter::read(&key, value)
    };
    let filters = input.structures("Filters")?.unwrap_or_default().into_iter().map(filter);
    let query = Query {
        region: caller.region.clone(),
        open,
        filters: filters.collect::<Result<_, _>>()?,
        max: match input.count("MaxResults")? {
            None => PAGE,
            Some(max) if (1..=PAGE).contains(&max) => max,
            Some(_) => return Err(invalid("MaxResults", "must be between 1 and 200")),
        },
        after: input.text("NextToken")?,
    };
    let rows = state.sessions.as_ref().map(session::Sessions::list).unwrap_or_default();
    let (rows, next) = describe::page(rows, &query)?;
    let rows: Vec<Value> = rows.iter().map(rendered).collect();
    Ok(with_token(json!({"Sessions": rows}), next))
}

/// Returns the container that a target is, if a session reaches it now.
fn reached(state: &State, caller: &Caller, target: &str) -> Option<Destination> {
    state.sessions.as_ref()?; // an engine without containers reaches none
    let cx = CallCx { region: caller.region.clone(), access_key: String::new() };
    let found = state.orchestrator.answer(&cx, |world, cx| Ok(ecs::of_target(world, cx, target)));
    found.ok().flatten()
}

fn target(input: &mut Members) -> Result<String, AwsError> {
    bounded(input, "Target", 400)
}

fn session_id(input: &mut Members) -> Result<String, AwsError> {
    bounded(input, "SessionId", 96)
}

fn bounded(input: &mut Members, name: &str, most: usize) -> Result<String, AwsError> {
    let text = input.needed(name)?;
    if (1..=most).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(invalid(name, &format!("must have 1 to {most} characters")))
}

fn parameters(input: &mut Members) -> Result<documents::Parameters, AwsError> {
    let given = input.members("Parameters")?.unwrap_or_default();
    let mut given = Members(given);
    let names: Vec<String> = given.0.keys().cloned().collect();
    let values = names.into_iter().map(|name| {
        let values = given.texts(&name)?.unwrap_or_default();
        Ok((name, values))
    });
    values.collect::<Result<BTreeMap<_, _>, AwsError>>()
}

fn opened(id: &str, token: &str, stream_url: &str) -> Value {
    json!({"SessionId": id, "TokenValue": token, "StreamUrl": stream_url})
}

fn rendered(row: &Row) -> Value {
    let at = |time: u64| seconds(i64::try_from(time).unwrap_or(i64::MAX));
    let mut out = json!({
        "SessionId": row.session_id,
        "Target": row.target,
        "Status": row.status.as_str(),
        "StartDate": at(row.started_at),
        "Owner": row.owner,
        "AccessType": "Standard",
    });
    if let Some(ended_at) = row.ended_at {
        out["EndDate"] = at(ended_at);
    }
    for (name, text) in [("DocumentName", &row.document), ("Reason", &row.reason)] {
        if let Some(text) = text {
            out[name] = json!(text);
        }
    }
    out
}
