//! Schedules: rules and schedules of EventBridge Scheduler that start tasks, and what their targets override.

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::manifest::{Container, Schedule, StageSchedule, Via, check_schedule, is_timezone};
use serde_json::{Value, json};

use super::{Draft, common, expression, objects, text};
use crate::{Found, FoundSchedule, Left};

/// Members that are carried, or that name what the deployment itself sets.
const CARRIED: [&str; 8] =
    ["Id", "Arn", "RoleArn", "Input", "EcsParameters", "TaskDefinitionArn", "NetworkConfiguration", "RetryPolicy"];

/// Members of a schedule of EventBridge Scheduler that are carried, that AWS counts, or that say nothing.
const SCHEDULED: [&str; 9] = [
    "Name",
    "GroupName",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "State",
    "Description",
    "Arn",
    "CreationDate",
    "LastModificationDate",
];

/// Members of an override that the task definition can say instead.
const OVERRIDES: [&str; 6] = ["name", "command", "environment", "cpu", "memory", "memoryReservation"];
const TASK_OVERRIDES: [&str; 5] = ["containerOverrides", "cpu", "memory", "executionRoleArn", "taskRoleArn"];

/// Returns when a rule fires.
///
/// # Errors
/// Why managr could not make such a rule.
pub(crate) fn when(schedule: &FoundSchedule) -> Result<&str, String> {
    let expression = text(&schedule.rule, "ScheduleExpression");
    if expression.is_empty() {
        return Err("its rule has no schedule: managr makes rules that fire at set times".to_owned());
    }
    check_schedule(expression).map_err(|why| format!("`{expression}`: {why}"))?;
    match zone(schedule) {
        Some(zone) if !is_timezone(zone) => Err(format!("`{zone}` is not a time zone of IANA's database")),
        _ => Ok(expression),
    }
}

/// Returns the zone that a schedule is in; none for UTC.
fn zone(schedule: &FoundSchedule) -> Option<&str> {
    Some(text(&schedule.rule, "ScheduleExpressionTimezone")).filter(|zone| !zone.is_empty() && *zone != "UTC")
}

/// Returns the group of a schedule of EventBridge Scheduler, if it is another than the default.
fn group(schedule: &FoundSchedule) -> Option<&str> {
    let group = Some(text(&schedule.rule, "GroupName")).filter(|group| !group.is_empty() && *group != "default");
    group.filter(|_| schedule.via == Via::Scheduler)
}

/// Returns how often a start is tried again, where that is not what AWS does anyway.
fn retries(schedule: &FoundSchedule) -> Option<u32> {
    let said = schedule.target.get("RetryPolicy")?.get("MaximumRetryAttempts")?;
    let number = said.as_u64().or_else(|| said.as_str()?.parse().ok())?;
    u32::try_from(number).ok().filter(|number| *number < USUAL_RETRIES)
}

/// What AWS does where the schedule does not say (API reference, RetryPolicy), and the most that it takes.
const USUAL_RETRIES: u32 = 185;

/// Returns the task definition that a rule's target makes of its own: with what the target overrides.
pub(crate) fn effective(schedule: &FoundSchedule) -> Document {
    overridden(&schedule.task_definition, input(schedule).as_ref())
}

/// Returns a task definition with what a start of it overrides.
pub(crate) fn overridden(document: &Document, input: Option<&Document>) -> Document {
    let mut document = document.clone();
    let Some(input) = input else { return document };
    for member in &TASK_OVERRIDES[1..] {
        if let Some(value) = input.get(*member) {
            document.insert((*member).to_owned(), value.clone());
        }
    }
    let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = text(container, "name").to_owned();
        for over in objects(input, "containerOverrides").filter(|over| text(over, "name") == name) {
            for member in ["command", "cpu", "memory", "memoryReservation"] {
                if let Some(value) = over.get(member) {
                    container.insert(member.to_owned(), value.clone());
                }
            }
            let environment = container.entry("environment").or_insert_with(|| json!([]));
            for variable in objects(over, "environment") {
                if let Some(list) = environment.as_array_mut() {
                    list.retain(|known| known.get("name") != variable.get("name"));
                    list.push(Value::Object(variable.clone()));
                }
            }
        }
    }
    document
}

