//! Where do requests go? Listeners, rules and groups of load balancers as one value, and what follows from it.
//!
//! - [`RouteMap`]: everything that is known, as ELBv2 described it.
//! - [`reach()`]: which ways lead to a service's targets, and why none does.
//! - `peril`: what a change of it would cost: traffic, protection.

mod action;
mod condition;
mod pattern;
pub(crate) mod peril;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde_json::Value;

pub use self::action::{Actions, End, OWN_ANSWER, forwarding};
pub use self::condition::{Conditions, Other, as_request, has_word};
pub use self::reach::{Reach, Way, reach};

/// What is known of the load balancers that a stage has to do with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RouteMap {
    /// Their listeners.
    pub listeners: Vec<Listener>,
    /// Target groups by ARN.
    pub groups: BTreeMap<String, Group>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// A listener with its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listener {
    /// ARN; empty for one that is about to be made.
    pub arn: String,
    /// Name of its load balancer.
    pub balancer: String,
    /// Port.
    pub port: String,
    /// `HTTP`, `HTTPS`, or one of a network load balancer's.
    pub protocol: String,
    /// Rules in the order in which they are tried; the default one last.
    pub rules: Vec<Rule>,
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// ARN; empty for one that is about to be made.
    pub arn: String,
    /// Place in the order; none for what is done when no other rule takes a request.
    pub priority: Option<u32>,
    /// Which requests it takes.
    pub when: Conditions,
    /// What it does with them.
    pub what: Actions,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Services of the cluster whose tasks are its targets.
    pub services: BTreeSet<String>,
    /// How many targets it has; none if not asked for.
    pub targets: Option<usize>,
}

fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a leaf as text: ELBv2 answers in XML, where a number is text like all else.
fn leaf(document: &Document, name: &str) -> String {
    match document.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}

fn list<'a>(document: &'a Document, name: &str) -> &'a [Value] {
    document.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Rule {
    /// Reads a rule of DescribeRules.
    pub fn read(document: &Document) -> Self {
        Self {
            arn: text(document, "RuleArn").to_owned(),
            priority: leaf(document, "Priority").parse().ok(),
            when: Conditions::read(list(document, "Conditions")),
            what: Actions::read(list(document, "Actions")),
        }
    }

    /// Returns what it is called among the rules of its listener.
    pub fn words(&self) -> String {
        match self.priority {
            Some(priority) => format!("rule {priority} ({})", self.when.place()),
            None => "the default action".to_owned(),
        }
    }
}

impl Listener {
    /// Reads a listener of DescribeListeners with its rules of DescribeRules, which may be none: a network load
    /// balancer has none but the default.
    pub fn read(balancer: &str, document: &Document, rules: &[Document]) -> Self {
        let mut rules: Vec<Rule> = rules.iter().map(Rule::read).collect();
        if !rules.iter().any(|rule| rule.priority.is_none()) {
            let what = Actions::read(list(document, "DefaultActions"));
            rules.push(Rule { what, ..Rule::default() });
        }
        rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
        Self {
            arn: text(document, "ListenerArn").to_owned(),
            balancer: balancer.to_owned(),
            port: leaf(document, "Port"),
            protocol: text(document, "Protocol").to_owned(),
            rules,
        }
    }

    /// Returns what people call it.
    pub fn words(&self) -> String {
        format!("listener {}:{}", self.balancer, self.port)
    }

    /// Returns whether what is said there is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTPS" | "TLS")
    }

    /// Returns whether the rules before a rule take every request that it would take, and which does if it is one.
    pub(crate) fn shadow_of(&self, rule: &Rule) -> Option<&Rule> {
        let before = || {
            let rank = |rule: &Rule| rule.priority.unwrap_or(u32::MAX);
            self.rules.iter().filter(move |other| rank(other) < rank(rule) && other.arn != rule.arn)
        };
        if let Some(one) = before().find(|other| other.when.covers(&rule.when)) {
            return Some(one);
        }
        let parts = rule.when.apart();
        let takers: Option<Vec<&Rule>> =
            parts.iter().map(|part| before().find(|other| other.when.covers(part))).collect();
        takers.and_then(|takers| takers.into_iter().next())
    }
}

impl RouteMap {
    /// Returns a group's name, or what is left of its ARN.
    pub fn group_name<'a>(&'a self, arn: &'a str) -> &'a str {
        let known = self.groups.get(arn).map(|group| group.name.as_str()).filter(|name| !name.is_empty());
        known.or_else(|| arn.split_once("targetgroup/")?.1.split('/').next()).unwrap_or("the new group")
    }

    /// Returns the services whose tasks are a group's targets.
    pub(crate) fn services_of(&self, arn: &str) -> BTreeSet<&str> {
        self.groups.get(arn).map(|group| group.services.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Returns whether a target may answer behind a group. One that is not known may well answer.
    pub(crate) fn may_answer(&self, arn: &str) -> bool {
        self.groups.get(arn).is_none_or(|group| !group.services.is_empty() || group.targets != Some(0))
    }

    /// Returns a listener by ARN.
    pub fn listener(&self, arn: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| !arn.is_empty() && listener.arn == arn)
    }

    /// Returns it with a rule put in the place of the one of the same name, or added.
    #[must_use]
    pub(crate) fn with_rule(mut self, listener: &Listener, rule: Rule) -> Self {
        let at = self.listeners.iter().position(|known| !known.arn.is_empty() && known.arn == listener.arn);
        let at = at.unwrap_or_else(|| {
            self.listeners.push(listener.clone());
            self.listeners.len() - 1
        });
        let rules = &mut self.listeners[at].rules;
        let same = |known: &Rule| match rule.priority {
            None => known.priority.is_none(),
            Some(_) => !rule.arn.is_empty() && known.arn == rule.arn,
        };
        match rules.iter().position(same) {
            Some(at) => rules[at] = rule,
            None => rules.push(rule),
        }
        rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
        self
    }
}
