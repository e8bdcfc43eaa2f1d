//! CloudWatch Logs Insights: a query language over events (user guide, "CloudWatch Logs Insights language query syntax").
//!
//! Pure: a text is read into a plan, and a plan runs over events that its caller brings, within bounds of its own.
//! [`crate::queries`] brings them from the store.

mod ast;
mod expression;
mod functions;
mod read;
mod row;
mod run;
mod stats;
mod value;

pub use row::Event;
pub use run::{Answer, Plan, Running, TooMuch};

#[cfg(test)]
mod tests;
