//! VPCs: made with a route table, a group and an access list; deleted when nothing else is in them.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::cidr::Cidr;
use super::defaults::{self, AccountRegion};
use super::kinds::{
    DhcpOptions, Endpoint, Group, GroupRule, InternetGateway, NatGateway, NetworkAcl, RouteTable, Subnet, Vpc,
};
use super::tags::given;
use super::thing::{
    ObjectKind, Thing, all, depends, describe as describe_things, done, find, fresh, fresh_id, invalid, needed, refuse,
    refuse_dry_run, remove, text,
};
use crate::{Change, Cx, Input, Outcome, World};

/// What a VPC does not have as a member of its document, and only `DescribeVpcAttribute` answers.
const ATTRIBUTES: [(&str, &str, bool); 3] = [
    ("enableDnsHostnames", "EnableDnsHostnames", false),
    ("enableDnsSupport", "EnableDnsSupport", true),
    ("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics", false),
];

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut vpcs = all::<Vpc>(world, cx);
    for vpc in &mut vpcs {
        ATTRIBUTES.iter().for_each(|(_, member, _)| {
            vpc.body.remove(*member);
        });
    }
    describe_things(vpcs, input)
}

pub(super) fn create(_: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["Ipv6Pool", "Ipv6CidrBlock", "Ipv4IpamPoolId", "Ipv6IpamPoolId", "VpcEncryptionControl"])?;
    if input.get("AmazonProvidedIpv6CidrBlock").and_then(Value::as_bool) == Some(true) {
        refuse(&input, &["AmazonProvidedIpv6CidrBlock"])?;
    }
    let block = block_of(needed(&input, "CidrBlock")?, "InvalidVpc.Range")?.to_string();
    let tenancy = text(&input, "InstanceTenancy").unwrap_or("default").to_owned();
    let tags = given::<Vpc>(&input)?;
    let id = fresh::<Vpc>(cx);
    let association = fresh_id(cx, "vpc-cidr-assoc-");
    let place = AccountRegion { region: cx.region, account: cx.account };
    let body = defaults::vpc(&place, &block, &association, &tenancy, false);
    let (vpc, changes) = with_parts(cx, Thing::new(cx.region, id, body), &block, tags);
    Ok(done(json!({"Vpc": vpc.describe()}), changes))
}

/// Adds what a VPC is made with.
fn with_parts(
    cx: &mut Cx<'_>,
    mut vpc: Thing<Vpc>,
    block: &str,
    tags: std::collections::BTreeMap<String, String>,
) -> (Thing<Vpc>, Vec<Change>) {
    vpc.tags = tags;
    let (group, table, acl) = (fresh::<Group>(cx), fresh::<RouteTable>(cx), fresh::<NetworkAcl>(cx));
    let (rule_in, rule_out) = (fresh::<GroupRule>(cx), fresh::<GroupRule>(cx));
    let association = fresh_id(cx, "rtbassoc-");
    let place = AccountRegion { region: cx.region, account: cx.account };
    let region = cx.region;
    let rule =
        |id: String, body: Value| Thing::<GroupRule>::new(region, id.clone(), defaults::with_arn(&place, &id, body));
    let changes = vec![
        Change::put(&vpc),
        Change::put(&Thing::<RouteTable>::new(
            region,
            table.clone(),
            defaults::main_table(&place, &table, &vpc.id, block, &association),
        )),
        Change::put(&Thing::<NetworkAcl>::new(region, acl, defaults::acl(&place, &vpc.id))),
        Change::put(&Thing::<Group>::new(
            region,
            group.clone(),
            defaults::group(&place, &group, &vpc.id, "default", "default VPC security group"),
        )),
        Change::put(&rule(rule_in, defaults::from_itself(&place, &group))),
        Change::put(&rule(rule_out, defaults::to_everywhere(&place, &group))),
    ];
    (vpc, changes)
}

/// Makes the default VPC again after it was deleted: the same one, with all its parts.
pub(super) fn create_default(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    if all::<Vpc>(world, cx).iter().any(|vpc| vpc.flag("IsDefault")) {
        let words = "A Default VPC already exists for this account in this region.";
        return Err(AwsError::new("DefaultVpcAlreadyExists", words));
    }
    fn again<K: ObjectKind>(cx: &Cx<'_>, changes: &mut Vec<Change>) {
        let place = AccountRegion { region: cx.region, account: cx.account };
        changes.extend(K::defaults(&place).into_iter().map(|(id, _)| Change::remove::<Thing<K>>(cx.region, &id)));
    }
    let mut changes = Vec::new();
    again::<Vpc>(cx, &mut changes);
    again::<Subnet>(cx, &mut changes);
    again::<Group>(cx, &mut changes);
    again::<GroupRule>(cx, &mut changes);
    again::<InternetGateway>(cx, &mut changes);
    again::<RouteTable>(cx, &mut changes);
    again::<NetworkAcl>(cx, &mut changes);
    let place = AccountRegion { region: cx.region, account: cx.account };
    let (id, body) = defaults::vpcs(&place).swap_remove(0);
    let vpc = Thing::<Vpc>::new(cx.region, id, Value::Object(body));
    Ok(done(json!({"Vpc": vpc.describe()}), changes))
}

