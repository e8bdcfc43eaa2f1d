//! Systems Manager's documents: kept, versioned, shared on paper. Nothing runs them but sessions.
//!
//! Parameters and sessions have doors of their own. AWS's own documents are not here, but for those that a session can
//! name (`exec::documents`).

mod content;
mod create;
mod document;
mod list;
mod show;
mod tags;
mod update;

#[cfg(test)]
mod tests;

pub use content::read_any as read;
pub use document::{Document, Version};

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// The dispatch table of the documents.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "CreateDocument", kind: Write(create::create) },
    Operation { name: "DeleteDocument", kind: Write(update::delete) },
    Operation { name: "DescribeDocument", kind: Read(show::describe) },
    Operation { name: "DescribeDocumentPermission", kind: Read(show::permission) },
    Operation { name: "GetDocument", kind: Read(show::get) },
    Operation { name: "ListDocumentVersions", kind: Read(list::versions) },
    Operation { name: "ListDocuments", kind: Read(list::list) },
    Operation { name: "ModifyDocumentPermission", kind: Write(update::permission) },
    Operation { name: "UpdateDocument", kind: Write(update::update) },
    Operation { name: "UpdateDocumentDefaultVersion", kind: Write(update::default_version) },
];

/// What is asked about tags of anything but a parameter.
pub const TAGS: &[Operation] = &[
    Operation { name: "AddTagsToResource", kind: Write(tags::add) },
    Operation { name: "ListTagsForResource", kind: Read(tags::list) },
    Operation { name: "RemoveTagsFromResource", kind: Write(tags::remove) },
];
