//! What every account has in every region without having made it: a default VPC with its subnets, group, gateway, route
//! table and access list (VPC guide, "Default VPC components").
//!
//! They are not stored until they are changed: their ids follow from account and region, so that they are the same
//! after every start and every reset, and a platform that is never asked about networks keeps nothing about them.

use aws_model::{Document, region};
use serde_json::{Value, json};

use super::zones;
use crate::Ids;

/// Where something is.
pub(super) struct AccountRegion<'a> {
    pub(super) region: &'a str,
    pub(super) account: &'a str,
}

/// The block of every default VPC.
pub(super) const BLOCK: &str = "172.31.0.0/16";

impl AccountRegion<'_> {
    /// Returns the id of a default object: the same for one account and region.
    pub(super) fn id(&self, prefix: &str, which: &str) -> String {
        // FNV-1a: stable over versions of the compiler, unlike the standard hasher.
        let bytes = [self.account, self.region, prefix, which].into_iter().flat_map(|part| part.bytes().chain([0]));
        let seed =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        let mut ids = Ids::new(seed);
        format!("{prefix}{:016x}{:x}", ids.next(), ids.next() & 0xf)
    }

    pub(super) fn vpc(&self) -> String {
        self.id("vpc-", "default")
    }

    fn subnet(&self, zone: &str) -> String {
        self.id("subnet-", zone)
    }
}

fn object(value: Value) -> Document {
    match value {
        Value::Object(object) => object,
        _ => Document::new(),
    }
}

pub(super) fn vpcs(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let association = place.id("vpc-cidr-assoc-", "default");
    let body = vpc(place, BLOCK, &association, "default", true);
    vec![(place.vpc(), object(body))]
}

/// Returns the document of a VPC.
pub(super) fn vpc(place: &AccountRegion<'_>, block: &str, association: &str, tenancy: &str, is_default: bool) -> Value {
    json!({
        "CidrBlock": block,
        "CidrBlockAssociationSet": [
            {"AssociationId": association, "CidrBlock": block, "CidrBlockState": {"State": "associated"}}
        ],
        "DhcpOptionsId": place.id("dopt-", "default"),
        "InstanceTenancy": tenancy,
        "Ipv6CidrBlockAssociationSet": [],
        "IsDefault": is_default,
        "OwnerId": place.account,
        "State": "available",
    })
}

pub(super) fn subnets(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let zones = zones::of(place.region);
    let one = |(number, zone): (usize, &zones::Zone)| {
        // Blocks of /20, one behind the other.
        let block = format!("172.31.{}.0/20", number * 16);
        let id = place.subnet(&zone.name);
        let mut body = object(subnet(place, &id, &place.vpc(), &block, zone));
        body.insert("DefaultForAz".into(), json!(true));
        body.insert("MapPublicIpOnLaunch".into(), json!(true));
        (id, body)
    };
    zones.iter().enumerate().map(one).collect()
}

/// Returns the document of a subnet.
pub(super) fn subnet(place: &AccountRegion<'_>, id: &str, vpc: &str, block: &str, zone: &zones::Zone) -> Value {
    json!({
        "AssignIpv6AddressOnCreation": false,
        "AvailabilityZone": zone.name,
        "AvailabilityZoneId": zone.id,
        "CidrBlock": block,
        "DefaultForAz": false,
        "EnableDns64": false,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": false,
        "MapCustomerOwnedIpOnLaunch": false,
        "MapPublicIpOnLaunch": false,
        "OwnerId": place.account,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name", "EnableResourceNameDnsARecord": false, "EnableResourceNameDnsAAAARecord": false,
        },
        "State": "available",
        "SubnetArn": region::arn("ec2", place.region, place.account, &format!("subnet/{id}")),
        "VpcId": vpc,
    })
}

pub(super) fn groups(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let id = place.id("sg-", "default");
    vec![(id.clone(), object(group(place, &id, &place.vpc(), "default", "default VPC security group")))]
}

/// Returns the document of a security group.
pub(super) fn group(place: &AccountRegion<'_>, id: &str, vpc: &str, name: &str, description: &str) -> Value {
    json!({
        "Description": description,
        "GroupName": name,
        "OwnerId": place.account,
        "SecurityGroupArn": region::arn("ec2", place.region, place.account, &format!("security-group/{id}")),
        "VpcId": vpc,
    })
}

