//! Insights queries under way and ended: started, run beside the threads that answer, their answers kept for a while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_model::Millis;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::error::LogsError;
use crate::index::GroupKey;
use crate::insights::{Answer, Event, Plan, Running};
use crate::newest::{Newest, Source};
use crate::{LogTruth, Logs, ids};

/// Queries that read at the same time; each keeps a core and a connection busy.
const AT_ONCE: usize = 2;
/// Queries that may wait for these (service quotas: 30 at once in an account).
const WAITING: usize = 30;
/// Answers that are kept, and their bytes; the oldest go first.
const KEPT: usize = 1000;
const KEPT_BYTES: usize = 64 << 20;
/// A query that takes longer times out; AWS's may take an hour.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Groups of one query (API reference, StartQuery).
const GROUPS: usize = 50;

/// What a query is asked to do.
#[derive(Debug, Clone)]
pub struct NewQuery {
    /// Over these groups.
    pub groups: Vec<GroupKey>,
    /// In the query language.
    pub text: String,
    /// Not before, inclusive.
    pub start: Millis,
    /// Not after, inclusive.
    pub end: Millis,
    /// Rows that are answered unless the query says how many.
    pub limit: Option<usize>,
}

/// How far a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Status {
    /// It waits for others.
    Scheduled,
    /// It reads.
    Running,
    /// Its answer is there.
    Complete,
    /// It would have held too much, or the store could not be read.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It took too long.
    Timeout,
}

/// How far a query is, and what it has found.
#[derive(Debug, Clone)]
pub struct Progress {
    /// How far.
    pub status: Status,
    /// Events that were read.
    pub scanned: u64,
    /// Bytes of their messages.
    pub bytes: u64,
    /// Events that its filters let through.
    pub matched: u64,
    /// Groups that were read.
    pub groups: usize,
    /// The answer, once it is complete.
    pub rows: Arc<Vec<Answer>>,
    /// How long it has read, in milliseconds.
    pub took: i64,
}

/// A query, as listed.
#[derive(Debug, Clone)]
pub struct QueryView {
    /// Its identifier.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Its groups.
    pub groups: Vec<GroupKey>,
    /// When it was started.
    pub created: Millis,
    /// How far it is.
    pub progress: Progress,
}

#[derive(Debug)]
struct Kept {
    id: String,
    region: String,
    text: String,
    groups: Vec<GroupKey>,
    created: Millis,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    progress: Mutex<Progress>,
    stopped: AtomicBool,
}

/// All queries that are known, newest last.
#[derive(Debug)]
pub(crate) struct Queries {
    kept: Mutex<VecDeque<Kept>>,
    turns: Arc<Semaphore>,
}

impl Default for Queries {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Status {
    /// Whether nothing more will come.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Running)
    }
}

impl Logs {
    /// Starts a query and returns its identifier.
    ///
    /// # Errors
    /// When the text is no query, a group is not there, or too many wait already.
    pub fn start_query(&self, region: &str, new: NewQuery) -> Result<String, LogsError> {
        let plan = Plan::parse(&new.text).map_err(LogsError::Malformed)?;
        if new.groups.is_empty() || new.groups.len() > GROUPS {
            return Err(LogsError::invalid(format!("A query is over 1 to {GROUPS} log groups.")));
        }
        if new.end < new.start {
            return Err(LogsError::invalid("End time should not be less than start time."));
        }
        let sources = {
            let index = self.inner.index.read();
            let source = |key: &GroupKey| {
                let log = format!("{}:{}", self.inner.account, key.1);
                Ok(Source::new(index.group(&key.0, &key.1)?.id, log, new.start, new.end))
            };
            new.groups.iter().map(source).collect::<Result<Vec<_>, LogsError>>()?
        };
        let none = Arc::new(Vec::new());
        let (status, groups) = (Status::Scheduled, sources.len());
        let progress = Progress { status, scanned: 0, bytes: 0, matched: 0, groups, rows: none, took: 0 };
        let shared = Arc::new(Shared { progress: Mutex::new(progress), stopped: AtomicBool::new(false) });
        let id = ids::uuid().ok_or(LogsError::Interrupted)?;
        let kept = Kept {
            id: id.clone(),
            region: region.to_owned(),
            text: new.text,
            groups: new.groups,
            created: (self.inner.now)(),
            shared: shared.clone(),
        };
        self.inner.queries.keep(kept)?;
        tokio::spawn(run(self.inner.clone(), plan, new.limit, sources, shared));
        Ok(id)
    }

    /// Returns how far a query is.
    ///
    /// # Errors
    /// When there is no such query, or its answer is no longer kept.
    pub fn query_progress(&self, region: &str, id: &str) -> Result<Progress, LogsError> {
        self.inner.queries.shared(region, id).map(|shared| shared.progress.lock().clone())
    }

