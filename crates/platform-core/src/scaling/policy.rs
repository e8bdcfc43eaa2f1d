//! Scaling policies: what an alarm leads to.

use aws_model::page::Order;
use aws_model::{AwsError, Document, Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::find::{self, DIMENSION, NAMESPACE, Resource, invalid};
use super::page::Paging;
use super::step::Steps;
use super::track::Tracking;
use super::{Wanted, wanted};
use crate::operation::read;
use crate::world::{Change, Record, World};
use crate::{Cx, Input, Outcome};

/// Most policies of one target (user guide, "Quotas").
const MOST: usize = 50;

/// A scaling policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Region.
    pub region: String,
    /// `service/CLUSTER/NAME|POLICY`.
    id: String,
    /// `service/CLUSTER/NAME`.
    pub resource: String,
    /// Name.
    pub name: String,
    /// `arn:aws:autoscaling:REGION:ACCOUNT:scalingPolicy:UUID:resource/ecs/RESOURCE:policyName/NAME`.
    pub arn: String,
    /// What it does.
    pub rule: Rule,
    /// Its configuration as it was sent, defaults left out.
    config: Document,
    /// The tails of its alarms' names: above and below.
    pub alarm_ids: (String, String),
    /// When it was made.
    pub created_at: Millis,
}

/// What a policy does with a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// `StepScaling`: a step for each distance of the metric from its alarm's threshold.
    Step(Steps),
    /// `TargetTrackingScaling`: as many tasks as hold the metric at a value.
    Tracking(Tracking),
}

impl Record for Policy {
    const TABLE: &'static str = "application-autoscaling.policies";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    #[serde(flatten)]
    resource: Resource,
    policy_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configured {
    policy_type: Option<String>,
    step_scaling_policy_configuration: Option<Document>,
    target_tracking_scaling_policy_configuration: Option<Document>,
}

/// Returns the policies of a service.
pub(super) fn of<'w>(world: &'w World, region: &str, resource: &str) -> impl Iterator<Item = Policy> + use<'w> {
    world.records.under(region, &format!("{resource}|"))
}

/// PutScalingPolicy: an existing policy of that name is replaced.
pub(super) fn put(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let (named, said): (Named, Configured) = (read(input.clone())?, read(input)?);
    let resource = named.resource.service()?.to_owned();
    find::target(world, cx, &resource)?;
    if named.policy_name.contains('|') {
        return Err(invalid("PolicyName must not contain |"));
    }
    let id = format!("{resource}|{}", named.policy_name);
    let known: Option<Policy> = world.records.get(cx.region, &id);
    let others: Vec<Policy> = of(world, cx.region, &resource).filter(|policy| policy.id != id).collect();
    // "StepScaling" is the default, for ECS too (API reference, PutScalingPolicy).
    let kind = said.policy_type.as_deref().or(known.as_ref().map(|policy| policy.rule.kind())).unwrap_or("StepScaling");
    if known.as_ref().is_some_and(|policy| policy.rule.kind() != kind) {
        return Err(invalid("The type of a scaling policy can't be changed: delete it first"));
    }
    let (rule, config) =
        rule(kind, said.step_scaling_policy_configuration, said.target_tracking_scaling_policy_configuration)?;
    if let Rule::Tracking(tracking) = &rule
        && others
            .iter()
            .any(|other| matches!(&other.rule, Rule::Tracking(theirs) if theirs.is_of_the_same_metric(tracking)))
    {
        return Err(invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed"));
    }
    if known.is_none() && others.len() >= MOST {
        let message = format!("A scalable target can have {MOST} scaling policies at most");
        return Err(AwsError::new("LimitExceededException", message));
    }
    let policy = match known {
        Some(known) => Policy { rule, config, ..known },
        None => {
            let name = named.policy_name;
            let tail = format!("scalingPolicy:{}:resource/{NAMESPACE}/{resource}:policyName/{name}", cx.ids.uuid());
            let (region, arn) = (cx.region.to_owned(), cx.arn("autoscaling", &tail));
            let alarm_ids = (cx.ids.uuid(), cx.ids.uuid());
            Policy { region, id, resource, name, arn, rule, config, alarm_ids, created_at: cx.now }
        }
    };
    let reply = json!({"PolicyARN": policy.arn, "Alarms": alarms(cx, &policy)});
    Ok(Outcome { reply, changes: vec![Change::put(&policy)] })
}

fn rule(kind: &str, steps: Option<Document>, tracking: Option<Document>) -> Result<(Rule, Document), AwsError> {
    match (kind, steps, tracking) {
        ("StepScaling", Some(config), None) => {
            let steps: Steps = read(config.clone())?;
            steps.check()?;
            Ok((Rule::Step(steps), config))
        }
        ("TargetTrackingScaling", None, Some(config)) => {
            let tracking: Tracking = read(config.clone())?;
            tracking.check()?;
            Ok((Rule::Tracking(tracking), config))
        }
        ("StepScaling", ..) => {
            Err(invalid("StepScaling needs StepScalingPolicyConfiguration, and no other configuration"))
        }
        ("TargetTrackingScaling", ..) => Err(invalid(
            "TargetTrackingScaling needs TargetTrackingScalingPolicyConfiguration, and no other configuration",
        )),
        _ => Err(invalid(format!("PolicyType {kind} is not served by this platform: it forecasts nothing"))),
    }
}

impl Rule {
    fn kind(&self) -> &'static str {
        match self {
            Self::Step(_) => "StepScaling",
            Self::Tracking(_) => "TargetTrackingScaling",
        }
    }
}

