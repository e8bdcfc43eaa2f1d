//! What is said on the channel: binary frames and the documents in them. Pure.
//!
//! Read from the public session-manager-plugin and amazon-ssm-agent, and checked by running both against
//! a small server (docs/notes/exec-protocol.md).

pub mod frame;
pub mod payload;

pub use frame::{Frame, FrameError, FrameKind};
