//! What the balancer learnt. An event is a fact and may be repeated, except for a count: that is reported once.

use std::net::SocketAddr;

use platform_core::measure::traffic::Count;
use platform_core::routing::TrackState;
use serde::{Deserialize, Serialize};

/// Something that is so; the platform decides what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A target's health, or the reason for it, is different from what was last told.
    TargetHealth {
        /// Group's ARN.
        group: String,
        /// Target's id.
        target: String,
        /// Target's port.
        port: u16,
        /// Its health.
        state: Health,
        /// ELB's reason code, e.g. `Target.ResponseCodeMismatch`.
        reason: Option<String>,
        /// ELB's description, e.g. `Health checks failed with these codes: [502]`.
        description: Option<String>,
    },
    /// A draining target has no request in flight; told once for each draining.
    TargetDrained {
        /// Group's ARN.
        group: String,
        /// Target's id.
        target: String,
        /// Target's port.
        port: u16,
    },
    /// A listener accepts connections.
    ListenerReady {
        /// Listener's ARN.
        arn: String,
        /// Where, with the port that the kernel chose if 0 was asked for.
        address: SocketAddr,
    },
    /// A listener's address could not be had; it is tried again every second.
    ListenerFailed {
        /// Listener's ARN.
        arn: String,
        /// The address wanted.
        address: SocketAddr,
        /// Words for the operator.
        error: String,
    },
    /// What was counted since the last report, and is nowhere else any more. Only a process of its own reports it.
    Counted(Count),
}

/// A target's health as probes see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// Not decided yet.
    Initial,
    /// Takes requests.
    Healthy,
    /// Fails its checks.
    Unhealthy,
}

impl From<Health> for TrackState {
    fn from(health: Health) -> Self {
        match health {
            Health::Initial => Self::Initial,
            Health::Healthy => Self::Healthy,
            Health::Unhealthy => Self::Unhealthy,
        }
    }
}
