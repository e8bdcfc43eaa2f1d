//! What the suites in `native/` and the chores in `xtask` look at from outside: a server's process, its
//! wire, and what a platform leaves on the machine.
//!
//! Links none of the product's crates, so that what it finds is what a user would.

pub mod client;
pub mod leftovers;
pub mod server;

pub use client::Client;
pub use server::Server;
