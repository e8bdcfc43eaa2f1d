//! A cluster.

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

/// A cluster: a namespace for services and tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// `arn:aws:ecs:REGION:ACCOUNT:cluster/NAME`.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Whether the cluster takes work; a deleted one is kept as INACTIVE, as ECS does.
    pub active: bool,
    /// The create request, unknown members included; tags in ECS's `[{key,value}]` under `tags`.
    pub document: Document,
    /// When it was created.
    pub created_at: Millis,
}
