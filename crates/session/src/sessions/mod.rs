//! The sessions of one platform: who may connect to which, and how each stands. In memory: a session ends with
//! the platform, as its connection does.

mod row;

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

pub use row::{Row, Status};

use crate::agent::{Agent, Settings, State, Times, Work};
use crate::clock::{date, token};
use crate::reach::{Reach, SessionTarget};
use crate::wire::payload::Opening;
use crate::{WebSocket, link};

/// How long a token may be used; "valid only long enough to ensure the connection is successful" (StartSession).
const TOKEN_LIFE: Duration = Duration::from_secs(60);
/// How long a connection may take to say who it is.
const OPENING: Duration = Duration::from_secs(10);
/// Ended sessions that DescribeSessions still tells of. (AWS: 30 days.)
const HISTORY: usize = 200;
/// How long the platform's end waits for sessions to end.
const ENDING: Duration = Duration::from_secs(3);

/// The sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<SessionTable>,
}

struct SessionTable {
    reach: Arc<dyn Reach>,
    times: Times,
    entries: std::sync::Mutex<VecDeque<SessionEntry>>,
}

impl SessionTable {
    /// Returns the entries, as they stand now.
    fn entries(&self) -> std::sync::MutexGuard<'_, VecDeque<SessionEntry>> {
        let mut entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for entry in entries.iter_mut() {
            entry.row.note(entry.agent.state(), date());
        }
        entries
    }
}

struct SessionEntry {
    row: Row,
    place: SessionTarget,
    token: Option<(String, Instant)>,
    agent: Agent,
}

impl SessionEntry {
    /// Tells the session to end; from now on no client connects to it.
    fn terminate(&mut self, words: &str) {
        if self.row.status.is_open() {
            self.row.status = Status::Terminating;
            self.agent.terminate(words);
        }
    }
}

/// What a session is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Begin of the session's id: `ecs-execute-command`, or the user's name.
    pub prefix: String,
    /// What it is to, as DescribeSessions tells it: `ecs:cluster_task_runtime`.
    pub target: String,
    /// Where that is.
    pub place: SessionTarget,
    /// What is to be done there.
    pub work: Work,
    /// The document that describes the session.
    pub document: Option<String>,
    /// Why, as the user said.
    pub reason: Option<String>,
    /// Who: an ARN.
    pub owner: String,
    /// Region of the call.
    pub region: String,
}

/// A session that may be connected to.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub session_id: String,
    /// What opens it, once.
    pub token: String,
}

