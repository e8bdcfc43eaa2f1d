//! Observe → plan → apply → watch. Emits events, never prints.
//!
//! Talks to an ECS endpoint and knows nothing of who answers there: the embedded platform,
//! AWS, or somebody else's emulator.

pub mod build;
mod down;
mod error;
pub mod event;
pub mod logs;
pub mod observe;
pub mod secrets;
mod status;
pub mod up;
pub mod watch;

pub use down::down;
pub use error::UpError;
pub use event::{ContainerState, Event, Events, ImagePhase, Outcome};
pub use status::{ServiceStatus, Status, status};
pub use up::{Up, Wanted, up};
