//! What an input is about: the service that is scaled, and its target.

use aws_model::AwsError;
use serde::Deserialize;

use super::ScalableTarget;
use crate::Cx;
use crate::world::{Service, ServiceStatus, World};

/// The one namespace and dimension that are served.
pub(super) const NAMESPACE: &str = "ecs";
pub(super) const DIMENSION: &str = "ecs:service:DesiredCount";

/// How every operation names what it is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Resource {
    pub(super) service_namespace: String,
    #[serde(default)]
    pub(super) resource_id: Option<String>,
    #[serde(default)]
    pub(super) scalable_dimension: Option<String>,
}

pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

pub(super) fn missing(message: impl Into<String>) -> AwsError {
    AwsError::new("ObjectNotFoundException", message)
}

impl Resource {
    /// Checks that what is named is a service of ECS, and returns its resource id.
    ///
    /// # Errors
    /// `ValidationException` for a namespace that is not served: nothing else runs here that could be scaled.
    pub(super) fn service(&self) -> Result<&str, AwsError> {
        if self.service_namespace != NAMESPACE {
            return Err(invalid(format!(
                "This platform scales services of ecs only, not of {}",
                self.service_namespace
            )));
        }
        if self.scalable_dimension.as_deref().is_some_and(|dimension| dimension != DIMENSION) {
            return Err(invalid(format!(
                "Unsupported service namespace, resource type or scalable dimension: {}",
                self.scalable_dimension.as_deref().unwrap_or_default()
            )));
        }
        let id = self.resource_id.as_deref().unwrap_or_default();
        let mut parts = id.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("service"), Some(cluster), Some(name), None) if !cluster.is_empty() && !name.is_empty() => Ok(id),
            _ => Err(invalid("Unsupported service namespace, resource type or scalable dimension")),
        }
    }

    /// Returns whether something of this resource is meant, in a listing.
    pub(super) fn wants(&self, resource: &str) -> bool {
        self.service_namespace == NAMESPACE
            && self.scalable_dimension.as_deref().is_none_or(|dimension| dimension == DIMENSION)
            && self.resource_id.as_deref().is_none_or(|id| id == resource)
    }
}

/// Returns an active service by its resource id, which is the end of its ARN.
pub(super) fn service<'w>(world: &'w World, cx: &Cx<'_>, resource: &str) -> Option<&'w Service> {
    let service = world.services.get(&cx.arn("ecs", resource))?;
    (service.status == ServiceStatus::Active).then_some(&**service)
}

/// Returns a registered target.
pub(super) fn target(world: &World, cx: &Cx<'_>, resource: &str) -> Result<ScalableTarget, AwsError> {
    // As it is said on AWS (ansible #35632, terraform-aws-ecs-cloudwatch-autoscaling #36).
    let words = || {
        format!(
            "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {resource}, scalable \
             dimension: {DIMENSION}"
        )
    };
    world.records.get(cx.region, resource).ok_or_else(|| missing(words()))
}

/// Returns how many tasks of a service run, which is what a policy scales from.
pub(super) fn running(world: &World, service: &Service) -> u32 {
    world.task_index.counts(&service.arn).running
}
