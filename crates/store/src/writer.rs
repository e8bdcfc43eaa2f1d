//! The one thread that writes: takes what waits, commits it together, acknowledges each.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::StoreError;
use crate::batch::{Batch, Commit, Step};
use crate::tend::Tender;

/// The most batches of one transaction: bounds how long the first of them waits.
const GROUP: usize = 1024;

/// How long nothing is written before the files are tended.
const IDLE: Duration = Duration::from_secs(1);
/// Between two steps of tending, so that a new caller has the writer at once.
const STEP: Duration = Duration::from_millis(20);

type Ack = oneshot::Sender<Result<(), StoreError>>;

struct Job {
    batch: Batch,
    ack: Ack,
}

/// The writer's queue and its thread.
pub(crate) struct Writer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. In memory, `connection` is shared with the readers.
    pub(crate) fn start(connection: Arc<Mutex<Connection>>, tender: Option<Tender>) -> Self {
        let (queue, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, &jobs, tender))
            .expect("the platform may start a thread");
        Self { queue: Some(queue), thread: Some(thread) }
    }

    pub(crate) fn submit(&self, batch: Batch) -> Commit {
        let (ack, outcome) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // A failed send drops `ack`, and the commit resolves to `Closed`.
            let _ = queue.send(Job { batch, ack });
        }
        Commit { outcome }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None; // the thread ends once the queue is empty
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn run(connection: &Mutex<Connection>, jobs: &Receiver<Job>, mut tender: Option<Tender>) {
    // No caller waits for the files' upkeep, and it waits until no caller writes.
    let mut pause = tender.is_some().then_some(IDLE);
    loop {
        let first = match pause {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => jobs.recv_timeout(pause),
        };
        let first = match first {
            Ok(job) => job,
            Err(RecvTimeoutError::Disconnected) => return close(connection, tender.is_some()),
            Err(RecvTimeoutError::Timeout) => {
                // An error (a full disk, say) is no reason to try again before something was written.
                let more = tender.as_mut().is_some_and(|t| t.step(&mut connection.lock()).unwrap_or(false));
                pause = more.then_some(STEP);
                continue;
            }
        };
        let group: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(GROUP - 1)).collect();
        let group = match &mut tender {
            Some(tender) => {
                pause = Some(IDLE);
                admit(group, tender, connection)
            }
            None => group,
        };
        let mut connection = connection.lock();
        let mut waiting = group.into_iter();
        // More than one round only when SQLite itself rolled a transaction back half-way.
        while waiting.len() > 0 {
            commit_group(&mut connection, &mut waiting);
        }
    }
}

/// Refuses what may wait while the disk is full, and gives the ballast up for the rest.
fn admit(group: Vec<Job>, tender: &mut Tender, connection: &Mutex<Connection>) -> Vec<Job> {
    let free = tender.disk().free();
    if free >= crate::disk::LOW {
        return group;
    }
    tender.was_full();
    // Whether these help shows in what is written next. The log is begun anew as early as can be,
    // so that it does not grow.
    let _ = tender.disk().balance();
    let _ = connection.lock().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    let dir = tender.disk().dir().to_owned();
    let refused = |job: &Job| job.batch.bulk;
    let (bulk, kept): (Vec<Job>, Vec<Job>) = group.into_iter().partition(refused);
    for job in bulk {
        let _ = job.ack.send(Err(StoreError::Full { dir: dir.clone(), free }));
    }
    kept
}

/// Leaves a file that is whole by itself. The log stays, empty of news: a start on a full disk finds
/// room in it.
fn close(connection: &Mutex<Connection>, on_disk: bool) {
    if on_disk {
        let _ = connection.lock().query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()));
    }
}

/// Commits `jobs` in one transaction. Returns early, with jobs left over, when the
/// transaction is lost before its end.
fn commit_group(connection: &mut Connection, jobs: &mut std::vec::IntoIter<Job>) {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return refuse(jobs.map(|job| job.ack).collect(), error),
    };
    let alone = jobs.len() == 1;
    let mut stored = Vec::with_capacity(jobs.len());
    for Job { batch, ack } in jobs.by_ref() {
        match store(&transaction, batch, alone) {
            Ok(()) => stored.push(ack),
            // No other job is in it: the whole transaction is undone.
            Err(error) if alone && !transaction.is_autocommit() => {
                drop(transaction);
                return refuse(vec![ack], error);
            }
            // A full disk or a failing one can take the whole transaction with it: nothing
            // of what came before in this group is stored either.
            Err(error) if transaction.is_autocommit() => {
                stored.push(ack);
                return refuse(stored, error);
            }
            Err(error) => refuse(vec![ack], error),
        }
    }
    match transaction.commit() {
        Ok(()) => stored.into_iter().for_each(|ack| drop(ack.send(Ok(())))),
        Err(error) => refuse(stored, error),
    }
}

/// Runs a batch's steps; undoes them all when one fails, unless it is alone in its transaction.
fn store(transaction: &Transaction<'_>, batch: Batch, alone: bool) -> rusqlite::Result<()> {
    // Its transaction is undone instead. A savepoint of more than sixteen pages has a journal in a file of its own, for
    // which a full disk has no room: emptying the database must not need one.
    if alone {
        return run_steps(transaction, batch);
    }
    transaction.prepare_cached("SAVEPOINT batch")?.execute([])?;
    let outcome = run_steps(transaction, batch);
    if outcome.is_err() && !transaction.is_autocommit() {
        transaction.prepare_cached("ROLLBACK TO batch")?.execute([])?;
    }
    if !transaction.is_autocommit() {
        transaction.prepare_cached("RELEASE batch")?.execute([])?;
    }
    outcome
}

fn run_steps(transaction: &Transaction<'_>, batch: Batch) -> rusqlite::Result<()> {
    for step in batch.steps {
        match step {
            Step::Put { table, key, body } => transaction
                .prepare_cached(
                    "INSERT INTO documents (tbl, key, body) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (tbl, key) DO UPDATE SET body = excluded.body",
                )?
                .execute((table, key, body))
                .map(drop)?,
            Step::Delete { table, key } => transaction
                .prepare_cached("DELETE FROM documents WHERE tbl = ?1 AND key = ?2")?
                .execute((table, key))
                .map(drop)?,
            Step::With(statement) => statement(transaction)?,
        }
    }
    Ok(())
}

fn refuse(acks: Vec<Ack>, error: rusqlite::Error) {
    let cause = Arc::new(error);
    for ack in acks {
        let _ = ack.send(Err(StoreError::Write { cause: cause.clone() }));
    }
}
