//! The deploy half's decisions: manifest in, documents that should be true out.
//!
//! Pure: no clock, file, socket, environment or randomness (see `clippy.toml`). Text of the
//! manifest arrives as an argument ([`manifest::parse`]), what the world answered arrives as
//! [`desired::Facts`], and [`diff`] tells whether what is registered already says the same.
//! Nothing here ever sees the value of a secret.

pub mod db;
pub mod desired;
pub mod diff;
pub mod entry;
pub mod exec;
pub mod gate;
pub mod lease;
pub mod lint;
pub mod manifest;
pub mod oneoff;
pub mod pipeline;
pub mod plan;
pub mod previews;
pub mod reference;
pub mod release;
pub mod routes;
pub mod served;
pub mod suggest;
pub mod top;
pub mod vars;

pub use desired::{Desired, Facts, desired, explain, main_container};
pub use diff::{same_service, same_task_definition};
pub use manifest::{Manifest, ManifestErrors, parse};
pub use reference::{reference_markdown, schema};
