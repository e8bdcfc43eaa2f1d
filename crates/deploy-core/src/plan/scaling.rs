//! What scales a stage's services, and what must be done about it? Application Auto Scaling's targets, policies and scheduled
//! actions.
//!
//! A policy is found by its name, or by what it holds: AWS takes no two of one target that hold the same metric, and a
//! foreign one is the manifest's as soon as the manifest says that metric. Only what is named as managr names things is
//! removed; the plan reports what else hangs on a service and leaves it alone.

mod compare;
mod foreign;

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::compare::{changes, labelled, measure, parts, tracking};
pub(super) use self::foreign::notes;
pub use self::foreign::{ForeignScaling, foreign};
use super::decide::bare;
use super::service::text;
use super::{Action, Mark, Observed, Step};
use crate::desired::{Desired, PREFIX, PolicySpec, ScalingSpec, ServiceDoc};
use crate::diff::Difference;

/// Kinds of steps.
const TARGET: &str = "scaling";
const POLICY: &str = "scaling policy";
const ACTION: &str = "scheduled scaling";

const TRACKING: &str = "TargetTrackingScalingPolicyConfiguration";
const PREDEFINED: &str = "PredefinedMetricSpecification";

/// What scales the services of a stage.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedScaling {
    /// What scales each service that is scaled, by its name in ECS.
    pub services: BTreeMap<String, ScaledService>,
    /// `ResourceLabel` of services whose requests are counted, by their names in the manifest; those that are known.
    pub labels: BTreeMap<String, String>,
    /// Why nothing is known of it; none if it was looked at.
    pub unseen: Option<String>,
}

/// What scales a service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScaledService {
    /// As DescribeScalableTargets answers.
    pub target: Document,
    /// As DescribeScalingPolicies answers.
    pub policies: Vec<Document>,
    /// As DescribeScheduledActions answers.
    pub actions: Vec<Document>,
}

/// What is asked of Application Auto Scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalingCall {
    /// RegisterScalableTarget.
    RegisterScalableTarget,
    /// PutScalingPolicy.
    PutScalingPolicy,
    /// PutScheduledAction.
    PutScheduledAction,
    /// DeleteScalingPolicy.
    DeleteScalingPolicy,
    /// DeleteScheduledAction.
    DeleteScheduledAction,
    /// DeregisterScalableTarget.
    DeregisterScalableTarget,
}

impl ScalingCall {
    /// Returns the kind of what it is about, in the words of a step.
    pub fn kind(self) -> &'static str {
        match self {
            Self::RegisterScalableTarget | Self::DeregisterScalableTarget => TARGET,
            Self::PutScalingPolicy | Self::DeleteScalingPolicy => POLICY,
            Self::PutScheduledAction | Self::DeleteScheduledAction => ACTION,
        }
    }

    /// Returns the operation's name.
    pub fn operation(self) -> &'static str {
        match self {
            Self::RegisterScalableTarget => "RegisterScalableTarget",
            Self::PutScalingPolicy => "PutScalingPolicy",
            Self::PutScheduledAction => "PutScheduledAction",
            Self::DeleteScalingPolicy => "DeleteScalingPolicy",
            Self::DeleteScheduledAction => "DeleteScheduledAction",
            Self::DeregisterScalableTarget => "DeregisterScalableTarget",
        }
    }
}

/// Returns what names a service to Application Auto Scaling.
pub fn resource(cluster: &str, service: &str) -> Document {
    let named = json!({
        "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": format!("service/{cluster}/{service}"),
    });
    named.as_object().cloned().unwrap_or_default()
}

/// Returns which targets of which load balancer are counted: the ends of two ARNs (API reference,
/// PredefinedMetricSpecification, `ResourceLabel`).
pub fn label(balancer: &str, group: &str) -> Option<String> {
    let (_, balancer) = balancer.split_once(":loadbalancer/")?;
    let (_, group) = group.split_once(":targetgroup/")?;
    Some(format!("{balancer}/targetgroup/{group}"))
}

