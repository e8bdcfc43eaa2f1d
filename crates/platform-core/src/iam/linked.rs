//! Service-linked roles: a service's own, which only it may change.

use aws_model::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entity::{Entity, Role};
use super::find::{self, Which};
use super::roles;
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

/// Services that have such a role, its name, its policy, and whether it may be made again under another name
/// (IAM user guide, "AWS services that work with IAM"; each service's page "Using service-linked roles").
const SERVICES: [(&str, &str, &str, bool); 6] = [
    ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy", true),
    (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
        false,
    ),
    ("ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy", false),
    ("elasticache.amazonaws.com", "AWSServiceRoleForElastiCache", "ElastiCacheServiceRolePolicy", false),
    (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
        false,
    ),
    ("rds.amazonaws.com", "AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy", false),
];

/// A deletion that was asked for, and how it ended: a role that is still needed is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Deletion {
    id: String,
    /// ARNs of what needs the role; none if it was deleted.
    needed_by: Vec<String>,
    region: String,
}

impl Record for Deletion {
    const TABLE: &'static str = "iam.deletions";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Deserialize)]
struct Create {
    #[serde(rename = "AWSServiceName")]
    service: String,
    #[serde(rename = "Description")]
    description: Option<String>,
    #[serde(rename = "CustomSuffix")]
    suffix: Option<String>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Create { service, description, suffix } = read(input)?;
    let Some((_, name, policy, may_differ)) = SERVICES.iter().find(|(known, ..)| *known == service) else {
        let words = format!("{service} has no service-linked role that managr's platform knows");
        return Err(find::invalid(words));
    };
    let name = match suffix {
        None => (*name).to_owned(),
        Some(suffix) if *may_differ => format!("{name}_{suffix}"),
        Some(_) => return Err(find::invalid(format!("Custom suffix is not allowed for {service}"))),
    };
    if world.records.get::<Role>("", &name.to_lowercase()).is_some() {
        return Err(find::invalid(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )));
    }
    let mut entity = Entity::new::<Role>(cx, name, Some(format!("/aws-service-role/{service}/")));
    let partition = aws_model::region::partition(cx.region);
    entity.attached.push(format!("arn:{partition}:iam::aws:policy/aws-service-role/{policy}"));
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
    }]});
    roles::add(world, cx, Role { entity, trust: trust.to_string(), description, max_session: 3_600 })
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let role: Role = find::principal(world, &read::<Which>(input)?.name)?;
    let Some(service) = role.entity.path.strip_prefix("/aws-service-role/") else {
        let name = role.entity.name;
        return Err(find::no_such(format!("The service-linked role with name {name} cannot be found.")));
    };
    let id = format!("task/aws-service-role/{service}{}/{}", role.entity.name, cx.ids.uuid());
    let deletion = Deletion { id, needed_by: needs(world, service), region: cx.region.to_owned() };
    let mut changes = vec![Change::put(&deletion)];
    if deletion.needed_by.is_empty() {
        changes.push(Change::remove::<Role>("", &role.entity.key));
    }
    Ok(Outcome { reply: json!({"DeletionTaskId": deletion.id}), changes })
}

/// Returns what there is of a service that uses its role ("Using service-linked roles", of ECS and of Elastic Load
/// Balancing: clusters and load balancers must be deleted first).
fn needs(world: &World, service: &str) -> Vec<String> {
    match service {
        "ecs.amazonaws.com/" => {
            world.clusters.values().filter(|cluster| cluster.active).map(|cluster| cluster.arn.clone()).collect()
        }
        "elasticloadbalancing.amazonaws.com/" => world.load_balancers.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    deletion_task_id: String,
}

pub(super) fn status(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = read::<Status>(input.clone())?.deletion_task_id;
    let deletion = world.records.get::<Deletion>("", &id);
    let deletion = deletion.ok_or_else(|| find::no_such(format!("Task {id} was not found.")))?;
    if deletion.needed_by.is_empty() {
        return Ok(json!({"Status": "SUCCEEDED"}));
    }
    let usage = json!([{"Region": deletion.region, "Resources": deletion.needed_by}]);
    let words = "The role is in use: delete the resources that use it, then delete the role again.";
    Ok(json!({"Status": "FAILED", "Reason": {"Reason": words, "RoleUsageList": usage}}))
}
