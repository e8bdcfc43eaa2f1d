//! RDS: databases as documents, and what is to be done about them.
//!
//! Nothing of PostgreSQL is here: an operation says what it wants ([`work`]), and whoever runs databases tells how it
//! ended. No password comes here: a master user's is a SCRAM verifier before it is in an input.

mod classes;
mod ended;
pub mod event;
pub mod instance;
pub mod parameter_group;
mod settings;
pub mod snapshot;
pub mod work;

pub use settings::{DOMAIN, endpoint};
