//! The platform without I/O: operations, decisions and rows as in production, time jumped over.

use std::collections::BTreeMap;

use aws_model::{AwsError, Millis, check};
use platform_core::world::{DesiredStatus, Key, Service, Table, Task};
use platform_core::{Change, Cx, Ids, Kind, TABLES, World, elb, revision, service, target, task};
use serde_json::Value;

use crate::fixtures::{ACCOUNT, REGION, SERVICE};
use crate::host::{Happening, Host};
use crate::transcript::Transcript;

/// A platform, its store and its host.
pub struct Stage {
    /// What the platform knows.
    pub world: World,
    /// What is stored: every change's row.
    rows: BTreeMap<(&'static str, String), (Table, Vec<u8>)>,
    /// The machine below.
    pub host: Host,
    /// The virtual time, in milliseconds.
    pub now: Millis,
    ids: Ids,
    alive: bool,
    transcript: Transcript,
    /// Called around each of the service's decisions, with the world before and its changes.
    #[expect(clippy::type_complexity, reason = "named nowhere else")]
    pub watch: Option<Box<dyn FnMut(&World, &Service, &[Change], Millis)>>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            world: World::default(),
            rows: BTreeMap::new(),
            host: Host::default(),
            now: 0,
            ids: Ids::new(3),
            alive: true,
            transcript: Transcript::default(),
            watch: None,
        }
    }
}

impl Stage {
    /// Stores a change and applies it, as the store would give it back.
    pub fn apply(&mut self, change: Change) -> Option<Key> {
        let (table, key, body) = change.row();
        match body {
            Some(body) => {
                let read = table.read(&key, &body).expect("what was written can be read");
                assert_eq!(read, change, "storing loses something");
                self.rows.insert((table.name(), key), (table, body));
            }
            None => drop(self.rows.remove(&(table.name(), key))),
        }
        self.transcript.tell(&self.world, &change, self.now);
        let target = match &change {
            Change::Target(target) => Some(target.clone()),
            _ => None,
        };
        let before = target.as_ref().and_then(|t| self.world.targets.get(&t.key)).map(|t| t.state);
        let due = self.world.apply(change);
        if let Some(target) = target.filter(|t| before != Some(t.state)) {
            let task =
                self.world.task_of_address.get(&target.key.id).and_then(|arn| self.world.tasks.get(arn)).cloned();
            self.host.watch(&target, task.as_deref(), self.now);
        }
        due
    }

