//! An account that tests call: a world of its own, a clock that they set, names that can be read again.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use aws_model::Service;
use serde_json::Value;

use crate::world::Key;
use crate::{Change, Cx, Ids, Kind, Operation, RecordKey, TABLES, World, decide_record, events};

/// When its clock begins.
pub(crate) const NOW: i64 = 1_700_000_000_000;
/// Its number.
const OWN: &str = "123456789012";

pub(crate) struct Account {
    pub(crate) world: World,
    pub(crate) now: i64,
    pub(crate) region: &'static str,
    /// The access key of the caller.
    pub(crate) key: String,
    ids: Ids,
    /// Records whose decision is due, and when.
    due: BTreeSet<(i64, RecordKey)>,
}

fn circumstances<'a>(now: i64, region: &'a str, access_key: &'a str, ids: &'a mut Ids) -> Cx<'a> {
    Cx { now, region, account: OWN, access_key, architecture: None, ids }
}

impl Account {
    pub(crate) fn new() -> Self {
        Self {
            world: World::default(),
            now: NOW,
            region: "us-east-1",
            key: "test".into(),
            ids: Ids::new(7),
            due: BTreeSet::new(),
        }
    }

    /// Calls an operation; answers what is answered, or `CODE: message`. Of several of one name the last service's.
    pub(crate) fn call(&mut self, name: &str, input: Value) -> Result<Value, String> {
        let rows = TABLES.iter().flat_map(|(_, table)| table.iter()).rev();
        // Its table is behind a door of its own, which makes alarms.
        let mut rows = rows.chain(crate::scaling::OPERATIONS);
        self.call_row(rows.find(|row| row.name == name).unwrap_or_else(|| panic!("there is no {name}")), input)
    }

    /// Calls an operation of a service that shares its name with another one's.
    pub(crate) fn call_of(&mut self, service: Service, name: &str, input: Value) -> Result<Value, String> {
        let rows = TABLES.iter().filter(|(of, _)| *of == service).flat_map(|(_, table)| table.iter());
        let mut rows = rows.filter(|row| row.name == name);
        self.call_row(rows.next().unwrap_or_else(|| panic!("there is no {name}")), input)
    }

    fn call_row(&mut self, row: &'static Operation, input: Value) -> Result<Value, String> {
        let Value::Object(input) = input else { panic!("no document") };
        let mut changes = Vec::new();
        let mut cx = circumstances(self.now, self.region, &self.key, &mut self.ids);
        let answered = match row.kind {
            Kind::Read(read) => read(&self.world, &cx, &input),
            Kind::Write(write) => write(&self.world, &mut cx, input).map(|outcome| {
                changes = outcome.changes;
                outcome.reply
            }),
        };
        changes.into_iter().for_each(|change| self.apply(change));
        answered.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    /// Takes a decision of the platform's own, and applies it.
    pub(crate) fn decide(&mut self, decide: impl FnOnce(&World, &mut Cx<'_>) -> Vec<Change>) -> usize {
        let changes = decide(&self.world, &mut circumstances(self.now, self.region, "", &mut self.ids));
        let count = changes.len();
        changes.into_iter().for_each(|change| self.apply(change));
        count
    }

    /// Makes the world different, and publishes what follows, as the orchestrator does.
    pub(crate) fn apply(&mut self, change: Change) {
        let follows = events::published::follows(&self.world, &change, self.now, OWN, &mut self.ids);
        if let Some(Key::Record(key)) = self.world.apply(change) {
            self.due.insert((self.now, key));
        }
        follows.into_iter().for_each(|change| self.apply(change));
    }

    /// Decides over records until a time, each at its own, as the orchestrator does.
    pub(crate) fn run_to(&mut self, until: i64) {
        while let Some((at, key)) = self.due.pop_first() {
            if at > until {
                self.due.insert((at, key));
                break;
            }
            self.now = self.now.max(at);
            let mut cx = circumstances(self.now, self.region, "", &mut self.ids);
            let decision = decide_record(&self.world, &mut cx, &key);
            self.due.retain(|(_, other)| *other != key);
            self.due.extend(decision.look_again_at.map(|at| (at, key)));
            decision.changes.into_iter().for_each(|change| self.apply(change));
        }
        self.now = until;
    }

    /// Calls an operation that must be refused.
    pub(crate) fn refused(&mut self, name: &str, input: Value) -> String {
        self.call(name, input).expect_err(name)
    }
}
