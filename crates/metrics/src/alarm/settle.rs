//! What follows from how alarms stand: the states of composite alarms, and which of them may act.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Millis;

use super::rule::Rule;
use super::suppress::{self, Held, Suppressor};
use super::{Alarm, Composite, State, Transition, Watch, name_of, reason};

/// What becomes of a composite alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// Which.
    pub name: String,
    /// Its change, if it changes.
    pub transition: Option<Transition>,
    /// What holds its actions back.
    pub held: Option<Held>,
    /// Whether the actions of its state are done now.
    pub acts: bool,
}

/// What a composite alarm is looked at for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    /// Alarms that were put anew: they are looked at themselves.
    pub put: BTreeSet<String>,
    /// Alarms whose state has changed: those that watch them are looked at.
    pub changed: BTreeSet<String>,
}

/// Returns what becomes of the composite alarms of a region, where anything does. One whose state was set by hand stays as
/// it is until an alarm changes that it watches (API reference, SetAlarmState); those that watch each other in a circle
/// are left as they are ("the evaluation of composite alarms stops if CloudWatch detects a cycle").
pub fn settle(
    alarms: &BTreeMap<String, Alarm>,
    causes: &Causes,
    arn: &impl Fn(&str) -> String,
    now: Millis,
) -> Vec<Settled> {
    let mut changed: BTreeSet<&str> = causes.changed.iter().map(String::as_str).collect();
    let composites: BTreeMap<&str, (&Composite, Rule)> = alarms
        .values()
        .filter_map(|alarm| match &alarm.watch {
            Watch::Composite(composite) => Some((alarm.name.as_str(), (composite, Rule::parse(&composite.rule).ok()?))),
            Watch::Metric(_) => None,
        })
        .collect();
    let mut states: BTreeMap<&str, (State, Millis)> = alarms
        .values()
        .map(|alarm| (alarm.name.as_str(), (alarm.standing.value, alarm.standing.transitioned)))
        .collect();
    let mut settled = Vec::new();
    for name in in_order(&composites) {
        let (composite, rule) = &composites[name];
        let alarm = &alarms[name];
        let holds = rule.holds(&|name| states.get(name).map(|(state, _)| *state));
        let to = if holds { State::Alarm } else { State::Ok };
        let from = alarm.standing.value;
        let is_looked_at = causes.put.contains(name) || rule.alarms().iter().any(|child| changed.contains(child));
        let transition = (is_looked_at && from != to).then(|| {
            // What changed last of what it watches is why it changes.
            let children = rule.alarms().into_iter().filter_map(|child| Some((child, *states.get(child)?)));
            let latest = children.max_by_key(|(_, (_, at))| *at);
            let (reason, data) = reason::of_composite(latest.map(|(child, (state, at))| (arn(child), state, at)), to);
            Transition { from, to, reason, data }
        });
        if transition.is_some() {
            states.insert(&alarm.name, (to, now));
            changed.insert(&alarm.name);
        }
        let (held, acts) = match &composite.suppressor {
            // What was set by hand acts where it was set.
            None => (None, transition.is_some()),
            Some(suppressor) => {
                let is_alarm = states.get(name_of(suppressor)).is_some_and(|(state, _)| *state == State::Alarm);
                let millis = |seconds: Option<i64>| seconds.unwrap_or(0).saturating_mul(1000);
                let by = Suppressor { is_alarm, wait: millis(composite.wait), extension: millis(composite.extension) };
                let has_changed = transition.is_some() || causes.changed.contains(name);
                suppress::next(alarm.held, has_changed, by, now)
            }
        };
        if transition.is_some() || held != alarm.held || acts {
            settled.push(Settled { name: name.to_owned(), transition, held, acts });
        }
    }
    settled
}

/// Returns composite alarms so that each comes after those that it watches; those in a circle are left out.
fn in_order<'a>(composites: &BTreeMap<&'a str, (&Composite, Rule)>) -> Vec<&'a str> {
    let mut order: Vec<&str> = Vec::new();
    loop {
        let before = order.len();
        for (name, (composite, rule)) in composites {
            let suppressor = composite.suppressor.as_deref().map(name_of);
            let mut watched = rule.alarms().into_iter().chain(suppressor);
            let is_ready = watched.all(|child| !composites.contains_key(child) || order.contains(&child));
            if is_ready && !order.contains(name) {
                order.push(name);
            }
        }
        if order.len() == before {
            return order;
        }
    }
}
