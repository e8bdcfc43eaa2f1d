//! ACM: certificates that listeners of HTTPS serve.
//!
//! Here is what certificates are and what becomes of them; their keys are made, read and sealed elsewhere (crate
//! `certificates`), which comes here with a [`Material`]. A requested certificate is issued at once: no domain is
//! validated, since only clients that were given its certificate trust the platform's own authority.

mod answers;
mod certificate;
mod change;
mod input;
mod issue;

#[cfg(test)]
mod tests;

pub use certificate::{Authority, Certificate, Facts, Material, Origin, SealedKey};
pub use issue::{Repeated, already_requested, import, names as requested_names, renew, renewable, request};

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// ACM's dispatch table, but for what needs a key.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AddTagsToCertificate", kind: Write(change::add_tags) },
    Operation { name: "DeleteCertificate", kind: Write(change::delete) },
    Operation { name: "DescribeCertificate", kind: Read(answers::describe) },
    Operation { name: "GetCertificate", kind: Read(answers::get) },
    Operation { name: "ListCertificates", kind: Read(answers::list) },
    Operation { name: "ListTagsForCertificate", kind: Read(answers::tags) },
    Operation { name: "RemoveTagsFromCertificate", kind: Write(change::remove_tags) },
    Operation { name: "UpdateCertificateOptions", kind: Write(change::update_options) },
];