/// Returns the request of PutScalingPolicy with the label in it.
pub fn with_label(mut request: Document, label: &str) -> Document {
    let predefined = request.get_mut(TRACKING).and_then(|tracking| tracking.get_mut(PREDEFINED));
    if let Some(predefined) = predefined.and_then(Value::as_object_mut) {
        predefined.insert("ResourceLabel".to_owned(), label.into());
    }
    request
}

/// Returns whether a service is no longer scaled after the plan: all that scales it is managr's, and the manifest does not
/// say it any more.
pub(super) fn is_given_up(service: &ServiceDoc, observed: &Observed) -> bool {
    let seen = observed.scaling.services.get(&service.name);
    service.scaling.is_none() && seen.is_some_and(ScaledService::is_ours)
}

impl ScaledService {
    /// Returns whether all that hangs on it is managr's, and something is.
    fn is_ours(&self) -> bool {
        let mut names = self.names().peekable();
        names.peek().is_some() && names.all(is_ours)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let policies = self.policies.iter().map(|policy| text(policy, "PolicyName"));
        policies.chain(self.actions.iter().map(|action| text(action, "ScheduledActionName")))
    }

    /// Returns the policy that a wanted one would be: of its name, or else of what it holds.
    pub fn policy(&self, wanted: &PolicySpec, label: Option<&str>) -> Option<&Document> {
        let measure = measure(&labelled(&wanted.configuration, label));
        let of_name = |policy: &&Document| text(policy, "PolicyName") == wanted.name;
        let holds = |policy: &&Document| tracking(policy).is_some_and(|own| compare::measure(own) == measure);
        self.policies.iter().find(of_name).or_else(|| self.policies.iter().find(holds))
    }

    fn action(&self, name: &str) -> Option<&Document> {
        self.actions.iter().find(|action| text(action, "ScheduledActionName") == name)
    }

    /// Returns the bounds as they are.
    pub fn bounds(&self) -> (u64, u64) {
        let bound = |name: &str| self.target.get(name).and_then(Value::as_u64).unwrap_or_default();
        (bound("MinCapacity"), bound("MaxCapacity"))
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Returns the steps that make scaling what the manifest says.
pub(super) fn steps(desired: &Desired, observed: &Observed) -> Vec<Step> {
    let seen = &observed.scaling;
    if seen.unseen.is_some() {
        return Vec::new();
    }
    let of_service = |service: &ServiceDoc| {
        let live = seen.services.get(&service.name);
        let Some(spec) = &service.scaling else {
            return live.map(|live| given_up(desired, service, live)).unwrap_or_default();
        };
        let one = One { desired, service, spec, live, label: seen.labels.get(&service.service).map(String::as_str) };
        let mut steps: Vec<Step> = one.target().into_iter().collect();
        steps.extend(spec.policies.iter().filter_map(|policy| one.policy(policy)));
        steps.extend(spec.scheduled.iter().filter_map(|action| one.action(action)));
        steps.extend(one.removed());
        steps
    };
    desired.services.iter().flat_map(of_service).collect()
}

/// A service that scales, and what scales it.
struct One<'a> {
    desired: &'a Desired,
    service: &'a ServiceDoc,
    spec: &'a ScalingSpec,
    live: Option<&'a ScaledService>,
    label: Option<&'a str>,
}

impl One<'_> {
    fn request(&self, rest: Document) -> Document {
        let mut request = resource(&self.desired.cluster, &self.service.name);
        request.extend(rest);
        request
    }

    fn target(&self) -> Option<Step> {
        let (min, max) = self.bounds();
        let before = self.live.map(|live| {
            let (min, max) = live.bounds();
            [("min", json!(min)), ("max", json!(max))]
        });
        let is_new = before.is_none();
        let changes = changes(before, [("min", json!(min)), ("max", json!(max))]);
        let rest = json!({ "MinCapacity": min, "MaxCapacity": max });
        let request = self.request(rest.as_object().cloned().unwrap_or_default());
        let detail = if is_new { format!("{min}..{max} tasks") } else { String::new() };
        (!changes.is_empty()).then(|| Step {
            detail,
            difference: Difference { changes: if is_new { Vec::new() } else { changes }, unchanged: Vec::new() },
            ..step(mark(is_new), &self.service.name, ScalingCall::RegisterScalableTarget, request)
        })
    }

