//! Which ways lead from a listener to a service's targets? "1 of 1 targets" says nothing if none does.

use super::{End, RouteMap};

/// A way that requests can take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Listener and rule, in words.
    pub words: String,
    /// What is asked for on the way.
    pub guards: Vec<String>,
}

/// How requests reach a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Ways that they can take.
    pub ways: Vec<Way>,
    /// Ways that there seem to be, and why nothing comes along them.
    pub shut: Vec<String>,
}

/// Returns the ways to the targets of groups.
pub fn reach(map: &RouteMap, groups: &[&str]) -> Reach {
    let mut found = Reach::default();
    for listener in &map.listeners {
        for rule in &listener.rules {
            let End::Forward(forwards) = &rule.what.end else { continue };
            let Some((group, _)) = forwards.iter().find(|(arn, _)| groups.contains(&arn.as_str())) else { continue };
            let words = format!("{} of {}", rule.words(), listener.words());
            let name = map.group_name(group);
            if !groups.iter().any(|group| rule.what.reach(group)) {
                found.shut.push(format!("{words} forwards to target group {name} with weight 0"));
            } else if let Some(by) = listener.shadow_of(rule) {
                found.shut.push(format!("{words} is never tried: {} takes the same requests before it", by.words()));
            } else {
                found.ways.push(Way { words, guards: rule.what.guards.clone() });
            }
        }
    }
    found
}

impl Reach {
    /// Returns why nothing reaches the groups; none if something does.
    pub fn fault(&self, map: &RouteMap, groups: &[&str]) -> Option<String> {
        if !self.ways.is_empty() {
            return None;
        }
        if !self.shut.is_empty() {
            return Some(self.shut.join("; "));
        }
        let names: Vec<&str> = groups.iter().map(|group| map.group_name(group)).collect();
        let mut words = format!("no listener and no rule forwards to target group {}", names.join(" or "));
        for listener in &map.listeners {
            let Some(rule) = listener.rules.iter().find(|rule| rule.priority.is_none()) else { continue };
            let ends = match &rule.what.end {
                End::Forward(_) => {
                    let names: Vec<&str> = rule.what.groups().map(|group| map.group_name(group)).collect();
                    format!("goes to target group {}", names.join(" or "))
                }
                End::Redirect { .. } => "is a redirect".to_owned(),
                End::Answer { status, .. } => format!("answers {status}"),
                End::Unknown(kind) => format!("is {kind}"),
            };
            words.push_str(&format!("; the default action of {} {ends}", listener.words()));
        }
        Some(words)
    }
}
