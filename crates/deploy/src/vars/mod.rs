//! The values of a stage's secret in Secrets Manager, and the tasks that have not seen them yet.

mod hidden;
pub mod secret;
pub mod stale;

pub use hidden::Hidden;
