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
mod ecs;
mod elbv2;
mod envelope;
mod guard;
mod limits;
mod members;
mod own;
mod peer;
mod secretsmanager;
mod serve;
mod sessions;
mod sigv4;
mod ssm;
mod state;
mod sts;

pub use admission::{Policy, Who};
pub use contents::Contents;
pub use dispatch::{Support, compatibility};
pub use doors::Doors;
pub use serve::{Options, serve};
pub use state::{Notice, Notices, State};
