//! Variables and secrets as people handle them: are they consistent, where is a value written, how is it changed
//! without touching anything else, and how are files of them read and written?
//!
//! Pure. The values of secrets pass through, and no error or `Debug` output of this module holds one.

pub mod check;
pub mod dotenv;
pub mod edit;
pub mod incoming;
pub mod json;
pub mod listing;
pub mod near;
mod splice;
pub mod words;
