//! A registered revision of a task definition.

use std::sync::Arc;

use aws_model::task_definition::TaskDefinition;
use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

/// A registered revision: the document as registered, and our reading of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// `arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION`.
    pub arn: String,
    /// Family.
    pub family: String,
    /// Number, from 1.
    pub revision: u32,
    /// ACTIVE, INACTIVE or DELETE_IN_PROGRESS; or deleted, and in no answer.
    pub status: RevisionStatus,
    /// What was registered, without `tags`, with the defaults that ECS adds in its answer; unknown
    /// members kept. Computed members (`taskDefinitionArn`, `revision`, `status`, ...) are not in it.
    pub document: Document,
    /// Tags as ECS writes them: `[{"key":..,"value":..}]`.
    pub tags: Vec<serde_json::Value>,
    /// When it was registered.
    pub registered_at: Millis,
    /// Who registered it (an ARN).
    pub registered_by: String,
    /// When it was deregistered.
    pub deregistered_at: Option<Millis>,
    /// The document, read.
    pub spec: Arc<TaskDefinition>,
}

/// Whether a revision can start tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevisionStatus {
    /// Can start tasks.
    Active,
    /// Deregistered: running services go on, new ones are refused.
    Inactive,
    /// Deleted; kept while tasks and services use it.
    DeleteInProgress,
    /// Gone. Only its number is kept, so that it is never given twice.
    Deleted,
}

impl RevisionStatus {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
            Self::Deleted => "DELETED",
        }
    }
}
