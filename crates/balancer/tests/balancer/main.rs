//! The balancer over real loopback sockets: what clients and targets see.

mod draining;
mod failures;
mod health;
mod listeners;
mod proxying;
mod smuggling;
mod support;
