//! Services and schedules: what a deploy would ask of them, and which word says the rest.

use deploy_core::diff::service_changes;
use serde_json::Value;

use super::with_defaults;
use super::{Asked, Told, told};
use crate::ledger::{self, Account};
use crate::{FoundService, fold};

/// Members of a rule and its target that a deploy settles.
const OF_A_RULE: [(&str, &str); 3] = [("Name", "name"), ("ScheduleExpression", "schedule"), ("State", "enabled")];

impl Asked<'_> {
    /// Tells what a deploy would ask of services that they have not.
    pub(super) fn service_changes(&self, all: &mut Vec<Told>) {
        for service in &self.stage.services {
            let Some(found) = &service.service else { continue };
            let object = ledger::service(&service.key);
            let Some(doc) = self.desired.services.iter().find(|doc| doc.service == service.key) else { continue };
            let name = found.get("serviceName").and_then(Value::as_str).unwrap_or_default();
            let mut tell = |member: String, why: String| {
                let (of, place) = (object.clone(), service.place.clone());
                all.push(Told { of, object: object.clone(), member, kept: Vec::new(), place, why });
            };
            if doc.name != name {
                tell("serviceName".to_owned(), format!("found {name}, and a deploy would make a service {}", doc.name));
                continue;
            }
            for step in self.plan.steps.iter().filter(|step| step.kind == "service" && step.name == name) {
                for change in &step.difference.changes {
                    // Which revision runs follows from what its task definition says.
                    if change.path.first().is_none_or(|first| first != "taskDefinition") {
                        tell(change.path.join("."), told(change));
                    }
                }
            }
        }
    }

    /// Tells what a deploy would change of rules that start tasks.
    pub(super) fn schedule_changes(&self, all: &mut Vec<Told>) {
        for schedule in &self.stage.schedules {
            let key = fold::schedule_key(self.found, &schedule.key);
            let Some(doc) = self.desired.schedules.iter().find(|doc| doc.name == key) else { continue };
            let object = ledger::schedule(&schedule.key);
            let name = schedule.rule.get("Name").and_then(Value::as_str).unwrap_or_default();
            let mut tell = |member: &str, why: String| {
                let (member, place) = (member.to_owned(), schedule.place.clone());
                all.push(Told { of: object.clone(), object: object.clone(), member, kept: Vec::new(), place, why });
            };
            if doc.rule != name {
                tell("Name", format!("found {name}, and a deploy would make a rule {}", doc.rule));
                continue;
            }
            for step in self.plan.steps.iter().filter(|step| step.kind == "schedule" && step.name == name) {
                for change in &step.difference.changes {
                    match change.path.first().map(String::as_str) {
                        Some("schedule") => tell("ScheduleExpression", told(change)),
                        Some("state") => tell("State", told(change)),
                        Some("overrides") => tell("Target.Input", told(change)),
                        // A revision of its own for what the target overrides is what is told of its task definition.
                        Some("taskDefinition") if self.is_registered_anew(&key) => {
                            let why = "it starts this revision with what its target overrides, and a deploy would \
                                       register one that says it itself";
                            tell("Target.Input", why.to_owned());
                        }
                        Some("taskDefinition") | None => {}
                        Some(other) => tell(&format!("Target.{other}"), told(change)),
                    }
                }
            }
        }
    }

    /// Returns whether a deploy would register a revision for a schedule, although its definition is as it was found.
    fn is_registered_anew(&self, key: &str) -> bool {
        let found = self.stage.schedules.iter().find(|one| fold::schedule_key(self.found, &one.key) == key);
        let task = self.desired.schedule_task(key);
        found.zip(task).is_some_and(|(found, task)| {
            !deploy_core::diff::same_task_definition(&found.task_definition, &task.document)
        })
    }

    /// Returns the account of a member of a service that a deploy leaves as it is.
    pub(super) fn of_service(&self, service: &FoundService, member: &str) -> Account {
        let path: Vec<&str> = member.split('.').collect();
        let Some(doc) = self.desired.services.iter().find(|doc| doc.service == service.key) else {
            return Account::Listed("the manifest has no such service in this stage: it stays as it is".to_owned());
        };
        if path == ["desiredCount"] && !doc.is_counted {
            return Account::Owner("whoever scales it: a deploy leaves the number of tasks as it is".to_owned());
        }
        let found = service.service.clone().unwrap_or_default();
        let value = lookup(&Value::Object(found.clone()), &path).cloned();
        let owned: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let is_asked = lookup(&Value::Object(doc.document.clone()), &path).is_some();
        if let Some(word) = self.words.service(&service.key, &path).filter(|_| is_asked) {
            return Account::Carried(word);
        }
        if value.is_some_and(|value| fold::is_default_of_service(&owned, &value)) {
            return Account::Default("ECS's own".to_owned());
        }
        if is_asked || service_changes(&doc.document, &with_defaults(&found)).is_empty() && ASKED.contains(&path[0]) {
            return self.said(self.words.service(&service.key, &path));
        }
        self.theirs("a deploy does not send it, and a service that is there keeps it")
    }

    /// Returns the account of a member of a rule or its target that a deploy leaves as it is.
    pub(super) fn of_schedule(&self, key: &str, member: &str) -> Account {
        if !self.desired.schedules.iter().any(|doc| doc.name == key) {
            return Account::Listed("the manifest has no such schedule in this stage: it stays as it is".to_owned());
        }
        let word = OF_A_RULE.iter().find(|(aws, _)| *aws == member).map(|(_, word)| *word);
        match (word, member) {
            (Some(word), _) => self.said(self.words.schedule(key, word)),
            (None, member) if member.starts_with("Target.EcsParameters.TaskDefinitionArn") => {
                self.said(self.words.schedule(key, "family"))
            }
            (None, member) if member.starts_with("Target.RoleArn") => {
                self.said(self.words.stage("schedule-role").or_else(|| self.words.schedule(key, "role")))
            }
            (None, member) if member.starts_with("Target.Input") => self.said(
                ["command", "variables", "cpu", "memory", "aws"].iter().find_map(|word| self.words.schedule(key, word)),
            ),
            (None, member) if member.ends_with("ubnets") => self.said(self.words.stage("subnets")),
            (None, member) if member.ends_with("ecurityGroups") => self.said(self.words.stage("security-groups")),
            (None, _) => self.theirs("a rule and a target that are there keep it"),
        }
    }
}

/// Members that every request of a deploy has, in one form or another.
const ASKED: [&str; 3] = ["taskDefinition", "serviceName", "cluster"];

fn lookup<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let Some((first, rest)) = path.split_first() else { return Some(value) };
    match value {
        Value::Object(members) => lookup(members.get(*first)?, rest),
        Value::Array(items) => lookup(items.get(first.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}
