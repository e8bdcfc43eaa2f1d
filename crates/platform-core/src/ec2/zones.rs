//! Regions and their availability zones.

use aws_model::{AwsError, region};
use serde_json::{Value, json};

use super::filter;
use super::thing::{invalid, texts};
use crate::{Cx, Input, World};

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// `us-east-1a`.
    pub(super) name: String,
    /// `use1-az1`. Which name an id has differs between accounts on AWS; here they are in order.
    pub(super) id: String,
}

/// Regions, and the letters of their zones where they are not `abc` (EC2 user guide, "Regions and Zones"; botocore,
/// `partitions.json`).
const REGIONS: [(&str, &str); 36] = [
    ("af-south-1", ""),
    ("ap-east-1", ""),
    ("ap-northeast-1", "acd"),
    ("ap-northeast-2", "abcd"),
    ("ap-northeast-3", ""),
    ("ap-south-1", ""),
    ("ap-south-2", ""),
    ("ap-southeast-1", ""),
    ("ap-southeast-2", ""),
    ("ap-southeast-3", ""),
    ("ap-southeast-4", ""),
    ("ap-southeast-5", ""),
    ("ap-southeast-7", ""),
    ("ca-central-1", "abd"),
    ("ca-west-1", ""),
    ("cn-north-1", "abd"),
    ("cn-northwest-1", ""),
    ("eu-central-1", ""),
    ("eu-central-2", ""),
    ("eu-north-1", ""),
    ("eu-south-1", ""),
    ("eu-south-2", ""),
    ("eu-west-1", ""),
    ("eu-west-2", ""),
    ("eu-west-3", ""),
    ("il-central-1", ""),
    ("me-central-1", ""),
    ("me-south-1", ""),
    ("mx-central-1", ""),
    ("sa-east-1", ""),
    ("us-east-1", "abcdef"),
    ("us-east-2", ""),
    ("us-gov-east-1", ""),
    ("us-gov-west-1", ""),
    ("us-west-1", "ac"),
    ("us-west-2", "abcd"),
];

/// Returns the zones of a region. A region that AWS does not have has three as well: a platform serves any.
pub(super) fn of(region: &str) -> Vec<Zone> {
    let letters = REGIONS.iter().find(|(name, _)| *name == region).map_or("", |(_, letters)| *letters);
    let letters = if letters.is_empty() { "abc" } else { letters };
    let zone = |(letter, number): (char, u32)| Zone {
        name: format!("{region}{letter}"),
        id: format!("{}-az{number}", short(region)),
    };
    letters.chars().zip(1..).map(zone).collect()
}

/// Returns what a region's zone ids begin with: `us-east-1` is `use1`, `ap-southeast-2` is `apse2`.
fn short(region: &str) -> String {
    let mut parts: Vec<&str> = region.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let direction = match parts.pop().unwrap_or_default() {
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        "central" => "c",
        other => other.get(..1).unwrap_or_default(),
    };
    let area = parts.concat();
    // GovCloud's are `usgw1` and `usge1`.
    let area = area.strip_suffix("gov").map_or(area.clone(), |area| format!("{area}g"));
    format!("{area}{direction}{number}")
}

pub(super) fn describe(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    const FILTERS: [(&str, &str); 6] = [
        ("region-name", "RegionName"),
        ("zone-name", "ZoneName"),
        ("zone-id", "ZoneId"),
        ("state", "State"),
        ("zone-type", "ZoneType"),
        ("opt-in-status", "OptInStatus"),
    ];
    let (names, ids) = (texts(input, "ZoneNames"), texts(input, "ZoneIds"));
    let zones = of(cx.region);
    for name in &names {
        if !zones.iter().any(|zone| zone.name == *name) {
            return Err(invalid(format!("Invalid availability zone: [{name}]")));
        }
    }
    let filters = filter::read(input, &FILTERS)?;
    let wanted = |zone: &Zone| {
        (names.is_empty() || names.contains(&zone.name.as_str())) && (ids.is_empty() || ids.contains(&zone.id.as_str()))
    };
    let document = |zone: Zone| {
        json!({
            "GroupName": format!("{}-zg-1", cx.region), "NetworkBorderGroup": cx.region,
            "OptInStatus": "opt-in-not-required", "RegionName": cx.region, "State": "available", "Messages": [],
            "ZoneId": zone.id, "ZoneName": zone.name, "ZoneType": "availability-zone",
        })
    };
    let found = zones.into_iter().filter(wanted).map(document);
    let found: Vec<Value> = found.filter(|zone| filter::matches(&filters, zone, &Default::default())).collect();
    Ok(json!({"AvailabilityZones": found}))
}

pub(super) fn describe_regions(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    const FILTERS: [(&str, &str); 3] =
        [("endpoint", "Endpoint"), ("opt-in-status", "OptInStatus"), ("region-name", "RegionName")];
    let names = texts(input, "RegionNames");
    let partition = region::partition(cx.region);
    let known = || REGIONS.iter().map(|(name, _)| *name).filter(|name| region::partition(name) == partition);
    if let Some(name) = names.iter().find(|name| !known().any(|known| known == **name)) {
        return Err(invalid(format!("Invalid region: '{name}'")));
    }
    let filters = filter::read(input, &FILTERS)?;
    let end = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    // Every region can be used here: none has to be opted in to.
    let document = |name: &str| {
        json!({
            "Endpoint": format!("ec2.{name}.{end}"), "OptInStatus": "opt-in-not-required", "RegionName": name,
        })
    };
    let found = known().filter(|name| names.is_empty() || names.contains(name)).map(document);
    let found: Vec<Value> = found.filter(|region| filter::matches(&filters, region, &Default::default())).collect();
    Ok(json!({"Regions": found}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_as_aws_names_them() {
        let check = |region: &str, want: &str| {
            let zones = of(region);
            assert_eq!(format!("{} {} {}", zones[0].name, zones[0].id, zones.len()), want);
        };
        check("us-east-1", "us-east-1a use1-az1 6");
        check("eu-central-1", "eu-central-1a euc1-az1 3");
        check("ap-southeast-2", "ap-southeast-2a apse2-az1 3");
        check("us-gov-west-1", "us-gov-west-1a usgw1-az1 3");
        check("us-west-1", "us-west-1a usw1-az1 2");
    }
}
