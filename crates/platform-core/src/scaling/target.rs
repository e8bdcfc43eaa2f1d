//! Scalable targets: services with bounds.

use std::collections::BTreeMap;

use aws_model::page::Order;
use aws_model::{AwsError, Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::find::{self, DIMENSION, NAMESPACE, Resource, invalid};
use super::page::Paging;
use super::{Policy, ScheduledAction, act};
use crate::operation::read;
use crate::world::{Change, Record, World};
use crate::{Cx, Input, Outcome};

/// A service whose number of tasks is scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// Region.
    pub region: String,
    /// `service/CLUSTER/NAME`.
    pub resource: String,
    /// `arn:aws:application-autoscaling:REGION:ACCOUNT:scalable-target/ID`.
    pub arn: String,
    /// Fewest tasks.
    pub min: u32,
    /// Most tasks.
    pub max: u32,
    /// The role that AWS would scale as; kept as it was said.
    pub role_arn: String,
    /// What is not done.
    pub suspended: Suspended,
    /// When it was registered.
    pub created_at: Millis,
    /// When it was last scaled out and in by a policy: cool-downs are counted from there.
    #[serde(default)]
    pub last_out: Option<Scaled>,
    /// See `last_out`.
    #[serde(default)]
    pub last_in: Option<Scaled>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// When a policy scaled, and for how long that is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaled {
    /// When.
    pub at: Millis,
    /// The cool-down of the policy that did it.
    pub cooldown: Millis,
    /// How many tasks it added or took.
    pub by: u32,
}

impl Scaled {
    /// Returns whether its cool-down is under way.
    pub(super) fn is_warm(&self, now: Millis) -> bool {
        now < self.at + self.cooldown
    }
}

/// `SuspendedState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Suspended {
    /// Policies do not scale in.
    pub dynamic_scaling_in_suspended: bool,
    /// Policies do not scale out.
    pub dynamic_scaling_out_suspended: bool,
    /// Scheduled actions do nothing.
    pub scheduled_scaling_suspended: bool,
}

impl Record for ScalableTarget {
    const TABLE: &'static str = "application-autoscaling.targets";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.resource
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Registered {
    #[serde(flatten)]
    resource: Resource,
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
    #[serde(rename = "RoleARN")]
    role_arn: Option<String>,
    suspended_state: Option<Value>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// RegisterScalableTarget: what is not said stays, once it is registered.
pub(super) fn register(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let said: Registered = read(input)?;
    let resource = said.resource.service()?.to_owned();
    super::tags::refuse(&said.tags)?;
    if find::service(world, cx, &resource).is_none() {
        return Err(invalid(format!("ECS service doesn't exist: {resource}")));
    }
    let known: Option<ScalableTarget> = world.records.get(cx.region, &resource);
    let (min, max) = (capacity("MinCapacity", said.min_capacity)?, capacity("MaxCapacity", said.max_capacity)?);
    let mut target = match known {
        Some(known) => {
            if !said.tags.is_empty() {
                return Err(invalid(
                    "Tags can be set when a scalable target is registered, and with TagResource after it",
                ));
            }
            ScalableTarget { min: min.unwrap_or(known.min), max: max.unwrap_or(known.max), ..known }
        }
        None => {
            let missing =
                |name: &str| invalid(format!("{name} must be specified when registering a new scalable target"));
            let id = format!("0ec5{}", cx.ids.hex32());
            ScalableTarget {
                region: cx.region.to_owned(),
                arn: cx.arn("application-autoscaling", &format!("scalable-target/{}", &id[..34])),
                min: min.ok_or_else(|| missing("MinCapacity"))?,
                max: max.ok_or_else(|| missing("MaxCapacity"))?,
                role_arn: linked_role(cx),
                suspended: Suspended::default(),
                created_at: cx.now,
                last_out: None,
                last_in: None,
                tags: said.tags,
                resource,
            }
        }
    };
    if target.min > target.max {
        return Err(invalid("Maximum capacity cannot be less than minimum capacity"));
    }
    if let Some(role) = said.role_arn {
        target.role_arn = role;
    }
    if let Some(state) = said.suspended_state {
        target.suspended = merged(target.suspended, &state);
    }
    let reply = json!({"ScalableTargetARN": target.arn});
    let mut changes = vec![Change::put(&target)];
    changes.extend(act::within(world, cx, &target));
    Ok(Outcome { reply, changes })
}

fn capacity(name: &str, said: Option<i64>) -> Result<Option<u32>, AwsError> {
    let wrong = |_| invalid(format!("{name} must be greater than or equal to 0"));
    said.map(|count| u32::try_from(count).map_err(wrong)).transpose()
}

/// Changes those flags that are said.
fn merged(mut state: Suspended, said: &Value) -> Suspended {
    let flag = |name: &str| said.get(name).and_then(Value::as_bool);
    for (name, flag_of) in [
        ("DynamicScalingInSuspended", &mut state.dynamic_scaling_in_suspended),
        ("DynamicScalingOutSuspended", &mut state.dynamic_scaling_out_suspended),
        ("ScheduledScalingSuspended", &mut state.scheduled_scaling_suspended),
    ] {
        *flag_of = flag(name).unwrap_or(*flag_of);
    }
    state
}

/// The service-linked role that AWS takes where none, or another, is said.
fn linked_role(cx: &Cx<'_>) -> String {
    cx.global_arn(
        "iam",
        "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
    )
}

/// DeregisterScalableTarget: its policies and scheduled actions go with it.
pub(super) fn deregister(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let resource: Resource = read(input)?;
    let target = find::target(world, cx, resource.service()?)?;
    Ok(Outcome { reply: json!({}), changes: gone(world, &target) })
}

/// Returns what takes a target away, with all that hangs on it.
pub(super) fn gone(world: &World, target: &ScalableTarget) -> Vec<Change> {
    let (region, under) = (target.region.as_str(), format!("{}|", target.resource));
    let mut changes = vec![Change::remove::<ScalableTarget>(region, &target.resource)];
    let policies = world.records.under::<Policy>(region, &under);
    changes.extend(policies.map(|policy| Change::remove::<Policy>(region, policy.id())));
    let actions = world.records.under::<ScheduledAction>(region, &under);
    changes.extend(actions.map(|action| Change::remove::<ScheduledAction>(region, action.id())));
    changes
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(flatten)]
    resource: Resource,
    resource_ids: Option<Vec<String>>,
    #[serde(flatten)]
    paging: Paging,
}

/// DescribeScalableTargets.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked: Listing = read(input.clone())?;
    let all = world.records.all::<ScalableTarget>(cx.region);
    let wanted = all.filter(|target| {
        let named = asked.resource_ids.as_ref().is_none_or(|ids| ids.contains(&target.resource));
        named && asked.resource.wants(&target.resource)
    });
    let items = wanted.map(|target| (target.resource.clone(), render(&target))).collect();
    asked.paging.page("ScalableTargets", Order::Rising, items)
}

fn render(target: &ScalableTarget) -> Value {
    json!({
        "ServiceNamespace": NAMESPACE, "ResourceId": target.resource, "ScalableDimension": DIMENSION,
        "MinCapacity": target.min, "MaxCapacity": target.max, "RoleARN": target.role_arn,
        "CreationTime": seconds(target.created_at), "ScalableTargetARN": target.arn,
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.dynamic_scaling_in_suspended,
            "DynamicScalingOutSuspended": target.suspended.dynamic_scaling_out_suspended,
            "ScheduledScalingSuspended": target.suspended.scheduled_scaling_suspended,
        },
    })
}
