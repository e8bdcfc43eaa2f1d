//! Every decision of the platform, as data in and data out.
//!
//! Pure: no clock, file, socket, environment or randomness; they arrive in [`Cx`] or as
//! arguments, and `clippy.toml` makes the compiler hold us to it.
//!
//! - [`world`]: what there is ([`World`]), and the [`Change`]s that make it different.
//! - [`acm`], [`ecs`], [`elb`]: the API operations, each a function of the world and an input.
//! - [`ssm`]: Systems Manager's documents.
//! - [`events`], [`scheduler`]: rules and schedules, and what they start.
//! - [`iam`], [`sts`]: roles, policies, users; who calls.
//! - [`rds`]: databases, and what is to be done about them.
//! - [`route53`], [`servicediscovery`]: zones and records; namespaces and instances.
//! - [`alarms`]: how CloudWatch's alarms stand, and what is published of that.
//! - [`measure`]: what is published of all this in CloudWatch.
//! - [`names`]: what a name means to a task.
//! - [`scaling`]: how many tasks a service is to have, by measure and by clock.
//! - [`task`]: a task's life: container order, health, stop.
//! - [`service`]: a service's life: rollouts, counts, events.
//! - [`revision`]: when a deleted revision is gone.
//! - [`target`]: when a draining target is gone.
//! - [`routing`]: which rule of a listener takes a request; when a target is healthy.

#[cfg(test)]
mod account;
pub mod acm;
pub mod alarms;
pub mod cx;
pub mod ec2;
pub mod ecs;
pub mod elb;
pub mod events;
pub mod iam;
mod ids;
pub mod measure;
pub mod names;
pub mod operation;
pub mod rds;
pub mod revision;
pub mod route53;
pub mod routing;
pub mod scaling;
pub mod scheduler;
pub mod service;
pub mod servicediscovery;
pub mod ssm;
pub mod sts;
pub mod target;
pub mod task;
pub mod world;

use aws_model::Service;
use world::Record;

pub use cx::{Cx, Ids};
pub use operation::{Input, Kind, Operation, Outcome};
pub use world::{Change, RecordKey, World};

/// What decides over a kind of record, again and again: whenever such a record changes, and at the time that it asks for.
#[derive(Clone, Copy)]
pub struct Watcher {
    /// The kind's table.
    pub table: &'static str,
    /// Whose decision a change of such a record makes due: its own, or that of the record that it hangs on.
    pub due: fn(&RecordKey) -> RecordKey,
    /// Decides for a record of this kind, given its key; none where only others are made due.
    pub decide: Option<fn(&World, &mut Cx<'_>, &RecordKey) -> service::Decision>,
}

/// The kinds of records that are watched.
pub const WATCHERS: &[Watcher] = &[
    own::<scaling::ScalableTarget>(scaling::decide),
    Watcher { table: scaling::ScheduledAction::TABLE, due: scaling::target_of, decide: None },
    own::<events::rule::Rule>(events::fire::decide),
    own::<events::published::Published>(events::published::decide),
    own::<events::delivery::Delivery>(events::delivery::decide),
    own::<scheduler::Schedule>(scheduler::fire::decide),
    own::<rds::instance::Instance>(rds::work::decide),
    own::<rds::snapshot::Snapshot>(rds::work::decide),
];

/// A kind of record that is decided over for itself.
const fn own<R: world::Record>(decide: fn(&World, &mut Cx<'_>, &RecordKey) -> service::Decision) -> Watcher {
    Watcher { table: R::TABLE, due: RecordKey::clone, decide: Some(decide) }
}

/// Returns whose decision a change of this record makes due.
pub fn watched(key: &RecordKey) -> Option<RecordKey> {
    WATCHERS.iter().find(|watcher| watcher.table == key.table).map(|watcher| (watcher.due)(key))
}

/// Decides for a record; the empty decision where it is gone or nothing decides over its kind.
pub fn decide_record(world: &World, cx: &mut Cx<'_>, key: &RecordKey) -> service::Decision {
    let decide = WATCHERS.iter().find(|watcher| watcher.table == key.table).and_then(|watcher| watcher.decide);
    decide.map(|decide| decide(world, cx, key)).unwrap_or_default()
}

/// Every service whose truth is the world alone, with its table. A service may have several. Application Auto Scaling has
/// alarms besides (crate `scaling`).
pub const TABLES: &[(Service, &[Operation])] = &[
    (Service::Route53, route53::OPERATIONS),
    (Service::ServiceDiscovery, servicediscovery::OPERATIONS),
    (Service::Acm, acm::OPERATIONS),
    (Service::Ecs, ecs::OPERATIONS),
    (Service::ElbV2, elb::OPERATIONS),
    (Service::Ssm, ssm::OPERATIONS),
    (Service::Sts, sts::OPERATIONS),
    (Service::Ec2, ec2::OPERATIONS),
    (Service::Iam, iam::OPERATIONS),
    (Service::Events, events::OPERATIONS),
    (Service::Scheduler, scheduler::OPERATIONS),
    (Service::Rds, rds::OPERATIONS),
];
