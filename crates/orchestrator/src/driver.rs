//! The loop. The only caller of the ports; waits for nothing but the store.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use aws_model::{AwsError, chain};
use platform_core::events::letter::{self, Letter};
use platform_core::rds::work::{self, Facts, Told};
use platform_core::task::{self, Action, Event};
use platform_core::world::{Key, Listener, Table, Task};
use platform_core::{Change, Cx, Ids, RecordKey, World, elb, revision, service, target};
use store::{Batch, Store, StoreError};
use tokio::sync::mpsc;

use crate::backoff::{Backoff, Backoffs};
use crate::due::Timers;
use crate::handle::{LiveWorld, Order, batch_of, seed};
use crate::{AdvanceError, Begin, Clock, Databases, Engine, Fact, Handle, OpenError, Outlet, Routes};

/// Runs the platform's decisions until its channel of facts closes.
pub struct Driver {
    inner: Arc<LiveWorld>,
    engine: Arc<dyn Engine>,
    routes: Arc<dyn Routes>,
    outlet: Option<Arc<dyn Outlet>>,
    databases: Option<Arc<dyn Databases>>,
    facts: mpsc::UnboundedReceiver<Fact>,
    orders: mpsc::UnboundedReceiver<Order>,
    timers: Timers,
    /// Actions begun whose end was not heard of. Not stored: after a restart all are begun anew.
    under_way: HashSet<(String, Action)>,
    /// Letters begun whose end was not heard of; not stored either.
    posting: HashSet<RecordKey>,
    /// The turn that was ordered last of each record's works; not stored either.
    ordered: HashMap<RecordKey, u64>,
    /// Facts that are not stored yet, in order: the store had no room for them.
    unsaved: Vec<Fact>,
    /// When to try again after the store failed for no fault of the change.
    pause: Backoff,
    /// Keys whose decision is refused for itself.
    refused: Backoffs<Key>,
    /// Tasks, by ARN, of which something happened that is refused for itself.
    untold: Backoffs<String>,
}

