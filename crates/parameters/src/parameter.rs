//! What is known of a parameter.

use std::fmt;
use std::sync::Arc;

use aws_model::{Millis, region};
use serde::{Deserialize, Serialize};

/// Region and name. Not the ARN: `a` and `/a` have the same one.
pub(crate) type Key = (String, String);

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterType {
    /// A text.
    String,
    /// Texts with commas between them.
    StringList,
    /// A text that is sealed at rest.
    SecureString,
}

impl ParameterType {
    const ALL: [Self; 3] = [Self::String, Self::StringList, Self::SecureString];

    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }

    /// Reads the name on the wire.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How much a parameter may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// 4 KB.
    Standard,
    /// 8 KB.
    Advanced,
}

impl Tier {
    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
        }
    }

    pub(crate) fn limit(self) -> usize {
        match self {
            Self::Standard => 4096,
            Self::Advanced => 8192,
        }
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// A parameter and its versions.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub(crate) stored: Stored,
    /// Oldest first, never empty; each has a row of its own.
    pub(crate) versions: Vec<Arc<Version>>,
}

/// The row of what belongs to a parameter as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) region: String,
    pub(crate) name: String,
    pub(crate) tags: Vec<Tag>,
}

/// One version of a parameter.
#[derive(Clone, Serialize, Deserialize)]
pub struct Version {
    /// Counts from 1, without gaps.
    pub number: i64,
    /// Type.
    pub kind: ParameterType,
    /// Tier.
    pub tier: Tier,
    /// When it was put.
    pub modified: Millis,
    /// Description, if one was given.
    pub description: Option<String>,
    /// What values have to look like.
    pub allowed_pattern: Option<String>,
    /// The key that the caller named; kept and returned, the platform seals with its own.
    pub key_id: Option<String>,
    /// Always `text` so far.
    pub data_type: String,
    /// Labels, in the order they were attached.
    pub labels: Vec<String>,
    /// The value, unless it is sealed.
    pub(crate) clear: Option<String>,
    /// Nonce and ciphertext of a `SecureString`; its own row in the store.
    #[serde(skip, default)]
    pub(crate) sealed: Arc<[u8]>,
}

/// Without the value, of whichever type.
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("number", &self.number)
            .field("kind", &self.kind)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl Stored {
    pub(crate) fn key(&self) -> Key {
        (self.region.clone(), self.name.clone())
    }

    pub(crate) fn row(&self) -> String {
        format!("{} {}", self.region, self.name)
    }
}

impl Parameter {
    /// Returns the fully qualified name.
    pub fn name(&self) -> &str {
        &self.stored.name
    }

    /// Returns the tags, in the order they were given.
    pub fn tags(&self) -> &[Tag] {
        &self.stored.tags
    }

    /// Returns the versions that are kept, oldest first.
    pub fn versions(&self) -> &[Arc<Version>] {
        &self.versions
    }

    /// Returns the newest version.
    pub fn latest(&self) -> &Arc<Version> {
        self.versions.last().expect("a parameter has at least one version")
    }

    /// Returns the version with this number.
    pub fn version(&self, number: i64) -> Option<&Arc<Version>> {
        self.versions.iter().find(|v| v.number == number)
    }

    /// Returns the version that has this label.
    pub fn labelled(&self, label: &str) -> Option<&Arc<Version>> {
        self.versions.iter().find(|v| v.labels.iter().any(|l| l == label))
    }

    /// Returns `arn:PARTITION:ssm:REGION:ACCOUNT:parameter/NAME`.
    pub fn arn(&self, account: &str) -> String {
        let Stored { region, name, .. } = &self.stored;
        region::arn("ssm", region, account, &format!("parameter/{}", name.trim_start_matches('/')))
    }

    /// Returns who changed it last: no version says, and any caller may be the account's root.
    pub(crate) fn owner(&self, account: &str) -> String {
        region::global_arn("iam", &self.stored.region, account, "root")
    }

    /// Returns the key of a version's rows, which is also what its ciphertext is bound to.
    pub(crate) fn row_of(&self, version: i64) -> String {
        format!("{} {version:012}", self.stored.row())
    }
}
