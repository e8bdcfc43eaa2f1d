//! Private ways to services. What they are for is reached without them here; they are described.

use aws_model::{AwsError, seconds};
use serde_json::{Value, json};

use super::defaults::AccountRegion;
use super::kinds::{Endpoint, Group, RouteTable, Subnet, Vpc};
use super::tags::given;
use super::thing::{
    ObjectKind, Thing, all, describe as describe_things, done, find, fresh, invalid, needed, refuse, refuse_dry_run,
    text, texts, yes,
};
use crate::{Change, Cx, Input, Outcome, World};

/// What an endpoint lets pass if nothing is said (VPC guide, "Default endpoint policy").
const POLICY: &str = r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["ServiceNetworkArn", "ResourceConfigurationArn", "SubnetConfigurations", "ServiceRegion"])?;
    let token = text(&input, "ClientToken").map(str::to_owned);
    let is_again = |endpoint: &Thing<Endpoint>| token.as_deref().is_some_and(|token| endpoint.text("Token") == token);
    if let Some(endpoint) = all::<Endpoint>(world, cx).into_iter().find(is_again) {
        return Ok(done(json!({"VpcEndpoint": told(endpoint).describe(), "ClientToken": token}), Vec::new()));
    }
    let vpc = find::<Vpc>(world, cx, needed(&input, "VpcId")?)?;
    let service = needed(&input, "ServiceName")?;
    let kind = text(&input, "VpcEndpointType").unwrap_or("Gateway");
    let name = service.rsplit('.').next().unwrap_or_default();
    match kind {
        "Gateway" if !["s3", "dynamodb"].contains(&name) => {
            let words = format!(
                "Endpoint type (Gateway) does not match available service types ([Interface]) for the service {service}."
            );
            return Err(AwsError::new("InvalidParameter", words));
        }
        "Gateway" | "Interface" => {}
        other => {
            return Err(AwsError::new(
                "UnsupportedOperation",
                format!("VpcEndpointType {other} is not supported by managr's platform"),
            ));
        }
    }
    let policy = match text(&input, "PolicyDocument") {
        Some(policy) => read_policy(policy)?.to_owned(),
        None => POLICY.to_owned(),
    };
    let tables = named::<RouteTable>(world, cx, &input, "RouteTableIds")?;
    let subnets = named::<Subnet>(world, cx, &input, "SubnetIds")?;
    let mut groups = named::<Group>(world, cx, &input, "SecurityGroupIds")?;
    if kind == "Interface" && groups.is_empty() {
        let is_default = |group: &Thing<Group>| group.text("VpcId") == vpc.id && group.text("GroupName") == "default";
        groups.extend(all::<Group>(world, cx).into_iter().find(is_default).map(|group| group.id));
    }
    let tags = given::<Endpoint>(&input)?;
    let id = fresh::<Endpoint>(cx);
    let private = input.get("PrivateDnsEnabled").and_then(Value::as_bool).unwrap_or(kind == "Interface");
    let place = AccountRegion { region: cx.region, account: cx.account };
    let interfaces: Value = match kind {
        "Interface" => subnets.iter().map(|subnet| json!(place.id("eni-", &format!("{id} {subnet}")))).collect(),
        _ => json!([]),
    };
    let names = if kind == "Interface" {
        json!([{"DnsName": format!("{id}.{name}.{}.vpce.amazonaws.com", cx.region)}])
    } else {
        json!([])
    };
    let mut body = json!({
        "CreationTimestamp": seconds(cx.now), "DnsEntries": names, "Groups": with_names(world, cx, &groups),
        "IpAddressType": text(&input, "IpAddressType").unwrap_or("ipv4"), "NetworkInterfaceIds": interfaces,
        "OwnerId": cx.account, "PolicyDocument": policy, "PrivateDnsEnabled": private, "RequesterManaged": false,
        "RouteTableIds": tables, "ServiceName": service, "State": "available", "SubnetIds": subnets, "Token": token,
        "VpcEndpointType": kind, "VpcId": vpc.id,
    });
    if kind == "Interface" {
        body["DnsOptions"] = input.get("DnsOptions").cloned().unwrap_or_else(|| json!({"DnsRecordIpType": "ipv4"}));
    }
    let mut endpoint = Thing::<Endpoint>::new(cx.region, id, body);
    endpoint.tags = tags;
    let change = Change::put(&endpoint);
    Ok(done(json!({"VpcEndpoint": told(endpoint).describe(), "ClientToken": token}), vec![change]))
}

