//! The data channel of ECS Exec and Session Manager, both ends.
//!
//! No HTTP, no AWS calls, no terminal: both ends are given a byte stream that was already upgraded to a
//! WebSocket. What is said is in [`wire`] (pure), how nothing is lost in [`flow`] (pure); [`client`] is
//! the user's end, [`agent`] the container's, [`reach`] what an agent reaches inside of a task,
//! [`sessions`] which sessions a platform has.

pub mod agent;
pub mod client;
mod clock;
mod exchange;
pub mod flow;
mod link;
pub mod reach;
pub mod sessions;
pub mod smux;
mod socket;
pub mod wire;

pub use reach::{Reach, ReachError, SessionTarget, Terminal};
pub use sessions::Sessions;
pub use socket::{Duplex, WebSocket, accept_key, client_socket, server_socket};
pub use wire::payload::Size;

/// Where a platform has its sessions' channels, without their ids. (The path is that of `ssmmessages`.)
pub const CHANNEL_PATH: &str = "/v1/data-channel/";
