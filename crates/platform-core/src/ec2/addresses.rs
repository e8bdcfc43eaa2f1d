//! Elastic addresses. They are of a block that is kept for documentation (RFC 5737): no packet ever comes by one, and
//! no other host has them.

use std::net::Ipv4Addr;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::filter;
use super::kinds::Address;
use super::tags::given;
use super::thing::{
    ObjectKind, Thing, all, describe as describe_things, done, find, fresh, fresh_id, invalid, missing, needed, refuse,
    refuse_dry_run, remove, text, texts, yes,
};
use crate::{Change, Cx, Input, Outcome, World};

/// TEST-NET-3.
const FIRST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// As many as the block has.
const MOST: u32 = 254;

pub(super) fn allocate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["Address", "PublicIpv4Pool", "CustomerOwnedIpv4Pool", "IpamPoolId"])?;
    let taken: Vec<String> = all::<Address>(world, cx).iter().map(|one| one.text("PublicIp").to_owned()).collect();
    let mut block = (0..MOST).map(|number| Ipv4Addr::from(u32::from(FIRST) + number).to_string());
    let Some(public) = block.find(|address| !taken.contains(address)) else {
        let words = "The maximum number of addresses has been reached.";
        return Err(AwsError::new("AddressLimitExceeded", words));
    };
    let tags = given::<Address>(&input)?;
    let border = text(&input, "NetworkBorderGroup").unwrap_or(cx.region).to_owned();
    let body = json!({"Domain": "vpc", "NetworkBorderGroup": border, "PublicIp": public, "PublicIpv4Pool": "amazon"});
    let mut address = Thing::<Address>::new(cx.region, fresh::<Address>(cx), body);
    address.tags = tags;
    let reply = json!({
        "AllocationId": address.id, "Domain": "vpc", "NetworkBorderGroup": border, "PublicIp": public,
        "PublicIpv4Pool": "amazon",
    });
    Ok(done(reply, vec![Change::put(&address)]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut addresses = all::<Address>(world, cx);
    let wanted = texts(input, "PublicIps");
    if let Some(absent) = wanted.iter().find(|ip| !addresses.iter().any(|one| one.text("PublicIp") == **ip)) {
        return Err(AwsError::new("InvalidAddress.NotFound", format!("Address '{absent}' not found.")));
    }
    addresses.retain(|one| wanted.is_empty() || wanted.contains(&one.text("PublicIp")));
    describe_things(addresses, input)
}

/// No address has a name of its own here: reverse DNS is the internet's.
pub(super) fn describe_attribute(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let addresses = all::<Address>(world, cx);
    let ids = texts(input, "AllocationIds");
    if let Some(absent) = ids.iter().find(|id| !addresses.iter().any(|one| one.id == **id)) {
        return Err(missing::<Address>(absent));
    }
    let filters = filter::read(input, Address::FILTERS)?;
    let found = addresses.iter().filter(|one| ids.is_empty() || ids.contains(&one.id.as_str()));
    let found = found.filter(|one| filter::matches(&filters, &one.describe(), &one.tags));
    let found: Value = found.map(|one| json!({"AllocationId": one.id, "PublicIp": one.text("PublicIp")})).collect();
    Ok(json!({"Addresses": found}))
}

/// Instances there are none; an interface is the only thing that can have an address.
pub(super) fn associate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    if let Some(id) = text(&input, "InstanceId") {
        return Err(AwsError::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")));
    }
    let address = named(world, cx, &input)?;
    let interface = needed(&input, "NetworkInterfaceId")?.to_owned();
    if !super::interfaces::all(world, cx).iter().any(|one| one.id == interface) {
        let words = format!("The networkInterface ID '{interface}' does not exist");
        return Err(AwsError::new("InvalidNetworkInterfaceID.NotFound", words));
    }
    let again = input.get("AllowReassociation").and_then(Value::as_bool).unwrap_or(false);
    let address = if again { released(address) } else { address };
    let association = fresh_id(cx, "eipassoc-");
    let change = bound(address, &association, &interface, cx.account)?;
    Ok(done(json!({"AssociationId": association}), vec![change]))
}

/// Returns the change that gives an address to an interface.
///
/// # Errors
/// When it has one.
pub(super) fn bound(
    mut address: Thing<Address>,
    association: &str,
    interface: &str,
    account: &str,
) -> Result<Change, AwsError> {
    if address.body.contains_key("AssociationId") {
        let words = format!(
            "resource {} is already associated with associate-id {}",
            address.id,
            address.text("AssociationId")
        );
        return Err(AwsError::new("Resource.AlreadyAssociated", words));
    }
    for (member, value) in
        [("AssociationId", association), ("NetworkInterfaceId", interface), ("NetworkInterfaceOwnerId", account)]
    {
        address.body.insert(member.to_owned(), json!(value));
    }
    Ok(Change::put(&address))
}

/// Returns the change that takes an address back.
pub(super) fn unbound(address: Thing<Address>) -> Change {
    Change::put(&released(address))
}

fn released(mut address: Thing<Address>) -> Thing<Address> {
    for member in ["AssociationId", "NetworkInterfaceId", "NetworkInterfaceOwnerId", "PrivateIpAddress"] {
        address.body.remove(member);
    }
    address
}

fn named(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Thing<Address>, AwsError> {
    if let Some(id) = text(input, "AllocationId") {
        return find::<Address>(world, cx, id);
    }
    let Some(public) = text(input, "PublicIp") else {
        let words = "Either public IP or allocation id must be specified";
        return Err(AwsError::new("MissingParameter", words));
    };
    let is_it = |one: &Thing<Address>| one.text("PublicIp") == public;
    let nothing = || AwsError::new("InvalidAddress.NotFound", format!("Address '{public}' not found."));
    all::<Address>(world, cx).into_iter().find(is_it).ok_or_else(nothing)
}

pub(super) fn disassociate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let address = match text(&input, "AssociationId") {
        Some(id) => {
            let is_it = |one: &Thing<Address>| one.text("AssociationId") == id;
            let words = format!("The association ID '{id}' does not exist");
            let nothing = || AwsError::new("InvalidAssociationID.NotFound", words);
            all::<Address>(world, cx).into_iter().find(is_it).ok_or_else(nothing)?
        }
        None => named(world, cx, &input)?,
    };
    Ok(yes(vec![unbound(address)]))
}

pub(super) fn release(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    if text(&input, "AllocationId").is_none() && text(&input, "PublicIp").is_some() {
        return Err(invalid("You must specify an allocation id when releasing a VPC elastic IP address"));
    }
    let address = named(world, cx, &input)?;
    if address.body.contains_key("AssociationId") {
        let words = format!("Address '{}' is in use.", address.text("PublicIp"));
        return Err(AwsError::new("InvalidIPAddress.InUse", words));
    }
    Ok(done(Value::Null, vec![remove(cx, address)]))
}
