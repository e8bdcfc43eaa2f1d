//! Variables and secrets of a stage, as the world has them.

mod look;

pub use look::{Look, LookError, Looked, Skipped};
