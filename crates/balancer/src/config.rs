//! What to serve, as a value: [`Config`] is the whole of it.

use std::net::SocketAddr;
use std::time::Duration;

use platform_core::routing::{Action, Condition, HealthCheck};
use serde::{Deserialize, Serialize};

use crate::event::Health;

/// Everything that the balancer serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Listeners, each with an address of its own.
    pub listeners: Vec<Listener>,
    /// Target groups that listeners forward to.
    pub groups: Vec<Group>,
}

impl Config {
    /// Whether there is nothing to serve.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.groups.is_empty()
    }
}

/// A listening address and its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name.
    pub arn: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Rules in the order they are tried; the default rule (no conditions) last.
    pub rules: Vec<Rule>,
    /// How it treats connections and requests.
    pub attributes: Attributes,
    /// How it proves who it is; none speaks HTTP in the clear.
    #[serde(default)]
    pub tls: Option<Tls>,
}

/// What a listener of HTTPS speaks TLS with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The default certificate first: clients that name no server, or one without a certificate, get it.
    pub certificates: Vec<Certificate>,
    /// Ciphers in the order of preference, in OpenSSL's words. Those that are not known here are passed over, and with
    /// the last one of a version the version goes.
    pub ciphers: Vec<String>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Names that it is for; `*.` at the beginning is any one label.
    pub names: Vec<String>,
    /// It and those that vouch for it, PEM.
    pub chain: String,
    /// Its key, PEM.
    pub key: PrivateKey,
}

/// A private key, PEM. It travels over the process's own socket, and is shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrivateKey(String);

impl PrivateKey {
    /// Takes a key.
    pub fn new(pem: String) -> Self {
        Self(pem)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// How a listener treats connections and requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// How long a connection may carry nothing, and a target may think. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a client may keep one connection, busy or not. Default one hour.
    pub client_keep_alive: Duration,
    /// What becomes of `X-Forwarded-For`.
    pub forwarded_for: ForwardedFor,
    /// Whether header fields with names outside `[-A-Za-z0-9]` are removed.
    pub drop_invalid_headers: bool,
    /// Whether HTTP/2 with prior knowledge is accepted beside HTTP/1.1.
    pub http2: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(60),
            client_keep_alive: Duration::from_secs(3600),
            forwarded_for: ForwardedFor::Append,
            drop_invalid_headers: false,
            http2: true,
        }
    }
}

/// What becomes of `X-Forwarded-For` (`routing.http.xff_header_processing.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardedFor {
    /// The client's address is appended.
    Append,
    /// The header is left as it came.
    Preserve,
    /// The header is removed.
    Remove,
}

/// When and what; the conditions must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// When it applies.
    pub conditions: Vec<Condition>,
    /// What it does.
    pub action: Action,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name in [`Action::Forward`].
    pub arn: String,
    /// Its short name, for the log.
    pub name: String,
    /// How targets are probed.
    pub health_check: HealthCheck,
    /// How long a client stays with its target (cookie `AWSALB`); none to choose every time.
    pub stickiness: Option<Duration>,
    /// How a target is chosen.
    pub algorithm: Algorithm,
    /// Targets, draining ones included until the platform forgets them.
    pub targets: Vec<Target>,
}

/// How a target is chosen among those that may take requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Algorithm {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastOutstanding,
}

/// A target that takes requests, or drains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its registered id (an address, or an instance's id).
    pub id: String,
    /// Where it listens; its port is part of its identity.
    pub address: SocketAddr,
    /// Whether it takes no new requests.
    pub draining: bool,
    /// What was known of its health; counts only for a target that is new here, which a balancer that
    /// was started again would otherwise have to take for one like all others.
    pub health: Health,
}
