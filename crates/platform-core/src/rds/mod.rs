//! RDS: databases as documents, and what is to be done about them.
//!
//! Nothing of PostgreSQL is here: an operation says what it wants ([`work`]), and whoever runs databases tells how it
//! ended. No password comes here: a master user's is a SCRAM verifier before it is in an input ([`GUARDED`]).

mod catalog;
mod classes;
mod create;
mod ended;
pub mod event;
mod guarded;
mod input;
pub mod instance;
mod modify;
pub mod parameter_group;
mod parameters;
mod settings;
mod show;
pub mod snapshot;
mod snapshots;
mod subnet_groups;
mod tags;
mod versions;
pub mod work;

#[cfg(test)]
mod tests;

pub use create::{RESOURCE, SECRET, check_password, resource_id};
pub use guarded::{Guarded, guarded};
pub(crate) use settings::address;
pub use settings::{DOMAIN, endpoint};

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// RDS's dispatch table, but for what may bring a password.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AddTagsToResource", kind: Write(tags::add) },
    Operation { name: "CopyDBParameterGroup", kind: Write(parameters::copy) },
    Operation { name: "CopyDBSnapshot", kind: Write(snapshots::copy) },
    Operation { name: "CreateDBParameterGroup", kind: Write(parameters::create) },
    Operation { name: "CreateDBSnapshot", kind: Write(snapshots::create) },
    Operation { name: "CreateDBSubnetGroup", kind: Write(subnet_groups::create) },
    Operation { name: "DeleteDBParameterGroup", kind: Write(parameters::delete) },
    Operation { name: "DeleteDBSnapshot", kind: Write(snapshots::delete) },
    Operation { name: "DeleteDBSubnetGroup", kind: Write(subnet_groups::delete) },
    Operation { name: "DescribeCertificates", kind: Read(catalog::certificates) },
    Operation { name: "DescribeDBEngineVersions", kind: Read(catalog::engine_versions) },
    Operation { name: "DescribeDBInstanceAutomatedBackups", kind: Read(modify::automated_backups) },
    Operation { name: "DescribeDBInstances", kind: Read(modify::describe) },
    Operation { name: "DescribeDBParameterGroups", kind: Read(parameters::describe) },
    Operation { name: "DescribeDBParameters", kind: Read(parameters::describe_parameters) },
    Operation { name: "DescribeDBSnapshotAttributes", kind: Read(snapshots::describe_attributes) },
    Operation { name: "DescribeDBSnapshots", kind: Read(snapshots::describe) },
    Operation { name: "DescribeDBSubnetGroups", kind: Read(subnet_groups::describe) },
    Operation { name: "DescribeEngineDefaultParameters", kind: Read(parameters::engine_defaults) },
    Operation { name: "DescribeEvents", kind: Read(event::describe) },
    Operation { name: "DescribeOptionGroups", kind: Read(catalog::option_groups) },
    Operation { name: "DescribeOrderableDBInstanceOptions", kind: Read(catalog::orderable) },
    Operation { name: "DescribePendingMaintenanceActions", kind: Read(catalog::pending_maintenance) },
    Operation { name: "ListTagsForResource", kind: Read(tags::list) },
    Operation { name: "ModifyDBParameterGroup", kind: Write(parameters::modify) },
    Operation { name: "ModifyDBSnapshotAttribute", kind: Write(snapshots::modify_attribute) },
    Operation { name: "ModifyDBSubnetGroup", kind: Write(subnet_groups::modify) },
    Operation { name: "RebootDBInstance", kind: Write(modify::reboot) },
    Operation { name: "RemoveTagsFromResource", kind: Write(tags::remove) },
    Operation { name: "ResetDBParameterGroup", kind: Write(parameters::reset) },
    Operation { name: "StartDBInstance", kind: Write(modify::start) },
    Operation { name: "StopDBInstance", kind: Write(modify::stop) },
];

/// What goes through a door of its own first, which makes a verifier of `MasterUserPassword`, and a secret where RDS is
/// to manage the password: it says the new instance's resource id as [`RESOURCE`], and the secret's ARN as [`SECRET`].
pub const GUARDED: &[Operation] = &[
    Operation { name: "CreateDBInstance", kind: Write(create::create) },
    Operation { name: "DeleteDBInstance", kind: Write(modify::delete) },
    Operation { name: "ModifyDBInstance", kind: Write(modify::modify) },
    Operation { name: "RestoreDBInstanceFromDBSnapshot", kind: Write(create::from_snapshot) },
    Operation { name: "RestoreDBInstanceToPointInTime", kind: Write(create::to_time) },
];
