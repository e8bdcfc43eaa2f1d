//! Which VPCs see a private zone.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::json;

use super::answers::{Made, zone};
use super::{Vpc, zones};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// A VPC as a request names it.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(rename = "VPCRegion")]
    region: Option<String>,
    #[serde(rename = "VPCId")]
    id: Option<String>,
}

impl Asked {
    /// Returns the VPC. It need not exist: ids of networks that were never made are accepted everywhere here.
    pub(super) fn checked(self, cx: &Cx<'_>) -> Result<Vpc, AwsError> {
        let refuse = |words: String| Err(AwsError::new("InvalidVPCId", words));
        match self.id {
            None => refuse("The VPC has no VPCId".into()),
            Some(id) if !id.starts_with("vpc-") => refuse(format!("The VPC ID '{id}' is not valid")),
            Some(id) => Ok(Vpc { region: self.region.unwrap_or_else(|| cx.region.to_owned()), id }),
        }
    }
}

/// Refuses a second zone of one name for a VPC.
pub(crate) fn must_be_free(world: &World, name: &str, vpc: &Vpc) -> Result<(), AwsError> {
    let Some(other) = zones(world).find(|zone| zone.name == name && zone.vpcs.contains(vpc)) else { return Ok(()) };
    let words = format!(
        "The VPC {} in region {} has already been associated with the hosted zone {} with the same domain name.",
        vpc.id, vpc.region, other.id
    );
    Err(AwsError::new("ConflictingDomainExists", words))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Association {
    hosted_zone_id: String,
    #[serde(rename = "VPC")]
    vpc: Asked,
    comment: Option<String>,
}

/// A zone of Cloud Map may be associated too: its records alone are Cloud Map's.
pub(super) fn associate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let asked: Association = read(input)?;
    let mut zone = zone(world, &asked.hosted_zone_id)?;
    let vpc = asked.vpc.checked(cx)?;
    if !zone.is_private {
        let words = format!("You cannot associate a VPC with the public hosted zone {}", zone.id);
        return Err(AwsError::new("PublicZoneVPCAssociation", words));
    }
    must_be_free(world, &zone.name, &vpc)?;
    zone.vpcs.push(vpc);
    done(world, cx, Change::put(&zone), asked.comment)
}

pub(super) fn disassociate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let asked: Association = read(input)?;
    let mut zone = zone(world, &asked.hosted_zone_id)?;
    let vpc = asked.vpc.checked(cx)?;
    if !zone.vpcs.contains(&vpc) {
        let words = format!("The VPC: {} and hosted zone {} are not currently associated", vpc.id, zone.id);
        return Err(AwsError::new("VPCAssociationNotFound", words).with_status(404));
    }
    zone.vpcs.retain(|one| *one != vpc);
    if zone.vpcs.is_empty() {
        let words = format!("Cannot remove last VPC association for the private zone {}", zone.id);
        return Err(AwsError::new("LastVPCAssociation", words));
    }
    done(world, cx, Change::put(&zone), asked.comment)
}

fn done(world: &World, cx: &mut Cx<'_>, change: Change, comment: Option<String>) -> Result<Outcome, AwsError> {
    let made = Made::new(cx, comment);
    let reply = json!({"ChangeInfo": made.describe()});
    Ok(Outcome { reply, changes: [vec![change], made.kept(world)].concat() })
}
