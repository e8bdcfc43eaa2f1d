//! Route tables, their routes, and the subnets that use them.

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::defaults::{self, AccountRegion};
use super::kinds::{InternetGateway, NatGateway, RouteTable, Subnet, Vpc};
use super::tags::given;
use super::thing::{
    Thing, all, depends, describe as describe_things, done, find, fresh, fresh_id, invalid, missing, needed, refuse,
    refuse_dry_run, remove, text, yes,
};
use super::vpcs::blocks;
use crate::{Change, Cx, Input, Outcome, World};

/// Where a route may lead that exists here.
const WAYS: [&str; 4] = ["GatewayId", "NatGatewayId", "NetworkInterfaceId", "VpcEndpointId"];
/// Where a route may lead on AWS and nothing is here.
const OTHER_WAYS: [&str; 8] = [
    "TransitGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "EgressOnlyInternetGatewayId",
    "InstanceId",
    "VpcPeeringConnectionId",
];
/// What a route is for.
const DESTINATIONS: [&str; 3] = ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    let tags = given::<RouteTable>(&input)?;
    let id = fresh::<RouteTable>(cx);
    let place = AccountRegion { region: cx.region, account: cx.account };
    let blocks: Vec<String> = blocks(&vpc).iter().map(ToString::to_string).collect();
    let mut table = Thing::<RouteTable>::new(cx.region, id, defaults::table(&place, &vpc.id, &blocks));
    table.tags = tags;
    Ok(done(json!({"RouteTable": table.describe()}), vec![Change::put(&table)]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_things(all::<RouteTable>(world, cx), input)
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let table = find::<RouteTable>(world, cx, needed(&input, "RouteTableId")?)?;
    if !table.list("Associations").is_empty() {
        return Err(depends("routeTable", &table.id));
    }
    Ok(done(Value::Null, vec![remove(cx, table)]))
}

pub(super) fn create_route(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let mut table = find::<RouteTable>(world, cx, needed(&input, "RouteTableId")?)?;
    let (member, destination) = destination(&input)?;
    let route = route(world, cx, &input, member, &destination)?;
    if let Some(known) = table.list("Routes").iter().find(|known| known[member] == json!(destination)) {
        // The same once more is no error.
        if WAYS.iter().all(|way| known.get(*way) == route.get(*way)) {
            return Ok(yes(Vec::new()));
        }
        let words = format!("The route identified by {destination} already exists.");
        return Err(AwsError::new("RouteAlreadyExists", words));
    }
    table.list_mut("Routes").push(Value::Object(route));
    Ok(yes(vec![Change::put(&table)]))
}

pub(super) fn replace_route(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["LocalTarget"])?;
    let mut table = find::<RouteTable>(world, cx, needed(&input, "RouteTableId")?)?;
    let (member, destination) = destination(&input)?;
    let route = route(world, cx, &input, member, &destination)?;
    let at = place_of(&table, member, &destination)?;
    table.list_mut("Routes")[at] = Value::Object(route);
    Ok(done(Value::Null, vec![Change::put(&table)]))
}

pub(super) fn delete_route(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let mut table = find::<RouteTable>(world, cx, needed(&input, "RouteTableId")?)?;
    let (member, destination) = destination(&input)?;
    let at = place_of(&table, member, &destination)?;
    if table.list("Routes")[at]["GatewayId"] == json!("local") {
        let words = format!("cannot remove local route {destination} in route table {}", table.id);
        return Err(invalid(words));
    }
    table.list_mut("Routes").remove(at);
    Ok(done(Value::Null, vec![Change::put(&table)]))
}

fn place_of(table: &Thing<RouteTable>, member: &str, destination: &str) -> Result<usize, AwsError> {
    let words = format!("no route with destination-cidr-block {destination} in route table {}", table.id);
    let nothing = || AwsError::new("InvalidRoute.NotFound", words);
    table.list("Routes").iter().position(|route| route[member] == json!(destination)).ok_or_else(nothing)
}

