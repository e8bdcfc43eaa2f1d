//! What happens to a network that is made, used and taken down, as Terraform does it.

use serde_json::{Value, json};

use super::OPERATIONS;
use crate::account::Account;

impl Account {
    fn made(&mut self, operation: &str, input: Value, id: &str) -> String {
        let reply = self.call(operation, input).unwrap();
        reply.pointer(id).and_then(Value::as_str).unwrap_or_else(|| panic!("{operation}: {reply}")).to_owned()
    }
}

fn in_ireland() -> Account {
    let mut account = Account::new();
    account.region = "eu-west-1";
    account
}

#[test]
fn the_table_is_in_order_and_of_the_model() {
    assert!(OPERATIONS.is_sorted_by(|a, b| a.name < b.name));
    let model = aws_model::Service::Ec2.model();
    assert!(OPERATIONS.iter().all(|row| model.operation(row.name).is_some()));
}

#[test]
fn every_region_has_a_default_vpc_that_is_the_same_each_time() {
    let mut account = in_ireland();
    let first = account.call("DescribeVpcs", json!({"Filters": [{"Name": "is-default", "Values": ["true"]}]})).unwrap();
    assert_eq!(first["Vpcs"][0]["CidrBlock"], "172.31.0.0/16");
    let vpc = first["Vpcs"][0]["VpcId"].clone();
    assert_eq!(in_ireland().call("DescribeVpcs", json!({})).unwrap()["Vpcs"][0]["VpcId"], vpc);
    let of_vpc = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]});
    let subnets = account.call("DescribeSubnets", of_vpc.clone()).unwrap();
    let zones: Vec<&str> =
        subnets["Subnets"].as_array().unwrap().iter().filter_map(|one| one["AvailabilityZone"].as_str()).collect();
    assert_eq!(zones.len(), 3);
    assert_eq!(subnets["Subnets"][0]["AvailableIpAddressCount"], 4091);
    let groups = account.call("DescribeSecurityGroups", of_vpc).unwrap();
    assert_eq!(groups["SecurityGroups"][0]["GroupName"], "default");
    assert_eq!(groups["SecurityGroups"][0]["IpPermissions"][0]["IpProtocol"], "-1");
    account.region = "us-east-1";
    assert_ne!(account.call("DescribeVpcs", json!({})).unwrap()["Vpcs"][0]["VpcId"], vpc);
}

#[test]
fn a_default_vpc_can_be_deleted_and_made_again() {
    let mut account = in_ireland();
    let vpc = account.call("DescribeVpcs", json!({})).unwrap()["Vpcs"][0]["VpcId"].clone();
    let refused = account.call("DeleteVpc", json!({"VpcId": vpc})).unwrap_err();
    assert!(refused.starts_with("DependencyViolation"), "{refused}");
    for subnet in account.call("DescribeSubnets", json!({})).unwrap()["Subnets"].as_array().unwrap() {
        account.call("DeleteSubnet", json!({"SubnetId": subnet["SubnetId"]})).unwrap();
    }
    let gateway =
        account.call("DescribeInternetGateways", json!({})).unwrap()["InternetGateways"][0]["InternetGatewayId"]
            .clone();
    account.call("DetachInternetGateway", json!({"InternetGatewayId": gateway, "VpcId": vpc})).unwrap();
    account.call("DeleteInternetGateway", json!({"InternetGatewayId": gateway})).unwrap();
    account.call("DeleteVpc", json!({"VpcId": vpc})).unwrap();
    assert_eq!(account.call("DescribeVpcs", json!({})).unwrap(), json!({"Vpcs": []}));
    assert_eq!(account.call("DescribeSecurityGroups", json!({})).unwrap(), json!({"SecurityGroups": []}));
    account.call("CreateDefaultVpc", json!({})).unwrap();
    assert_eq!(account.call("DescribeVpcs", json!({})).unwrap()["Vpcs"][0]["VpcId"], vpc);
    assert_eq!(account.call("DescribeSubnets", json!({})).unwrap()["Subnets"].as_array().unwrap().len(), 3);
    let refused = account.call("CreateDefaultVpc", json!({})).unwrap_err();
    assert!(refused.starts_with("DefaultVpcAlreadyExists"), "{refused}");
}

