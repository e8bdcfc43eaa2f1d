//! The wire's vocabulary: the official models of the services of AWS, names, ARNs, documents and errors.
//!
//! - [`Service`], [`model`]: which services and operations there are, and what they are sent and answer.
//! - [`call`], [`page`], [`check`]: one call, its pages, and whether its input is the model's.
//! - [`served`], [`validate`], [`shape`], [`task_definition`]: ECS's own documents.
//!
//! Pure: no clock, file, socket, environment or randomness (see `clippy.toml`). Both
//! halves of the product depend on this crate and on nothing of each other.

pub mod arn;
pub mod call;
pub mod check;
pub mod document;
pub mod error;
pub mod managed_key;
pub mod model;
pub mod page;
pub mod policy;
pub mod protocol;
pub mod region;
pub mod register;
pub mod served;
mod service;
mod services;
pub mod shape;
pub mod tags;
pub mod task_definition;
pub mod units;
pub mod validate;

pub use call::{Answer, Answering, Call, Door};
pub use document::{Document, Millis, seconds};
pub use error::{AwsError, chain};
pub use protocol::Protocol;
pub use service::{MODELS, Service};
