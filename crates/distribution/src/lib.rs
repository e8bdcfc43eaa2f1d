//! What does a registry elsewhere answer? The reading half of OCI's distribution protocol, for a registry
//! that is not trusted.
//!
//! Nothing of an answer is taken in without a bound: not a manifest, not a token, not the words of an error.
//! [`Client::blob`] is the exception, a stream whose caller knows how long it may be.
//!
//! - `client`: one repository, asked as one user; `token`: who that is; `answer`: what came, and what it means.

mod answer;
mod client;
mod token;

pub use answer::FetchError;
pub use client::{Client, Credentials, Settings};
pub use oci_spec::distribution::{ParseError, Reference};