impl Tracking {
    fn is_of_the_same_metric(&self, other: &Self) -> bool {
        self.predefined_metric_specification == other.predefined_metric_specification
            && self.customized_metric_specification == other.customized_metric_specification
    }
}

/// DeleteScalingPolicy: its alarms go with it, those of target tracking.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let named: Named = read(input)?;
    let resource = named.resource.service()?;
    let id = format!("{resource}|{}", named.policy_name);
    let words = || {
        format!(
            "No scaling policy found for service namespace: {NAMESPACE}, resource ID: {resource}, scalable dimension: \
             {DIMENSION}: {}",
            named.policy_name
        )
    };
    let policy: Policy = world.records.get(cx.region, &id).ok_or_else(|| find::missing(words()))?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::remove::<Policy>(cx.region, policy.id())] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(flatten)]
    resource: Resource,
    policy_names: Option<Vec<String>>,
    #[serde(flatten)]
    paging: Paging,
}

/// DescribeScalingPolicies.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked: Listing = read(input.clone())?;
    let all = world.records.all::<Policy>(cx.region);
    let meant = all.filter(|policy| {
        let named =
            asked.policy_names.as_ref().is_none_or(|names| names.contains(&policy.name) || names.contains(&policy.arn));
        named && asked.resource.wants(&policy.resource)
    });
    let items = meant.map(|policy| (policy.id.clone(), render(cx, &policy))).collect();
    asked.paging.page("ScalingPolicies", Order::Rising, items)
}

fn render(cx: &Cx<'_>, policy: &Policy) -> Value {
    let mut item = json!({
        "PolicyARN": policy.arn, "PolicyName": policy.name, "ServiceNamespace": NAMESPACE,
        "ResourceId": policy.resource, "ScalableDimension": DIMENSION, "PolicyType": policy.rule.kind(),
        "Alarms": alarms(cx, policy), "CreationTime": seconds(policy.created_at),
    });
    item[format!("{}PolicyConfiguration", policy.rule.kind())] = Value::Object(policy.config.clone());
    item
}

/// The alarms of a step policy are its user's: they name the policy, and the policy does not know them.
fn alarms(cx: &Cx<'_>, policy: &Policy) -> Vec<Value> {
    let alarm = |alarm: Wanted| {
        let arn = cx.arn("cloudwatch", &format!("alarm:{}", alarm.name));
        json!({"AlarmName": alarm.name, "AlarmARN": arn})
    };
    wanted(policy).into_iter().map(alarm).collect()
}