    /// Returns the bounds that are to hold now: the service's, unless the clock has others. What a scheduled action has
    /// set is that action's business: a deploy at night wakes no task.
    fn bounds(&self) -> (u64, u64) {
        let own = (u64::from(self.spec.min), u64::from(self.spec.max));
        let Some(live) = self.live.filter(|live| live.bounds() != own) else { return own };
        let (min, max) = live.bounds();
        let bound = |action: &Document, name: &str| action.get("ScalableTargetAction")?.get(name)?.as_u64();
        let set = |action: &&Document| {
            let (least, most) = (bound(action, "MinCapacity"), bound(action, "MaxCapacity"));
            (least.is_some() || most.is_some())
                && least.is_none_or(|least| least == min)
                && most.is_none_or(|most| most == max)
        };
        let Some(action) = live.actions.iter().find(set) else { return own };
        let name = text(action, "ScheduledActionName");
        match self.spec.scheduled.iter().find(|wanted| text(wanted, "ScheduledActionName") == name) {
            Some(wanted) => (bound(wanted, "MinCapacity").unwrap_or(min), bound(wanted, "MaxCapacity").unwrap_or(max)),
            None if is_ours(name) => own,
            None => (min, max),
        }
    }

    fn policy(&self, wanted: &PolicySpec) -> Option<Step> {
        let live = self.live.and_then(|live| live.policy(wanted, self.label));
        let configuration = labelled(&wanted.configuration, self.label);
        let changes = changes(live.and_then(tracking).map(parts), parts(&configuration));
        if changes.is_empty() {
            return None;
        }
        let name = live.map_or(wanted.name.as_str(), |live| text(live, "PolicyName"));
        let mut rest = Document::new();
        rest.insert("PolicyName".to_owned(), name.into());
        rest.insert("PolicyType".to_owned(), "TargetTrackingScaling".into());
        rest.insert(TRACKING.to_owned(), configuration.into());
        // Known once the load balancer is.
        let group = (wanted.counts_requests() && self.label.is_none()).then(|| group(self.service)).flatten();
        let action = Action::Scaling { call: ScalingCall::PutScalingPolicy, request: self.request(rest), group };
        let is_new = live.is_none();
        let target = crate::diff::plain(&parts(&wanted.configuration)[0].1);
        let detail = if is_new { format!("{} {target}", wanted.word) } else { String::new() };
        let changes = if is_new { Vec::new() } else { changes };
        let difference = Difference { changes, unchanged: Vec::new() };
        Some(Step { detail, difference, ..bare(mark(is_new), POLICY, &self.named(name), action) })
    }

    fn action(&self, wanted: &Document) -> Option<Step> {
        let name = text(wanted, "ScheduledActionName");
        let live = self.live.and_then(|live| live.action(name));
        let said = |action: &Document| {
            let bound = |name: &str| action.get("ScalableTargetAction").and_then(|one| one.get(name)).cloned();
            let zone = match text(action, "Timezone") {
                "" => "UTC",
                zone => zone,
            };
            [
                ("schedule", json!(text(action, "Schedule"))),
                ("timezone", json!(zone)),
                ("min", bound("MinCapacity").unwrap_or_default()),
                ("max", bound("MaxCapacity").unwrap_or_default()),
            ]
        };
        let changes = changes(live.map(said), said(wanted));
        if changes.is_empty() {
            return None;
        }
        let mut rest = wanted.clone();
        for member in
            live.into_iter().flat_map(|live| ["StartTime", "EndTime"].map(|member| (member, live.get(member))))
        {
            // "If you don't specify start and end times, the old values are deleted." (API reference, PutScheduledAction)
            if let (member, Some(value)) = member {
                rest.insert(member.to_owned(), value.clone());
            }
        }
        if live.is_some_and(|live| live.contains_key("Timezone")) {
            // What is not said stays as it was.
            rest.entry("Timezone").or_insert_with(|| "UTC".into());
        }
        let is_new = live.is_none();
        let call = ScalingCall::PutScheduledAction;
        let difference = Difference { changes, unchanged: Vec::new() };
        Some(Step { difference, ..step(mark(is_new), &self.named(name), call, self.request(rest)) })
    }

