//! The balancer over real loopback sockets: what clients and targets see.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod draining;
mod failures;
mod health;
mod hostile;
mod https;
mod leaving;
mod listeners;
mod outliving;
mod process;
mod proxying;
mod smuggling;
mod support;
