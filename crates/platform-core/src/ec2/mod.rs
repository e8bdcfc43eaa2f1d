//! EC2's network objects: what an application's infrastructure is described with.
//!
//! The platform has no network of Amazon's. VPCs, subnets, groups, gateways and tables are descriptions: kept, checked
//! against each other and answered as EC2 does, and nothing of them is applied to packets. What really is there (the
//! interfaces of tasks) is described as it is. Every region has a default VPC, as every account has since 2013; see
//! `defaults.rs`.
//!
//! Names, codes and messages follow the EC2 API reference and "Error codes for the Amazon EC2 API".

mod addresses;
mod cidr;
mod defaults;
mod endpoints;
mod facts;
mod filter;
mod gateways;
mod groups;
mod interfaces;
mod kinds;
mod permissions;
mod routes;
mod subnets;
mod tags;
mod thing;
mod vpcs;
mod zones;

#[cfg(test)]
mod tests;

pub(crate) use subnets::zone_of as zone_of_subnet;

use crate::operation::Kind::{Read, Write};
use crate::{Cx, Operation, World};

/// Returns the VPC of a subnet. A subnet that was never made here is in the default VPC: calls may name such subnets.
pub(crate) fn vpc_of(world: &World, region: &str, account: &str, subnet: &str) -> String {
    let place = defaults::AccountRegion { region, account };
    let known = world.records.get::<thing::Thing<kinds::Subnet>>(region, subnet);
    let vpc = known.map(|subnet| subnet.text("VpcId").to_owned()).filter(|vpc| !vpc.is_empty());
    vpc.unwrap_or_else(|| place.vpc())
}

/// Returns whether there is such a subnet.
pub(crate) fn has_subnet(world: &World, cx: &Cx<'_>, id: &str) -> bool {
    thing::find::<kinds::Subnet>(world, cx, id).is_ok()
}

/// Returns the VPC of a security group, if there is such a one.
pub(crate) fn vpc_of_group(world: &World, cx: &Cx<'_>, id: &str) -> Option<String> {
    thing::find::<kinds::Group>(world, cx, id).ok().map(|group| group.text("VpcId").to_owned())
}

/// Returns the id of the default security group of a VPC, if it has one.
pub(crate) fn default_group(world: &World, cx: &Cx<'_>, vpc: &str) -> Option<String> {
    let mut all = thing::all::<kinds::Group>(world, cx).into_iter();
    all.find(|group| group.text("VpcId") == vpc && group.text("GroupName") == "default").map(|group| group.id)
}

