//! Documents that an official model allows, and documents that it does not: made from the model and from nothing else,
//! so that a new operation is tried without a test written for it.
//!
//! - [`valid()`]: what an operation can be sent.
//! - [`forbidden()`]: the same with one thing that the model forbids, for each thing that it forbids.

mod forbidden;
mod text;
mod valid;

pub use forbidden::{Forbidden, forbidden};
pub use valid::{Extent, valid};
