//! Task definitions: what a deploy would register otherwise, and which word says the rest.

use aws_model::Document;
use deploy_core::desired::TaskDefinitionDoc;
use deploy_core::diff::{Change, task_definition_changes};
use serde_json::Value;

use super::memo::Compared;
use super::{Asked, Told, told};
use crate::ledger::{self, Account};
use crate::lines::TABLES;
use crate::prove::registered;
use crate::{Place, fold};

impl Asked<'_> {
    /// Tells what a deploy would register otherwise than it was found.
    pub(super) fn task_changes(&self, all: &mut Vec<Told>) {
        for service in &self.stage.services {
            let made = self.desired.service_task(&service.key);
            self.of_one(made, &service.task_definition, ledger::service_task(&service.key), &service.place, all);
        }
        for schedule in &self.stage.schedules {
            let key = fold::schedule_key(self.found, &schedule.key);
            let document = registered(self.desired, &key, schedule);
            let made = self.desired.schedule_task(&key);
            self.of_one(made, &document, ledger::schedule_task(&schedule.key), &schedule.place, all);
        }
    }

    fn of_one(
        &self,
        made: Option<&TaskDefinitionDoc>,
        found: &Document,
        object: String,
        place: &Place,
        all: &mut Vec<Told>,
    ) {
        let told_of = |member: String, why: String| Told {
            of: object.clone(),
            object: object.clone(),
            member,
            kept: Vec::new(),
            place: place.clone(),
            why,
        };
        let Some(TaskDefinitionDoc { document, .. }) = made else {
            let why = "the manifest has no such service or schedule in this stage: it stays as it is";
            all.push(told_of(String::new(), why.to_owned()));
            return;
        };
        for change in task_definition_changes(found, document).changes {
            all.push(told_of(member(&change), told(&change)));
        }
    }

    /// Returns the account of a member of a task definition that a deploy would register as it is.
    pub(super) fn of_task(&self, is_schedule: bool, key: &str, object: &str, member: &str) -> Account {
        let path: Vec<&str> = member.split('.').collect();
        if self.memo.compared(self, object).is_some_and(|compared| is_dropped(compared, &path)) {
            return Account::Default("ECS's own".to_owned());
        }
        self.said(self.words.task(is_schedule, key, &path))
    }
}

/// Returns where a change is in the document: `containers.web.image` is `containerDefinitions.web.image` there. Lists of a
/// container that are no tables change as a whole.
fn member(change: &Change) -> String {
    let mut path: Vec<&str> = change.path.iter().map(String::as_str).collect();
    if let Some(first) = path.first_mut().filter(|first| **first == "containers") {
        *first = "containerDefinitions";
        let depth = if path.get(2).is_some_and(|list| TABLES.contains(list)) { 4 } else { 3 };
        path.truncate(depth);
    }
    path.join(".")
}

/// Returns whether a member equals ECS's default: a comparison takes such members out.
fn is_dropped(Compared { found, normal }: &Compared, path: &[&str]) -> bool {
    // Tags travel beside a definition, and are not compared: they are no default for that.
    if path.first() == Some(&"tags") || path.len() > 3 {
        return false;
    }
    lookup(found, path).is_some() && lookup(normal, path).is_none()
}

fn lookup<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let Some((first, rest)) = path.split_first() else { return Some(value) };
    match value {
        Value::Object(members) => lookup(members.get(*first)?, rest),
        Value::Array(items) => {
            lookup(items.iter().find(|item| item.get("name").is_some_and(|name| name == first))?, rest)
        }
        _ => None,
    }
}