/// EC2's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AllocateAddress", kind: Write(addresses::allocate) },
    Operation { name: "AssociateAddress", kind: Write(addresses::associate) },
    Operation { name: "AssociateRouteTable", kind: Write(routes::associate) },
    Operation { name: "AssociateVpcCidrBlock", kind: Write(vpcs::associate_cidr) },
    Operation { name: "AttachInternetGateway", kind: Write(gateways::attach) },
    Operation { name: "AuthorizeSecurityGroupEgress", kind: Write(groups::authorize_egress) },
    Operation { name: "AuthorizeSecurityGroupIngress", kind: Write(groups::authorize_ingress) },
    Operation { name: "CreateDefaultVpc", kind: Write(vpcs::create_default) },
    Operation { name: "CreateInternetGateway", kind: Write(gateways::create) },
    Operation { name: "CreateNatGateway", kind: Write(gateways::create_nat) },
    Operation { name: "CreateRoute", kind: Write(routes::create_route) },
    Operation { name: "CreateRouteTable", kind: Write(routes::create) },
    Operation { name: "CreateSecurityGroup", kind: Write(groups::create) },
    Operation { name: "CreateSubnet", kind: Write(subnets::create) },
    Operation { name: "CreateTags", kind: Write(tags::create) },
    Operation { name: "CreateVpc", kind: Write(vpcs::create) },
    Operation { name: "CreateVpcEndpoint", kind: Write(endpoints::create) },
    Operation { name: "DeleteInternetGateway", kind: Write(gateways::delete) },
    Operation { name: "DeleteNatGateway", kind: Write(gateways::delete_nat) },
    Operation { name: "DeleteRoute", kind: Write(routes::delete_route) },
    Operation { name: "DeleteRouteTable", kind: Write(routes::delete) },
    Operation { name: "DeleteSecurityGroup", kind: Write(groups::delete) },
    Operation { name: "DeleteSubnet", kind: Write(subnets::delete) },
    Operation { name: "DeleteTags", kind: Write(tags::delete) },
    Operation { name: "DeleteVpc", kind: Write(vpcs::delete) },
    Operation { name: "DeleteVpcEndpoints", kind: Write(endpoints::delete) },
    Operation { name: "DescribeAccountAttributes", kind: Read(facts::account_attributes) },
    Operation { name: "DescribeAddresses", kind: Read(addresses::describe) },
    Operation { name: "DescribeAddressesAttribute", kind: Read(addresses::describe_attribute) },
    Operation { name: "DescribeAvailabilityZones", kind: Read(zones::describe) },
    Operation { name: "DescribeDhcpOptions", kind: Read(vpcs::describe_dhcp_options) },
    Operation { name: "DescribeInstances", kind: Read(facts::instances) },
    Operation { name: "DescribeInternetGateways", kind: Read(gateways::describe) },
    Operation { name: "DescribeNatGateways", kind: Read(gateways::describe_nat) },
    Operation { name: "DescribeNetworkAcls", kind: Read(vpcs::describe_network_acls) },
    Operation { name: "DescribeNetworkInterfaces", kind: Read(interfaces::describe) },
    Operation { name: "DescribeRegions", kind: Read(zones::describe_regions) },
    Operation { name: "DescribeRouteTables", kind: Read(routes::describe) },
    Operation { name: "DescribeSecurityGroupRules", kind: Read(groups::describe_rules) },
    Operation { name: "DescribeSecurityGroups", kind: Read(groups::describe) },
    Operation { name: "DescribeSubnets", kind: Read(subnets::describe) },
    Operation { name: "DescribeTags", kind: Read(tags::describe) },
    Operation { name: "DescribeVpcAttribute", kind: Read(vpcs::describe_attribute) },
    Operation { name: "DescribeVpcEndpoints", kind: Read(endpoints::describe) },
    Operation { name: "DescribeVpcs", kind: Read(vpcs::describe) },
    Operation { name: "DetachInternetGateway", kind: Write(gateways::detach) },
    Operation { name: "DisassociateAddress", kind: Write(addresses::disassociate) },
    Operation { name: "DisassociateRouteTable", kind: Write(routes::disassociate) },
    Operation { name: "DisassociateVpcCidrBlock", kind: Write(vpcs::disassociate_cidr) },
    Operation { name: "ModifySecurityGroupRules", kind: Write(groups::modify_rules) },
    Operation { name: "ModifySubnetAttribute", kind: Write(subnets::modify) },
    Operation { name: "ModifyVpcAttribute", kind: Write(vpcs::modify) },
    Operation { name: "ModifyVpcEndpoint", kind: Write(endpoints::modify) },
    Operation { name: "ReleaseAddress", kind: Write(addresses::release) },
    Operation { name: "ReplaceRoute", kind: Write(routes::replace_route) },
    Operation { name: "ReplaceRouteTableAssociation", kind: Write(routes::replace_association) },
    Operation { name: "RevokeSecurityGroupEgress", kind: Write(groups::revoke_egress) },
    Operation { name: "RevokeSecurityGroupIngress", kind: Write(groups::revoke_ingress) },
    Operation { name: "UpdateSecurityGroupRuleDescriptionsEgress", kind: Write(groups::describe_egress) },
    Operation { name: "UpdateSecurityGroupRuleDescriptionsIngress", kind: Write(groups::describe_ingress) },
];
