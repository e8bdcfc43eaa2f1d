//! Network interfaces: those of running tasks, and one of each load balancer in each of its subnets. None is kept; they
//! are read off what is there.

use aws_model::{AwsError, region};
use serde_json::{Value, json};

use super::defaults::AccountRegion;
use super::kinds::{Group, Interface, Subnet};
use super::thing::{Thing, all as things, describe as describe_things};
use crate::world::{LoadBalancer, Task};
use crate::{Cx, Input, World};

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut interfaces = all(world, cx);
    let subnets = things::<Subnet>(world, cx);
    let groups = things::<Group>(world, cx);
    for interface in &mut interfaces {
        // What is not described here is not made up: a task may name a subnet that was never made.
        let subnet = subnets.iter().find(|subnet| subnet.id == interface.text("SubnetId"));
        for member in ["VpcId", "AvailabilityZone"] {
            if let Some(value) = subnet.and_then(|subnet| subnet.body.get(member)) {
                interface.body.insert(member.to_owned(), value.clone());
            }
        }
        for group in interface.list_mut("Groups") {
            let name =
                groups.iter().find(|known| json!(known.id) == group["GroupId"]).map(|known| known.text("GroupName"));
            if let Some(name) = name {
                group["GroupName"] = json!(name);
            }
        }
    }
    interfaces.sort_by(|a, b| a.id.cmp(&b.id));
    describe_things(interfaces, input)
}

/// Returns every interface in the caller's region.
pub(super) fn all(world: &World, cx: &Cx<'_>) -> Vec<Thing<Interface>> {
    let in_region = |arn: &str| arn.split(':').nth(3) == Some(cx.region);
    let of_tasks = world.tasks.values().filter(|task| in_region(&task.arn) && !task.is_stopped());
    let of_tasks = of_tasks.filter_map(|task| of_task(cx, task));
    let of_balancers = world.load_balancers.values().filter(|balancer| in_region(&balancer.arn));
    of_tasks.chain(of_balancers.flat_map(|balancer| of_balancer(cx, balancer))).collect()
}

fn of_task(cx: &Cx<'_>, task: &Task) -> Option<Thing<Interface>> {
    let network = task.network.as_ref()?;
    let configuration = task.document.get("networkConfiguration").and_then(|one| one.get("awsvpcConfiguration"));
    let groups = configuration.and_then(|one| one.get("securityGroups")).and_then(Value::as_array);
    let groups: Value = groups.into_iter().flatten().map(|id| json!({"GroupId": id})).collect();
    let address = network.address.to_string();
    let name = region::private_name(cx.region, network.address);
    let body = json!({
        "Attachment": {
            "AttachmentId": format!("eni-attach-{}", network.interface_id.trim_start_matches("eni-")),
            "DeleteOnTermination": false, "DeviceIndex": 1, "InstanceOwnerId": "amazon-ecs", "Status": "attached",
        },
        // Fargate's interfaces are known by the ARN of their attachment.
        "Description": format!("{}/{}", cx.arn("ecs", "attachment"), network.attachment_id),
        "Groups": groups,
        "InterfaceType": "interface",
        "Ipv6Addresses": [],
        "MacAddress": network.mac,
        "OwnerId": cx.account,
        "PrivateDnsName": name,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"Primary": true, "PrivateDnsName": name, "PrivateIpAddress": address}],
        "RequesterManaged": true,
        "SourceDestCheck": true,
        "Status": "in-use",
        "SubnetId": network.subnet_id,
    });
    Some(Thing::new(cx.region, network.interface_id.clone(), body))
}

/// A balancer listens on this machine and has no address in a subnet: its interfaces have none.
fn of_balancer(cx: &Cx<'_>, balancer: &LoadBalancer) -> Vec<Thing<Interface>> {
    let listed = |member: &str| balancer.document.get(member).and_then(Value::as_array).into_iter().flatten();
    let mapped = listed("SubnetMappings").filter_map(|mapping| mapping.get("SubnetId"));
    let subnets = listed("Subnets").chain(mapped).filter_map(Value::as_str);
    let groups: Value = listed("SecurityGroups").map(|id| json!({"GroupId": id})).collect();
    let tail = balancer.arn.split(":loadbalancer/").nth(1).unwrap_or_default();
    let place = AccountRegion { region: cx.region, account: cx.account };
    let one = |subnet: &str| {
        let body = json!({
            "Attachment": {
                "AttachmentId": place.id("ela-attach-", &format!("{tail} {subnet}")), "DeleteOnTermination": false,
                "DeviceIndex": 1, "InstanceOwnerId": "amazon-elb", "Status": "attached",
            },
            "Description": format!("ELB {tail}"), "Groups": groups, "InterfaceType": "interface", "Ipv6Addresses": [],
            "OwnerId": cx.account, "PrivateIpAddresses": [], "RequesterId": "amazon-elb", "RequesterManaged": true,
            "SourceDestCheck": true, "Status": "in-use", "SubnetId": subnet,
        });
        Thing::new(cx.region, place.id("eni-", &format!("{} {subnet}", balancer.arn)), body)
    };
    subnets.map(one).collect()
}