    /// Stops a query.
    ///
    /// # Errors
    /// When there is no such query, or it has ended.
    pub fn stop_query(&self, region: &str, id: &str) -> Result<(), LogsError> {
        let shared = self.inner.queries.shared(region, id)?;
        let mut progress = shared.progress.lock();
        if progress.status.is_end() {
            let words = format!("Query with id {id} has already ended with status {:?}", progress.status);
            return Err(LogsError::invalid(words));
        }
        shared.stopped.store(true, Ordering::Release);
        progress.status = Status::Cancelled;
        Ok(())
    }

    /// Returns the queries of a region, the newest first.
    pub fn queries(&self, region: &str) -> Vec<QueryView> {
        let kept = self.inner.queries.kept.lock();
        let of_region = kept.iter().rev().filter(|kept| kept.region == region);
        let view = |kept: &Kept| QueryView {
            id: kept.id.clone(),
            text: kept.text.clone(),
            groups: kept.groups.clone(),
            created: kept.created,
            progress: kept.shared.progress.lock().clone(),
        };
        of_region.map(view).collect()
    }
}

impl Queries {
    fn keep(&self, new: Kept) -> Result<(), LogsError> {
        let mut kept = self.kept.lock();
        if kept.iter().filter(|kept| !kept.shared.progress.lock().status.is_end()).count() >= WAITING {
            return Err(LogsError::LimitExceeded);
        }
        let weight = |kept: &Kept| weight(&kept.shared.progress.lock().rows);
        let mut bytes: usize = kept.iter().map(weight).sum();
        while kept.len() >= KEPT || bytes > KEPT_BYTES {
            // What runs is not forgotten; of that there are few.
            let Some(oldest) = kept.iter().position(|kept| kept.shared.progress.lock().status.is_end()) else { break };
            bytes -= kept.remove(oldest).as_ref().map_or(0, weight);
        }
        kept.push_back(new);
        Ok(())
    }

    fn shared(&self, region: &str, id: &str) -> Result<Arc<Shared>, LogsError> {
        let kept = self.kept.lock();
        let found = kept.iter().find(|kept| kept.id == id && kept.region == region);
        found.map(|kept| kept.shared.clone()).ok_or(LogsError::NoQuery)
    }

    /// Stops and forgets all.
    pub(crate) fn clear(&self) {
        for kept in self.kept.lock().drain(..) {
            kept.shared.stopped.store(true, Ordering::Release);
        }
    }
}

fn weight(rows: &[Answer]) -> usize {
    rows.iter().flatten().map(|(name, value)| name.len() + value.len() + 64).sum()
}

async fn run(inner: Arc<LogTruth>, plan: Plan, limit: Option<usize>, sources: Vec<Source>, shared: Arc<Shared>) {
    let Ok(_turn) = inner.queries.turns.clone().acquire_owned().await else { return };
    let reading = shared.clone();
    let read = tokio::task::spawn_blocking(move || read(&inner, &plan, limit, sources, &reading)).await;
    let mut progress = shared.progress.lock();
    if !progress.status.is_end() {
        progress.status = read.unwrap_or(Status::Failed);
    }
}

/// Reads until the end, and answers how it ended.
fn read(inner: &LogTruth, plan: &Plan, limit: Option<usize>, sources: Vec<Source>, shared: &Shared) -> Status {
    let begun = Instant::now();
    let mut run = plan.run(limit);
    let mut newest = Newest::new(sources);
    if !advance(shared, Status::Running) {
        return Status::Cancelled;
    }
    loop {
        if shared.stopped.load(Ordering::Acquire) {
            return Status::Cancelled;
        }
        if begun.elapsed() > LONGEST {
            return Status::Timeout;
        }
        let events = match newest.next(&inner.store) {
            Ok(events) if events.is_empty() => break,
            Ok(events) => events,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a query could not read the logs");
                return Status::Failed;
            }
        };
        if !take(&mut run, events, shared, begun) {
            return Status::Failed;
        }
    }
    match run.finish() {
        Ok(rows) => {
            shared.progress.lock().rows = Arc::new(rows);
            Status::Complete
        }
        Err(_) => Status::Failed,
    }
}

/// Passes events to the query; false when it would hold too much.
fn take(run: &mut Running<'_>, events: Vec<Event>, shared: &Shared, begun: Instant) -> bool {
    let (count, bytes) = (events.len() as u64, events.iter().map(|event| event.message.len() as u64).sum::<u64>());
    let fits = events.into_iter().all(|event| run.push(event).is_ok());
    let mut progress = shared.progress.lock();
    progress.scanned += count;
    progress.bytes += bytes;
    progress.matched = run.matched;
    progress.took = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    fits
}

/// Moves a query on unless it was stopped.
fn advance(shared: &Shared, status: Status) -> bool {
    let mut progress = shared.progress.lock();
    let goes_on = !progress.status.is_end();
    if goes_on {
        progress.status = status;
    }
    goes_on
}
