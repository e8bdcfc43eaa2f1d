//! What a load balancer decides: which rule takes a request, when a target is healthy.
//!
//! Types here are the parsed form of ELBv2's conditions, actions and health checks; the
//! balancer acts on them and never on documents.

mod choose;
mod health;
mod matcher;
mod pattern;
mod read;
mod redirect;

use serde::{Deserialize, Serialize};

pub(crate) use choose::rank;
pub use choose::{RequestFacts, choose, choose_group};
pub use health::{HealthTrack, Probe, TrackState};
pub use matcher::Matcher;
pub use pattern::{Cidr, glob, glob_ignoring_case};
pub use read::{read_actions, read_conditions};
pub use redirect::location;

/// How targets of a group are probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Whether targets are probed at all.
    pub enabled: bool,
    /// Path requested.
    pub path: String,
    /// Port probed; none for the target's own (`traffic-port`).
    pub port: Option<u16>,
    /// Seconds between probes.
    pub interval: u32,
    /// Seconds a probe may take.
    pub timeout: u32,
    /// Passes in a row before healthy.
    pub healthy_threshold: u32,
    /// Failures in a row before unhealthy.
    pub unhealthy_threshold: u32,
    /// Codes that pass, ELB's form: `200`, `200,202`, `200-299`.
    pub matcher: String,
}

/// When a rule applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// `host-header`: any of the patterns (`*`, `?`), case-insensitive.
    HostHeader(Vec<String>),
    /// `path-pattern`: any of the patterns, case-sensitive.
    PathPattern(Vec<String>),
    /// `http-header`: any of the patterns against any value of the header, case-insensitive.
    HttpHeader(String, Vec<String>),
    /// `http-request-method`: any of them, exactly.
    Method(Vec<String>),
    /// `query-string`: any of the (key, value) patterns.
    QueryString(Vec<(Option<String>, String)>),
    /// `source-ip`: any of the CIDR blocks.
    SourceIp(Vec<String>),
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Forwards to one of the groups, by weight.
    Forward(Vec<(String, u32)>),
    /// Redirects; `#{host}`, `#{path}`, `#{port}`, `#{protocol}`, `#{query}` are filled in.
    Redirect {
        /// `HTTP_301` or `HTTP_302`.
        status: u16,
        /// Default `#{protocol}`.
        protocol: String,
        /// Default `#{host}`.
        host: String,
        /// Default `#{port}`.
        port: String,
        /// Default `/#{path}`.
        path: String,
        /// Default `#{query}`.
        query: String,
    },
    /// Answers itself.
    FixedResponse {
        /// Status code.
        status: u16,
        /// Content type.
        content_type: Option<String>,
        /// Body.
        body: Option<String>,
    },
}
