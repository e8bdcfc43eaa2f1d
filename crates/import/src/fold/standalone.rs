//! Which tasks do schedules start that no service runs, and that are not one schedule's own?
//!
//! A definition is its schedule's own if the schedule alone starts it, as it is. One that several start, or that a
//! target says something over, is kept apart from what overrides it: a deploy registers it as it was found, and each
//! target keeps its own words.

use aws_model::Document;
use deploy_core::diff;
use serde_json::Value;

use super::{Draft, runs, schedule, schedule_key, text};
use crate::names::key_of;
use crate::{Found, FoundSchedule};

/// Schedules that start one task: their drafts' numbers, and what they start in each stage.
struct Group<'a> {
    members: Vec<usize>,
    /// By the stage's number.
    tasks: Vec<(usize, &'a FoundSchedule)>,
    is_needed: bool,
}

/// Adds a draft for each task that stands alone, and has the schedules run it.
pub(super) fn share(found: &Found, drafts: &mut Vec<Draft>) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (number, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.is_schedule && draft.runs.is_none()) {
        let starts: Vec<(usize, &FoundSchedule)> = draft
            .versions
            .iter()
            .filter_map(|version| Some((version.stage, schedule::of(found, draft, version.stage)?)))
            .collect();
        if starts.is_empty() || !starts.iter().all(|(_, one)| runs::is_sayable(one)) {
            continue;
        }
        let is_changed = |(_, one): &(usize, &FoundSchedule)| {
            diff::normalise(&schedule::effective(one)) != diff::normalise(&one.task_definition)
        };
        let is_needed = starts.iter().any(is_changed);
        match groups.iter_mut().find(|group| group.has(&starts)) {
            Some(group) => group.add(number, starts),
            None => groups.push(Group { members: vec![number], tasks: starts, is_needed }),
        }
    }
    for group in groups.into_iter().filter(|group| group.is_needed || group.members.len() > 1) {
        let Some((first, one)) = group.tasks.first() else { continue };
        let family = text(&one.task_definition, "family");
        let key = key_of(family, found.app.as_deref().unwrap_or_default(), &found.stages[*first].name);
        let key = free(found, drafts, &key);
        let mut draft = Draft::new(false, &key);
        draft.service.standalone = Some(true);
        let mut tasks = group.tasks;
        tasks.sort_by_key(|(stage, _)| *stage);
        draft.versions = tasks.into_iter().map(|(stage, one)| super::Version::of(stage, one)).collect();
        for member in group.members {
            drafts[member].runs = Some(key.clone());
        }
        drafts.push(draft);
    }
}

impl<'a> Group<'a> {
    /// Returns whether a schedule starts what this group does, wherever both are.
    fn has(&self, starts: &[(usize, &FoundSchedule)]) -> bool {
        let of = |stage: usize| self.tasks.iter().find(|(other, _)| *other == stage).map(|(_, one)| *one);
        let mut both = starts.iter().filter_map(|(stage, one)| Some((*one, of(*stage)?))).peekable();
        both.peek().is_some() && both.all(|(one, other)| same(one) == same(other))
    }

    fn add(&mut self, member: usize, starts: Vec<(usize, &'a FoundSchedule)>) {
        self.members.push(member);
        for (stage, one) in starts {
            if self.tasks.iter().all(|(known, _)| *known != stage) {
                self.tasks.push((stage, one));
            }
        }
    }
}

/// What makes two definitions one: tags travel beside a definition.
fn same(one: &FoundSchedule) -> (Document, Option<Value>) {
    (diff::normalise(&one.task_definition), one.task_definition.get("tags").cloned())
}

/// Returns a key that no service and no schedule has.
fn free(found: &Found, drafts: &[Draft], key: &str) -> String {
    let schedules = found.stages.iter().flat_map(|stage| &stage.schedules);
    let mut taken: Vec<String> = schedules.map(|one| schedule_key(found, &one.key)).collect();
    taken.extend(drafts.iter().map(|draft| draft.key.clone()));
    let names = [key.to_owned(), format!("{key}-task")].into_iter();
    let mut all = names.chain((2..).map(|number| format!("{key}-task-{number}")));
    all.find(|name| !taken.contains(name)).unwrap_or_else(|| key.to_owned())
}
