//! Real PostgreSQL servers behind RDS's API: which program, in which container, with which files; kept running.
//!
//! Decides nothing about an instance's state: that is `platform_core::rds`. A password is never here, only what
//! PostgreSQL itself keeps of one.

mod actor;
pub mod backup;
pub mod copies;
pub mod copy;
pub mod forward;
pub mod ldap;
mod logs;
pub mod run;
pub mod token;

pub use actor::Actor;
pub use logs::LogFiles;
