//! The way from a listener to a service's targets: what is there, and what of it must change.
//!
//! Documents are compared as text: the Query protocol knows no numbers. What a live object has and the manifest has no
//! word for stays: conditions, actions, attributes, settings of a check.

use std::collections::BTreeSet;

use aws_model::Document;
use serde_json::{Value, json};

use super::{Action, Mark, Risk, Step, token};
use crate::desired::{IngressSpec, ServiceDoc};
use crate::diff::{Change, Difference};
use crate::routes::peril::Mover;
use crate::routes::{self, Actions, Conditions, Listener, RouteMap, Rule};

/// Attribute of a target group: seconds that a target may take to finish its requests.
pub const DELAY: &str = "deregistration_delay.timeout_seconds";

/// What there is of the way to one service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedIngress {
    /// The load balancer that the manifest names.
    pub balancer: Option<Document>,
    /// The target group.
    pub group: Option<Document>,
    /// Its [`DELAY`].
    pub delay: Option<String>,
    /// The listener.
    pub listener: Option<Document>,
    /// The listener's rules, the default one too.
    pub rules: Vec<Document>,
}

impl ObservedIngress {
    /// Returns the ARN of the target group.
    pub fn group_arn(&self) -> Option<&str> {
        self.group.as_ref()?.get("TargetGroupArn")?.as_str()
    }
}

/// Returns whether the way to the targets is not ours: a target group given by its ARN is routed by its owner,
/// unless the manifest also names the listener.
pub fn is_given(spec: &IngressSpec) -> bool {
    spec.target_group_arn.is_some() && spec.listener_arn.is_none()
}

/// Returns what the manifest says of a target group, as texts. What it has no word for (protocol and port of the
/// check, attributes) is not here, and so is never changed.
pub fn checks(spec: &IngressSpec) -> Document {
    let health = &spec.health;
    let checks = json!({
        "HealthCheckPath": health.path,
        "HealthCheckIntervalSeconds": health.interval.to_string(),
        "HealthCheckTimeoutSeconds": health.timeout.to_string(),
        "HealthyThresholdCount": health.healthy_threshold.to_string(),
        "UnhealthyThresholdCount": health.unhealthy_threshold.to_string(),
        "Matcher": { "HttpCode": health.matcher },
    });
    checks.as_object().cloned().unwrap_or_default()
}

/// Returns those of [`checks`] that a target group does not have: what ModifyTargetGroup is asked for.
pub fn changed_checks(spec: &IngressSpec, group: &Document) -> Document {
    // gRPC's codes are another member, which the manifest has no word for.
    let is_grpc = group.get("Matcher").is_some_and(|matcher| matcher.get("GrpcCode").is_some());
    let differs = |name: &str, value: &Value| group.get(name) != Some(value) && !(is_grpc && name == "Matcher");
    checks(spec).into_iter().filter(|(name, value)| differs(name, value)).collect()
}

/// Returns what a new listener does with requests that no rule takes.
pub fn default_actions(spec: &IngressSpec, group: &str) -> Value {
    if spec.is_default() {
        return json!([{ "Type": "forward", "TargetGroupArn": group }]);
    }
    let response = json!({ "StatusCode": "404", "ContentType": "text/plain", "MessageBody": routes::OWN_ANSWER });
    json!([{ "Type": "fixed-response", "FixedResponseConfig": response }])
}

/// Returns what requests must look like to be routed to a service.
pub fn conditions(spec: &IngressSpec) -> Vec<Value> {
    let condition = |field: &str, values: &[String]| json!({ "Field": field, "Values": values });
    let mut conditions = Vec::new();
    if !spec.hosts.is_empty() {
        conditions.push(condition("host-header", &spec.hosts));
    }
    if !spec.paths.is_empty() {
        conditions.push(condition("path-pattern", &spec.paths));
    }
    if conditions.is_empty() {
        // A listener that is not ours keeps its default action; a rule needs a condition.
        conditions.push(condition("path-pattern", &["/*".to_owned()]));
    }
    conditions
}

