//! The HTTP front of the platform: admits, reads the envelope, dispatches, answers.
//!
//! Never decides anything about the platform's state: that is the business of whoever owns the
//! state, reached through [`State`]. One module per service converts between wire and owner.

mod admission;
mod answer;
mod body;
mod call;
mod channel;
mod contents;
mod dispatch;
mod doors;
mod ecr;
mod elbv2;
mod envelope;
mod guard;
mod limits;
mod logs;
mod members;
mod own;
mod peer;
mod query;
mod serve;
mod sigv4;
mod state;
mod xml;

pub use admission::{Policy, Who};
pub use contents::Contents;
pub use dispatch::{Support, compatibility};
pub use doors::Doors;
pub use serve::{Options, serve};
pub use state::{Notice, Notices, State};
