//! `aws_scheduler_schedule`: which tasks does EventBridge Scheduler start, and when?

use std::collections::BTreeMap;

use deploy_core::manifest::Via;

use super::super::scope::Instance;
use super::super::value::Value;
use super::book::Book;
use super::document::{Notes, Spot, document};
use super::schedule::{OF_BLOCKS, key, named, place, read};
use super::{Estate, renamed, tables, task_definition};
use crate::places::UNTOLD;
use crate::{FoundSchedule, FoundSecret, Untold, ledger};

/// Adds the schedules of a stage that EventBridge Scheduler fires.
pub(super) fn schedules(
    estate: &Estate<'_>,
    secrets: &[FoundSecret],
    found: &mut Vec<FoundSchedule>,
    book: &mut Book,
    notes: &mut Notes,
) {
    for group in estate.of(&["aws_scheduler_schedule_group"]) {
        book.keep(&group.address(), "", "a group of schedules");
    }
    for schedule in estate.of(&["aws_scheduler_schedule"]) {
        let (address, at) = (schedule.address(), schedule.item.place.clone());
        let blocks = schedule.blocks("target");
        let parameters = blocks.first().and_then(|target| first(target, "ecs_parameters"));
        let Some((target, parameters)) = blocks.first().zip(parameters) else {
            book.keep(&address, "", "it starts no task");
            notes.push(address, &at, "it starts no task: it stays in Terraform");
            continue;
        };
        let runs = parameters.get("task_definition_arn").cloned().unwrap_or(Value::Null);
        let Some(definition) = estate.meant(schedule, &runs, &["aws_ecs_task_definition"]) else {
            let why = "the task definition that it starts is not in the folder: not carried";
            book.list(&address, "", why);
            notes.push(address, &at, why);
            continue;
        };
        let Some(name) = named(estate, schedule) else {
            // As for a rule: both would fire.
            let why = format!(
                "only AWS can tell its name, and a deploy would make a second schedule under another one: not carried; give \
                 --state or --plan-json, or say --name '{address}=NAME'"
            );
            book.list(&address, "", why.clone());
            notes.push(address.clone(), &at, why);
            book.started.insert(definition.address(), address);
            continue;
        };
        let key = key(estate, schedule, &name, found);
        let object = ledger::schedule_task(&key);
        let made = task_definition::task_definition(estate, definition, secrets, &object, book, notes);
        let Some((task_definition, task)) = made else {
            book.list(&address, "", "the containers that it starts cannot be evaluated: not carried");
            continue;
        };
        book.ran.insert(definition.address());
        read(estate, schedule, &key, tables::SCHEDULE, book);
        let spot = Spot { what: &address, place: &schedule.item.place, stage: &estate.stage };
        let rule = document(&own(schedule, &name), &spot, notes);
        let target = self::target(target, parameters, definition, &spot, notes);
        let untold = Untold { task, own: notes.take_untold() };
        found.push(FoundSchedule { key, task_definition, via: Via::Scheduler, rule, target, untold, place: at });
    }
}

/// Returns the first block of a name within another.
fn first<'a>(block: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a BTreeMap<String, Value>> {
    match block.get(name) {
        Some(Value::List(blocks)) => match blocks.first() {
            Some(Value::Map(block)) => Some(block),
            _ => None,
        },
        _ => None,
    }
}

/// Returns a schedule without its target.
fn own(schedule: &Instance<'_>, name: &str) -> BTreeMap<String, Value> {
    let names = [
        ("group_name", "GroupName"),
        ("schedule_expression", "ScheduleExpression"),
        ("schedule_expression_timezone", "ScheduleExpressionTimezone"),
        ("description", "Description"),
        ("start_date", "StartDate"),
        ("end_date", "EndDate"),
        ("kms_key_arn", "KmsKeyArn"),
        ("action_after_completion", "ActionAfterCompletion"),
    ];
    let mut values = BTreeMap::from([("Name".to_owned(), Value::from(name))]);
    for (terraform, aws) in names {
        values.extend(schedule.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    values.insert("State".to_owned(), schedule.given("state").unwrap_or_else(|| "ENABLED".into()));
    let window = schedule.blocks("flexible_time_window").into_iter().next().unwrap_or_default();
    let window = renamed(&window, &[("mode", "Mode"), ("maximum_window_in_minutes", "MaximumWindowInMinutes")]);
    values.insert("FlexibleTimeWindow".to_owned(), Value::Map(window));
    values
}

fn target(
    target: &BTreeMap<String, Value>,
    parameters: &BTreeMap<String, Value>,
    definition: &Instance<'_>,
    spot: &Spot<'_>,
    notes: &mut Notes,
) -> aws_model::Document {
    let mut values = renamed(target, &[("arn", "Arn"), ("role_arn", "RoleArn"), ("input", "Input")]);
    for (block, aws) in [("dead_letter_config", "DeadLetterConfig"), ("retry_policy", "RetryPolicy")] {
        let said = first(target, block).map(|block| renamed(block, &OF_BLOCKS));
        values.extend(said.map(|said| (aws.to_owned(), Value::Map(said))));
    }
    let mut ecs = renamed(
        parameters,
        &[
            ("task_count", "TaskCount"),
            ("launch_type", "LaunchType"),
            ("platform_version", "PlatformVersion"),
            ("group", "Group"),
            ("propagate_tags", "PropagateTags"),
            ("reference_id", "ReferenceId"),
            ("enable_execute_command", "EnableExecuteCommand"),
            ("enable_ecs_managed_tags", "EnableECSManagedTags"),
            ("placement_constraints", "PlacementConstraints"),
            ("placement_strategy", "PlacementStrategy"),
            ("tags", "Tags"),
        ],
    );
    place(&mut ecs, parameters, definition);
    values.insert("EcsParameters".to_owned(), Value::Map(ecs));
    let is_told = values.get("Input").is_none_or(|input| input.shown().is_some());
    let mut made = document(&values, spot, notes);
    if !is_told {
        // It says something over its task, whatever it is: it must not be taken for nothing, and taken away.
        made.insert("Input".to_owned(), UNTOLD.into());
    }
    made
}
