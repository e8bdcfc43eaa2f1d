//! `aws_cloudwatch_event_rule` and `_target`: which tasks start when?

use std::collections::BTreeMap;

use super::super::names;
use super::super::scope::Instance;
use super::super::value::Value;
use super::book::Book;
use super::document::{Notes, Spot, document, why_unknown};
use super::service::{network, pick};
use super::{Estate, renamed, table, tables, task_definition};
use crate::{FoundSchedule, FoundSecret, Untold, ledger};

/// Returns the schedules of a stage.
pub(super) fn schedules(
    estate: &Estate<'_>,
    secrets: &[FoundSecret],
    book: &mut Book,
    notes: &mut Notes,
) -> Vec<FoundSchedule> {
    let mut found: Vec<FoundSchedule> = Vec::new();
    for target in estate.of(&["aws_cloudwatch_event_target"]) {
        let address = target.address();
        let place = target.item.place.clone();
        let blocks = target.blocks("ecs_target");
        let Some(block) = blocks.first() else {
            book.keep(&address, "", "it starts no task");
            notes.push(address, &place, "it starts no task: it stays in Terraform");
            continue;
        };
        let Some(rule) = estate.referred(&target.attribute("rule"), &["aws_cloudwatch_event_rule"]) else {
            book.list(&address, "", "its rule is not in the folder: not carried");
            notes.push(address, &place, "its rule is not in the folder: not carried");
            continue;
        };
        if rule.given("schedule_expression").is_none() {
            book.keep(&rule.address(), "", "it fires on events and not by the clock");
            book.keep(&address, "", "its rule fires on events and not by the clock");
            notes.push(
                rule.address(),
                &rule.item.place,
                "it fires on events and not by the clock: it stays in Terraform",
            );
            continue;
        }
        let runs = block.get("task_definition_arn").cloned().unwrap_or(Value::Null);
        let Some(definition) = estate.meant(target, &runs, &["aws_ecs_task_definition"]) else {
            book.list(&address, "", "the task definition that it starts is not in the folder: not carried");
            notes.push(address, &place, "the task definition that it starts is not in the folder: not carried");
            continue;
        };
        let name = rule.attribute("name").shown();
        let named = name.as_deref().and_then(|name| names::key(name, estate.app.as_deref(), &estate.stage));
        let key = pick(named, rule, estate, |key| found.iter().any(|one| one.key == key));
        let object = ledger::schedule_task(&key);
        let made = task_definition::task_definition(estate, definition, secrets, &object, book, notes);
        let Some((task_definition, task)) = made else {
            book.list(&address, "", "the containers that it starts cannot be evaluated: not carried");
            continue;
        };
        book.ran.insert(definition.address());
        let object = ledger::schedule(&key);
        for (instance, rows) in [(rule, tables::EVENT_RULE), (target, tables::EVENT_TARGET)] {
            let rows = [rows, tables::ANY, tables::TAGS];
            let made = table::made(estate, instance, &book.leaves(instance), &rows, &object, &mut book.ledger);
            for one in made.unknown {
                if !one.member.ends_with("TaskDefinitionArn") {
                    let why = why_unknown(&one.member, &one.why, &estate.stage);
                    book.list(&instance.address(), &one.path, why);
                }
            }
        }
        let (place, rule) = (rule.item.place.clone(), self::rule(estate, rule, notes));
        let target = self::target(estate, target, block, definition, notes);
        let untold = Untold { task, own: notes.take_untold() };
        found.push(FoundSchedule { key, task_definition, rule, target, untold, place });
    }
    others(estate, book);
    found
}

/// Rules that start no task of ours, and schedules of another service of AWS.
fn others(estate: &Estate<'_>, book: &mut Book) {
    for rule in estate.of(&["aws_cloudwatch_event_rule"]) {
        let of_it = |target: &&Instance<'_>| {
            estate
                .referred(&target.attribute("rule"), &["aws_cloudwatch_event_rule"])
                .is_some_and(|one| one.address() == rule.address())
        };
        let starts_tasks = |target: &Instance<'_>| !target.blocks("ecs_target").is_empty();
        let mut targets = estate.of(&["aws_cloudwatch_event_target"]).filter(of_it);
        if !targets.any(starts_tasks) {
            book.keep(&rule.address(), "", "it starts no task");
        }
    }
    for schedule in estate.of(&["aws_scheduler_schedule"]) {
        book.list(&schedule.address(), "", SCHEDULER);
    }
    for group in estate.of(&["aws_scheduler_schedule_group"]) {
        book.keep(&group.address(), "", "a group of schedules");
    }
}

/// Why a schedule of EventBridge Scheduler is not carried.
pub(super) const SCHEDULER: &str =
    "EventBridge Scheduler is not read: write it as [schedules.NAME] with the same expression";

fn rule(estate: &Estate<'_>, rule: &Instance<'_>, notes: &mut Notes) -> ecs_model::Document {
    let names = [
        ("name", "Name"),
        ("schedule_expression", "ScheduleExpression"),
        ("description", "Description"),
        ("event_bus_name", "EventBusName"),
    ];
    let mut values = BTreeMap::new();
    for (terraform, aws) in names {
        values.extend(rule.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    let enabled = rule.given("is_enabled").and_then(|value| value.as_bool()).unwrap_or(true);
    let state = rule.given("state").unwrap_or_else(|| if enabled { "ENABLED" } else { "DISABLED" }.into());
    values.insert("State".to_owned(), state);
    let what = rule.address();
    document(&values, &Spot { what: &what, place: &rule.item.place, stage: &estate.stage }, notes)
}

fn target(
    estate: &Estate<'_>,
    target: &Instance<'_>,
    block: &BTreeMap<String, Value>,
    definition: &Instance<'_>,
    notes: &mut Notes,
) -> ecs_model::Document {
    let mut values = BTreeMap::new();
    for (terraform, aws) in [("target_id", "Id"), ("arn", "Arn"), ("role_arn", "RoleArn"), ("input", "Input")] {
        values.extend(target.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    let mut ecs = renamed(
        block,
        &[
            ("task_count", "TaskCount"),
            ("launch_type", "LaunchType"),
            ("platform_version", "PlatformVersion"),
            ("group", "Group"),
            ("propagate_tags", "PropagateTags"),
            ("enable_execute_command", "EnableExecuteCommand"),
            ("enable_ecs_managed_tags", "EnableECSManagedTags"),
        ],
    );
    ecs.insert("TaskDefinitionArn".to_owned(), definition.attribute("arn"));
    if let Some(Value::List(blocks)) = block.get("network_configuration")
        && let Some(Value::Map(vpc)) = blocks.first()
    {
        ecs.insert("NetworkConfiguration".to_owned(), network(vpc, true));
    }
    values.insert("EcsParameters".to_owned(), Value::Map(ecs));
    let what = target.address();
    document(&values, &Spot { what: &what, place: &target.item.place, stage: &estate.stage }, notes)
}
