//! The wire's vocabulary: names, ARNs, documents and errors of ECS and its neighbours.
//!
//! Pure: no clock, file, socket, environment or randomness (see `clippy.toml`). Both
//! halves of the product depend on this crate and on nothing of each other.

pub mod arn;
pub mod document;
pub mod error;
pub mod operations;
pub mod register;
pub mod served;
pub mod shape;
pub mod task_definition;
pub mod units;
pub mod validate;

pub use document::{Document, Millis, seconds};
pub use error::AwsError;