/// Deletes a VPC with what it was made with; whatever else is in it must have gone.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    let is_of = |text: &str| text == vpc.id;
    let tables = all::<RouteTable>(world, cx);
    let is_main = |table: &Thing<RouteTable>| table.list("Associations").iter().any(|one| one["Main"] == json!(true));
    let groups = all::<Group>(world, cx);
    let attached =
        |gateway: &Thing<InternetGateway>| gateway.list("Attachments").iter().any(|one| one["VpcId"] == json!(vpc.id));
    let is_needed = all::<Subnet>(world, cx).iter().any(|subnet| is_of(subnet.text("VpcId")))
        || all::<InternetGateway>(world, cx).iter().any(attached)
        || all::<NatGateway>(world, cx).iter().any(|nat| is_of(nat.text("VpcId")) && nat.text("State") != "deleted")
        || all::<Endpoint>(world, cx).iter().any(|endpoint| is_of(endpoint.text("VpcId")))
        || tables.iter().any(|table| is_of(table.text("VpcId")) && !is_main(table))
        || groups.iter().any(|group| is_of(group.text("VpcId")) && group.text("GroupName") != "default");
    if is_needed {
        return Err(depends("vpc", &vpc.id));
    }
    let mut changes = Vec::new();
    for table in tables.into_iter().filter(|table| is_of(table.text("VpcId"))) {
        changes.push(remove(cx, table));
    }
    for group in groups.into_iter().filter(|group| is_of(group.text("VpcId"))) {
        let rules = all::<GroupRule>(world, cx).into_iter().filter(|rule| rule.text("GroupId") == group.id);
        changes.extend(rules.map(|rule| remove(cx, rule)));
        changes.push(remove(cx, group));
    }
    for acl in all::<NetworkAcl>(world, cx).into_iter().filter(|acl| is_of(acl.text("VpcId"))) {
        changes.push(remove(cx, acl));
    }
    changes.push(remove(cx, vpc));
    Ok(done(Value::Null, changes))
}

pub(super) fn describe_attribute(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let vpc = find::<Vpc>(world, cx, needed(input, "VpcId")?)?;
    let asked = needed(input, "Attribute")?;
    let (_, member, default) = ATTRIBUTES
        .iter()
        .find(|(name, _, _)| *name == asked)
        .ok_or_else(|| invalid(format!("Value ({asked}) for parameter attribute is invalid.")))?;
    // A default VPC gives names to its instances.
    let default = *default || vpc.flag("IsDefault") && *member == "EnableDnsHostnames";
    let value = vpc.body.get(*member).and_then(Value::as_bool).unwrap_or(default);
    let mut answer = json!({"VpcId": vpc.id});
    answer[*member] = json!({"Value": value});
    Ok(answer)
}

