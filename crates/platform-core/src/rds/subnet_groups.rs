//! DB subnet groups, held against EC2's subnets.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::{AwsError, Document};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::{self, done, filters, page, text, texts, value};
use super::instance::Instance;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World, ec2};

/// A DB subnet group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubnetGroup {
    region: String,
    id: String,
    description: String,
    vpc: String,
    subnets: Vec<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

impl Record for SubnetGroup {
    const TABLE: &'static str = "rds.subnet-groups";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) fn find(world: &World, cx: &Cx<'_>, name: &str) -> Result<SubnetGroup, AwsError> {
    let name = name.to_ascii_lowercase();
    let missing = || AwsError::new("DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."));
    world.records.get(cx.region, &name).ok_or_else(missing)
}

/// Returns the description of a group, if there is such a one.
pub(super) fn shown(world: &World, cx: &Cx<'_>, name: &str) -> Option<Value> {
    world.records.get::<SubnetGroup>(cx.region, name).map(|group| show(world, cx, &group))
}

/// Returns the VPC of a group; the default one for none.
pub(super) fn vpc_of(world: &World, cx: &Cx<'_>, name: Option<&str>) -> String {
    let group = name.and_then(|name| world.records.get::<SubnetGroup>(cx.region, name));
    group.map_or_else(|| ec2::vpc_of(world, cx.region, cx.account, ""), |group| group.vpc)
}

/// Returns the zones of a group's subnets, in order.
pub(super) fn zones(world: &World, cx: &Cx<'_>, group: &SubnetGroup) -> BTreeSet<String> {
    group.subnets.iter().map(|id| ec2::zone_of_subnet(world, cx.region, cx.account, id)).collect()
}

fn show(world: &World, cx: &Cx<'_>, group: &SubnetGroup) -> Value {
    let subnet = |id: &String| {
        let zone = ec2::zone_of_subnet(world, cx.region, cx.account, id);
        json!({
            "SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SubnetOutpost": {},
            "SubnetStatus": "Active",
        })
    };
    json!({
        "DBSubnetGroupName": group.id,
        "DBSubnetGroupDescription": group.description,
        "DBSubnetGroupArn": cx.arn("rds", &format!("subgrp:{}", group.id)),
        "VpcId": group.vpc,
        "SubnetGroupStatus": "Complete",
        "Subnets": group.subnets.iter().map(subnet).collect::<Vec<_>>(),
        "SupportedNetworkTypes": ["IPV4"],
    })
}

/// Holds subnets against EC2's: they exist, are of one VPC, and in two zones ("DB subnet groups must contain at least one
/// subnet in at least two AZs", API reference).
fn checked(world: &World, cx: &Cx<'_>, input: &Document) -> Result<(String, Vec<String>), AwsError> {
    let given: BTreeSet<&str> = texts(input, "SubnetIds").into_iter().collect();
    let unknown: Vec<&str> = given.iter().copied().filter(|id| !ec2::has_subnet(world, cx, id)).collect();
    if !unknown.is_empty() {
        let words = format!("Some input subnets in :[{}] are invalid.", unknown.join(", "));
        return Err(AwsError::new("InvalidSubnet", words));
    }
    let vpcs: BTreeSet<String> = given.iter().map(|id| ec2::vpc_of(world, cx.region, cx.account, id)).collect();
    let mut vpcs = vpcs.into_iter();
    let (Some(vpc), None) = (vpcs.next(), vpcs.next()) else {
        return Err(AwsError::new("InvalidSubnet", "The DB subnet group has subnets of several VPCs, or of none."));
    };
    let zones: BTreeSet<String> =
        given.iter().map(|id| ec2::zone_of_subnet(world, cx.region, cx.account, id)).collect();
    if zones.len() < 2 {
        let has: Vec<String> = zones.into_iter().collect();
        return Err(AwsError::new(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            format!(
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {}. \
                 Add subnets to cover at least 2 AZs.",
                has.join(", ")
            ),
        ));
    }
    Ok((vpc, given.into_iter().map(str::to_owned).collect()))
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let id = text(&input, "DBSubnetGroupName").unwrap_or_default().to_ascii_lowercase();
    // "Must contain no more than 255 letters, numbers, periods, underscores, spaces, or hyphens. Must not be default."
    let is_fit = (1..=255).contains(&id.len())
        && id != "default"
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "._ -".contains(c));
    if !is_fit {
        return Err(value(format!("The parameter DBSubnetGroupName is not valid: '{id}'")));
    }
    if world.records.get::<SubnetGroup>(cx.region, &id).is_some() {
        let words = format!("The DB subnet group '{id}' already exists.");
        return Err(AwsError::new("DBSubnetGroupAlreadyExists", words));
    }
    let (vpc, subnets) = checked(world, cx, &input)?;
    let description = text(&input, "DBSubnetGroupDescription").unwrap_or_default().to_owned();
    let group = SubnetGroup { region: cx.region.to_owned(), id, description, vpc, subnets, tags: input::tags(&input)? };
    Ok(done(json!({"DBSubnetGroup": show(world, cx, &group)}), vec![Change::put(&group)]))
}

pub(super) fn modify(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut group = find(world, cx, text(&input, "DBSubnetGroupName").unwrap_or_default())?;
    let (vpc, subnets) = checked(world, cx, &input)?;
    if vpc != group.vpc && is_used(world, cx, &group.id) {
        let words = format!("The DB subnet group '{}' is used by instances of {}.", group.id, group.vpc);
        return Err(AwsError::new("InvalidDBSubnetGroupStateFault", words));
    }
    if let Some(description) = text(&input, "DBSubnetGroupDescription") {
        description.clone_into(&mut group.description);
    }
    (group.vpc, group.subnets) = (vpc, subnets);
    Ok(done(json!({"DBSubnetGroup": show(world, cx, &group)}), vec![Change::put(&group)]))
}

fn is_used(world: &World, cx: &Cx<'_>, id: &str) -> bool {
    world.records.all::<Instance>(cx.region).any(|instance| instance.shape.subnet_group.as_deref() == Some(id))
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let group = find(world, cx, text(&input, "DBSubnetGroupName").unwrap_or_default())?;
    if is_used(world, cx, &group.id) {
        let words = format!(
            "Cannot delete the subnet group '{}' because at least one database instance is still using it.",
            group.id
        );
        return Err(AwsError::new("InvalidDBSubnetGroupStateFault", words));
    }
    Ok(done(json!({}), vec![Change::remove::<SubnetGroup>(cx.region, &group.id)]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    filters(input, &[])?;
    let found = match text(input, "DBSubnetGroupName") {
        Some(name) => vec![find(world, cx, name)?],
        None => world.records.all::<SubnetGroup>(cx.region).collect(),
    };
    Ok(page(input, "DBSubnetGroups", found.iter().map(|group| (group.id.clone(), show(world, cx, group)))))
}