#[test]
fn a_network_is_made_and_taken_down() {
    let mut account = in_ireland();
    let tags = json!([{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "shop"}]}]);
    let vpc = account.made("CreateVpc", json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": tags}), "/Vpc/VpcId");
    let by_tag = json!({"Filters": [{"Name": "tag:Name", "Values": ["sh?p"]}]});
    assert_eq!(account.call("DescribeVpcs", by_tag).unwrap()["Vpcs"][0]["VpcId"], json!(vpc));
    let of_vpc =
        json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]});
    let main = account.made("DescribeRouteTables", of_vpc, "/RouteTables/0/RouteTableId");
    let subnet = account.made("CreateSubnet", json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24"}), "/Subnet/SubnetId");
    let check = |account: &mut Account, operation: &str, input: Value, want: &str| {
        let got = account.call(operation, input).unwrap_err();
        assert!(got.starts_with(want), "{operation}: {got}");
    };
    check(&mut account, "CreateSubnet", json!({"VpcId": vpc, "CidrBlock": "10.0.1.128/25"}), "InvalidSubnet.Conflict");
    check(&mut account, "CreateSubnet", json!({"VpcId": vpc, "CidrBlock": "10.1.1.0/24"}), "InvalidSubnet.Range");
    check(&mut account, "CreateVpc", json!({"CidrBlock": "10.0.0.0/8"}), "InvalidVpc.Range");
    check(
        &mut account,
        "DescribeVpcs",
        json!({"VpcIds": ["vpc-1"]}),
        "InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist",
    );

    let gateway = account.made("CreateInternetGateway", json!({}), "/InternetGateway/InternetGatewayId");
    account.call("AttachInternetGateway", json!({"InternetGatewayId": gateway, "VpcId": vpc})).unwrap();
    let table = account.made("CreateRouteTable", json!({"VpcId": vpc}), "/RouteTable/RouteTableId");
    let route = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway});
    account.call("CreateRoute", route.clone()).unwrap();
    account.call("CreateRoute", route).unwrap();
    let association =
        account.made("AssociateRouteTable", json!({"RouteTableId": table, "SubnetId": subnet}), "/AssociationId");
    check(
        &mut account,
        "AssociateRouteTable",
        json!({"RouteTableId": main, "SubnetId": subnet}),
        "Resource.AlreadyAssociated",
    );
    let address = account.made("AllocateAddress", json!({"Domain": "vpc"}), "/AllocationId");
    let nat = account.made(
        "CreateNatGateway",
        json!({"SubnetId": subnet, "AllocationId": address}),
        "/NatGateway/NatGatewayId",
    );
    check(&mut account, "ReleaseAddress", json!({"AllocationId": address}), "InvalidIPAddress.InUse");
    check(&mut account, "DeleteSubnet", json!({"SubnetId": subnet}), "DependencyViolation");
    check(&mut account, "DeleteVpc", json!({"VpcId": vpc}), "DependencyViolation");

    account.call("DeleteNatGateway", json!({"NatGatewayId": nat})).unwrap();
    account.call("ReleaseAddress", json!({"AllocationId": address})).unwrap();
    account.call("DisassociateRouteTable", json!({"AssociationId": association})).unwrap();
    account.call("DeleteRouteTable", json!({"RouteTableId": table})).unwrap();
    account.call("DeleteSubnet", json!({"SubnetId": subnet})).unwrap();
    account.call("DetachInternetGateway", json!({"InternetGatewayId": gateway, "VpcId": vpc})).unwrap();
    account.call("DeleteInternetGateway", json!({"InternetGatewayId": gateway})).unwrap();
    account.call("DeleteVpc", json!({"VpcId": vpc})).unwrap();
    assert_eq!(account.call("DescribeVpcs", json!({})).unwrap()["Vpcs"].as_array().unwrap().len(), 1);
    assert_eq!(account.call("DescribeRouteTables", json!({})).unwrap()["RouteTables"].as_array().unwrap().len(), 1);
}

