//! Can what fires a schedule do what the schedule says? A rule of EventBridge knows no zones, no single time, no groups.

use super::task::stages;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest, Schedule, StageSchedule, Via, is_in};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, schedule) in manifest.schedules.iter() {
        let mut told = Vec::new();
        for stage in stages(manifest).into_iter().filter(|stage| is_in(&schedule.stages, stage)) {
            let differs = manifest.stages.get(stage).and_then(|stage| stage.schedules.get(name));
            let Some((key, what)) = lacks(schedule, differs) else { continue };
            let here = ["stages", stage, "schedules", name, key];
            let all = ["schedules", name, key];
            let (place, at) = match tree.has(&here) {
                true => (format!("stage `{stage}` of schedule `{name}`"), tree.value(&here)),
                false => (format!("schedule `{name}`"), tree.value(&all)),
            };
            if told.contains(&at) {
                continue;
            }
            told.push(at.clone());
            let help = "say `via = \"scheduler\"`, or take it out".to_owned();
            report.add(Fault::NotByRule { place, what }, at, "not for a rule", Some(help));
        }
    }
}

/// Returns the key that a rule could not do, and what a rule does not have; none if all is well.
fn lacks(schedule: &Schedule, differs: Option<&StageSchedule>) -> Option<(&'static str, &'static str)> {
    let of = |own: fn(&StageSchedule) -> &Option<String>, all: &Option<String>| {
        differs.and_then(|differs| own(differs).clone()).or_else(|| all.clone())
    };
    let expression = differs.and_then(|differs| differs.schedule.as_ref()).unwrap_or(&schedule.schedule);
    let zone = of(|differs| &differs.timezone, &schedule.timezone);
    let via = differs.and_then(|differs| differs.via).or(schedule.via);
    if Via::settled(via, &expression.0, zone.as_deref()) == Via::Scheduler {
        return None;
    }
    if zone.is_some() {
        return Some(("timezone", "time zones"));
    }
    if expression.0.starts_with("at(") {
        return Some(("schedule", "`at(...)`"));
    }
    of(|differs| &differs.group, &schedule.group).map(|_| ("group", "groups"))
}
