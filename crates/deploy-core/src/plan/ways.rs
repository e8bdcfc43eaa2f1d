//! All ways of a stage at once: what its plan makes of the load balancers, which groups services leave, and what is
//! wrong with the ways however the plan ends.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde_json::Value;

use super::ingress::{self, Decided, Scene};
use super::service::text;
use super::{Observed, Risk, RiskKind, Step};
use crate::desired::{Desired, ServiceDoc};
use crate::routes::{RouteMap, reach};

/// The ways of a stage, decided.
#[derive(Debug)]
pub(super) struct Ways<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    own: BTreeSet<&'a str>,
    /// What brings them there.
    pub(super) steps: Vec<Step>,
    /// What there is then.
    after: RouteMap,
}

/// Returns the target groups of a service's document.
pub fn groups(service: &Document) -> Vec<&str> {
    let bindings = service.get("loadBalancers").and_then(Value::as_array).into_iter().flatten();
    bindings.filter_map(|binding| binding["targetGroupArn"].as_str()).filter(|arn| !arn.is_empty()).collect()
}

/// Decides the ways of a stage.
pub(super) fn decide<'a>(desired: &'a Desired, observed: &'a Observed) -> Ways<'a> {
    let own: BTreeSet<&str> = desired.services.iter().map(|service| service.name.as_str()).collect();
    let scene = Scene { map: &observed.routes, own: &own, stage: &desired.stage };
    let (mut steps, mut after) = (Vec::new(), observed.routes.clone());
    for service in &desired.services {
        let Some(spec) = &service.ingress else { continue };
        let seen = observed.ingress.get(&service.service).cloned().unwrap_or_default();
        let Decided { steps: own, rules } = ingress::decide(service, spec, &seen, &scene);
        steps.extend(own);
        after = rules.into_iter().fold(after, |map, (listener, rule)| map.with_rule(&listener, rule));
    }
    for service in &desired.services {
        for group in after.groups.values_mut() {
            group.services.remove(&service.name);
        }
        for group in groups(&service.document) {
            after.groups.entry(group.to_owned()).or_default().services.insert(service.name.clone());
        }
    }
    Ways { desired, observed, own, steps, after }
}

impl Ways<'_> {
    /// Returns what it costs that a service leaves groups for others.
    pub(super) fn moving(&self, service: &ServiceDoc) -> Vec<Risk> {
        let Some(live) = self.observed.services.get(&service.name) else { return Vec::new() };
        let (wanted, now) = (groups(&service.document), groups(live));
        let left: Vec<String> = now.into_iter().filter(|group| !wanted.contains(group)).map(str::to_owned).collect();
        let scene = Scene { map: &self.observed.routes, own: &self.own, stage: &self.desired.stage };
        let group = wanted.first().copied().unwrap_or_default();
        let mover = scene.mover(service, group);
        let mut found = mover.leaving(&self.after, &left, !wanted.is_empty());
        if !left.is_empty() && !wanted.is_empty() {
            found.extend(mover.entering(&self.after));
        }
        found
    }

    /// Returns what is wrong when the plan is done.
    pub(super) fn findings(&self) -> Vec<Risk> {
        let wanted = self.desired.services.iter().filter(|service| service.ingress.is_some());
        let wanted: BTreeMap<&str, Vec<&str>> =
            wanted.map(|service| (service.name.as_str(), groups(&service.document))).collect();
        findings(&self.after, &wanted)
    }
}

/// Returns what is wrong with the ways to the services of a stage as they are now, whatever the manifest says.
pub fn live_findings(desired: &Desired, observed: &Observed) -> Vec<Risk> {
    let live = desired.services.iter().filter_map(|service| observed.services.get(&service.name));
    let live = live.map(|live| (text(live, "serviceName"), groups(live)));
    findings(&observed.routes, &live.filter(|(_, groups)| !groups.is_empty()).collect())
}

/// Returns why nothing reaches services, and which rules and default actions lead nowhere; services with their groups.
fn findings(map: &RouteMap, services: &BTreeMap<&str, Vec<&str>>) -> Vec<Risk> {
    // What could not be looked at may be where requests come in.
    if !map.unseen.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (service, groups) in services {
        let reach = reach(map, groups);
        let place = format!("service {service}");
        match reach.fault(map, groups) {
            Some(why) => found.push(Risk {
                kind: RiskKind::Unreached,
                words: format!("no request reaches it: {why}"),
                place,
                remedy: "let a rule or a default action forward to its group, or say another `target-group`".to_owned(),
            }),
            None => found.extend(reach.shut.into_iter().map(|why| Risk {
                kind: RiskKind::RuleShadowed,
                words: why,
                place: place.clone(),
                remedy: "take the rule away, or give it a smaller priority: `aws elbv2 set-rule-priorities`".to_owned(),
            })),
        }
    }
    let ours: BTreeSet<&str> = services.values().flatten().copied().collect();
    for listener in &map.listeners {
        let is_ours = listener.rules.iter().any(|rule| rule.what.groups().any(|group| ours.contains(group)));
        for rule in listener.rules.iter().filter(|_| is_ours) {
            let groups: Vec<&str> = rule.what.groups().collect();
            let is_empty = |group: &&str| map.groups.contains_key(*group) && !map.may_answer(group);
            if !groups.is_empty() && groups.iter().all(is_empty) {
                let names: Vec<&str> = groups.iter().map(|group| map.group_name(group)).collect();
                found.push(Risk {
                    kind: RiskKind::GroupEmpty,
                    words: format!("it forwards to target group {}, which has no targets", names.join(", ")),
                    place: format!("{} of {}", rule.words(), listener.words()),
                    remedy: "remove it, or register targets there".to_owned(),
                });
            }
        }
    }
    found
}
