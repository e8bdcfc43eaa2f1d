//! What is known of a secret, its value apart.

use std::fmt;
use std::sync::Arc;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

/// A secret and its versions, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secret {
    /// Full ARN, six random characters at its end.
    pub arn: String,
    /// Region that it lives in.
    pub region: String,
    /// Name, unique in its region.
    pub name: String,
    /// Description, if one was given.
    pub description: Option<String>,
    /// The key that the caller named; kept and returned, the platform seals with its own.
    pub kms_key_id: Option<String>,
    /// When it was created.
    pub created: Millis,
    /// When anything of it last changed.
    pub changed: Millis,
    /// Day on which a value was last read, as AWS keeps it.
    pub accessed: Option<Millis>,
    /// When it was marked for deletion.
    pub deleted: Option<Millis>,
    /// When its recovery window ends, if it is marked for deletion.
    pub gone_at: Option<Millis>,
    /// Tags, in the order they were given.
    pub tags: Vec<Tag>,
    /// Resource policy: stored and returned, not enforced.
    pub policy: Option<String>,
    /// Versions, oldest first.
    pub versions: Vec<Version>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// One version of a secret's value.
#[derive(Clone, Serialize, Deserialize)]
pub struct Version {
    /// Identifier: the request's token.
    pub id: String,
    /// When it was created.
    pub created: Millis,
    /// Staging labels attached to it; none means deprecated.
    pub stages: Vec<String>,
    /// Whether the value is bytes.
    pub binary: bool,
    /// Nonce and ciphertext; its own row in the store.
    #[serde(skip, default)]
    pub(crate) sealed: Arc<[u8]>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("id", &self.id).field("stages", &self.stages).finish_non_exhaustive()
    }
}

impl Secret {
    /// Returns the version with this identifier.
    pub fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|v| v.id == id)
    }

    /// Returns the version that `stage` is attached to.
    pub fn staged(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|v| v.stages.iter().any(|s| s == stage))
    }

    /// Whether its recovery window is over: it is as if it were not there.
    pub(crate) fn is_gone(&self, now: Millis) -> bool {
        self.gone_at.is_some_and(|at| at <= now)
    }
}

/// Returns the key of a version's row, which is also what its ciphertext is bound to.
pub(crate) fn row(arn: &str, version: &str) -> String {
    format!("{arn} {version}")
}