/// Returns what a target says to ECS about the task that it starts.
pub(super) fn input(schedule: &FoundSchedule) -> Option<Document> {
    match schedule.target.get("Input")? {
        Value::String(text) => serde_json::from_str::<Value>(text).ok()?.as_object().cloned(),
        Value::Object(input) => Some(input.clone()),
        _ => None,
    }
}

/// Puts a schedule's rules and targets into words.
pub(super) fn words(found: &Found, draft: &mut Draft, manifest: &Manifest, left: &mut Vec<Left>) {
    if !draft.is_schedule {
        return;
    }
    let all: Vec<(usize, &FoundSchedule)> =
        draft.versions.iter().filter_map(|version| Some((version.stage, of(found, draft, version.stage)?))).collect();
    let times: Vec<(usize, String)> =
        all.iter().filter_map(|(stage, schedule)| Some((*stage, when(schedule).ok()?.to_owned()))).collect();
    let fires: Vec<(usize, bool)> =
        all.iter().map(|(stage, schedule)| (*stage, text(&schedule.rule, "State") != "DISABLED")).collect();
    let (time, is_on) = (common(manifest, &times).unwrap_or_default(), common(manifest, &fires).unwrap_or(true));
    if draft.runs.is_none() {
        draft.main = main(draft, &all);
    }
    draft.schedule.schedule = expression(&time);
    draft.schedule.enabled = (!is_on).then_some(false);
    clocks(draft, manifest, &all);
    for (stage, time) in times.into_iter().filter(|(_, other)| *other != time) {
        draft.schedule_differs.entry(stage).or_default().schedule = Some(expression(&time));
    }
    for (stage, fires) in fires.into_iter().filter(|(_, fires)| *fires != is_on) {
        draft.schedule_differs.entry(stage).or_default().enabled = Some(fires);
    }
    for (number, schedule) in all {
        let rule = text(&schedule.rule, "Name");
        let stage = &found.stages[number].name;
        let is_name = (1..=64).contains(&rule.len())
            && rule.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if is_name && rule != format!("{}-{}-{stage}", manifest.app, draft.key) {
            draft.schedule_differs.entry(number).or_default().name = Some(rule.to_owned());
        }
        let rest = rest(schedule, draft.runs.is_some());
        if !rest.is_empty() {
            let why = format!(
                "managr has no word for {}: a rule and target that are there keep them, new ones would not have them",
                rest.join(", ")
            );
            left.push(Left::new(format!("schedules.{}", draft.key), schedule.place.clone(), why));
        }
    }
}

/// Puts into words what fires a schedule, in which zone and group, and how often a start is tried again. What a stage
/// does not say it has from the schedule, and there is no word for "not that": such is said in every stage.
fn clocks(draft: &mut Draft, manifest: &Manifest, all: &[(usize, &FoundSchedule)]) {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let zones: Vec<_> = all.iter().map(|(stage, one)| (*stage, owned(zone(one)))).collect();
    let groups: Vec<_> = all.iter().map(|(stage, one)| (*stage, owned(group(one)))).collect();
    let tries: Vec<_> = all.iter().map(|(stage, one)| (*stage, retries(one))).collect();
    let by: Vec<_> = all.iter().map(|(stage, one)| (*stage, Some(one.via))).collect();
    // What is meant without a word is UTC, the default group, and AWS's number.
    draft.schedule.timezone = shared(manifest, &zones);
    draft.schedule.group = shared(manifest, &groups);
    draft.schedule.retries = shared(manifest, &tries);
    let base = shared(manifest, &by);
    let usual = Via::settled(None, &draft.schedule.schedule.0, draft.schedule.timezone.as_deref());
    draft.schedule.via = base.filter(|via| *via != usual);
    let said = draft.schedule.clone();
    for (((stage, zone), (_, group)), ((_, tries), (_, via))) in
        zones.into_iter().zip(groups).zip(tries.into_iter().zip(by))
    {
        let differs = draft.schedule_differs.entry(stage).or_default();
        differs.timezone = zone.filter(|_| said.timezone.is_none());
        differs.group = group.filter(|_| said.group.is_none());
        differs.retries = tries.filter(|_| said.retries.is_none());
        let time = differs.schedule.as_ref().unwrap_or(&said.schedule);
        let zone = differs.timezone.as_ref().or(said.timezone.as_ref());
        let settled = Via::settled(said.via, &time.0, zone.map(String::as_str));
        differs.via = via.filter(|via| *via != settled);
    }
    draft.schedule_differs.retain(|_, differs| *differs != StageSchedule::default());
}

