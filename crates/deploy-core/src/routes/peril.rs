//! What would a change of routes cost? Traffic that reaches a service now, or protection that requests pass now.
//!
//! Nothing here knows how a plan is carried out; `plan::ingress` says what would change, one thing at a time.

use std::collections::BTreeSet;

use super::{Actions, End, Listener, RouteMap, Rule};
use crate::plan::{Risk, RiskKind};

/// Who would change something, and what there is before.
pub(crate) struct Mover<'a> {
    /// What there is.
    pub(crate) map: &'a RouteMap,
    /// The service, by its name in ECS.
    pub(crate) service: &'a str,
    /// The group that its requests are to go to: an ARN, or the token of one that is about to be made.
    pub(crate) group: &'a str,
    /// All services of the manifest in this stage, by their names in ECS.
    pub(crate) own: &'a BTreeSet<&'a str>,
    /// The table of the manifest where a stage says which group and listener there are.
    pub(crate) table: String,
}

impl Mover<'_> {
    fn risk(&self, kind: RiskKind, place: impl Into<String>, words: String, remedy: String) -> Risk {
        Risk { kind, words, place: place.into(), remedy }
    }

    fn serves(&self, group: &str) -> bool {
        self.map.services_of(group).contains(self.service)
    }

    /// Returns what it costs that a listener's default action becomes `after`.
    pub(crate) fn taking_default(&self, listener: &Listener, after: &Rule) -> Vec<Risk> {
        let before = listener.rules.iter().find(|rule| rule.priority.is_none());
        let taken = before.and_then(|before| self.taken(listener, before, after, true));
        taken.into_iter().chain(self.other_ways(listener, after)).collect()
    }

    /// Returns what it costs that a listener is made.
    pub(crate) fn opening(&self, listener: &Listener) -> Vec<Risk> {
        listener.rules.iter().flat_map(|rule| self.other_ways(listener, rule)).collect()
    }

    /// Returns what it costs that a listener that is about to be made has a rule.
    pub(crate) fn opening_rule(&self, listener: &Listener, rule: &Rule) -> Vec<Risk> {
        self.other_ways(listener, rule)
    }

    /// Returns what it costs that a rule is added.
    pub(crate) fn adding(&self, listener: &Listener, rule: &Rule) -> Vec<Risk> {
        let mut found: Vec<Risk> = self.shadowed(listener, rule).into_iter().collect();
        found.extend(self.taken_by(listener, rule, None));
        found.extend(self.other_ways(listener, rule));
        found
    }

    /// Returns what it costs that a rule takes other requests.
    pub(crate) fn changing(&self, listener: &Listener, before: &Rule, after: &Rule) -> Vec<Risk> {
        let mut found: Vec<Risk> = self.shadowed(listener, after).into_iter().collect();
        let place = format!("{} of {}", before.words(), listener.words());
        let lost: Vec<String> =
            before.when.apart().iter().filter(|part| !after.when.covers(part)).map(|part| part.place()).collect();
        if !lost.is_empty() && before.what.groups().any(|group| self.map.may_answer(group)) {
            let words = format!("requests for {} reach {} now, and would not any more", lost.join(", "), self.service);
            let remedy = format!("keep them in `host` and `path` of the ingress of {}", self.service);
            found.push(self.risk(RiskKind::RequestsLost, place.clone(), words, remedy));
        }
        if !lost.is_empty() {
            found.extend(self.unguarded(listener, before));
        }
        if before.when.covers(&after.when) {
            // A service that is only now behind it has ways of its own to be held against.
            if !self.serves(self.group) {
                found.extend(self.other_ways(listener, after));
            }
            return found;
        }
        let fewer = [
            (before.when.hosts.is_some() && after.when.hosts.is_none(), "host"),
            (before.when.paths.is_some() && after.when.paths.is_none(), "path"),
        ];
        for word in fewer.into_iter().filter(|(gone, _)| *gone).map(|(_, word)| word) {
            let words = format!("the condition on the {word} ({}) would be removed", before.when.place());
            let remedy = format!("say `{word}` in the ingress of {}", self.service);
            found.push(self.risk(RiskKind::ProtectionLost, place.clone(), words, remedy));
        }
        for asked in missing(before, after) {
            let words = format!("it asks for {asked} now, and would not any more");
            let remedy = format!("leave `host` or `path` out of the ingress of {}", self.service);
            found.push(self.risk(RiskKind::ProtectionLost, place.clone(), words, remedy));
        }
        found.extend(self.taken_by(listener, after, Some(before)));
        found.extend(self.other_ways(listener, after));
        found
    }

    /// Returns what it costs that the service's tasks become targets of a group that requests reach already; what the
    /// plan itself changes on the way is reported there.
    pub(crate) fn entering(&self, after: &RouteMap) -> Vec<Risk> {
        let mut found = Vec::new();
        for listener in &self.map.listeners {
            let stay = after.listener(&listener.arn).map(|listener| &listener.rules[..]).unwrap_or_default();
            for rule in listener.rules.iter().filter(|rule| stay.contains(rule)) {
                found.extend(self.other_ways(listener, rule));
            }
        }
        found
    }

    /// Returns what it costs that the service's tasks are no longer targets of `left`; `after` is what there is then.
    pub(crate) fn leaving(&self, after: &RouteMap, left: &[String], goes_elsewhere: bool) -> Vec<Risk> {
        let mut found = Vec::new();
        for group in left {
            let name = self.map.group_name(group);
            let rest: Vec<&str> = after.services_of(group).into_iter().collect();
            let ways =
                after.listeners.iter().flat_map(|listener| listener.rules.iter().map(move |rule| (listener, rule)));
            let ways = ways.filter(|(listener, rule)| rule.what.reach(group) && listener.shadow_of(rule).is_none());
            for (listener, rule) in ways {
                let place = format!("{} of {}", rule.words(), listener.words());
                let keeps = format!(
                    "name the group that requests reach: `target-group = \"{name}\"` under [{}], or forward to the new one first",
                    self.table
                );
                let (kind, words, remedy) = match (rest.is_empty(), goes_elsewhere) {
                    (true, true) => (
                        RiskKind::TrafficMoves,
                        format!(
                            "requests go on to target group {name}, and {} would leave it for {}: no target would answer them",
                            self.service,
                            after.group_name(self.group)
                        ),
                        keeps,
                    ),
                    (true, false) => (
                        RiskKind::GroupEmpty,
                        format!(
                            "requests go on to target group {name}, and {} would leave it: no target would answer them",
                            self.service
                        ),
                        format!("keep the ingress of {}, or take the rule or listener away first", self.service),
                    ),
                    (false, _) => (
                        RiskKind::RouteMoved,
                        format!("{} would leave target group {name} to {}", self.service, rest.join(", ")),
                        keeps,
                    ),
                };
                found.push(self.risk(kind, place, words, remedy));
            }
        }
        found
    }

    /// Returns what is no longer asked of requests that a rule no longer takes, because a later one takes them.
    fn unguarded(&self, listener: &Listener, rule: &Rule) -> Vec<Risk> {
        let rank = |rule: &Rule| rule.priority.unwrap_or(u32::MAX);
        let later = listener.rules.iter().filter(|other| rank(other) > rank(rule) && other.when.meets(&rule.when));
        let later = later.filter(|other| matches!(other.what.end, End::Forward(_)));
        let one = |other: &Rule| {
            let guards = missing_guards(&rule.what, &other.what);
            let words = format!(
                "requests that it no longer takes must pass {} now, and {} would take them without",
                guards.join(", "),
                other.words()
            );
            let remedy = format!("keep them in `host` and `path` of the ingress of {}", self.service);
            let place = format!("{} of {}", rule.words(), listener.words());
            (!guards.is_empty()).then(|| self.risk(RiskKind::ProtectionLost, place, words, remedy))
        };
        later.filter_map(one).collect()
    }

    /// Returns whether nothing would come along a rule, because of those before it.
    fn shadowed(&self, listener: &Listener, rule: &Rule) -> Option<Risk> {
        let by = listener.shadow_of(rule)?;
        if by.what.groups().any(|group| group == self.group) {
            return None;
        }
        let place = listener.words();
        let words = format!(
            "no request would come along the rule for {}: {} takes them all before it",
            rule.when.place(),
            by.words()
        );
        let remedy = "narrow the rule before it, or give this one a smaller priority once it is there: \
                      `aws elbv2 set-rule-priorities`";
        Some(self.risk(RiskKind::RuleShadowed, place, words, remedy.to_owned()))
    }

    /// Returns what a rule takes from those after it; what `before` took already is not taken.
    fn taken_by(&self, listener: &Listener, rule: &Rule, before: Option<&Rule>) -> Vec<Risk> {
        let rank = |rule: &Rule| rule.priority.unwrap_or(u32::MAX);
        let later = listener.rules.iter().filter(|other| rank(other) > rank(rule) && other.when.meets(&rule.when));
        let later = later.filter(|other| before.is_none_or(|before| !before.when.covers(&other.when)));
        later.filter_map(|other| self.taken(listener, other, rule, rule.when.covers(&other.when))).collect()
    }

    /// Returns what it costs that requests of one rule are taken by another, all or some of them.
    fn taken(&self, listener: &Listener, from: &Rule, by: &Rule, all: bool) -> Option<Risk> {
        let place = format!("{} of {}", from.words(), listener.words());
        let which = if all { "its requests".to_owned() } else { format!("its requests for {}", by.when.place()) };
        let guards = missing_guards(&from.what, &by.what);
        let keeps = || "choose a `host` or a `path` that nothing else uses, or another listener".to_owned();
        if !guards.is_empty() {
            let words = format!("{which} must pass {} now, and would not any more", guards.join(", "));
            return Some(self.risk(RiskKind::ProtectionLost, place, words, keeps()));
        }
        match &from.what.end {
            End::Forward(_) => self.taken_from(&place, &which, &from.what, all),
            End::Redirect { is_tls: true } => {
                let words = format!("{which} are sent to HTTPS now, and would be answered here");
                let remedy =
                    format!("name the HTTPS listener: `listener-arn` under the stage, instead of {}", listener.words());
                Some(self.risk(RiskKind::ProtectionLost, place, words, remedy))
            }
            End::Answer { is_ours: true, .. } => None,
            End::Redirect { .. } if all => {
                let words = format!("{which} are redirected now, and would reach {}", self.service);
                Some(self.risk(RiskKind::ProtectionLost, place, words, keeps()))
            }
            End::Answer { status, .. } if all => {
                let words = format!("{which} are answered with {status} now, and would reach {}", self.service);
                Some(self.risk(RiskKind::ProtectionLost, place, words, keeps()))
            }
            End::Redirect { .. } | End::Answer { .. } => None,
            End::Unknown(kind) => {
                let words = format!("{which} end at {kind} now, and would reach {}", self.service);
                Some(self.risk(RiskKind::RouteTaken, place, words, keeps()))
            }
        }
    }

    fn taken_from(&self, place: &str, which: &str, from: &Actions, all: bool) -> Option<Risk> {
        let others: Vec<&str> =
            from.groups().filter(|group| *group != self.group && self.map.may_answer(group)).collect();
        let names: Vec<&str> = others.iter().map(|group| self.map.group_name(group)).collect();
        let services: BTreeSet<&str> = others.iter().flat_map(|group| self.map.services_of(group)).collect();
        let (names, new) = (names.join(", "), self.map.group_name(self.group));
        if others.is_empty() {
            return None;
        }
        if services.iter().eq([&self.service]) {
            if self.serves(self.group) {
                return None;
            }
            let words = format!(
                "{which} reach {} through target group {names} now, and would go to {new}, which has no target until new tasks are healthy",
                self.service
            );
            let remedy =
                format!("name the group that requests reach: `target-group = \"{names}\"` under [{}]", self.table);
            return Some(self.risk(RiskKind::TrafficMoves, place, words, remedy));
        }
        let is_own = !services.is_empty() && services.iter().all(|service| self.own.contains(service));
        let whose = match services.is_empty() {
            true => format!("target group {names}"),
            false => services.into_iter().collect::<Vec<_>>().join(", "),
        };
        let words = format!("{which} reach {whose} now, and would go to {}", self.service);
        let (kind, remedy) = match is_own || !all {
            true => (RiskKind::RouteMoved, "nothing, if the manifest means it".to_owned()),
            false => (
                RiskKind::RouteTaken,
                "choose a `host` or a `path` that nothing else uses, or another listener".to_owned(),
            ),
        };
        Some(self.risk(kind, place, words, remedy))
    }

    /// Returns what is asked for on other ways to the same service, or of the same requests, and not on this one.
    fn other_ways(&self, listener: &Listener, rule: &Rule) -> Vec<Risk> {
        if !rule.what.reach(self.group) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for other_listener in &self.map.listeners {
            let is_here = other_listener.arn == listener.arn;
            for other in &other_listener.rules {
                let is_itself = is_here
                    && (other.arn == rule.arn && !rule.arn.is_empty()
                        || other.priority.is_none() && rule.priority.is_none());
                let to_us = other.what.groups().any(|group| group == self.group || self.serves(group));
                let names_them = is_here
                    && (other.when.hosts.is_some() || other.when.paths.is_some())
                    && other.when.covers_place(&rule.when);
                if is_itself || !(to_us || names_them) || !other.when.meets_place(&rule.when) {
                    continue;
                }
                let mut asked = missing(other, rule);
                if to_us && other_listener.is_tls() && !listener.is_tls() {
                    asked.insert(0, "HTTPS".to_owned());
                }
                if asked.is_empty() {
                    continue;
                }
                let place = format!("{} of {}", other.words(), other_listener.words());
                let words = format!(
                    "it asks such requests for {}, and {} of {} would not",
                    asked.join(" and "),
                    if rule.arn.is_empty() && rule.priority.is_some() { "the rule".to_owned() } else { rule.words() },
                    listener.words()
                );
                let remedy = format!(
                    "let the manifest find that rule (`target-group` under [{}], `listener-arn` under the stage): \
                     what the manifest has no word for is kept",
                    self.table
                );
                found.push(self.risk(RiskKind::ProtectionLost, place, words, remedy));
            }
        }
        found
    }
}

/// Returns what one asks for before a request ends and the other does not.
fn missing_guards(of: &Actions, than: &Actions) -> Vec<String> {
    of.guards.iter().filter(|guard| !than.guards.contains(guard)).cloned().collect()
}

/// Returns what one rule asks of a request and the other does not, hosts and paths aside.
fn missing(of: &Rule, than: &Rule) -> Vec<String> {
    let others = of.when.others.iter();
    let others = others.filter(|asked| !than.when.others.iter().any(|other| other.implies(asked)));
    others.map(super::Other::words).chain(missing_guards(&of.what, &than.what)).collect()
}
