//! Every decision of the platform, as data in and data out.
//!
//! Pure: no clock, file, socket, environment or randomness; they arrive in [`Cx`] or as
//! arguments, and `clippy.toml` makes the compiler hold us to it.
//!
//! - [`world`]: what there is ([`World`]), and the [`Change`]s that make it different.
//! - [`acm`], [`ecs`], [`elb`]: the API operations, each a function of the world and an input.
//! - [`ssm`]: Systems Manager's documents.
//! - [`iam`], [`sts`]: roles, policies, users; who calls.
//! - [`task`]: a task's life: container order, health, stop.
//! - [`service`]: a service's life: rollouts, counts, events.
//! - [`revision`]: when a deleted revision is gone.
//! - [`target`]: when a draining target is gone.
//! - [`routing`]: which rule of a listener takes a request; when a target is healthy.

#[cfg(test)]
mod account;
pub mod acm;
pub mod cx;
pub mod ec2;
pub mod ecs;
pub mod elb;
pub mod iam;
mod ids;
pub mod operation;
pub mod revision;
pub mod routing;
pub mod service;
pub mod ssm;
pub mod sts;
pub mod target;
pub mod task;
pub mod world;

use aws_model::Service;

pub use cx::{Cx, Ids};
pub use operation::{Input, Kind, Operation, Outcome};
pub use world::{Change, World};

/// Every service whose truth is the world, with its table. A service may have several.
pub const TABLES: &[(Service, &[Operation])] = &[
    (Service::Acm, acm::OPERATIONS),
    (Service::Ecs, ecs::OPERATIONS),
    (Service::ElbV2, elb::OPERATIONS),
    (Service::Ssm, ssm::OPERATIONS),
    (Service::Sts, sts::OPERATIONS),
    (Service::Ec2, ec2::OPERATIONS),
    (Service::Iam, iam::OPERATIONS),
];