    /// Returns the steps that remove what managr made and the manifest does not say any more.
    fn removed(&self) -> Vec<Step> {
        let Some(live) = self.live else { return Vec::new() };
        let kept = kept(self.spec, live, self.label);
        let gone = live.names().filter(|name| is_ours(name) && !kept.contains(name)).collect();
        removed(self.desired, self.service, live, gone)
    }

    fn named(&self, name: &str) -> String {
        format!("{name} of {}", self.service.name)
    }
}

/// Returns the names of what is there and is wanted.
fn kept<'a>(spec: &'a ScalingSpec, live: &'a ScaledService, label: Option<&str>) -> BTreeSet<&'a str> {
    let policies = spec.policies.iter().filter_map(|wanted| live.policy(wanted, label));
    let policies = policies.map(|policy| text(policy, "PolicyName"));
    policies.chain(spec.scheduled.iter().map(|action| text(action, "ScheduledActionName"))).collect()
}

/// The manifest does not say that a service scales: what managr made for it goes.
fn given_up(desired: &Desired, service: &ServiceDoc, live: &ScaledService) -> Vec<Step> {
    if live.is_ours() {
        let request = resource(&desired.cluster, &service.name);
        let call = ScalingCall::DeregisterScalableTarget;
        return vec![Step {
            detail: "its policies and scheduled actions go with it".to_owned(),
            ..step(Mark::Delete, &service.name, call, request)
        }];
    }
    removed(desired, service, live, live.names().filter(|name| is_ours(name)).collect())
}

fn removed(desired: &Desired, service: &ServiceDoc, live: &ScaledService, gone: BTreeSet<&str>) -> Vec<Step> {
    let one = |member: &str, call, item: &Document| {
        let name = text(item, member);
        gone.contains(name).then(|| {
            let mut request = resource(&desired.cluster, &service.name);
            request.insert(member.to_owned(), name.into());
            step(Mark::Delete, &format!("{name} of {}", service.name), call, request)
        })
    };
    let policy = |item: &Document| one("PolicyName", ScalingCall::DeleteScalingPolicy, item);
    let action = |item: &Document| one("ScheduledActionName", ScalingCall::DeleteScheduledAction, item);
    live.policies.iter().filter_map(policy).chain(live.actions.iter().filter_map(action)).collect()
}

/// Returns the target group whose requests are counted.
fn group(service: &ServiceDoc) -> Option<String> {
    let first = service.document.get("loadBalancers")?.get(0)?;
    first.get("targetGroupArn").and_then(Value::as_str).map(str::to_owned)
}

fn mark(is_new: bool) -> Mark {
    if is_new { Mark::Create } else { Mark::Update }
}

fn step(mark: Mark, name: &str, call: ScalingCall, request: Document) -> Step {
    bare(mark, call.kind(), name, Action::Scaling { call, request, group: None })
}

impl ObservedScaling {
    /// Returns what others could change of it. Bounds that the clock moves are not in it.
    pub(super) fn state(&self) -> Value {
        let one = |(name, seen): (&String, &ScaledService)| {
            let bounds = if seen.actions.is_empty() { json!(seen.bounds()) } else { Value::Null };
            let policies = seen.policies.iter().map(|one| json!([one.get("PolicyName"), one.get(TRACKING)]));
            let actions = seen.actions.iter().map(|one| {
                let told = ["ScheduledActionName", "Schedule", "Timezone", "ScalableTargetAction"];
                told.map(|member| one.get(member).cloned().unwrap_or_default())
            });
            (name.clone(), json!([bounds, policies.collect::<Vec<_>>(), actions.collect::<Vec<_>>()]))
        };
        self.services.iter().map(one).collect::<Document>().into()
    }
}
