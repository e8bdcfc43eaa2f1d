//! Services and schedules: what a deploy would ask of them, and which word says the rest.

use aws_model::Document;
use deploy_core::diff::service_changes;
use serde_json::Value;

use super::with_defaults;
use super::{Asked, Told, told};
use crate::ledger::{self, Account};
use crate::{FoundSchedule, FoundService, fold};

/// Members of a rule or schedule and its target that a deploy settles.
const OF_A_RULE: [(&str, &str); 5] = [
    ("Name", "name"),
    ("ScheduleExpression", "schedule"),
    ("State", "enabled"),
    ("ScheduleExpressionTimezone", "timezone"),
    ("GroupName", "group"),
];

impl Asked<'_> {
    /// Tells what a deploy would ask of services that they have not, after what it would register.
    pub(super) fn service_changes(&self, all: &mut Vec<Told>) {
        for service in &self.stage.services {
            let Some(found) = &service.service else { continue };
            let object = ledger::service(&service.key);
            let Some(doc) = self.desired.services.iter().find(|doc| doc.service == service.key) else { continue };
            let name = found.get("serviceName").and_then(Value::as_str).unwrap_or_default();
            let task_is_told = is_told(all, &ledger::service_task(&service.key));
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
                    // Which revision runs follows from what its task definition says, where that is told.
                    if !(task_is_told && change.path == ["taskDefinition"]) {
                        tell(change.path.join("."), told(change));
                    }
                }
            }
        }
    }

    /// Tells what a deploy would change of rules that start tasks, after what it would register.
    pub(super) fn schedule_changes(&self, all: &mut Vec<Told>) {
        for schedule in &self.stage.schedules {
            let key = fold::schedule_key(self.found, &schedule.key);
            let Some(doc) = self.desired.schedules.iter().find(|doc| doc.name == key) else { continue };
            let object = ledger::schedule(&schedule.key);
            let task_is_told = is_told(all, &ledger::schedule_task(&schedule.key));
            let name = schedule.rule.get("Name").and_then(Value::as_str).unwrap_or_default();
            let mut tell = |member: &str, why: String| {
                let (member, place) = (member.to_owned(), schedule.place.clone());
                all.push(Told { of: object.clone(), object: object.clone(), member, kept: Vec::new(), place, why });
            };
            if doc.rule != name {
                tell("Name", format!("found {name}, and a deploy would make another, {}", doc.rule));
                continue;
            }
            for step in self.plan.steps.iter().filter(|step| step.kind == "schedule" && step.name == name) {
                for change in &step.difference.changes {
                    match change.path.first().map(String::as_str) {
                        Some("schedule") => tell("ScheduleExpression", told(change)),
                        Some("state") => tell("State", told(change)),
                        Some("timezone") => tell("ScheduleExpressionTimezone", told(change)),
                        Some("retries") => tell("Target.RetryPolicy.MaximumRetryAttempts", told(change)),
                        Some("overrides") => tell("Target.Input", told(change)),
                        Some("taskDefinition") if task_is_told => {}
                        Some("taskDefinition") => tell("Target.EcsParameters.TaskDefinitionArn", told(change)),
                        None => {}
                        Some(other) => tell(&format!("Target.{other}"), told(change)),
                    }
                }
            }
        }
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
    pub(super) fn of_schedule(&self, found: &FoundSchedule, member: &str) -> Account {
        let key = &fold::schedule_key(self.found, &found.key);
        let Some(doc) = self.desired.schedules.iter().find(|doc| doc.name == *key) else {
            return Account::Listed("the manifest has no such schedule in this stage: it stays as it is".to_owned());
        };
        if let Some((_, word)) = OF_A_RULE.iter().find(|(aws, _)| *aws == member) {
            return self.said(self.words.schedule(key, word));
        }
        let vpc = |target: &Document, member: &str| {
            let vpc = target.get("EcsParameters")?.get("NetworkConfiguration")?.get("awsvpcConfiguration")?;
            Some(sorted(vpc.get(member)?.clone()))
        };
        // What is there is never changed: it is the manifest's only if a new one would have the same.
        let of_stage = |name: &str, word: &str| {
            let asked = doc.network["awsvpcConfiguration"].get(lower(name)).cloned().map(sorted);
            let is_same = vpc(&found.target, name) == asked;
            if is_same { self.said(self.words.stage(word)) } else { self.theirs(KEEPS_NETWORK) }
        };
        let target = member.strip_prefix("Target.").unwrap_or_default();
        match target.strip_prefix("EcsParameters.NetworkConfiguration.awsvpcConfiguration.").unwrap_or(target) {
            part if part.starts_with("EcsParameters.TaskDefinitionArn") => {
                self.said(["service", "family"].iter().find_map(|word| self.words.schedule(key, word)))
            }
            "RoleArn" if found.target.get("RoleArn").is_some_and(|role| *role == doc.role) => {
                self.said(self.words.stage("schedule-role"))
            }
            "RetryPolicy.MaximumRetryAttempts" if doc.retries.is_some() => {
                self.said(self.words.schedule(key, "retries"))
            }
            "RoleArn" => self.theirs("its target keeps its role; a new one would have the stage's"),
            part if part.starts_with("Input") => self.said(
                ["command", "variables", "cpu", "memory", "aws"].iter().find_map(|word| self.words.schedule(key, word)),
            ),
            part if part.starts_with("Subnets") => of_stage("Subnets", "subnets"),
            part if part.starts_with("SecurityGroups") => of_stage("SecurityGroups", "security-groups"),
            part if part.starts_with("AssignPublicIp") => of_stage("AssignPublicIp", "public-ip"),
            _ => self.theirs("a rule and a target that are there keep it"),
        }
    }
}

/// Why the network of a target is nobody's but its own.
const KEEPS_NETWORK: &str = "its target keeps its network; a new one would have the stage's";

/// EventBridge spells members of a network with capitals, ECS without.
fn lower(name: &str) -> String {
    name[..1].to_lowercase() + &name[1..]
}

/// Lists of a network have no order.
fn sorted(mut value: Value) -> Value {
    if let Value::Array(items) = &mut value {
        items.sort_by_key(ToString::to_string);
        items.dedup();
    }
    value
}

/// Returns whether something of an object is told already.
fn is_told(all: &[Told], object: &str) -> bool {
    all.iter().any(|told| told.object == object)
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
