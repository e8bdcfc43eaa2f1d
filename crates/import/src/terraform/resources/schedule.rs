//! `aws_cloudwatch_event_rule` and `_target`: which tasks start when?

use std::collections::BTreeMap;

use deploy_core::manifest::Via;

use super::super::names;
use super::super::scope::Instance;
use super::super::value::Value;
use super::book::Book;
use super::document::{Notes, Spot, document, why_unknown};
use super::service::{network, pick};
use super::table::Row;
use super::{Estate, renamed, scheduler, table, tables, task_definition};
use crate::places::UNTOLD;
use crate::{FoundSchedule, FoundSecret, Untold, ledger};

/// Returns the schedules of a stage.
pub(super) fn schedules(
    estate: &Estate<'_>,
    secrets: &[FoundSecret],
    book: &mut Book,
    notes: &mut Notes,
) -> Vec<FoundSchedule> {
    let mut found: Vec<FoundSchedule> = Vec::new();
    // Rules whose task is found.
    let mut started: Vec<String> = Vec::new();
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
        if started.contains(&rule.address()) {
            let why = "its rule starts another task as well, and a schedule of the manifest starts one: this target stays in \
                       Terraform with the revision that it starts, and no deploy moves it";
            book.keep(&address, "", "its rule starts another task as well");
            notes.push(address, &place, why);
            if let Some(definition) = estate.meant(target, &runs, &["aws_ecs_task_definition"]) {
                book.started.insert(definition.address(), target.address());
            }
            continue;
        }
        let Some(name) = named(estate, rule) else {
            // A deploy that made up a name would make a second rule, and both would fire.
            let rule_address = rule.address();
            let why = format!(
                "only AWS can tell its name, and a deploy would make a second rule under another one: not carried; give \
                 --state or --plan-json, or say --name '{rule_address}=NAME'"
            );
            book.list(&rule_address, "", why.clone());
            book.list(&address, "", why.clone());
            notes.push(rule_address.clone(), &rule.item.place, why);
            book.started.insert(definition.address(), rule_address);
            continue;
        };
        let key = key(estate, rule, &name, &found);
        let object = ledger::schedule_task(&key);
        let made = task_definition::task_definition(estate, definition, secrets, &object, book, notes);
        let Some((task_definition, task)) = made else {
            book.list(&address, "", "the containers that it starts cannot be evaluated: not carried");
            continue;
        };
        book.ran.insert(definition.address());
        started.push(rule.address());
        for (instance, rows) in [(rule, tables::EVENT_RULE), (target, tables::EVENT_TARGET)] {
            read(estate, instance, &key, rows, book);
        }
        let (place, rule) = (rule.item.place.clone(), self::rule(estate, rule, name, notes));
        let target = self::target(estate, target, block, definition, notes);
        let untold = Untold { task, own: notes.take_untold() };
        found.push(FoundSchedule { key, task_definition, via: Via::Rule, rule, target, untold, place });
    }
    others(estate, book);
    scheduler::schedules(estate, secrets, &mut found, book, notes);
    found
}

/// Returns what a schedule of a name is called in the manifest, as no other is.
pub(super) fn key(estate: &Estate<'_>, by: &Instance<'_>, name: &str, found: &[FoundSchedule]) -> String {
    let named = names::key(name, estate.app.as_deref(), &estate.stage);
    pick(named, by, estate, |key| found.iter().any(|one| one.key == key))
}

/// Accounts for what an instance says of a schedule. The revision that it starts is never known, and the deploy's.
pub(super) fn read(estate: &Estate<'_>, instance: &Instance<'_>, key: &str, rows: &[Row], book: &mut Book) {
    let rows = [rows, tables::ANY, tables::TAGS];
    let object = ledger::schedule(key);
    let made = table::made(estate, instance, &book.leaves(instance), &rows, &object, &mut book.ledger);
    for one in made.unknown.into_iter().filter(|one| !one.member.ends_with("TaskDefinitionArn")) {
        let why = why_unknown(&one.member, &one.why, &estate.stage);
        book.list(&instance.address(), &one.path, why);
    }
}