fn destination(input: &Input) -> Result<(&'static str, String), AwsError> {
    let given: Vec<(&'static str, &str)> =
        DESTINATIONS.into_iter().filter_map(|member| Some((member, text(input, member)?))).collect();
    match given.as_slice() {
        [("DestinationCidrBlock", block)] => {
            let read = super::cidr::Cidr::parse(block);
            let words = format!(
                "Value ({block}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
            );
            Ok(("DestinationCidrBlock", read.ok_or_else(|| invalid(words))?.to_string()))
        }
        [(member, value)] => Ok((member, (*value).to_owned())),
        [] => {
            let words = "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock or destinationPrefixListId";
            Err(AwsError::new("MissingParameter", words))
        }
        _ => Err(AwsError::new("InvalidParameterCombination", "A route has one destination")),
    }
}

fn route(world: &World, cx: &Cx<'_>, input: &Input, member: &str, destination: &str) -> Result<Document, AwsError> {
    refuse(input, &OTHER_WAYS)?;
    let given: Vec<(&str, &str)> = WAYS.into_iter().filter_map(|way| Some((way, text(input, way)?))).collect();
    let [(way, id)] = given.as_slice() else {
        let words =
            "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcEndpointId";
        return Err(AwsError::new("MissingParameter", words));
    };
    match *way {
        "GatewayId" if *id == "local" => return Err(invalid("A route to local cannot be made")),
        "GatewayId" if id.starts_with("igw-") => drop(find::<InternetGateway>(world, cx, id)?),
        "GatewayId" => {
            return Err(AwsError::new("InvalidGatewayID.NotFound", format!("The gateway ID '{id}' does not exist")));
        }
        "NatGatewayId" => {
            let nat = find::<NatGateway>(world, cx, id)?;
            if nat.text("State") != "available" {
                return Err(missing::<NatGateway>(id));
            }
        }
        "NetworkInterfaceId" if !super::interfaces::all(world, cx).iter().any(|one| one.id == *id) => {
            return Err(missing::<super::kinds::Interface>(id));
        }
        "VpcEndpointId" => drop(find::<super::kinds::Endpoint>(world, cx, id)?),
        _ => {}
    }
    Ok(Document::from_iter([
        (member.to_owned(), json!(destination)),
        ((*way).to_owned(), json!(id)),
        ("Origin".to_owned(), json!("CreateRoute")),
        ("State".to_owned(), json!("active")),
    ]))
}

pub(super) fn associate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["PublicIpv4Pool"])?;
    let mut table = find::<RouteTable>(world, cx, needed(&input, "RouteTableId")?)?;
    let (member, id) = match (text(&input, "SubnetId"), text(&input, "GatewayId")) {
        (Some(subnet), None) => ("SubnetId", find::<Subnet>(world, cx, subnet)?.id),
        (None, Some(gateway)) => ("GatewayId", find::<InternetGateway>(world, cx, gateway)?.id),
        _ => {
            let words = "The request must contain exactly one of gatewayId, subnetId";
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
    };
    let is_it = |one: &Value| one[member] == json!(id);
    if let Some(known) = table.list("Associations").iter().find(|one| is_it(one)) {
        let reply =
            json!({"AssociationId": known["RouteTableAssociationId"], "AssociationState": {"State": "associated"}});
        return Ok(done(reply, Vec::new()));
    }
    if all::<RouteTable>(world, cx).iter().any(|other| other.list("Associations").iter().any(is_it)) {
        let words =
            format!("the specified association for route table {} conflicts with an existing association", table.id);
        return Err(AwsError::new("Resource.AlreadyAssociated", words));
    }
    let association = fresh_id(cx, "rtbassoc-");
    let mut document = json!({
        "AssociationState": {"State": "associated"}, "Main": false, "RouteTableAssociationId": association,
        "RouteTableId": table.id,
    });
    document[member] = json!(id);
    table.list_mut("Associations").push(document);
    let reply = json!({"AssociationId": association, "AssociationState": {"State": "associated"}});
    Ok(done(reply, vec![Change::put(&table)]))
}

/// Returns the table with an association, and where in it.
fn with_association(world: &World, cx: &Cx<'_>, id: &str) -> Result<(Thing<RouteTable>, usize), AwsError> {
    for table in all::<RouteTable>(world, cx) {
        let at = table.list("Associations").iter().position(|one| one["RouteTableAssociationId"] == json!(id));
        if let Some(at) = at {
            return Ok((table, at));
        }
    }
    Err(AwsError::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist")))
}

pub(super) fn disassociate(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let (mut table, at) = with_association(world, cx, needed(&input, "AssociationId")?)?;
    if table.list("Associations")[at]["Main"] == json!(true) {
        let words = "cannot disassociate the main route table association";
        return Err(invalid(words));
    }
    table.list_mut("Associations").remove(at);
    Ok(done(Value::Null, vec![Change::put(&table)]))
}

/// Moves an association to another table: of a subnet, or which table is the VPC's main one.
pub(super) fn replace_association(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let (mut from, at) = with_association(world, cx, needed(&input, "AssociationId")?)?;
    let mut to = find::<RouteTable>(world, cx, needed(&input, "RouteTableId")?)?;
    let fresh = fresh_id(cx, "rtbassoc-");
    let mut moved = from.list_mut("Associations").remove(at);
    moved["RouteTableAssociationId"] = json!(fresh);
    moved["RouteTableId"] = json!(to.id);
    let mut changes = Vec::new();
    if from.id == to.id {
        from.list_mut("Associations").push(moved);
        changes.push(Change::put(&from));
    } else {
        to.list_mut("Associations").push(moved);
        changes.extend([Change::put(&from), Change::put(&to)]);
    }
    let reply = json!({"NewAssociationId": fresh, "AssociationState": {"State": "associated"}});
    Ok(done(reply, changes))
}