/// Changes one attribute at a time, as EC2 does.
pub(super) fn modify(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    let value = |member: &str| input.get(member).and_then(|value| value.get("Value")).and_then(Value::as_bool);
    let wanted: Vec<(&str, bool)> =
        ATTRIBUTES.iter().filter_map(|(_, member, _)| Some((*member, value(member)?))).collect();
    match wanted.as_slice() {
        [] => return Err(AwsError::new("MissingParameter", "The request must contain exactly one VPC attribute")),
        [(member, value)] => vpc.body.insert((*member).to_owned(), json!(value)),
        _ => {
            let words = "Fields for multiple attribute types specified";
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
    };
    Ok(done(Value::Null, vec![Change::put(&vpc)]))
}

pub(super) fn associate_cidr(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse(&input, &["Ipv6CidrBlock", "Ipv6Pool", "Ipv4IpamPoolId", "Ipv6IpamPoolId", "AmazonProvidedIpv6CidrBlock"])?;
    let mut vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    let block = block_of(needed(&input, "CidrBlock")?, "InvalidVpc.Range")?;
    if blocks(&vpc).into_iter().any(|known| known.meets(block)) {
        let words = format!("The CIDR '{block}' conflicts with another CIDR block of the VPC.");
        return Err(AwsError::new("InvalidVpc.Conflict", words));
    }
    let id = fresh_id(cx, "vpc-cidr-assoc-");
    let association =
        json!({"AssociationId": id, "CidrBlock": block.to_string(), "CidrBlockState": {"State": "associated"}});
    vpc.list_mut("CidrBlockAssociationSet").push(association.clone());
    let mut changes = vec![Change::put(&vpc)];
    changes.extend(with_local_route(world, cx, &vpc.id, &block.to_string(), true));
    Ok(done(json!({"VpcId": vpc.id, "CidrBlockAssociation": association}), changes))
}

pub(super) fn disassociate_cidr(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let asked = needed(&input, "AssociationId")?;
    let has =
        |vpc: &Thing<Vpc>| vpc.list("CidrBlockAssociationSet").iter().any(|one| one["AssociationId"] == json!(asked));
    let Some(mut vpc) = all::<Vpc>(world, cx).into_iter().find(has) else {
        let words = format!("The vpc CIDR block association ID '{asked}' does not exist");
        return Err(AwsError::new("InvalidVpcCidrBlockAssociationID.NotFound", words));
    };
    let list = vpc.list_mut("CidrBlockAssociationSet");
    let at = list.iter().position(|one| one["AssociationId"] == json!(asked)).unwrap_or_default();
    let mut association = list.remove(at);
    let block = association["CidrBlock"].as_str().unwrap_or_default().to_owned();
    if block == vpc.text("CidrBlock") {
        let words = format!(
            "The vpc CIDR block with association ID {asked} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
        );
        return Err(AwsError::new("OperationNotPermitted", words));
    }
    let outer = Cidr::parse(&block);
    let is_in = |subnet: &Thing<Subnet>| {
        subnet.text("VpcId") == vpc.id
            && outer.zip(Cidr::parse(subnet.text("CidrBlock"))).is_some_and(|(outer, inner)| outer.holds(inner))
    };
    if all::<Subnet>(world, cx).iter().any(is_in) {
        return Err(depends("CIDR block", &block));
    }
    association["CidrBlockState"] = json!({"State": "disassociating"});
    let mut changes = vec![Change::put(&vpc)];
    changes.extend(with_local_route(world, cx, &vpc.id, &block, false));
    Ok(done(json!({"VpcId": vpc.id, "CidrBlockAssociation": association}), changes))
}

/// Every table of a VPC has a route to each of its blocks.
fn with_local_route(world: &World, cx: &Cx<'_>, vpc: &str, block: &str, is_there: bool) -> Vec<Change> {
    let of_vpc = all::<RouteTable>(world, cx).into_iter().filter(|table| table.text("VpcId") == vpc);
    let change = |mut table: Thing<RouteTable>| {
        let routes = table.list_mut("Routes");
        routes.retain(|route| route["GatewayId"] != json!("local") || route["DestinationCidrBlock"] != json!(block));
        if is_there {
            routes.push(json!({
                "DestinationCidrBlock": block, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active",
            }));
        }
        Change::put(&table)
    };
    of_vpc.map(change).collect()
}

/// Returns the blocks of a VPC.
pub(super) fn blocks(vpc: &Thing<Vpc>) -> Vec<Cidr> {
    let texts = vpc.list("CidrBlockAssociationSet").iter().filter_map(|one| one["CidrBlock"].as_str());
    texts.filter_map(Cidr::parse).collect()
}

/// Reads a block of a VPC or a subnet: between /28 and /16 (API reference).
pub(super) fn block_of(text: &str, code: &'static str) -> Result<Cidr, AwsError> {
    let malformed =
        || invalid(format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."));
    let block = Cidr::parse(text).ok_or_else(malformed)?;
    if (16..=28).contains(&block.length()) {
        return Ok(block);
    }
    Err(AwsError::new(code, format!("The CIDR '{text}' is invalid.")))
}

pub(super) fn describe_dhcp_options(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_things(all::<DhcpOptions>(world, cx), input)
}

/// All subnets of a VPC are under its one access list.
pub(super) fn describe_network_acls(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let subnets = all::<Subnet>(world, cx);
    let mut acls = all::<NetworkAcl>(world, cx);
    let place = AccountRegion { region: cx.region, account: cx.account };
    for acl in &mut acls {
        let vpc = acl.text("VpcId").to_owned();
        let of_vpc = subnets.iter().filter(|subnet| subnet.text("VpcId") == vpc);
        let associations = of_vpc.map(|subnet| {
            json!({
                "NetworkAclAssociationId": place.id("aclassoc-", &subnet.id), "NetworkAclId": acl.id,
                "SubnetId": subnet.id,
            })
        });
        let associations: Value = associations.collect();
        acl.body.insert("Associations".into(), associations);
    }
    describe_things(acls, input)
}
