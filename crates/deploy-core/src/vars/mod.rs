//! Variables and secrets as people handle them: where a value is written, how it is changed without
//! touching anything else, and how files of them are read and written. Pure; the values of secrets pass
//! through, and no error or `Debug` output of this module holds one.

pub mod dotenv;
pub mod edit;
pub mod incoming;
pub mod json;
pub mod listing;
mod splice;
