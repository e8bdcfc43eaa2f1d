//! The world's one door: read it as it is, change it by a decision that is durable first.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_model::{AwsError, Millis, chain};
use parking_lot::{Mutex, RwLock};
use platform_core::events::{published, told};
use platform_core::world::{Key, RevisionStatus, Table};
use platform_core::{Change, Cx, Ids, Outcome, World};
use serde_json::Value;
use store::{Batch, Commit, Store, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{AdvanceError, Clock};

/// The platform's world could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store refused.
    #[error("could not load the platform's state")]
    Store(#[from] StoreError),
    /// A row is not what its table holds.
    #[error("row `{key}` of table `{table}` is damaged")]
    Row {
        /// Table.
        table: &'static str,
        /// Key.
        key: String,
        /// What was wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// Who calls, as far as a decision needs it.
#[derive(Debug, Clone)]
pub struct CallCx {
    /// Region of the credential scope.
    pub region: String,
    /// Access key of the credential scope.
    pub access_key: String,
}

/// The world's door; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(crate) inner: Arc<LiveWorld>,
}

pub(crate) struct LiveWorld {
    pub(crate) world: RwLock<World>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) account: String,
    /// See [`crate::Engine::architecture`].
    pub(crate) architecture: Option<&'static str>,
    /// Keys that changed since the driver last looked.
    pub(crate) dirty: Mutex<BTreeSet<Key>>,
    pub(crate) wake: Notify,
    /// Whether the last commit failed for no fault of its own; said once.
    pub(crate) trouble: Mutex<bool>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
}

/// What is asked of the loop itself, and where to answer.
pub(crate) enum Order {
    /// Forget everything.
    Reset(oneshot::Sender<Result<(), StoreError>>),
    /// Move the clock to a time.
    Advance(Millis, oneshot::Sender<Result<Millis, AdvanceError>>),
}

impl Handle {
    /// Loads the world from the store.
    ///
    /// # Errors
    /// When the store cannot be read or holds damaged rows.
    pub(crate) fn open(
        store: Store,
        clock: Clock,
        account: String,
        architecture: Option<&'static str>,
        orders: mpsc::UnboundedSender<Order>,
    ) -> Result<Self, OpenError> {
        let world = load(&store)?;
        Ok(Self {
            inner: Arc::new(LiveWorld {
                world: RwLock::new(world),
                store,
                clock,
                account,
                architecture,
                dirty: Mutex::default(),
                wake: Notify::new(),
                trouble: Mutex::new(false),
                orders,
            }),
        })
    }

    /// Reads the world as it is.
    pub fn read<R>(&self, f: impl FnOnce(&World) -> R) -> R {
        f(&self.inner.world.read())
    }

    /// Answers a read operation, or another question to the world as a caller sees it.
    ///
    /// # Errors
    /// Whatever the operation refuses.
    pub fn answer<R>(
        &self,
        cx: &CallCx,
        f: impl FnOnce(&World, &Cx<'_>) -> Result<R, AwsError>,
    ) -> Result<R, AwsError> {
        let mut ids = Ids::new(0); // reads name nothing
        let cx = Cx {
            now: self.inner.clock.now(),
            region: &cx.region,
            account: &self.inner.account,
            access_key: &cx.access_key,
            architecture: self.inner.architecture,
            ids: &mut ids,
        };
        f(&self.inner.world.read(), &cx)
    }

    /// Runs a decision alone, stores its changes, applies them, wakes the loop; returns once durable.
    ///
    /// # Errors
    /// Whatever the decision refuses; a server fault when the store could not keep it, and then
    /// nothing has changed.
    pub async fn write(
        &self,
        cx: CallCx,
        f: impl FnOnce(&World, &mut Cx<'_>) -> Result<Outcome, AwsError>,
    ) -> Result<Value, AwsError> {
        let (reply, commit) = {
            let mut world = self.inner.world.write();
            let mut ids = Ids::new(seed());
            let mut cx = Cx {
                now: self.inner.clock.now(),
                region: &cx.region,
                account: &self.inner.account,
                access_key: &cx.access_key,
                architecture: self.inner.architecture,
                ids: &mut ids,
            };
            let outcome = f(&world, &mut cx)?;
            if outcome.changes.is_empty() {
                return Ok(outcome.reply);
            }
            (outcome.reply, self.inner.keep(&mut world, outcome.changes))
        };
        self.inner
            .settle(commit)
            .await
            .map_err(|e| AwsError::server(format!("the platform could not store this: {}", chain(&e))))?;
        Ok(reply)
    }

    /// Forgets everything: tasks are killed, every row of the world is deleted.
    ///
    /// # Errors
    /// When the store could not be emptied, or the platform is shutting down.
    pub async fn reset(&self) -> Result<(), AwsError> {
        let (done, wait) = oneshot::channel();
        let gone = || AwsError::server("the platform is shutting down");
        self.inner.orders.send(Order::Reset(done)).map_err(|_| gone())?;
        wait.await
            .map_err(|_| gone())?
            .map_err(|e| AwsError::server(format!("could not reset the store: {}", chain(&e))))
    }

    /// Moves the clock to a time, and returns once all that was asked for on the way has happened, each at its time.
    ///
    /// # Errors
    /// Where the clock is the machine's, the time has passed, or nothing can be stored.
    pub async fn advance(&self, to: Millis) -> Result<Millis, AdvanceError> {
        let (done, wait) = oneshot::channel();
        self.inner.orders.send(Order::Advance(to, done)).map_err(|_| AdvanceError::Ending)?;
        wait.await.map_err(|_| AdvanceError::Ending)?
    }

    /// Whether the clock can be moved on.
    pub fn can_be_moved(&self) -> bool {
        self.inner.clock.can_be_moved()
    }

    /// Returns what is wrong with the room that the world has, in words; none where all is well.
    pub fn disk_trouble(&self) -> Option<String> {
        let disk = self.inner.store.disk().filter(|disk| disk.is_full())?;
        Some(format!(
            "disk full: {} MiB are left on the disk of {}; logs and new images are refused, stopping and deleting work",
            disk.free() >> 20,
            disk.dir().display()
        ))
    }

    /// Returns the account of this platform.
    pub fn account(&self) -> &str {
        &self.inner.account
    }

    /// Returns the platform's time.
    pub fn now(&self) -> Millis {
        self.inner.clock.now()
    }
}

impl LiveWorld {
    /// Enqueues changes for storing and applies them, under the caller's lock, so that both orders agree.
    pub(crate) fn keep(&self, world: &mut World, changes: Vec<Change>) -> Commit {
        let changes: Vec<Change> = changes.into_iter().flat_map(|change| self.apply(world, change)).collect();
        let commit = self.store.submit(batch_of(&changes));
        self.wake.notify_one();
        commit
    }

    /// Applies a change, and what is published with it. Returns all of it, to be stored under the same lock.
    pub(crate) fn apply(&self, world: &mut World, change: Change) -> Vec<Change> {
        if let Some(missed) = told::missed(world, &change) {
            let last = aws_model::seconds(missed.last);
            tracing::warn!(
                schedule = missed.name,
                missed = missed.count,
                %last,
                "a schedule's time came while the platform did not run; it is not caught up"
            );
        }
        let mut all = vec![change];
        if !world.listening.is_empty() {
            let now = self.clock.now();
            all.extend(published::follows(world, &all[0], now, &self.account, &mut Ids::new(seed())));
        }
        for change in &all {
            let due = world.apply(change.clone());
            self.dirty.lock().extend(due);
        }
        all
    }

    /// Says once that nothing can be stored, and once that it can again.
    fn note(&self, error: Option<&StoreError>) {
        let mut trouble = self.trouble.lock();
        match error {
            None if std::mem::take(&mut *trouble) => tracing::info!("changes are stored again"),
            None => {}
            Some(error) if error.is_lasting() => {
                tracing::error!(error = chain(error), "a change was refused by the store, the world was read back");
            }
            Some(_) if std::mem::replace(&mut *trouble, true) => {}
            Some(error) => {
                let full = if error.is_full() { "the disk is full: " } else { "" };
                tracing::error!(
                    error = chain(error),
                    "{full}changes cannot be stored and are refused until they can (said once)"
                );
            }
        }
    }

    /// Waits for a commit; if it failed, the world in memory is read back from the store.
    pub(crate) async fn settle(&self, commit: Commit) -> Result<(), StoreError> {
        let Err(error) = commit.await else {
            self.note(None);
            return Ok(());
        };
        // First the world, then words about it: whatever happens to the words, the world is true.
        let read_back = {
            let mut world = self.world.write();
            load(&self.store).map(|stored| *world = stored)
        };
        self.note(Some(&error));
        if let Err(unreadable) = read_back {
            tracing::error!(error = chain(&unreadable), "the world could not be read back");
        }
        Err(error)
    }

    /// Marks everything that lives as due: at the start and after a reset.
    pub(crate) fn mark_all(&self) {
        let world = self.world.read();
        let tasks = world.tasks.keys().cloned().map(Key::Task);
        let services = world.services.keys().cloned().map(Key::Service);
        let targets = world.targets.keys().cloned().map(Key::Target);
        let leaving = world.revisions.values().filter(|r| r.status == RevisionStatus::DeleteInProgress);
        let leaving = leaving.map(|r| Key::Revision(r.arn.clone()));
        let records = world.records.keys().filter_map(platform_core::watched).map(Key::Record);
        let all = tasks.chain(services).chain(targets).chain(leaving).chain(records);
        self.dirty.lock().extend(all.chain([Key::Routes]));
        self.wake.notify_one();
    }
}

/// Returns the rows that keep `changes`.
pub(crate) fn batch_of(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for change in changes {
        match change.row() {
            (table, key, Some(body)) => batch.put(table.name(), &key, body),
            (table, key, None) => batch.delete(table.name(), &key),
        }
    }
    batch
}

/// Returns the world that a store keeps, for a caller who only reads.
///
/// # Errors
/// When the store cannot be read.
pub fn load(store: &Store) -> Result<World, OpenError> {
    let mut world = World::default();
    for table in Table::ALL {
        for (key, body) in store.load(table.name())? {
            let change =
                table.read(&key, &body).map_err(|source| OpenError::Row { table: table.name(), key, source })?;
            world.apply(change);
        }
    }
    Ok(world)
}

pub(crate) fn seed() -> u64 {
    getrandom::u64().expect("the kernel's random source answers once the system is up")
}