impl Driver {
    /// Loads the world and makes the loop ready; nothing happens before [`Driver::run`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(
        store: Store,
        clock: Clock,
        account: String,
        engine: Arc<dyn Engine>,
        routes: Arc<dyn Routes>,
        facts: mpsc::UnboundedReceiver<Fact>,
    ) -> Result<(Self, Handle), OpenError> {
        let (sender, orders) = mpsc::unbounded_channel();
        let handle = Handle::open(store, clock, account, engine.architecture(), sender)?;
        let driver = Self {
            inner: handle.inner.clone(),
            engine,
            routes,
            outlet: None,
            databases: None,
            facts,
            orders,
            timers: Timers::default(),
            under_way: HashSet::new(),
            posting: HashSet::new(),
            ordered: HashMap::new(),
            unsaved: Vec::new(),
            pause: Backoff::default(),
            refused: Backoffs::default(),
            untold: Backoffs::default(),
        };
        Ok((driver, handle))
    }

    /// Writes letters to this outlet; without one they are refused.
    #[must_use]
    pub fn with_outlet(mut self, outlet: Arc<dyn Outlet>) -> Self {
        self.outlet = Some(outlet);
        self
    }

    /// Lets these databases run; without them every work of theirs is done at once.
    #[must_use]
    pub fn with_databases(mut self, databases: Arc<dyn Databases>) -> Self {
        self.databases = Some(databases);
        self
    }

    /// Runs until every sender of facts is gone.
    pub async fn run(mut self) {
        self.adopt();
        self.inner.mark_all();
        loop {
            self.absorb().await;
            while self.decide_due().await {}
            let clock = self.inner.clock.clone();
            let again = self.paused_until().or(self.timers.next());
            // Dropping any branch loses nothing: a notification is kept, a channel keeps its messages.
            tokio::select! {
                () = self.inner.wake.notified() => {}
                fact = self.facts.recv() => match fact {
                    Some(fact) => self.unsaved.push(fact),
                    None => return,
                },
                Some(order) = self.orders.recv() => match order {
                    // The caller may have gone.
                    Order::Reset(done) => drop(done.send(self.reset().await)),
                    Order::Advance(to, done) => drop(done.send(self.advance(to).await)),
                },
                () = clock.sleep_until(again) => {}
            }
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.inner.clock.clone()
    }

    pub(crate) fn next_timer(&self) -> Option<i64> {
        self.timers.next()
    }

    /// Goes on until nothing is left to be done at this time: for an engine and an outlet that report what they began
    /// at once, or soon.
    pub(crate) async fn come_to_rest(&mut self) -> Result<(), AdvanceError> {
        loop {
            self.absorb().await;
            while self.decide_due().await {}
            if self.paused_until().is_some() {
                return Err(AdvanceError::Stuck { at: self.inner.clock.now() });
            }
            let fact = match self.facts.try_recv() {
                Ok(fact) => fact,
                Err(_) if !self.unsaved.is_empty() => continue,
                Err(_) if self.posting.is_empty() => return Ok(()),
                Err(_) => self.facts.recv().await.ok_or(AdvanceError::Ending)?,
            };
            self.unsaved.push(fact);
        }
    }

    /// Returns until when nothing is tried, while the store can keep nothing.
    fn paused_until(&self) -> Option<i64> {
        let now = self.inner.clock.now();
        // A change that another caller managed to store ends the pause as well.
        (*self.inner.trouble.lock() && !self.pause.is_due(now)).then(|| self.pause.until())
    }

    /// Tries later: the store can keep nothing now.
    fn wait_for_store(&mut self) {
        self.pause.failed(self.inner.clock.now());
        self.inner.mark_all();
    }

    fn adopt(&self) {
        let world = self.inner.world.read();
        let live = world.tasks.values().filter(|t| !t.is_stopped());
        let known = live.filter_map(|t| Some((t.clone(), world.revisions.get(&t.task_definition_arn)?.spec.clone())));
        self.engine.adopt(known.collect());
        if let Some(databases) = &self.databases {
            databases.adopt(work::standing(&world));
        }
    }

    /// Decides for every key that is due; false when there was none.
    async fn decide_due(&mut self) -> bool {
        if self.paused_until().is_some() {
            return false;
        }
        let now = self.inner.clock.now();
        let mut keys = std::mem::take(&mut *self.inner.dirty.lock());
        keys.append(&mut self.timers.take_due(now));
        if keys.is_empty() {
            return false;
        }
        let keys = around(&self.inner.world.read(), keys);
        match self.decide_all(&keys, now).await {
            Ok(()) => {
                self.pause = Backoff::default();
                self.refused.retain_waiting(now);
            }
            Err(error) if error.is_lasting() => self.decide_one_by_one(keys, now).await,
            // Nothing was stored, so nothing is begun; the world is as before, and is looked at again.
            Err(_) => self.wait_for_store(),
        }
        true
    }

    /// Finds out which decision is refused, so that it holds up no other.
    async fn decide_one_by_one(&mut self, keys: BTreeSet<Key>, now: i64) {
        for key in keys {
            match self.decide_all(&BTreeSet::from([key.clone()]), now).await {
                Ok(()) => self.refused.well(&key),
                Err(error) if error.is_lasting() => {
                    let (failures, at) = self.refused.failed(&key, now);
                    if failures == 1 {
                        let error = chain(&error);
                        tracing::error!(
                            ?key,
                            error,
                            "a decision is refused by the store; it is tried again, ever more seldom"
                        );
                    }
                    self.timers.set(&key, Some(at));
                }
                Err(_) => return self.wait_for_store(),
            }
        }
    }

    /// Decides for these keys, stores what was decided, and begins what follows from it.
    async fn decide_all(&mut self, keys: &BTreeSet<Key>, now: i64) -> Result<(), StoreError> {
        let mut begins = Begins::default();
        let inner = self.inner.clone();
        let commit = {
            let mut world = inner.world.write();
            let mut changes = Vec::new();
            for key in keys {
                if !self.may_decide(key, now) {
                    continue;
                }
                let decided = self.decide(&world, key, now, &mut begins);
                // Later decisions of this round see the earlier ones.
                changes.extend(decided.into_iter().flat_map(|change| self.inner.apply(&mut world, change)));
            }
            (!changes.is_empty()).then(|| self.inner.store.submit(batch_of(&changes)))
        };
        if let Some(commit) = commit {
            self.inner.settle(commit).await?;
        }
        for letter in begins.letters {
            self.post(letter);
        }
        for order in begins.orders {
            self.order(order);
        }
        for begin in begins.tasks {
            if self.under_way.insert((begin.task.arn.clone(), begin.action.clone())) {
                self.engine.begin(begin);
            }
        }
        Ok(())
    }

    fn may_decide(&self, key: &Key, now: i64) -> bool {
        let told = match key {
            Key::Task(arn) => self.untold.is_due(arn, now),
            _ => true,
        };
        told && self.refused.is_due(key, now)
    }

    fn decide(&mut self, world: &World, key: &Key, now: i64, begins: &mut Begins) -> Vec<Change> {
        match key {
            Key::Task(arn) => {
                let Some(task) = world.tasks.get(arn) else {
                    self.timers.set(key, None);
                    return Vec::new();
                };
                let Some(spec) = world.revisions.get(&task.task_definition_arn).map(|r| r.spec.clone()) else {
                    return Vec::new();
                };
                let decision = task::decide(world, task, &spec, now);
                self.timers.set(key, decision.look_again_at);
                let stored = decision.changes.iter().find_map(|c| match c {
                    Change::Task(t) => Some(Arc::new(t.clone())),
                    _ => None,
                });
                let task = stored.unwrap_or_else(|| task.clone());
                let begin = |action| Begin { action, task: task.clone(), spec: spec.clone() };
                begins.tasks.extend(decision.actions.into_iter().map(begin));
                decision.changes
            }
            Key::Service(arn) => {
                let Some(service) = world.services.get(arn) else {
                    self.timers.set(key, None);
                    return Vec::new();
                };
                let mut ids = Ids::new(seed());
                let region = arn.split(':').nth(3).unwrap_or_default();
                let decision = service::decide(world, &mut self.circumstances(now, region, &mut ids), service);
                self.timers.set(key, decision.look_again_at);
                decision.changes
            }
            Key::Record(record) => {
                begins.letters.extend(letter::due(world, record, now));
                begins.orders.extend(work::due(world, record));
                let mut ids = Ids::new(seed());
                let mut cx = self.circumstances(now, &record.region, &mut ids);
                let decision = platform_core::decide_record(world, &mut cx, record);
                self.timers.set(key, decision.look_again_at);
                decision.changes
            }
            Key::Target(target_key) => {
                let decided = world.targets.get(target_key).map(|t| target::decide(world, t, now));
                let (change, at) = decided.unwrap_or_default();
                self.timers.set(key, at);
                change.into_iter().collect()
            }
            Key::Revision(arn) => {
                let decided = world.revisions.get(arn).map(|r| revision::decide(world, r, now));
                let (change, at) = decided.unwrap_or_default();
                self.timers.set(key, at);
                change.into_iter().collect()
            }
            Key::Routes => {
                self.routes.apply(world);
                Vec::new()
            }
        }
    }

    /// Returns the circumstances of the driver's own decision, which has no caller.
    fn circumstances<'a>(&'a self, now: i64, region: &'a str, ids: &'a mut Ids) -> Cx<'a> {
        let LiveWorld { account, architecture, .. } = &*self.inner;
        Cx { now, region, account, access_key: "", architecture: *architecture, ids }
    }

    /// Begins to write a letter, unless it is being written.
    fn post(&mut self, letter: Letter) {
        if !self.posting.insert(letter.delivery.clone()) {
            return;
        }
        match &self.outlet {
            Some(outlet) => outlet.post(letter),
            None => {
                let refused = Some(AwsError::new("ResourceNotFoundException", "there are no log groups here"));
                self.unsaved.push(Fact::Posted { delivery: letter.delivery, refused });
                self.inner.wake.notify_one();
            }
        }
    }

    /// Passes a database's work on, once for each turn.
    fn order(&mut self, order: work::Order) {
        if self.ordered.insert(order.record.clone(), order.turn) == Some(order.turn) {
            return;
        }
        match &self.databases {
            Some(databases) => databases.begin(order),
            None => {
                let told = Told::Done(Facts::default());
                self.unsaved.push(Fact::Database { record: order.record, turn: Some(order.turn), told });
                self.inner.wake.notify_one();
            }
        }
    }

    /// Takes in what happened, all that waits, in one commit.
    async fn absorb(&mut self) {
        while let Ok(more) = self.facts.try_recv() {
            self.unsaved.push(more);
        }
        if self.unsaved.is_empty() || self.paused_until().is_some() {
            return;
        }
        let facts = std::mem::take(&mut self.unsaved);
        match self.take_in(&facts).await {
            Ok(()) => self.pause = Backoff::default(),
            Err(error) if error.is_lasting() => self.absorb_one_by_one(facts).await,
            Err(_) => {
                self.unsaved = facts;
                self.wait_for_store();
            }
        }
    }

    /// Finds out which fact is refused, so that it holds up no other.
    async fn absorb_one_by_one(&mut self, facts: Vec<Fact>) {
        let mut facts = facts.into_iter();
        while let Some(fact) = facts.next() {
            match self.take_in(std::slice::from_ref(&fact)).await {
                Ok(()) => {}
                Err(error) if error.is_lasting() => self.give_up(&fact, &error).await,
                Err(_) => {
                    self.unsaved = std::iter::once(fact).chain(facts).collect();
                    return self.wait_for_store();
                }
            }
        }
    }

    /// Gives the world an event that it can keep instead of a fact that the store refuses. That event ends
    /// the action, so that it is not begun again for ever.
    async fn give_up(&mut self, fact: &Fact, error: &StoreError) {
        let why = chain(error);
        let Fact::Task { arn, event } = fact else {
            return tracing::error!(error = why, "a fact is refused by the store and was dropped");
        };
        let (failures, at) = self.untold.failed(arn, self.inner.clock.now());
        let told = event.refused(&why).map(|event| Fact::Task { arn: arn.clone(), event });
        if let Some(told) = told
            && self.take_in(std::slice::from_ref(&told)).await.is_ok()
        {
            return tracing::error!(
                task = arn,
                error = why,
                "what happened to a task is refused by the store, the task stops"
            );
        }
        self.timers.set(&Key::Task(arn.clone()), Some(at));
        if failures == 1 {
            tracing::error!(
                task = arn,
                error = why,
                "nothing that happens to a task can be stored; it is left alone ever longer"
            );
        }
    }

    /// Stores and applies what follows from these facts.
    async fn take_in(&mut self, facts: &[Fact]) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let commit = {
            let mut world = inner.world.write();
            let now = inner.clock.now();
            let mut changes = Vec::new();
            for fact in facts {
                for change in self.learn(&world, fact, now) {
                    changes.extend(self.inner.apply(&mut world, change));
                }
            }
            (!changes.is_empty()).then(|| self.inner.store.submit(batch_of(&changes)))
        };
        let Some(commit) = commit else { return Ok(()) };
        self.inner.settle(commit).await?;
        if !self.untold.is_empty() {
            for fact in facts {
                if let Fact::Task { arn, .. } = fact {
                    self.untold.well(arn);
                }
            }
            let world = self.inner.world.read();
            self.untold.retain(|arn| world.tasks.contains_key(arn));
        }
        Ok(())
    }

    fn learn(&mut self, world: &World, fact: &Fact, now: i64) -> Vec<Change> {
        match fact {
            Fact::Task { arn, event } => {
                self.note_end(arn, event);
                let Some(task) = world.tasks.get(arn) else { return Vec::new() };
                let Some(revision) = world.revisions.get(&task.task_definition_arn) else { return Vec::new() };
                let next: Task = task::absorb(task, &revision.spec, event, now);
                // Even an event that changes nothing may have ended an action that must be begun again.
                self.inner.dirty.lock().insert(Key::Task(arn.clone()));
                if next == **task { Vec::new() } else { vec![Change::Task(next)] }
            }
            Fact::TargetHealth { key, state, reason, description } => {
                let words = |text: &Option<String>| text.as_deref().map(task::cut);
                elb::absorb_health(world, key, *state, words(reason), words(description))
            }
            Fact::Posted { delivery, refused } => {
                self.posting.remove(delivery);
                letter::posted(world, delivery, refused.as_ref(), now)
            }
            Fact::Database { record, turn, told } => {
                let mut ids = Ids::new(seed());
                let mut cx = self.circumstances(now, &record.region, &mut ids);
                work::told(world, &mut cx, record, *turn, told.clone())
            }
            Fact::TargetDrained(key) => target::drained(world, key).into_iter().collect(),
            Fact::Listener { arn, fault } => {
                let fault = fault.as_deref().map(task::cut);
                match world.listeners.get(arn) {
                    Some(listener) if listener.fault != fault => {
                        vec![Change::Listener(Listener { fault, ..(**listener).clone() })]
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    fn note_end(&mut self, arn: &str, event: &Event) {
        if let Some(action) = event.completes() {
            self.under_way.remove(&(arn.to_owned(), action));
        }
        match event {
            Event::Exited { container, .. } => {
                for action in [Action::Terminate(container.clone()), Action::Kill(container.clone())] {
                    self.under_way.remove(&(arn.to_owned(), action));
                }
            }
            Event::TornDown | Event::Lost(_) => self.under_way.retain(|(of, _)| of != arn),
            _ => {}
        }
    }

    async fn reset(&mut self) -> Result<(), StoreError> {
        match self.empty_world().await {
            // A disk that has not even room for deleting: what runs goes first, and its room with it.
            Err(error) if error.is_full() => {
                self.engine.reset().await;
                self.empty_world().await?;
            }
            done => done?,
        }
        self.timers.clear();
        self.under_way.clear();
        self.posting.clear();
        self.ordered.clear();
        self.unsaved.clear();
        self.inner.clock.put_back();
        (self.pause, self.refused, self.untold) = Default::default();
        self.routes.apply(&self.inner.world.read());
        self.engine.reset().await;
        if let Some(databases) = &self.databases {
            databases.reset().await;
        }
        while self.facts.try_recv().is_ok() {}
        Ok(())
    }

    async fn empty_world(&self) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.with(Box::new(|transaction| {
            for table in Table::ALL {
                transaction.execute("DELETE FROM documents WHERE tbl = ?1", [table.name()])?;
            }
            Ok(())
        }));
        let commit = {
            let mut world = self.inner.world.write();
            *world = World::default();
            self.inner.dirty.lock().clear();
            self.inner.store.submit(batch)
        };
        self.inner.settle(commit).await
    }
}

/// What is begun once the decisions that it follows from are durable.
#[derive(Default)]
struct Begins {
    tasks: Vec<Begin>,
    letters: Vec<Letter>,
    orders: Vec<work::Order>,
}

/// Returns the keys whose decision looks at one of `keys`, themselves included: a task's service, a
/// target's task and its service, a service's scalable target. Routes come last, so that they are applied once.
fn around(world: &World, keys: BTreeSet<Key>) -> BTreeSet<Key> {
    let mut all = BTreeSet::new();
    for key in keys {
        match &key {
            Key::Task(arn) => with_service(world, arn, &mut all),
            Key::Target(target) => {
                if let Some(arn) = world.task_of_address.get(&target.id) {
                    all.insert(Key::Task(arn.clone()));
                    with_service(world, arn, &mut all);
                }
                all.insert(Key::Routes);
            }
            Key::Service(arn) => with_target_of_scaling(world, arn, &mut all),
            Key::Revision(_) | Key::Record(_) | Key::Routes => {}
        }
        all.insert(key);
    }
    all
}

fn with_service(world: &World, task: &str, keys: &mut BTreeSet<Key>) {
    if let Some(service) = world.tasks.get(task).and_then(|t| t.service_arn.clone()) {
        with_target_of_scaling(world, &service, keys);
        keys.insert(Key::Service(service));
    }
}

fn with_target_of_scaling(world: &World, service: &str, keys: &mut BTreeSet<Key>) {
    let target = world.services.get(service).map(|service| platform_core::scaling::key_of(service));
    keys.extend(target.filter(|target| world.records.has(target)).map(Key::Record));
}
