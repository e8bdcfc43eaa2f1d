//! What callers hand over, and what they wait for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use rusqlite::Transaction;
use tokio::sync::oneshot;

use crate::StoreError;

/// A statement of the caller's own, run inside the batch's transaction.
pub type Statement = Box<dyn FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send>;

/// One step of a batch.
pub(crate) enum Step {
    Put { table: String, key: String, body: Vec<u8> },
    Delete { table: String, key: String },
    With(Statement),
}

/// Changes that are stored together or not at all.
#[derive(Default)]
pub struct Batch {
    pub(crate) steps: Vec<Step>,
    pub(crate) bulk: bool,
}

impl Batch {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores `body` under `key` of `table`, in place of what was there.
    pub fn put(&mut self, table: &str, key: &str, body: Vec<u8>) {
        self.steps.push(Step::Put { table: table.to_owned(), key: key.to_owned(), body });
    }

    /// Removes `key` of `table`; nothing happens when it is not there.
    pub fn delete(&mut self, table: &str, key: &str) {
        self.steps.push(Step::Delete { table: table.to_owned(), key: key.to_owned() });
    }

    /// Runs the caller's own statements, in order with the other steps; an error undoes the batch.
    pub fn with(&mut self, statement: Statement) {
        self.steps.push(Step::With(statement));
    }

    /// Marks the batch as one that brings much and may wait: it is refused while the disk is all but
    /// full, so that what is left is there for stopping and deleting.
    pub fn bulk(&mut self) {
        self.bulk = true;
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} steps)", self.steps.len())
    }
}

/// Resolves once the batch is durable, or was refused. Dropping it cancels nothing.
#[derive(Debug)]
#[must_use = "a change is durable only when its commit has resolved"]
pub struct Commit {
    pub(crate) outcome: oneshot::Receiver<Result<(), StoreError>>,
}

impl Commit {
    /// Waits on a thread that may block.
    ///
    /// # Errors
    /// As the future.
    ///
    /// # Panics
    /// Inside an asynchronous context: await it there.
    pub fn wait(self) -> Result<(), StoreError> {
        self.outcome.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }
}

impl Future for Commit {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(cx).map(|outcome| outcome.unwrap_or(Err(StoreError::Closed)))
    }
}
