//! Things of services that are kept as documents: most of what AWS has is described, tagged and deleted, and nothing
//! decides over it again and again. A few kinds are watched by the loop ([`crate::WATCHERS`]); what it always watches
//! (tasks, services, targets) has types of its own.
//!
//! A kind of record is a type with a [`Record`] implementation; adding one adds no variant anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Change;

/// A kind of thing that is kept as a document.
pub trait Record: Serialize + DeserializeOwned {
    /// Where its rows are, e.g. `ec2.subnets`. Once released, never changed.
    const TABLE: &'static str;

    /// Returns the region that it is in; empty for what is the same everywhere (IAM, Route 53).
    fn region(&self) -> &str;

    /// Returns its name among its kind in its region.
    fn id(&self) -> &str;
}

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// Its kind.
    pub table: String,
    /// Its region.
    pub region: String,
    /// Its name.
    pub id: String,
}

impl RecordKey {
    /// Returns the key of a record of a kind.
    pub fn of<R: Record>(region: &str, id: &str) -> Self {
        Self { table: R::TABLE.to_owned(), region: region.to_owned(), id: id.to_owned() }
    }

    /// Returns the row's key in the store. Tables and regions have no bar in their names.
    pub(super) fn row(&self) -> String {
        format!("{}|{}|{}", self.table, self.region, self.id)
    }

    /// Reads a row's key.
    pub(super) fn parse(row: &str) -> Option<Self> {
        let mut parts = row.splitn(3, '|');
        let mut next = || parts.next().map(str::to_owned);
        Some(Self { table: next()?, region: next()?, id: next()? })
    }
}

/// Every record of the world.
#[derive(Debug, Default, Clone)]
pub struct Records {
    rows: BTreeMap<RecordKey, Arc<Value>>,
}

impl Records {
    /// Returns whether there is such a record.
    pub fn has(&self, key: &RecordKey) -> bool {
        self.rows.contains_key(key)
    }

    /// Returns every record's key, whatever its kind.
    pub fn keys(&self) -> impl Iterator<Item = &RecordKey> {
        self.rows.keys()
    }

    /// Returns a record.
    pub fn get<R: Record>(&self, region: &str, id: &str) -> Option<R> {
        read(self.rows.get(&RecordKey::of::<R>(region, id))?)
    }

    /// Returns the records of a kind in a region, by id.
    pub fn all<'r, R: Record + 'r>(&'r self, region: &str) -> impl Iterator<Item = R> + use<'r, R> {
        let from = RecordKey::of::<R>(region, "");
        let region = region.to_owned();
        let is_of = move |key: &RecordKey| key.table == R::TABLE && key.region == region;
        self.rows.range(from..).take_while(move |(key, _)| is_of(key)).filter_map(|(_, body)| read(body))
    }

    /// Returns the records of a kind in a region whose ids begin with a prefix, by id.
    pub fn under<'r, R: Record + 'r>(&'r self, region: &str, prefix: &str) -> impl Iterator<Item = R> + use<'r, R> {
        let from = RecordKey::of::<R>(region, prefix);
        let (region, prefix) = (region.to_owned(), prefix.to_owned());
        let is_of = move |key: &RecordKey| key.table == R::TABLE && key.region == region && key.id.starts_with(&prefix);
        self.rows.range(from..).take_while(move |(key, _)| is_of(key)).filter_map(|(_, body)| read(body))
    }

    /// Returns the records of a kind in all regions.
    pub fn everywhere<'r, R: Record + 'r>(&'r self) -> impl Iterator<Item = R> + use<'r, R> {
        let from = RecordKey { table: R::TABLE.to_owned(), region: String::new(), id: String::new() };
        self.rows.range(from..).take_while(|(key, _)| key.table == R::TABLE).filter_map(|(_, body)| read(body))
    }

    pub(super) fn put(&mut self, key: RecordKey, body: Value) {
        self.rows.insert(key, Arc::new(body));
    }

    pub(super) fn forget(&mut self, key: &RecordKey) {
        self.rows.remove(key);
    }
}

/// A row that its type cannot read is as good as none: types only gain members, with defaults.
fn read<R: Record>(body: &Value) -> Option<R> {
    R::deserialize(body).ok()
}

impl Change {
    /// Puts a record.
    pub fn put<R: Record>(record: &R) -> Self {
        let body = serde_json::to_value(record).expect("records have string keys and no failing serialisers");
        Self::Record(RecordKey::of::<R>(record.region(), record.id()), body)
    }

    /// Deletes a record; one that is not there is no error.
    pub fn remove<R: Record>(region: &str, id: &str) -> Self {
        Self::ForgetRecord(RecordKey::of::<R>(region, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use crate::world::Table;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Thing {
        region: String,
        id: String,
        size: u32,
    }

    impl Record for Thing {
        const TABLE: &'static str = "test.things";

        fn region(&self) -> &str {
            &self.region
        }

        fn id(&self) -> &str {
            &self.id
        }
    }

    fn thing(region: &str, id: &str, size: u32) -> Thing {
        Thing { region: region.into(), id: id.into(), size }
    }

    #[test]
    fn records_are_put_found_stored_read_back_and_forgotten() {
        let mut world = World::default();
        for one in [thing("us-east-1", "b", 1), thing("us-east-1", "a|b", 2), thing("eu-west-1", "a", 3)] {
            let change = Change::put(&one);
            let (table, key, body) = change.row();
            assert_eq!(table, Table::Records);
            assert_eq!(table.read(&key, &body.unwrap()).unwrap(), change);
            world.apply(change);
        }
        let ids: Vec<String> = world.records.all::<Thing>("us-east-1").map(|thing| thing.id).collect();
        assert_eq!(ids, ["a|b", "b"]);
        assert_eq!(world.records.get::<Thing>("eu-west-1", "a"), Some(thing("eu-west-1", "a", 3)));
        assert_eq!(world.records.everywhere::<Thing>().count(), 3);
        let under = |prefix: &str| world.records.under::<Thing>("us-east-1", prefix).map(|thing| thing.id).collect();
        let (a, none): (Vec<String>, Vec<String>) = (under("a|"), under("ab"));
        assert_eq!((a, none), (vec!["a|b".to_owned()], vec![]));
        world.apply(Change::remove::<Thing>("eu-west-1", "a"));
        assert_eq!(world.records.get::<Thing>("eu-west-1", "a"), None);
    }
}