    /// Calls an ECS operation.
    ///
    /// # Errors
    /// Whatever it refuses.
    pub fn call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.call_of(aws_model::Service::Ecs, operation, input)
    }

    /// Calls an operation of a service whose truth is the world.
    ///
    /// # Errors
    /// Whatever it refuses.
    pub fn call_of(&mut self, service: aws_model::Service, operation: &str, input: Value) -> Result<Value, AwsError> {
        let mut input = input.as_object().cloned().unwrap_or_default();
        let described = service.model().operation(operation).expect("a test calls what the service has");
        check::admit(described, &mut input)?;
        let rows = TABLES.iter().filter(|(of, _)| *of == service).flat_map(|(_, table)| table.iter());
        let row = rows.into_iter().find(|o| o.name == operation).expect("a test calls what there is");
        let mut cx = Cx {
            now: self.now,
            region: REGION,
            account: ACCOUNT,
            access_key: "",
            architecture: Some("X86_64"),
            ids: &mut self.ids,
        };
        match row.kind {
            Kind::Read(read) => read(&self.world, &cx, &input),
            Kind::Write(write) => {
                let outcome = write(&self.world, &mut cx, input)?;
                for change in outcome.changes {
                    self.apply(change);
                }
                Ok(outcome.reply)
            }
        }
    }

    /// Returns the one service as the world has it now.
    pub fn service(&self) -> Service {
        (*self.world.services[SERVICE]).clone()
    }

    /// Returns the service's tasks that are wanted, oldest first.
    pub fn wanted(&self) -> Vec<std::sync::Arc<Task>> {
        let tasks = self.world.service_tasks(SERVICE).filter(|t| t.desired_status == DesiredStatus::Running);
        let mut tasks: Vec<_> = tasks.cloned().collect();
        tasks.sort_by(|a, b| (a.created_at, &a.arn).cmp(&(b.created_at, &b.arn)));
        tasks
    }

    /// Returns a task by the name it has in the transcript.
    pub fn task_named(&self, name: &str) -> Option<std::sync::Arc<Task>> {
        self.world.tasks.values().find(|t| self.transcript.task_name(&t.arn) == Some(name)).cloned()
    }

    /// Takes in what has happened, then decides once for all; returns whether anything moved, and when to
    /// look again.
    pub fn round(&mut self) -> (bool, Option<Millis>) {
        let mut moved = self.hear();
        let mut look = None;
        for arn in self.world.tasks.keys().cloned().collect::<Vec<_>>() {
            let task = self.world.tasks[&arn].clone();
            let Some(revision) = self.world.revisions.get(&task.task_definition_arn).cloned() else { continue };
            let decision = task::decide(&self.world, &task, &revision.spec, self.now);
            look = earliest(look, decision.look_again_at);
            moved |= self.take(decision.changes);
            let Some(task) = self.world.tasks.get(&arn).cloned() else { continue };
            for action in &decision.actions {
                if self.host.begin(&task, action, self.now) {
                    moved = true;
                    self.transcript.tell_action(&task, action, self.now);
                }
            }
        }
        for key in self.world.targets.keys().cloned().collect::<Vec<_>>() {
            let (change, at) = target::decide(&self.world, &self.world.targets[&key], self.now);
            look = earliest(look, at);
            moved |= self.take(change.into_iter().collect());
        }
        for arn in self.world.revisions.keys().cloned().collect::<Vec<_>>() {
            let (change, at) = revision::decide(&self.world, &self.world.revisions[&arn], self.now);
            look = earliest(look, at);
            moved |= self.take(change.into_iter().collect());
        }
        for arn in self.world.services.keys().cloned().collect::<Vec<_>>() {
            let decided = self.world.services[&arn].clone();
            let mut cx = Cx {
                now: self.now,
                region: REGION,
                account: ACCOUNT,
                access_key: "",
                architecture: Some("X86_64"),
                ids: &mut self.ids,
            };
            let decision = service::decide(&self.world, &mut cx, &decided);
            look = earliest(look, decision.look_again_at);
            if let Some(watch) = &mut self.watch {
                watch(&self.world, &decided, &decision.changes, self.now);
            }
            moved |= self.take(decision.changes);
        }
        (moved, look)
    }

    fn take(&mut self, changes: Vec<Change>) -> bool {
        let moved = !changes.is_empty();
        for change in changes {
            self.apply(change);
        }
        moved
    }

    fn hear(&mut self) -> bool {
        let mut heard = false;
        while let Some(what) = self.host.take(self.now) {
            heard = true;
            let changes = match what {
                Happening::Task(arn, event) => {
                    let Some(task) = self.world.tasks.get(&arn) else { continue };
                    let Some(revision) = self.world.revisions.get(&task.task_definition_arn) else { continue };
                    let next = task::absorb(task, &revision.spec, &event, self.now);
                    if next == **task { Vec::new() } else { vec![Change::Task(next)] }
                }
                Happening::Health(key, state) => elb::absorb_health(&self.world, &key, state, None, None),
                Happening::Drained(key) => target::drained(&self.world, &key).into_iter().collect(),
            };
            self.take(changes);
        }
        heard
    }

    /// Lets time pass; the platform decides as long as it lives.
    pub fn run(&mut self, time: Millis) {
        let end = self.now + time;
        while self.alive {
            let (moved, look) = self.round();
            if moved {
                continue;
            }
            match earliest(look, self.host.next()).filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now + 1),
                None => break,
            }
        }
        self.now = end;
    }

    /// Kills the platform: nothing decides until [`Stage::restart`].
    pub fn kill(&mut self) {
        self.alive = false;
        self.host.platform_died();
    }

    /// Starts the platform on what was stored.
    pub fn restart(&mut self) {
        self.kill();
        self.alive = true;
        let mut world = World::default();
        for wanted in Table::ALL {
            for ((_, key), (table, body)) in self.rows.iter().filter(|(_, (table, _))| *table == wanted) {
                world.apply(table.read(key, body).expect("what was stored can be read"));
            }
        }
        self.world = world;
        for target in self.world.targets.values().cloned().collect::<Vec<_>>() {
            let task =
                self.world.task_of_address.get(&target.key.id).and_then(|arn| self.world.tasks.get(arn)).cloned();
            self.host.watch(&target, task.as_deref(), self.now);
        }
    }

    /// Writes a line of what an operator does.
    pub fn say(&mut self, line: &str) {
        self.transcript.say(line, self.now);
    }

    /// Returns what happened so far.
    pub fn transcript(&self) -> String {
        self.transcript.text()
    }
}

fn earliest(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
