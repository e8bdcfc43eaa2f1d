//! The application load balancer: listeners, rules, proxying, probes, draining.
//!
//! [`Balancer::apply`] is declarative, and so is [`Remote::apply`]: it gets what to serve, never what changed, and may
//! get the same twice. What it learns (health, drained targets, ports that are taken) comes back as [`Event`]s. It
//! knows rules as `platform_core::routing` has them and nothing of AWS documents, tasks or the store.
//!
//! - `config`: what to serve; `event`: what was learnt.
//! - `server`: the process that does all this, and outlives the platform; `remote`: that process as
//!   the platform sees it; `party`: one of several such; `wire`, `home`: how the two speak and find each
//!   other.
//! - `build`: which program a process runs.
//! - `sockets`: what both keep, so that no connection is refused while a process is replaced.
//! - `listener`, `io`: accepting, and one client connection.
//! - `handshake`: how a connection of HTTPS begins.
//! - `tls`: who a listener of HTTPS is, and which versions and ciphers it speaks.
//! - `proxy`, `forward`, `headers`, `body`, `tunnel`, `answer`: one request.
//! - `descriptors`: how many connections there may be.
//! - `counts`, `meter`: what is counted of all this, for CloudWatch.
//! - `group`, `pool`, `probe`: targets, their connections, their health.

mod answer;
mod balancer;
mod body;
mod build;
mod config;
mod counts;
mod descriptors;
mod event;
mod forward;
mod group;
mod handshake;
mod headers;
mod home;
mod io;
mod listener;
mod meter;
mod party;
mod pool;
mod probe;
mod proxy;
mod remote;
mod server;
mod sockets;
mod tls;
mod trace;
mod tunnel;
mod wire;

pub use balancer::Balancer;
pub use build::build_of;
pub use config::{
    Algorithm, Attributes, Certificate, Config, ForwardedFor, Group, Listener, PrivateKey, Rule, Target, Tls,
};
pub use event::{Event, Health};
pub use remote::{Launch, Remote, end};
pub use server::{ServeError, serve};
