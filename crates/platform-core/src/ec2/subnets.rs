//! Subnets: parts of a VPC's blocks, each in one availability zone.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::cidr::Cidr;
use super::defaults::{self, AccountRegion};
use super::interfaces;
use super::kinds::{Endpoint, NatGateway, RouteTable, Subnet, Vpc};
use super::tags::given;
use super::thing::{
    Thing, all, depends, describe as describe_things, done, find, fresh, invalid, needed, refuse, refuse_dry_run,
    remove, text,
};
use super::vpcs::{block_of, blocks};
use super::zones;
use crate::{Change, Cx, Input, Outcome, World};

/// Returns the zone of a subnet; the region's first for one that was never made.
pub(crate) fn zone_of(world: &World, region: &str, account: &str, id: &str) -> String {
    let made = world.records.get::<Thing<Subnet>>(region, id).map(|subnet| subnet.body);
    let default = || defaults::subnets(&AccountRegion { region, account }).into_iter().find(|(own, _)| own == id);
    let body = made.or_else(|| Some(default()?.1));
    let zone = body.and_then(|body| body.get("AvailabilityZone")?.as_str().map(str::to_owned));
    zone.unwrap_or_else(|| format!("{region}a"))
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["Ipv6CidrBlock", "OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId"])?;
    let vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    let block = block_of(needed(&input, "CidrBlock")?, "InvalidSubnet.Range")?;
    if !blocks(&vpc).iter().any(|outer| outer.holds(block)) {
        return Err(AwsError::new("InvalidSubnet.Range", format!("The CIDR '{block}' is invalid.")));
    }
    let meets = |subnet: &Thing<Subnet>| {
        subnet.text("VpcId") == vpc.id && Cidr::parse(subnet.text("CidrBlock")).is_some_and(|known| known.meets(block))
    };
    if all::<Subnet>(world, cx).iter().any(meets) {
        let words = format!("The CIDR '{block}' conflicts with another subnet");
        return Err(AwsError::new("InvalidSubnet.Conflict", words));
    }
    let zones = zones::of(cx.region);
    let (name, zone_id) = (text(&input, "AvailabilityZone"), text(&input, "AvailabilityZoneId"));
    let is_asked = |zone: &&zones::Zone| {
        name.is_none_or(|name| zone.name == name) && zone_id.is_none_or(|zone_id| zone.id == zone_id)
    };
    let Some(zone) = zones.iter().find(is_asked) else {
        let named: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
        return Err(invalid(format!(
            "Value ({}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
            name.or(zone_id).unwrap_or_default(),
            named.join(", ")
        )));
    };
    let tags = given::<Subnet>(&input)?;
    let id = fresh::<Subnet>(cx);
    let place = AccountRegion { region: cx.region, account: cx.account };
    let mut subnet =
        Thing::<Subnet>::new(cx.region, id.clone(), defaults::subnet(&place, &id, &vpc.id, &block.to_string(), zone));
    subnet.tags = tags;
    let change = Change::put(&subnet);
    count_addresses(world, cx, &mut subnet);
    Ok(done(json!({"Subnet": subnet.describe()}), vec![change]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut subnets = all::<Subnet>(world, cx);
    subnets.iter_mut().for_each(|subnet| count_addresses(world, cx, subnet));
    describe_things(subnets, input)
}

/// Says how many addresses are left.
fn count_addresses(world: &World, cx: &Cx<'_>, subnet: &mut Thing<Subnet>) {
    let taken = interfaces::all(world, cx).iter().filter(|one| one.text("SubnetId") == subnet.id).count();
    let usable = Cidr::parse(subnet.text("CidrBlock")).map_or(0, Cidr::usable);
    let left = usable.saturating_sub(taken as u64);
    subnet.body.insert("AvailableIpAddressCount".into(), json!(left));
}

/// Changes one attribute at a time, as EC2 does.
pub(super) fn modify(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse(&input, &["CustomerOwnedIpv4Pool", "EnableLniAtDeviceIndex", "DisableLniAtDeviceIndex"])?;
    let mut subnet = find::<Subnet>(world, cx, needed(&input, "SubnetId")?)?;
    const PLAIN: [&str; 4] =
        ["AssignIpv6AddressOnCreation", "EnableDns64", "MapCustomerOwnedIpOnLaunch", "MapPublicIpOnLaunch"];
    const OF_NAMES: [(&str, &str); 2] = [
        ("EnableResourceNameDnsARecordOnLaunch", "EnableResourceNameDnsARecord"),
        ("EnableResourceNameDnsAAAARecordOnLaunch", "EnableResourceNameDnsAAAARecord"),
    ];
    let value = |member: &str| input.get(member).and_then(|value| value.get("Value")).and_then(Value::as_bool);
    for member in PLAIN {
        if let Some(value) = value(member) {
            if value && member != "MapPublicIpOnLaunch" {
                return Err(AwsError::new(
                    "UnsupportedOperation",
                    format!("{member} is not supported by managr's platform"),
                ));
            }
            subnet.body.insert(member.to_owned(), json!(value));
        }
    }
    let options = subnet.body.entry("PrivateDnsNameOptionsOnLaunch").or_insert_with(|| json!({}));
    for (given, kept) in OF_NAMES {
        if let Some(value) = value(given) {
            options[kept] = json!(value);
        }
    }
    if let Some(kind) = text(&input, "PrivateDnsHostnameTypeOnLaunch") {
        options["HostnameType"] = json!(kind);
    }
    Ok(done(Value::Null, vec![Change::put(&subnet)]))
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let subnet = find::<Subnet>(world, cx, needed(&input, "SubnetId")?)?;
    let names = |list: &[Value]| list.iter().any(|id| *id == json!(subnet.id));
    let is_needed = interfaces::all(world, cx).iter().any(|one| one.text("SubnetId") == subnet.id)
        || all::<NatGateway>(world, cx)
            .iter()
            .any(|nat| nat.text("SubnetId") == subnet.id && nat.text("State") != "deleted")
        || all::<Endpoint>(world, cx).iter().any(|endpoint| names(endpoint.list("SubnetIds")));
    if is_needed {
        return Err(depends("subnet", &subnet.id));
    }
    // Its associations with route tables go with it.
    let mut changes = Vec::new();
    for mut table in all::<RouteTable>(world, cx) {
        let associations = table.list_mut("Associations");
        let before = associations.len();
        associations.retain(|one| one["SubnetId"] != json!(subnet.id));
        if associations.len() != before {
            changes.push(Change::put(&table));
        }
    }
    changes.push(remove(cx, subnet));
    Ok(done(Value::Null, changes))
}
