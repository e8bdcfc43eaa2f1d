//! What does this application look like as a `managr.toml`? Reads what people have, proves what it wrote.
//!
//! Pure: no clock, file, socket or environment (see `clippy.toml`). Files arrive as a [`Folder`], answers of
//! AWS as documents. Every source ([`taskdef`], [`terraform`], [`live`]) is turned into one value, [`Found`]: AWS's own
//! documents, stage by stage. [`fold`] makes one manifest of it, [`mod@write`] its text, and [`prove`] renders that
//! text again and holds it against what was found; [`account`] closes the [`ledger`]: what became of everything that a
//! source said. [`compose`] makes a manifest directly: it has no task
//! definitions to be equal to. Whatever could not be carried is [`Left`], never dropped.

pub mod account;
pub mod compose;
pub mod copilot;
mod facts;
pub mod fold;
pub mod found;
pub mod here;
pub mod ledger;
pub mod lines;
pub mod live;
pub mod names;
pub mod pipeline;
mod places;
pub mod prove;
pub mod taskdef;
pub mod terraform;
mod unnamed;
pub mod write;
mod yaml;

pub use facts::{facts, secret};
pub use found::{
    Folder, Found, FoundDiscover, FoundIngress, FoundObject, FoundOneOff, FoundSchedule, FoundSecret, FoundService,
    FoundStage, Kind, Left, Place, Untold,
};