fn list<'a>(document: &'a Document, name: &str) -> &'a [Value] {
    document.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns whether one of a document's actions forwards to a target group, alone or with others.
pub fn forwards_to(document: &Document, actions: &str, group: &str) -> bool {
    Actions::read(list(document, actions)).reach(group)
}

/// Returns the default actions that a listener must be given; none if it is to keep those that it has.
/// What is asked for before the request ends stays.
pub fn default_turn(spec: &IngressSpec, listener: &Document, group: &str) -> Option<Value> {
    let keeps = !spec.is_default() || forwards_to(listener, "DefaultActions", group);
    (!keeps).then(|| routes::forwarding(list(listener, "DefaultActions"), group))
}

/// What is done about the rule that leads to a service.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleTurn {
    /// It is as it should be.
    Keep,
    /// ModifyRule.
    Modify {
        /// Its ARN.
        arn: String,
        /// All its conditions: those of the manifest, and those that the manifest has no word for.
        conditions: Vec<Value>,
    },
    /// CreateRule.
    Create {
        /// Behind all that there are.
        priority: u32,
        /// Its conditions.
        conditions: Vec<Value>,
    },
}

/// The largest priority of a rule (API reference, CreateRule).
const LAST: u32 = 50_000;

/// Returns a priority behind those that are taken, or the largest free one.
fn next_priority(rules: &[Document]) -> u32 {
    let taken: BTreeSet<u32> = rules.iter().filter_map(|rule| Rule::read(rule).priority).collect();
    let next = taken.last().map_or(1, |last| last + 1);
    if next <= LAST { next } else { (1..=LAST).rev().find(|free| !taken.contains(free)).unwrap_or(LAST) }
}

/// Returns what is done about the rule that leads to a service's group, among the rules of its listener.
///
/// Only rules that lead there are looked at, and of the one that is changed only hosts and paths.
pub fn rule_turn(spec: &IngressSpec, rules: &[Document], group: &str) -> RuleTurn {
    let wanted = Conditions::read(&conditions(spec));
    let to_us = |rule: &&Document| forwards_to(rule, "Actions", group);
    let ours: Vec<(&Document, Rule)> = rules
        .iter()
        .filter(to_us)
        .map(|rule| (rule, Rule::read(rule)))
        .filter(|(_, rule)| rule.priority.is_some())
        .collect();
    let same = |rule: &Rule| rule.when.covers_place(&wanted) && wanted.covers_place(&rule.when);
    let covered = |part: &Conditions| ours.iter().any(|(_, rule)| rule.when.covers_place(part));
    let by_several = ours.len() > 1 && wanted.apart().iter().all(covered);
    // The listener's owner sends everything here.
    let sends_all = ours.is_empty() && spec.is_default() && rules.iter().any(|rule| to_us(&rule));
    if sends_all || by_several || ours.iter().any(|(_, rule)| same(rule)) {
        return RuleTurn::Keep;
    }
    let nearest = ours.iter().find(|(_, rule)| rule.when.meets_place(&wanted)).or(ours.first());
    match nearest {
        Some((document, rule)) => {
            let field = |condition: &Value| condition["Field"].as_str().unwrap_or_default().to_owned();
            let mut conditions = conditions(spec);
            let kept = list(document, "Conditions").iter().filter(|condition| !routes::has_word(condition));
            let kept: Vec<Value> = kept.map(routes::as_request).collect();
            if spec.is_default() && !kept.is_empty() {
                conditions.clear();
            }
            let said: BTreeSet<String> = conditions.iter().map(field).collect();
            conditions.extend(kept.into_iter().filter(|condition| !said.contains(&field(condition))));
            RuleTurn::Modify { arn: rule.arn.clone(), conditions }
        }
        None => RuleTurn::Create { priority: next_priority(rules), conditions: conditions(spec) },
    }
}

/// What is decided about the way to one service.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) steps: Vec<Step>,
    /// Rules as they are then, each with its listener.
    pub(super) rules: Vec<(Listener, Rule)>,
}

