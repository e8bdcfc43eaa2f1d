//! The balancer over real loopback sockets: what clients and targets see.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod draining;
mod failures;
mod health;
mod listeners;
mod proxying;
mod smuggling;
mod support;
