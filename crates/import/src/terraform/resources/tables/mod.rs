//! What each attribute of the resources that matter is: a member of AWS's document, or Terraform's own business.
//!
//! Read in the schema of `hashicorp/aws` 6 (as its bindings show it) and in botocore's service models. What is not here is
//! listed: a table that lacks a row never loses anything.

mod balancers;
mod ecs;
mod others;

pub(super) use self::balancers::{BALANCER, LISTENER, LISTENER_CERTIFICATE, RULE, TARGET_ATTACHMENT, TARGET_GROUP};
pub(super) use self::ecs::{CAPACITY_PROVIDER, CAPACITY_PROVIDERS, CLUSTER, SERVICE, TASK_DEFINITION};
pub(super) use self::others::{
    EVENT_RULE, EVENT_TARGET, LOG_GROUP, REPOSITORY, REPOSITORY_POLICY, SCALABLE_TARGET, SCALING_POLICY, SCHEDULE,
    SCHEDULED_ACTION, SECRET, SECRET_VERSION,
};
use super::table::{Row, To::Keep};

/// What every resource of Terraform has.
pub(super) const ANY: &[Row] = &[
    Row("lifecycle", Keep("how Terraform goes about it")),
    Row("timeouts", Keep("how long Terraform waits")),
    Row("provisioner[]", Keep("what Terraform runs beside it")),
    Row("connection", Keep("how Terraform reaches it")),
    Row("region", Keep("where it is")),
];

/// Tags of what a deploy does not tag.
pub(super) const TAGS: &[Row] =
    &[Row("tags", Keep("its tags stay as they are")), Row("tags_all", Keep("its tags stay as they are"))];
