//! What the door of passwords must know of an instance before it asks the world.

use super::input::{instance_named, snapshot_named, text};
use super::instance::Instance;
use crate::{Cx, Input, World};

/// Of the instance that a call is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guarded {
    /// Its resource id, if it is there already.
    pub resource: Option<String>,
    /// Its master user.
    pub user: String,
    /// The ARN of the secret that holds its password, if RDS manages it.
    pub secret: Option<String>,
}

/// Returns what is known of the instance that a call is about; nothing where the world will refuse the call.
pub fn guarded(world: &World, cx: &Cx<'_>, operation: &str, input: &Input) -> Guarded {
    let named = |member: &str| text(input, member).and_then(|name| instance_named(world, cx, name).ok());
    let user = |instance: Option<Instance>| instance.map(|instance| instance.shape.user).unwrap_or_default();
    match operation {
        "CreateDBInstance" => {
            let user = text(input, "MasterUsername").unwrap_or_default().to_owned();
            Guarded { user, ..Guarded::default() }
        }
        "RestoreDBInstanceFromDBSnapshot" => {
            let snapshot = text(input, "DBSnapshotIdentifier").and_then(|name| snapshot_named(world, cx, name).ok());
            Guarded { user: snapshot.map(|snapshot| snapshot.shape.user).unwrap_or_default(), ..Guarded::default() }
        }
        "RestoreDBInstanceToPointInTime" => {
            let by_resource = || world.records.get(cx.region, text(input, "SourceDbiResourceId")?);
            Guarded { user: user(named("SourceDBInstanceIdentifier").or_else(by_resource)), ..Guarded::default() }
        }
        _ => named("DBInstanceIdentifier").map_or_else(Guarded::default, |instance| Guarded {
            resource: Some(instance.resource),
            user: instance.shape.user,
            secret: instance.shape.secret,
        }),
    }
}
