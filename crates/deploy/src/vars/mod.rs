//! Variables and secrets of a stage, as the world has them: which names have a value, the values in Secrets Manager, and
//! the tasks that have not seen the newest ones yet.

mod hidden;
mod look;
pub mod secret;
pub mod stale;
mod tracked;

pub use hidden::Hidden;
pub use look::{Look, LookError, Looked, Skipped};
pub use tracked::is_tracked;
