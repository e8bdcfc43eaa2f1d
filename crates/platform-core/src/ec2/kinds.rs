//! The kinds of objects: what they are called, and what they can be filtered by (API reference, each Describe operation).

use aws_model::Document;

use super::defaults::{self, AccountRegion};
use super::thing::ObjectKind;

/// Declares a kind.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $table:literal, $type:literal, $prefix:literal, $id:literal, $ids:literal,
     $list:literal, $missing:literal, $words:literal, [$(($filter:literal, $path:literal)),* $(,)?]
     $(, defaults = $defaults:path)? $(, tags = $tags:literal)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl ObjectKind for $name {
            const TABLE: &'static str = $table;
            const TYPE: &'static str = $type;
            const PREFIX: &'static str = $prefix;
            const ID: &'static str = $id;
            const IDS: &'static str = $ids;
            const LIST: &'static str = $list;
            const MISSING: &'static str = $missing;
            const WORDS: &'static str = $words;
            const FILTERS: &'static [(&'static str, &'static str)] = &[$(($filter, $path)),*];
            $(const TAGS: &'static str = $tags;)?
            $(fn defaults(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
                $defaults(place)
            })?
        }
    };
}

kind!(
    /// A VPC.
    Vpc, "ec2.vpcs", "vpc", "vpc-", "VpcId", "VpcIds", "Vpcs", "InvalidVpcID.NotFound", "vpc ID",
    [
        ("cidr", "CidrBlock"), ("cidr-block-association.association-id", "CidrBlockAssociationSet[].AssociationId"),
        ("cidr-block-association.cidr-block", "CidrBlockAssociationSet[].CidrBlock"),
        ("cidr-block-association.state", "CidrBlockAssociationSet[].CidrBlockState.State"),
        ("dhcp-options-id", "DhcpOptionsId"), ("is-default", "IsDefault"), ("isDefault", "IsDefault"),
        ("owner-id", "OwnerId"), ("state", "State"), ("vpc-id", "VpcId"),
    ],
    defaults = defaults::vpcs
);
kind!(
    /// A subnet.
    Subnet, "ec2.subnets", "subnet", "subnet-", "SubnetId", "SubnetIds", "Subnets", "InvalidSubnetID.NotFound",
    "subnet ID",
    [
        ("availability-zone", "AvailabilityZone"), ("availabilityZone", "AvailabilityZone"),
        ("availability-zone-id", "AvailabilityZoneId"), ("available-ip-address-count", "AvailableIpAddressCount"),
        ("cidr-block", "CidrBlock"), ("cidr", "CidrBlock"), ("cidrBlock", "CidrBlock"),
        ("default-for-az", "DefaultForAz"), ("defaultForAz", "DefaultForAz"),
        ("map-public-ip-on-launch", "MapPublicIpOnLaunch"), ("owner-id", "OwnerId"), ("state", "State"),
        ("subnet-arn", "SubnetArn"), ("subnet-id", "SubnetId"), ("vpc-id", "VpcId"),
    ],
    defaults = defaults::subnets
);
kind!(
    /// A security group, without its rules.
    Group, "ec2.security-groups", "security-group", "sg-", "GroupId", "GroupIds", "SecurityGroups",
    "InvalidGroup.NotFound", "security group",
    [
        ("description", "Description"), ("group-id", "GroupId"), ("group-name", "GroupName"), ("owner-id", "OwnerId"),
        ("vpc-id", "VpcId"), ("ip-permission.cidr", "IpPermissions[].IpRanges[].CidrIp"),
        ("ip-permission.from-port", "IpPermissions[].FromPort"), ("ip-permission.to-port", "IpPermissions[].ToPort"),
        ("ip-permission.protocol", "IpPermissions[].IpProtocol"),
        ("ip-permission.group-id", "IpPermissions[].UserIdGroupPairs[].GroupId"),
        ("egress.ip-permission.cidr", "IpPermissionsEgress[].IpRanges[].CidrIp"),
        ("egress.ip-permission.from-port", "IpPermissionsEgress[].FromPort"),
        ("egress.ip-permission.to-port", "IpPermissionsEgress[].ToPort"),
        ("egress.ip-permission.protocol", "IpPermissionsEgress[].IpProtocol"),
        ("egress.ip-permission.group-id", "IpPermissionsEgress[].UserIdGroupPairs[].GroupId"),
    ],
    defaults = defaults::groups
);
kind!(
    /// A rule of a security group.
    GroupRule, "ec2.security-group-rules", "security-group-rule", "sgr-", "SecurityGroupRuleId", "SecurityGroupRuleIds",
    "SecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound", "security group rule ID",
    [("group-id", "GroupId"), ("security-group-rule-id", "SecurityGroupRuleId")],
    defaults = defaults::group_rules
);
kind!(
    /// A way to the internet.
    InternetGateway, "ec2.internet-gateways", "internet-gateway", "igw-", "InternetGatewayId", "InternetGatewayIds",
    "InternetGateways", "InvalidInternetGatewayID.NotFound", "internetGateway ID",
    [
        ("attachment.state", "Attachments[].State"), ("attachment.vpc-id", "Attachments[].VpcId"),
        ("internet-gateway-id", "InternetGatewayId"), ("owner-id", "OwnerId"),
    ],
    defaults = defaults::internet_gateways
);
kind!(
    /// A way out for subnets without addresses of the internet.
    NatGateway, "ec2.nat-gateways", "natgateway", "nat-", "NatGatewayId", "NatGatewayIds", "NatGateways",
    "NatGatewayNotFound", "nat gateway",
    [("nat-gateway-id", "NatGatewayId"), ("state", "State"), ("subnet-id", "SubnetId"), ("vpc-id", "VpcId")]
);
kind!(
    /// An elastic address.
    Address, "ec2.addresses", "elastic-ip", "eipalloc-", "AllocationId", "AllocationIds", "Addresses",
    "InvalidAllocationID.NotFound", "allocation ID",
    [
        ("allocation-id", "AllocationId"), ("association-id", "AssociationId"), ("public-ip", "PublicIp"),
        ("network-interface-id", "NetworkInterfaceId"), ("private-ip-address", "PrivateIpAddress"),
        ("network-border-group", "NetworkBorderGroup"), ("instance-id", "InstanceId"),
    ]
);
kind!(
    /// A route table.
    RouteTable, "ec2.route-tables", "route-table", "rtb-", "RouteTableId", "RouteTableIds", "RouteTables",
    "InvalidRouteTableID.NotFound", "routeTable ID",
    [
        ("association.gateway-id", "Associations[].GatewayId"), ("association.main", "Associations[].Main"),
        ("association.route-table-association-id", "Associations[].RouteTableAssociationId"),
        ("association.route-table-id", "Associations[].RouteTableId"),
        ("association.subnet-id", "Associations[].SubnetId"), ("owner-id", "OwnerId"),
        ("route-table-id", "RouteTableId"), ("route.destination-cidr-block", "Routes[].DestinationCidrBlock"),
        ("route.gateway-id", "Routes[].GatewayId"), ("route.nat-gateway-id", "Routes[].NatGatewayId"),
        ("route.origin", "Routes[].Origin"), ("route.state", "Routes[].State"), ("vpc-id", "VpcId"),
        ("vpc_id", "VpcId"),
    ],
    defaults = defaults::route_tables
);
kind!(
    /// A private way to a service.
    Endpoint, "ec2.vpc-endpoints", "vpc-endpoint", "vpce-", "VpcEndpointId", "VpcEndpointIds", "VpcEndpoints",
    "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id",
    [
        ("service-name", "ServiceName"), ("vpc-endpoint-id", "VpcEndpointId"), ("vpc-endpoint-state", "State"),
        ("vpc-endpoint-type", "VpcEndpointType"), ("vpc-id", "VpcId"), ("ip-address-type", "IpAddressType"),
    ]
);
kind!(
    /// An access list of a VPC's network. Only the one that each VPC has: others cannot be made here.
    NetworkAcl, "ec2.network-acls", "network-acl", "acl-", "NetworkAclId", "NetworkAclIds", "NetworkAcls",
    "InvalidNetworkAclID.NotFound", "networkAcl ID",
    [
        ("association.subnet-id", "Associations[].SubnetId"), ("default", "IsDefault"),
        ("network-acl-id", "NetworkAclId"), ("owner-id", "OwnerId"), ("vpc-id", "VpcId"),
        ("association.association-id", "Associations[].NetworkAclAssociationId"),
    ],
    defaults = defaults::network_acls
);
kind!(
    /// What DHCP would say. Only the account's own.
    DhcpOptions, "ec2.dhcp-options", "dhcp-options", "dopt-", "DhcpOptionsId", "DhcpOptionsIds", "DhcpOptions",
    "InvalidDhcpOptionID.NotFound", "dhcpOption ID",
    [("dhcp-options-id", "DhcpOptionsId"), ("owner-id", "OwnerId"), ("key", "DhcpConfigurations[].Key")],
    defaults = defaults::dhcp_options
);
kind!(
    /// A network interface. None is kept: they are those of tasks, see [`super::interfaces`].
    Interface, "ec2.network-interfaces", "network-interface", "eni-", "NetworkInterfaceId", "NetworkInterfaceIds",
    "NetworkInterfaces", "InvalidNetworkInterfaceID.NotFound", "networkInterface ID",
    [
        ("addresses.private-ip-address", "PrivateIpAddresses[].PrivateIpAddress"),
        ("attachment.attachment-id", "Attachment.AttachmentId"), ("attachment.status", "Attachment.Status"),
        ("availability-zone", "AvailabilityZone"), ("description", "Description"), ("group-id", "Groups[].GroupId"),
        ("interface-type", "InterfaceType"), ("mac-address", "MacAddress"),
        ("network-interface-id", "NetworkInterfaceId"), ("owner-id", "OwnerId"),
        ("private-dns-name", "PrivateDnsName"), ("private-ip-address", "PrivateIpAddress"),
        ("requester-id", "RequesterId"), ("requester-managed", "RequesterManaged"), ("status", "Status"),
        ("subnet-id", "SubnetId"), ("vpc-id", "VpcId"),
    ],
    tags = "TagSet"
);
