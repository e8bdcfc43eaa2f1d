//! Route 53: hosted zones and their records, which the platform's name server answers with ([`crate::names`]).
//!
//! The records of Cloud Map's instances are in its zones as if they were kept there, and follow from the instances.
//! Health checks, traffic policies, DNSSEC and reusable delegation sets are refused by name.

mod answers;
mod change;
mod create;
mod list;
pub(crate) mod name;
pub(crate) mod set;
mod tags;
mod values;
mod vpcs;
mod zone;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub(crate) use create::{new as new_zone, put as put_zone, remove as remove_zone};
pub use set::RecordSet;
pub(crate) use vpcs::must_be_free as zone_must_be_free;
pub(crate) use zone::all as zones;
pub use zone::{Owner, Vpc, Zone};

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// Route 53's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AssociateVPCWithHostedZone", kind: Write(vpcs::associate) },
    Operation { name: "ChangeResourceRecordSets", kind: Write(change::change) },
    Operation { name: "ChangeTagsForResource", kind: Write(tags::change) },
    Operation { name: "CreateHostedZone", kind: Write(create::create) },
    Operation { name: "DeleteHostedZone", kind: Write(create::delete) },
    Operation { name: "DisassociateVPCFromHostedZone", kind: Write(vpcs::disassociate) },
    Operation { name: "GetChange", kind: Read(answers::get_change) },
    Operation { name: "GetDNSSEC", kind: Read(list::dnssec) },
    Operation { name: "GetHostedZone", kind: Read(list::get) },
    Operation { name: "GetHostedZoneCount", kind: Read(list::count) },
    Operation { name: "ListHostedZones", kind: Read(list::list) },
    Operation { name: "ListHostedZonesByName", kind: Read(list::list_by_name) },
    Operation { name: "ListHostedZonesByVPC", kind: Read(list::list_by_vpc) },
    Operation { name: "ListResourceRecordSets", kind: Read(list::list_sets) },
    Operation { name: "ListTagsForResource", kind: Read(list::list_tags) },
    Operation { name: "ListTagsForResources", kind: Read(list::list_tags_of_several) },
    Operation { name: "UpdateHostedZoneComment", kind: Write(create::update_comment) },
];
