//! Observe → plan → apply → watch. Emits events, never prints.
//!
//! Talks to an ECS endpoint and knows nothing of who answers there: the embedded platform,
//! AWS, or somebody else's emulator.

pub mod build;
pub mod event;
pub mod logs;
pub mod observe;
pub mod secrets;
pub mod watch;

pub use event::{ContainerState, Event, Events, ImagePhase, Outcome};
