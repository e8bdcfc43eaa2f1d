//! Load balancers, target groups, listeners, rules and targets.

use std::collections::BTreeMap;

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

/// An application load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// `...:loadbalancer/app/NAME/HEX16`.
    pub arn: String,
    /// Name.
    pub name: String,
    /// DNS name.
    pub dns_name: String,
    /// The create request without tags (scheme, subnets, security groups, ...).
    pub document: Document,
    /// Attributes, defaults included.
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: Millis,
}

/// A target group; its targets are rows of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// `...:targetgroup/NAME/HEX16`.
    pub arn: String,
    /// Name.
    pub name: String,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Default port.
    pub port: u16,
    /// `ip` or `instance`.
    pub target_type: String,
    /// The create request without tags.
    pub document: Document,
    /// How targets are probed.
    pub health_check: crate::routing::HealthCheck,
    /// Attributes, defaults included (`deregistration_delay.timeout_seconds`, ...).
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl TargetGroup {
    /// Returns the deregistration delay in seconds. Default 300.
    pub fn deregistration_delay(&self) -> u32 {
        self.attributes.get("deregistration_delay.timeout_seconds").and_then(|s| s.parse().ok()).unwrap_or(300)
    }
}

/// A listener; its further rules are rows of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// `...:listener/app/NAME/HEX16/HEX16`.
    pub arn: String,
    /// Its load balancer.
    pub load_balancer_arn: String,
    /// Port that the platform listens on.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// The create request without tags, default actions included.
    pub document: Document,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Why its address cannot be listened on, if it cannot; its load balancer is then `active_impaired`.
    #[serde(default)]
    pub fault: Option<String>,
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// `...:listener-rule/app/NAME/HEX16/HEX16/HEX16`.
    pub arn: String,
    /// Its listener.
    pub listener_arn: String,
    /// Priority, smallest first; none for the default rule.
    pub priority: Option<u32>,
    /// When it applies: all of them.
    pub conditions: Vec<crate::routing::Condition>,
    /// What it does.
    pub actions: Vec<crate::routing::Action>,
    /// The request's `Conditions` and `Actions` as they came, answered again.
    pub document: Document,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// Names a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey {
    /// Target group.
    pub group_arn: String,
    /// Address (or instance id).
    pub id: String,
    /// Port.
    pub port: u16,
}

/// A registered or draining target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub key: TargetKey,
    /// Its health.
    pub state: TargetState,
    /// ELB's reason code (`Target.FailedHealthChecks`, `Elb.RegistrationInProgress`, ...).
    pub reason: Option<String>,
    /// ELB's description.
    pub description: Option<String>,
    /// When it was registered.
    pub registered_at: Millis,
    /// When draining began.
    pub draining_since: Option<Millis>,
}

/// A target's health, in ELB's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetState {
    /// Registered; checks have not decided yet.
    Initial,
    /// Takes requests.
    Healthy,
    /// Fails its checks.
    Unhealthy,
    /// The group is used by no listener.
    Unused,
    /// Deregistered; takes no new requests, open ones end.
    Draining,
}

impl TargetState {
    /// Returns ELB's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unused => "unused",
            Self::Draining => "draining",
        }
    }
}
