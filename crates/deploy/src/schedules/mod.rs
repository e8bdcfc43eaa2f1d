//! Schedules of a stage: what fires them, what they started, and how that went.

mod by_hand;
mod next;
mod perform;
mod remove;
mod runs;
mod seen;
mod show;
pub(crate) mod started;
mod starters;

pub use self::by_hand::{ScheduleError, run, switch};
pub(crate) use self::perform::perform;
pub(crate) use self::remove::remove_all;
pub use self::runs::{Run, RunOutcome, runs};
pub(crate) use self::seen::{look, rule, scheduled};
pub use self::show::{ScheduleStatus, Schedules, Wrote, show};
pub use self::starters::Starters;
