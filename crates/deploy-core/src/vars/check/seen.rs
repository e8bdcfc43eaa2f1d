//! What the world answered, as far as variables depend on it. Names only: no value is in here, but for
//! the plain ones of task definitions, which all who may describe them can read.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;

use crate::lint::secret::SecretRef;

/// What is known; what was not looked at is not in here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// What is known of each stage.
    pub stages: BTreeMap<String, StageSeen>,
    /// What is known of sources that task definitions name.
    pub sources: BTreeMap<Source, SourceSeen>,
}

/// What is known of a stage.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StageSeen {
    /// Keys of the stage's JSON secret; none if they were not looked at.
    pub keys: Option<Keys>,
    /// Keys of its `secrets-file`; none if there is no such file.
    pub file: Option<BTreeSet<String>>,
    /// Whether that file is in the repository: everyone who has that can read it, and its history keeps it.
    pub is_tracked: bool,
    /// Task definitions that run, by the name of the service or schedule in the manifest.
    pub live: BTreeMap<String, Document>,
}

/// Keys of a stage's JSON secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// There is no such secret.
    Absent,
    /// These have a value.
    These(BTreeSet<String>),
}

/// Something that values come from, without a key of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A secret of Secrets Manager.
    Secret {
        /// Its ARN.
        arn: String,
        /// Where it is.
        region: String,
    },
    /// A parameter of Systems Manager.
    Parameter {
        /// Its name.
        name: String,
        /// Where it is; none is the stage's region.
        region: Option<String>,
    },
}

/// What is known of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSeen {
    /// It is not there.
    Absent,
    /// It is there; its keys were not looked at, or it has none.
    There,
    /// It is there with these keys.
    Keys(BTreeSet<String>),
}

impl Source {
    /// Reads the text of `valueFrom`; the key comes beside it if one of the newest version is meant.
    pub(super) fn read(value_from: &str) -> Option<(Self, Option<String>)> {
        Some(match SecretRef::parse(value_from)? {
            SecretRef::Secret { arn, region, key, is_current } => {
                (Self::Secret { arn, region }, key.filter(|_| is_current))
            }
            SecretRef::Parameter { name, region } => (Self::Parameter { name, region }, None),
        })
    }
}

impl StageSeen {
    /// Returns whether a key is known to have a value in the stage's secret.
    pub(super) fn has_value(&self, key: &str) -> bool {
        matches!(&self.keys, Some(Keys::These(keys)) if keys.contains(key))
    }
}
