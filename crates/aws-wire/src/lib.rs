//! One codec for each protocol of AWS: requests to documents, documents to answers, errors to each protocol's form.
//!
//! Driven by the official models ([`aws_model::model`]) and by nothing else: no operation is named here. Whatever the
//! protocol, a document is what JSON 1.1 would carry, with the model's member names: instants are numbers of seconds,
//! bytes are base64.
//!
//! - [`query`]: Query and EC2's own form of it, in.
//! - [`json`], [`cbor`], [`rest`]: the other protocols, in.
//! - [`answer`]: an answer or an error, out, in any protocol.
//! - [`events`]: what comes over time, out.
//! - [`time`]: the ways to write an instant.
//! - [`bounds`]: how many values, and how deep, a request may be.
//!
//! Pure: bytes in, bytes out (see `clippy.toml`).

pub mod answer;
pub mod bounds;
#[cfg(test)]
mod cases;
pub mod cbor;
pub mod events;
#[cfg(test)]
mod golden;
pub mod json;
mod leaf;
pub mod query;
pub mod rest;
pub mod time;
mod xml;

pub use answer::{Caller, Reply};