/// Without the token.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// There is no such session that could be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such session, or it has ended")]
pub struct NoSuchSession;

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Returns a platform's sessions: none yet.
    pub fn new(reach: Arc<dyn Reach>) -> Self {
        Self::with_times(reach, Times::default())
    }

    /// Returns the same with other patience, for tests.
    pub fn with_times(reach: Arc<dyn Reach>, times: Times) -> Self {
        Self { inner: Arc::new(SessionTable { reach, times, entries: std::sync::Mutex::default() }) }
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, VecDeque<SessionEntry>> {
        self.inner.entries()
    }

    /// Makes a session; nothing starts before a client connects.
    pub fn open(&self, request: Request) -> Opened {
        let session_id = format!("{}-{}", request.prefix, &token()[..17]);
        let settings = Settings {
            session_id: session_id.clone(),
            place: request.place.clone(),
            work: request.work,
            times: self.inner.times,
        };
        let agent = Agent::spawn(settings, self.inner.reach.clone());
        tokio::spawn(note_end(agent.ended(), Arc::downgrade(&self.inner)));
        let opened = Opened { session_id: session_id.clone(), token: token() };
        let row = Row {
            session_id,
            target: request.target,
            status: Status::Connecting,
            started_at: date(),
            ended_at: None,
            document: request.document,
            reason: request.reason,
            owner: request.owner,
            region: request.region,
        };
        let token = Some((opened.token.clone(), Instant::now() + TOKEN_LIFE));
        let mut entries = self.entries();
        entries.push_back(SessionEntry { row, place: request.place, token, agent });
        // Only ended ones are forgotten, the oldest first.
        while entries.len() > HISTORY
            && let Some(at) = entries.iter().position(|entry| entry.row.ended_at.is_some())
        {
            entries.remove(at);
        }
        opened
    }

    /// Gives a session another token; earlier ones are void. For a client whose connection broke.
    ///
    /// # Errors
    /// When there is no such session or it has ended.
    pub fn resume(&self, session_id: &str) -> Result<Opened, NoSuchSession> {
        let mut entries = self.entries();
        let entry = entries.iter_mut().find(|entry| entry.row.session_id == session_id);
        let entry = entry.filter(|entry| entry.row.status.is_open()).ok_or(NoSuchSession)?;
        let opened = Opened { session_id: session_id.to_owned(), token: token() };
        entry.token = Some((opened.token.clone(), Instant::now() + TOKEN_LIFE));
        Ok(opened)
    }

    /// Ends a session; returns whether there was one by that name.
    pub fn terminate(&self, session_id: &str) -> bool {
        let mut entries = self.entries();
        let entry = entries.iter_mut().find(|entry| entry.row.session_id == session_id);
        entry.map(|entry| entry.terminate("")).is_some()
    }

    /// Ends the sessions of a container that stopped; `words` are shown to their users.
    pub fn end_container(&self, place: &SessionTarget, words: &str) {
        self.entries().iter_mut().filter(|entry| entry.place == *place).for_each(|entry| entry.terminate(words));
    }

    /// Ends the sessions of all containers of a task.
    pub fn end_task(&self, task: &str, words: &str) {
        self.entries().iter_mut().filter(|entry| entry.place.task == task).for_each(|entry| entry.terminate(words));
    }

    /// Returns every session that is known, the newest first.
    pub fn list(&self) -> Vec<Row> {
        self.entries().iter().rev().map(|entry| entry.row.clone()).collect()
    }

    /// Returns how many sessions have not ended.
    pub fn open_count(&self) -> usize {
        self.entries().iter().filter(|entry| entry.row.status.is_open()).count()
    }

    /// Returns whether a connection to a session makes sense.
    pub fn is_open(&self, session_id: &str) -> bool {
        self.entries().iter().any(|entry| entry.row.session_id == session_id && entry.row.status.is_open())
    }

    /// Serves a connection: reads who it is, and hands it to its session if its token is right. The client does not
    /// learn what was wrong.
    pub async fn serve(&self, session_id: &str, mut socket: WebSocket) {
        let text = tokio::time::timeout(OPENING, link::opening_text(&mut socket)).await;
        let opening = text.ok().flatten().and_then(|text| Opening::decode(&text));
        let agent = opening.as_ref().and_then(|opening| self.use_token(session_id, &opening.token));
        match (agent, opening) {
            (Some(agent), Some(opening)) => agent.attach(socket, opening),
            _ => {
                tracing::warn!(session_id, "refused a connection to a session");
                link::refuse(socket).await;
            }
        }
    }

    /// A token works once, whether or not it was right in time.
    fn use_token(&self, session_id: &str, given: &str) -> Option<Agent> {
        let mut entries = self.entries();
        let entry = entries.iter_mut().find(|entry| entry.row.session_id == session_id)?;
        let (token, until) = entry.token.as_ref()?;
        if !is_same(token, given) {
            return None;
        }
        let fresh = Instant::now() < *until;
        entry.token = None;
        (fresh && entry.row.status.is_open()).then(|| entry.agent.clone())
    }

    /// Ends every session, for the platform ends or forgets everything.
    pub async fn end_all(&self, words: &str) {
        let ended: Vec<_> = {
            let mut entries = self.entries();
            entries.iter_mut().for_each(|entry| entry.terminate(words));
            entries.iter().map(|entry| entry.agent.ended()).collect()
        };
        let ended = futures_util::future::join_all(ended);
        if tokio::time::timeout(ENDING, ended).await.is_err() {
            tracing::warn!("sessions were still open at the end");
        }
        self.entries().retain(|entry| entry.agent.state() != State::Terminated);
    }
}

/// Notes when a session ended. Holds neither it nor the platform.
async fn note_end(ended: impl Future<Output = ()>, inner: Weak<SessionTable>) {
    ended.await;
    if let Some(inner) = inner.upgrade() {
        drop(inner.entries());
    }
}

/// Compares in a time that does not tell how much was right.
fn is_same(one: &str, other: &str) -> bool {
    let differ = one.bytes().zip(other.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    one.len() == other.len() && differ == 0
}

#[cfg(test)]
mod tests;
