//! Session Manager: sessions into the containers of tasks that were started with ExecuteCommand.
//!
//! Targets are `ecs:CLUSTER_TASK_RUNTIME`; there are no managed nodes. Sessions are neither logged nor encrypted with
//! a key: they do not leave this machine unless the platform's port does.

use aws_model::call::document;
use aws_model::{Answering, AwsError, Call, Door, seconds};
use orchestrator::Handle;
use platform_core::ecs::{self, Destination};
use platform_core::ssm::Document;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session::Sessions;
use session::sessions::Row;

use crate::describe::{self, Filter, Query};
use crate::{Asked, Caller, Ways, custom, documents};

/// Most sessions of a page, and how many it has by default.
const PAGE: usize = 200;

/// Answers Systems Manager's operations about sessions.
pub struct SessionManager(Ways);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    target: String,
    document_name: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    parameters: documents::Parameters,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Describe {
    state: String,
    #[serde(default)]
    filters: Vec<FilterSent>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// The one structure of Systems Manager whose members are written small.
#[derive(Deserialize)]
struct FilterSent {
    key: String,
    value: String,
}

/// What leads to a session. No `Debug`: it opens it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Way<'a> {
    session_id: &'a str,
    token_value: &'a str,
    stream_url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described<'a> {
    session_id: &'a str,
    target: &'a str,
    status: &'a str,
    start_date: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_name: Option<&'a str>,
    owner: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    access_type: &'static str,
}

impl<'a> Described<'a> {
    fn of(row: &'a Row) -> Self {
        let at = |time: u64| seconds(i64::try_from(time).unwrap_or(i64::MAX));
        Self {
            session_id: &row.session_id,
            target: &row.target,
            status: row.status.as_str(),
            start_date: at(row.started_at),
            end_date: row.ended_at.map(at),
            document_name: row.document.as_deref(),
            owner: &row.owner,
            reason: row.reason.as_deref(),
            access_type: "Standard",
        }
    }
}

impl Door for SessionManager {
    fn operations(&self) -> Vec<&'static str> {
        vec!["DescribeSessions", "GetConnectionStatus", "ResumeSession", "StartSession", "TerminateSession"]
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(async move { Ok(document(self.answer(call)?)?.into()) })
    }
}

impl SessionManager {
    /// Makes the door; without sessions, nothing is connected.
    pub fn new(world: Handle, sessions: Option<Sessions>) -> Self {
        Self(Ways { world, sessions })
    }

    fn answer(&self, mut call: Call) -> Result<Value, AwsError> {
        let caller = Caller::of(&call);
        match call.operation.name() {
            "DescribeSessions" => self.describe(&caller, call.read()?),
            "GetConnectionStatus" => {
                let Target { target } = call.read()?;
                let status = if self.reached(&caller, &target).is_some() { "connected" } else { "notconnected" };
                Ok(json!({"Target": target, "Status": status}))
            }
            "ResumeSession" => self.resume(&caller, &call.read::<Which>()?.session_id),
            "StartSession" => self.start(&caller, call.read()?),
            "TerminateSession" => {
                let Which { session_id } = call.read()?;
                if let Some(sessions) = &self.0.sessions {
                    sessions.terminate(&session_id); // the model has no error for one that is not there
                }
                Ok(json!({"SessionId": session_id}))
            }
            operation => Err(AwsError::server(format!("{operation} is offered and has no answer"))),
        }
    }

    fn start(&self, caller: &Caller, start: Start) -> Result<Value, AwsError> {
        let Start { target, document_name, reason, parameters } = start;
        let named = document_name.unwrap_or_else(|| documents::SHELL.to_owned());
        // An ARN's last part is the name.
        let document = named.rsplit('/').next().unwrap_or(&named).to_owned();
        // One that the account made stands before AWS's of the same name: so a shell has preferences.
        let region = &caller.cx.region;
        let own = self.0.world.read(|world| world.records.get::<Document>(region, &document));
        let work = match own {
            Some(own) => custom::work(&own, &parameters)?,
            None => documents::work(&document, &parameters)?,
        };
        let not_connected = || AwsError::new("TargetNotConnected", format!("{target} is not connected."));
        let destination = self.reached(caller, &target).ok_or_else(not_connected)?;
        let sessions = self.0.sessions.as_ref().ok_or_else(not_connected)?;
        let asked = Asked { prefix: None, work, document, reason };
        let ticket = self.0.open(sessions, caller, &destination, asked);
        let (session_id, token_value) = (&ticket.opened.session_id, &ticket.opened.token);
        Ok(json!(Way { session_id, token_value, stream_url: &ticket.stream_url }))
    }

    fn resume(&self, caller: &Caller, id: &str) -> Result<Value, AwsError> {
        let missing = || AwsError::new("DoesNotExistException", format!("Session {id} does not exist."));
        let sessions = self.0.sessions.as_ref().ok_or_else(missing)?;
        match sessions.resume(id) {
            Ok(again) => Ok(json!(Way { session_id: id, token_value: &again.token, stream_url: &caller.url(id) })),
            // No token says that it is over; the plugin prints that it timed out (session-manager-plugin,
            // `ResumeSessionHandler`). An error it would take for a broken connection and try again.
            Err(_) if sessions.list().iter().any(|row| row.session_id == id) => Ok(json!({"SessionId": id})),
            Err(_) => Err(missing()),
        }
    }

    fn describe(&self, caller: &Caller, describe: Describe) -> Result<Value, AwsError> {
        let filters = describe.filters.into_iter().map(|FilterSent { key, value }| Filter::read(&key, value));
        let query = Query {
            region: caller.cx.region.clone(),
            open: describe.state == "Active",
            filters: filters.collect::<Result<_, _>>()?,
            max: describe.max_results.unwrap_or(PAGE),
            after: describe.next_token,
        };
        let rows = self.0.sessions.as_ref().map(Sessions::list).unwrap_or_default();
        let page = describe::page(rows, &query);
        let mut answer = json!({"Sessions": page.items.iter().map(Described::of).collect::<Vec<_>>()});
        if let Some(next) = page.next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }

    /// Returns the container that a target is, if a session reaches it now.
    fn reached(&self, caller: &Caller, target: &str) -> Option<Destination> {
        self.0.sessions.as_ref()?; // an engine without containers reaches none
        let found = self.0.world.answer(&caller.cx, |world, cx| Ok(ecs::of_target(world, cx, target)));
        found.ok().flatten()
    }
}
