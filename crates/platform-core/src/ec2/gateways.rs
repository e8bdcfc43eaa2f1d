//! Gateways: to the internet, and for those who only call out.

use aws_model::{AwsError, seconds};
use serde_json::{Value, json};

use super::addresses;
use super::kinds::{Address, InternetGateway, NatGateway, RouteTable, Subnet, Vpc};
use super::tags::given;
use super::thing::{
    Thing, all, describe as describe_things, done, find, fresh, fresh_id, needed, refuse, refuse_dry_run, remove, text,
};
use crate::{Change, Cx, Input, Outcome, World};

pub(super) fn create(_: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let tags = given::<InternetGateway>(&input)?;
    let id = fresh::<InternetGateway>(cx);
    let mut gateway = Thing::<InternetGateway>::new(cx.region, id, json!({"Attachments": [], "OwnerId": cx.account}));
    gateway.tags = tags;
    Ok(done(json!({"InternetGateway": gateway.describe()}), vec![Change::put(&gateway)]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_things(all::<InternetGateway>(world, cx), input)
}

pub(super) fn attach(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let mut gateway = find::<InternetGateway>(world, cx, needed(&input, "InternetGatewayId")?)?;
    let vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    if !gateway.list("Attachments").is_empty() {
        let words = format!(
            "resource {} is already attached to network {}",
            gateway.id,
            gateway.list("Attachments")[0]["VpcId"].as_str().unwrap_or_default()
        );
        return Err(AwsError::new("Resource.AlreadyAssociated", words));
    }
    if all::<InternetGateway>(world, cx).iter().any(|one| is_attached(one, &vpc.id)) {
        let words = format!("Network {} already has an internet gateway attached", vpc.id);
        return Err(AwsError::new("InvalidParameterValue", words));
    }
    gateway.list_mut("Attachments").push(json!({"State": "available", "VpcId": vpc.id}));
    Ok(done(Value::Null, vec![Change::put(&gateway)]))
}

fn is_attached(gateway: &Thing<InternetGateway>, vpc: &str) -> bool {
    gateway.list("Attachments").iter().any(|one| one["VpcId"] == json!(vpc))
}

pub(super) fn detach(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let mut gateway = find::<InternetGateway>(world, cx, needed(&input, "InternetGatewayId")?)?;
    let vpc = needed(&input, "VpcId")?;
    if !is_attached(&gateway, vpc) {
        let words = format!("resource {} is not attached to network {vpc}", gateway.id);
        return Err(AwsError::new("Gateway.NotAttached", words));
    }
    gateway.list_mut("Attachments").clear();
    Ok(done(Value::Null, vec![Change::put(&gateway)]))
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let gateway = find::<InternetGateway>(world, cx, needed(&input, "InternetGatewayId")?)?;
    if !gateway.list("Attachments").is_empty() {
        let words = format!("The internetGateway '{}' has dependencies and cannot be deleted.", gateway.id);
        return Err(AwsError::new("DependencyViolation", words));
    }
    Ok(done(Value::Null, vec![remove(cx, gateway)]))
}

/// A gateway for those who only call out is there at once.
pub(super) fn create_nat(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["SecondaryAllocationIds", "SecondaryPrivateIpAddresses", "SecondaryPrivateIpAddressCount"])?;
    refuse(&input, &["PrivateIpAddress", "AvailabilityZoneAddresses", "VpcId"])?;
    let tags = given::<NatGateway>(&input)?;
    let token = text(&input, "ClientToken").map(str::to_owned);
    let is_again = |nat: &Thing<NatGateway>| token.as_deref().is_some_and(|token| nat.text("Token") == token);
    if let Some(nat) = all::<NatGateway>(world, cx).into_iter().find(is_again) {
        return Ok(done(json!({"NatGateway": told(nat).describe(), "ClientToken": token}), Vec::new()));
    }
    let subnet = find::<Subnet>(world, cx, needed(&input, "SubnetId")?)?;
    let kind = text(&input, "ConnectivityType").unwrap_or("public");
    let id = fresh::<NatGateway>(cx);
    let interface = fresh_id(cx, "eni-");
    let mut address = json!({"IsPrimary": true, "NetworkInterfaceId": interface, "Status": "succeeded"});
    let mut changes = Vec::new();
    match (kind, text(&input, "AllocationId")) {
        ("public", Some(allocation)) => {
            let allocated = find::<Address>(world, cx, allocation)?;
            let association = fresh_id(cx, "eipassoc-");
            address["AllocationId"] = json!(allocation);
            address["AssociationId"] = json!(association);
            address["PublicIp"] = json!(allocated.text("PublicIp"));
            changes.push(addresses::bound(allocated, &association, &interface, cx.account)?);
        }
        ("public", None) => {
            let words = "The request must contain the parameter AllocationId when ConnectivityType is public";
            return Err(AwsError::new("MissingParameter", words));
        }
        (_, Some(_)) => {
            let words = "AllocationId cannot be given when ConnectivityType is private";
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
        (_, None) => {}
    }
    let body = json!({
        "ConnectivityType": kind, "CreateTime": seconds(cx.now), "NatGatewayAddresses": [address], "State": "available",
        "SubnetId": subnet.id, "VpcId": subnet.text("VpcId"), "Token": token,
    });
    let mut nat = Thing::<NatGateway>::new(cx.region, id, body);
    nat.tags = tags;
    changes.push(Change::put(&nat));
    Ok(done(json!({"NatGateway": told(nat).describe(), "ClientToken": token}), changes))
}

/// Leaves out what is only remembered.
fn told(mut nat: Thing<NatGateway>) -> Thing<NatGateway> {
    nat.body.remove("Token");
    nat
}

/// One that was deleted is shown for an hour (API reference, DeleteNatGateway: "about an hour").
pub(super) fn describe_nat(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let hour_ago = cx.now - 3_600_000;
    let is_shown = |nat: &Thing<NatGateway>| {
        nat.body.get("DeleteTime").and_then(Value::as_f64).is_none_or(|at| at * 1_000.0 > hour_ago as f64)
    };
    let mut input = input.clone();
    // This operation has `Filter` where the others have `Filters`.
    if let Some(filters) = input.remove("Filter") {
        input.insert("Filters".into(), filters);
    }
    describe_things(all::<NatGateway>(world, cx).into_iter().filter(is_shown).map(told).collect(), &input)
}

pub(super) fn delete_nat(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let mut nat = find::<NatGateway>(world, cx, needed(&input, "NatGatewayId")?)?;
    let mut changes = Vec::new();
    // Its address is free again, and routes to it lead nowhere.
    for address in nat.list("NatGatewayAddresses") {
        if let Some(allocation) = address["AllocationId"].as_str()
            && let Ok(allocated) = find::<Address>(world, cx, allocation)
        {
            changes.push(addresses::unbound(allocated));
        }
    }
    for mut table in all::<RouteTable>(world, cx) {
        let mut is_changed = false;
        for route in table.list_mut("Routes").iter_mut().filter(|route| route["NatGatewayId"] == json!(nat.id)) {
            route["State"] = json!("blackhole");
            is_changed = true;
        }
        changes.extend(is_changed.then(|| Change::put(&table)));
    }
    nat.body.insert("State".into(), json!("deleted"));
    nat.body.insert("DeleteTime".into(), seconds(cx.now));
    changes.push(Change::put(&nat));
    Ok(done(json!({"NatGatewayId": nat.id}), changes))
}
