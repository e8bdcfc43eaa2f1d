//! Real PostgreSQL servers behind RDS's API: which program, in which container, with which files; kept running.
//!
//! Decides nothing about an instance's state: that is `platform_core::rds`. A password is never here, only what
//! PostgreSQL itself keeps of one.

mod actor;
pub mod run;

pub use actor::Actor;