/// Rules that start no task of ours.
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
}

/// Returns whether what starts a task names its family without a revision, as it is written: the two evaluate to the same,
/// since only AWS knows the revision.
pub(super) fn starts_latest(by: &Instance<'_>) -> bool {
    by.item.block.body.to_string().contains("arn_without_revision")
}

/// Returns the name of a rule or schedule: what the user gave, what is written, or what the state knows.
pub(super) fn named(estate: &Estate<'_>, rule: &Instance<'_>) -> Option<String> {
    let told = estate.names.get(&rule.address()).cloned();
    told.or_else(|| rule.attribute("name").shown())
}

fn rule(estate: &Estate<'_>, rule: &Instance<'_>, name: String, notes: &mut Notes) -> aws_model::Document {
    let names = [
        ("schedule_expression", "ScheduleExpression"),
        ("description", "Description"),
        ("event_bus_name", "EventBusName"),
    ];
    let mut values = BTreeMap::from([("Name".to_owned(), Value::from(name.as_str()))]);
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
) -> aws_model::Document {
    let mut values = BTreeMap::new();
    for (terraform, aws) in [("target_id", "Id"), ("arn", "Arn"), ("role_arn", "RoleArn"), ("input_path", "InputPath")]
    {
        values.extend(target.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    for (block, aws) in [("input_transformer", "InputTransformer"), ("dead_letter_config", "DeadLetterConfig")] {
        let said = target.blocks(block).into_iter().next().map(|block| renamed(&block, &OF_BLOCKS));
        values.extend(said.map(|said| (aws.to_owned(), Value::Map(said))));
    }
    let retries = target.blocks("retry_policy").into_iter().next().map(|block| renamed(&block, &OF_BLOCKS));
    values.extend(retries.map(|said| ("RetryPolicy".to_owned(), Value::Map(said))));
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
            ("placement_constraint", "PlacementConstraints"),
            ("ordered_placement_strategy", "PlacementStrategy"),
            ("tags", "Tags"),
        ],
    );
    place(&mut ecs, block, definition);
    values.insert("EcsParameters".to_owned(), Value::Map(ecs));
    let input = target.given("input");
    let is_told = input.as_ref().is_none_or(|input| input.shown().is_some());
    values.extend(input.map(|input| ("Input".to_owned(), input)));
    let what = target.address();
    let mut target = document(&values, &Spot { what: &what, place: &target.item.place, stage: &estate.stage }, notes);
    if !is_told {
        // It says something over its task, whatever it is: it must not be taken for nothing, and taken away.
        target.insert("Input".to_owned(), UNTOLD.into());
    }
    target
}

/// Adds to `EcsParameters` what starts where: both services name it alike.
pub(super) fn place(ecs: &mut BTreeMap<String, Value>, block: &BTreeMap<String, Value>, definition: &Instance<'_>) {
    if let Some(Value::List(providers)) = block.get("capacity_provider_strategy").filter(|list| **list != Value::Null) {
        let one = |provider: &Value| match provider {
            Value::Map(provider) => {
                let names = [("capacity_provider", "capacityProvider"), ("base", "base"), ("weight", "weight")];
                Value::Map(renamed(provider, &names))
            }
            other => other.clone(),
        };
        ecs.insert("CapacityProviderStrategy".to_owned(), Value::List(providers.iter().map(one).collect()));
    }
    ecs.insert("TaskDefinitionArn".to_owned(), definition.attribute("arn"));
    if let Some(Value::List(blocks)) = block.get("network_configuration")
        && let Some(Value::Map(vpc)) = blocks.first()
    {
        ecs.insert("NetworkConfiguration".to_owned(), network(vpc, true));
    }
}

/// Members of a target's smaller blocks.
pub(super) const OF_BLOCKS: [(&str, &str); 5] = [
    ("input_paths", "InputPathsMap"),
    ("input_template", "InputTemplate"),
    ("arn", "Arn"),
    ("maximum_event_age_in_seconds", "MaximumEventAgeInSeconds"),
    ("maximum_retry_attempts", "MaximumRetryAttempts"),
];