/// Returns what all stages have, if all have it; otherwise each says its own.
fn shared<T: Clone + PartialEq>(manifest: &Manifest, all: &[(usize, Option<T>)]) -> Option<T> {
    common(manifest, all).flatten().filter(|value| all.iter().all(|(_, other)| other.as_ref() == Some(value)))
}

pub(super) fn of<'a>(found: &'a Found, draft: &Draft, stage: usize) -> Option<&'a FoundSchedule> {
    let mut all = found.stages.get(stage)?.schedules.iter();
    all.find(|schedule| super::schedule_key(found, &schedule.key) == draft.key)
}

/// Returns the container that the schedule is about: the one that a target overrides, or that is called like it,
/// or else the first essential one; one that is there in every stage before any other.
fn main(draft: &Draft, all: &[(usize, &FoundSchedule)]) -> String {
    let names = draft.names();
    let overridden: Vec<String> = all
        .iter()
        .filter_map(|(_, schedule)| input(schedule))
        .flat_map(|input| objects(&input, "containerOverrides").map(|o| text(o, "name").to_owned()).collect::<Vec<_>>())
        .collect();
    let is_essential = |name: &&String| draft.container(name).iter().all(|(_, c)| c.get("essential").is_none());
    let everywhere = || names.iter().filter(|name| draft.container(name).len() == draft.versions.len());
    let found = everywhere().find(|name| overridden.contains(name));
    let found = found.or_else(|| everywhere().find(|name| **name == draft.key));
    let found = found.or_else(|| everywhere().find(is_essential)).or_else(|| everywhere().next());
    found.or(names.first()).cloned().unwrap_or_else(|| draft.key.clone())
}

/// Returns whether a member of a target, or of its EcsParameters, says what managr would say of a new one.
fn is_usual(name: &str, value: &Value) -> bool {
    match name {
        "TaskCount" => *value == json!(1),
        "LaunchType" => *value == json!("FARGATE"),
        "PlatformVersion" => *value == json!("LATEST"),
        "EnableECSManagedTags" | "EnableExecuteCommand" => *value == json!(false),
        _ => false,
    }
}

/// Returns the members of a rule and its target that nothing in the manifest says.
fn rest(schedule: &FoundSchedule, runs_service: bool) -> Vec<String> {
    let is_nothing = |value: &Value| {
        value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
    };
    let mut rest: Vec<String> = Vec::new();
    let parameters = schedule.target.get("EcsParameters").and_then(Value::as_object);
    for (name, value) in schedule.target.iter().chain(parameters.into_iter().flatten()) {
        if !is_nothing(value) && !is_usual(name, value) && !CARRIED.contains(&name.as_str()) {
            rest.push(format!("`{name}`"));
        }
    }
    let age = schedule.target.get("RetryPolicy").and_then(|policy| policy.get("MaximumEventAgeInSeconds"));
    // A day is what AWS does anyway (API reference, RetryPolicy).
    if age.is_some_and(|age| !is_nothing(age) && *age != json!(86_400)) {
        rest.push("`MaximumEventAgeInSeconds`".to_owned());
    }
    if schedule.via == Via::Scheduler {
        let is_said = |name: &str, value: &Value| match name {
            "FlexibleTimeWindow" => value.get("Mode").is_some_and(|mode| mode != "OFF"),
            "ActionAfterCompletion" => value != "NONE",
            _ => !SCHEDULED.contains(&name),
        };
        let own = schedule.rule.iter().filter(|(name, value)| !is_nothing(value) && is_said(name, value));
        rest.extend(own.map(|(name, _)| format!("`{name}`")));
    }
    let given = schedule.target.get("Input").filter(|input| !is_nothing(input));
    match (given, input(schedule)) {
        // All of it is carried.
        _ if runs_service => {}
        (Some(_), None) => rest.push("`Input`".to_owned()),
        (_, Some(input)) => {
            let odd = input.keys().filter(|member| !TASK_OVERRIDES.contains(&member.as_str()));
            rest.extend(odd.map(|member| format!("`{member}` of its Input")));
            let known: Vec<&str> =
                objects(&schedule.task_definition, "containerDefinitions").map(|c| text(c, "name")).collect();
            for over in objects(&input, "containerOverrides") {
                if !known.contains(&text(over, "name")) {
                    rest.push(format!("the override of container `{}`", text(over, "name")));
                }
                let odd = over.keys().filter(|member| !OVERRIDES.contains(&member.as_str()));
                rest.extend(odd.map(|member| format!("`{member}` of its Input")));
            }
        }
        _ => {}
    }
    rest
}

