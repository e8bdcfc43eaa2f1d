//! Do two documents say the same to ECS?
//!
//! Both sides are brought to one form: defaults that ECS fills in are taken out, members that ECS
//! computes are dropped, lists whose order means nothing are sorted. Members that we do not know
//! count as they are: a setting that changed must never pass as unchanged.

mod changes;
mod normalise;
mod service;

pub use self::changes::{Change, Difference, Unchanged, plain, service_changes, task_definition_changes};
pub use self::normalise::normalise;
pub use self::service::same_service;
use aws_model::Document;

/// Returns whether registering `a` would make a task definition that says what `b` says.
///
/// Either side may be a request of RegisterTaskDefinition or an answer of DescribeTaskDefinition
/// (its `taskDefinition`).
pub fn same_task_definition(a: &Document, b: &Document) -> bool {
    normalise(a) == normalise(b)
}
