//! The composition root: settings → parts → one process → orderly end.
//!
//! The only crate that knows both the orchestrator and those who carry its actions out; it
//! translates between them and decides nothing.

mod around;
mod attachment;
mod balancing;
mod contents;
mod gate;
mod letters;
mod measuring;
mod native;
mod options;
mod room;
mod serve;
mod simulated;

pub use api::{Contents, Support, Who, compatibility};
pub use contents::{ContentsError, contents};
pub use measuring::calls;
pub use native::{PurgeError, purge};
pub use options::{EngineKind, ServeOptions};
pub use serve::{ServeError, serve};
