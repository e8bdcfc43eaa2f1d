//! Groups and streams in memory: what is looked up on every append, and listed.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};
use store::Store;

use crate::error::LogsError;
use crate::records::Records;

/// What a group carries besides name and retention; stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extra {
    pub(crate) class: Option<String>,
    pub(crate) kms_key_id: Option<String>,
    #[serde(default)]
    pub(crate) protected: bool,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A group, as listed.
#[derive(Debug, Clone)]
pub struct GroupView {
    /// Name.
    pub name: String,
    /// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, without the `:*` of the older form.
    pub arn: String,
    /// When it was created.
    pub created: Millis,
    /// Days that events are kept; forever when there are none.
    pub retention: Option<i64>,
    /// Class; `STANDARD` unless another was asked for.
    pub class: String,
    /// Key that the caller named; kept and returned.
    pub kms_key_id: Option<String>,
    /// Whether it may not be deleted.
    pub protected: bool,
    /// How many metric filters it has.
    pub metric_filters: usize,
}

/// A stream, as listed.
#[derive(Debug, Clone)]
pub struct StreamView {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// When it was created.
    pub created: Millis,
    /// Time of its earliest event.
    pub first_event: Option<Millis>,
    /// Time of its latest event.
    pub last_event: Option<Millis>,
    /// When events last arrived.
    pub last_ingestion: Option<Millis>,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: i64,
    pub(crate) created: Millis,
    pub(crate) retention: Option<i64>,
    pub(crate) extra: Extra,
    pub(crate) streams: BTreeMap<String, Stream>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) id: i64,
    pub(crate) created: Millis,
    pub(crate) first_event: Option<Millis>,
    pub(crate) last_event: Option<Millis>,
    pub(crate) last_ingestion: Option<Millis>,
}

/// Region and name.
pub(crate) type GroupKey = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) groups: BTreeMap<GroupKey, Group>,
    pub(crate) records: Records,
    next_group: i64,
    next_stream: i64,
}

impl Index {
    pub(crate) fn load(store: &Store) -> Result<Self, LogsError> {
        let (groups, streams, next_group, next_stream) = store.query(|c| {
            let groups: Vec<(GroupKey, Group)> = c
                .prepare("SELECT id, region, name, created, retention, extra FROM log_groups")?
                .query_map([], |row| {
                    let extra: String = row.get(5)?;
                    let group = Group {
                        id: row.get(0)?,
                        created: row.get(3)?,
                        retention: row.get(4)?,
                        extra: serde_json::from_str(&extra).unwrap_or_default(),
                        streams: BTreeMap::new(),
                    };
                    Ok(((row.get(1)?, row.get(2)?), group))
                })?
                .collect::<Result<_, _>>()?;
            let streams: Vec<(i64, String, Stream)> = c
                .prepare(
                    "SELECT group_id, name, id, created, first_event, last_event, last_ingestion FROM log_streams",
                )?
                .query_map([], |row| {
                    let stream = Stream {
                        id: row.get(2)?,
                        created: row.get(3)?,
                        first_event: row.get(4)?,
                        last_event: row.get(5)?,
                        last_ingestion: row.get(6)?,
                    };
                    Ok((row.get(0)?, row.get(1)?, stream))
                })?
                .collect::<Result<_, _>>()?;
            // Above what events still name too: an identifier must not meet a dead stream's events.
            let next = |sql: &str| c.query_row(sql, [], |row| row.get::<_, i64>(0));
            let next_group = next(
                "SELECT 1 + max(coalesce((SELECT max(id) FROM log_groups), 0), \
                 coalesce((SELECT max(group_id) FROM log_events), 0))",
            )?;
            let next_stream = next(
                "SELECT 1 + max(coalesce((SELECT max(id) FROM log_streams), 0), \
                 coalesce((SELECT max(stream_id) FROM log_events), 0))",
            )?;
            Ok((groups, streams, next_group, next_stream))
        })?;
        let keys: BTreeMap<i64, GroupKey> = groups.iter().map(|(key, group)| (group.id, key.clone())).collect();
        let mut index =
            Self { groups: groups.into_iter().collect(), records: Records::load(store)?, next_group, next_stream };
        for (group_id, name, stream) in streams {
            if let Some(group) = keys.get(&group_id).and_then(|key| index.groups.get_mut(key)) {
                group.streams.insert(name, stream);
            }
        }
        Ok(index)
    }

    pub(crate) fn group(&self, region: &str, name: &str) -> Result<&Group, LogsError> {
        self.groups.get(&(region.to_owned(), name.to_owned())).ok_or(LogsError::NoGroup)
    }

    pub(crate) fn group_mut(&mut self, region: &str, name: &str) -> Result<&mut Group, LogsError> {
        self.groups.get_mut(&(region.to_owned(), name.to_owned())).ok_or(LogsError::NoGroup)
    }

    pub(crate) fn next_group(&mut self) -> i64 {
        self.next_group = self.next_group.max(1) + 1;
        self.next_group - 1
    }

    pub(crate) fn next_stream(&mut self) -> i64 {
        self.next_stream = self.next_stream.max(1) + 1;
        self.next_stream - 1
    }

    /// Forgets all groups; identifiers go on from where they are.
    pub(crate) fn clear(&mut self) {
        self.groups.clear();
        self.records = Records::default();
    }
}

impl Group {
    pub(crate) fn stream(&self, name: &str) -> Result<&Stream, LogsError> {
        self.streams.get(name).ok_or(LogsError::NoStream)
    }
}

impl Stream {
    /// Notes that events between two times arrived.
    pub(crate) fn received(&mut self, first: Millis, last: Millis, now: Millis) {
        self.first_event = Some(self.first_event.map_or(first, |at| at.min(first)));
        self.last_event = Some(self.last_event.map_or(last, |at| at.max(last)));
        self.last_ingestion = Some(now);
    }
}
