//! A document and its versions, and how one is named.

pub(super) use aws_model::tags::Tag;
use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::Record;
use crate::{Cx, World};

/// A document of Systems Manager, with all its versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Region.
    pub region: String,
    /// Name, unique in its region.
    pub name: String,
    /// `Command`, `Session`, ...
    pub kind: String,
    /// What it may be run on.
    pub target: Option<String>,
    /// Documents that it needs, as they were sent.
    pub requires: Option<Value>,
    /// When it was created.
    pub created: Millis,
    /// Number of the version that counts.
    pub default: u32,
    /// Number of the newest version there has been.
    pub last: u32,
    /// Versions, oldest first.
    pub versions: Vec<Version>,
    /// Accounts that it is shared with, or `all`; none exist here.
    pub shared: Vec<String>,
    /// Tags, as they were sent.
    pub tags: Vec<Tag>,
}

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The name that people see.
    pub display: Option<String>,
    /// What it says.
    pub content: String,
    /// `JSON`, `YAML` or `TEXT`.
    pub format: String,
    /// When it was created.
    pub created: Millis,
}

impl Record for Document {
    const TABLE: &'static str = "ssm.documents";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.name
    }
}

/// A document as calls name one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Which {
    pub(super) name: String,
    pub(super) document_version: Option<String>,
    pub(super) version_name: Option<String>,
}

impl Which {
    /// Returns the document and the version that is meant; the one that counts, if none is.
    pub(super) fn find(&self, world: &World, cx: &Cx<'_>) -> Result<(Document, Version), AwsError> {
        let document = find(world, cx, &self.name)?;
        let version = document.version(self.document_version.as_deref(), self.version_name.as_deref());
        let version = version.cloned().ok_or_else(no_version)?;
        Ok((document, version))
    }
}

/// Returns the document of a name or an ARN.
pub(super) fn find(world: &World, cx: &Cx<'_>, name: &str) -> Result<Document, AwsError> {
    let bare = name.rsplit('/').next().unwrap_or(name);
    let found = world.records.get(cx.region, bare);
    found.ok_or_else(|| AwsError::new("InvalidDocument", format!("Document with name {name} does not exist.")))
}

pub(super) fn no_version() -> AwsError {
    AwsError::new("InvalidDocumentVersion", "The document version is not valid or does not exist.")
}

impl Document {
    /// Returns the version of a number, `$LATEST`, `$DEFAULT` or a name; both must fit if both are given.
    pub fn version(&self, number: Option<&str>, name: Option<&str>) -> Option<&Version> {
        let is_named = |version: &&Version| name.is_none_or(|name| version.name.as_deref() == Some(name));
        let of = |number: u32| self.versions.iter().find(|version| version.number == number);
        match number {
            Some("$LATEST") => self.versions.last().filter(is_named),
            Some("$DEFAULT") => of(self.default).filter(is_named),
            Some(number) => of(number.parse().ok()?).filter(is_named),
            None if name.is_some() => self.versions.iter().find(is_named),
            None => of(self.default),
        }
    }
}
