//! Observe → verify → plan → apply → watch. Emits events, never prints.
//!
//! Talks to an ECS endpoint and knows nothing of who answers there: the embedded platform, AWS, or another emulator.

pub mod adopt;
pub mod apply;
pub mod build;
pub mod databases;
pub mod db;
mod discovery;
mod down;
mod entry;
mod error;
pub mod event;
pub mod exec;
pub mod gate;
pub mod journal;
pub mod lease;
pub mod logs;
pub mod observe;
pub mod oneoff;
mod parameters;
pub mod preview;
pub mod rehearse;
pub mod release;
pub mod routes;
pub mod scaling;
pub mod schedules;
pub mod secrets;
pub mod stage;
mod status;
pub mod taskdef;
pub mod tasks;
pub mod timeline;
pub mod top;
mod up;
pub mod vars;
pub mod verify;
pub mod watch;

pub use down::down;
pub use error::StageError;
pub use event::{ContainerState, Event, Events, ImagePhase, ResourceChange};
pub use stage::{Draft, ImageChoice, Images, Wanted};
pub use status::{FailedSchedule, FoundBy, ServiceStatus, Status, status};
pub use up::{Up, up};
pub use verify::{VerifyOptions, verify};