/// Where the way to a service leads, and past whom.
pub(super) struct Scene<'a> {
    pub(super) map: &'a RouteMap,
    /// Services of the manifest in this stage, by their names in ECS.
    pub(super) own: &'a BTreeSet<&'a str>,
    pub(super) stage: &'a str,
}

impl Scene<'_> {
    pub(super) fn mover<'b>(&'b self, service: &'b ServiceDoc, group: &'b str) -> Mover<'b> {
        let table = format!("stages.{}.services.{}", self.stage, service.service);
        Mover { map: self.map, service: &service.name, group, own: self.own, table }
    }
}

/// Decides what brings the way to a service to what the manifest says.
///
/// Every step of one service is the same action, which is safe to repeat: they are kept apart
/// so that people see each thing that changes.
pub(super) fn decide(service: &ServiceDoc, spec: &IngressSpec, seen: &ObservedIngress, scene: &Scene<'_>) -> Decided {
    let mut decided = Decided::default();
    if is_given(spec) {
        return decided;
    }
    let mut step = |mark, kind: &str, name: &str, changes: Vec<Change>, risks: Vec<Risk>| {
        decided.steps.push(Step {
            mark,
            kind: kind.to_owned(),
            name: name.to_owned(),
            detail: String::new(),
            difference: Difference { changes, unchanged: Vec::new() },
            risks,
            action: Action::Route {
                service: service.service.clone(),
                spec: Box::new(spec.clone()),
                network: service.document.get("networkConfiguration").cloned(),
            },
        });
    };
    let owns_balancer = spec.listener_arn.is_none();
    if owns_balancer && seen.balancer.is_none() {
        step(Mark::Create, "load balancer", &spec.load_balancer, Vec::new(), Vec::new());
    }
    if spec.target_group_arn.is_none() {
        match &seen.group {
            None => step(Mark::Create, "target group", &spec.target_group, Vec::new(), Vec::new()),
            Some(group) => {
                let mut changes = changed(group, changed_checks(spec, group));
                let delay = spec.deregistration_delay.to_string();
                if seen.delay.as_deref() != Some(delay.as_str()) {
                    let before = seen.delay.clone().map(Value::from);
                    changes.push(Change { path: vec![DELAY.to_owned()], before, after: Some(delay.into()) });
                }
                if !changes.is_empty() {
                    step(Mark::Update, "target group", &spec.target_group, changes, Vec::new());
                }
            }
        }
    }
    let made = token::target_group(&service.service);
    let group = spec.target_group_arn.as_deref().or(seen.group_arn()).unwrap_or(&made);
    let mover = scene.mover(service, group);
    let listener = listener(spec, seen, group, scene.map);
    if owns_balancer {
        let name = format!("{}:{}", spec.load_balancer, spec.listener_port);
        match &seen.listener {
            None => {
                step(Mark::Create, "listener", &name, Vec::new(), mover.opening(&listener));
                decided.rules.extend(listener.rules.iter().map(|rule| (listener.clone(), rule.clone())));
            }
            Some(found) => {
                if let Some(actions) = default_turn(spec, found, group) {
                    let was = listener.rules.iter().find(|rule| rule.priority.is_none()).cloned().unwrap_or_default();
                    let after = Rule { what: Actions::read(actions.as_array().map_or(&[], Vec::as_slice)), ..was };
                    let risks = mover.taking_default(&listener, &after);
                    let before = found.get("DefaultActions").cloned();
                    let changes = vec![Change { path: vec!["DefaultActions".into()], before, after: Some(actions) }];
                    step(Mark::Update, "listener", &name, changes, risks);
                    decided.rules.push((listener.clone(), after));
                }
            }
        }
        if spec.is_default() {
            return decided;
        }
    }
    let forward = || Actions::read(&[json!({ "Type": "forward", "TargetGroupArn": group })]);
    match rule_turn(spec, &seen.rules, group) {
        RuleTurn::Keep => {}
        RuleTurn::Modify { arn, conditions } => {
            let found = seen.rules.iter().find(|rule| rule.get("RuleArn").is_some_and(|known| *known == arn));
            let was = found.map(Rule::read).unwrap_or_default();
            let after = Rule { when: Conditions::read(&conditions), ..was.clone() };
            let risks = mover.changing(&listener, &was, &after);
            let before = found.and_then(|rule| rule.get("Conditions").cloned());
            let changes = vec![Change { path: vec!["Conditions".into()], before, after: Some(conditions.into()) }];
            step(Mark::Update, "rule", &spec.target_group, changes, risks);
            decided.rules.push((listener, after));
        }
        RuleTurn::Create { priority, conditions } => {
            let when = Conditions::read(&conditions);
            let rule = Rule { arn: String::new(), priority: Some(priority), when, what: forward() };
            // A listener that is only now made has no other owner's rules.
            let risks = if listener.arn.is_empty() {
                mover.opening_rule(&listener, &rule)
            } else {
                mover.adding(&listener, &rule)
            };
            step(Mark::Create, "rule", &spec.target_group, Vec::new(), risks);
            decided.rules.push((listener, rule));
        }
    }
    decided
}

