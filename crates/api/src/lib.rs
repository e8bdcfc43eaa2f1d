//! The HTTP front of the platform: admits, reads the envelope, dispatches, answers.
//!
//! Never decides anything about the platform's state: that is the business of the owner of the state, reached through
//! the doors of its operations ([`Doors`]). It knows no operation.

mod admission;
mod answer;
mod body;
mod caller;
mod channel;
mod clock;
mod contents;
mod dispatch;
mod doors;
mod envelope;
mod gate;
mod guard;
mod limits;
mod own;
mod peer;
mod serve;
mod sigv4;
mod state;

pub use admission::{Policy, Who};
pub use contents::Contents;
pub use dispatch::{Support, compatibility};
pub use doors::Doors;
pub use gate::Gate;
pub use serve::{Options, serve};
pub use state::{Notice, Notices, State};
