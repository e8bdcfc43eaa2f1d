//! `aws_cloudwatch_event_rule` and `_target`: which tasks start when?

use std::collections::BTreeMap;

use super::super::names;
use super::super::scope::Instance;
use super::super::value::Value;
use super::document::{Notes, Spot, document};
use super::service::{network, pick};
use super::{Estate, renamed, task_definition};
use crate::{FoundSchedule, FoundSecret};

/// Returns the schedules of a stage.
pub(super) fn schedules(estate: &Estate<'_>, secrets: &[FoundSecret], notes: &mut Notes) -> Vec<FoundSchedule> {
    let mut found: Vec<FoundSchedule> = Vec::new();
    for target in estate.of(&["aws_cloudwatch_event_target"]) {
        let address = target.address();
        let place = target.item.place.clone();
        let blocks = target.blocks("ecs_target");
        let Some(block) = blocks.first() else {
            notes.push(address, &place, "it starts no task: it stays in Terraform");
            continue;
        };
        let Some(rule) = estate.referred(&target.attribute("rule"), &["aws_cloudwatch_event_rule"]) else {
            notes.push(address, &place, "its rule is not in the folder: not carried");
            continue;
        };
        if rule.given("schedule_expression").is_none() {
            notes.push(
                rule.address(),
                &rule.item.place,
                "it fires on events and not by the clock: it stays in Terraform",
            );
            continue;
        }
        let runs = block.get("task_definition_arn").cloned().unwrap_or(Value::Null);
        let Some(definition) = estate.referred(&runs, &["aws_ecs_task_definition"]) else {
            notes.push(address, &place, "the task definition that it starts is not in the folder: not carried");
            continue;
        };
        let Some(task_definition) = task_definition::task_definition(estate, definition, secrets, notes) else {
            continue;
        };
        let name = rule.attribute("name").shown();
        let named = name.as_deref().and_then(|name| names::key(name, estate.app.as_deref(), &estate.stage));
        let key = pick(named, rule, estate, |key| found.iter().any(|one| one.key == key));
        found.push(FoundSchedule {
            key,
            task_definition,
            rule: self::rule(estate, rule, notes),
            target: self::target(estate, target, block, definition, notes),
            place: rule.item.place.clone(),
        });
    }
    found
}

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