/// A default group lets in what comes from itself, and lets everything out.
pub(super) fn group_rules(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let group = place.id("sg-", "default");
    let rule = |id: String, body: Value| (id.clone(), object(with_arn(place, &id, body)));
    vec![
        rule(place.id("sgr-", "in"), from_itself(place, &group)),
        rule(place.id("sgr-", "out"), to_everywhere(place, &group)),
    ]
}

/// Returns the rule that lets in what comes from the group itself.
pub(super) fn from_itself(place: &AccountRegion<'_>, group: &str) -> Value {
    json!({
        "GroupId": group, "GroupOwnerId": place.account, "IsEgress": false, "IpProtocol": "-1", "FromPort": -1,
        "ToPort": -1, "ReferencedGroupInfo": {"GroupId": group, "UserId": place.account},
    })
}

/// Returns the rule that lets everything out, which every new group has.
pub(super) fn to_everywhere(place: &AccountRegion<'_>, group: &str) -> Value {
    json!({
        "GroupId": group, "GroupOwnerId": place.account, "IsEgress": true, "IpProtocol": "-1", "FromPort": -1,
        "ToPort": -1, "CidrIpv4": "0.0.0.0/0",
    })
}

/// Adds the ARN of a rule.
pub(super) fn with_arn(place: &AccountRegion<'_>, id: &str, mut rule: Value) -> Value {
    let arn = region::arn("ec2", place.region, place.account, &format!("security-group-rule/{id}"));
    rule["SecurityGroupRuleArn"] = json!(arn);
    rule
}

pub(super) fn internet_gateways(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let attached = json!([{"State": "available", "VpcId": place.vpc()}]);
    let body = json!({"Attachments": attached, "OwnerId": place.account});
    vec![(place.id("igw-", "default"), object(body))]
}

pub(super) fn route_tables(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let id = place.id("rtb-", "default");
    let mut body = main_table(place, &id, &place.vpc(), BLOCK, &place.id("rtbassoc-", "default"));
    let out = json!({
        "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": place.id("igw-", "default"), "Origin": "CreateRoute",
        "State": "active",
    });
    if let Some(routes) = body["Routes"].as_array_mut() {
        routes.push(out);
    }
    vec![(id, object(body))]
}

/// Returns the document of the table that a VPC is made with.
pub(super) fn main_table(place: &AccountRegion<'_>, id: &str, vpc: &str, block: &str, association: &str) -> Value {
    let mut body = table(place, vpc, &[block.to_owned()]);
    body["Associations"] = json!([{
        "Main": true, "RouteTableAssociationId": association, "RouteTableId": id,
        "AssociationState": {"State": "associated"},
    }]);
    body
}

/// Returns the document of a table with the routes that every table has.
pub(super) fn table(place: &AccountRegion<'_>, vpc: &str, blocks: &[String]) -> Value {
    let local = |block: &String| json!({"DestinationCidrBlock": block, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    json!({
        "Associations": [], "OwnerId": place.account, "PropagatingVgws": [],
        "Routes": blocks.iter().map(local).collect::<Value>(), "VpcId": vpc,
    })
}

pub(super) fn network_acls(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    vec![(place.id("acl-", "default"), object(acl(place, &place.vpc())))]
}

/// Returns the document of the access list that a VPC is made with: everything passes.
pub(super) fn acl(place: &AccountRegion<'_>, vpc: &str) -> Value {
    let entry = |egress: bool, number: u32, action: &str| {
        json!({
            "CidrBlock": "0.0.0.0/0", "Egress": egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number,
        })
    };
    json!({
        "Associations": [],
        "Entries": [
            entry(true, 100, "allow"), entry(true, 32_767, "deny"), entry(false, 100, "allow"),
            entry(false, 32_767, "deny"),
        ],
        "IsDefault": true, "OwnerId": place.account, "VpcId": vpc,
    })
}

pub(super) fn dhcp_options(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
    let domain = region::private_domain(place.region);
    let one = |key: &str, value: &str| json!({"Key": key, "Values": [{"Value": value}]});
    let body = json!({
        "DhcpConfigurations": [one("domain-name", &domain), one("domain-name-servers", "AmazonProvidedDNS")],
        "OwnerId": place.account,
    });
    vec![(place.id("dopt-", "default"), object(body))]
}