/// Returns the listener that requests come in by, as it is, or as it is made.
fn listener(spec: &IngressSpec, seen: &ObservedIngress, group: &str, map: &RouteMap) -> Listener {
    let arn = spec.listener_arn.as_deref();
    let arn = arn.or_else(|| seen.listener.as_ref()?.get("ListenerArn")?.as_str()).unwrap_or_default();
    if let Some(known) = map.listener(arn) {
        return known.clone();
    }
    match &seen.listener {
        Some(found) => Listener::read(&spec.load_balancer, found, &seen.rules),
        None if spec.listener_arn.is_some() => {
            let document = json!({ "ListenerArn": arn, "Port": spec.listener_port });
            Listener::read("", document.as_object().unwrap_or(&Document::new()), &seen.rules)
        }
        None => {
            let port = spec.listener_port.to_string();
            let document = json!({ "Port": port, "Protocol": "HTTP", "DefaultActions": default_actions(spec, group) });
            Listener::read(&spec.load_balancer, document.as_object().unwrap_or(&Document::new()), &[])
        }
    }
}

fn changed(found: &Document, wanted: Document) -> Vec<Change> {
    let change = |(name, value): (String, Value)| Change {
        before: found.get(&name).cloned(),
        path: vec![name],
        after: Some(value),
    };
    wanted.into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Document {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn priorities_follow_the_highest_one_as_long_as_there_are_any() {
        let rule = |priority: &str| object(json!({ "Priority": priority }));
        assert_eq!((next_priority(&[rule("default"), rule("7")]), next_priority(&[])), (8, 1));
        assert_eq!(next_priority(&[rule("50000"), rule("49999")]), 49_998, "a catch-all often has the last");
    }

    #[test]
    fn a_check_has_what_the_manifest_has_no_word_for_left_alone() {
        let manifest = "app = \"a\"\n[services.web.ingress]\ncontainer = \"web\"\nport = 80\n\
                        [services.web.containers.web]\nimage = \"i:1\"\n";
        let manifest = crate::parse("managr.toml", manifest).unwrap();
        let desired = crate::desired(&manifest, "local", &crate::Facts::local("r")).unwrap();
        let spec = desired.services[0].ingress.clone().unwrap();
        let mut group = checks(&spec);
        group.insert("HealthCheckProtocol".into(), "HTTPS".into());
        group.insert("HealthCheckPort".into(), "9000".into());
        assert_eq!(changed_checks(&spec, &group), Document::new());
        group.insert("Matcher".into(), json!({ "GrpcCode": "0" }));
        assert_eq!(changed_checks(&spec, &group), Document::new());
        group.insert("HealthCheckPath".into(), "/other".into());
        assert_eq!(changed_checks(&spec, &group), object(json!({ "HealthCheckPath": "/" })));
    }
}