/// Returns the schedule that a draft stands for: its own container in its own words, if they can say it.
pub(super) fn assembled(draft: &Draft) -> Schedule {
    if draft.runs.is_some() {
        let stages = draft.service.stages.clone();
        return Schedule { service: draft.runs.clone(), stages, ..draft.schedule.clone() };
    }
    let service = draft.service.clone();
    let mut schedule = Schedule {
        stages: service.stages,
        container: (draft.main != draft.key).then(|| draft.main.clone()),
        cpu: service.cpu,
        memory: service.memory,
        volumes: service.volumes,
        log: service.log,
        containers: service.containers,
        aws: service.aws,
        aws_without: service.aws_without,
        ..draft.schedule.clone()
    };
    // A schedule has no words for these of a task.
    let platform = service.platform.is_some() || service.ephemeral_storage.is_some();
    debug_assert!(!platform, "a schedule's platform is said in AWS's words");
    if let Some(own) = schedule.containers.get(&draft.main).cloned()
        && is_plain(&own)
    {
        schedule.containers.retain(|name, _| name != draft.main);
        schedule.image = own.image;
        schedule.command = own.command;
        schedule.entrypoint = own.entrypoint;
        schedule.variables = own.variables;
        schedule.secrets = own.secrets;
        schedule.inherit = own.inherit;
        schedule.user = own.user;
        schedule.working_directory = own.working_directory;
    }
    schedule
}

/// Returns whether a schedule's own container has a table of its own.
fn is_own_table(draft: &Draft) -> bool {
    draft.service.containers.get(&draft.main).is_some_and(|own| !is_plain(own))
}

/// Returns whether a schedule's own words can say a container.
fn is_plain(container: &Container) -> bool {
    let rest = Container {
        image: String::new(),
        command: None,
        entrypoint: None,
        variables: Default::default(),
        secrets: Default::default(),
        inherit: None,
        user: None,
        working_directory: None,
        ..container.clone()
    };
    rest == Container::default()
}

/// Returns what differs for a schedule in a stage.
pub(super) fn differs(draft: &Draft, stage: usize) -> StageSchedule {
    let own = draft.schedule_differs.get(&stage).cloned().unwrap_or_default();
    if draft.runs.is_some() {
        return own;
    }
    let task = draft.differs.get(&stage).cloned().unwrap_or_default();
    let mut containers = task.containers;
    let mut main = containers.get(&draft.main).cloned().unwrap_or_default();
    let (image, command, variables) = (main.image.take(), main.command.take(), std::mem::take(&mut main.variables));
    let entrypoint = if is_own_table(draft) { None } else { main.entrypoint.take() };
    if containers.contains(&draft.main) {
        containers.insert(draft.main.as_str(), main);
    }
    containers.retain(|_, container| *container != Default::default());
    StageSchedule {
        family: task.family,
        cpu: task.cpu,
        memory: task.memory,
        aws: task.aws,
        aws_without: task.aws_without,
        image,
        command,
        entrypoint,
        log: task.log,
        variables,
        containers,
        ..own
    }
}
