//! Runs real PostgreSQL servers for RDS's instances: their folders, copies of them, and who may come in.

pub mod backup;
pub mod copy;