/// Leaves out what is only remembered.
fn told(mut endpoint: Thing<Endpoint>) -> Thing<Endpoint> {
    endpoint.body.remove("Token");
    endpoint
}

fn read_policy(policy: &str) -> Result<&str, AwsError> {
    let malformed = || AwsError::new("InvalidPolicyDocument", "The policy document is not a policy of a resource.");
    aws_model::policy::of_resource(policy).map(|_| policy).ok_or_else(malformed)
}

fn named<K: ObjectKind>(world: &World, cx: &Cx<'_>, input: &Input, member: &str) -> Result<Vec<String>, AwsError> {
    texts(input, member).into_iter().map(|id| Ok(find::<K>(world, cx, id)?.id)).collect()
}

fn with_names(world: &World, cx: &Cx<'_>, groups: &[String]) -> Value {
    let name =
        |id: &String| find::<Group>(world, cx, id).map_or(String::new(), |group| group.text("GroupName").to_owned());
    groups.iter().map(|id| json!({"GroupId": id, "GroupName": name(id)})).collect()
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_things(all::<Endpoint>(world, cx).into_iter().map(told).collect(), input)
}

pub(super) fn modify(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    refuse(&input, &["SubnetConfigurations"])?;
    let mut endpoint = find::<Endpoint>(world, cx, needed(&input, "VpcEndpointId")?)?;
    if let Some(policy) = text(&input, "PolicyDocument") {
        endpoint.body.insert("PolicyDocument".into(), json!(read_policy(policy)?));
    }
    if input.get("ResetPolicy").and_then(Value::as_bool) == Some(true) {
        endpoint.body.insert("PolicyDocument".into(), json!(POLICY));
    }
    for member in ["PrivateDnsEnabled", "IpAddressType", "DnsOptions"] {
        if let Some(value) = input.get(member) {
            endpoint.body.insert(member.to_owned(), value.clone());
        }
    }
    if endpoint.text("VpcEndpointType") == "Gateway" && !texts(&input, "AddSubnetIds").is_empty() {
        return Err(invalid("Subnets cannot be added to an endpoint of type Gateway"));
    }
    let tables = named::<RouteTable>(world, cx, &input, "AddRouteTableIds")?;
    let subnets = named::<Subnet>(world, cx, &input, "AddSubnetIds")?;
    for (list, added, removed) in
        [("RouteTableIds", tables, "RemoveRouteTableIds"), ("SubnetIds", subnets, "RemoveSubnetIds")]
    {
        let removed = texts(&input, removed);
        let ids = endpoint.list_mut(list);
        ids.retain(|id| !removed.iter().any(|gone| *id == json!(gone)) && !added.iter().any(|new| *id == json!(new)));
        ids.extend(added.iter().map(|id| json!(id)));
    }
    let added = with_names(world, cx, &named::<Group>(world, cx, &input, "AddSecurityGroupIds")?);
    let removed = texts(&input, "RemoveSecurityGroupIds");
    let groups = endpoint.list_mut("Groups");
    groups.retain(|group| !removed.iter().any(|gone| group["GroupId"] == json!(gone)));
    for group in added.as_array().into_iter().flatten() {
        if !groups.iter().any(|known| known["GroupId"] == group["GroupId"]) {
            groups.push(group.clone());
        }
    }
    Ok(yes(vec![Change::put(&endpoint)]))
}

/// Deletes those that are there, and says which were not.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let (mut changes, mut unsuccessful) = (Vec::new(), Vec::new());
    for id in texts(&input, "VpcEndpointIds") {
        match find::<Endpoint>(world, cx, id) {
            Ok(endpoint) => changes.push(super::thing::remove(cx, endpoint)),
            Err(error) => {
                unsuccessful.push(json!({"ResourceId": id, "Error": {"Code": error.code, "Message": error.message}}));
            }
        }
    }
    Ok(done(json!({"Unsuccessful": unsuccessful}), changes))
}
