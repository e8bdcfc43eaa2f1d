//! Real containers on this machine: what the root-needing suites in `tests/` share.
//!
//! A test gets its own data directory, ports, bridge and subnet, so that suites run beside each other and beside a
//! platform that is in use. The platform is the product's own binary; calls go through the product's own signed client.

pub mod app;
pub mod image;
mod place;
pub mod platform;
pub mod scaled;
pub mod traces;
pub mod traffic;
pub mod transcript;
