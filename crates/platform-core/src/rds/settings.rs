//! What whoever runs an instance is told of it, and its name in the DNS.

use super::instance::Instance;
use super::work::Settings;
use super::{classes, parameters};
use crate::World;

/// The part of the name that is the same for all: after it a name is a database's of ours.
pub const DOMAIN: &str = "rds.localhost";

pub(super) fn of(world: &World, instance: &Instance) -> Settings {
    let shape = &instance.shape;
    let memory_bytes = classes::memory(&shape.class);
    Settings {
        region: instance.region.clone(),
        id: instance.id.clone(),
        resource: instance.resource.clone(),
        major: instance.major(),
        port: shape.port,
        endpoint: endpoint(instance),
        user: shape.user.clone(),
        verifier: shape.verifier.clone(),
        parameters: parameters::values(world, instance, memory_bytes),
        retention_days: shape.retention_days,
        memory_bytes,
        storage_bytes: u64::from(shape.storage) << 30,
        iam: shape.flags.iam,
    }
}

/// Returns `ID.HASH.REGION.rds.localhost`. RDS's hash is of the account and the region; here it is the account's digits
/// in other clothes, kept with the instance (`described.Hash`), since no decision knows the account later.
pub fn endpoint(instance: &Instance) -> String {
    let hash = instance.shape.described.get("Hash").and_then(serde_json::Value::as_str).unwrap_or("local");
    format!("{}.{hash}.{}.{DOMAIN}", instance.id, instance.region)
}

/// Returns where the instance of a name runs: nothing for a name that no instance has, no address for one that does not
/// run.
pub(crate) fn address(world: &World, name: &str) -> Option<Option<std::net::Ipv4Addr>> {
    let mut all = world.records.everywhere::<Instance>();
    let instance = all.find(|instance| endpoint(instance).eq_ignore_ascii_case(name))?;
    Some(instance.facts.address.as_ref().and_then(|address| address.parse().ok()))
}
