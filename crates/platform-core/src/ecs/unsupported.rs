//! What this platform cannot do is refused where something would run, by its name, and never ignored.
//!
//! One table says which members those are, [`aws_model::served`], and all checks read it. A field that is not in
//! the model either is kept, and reported once ([`unknown_members`]).

use aws_model::{AwsError, Document, served, shape};

use crate::world::Revision;

/// Returns the refusal of the first field of a task definition or of a RunTask, CreateService or
/// UpdateService request that this platform cannot do, on a machine of this architecture.
pub fn unsupported(task: &Document, request: &Document, architecture: Option<&str>) -> Option<AwsError> {
    if architecture == Some(served::NOWHERE) {
        return None;
    }
    let refused =
        served::task_refusals(task, architecture).into_iter().chain(served::request_refusals(request)).next()?;
    Some(AwsError::invalid_parameter(format!("{refused}.")))
}

/// Returns the members of a revision and of a request that are unknown, for the one warning that names them.
pub(super) fn unknown_members(revision: &Revision, operation: &str, request: &Document) -> Vec<String> {
    let registered = shape::unknown("RegisterTaskDefinition", &revision.document);
    registered.into_iter().chain(shape::unknown(operation, request)).collect()
}
