//! When is it time? The schedule expressions of EventBridge and EventBridge Scheduler: `rate(5 minutes)`,
//! `cron(0 6 ? * MON-FRI *)`, `at(2027-01-31T06:00:00)`, in a time zone.
//!
//! Pure: instants are arguments, and the zones are compiled in, so that a machine without `tzdata` computes
//! the same.

mod cron;
mod expression;
mod field;
mod zone;

pub use expression::{Expression, Service};
pub use zone::Zone;

/// Milliseconds since the epoch.
pub type Millis = i64;
