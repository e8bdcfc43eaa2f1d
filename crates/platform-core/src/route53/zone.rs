//! What a hosted zone is.

use serde::{Deserialize, Serialize};

use crate::World;
use crate::world::Record;

/// A hosted zone. It is the same in all regions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// `Z...`.
    pub id: String,
    /// Its name, canonical.
    pub name: String,
    /// What its maker called it, once.
    pub caller_reference: String,
    /// Comment.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whether it is seen from its VPCs alone.
    pub is_private: bool,
    /// The VPCs of a private zone.
    #[serde(default)]
    pub vpcs: Vec<Vpc>,
    /// Its name servers; none of a private zone of ours is ever asked.
    #[serde(default)]
    pub servers: Vec<String>,
    /// The reusable set that the name servers are of.
    #[serde(default)]
    pub delegation_set: Option<String>,
    /// The service that made it, for whom it alone changes.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// Tags, key and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
}

/// A VPC that sees a private zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its region.
    #[serde(rename = "VPCRegion")]
    pub region: String,
    /// `vpc-...`.
    #[serde(rename = "VPCId")]
    pub id: String,
}

/// Cloud Map's namespace that a zone belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The namespace's region.
    pub region: String,
    /// `ns-...`.
    pub namespace: String,
    /// The namespace's ARN.
    pub arn: String,
}

impl Record for Zone {
    const TABLE: &'static str = "route53.zones";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Zone {
    /// Returns whether a name is asked for here by who is in a region: a private zone is seen from its VPCs' regions,
    /// since all networks of a region are one here.
    pub fn is_seen_from(&self, region: &str) -> bool {
        !self.is_private || self.vpcs.iter().any(|vpc| vpc.region == region)
    }
}

/// Returns all zones.
pub(crate) fn all(world: &World) -> impl Iterator<Item = Zone> {
    world.records.all::<Zone>("")
}
