//! Route 53: hosted zones and their records, which the platform's name server answers with ([`crate::names`]).

pub mod name;
pub(crate) mod set;
mod zone;

pub use set::RecordSet;
pub(crate) use zone::all as zones;
pub use zone::{Owner, Vpc, Zone};