#[test]
fn rules_of_groups_are_one_for_each_peer() {
    let mut account = in_ireland();
    let input = json!({"GroupName": "web", "Description": "web"});
    let group = account.made("CreateSecurityGroup", input.clone(), "/GroupId");
    let refused = account.call("CreateSecurityGroup", input).unwrap_err();
    assert!(refused.starts_with("InvalidGroup.Duplicate"), "{refused}");
    let permission = json!({
        "IpProtocol": "6", "FromPort": 80, "ToPort": 80,
        "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "inside"}, {"CidrIp": "0.0.0.0/0"}],
        "UserIdGroupPairs": [{"GroupId": group}],
    });
    let asked = json!({"GroupId": group, "IpPermissions": [permission]});
    let rules = account.call("AuthorizeSecurityGroupIngress", asked.clone()).unwrap();
    assert_eq!(rules["SecurityGroupRules"].as_array().unwrap().len(), 3);
    let refused = account.call("AuthorizeSecurityGroupIngress", asked.clone()).unwrap_err();
    assert_eq!(
        refused,
        "InvalidPermission.Duplicate: the specified rule \"peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW\" already exists"
    );
    let described = account.call("DescribeSecurityGroups", json!({"GroupIds": [group]})).unwrap();
    let one = &described["SecurityGroups"][0];
    assert_eq!(one["IpPermissions"][0]["IpProtocol"], "tcp");
    assert_eq!(one["IpPermissions"][0]["IpRanges"][0], json!({"CidrIp": "10.0.0.0/8", "Description": "inside"}));
    assert_eq!(one["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"], json!(group));
    assert_eq!(one["IpPermissionsEgress"][0]["IpRanges"], json!([{"CidrIp": "0.0.0.0/0"}]));
    account.call("RevokeSecurityGroupIngress", asked.clone()).unwrap();
    let refused = account.call("RevokeSecurityGroupIngress", asked).unwrap_err();
    assert!(refused.starts_with("InvalidPermission.NotFound"), "{refused}");
    account.call("DeleteSecurityGroup", json!({"GroupId": group})).unwrap();
}

#[test]
fn tags_are_put_on_taken_off_and_listed() {
    let mut account = in_ireland();
    let vpc = account.call("DescribeVpcs", json!({})).unwrap()["Vpcs"][0]["VpcId"].clone();
    let tags = json!([{"Key": "Name", "Value": "x"}, {"Key": "team", "Value": "a"}]);
    account.call("CreateTags", json!({"Resources": [vpc], "Tags": tags})).unwrap();
    let listed = account.call("DescribeTags", json!({"Filters": [{"Name": "key", "Values": ["Name"]}]})).unwrap();
    assert_eq!(listed["Tags"], json!([{"Key": "Name", "ResourceId": vpc, "ResourceType": "vpc", "Value": "x"}]));
    account
        .call("DeleteTags", json!({"Resources": [vpc], "Tags": [{"Key": "team", "Value": "b"}, {"Key": "Name"}]}))
        .unwrap();
    let left = account.call("DescribeVpcs", json!({})).unwrap();
    assert_eq!(left["Vpcs"][0]["Tags"], json!([{"Key": "team", "Value": "a"}]));
    let refused = account.call("CreateTags", json!({"Resources": ["i-1"], "Tags": []})).unwrap_err();
    assert!(refused.starts_with("InvalidID"), "{refused}");
}

#[test]
fn pages_are_cut_by_id() {
    let mut account = in_ireland();
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let mut input = json!({"MaxResults": 2});
        if let Some(token) = token {
            input["NextToken"] = token;
        }
        let page = account.call("DescribeSubnets", input).unwrap();
        seen.extend(page["Subnets"].as_array().unwrap().iter().map(|one| one["SubnetId"].clone()));
        token = page.get("NextToken").cloned();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3);
}
