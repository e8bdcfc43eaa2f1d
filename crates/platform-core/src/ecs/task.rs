//! Tasks: run, stop, describe, list.

use aws_model::task_definition::TaskDefinition;
use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::find::{self, arn_in};
use super::input::{failure, flag, includes, named, number, required, text};
use super::page::Page;
use super::task_new::{TaskRequest, new_task};
use super::task_render::render_task;
use super::{network, placement, tags, unsupported};
use crate::world::{Change, Cluster, DesiredStatus, Revision, Scope, StopCause, Task, World};
use crate::{Cx, Input, Outcome};

/// Tasks that one RunTask may start.
const MOST: i64 = 10;

/// RunTask.
pub(crate) fn run(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let cluster = find::cluster(world, cx, &input)?;
    let named = required(&input, "taskDefinition")?;
    let revision = find::startable(world, cx, named, AwsError::invalid_parameter)?;
    let count = number(&input, "count").unwrap_or(1);
    if !(1..=MOST).contains(&count) {
        return Err(AwsError::invalid_parameter(format!("count must be between 1 and {MOST}.")));
    }
    check_words(&input)?;
    if text(&input, "propagateTags") == Some("SERVICE") {
        // "An error will be received if you specify the SERVICE option when running a task" (API reference).
        return Err(AwsError::invalid_parameter(
            "propagateTags SERVICE is not allowed when running a task: it has no service.",
        ));
    }
    let placement = placement::of(world, &cluster.arn, &input);
    placement::check(cx, &placement, &input)?;
    check_fargate(revision, placement.launch_type.as_deref())?;
    if let Some(refused) = unsupported::unsupported(&revision.document, &input, cx.architecture) {
        return Err(refused);
    }
    network::check(&revision.spec, &input)?;
    check_overrides(revision, &input)?;
    check_size(revision, placement.launch_type.as_deref(), &input)?;
    if let Some(before) = text(&input, "clientToken").and_then(|token| of_token(world, cluster, token)) {
        let tasks: Vec<Value> = before.map(|task| render_task(world, task)).collect();
        return Ok(Outcome { reply: json!({"tasks": tasks, "failures": []}), changes: Vec::new() });
    }
    network::fill(&mut input);
    let request = TaskRequest {
        cluster_arn: cluster.arn.clone(),
        group: text(&input, "group").unwrap_or_default().to_owned(),
        started_by: text(&input, "startedBy").map(str::to_owned),
        service_arn: None,
        targets: Vec::new(),
        registries: Vec::new(),
        tags: run_tags(cluster, revision, &input)?,
        document: input,
    };
    let tasks: Vec<Task> = (0..count).map(|_| new_task(world, cx, revision, request.clone())).collect();
    let rendered: Vec<Value> = tasks.iter().map(|task| render_task(world, task)).collect();
    let changes = tasks.into_iter().map(Change::Task).collect();
    Ok(Outcome { reply: json!({"tasks": rendered, "failures": []}), changes })
}

/// StartTask places tasks on container instances, and there are none.
pub(super) fn start(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    find::cluster(world, cx, &input)?;
    Err(AwsError::invalid_parameter(
        "StartTask needs container instances, and this platform has none: use RunTask with launchType FARGATE.",
    ))
}

/// StopTask. A task that stops already is answered as it is.
pub(super) fn stop(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let cluster = find::cluster(world, cx, &input)?;
    let found = find::task(world, cluster, required(&input, "task")?)
        .ok_or_else(|| AwsError::invalid_parameter("The referenced task was not found."))?;
    let reason = text(&input, "reason").unwrap_or("Task stopped by user");
    if reason.chars().count() > 1024 {
        return Err(AwsError::invalid_parameter("reason must have at most 1024 characters."));
    }
    let mut task = (**found).clone();
    let mut changes = Vec::new();
    if task.desired_status == DesiredStatus::Running {
        task.desired_status = DesiredStatus::Stopped;
        task.stop = Some(StopCause { code: "UserInitiated".into(), reason: reason.to_owned() });
        task.stopping_at = Some(cx.now);
        changes.push(Change::Task(task.clone()));
    }
    Ok(Outcome { reply: json!({"task": render_task(world, &task)}), changes })
}

/// DescribeTasks.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = find::cluster(world, cx, input)?;
    let with_tags = includes(input, "TAGS");
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for name in named(input, "tasks", 100)? {
        match find::task(world, cluster, name) {
            Some(task) => {
                let mut rendered = render_task(world, task);
                if !with_tags {
                    rendered["tags"] = json!([]);
                }
                tasks.push(rendered);
            }
            None => failures.push(failure(arn_in(cluster, "task", name).unwrap_or_else(|| name.to_owned()), "MISSING")),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

/// ListTasks: walks the smallest index that the filters name, and filters by the rest.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = find::cluster(world, cx, input)?;
    let page = Page::read(input, 100)?;
    let wanted = match text(input, "desiredStatus").unwrap_or("RUNNING") {
        "RUNNING" => DesiredStatus::Running,
        "STOPPED" => DesiredStatus::Stopped,
        // "A status of PENDING … Amazon ECS never sets the desired status of a task to that value."
        "PENDING" => return Ok(page.answer("taskArns", std::iter::empty::<&str>())),
        other => return Err(AwsError::invalid_parameter(format!("Invalid desiredStatus '{other}'."))),
    };
    let service = text(input, "serviceName").map(|name| find::service(world, cluster, name)).transpose()?;
    let (family, started_by) = (text(input, "family"), text(input, "startedBy"));
    let on_instance = text(input, "containerInstance").is_some() || text(input, "daemonName").is_some();
    if on_instance || text(input, "launchType").is_some_and(|launch| launch != "FARGATE") {
        return Ok(page.answer("taskArns", std::iter::empty::<&str>()));
    }
    let home = || cluster.arn.clone();
    let scopes = [
        service.map(|s| Scope::Service(s.arn.clone())),
        started_by.map(|by| Scope::StartedBy(home(), by.to_owned())),
        family.map(|family| Scope::Family(home(), family.to_owned())),
    ];
    let scope = scopes
        .into_iter()
        .flatten()
        .min_by_key(|scope| world.task_index.len(scope, wanted))
        .unwrap_or_else(|| Scope::Cluster(home()));
    let fits = |task: &Task| {
        family.is_none_or(|f| task.family == f)
            && started_by.is_none_or(|by| task.started_by.as_deref() == Some(by))
            && service.is_none_or(|s| task.service_arn.as_ref() == Some(&s.arn))
    };
    let arns = world.task_index.listed(&scope, wanted, page.after);
    Ok(page.answer("taskArns", arns.filter(|arn| world.tasks.get(&***arn).is_some_and(|task| fits(task)))))
}

/// Refuses FARGATE for a task definition that is not for it; without a launch type only what is
/// unsupported is refused.
pub(super) fn check_fargate(revision: &Revision, launch_type: Option<&str>) -> Result<(), AwsError> {
    let compatible = aws_model::register::compatibilities(&revision.spec).contains(&"FARGATE");
    match launch_type {
        Some("FARGATE") if !compatible => {
            Err(AwsError::invalid_parameter("Task definition does not support launch_type FARGATE."))
        }
        _ => Ok(()),
    }
}

fn check_words(input: &Document) -> Result<(), AwsError> {
    let started_by = text(input, "startedBy").unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ':');
    if started_by.len() > 128 || !started_by.chars().all(fits) {
        return Err(AwsError::invalid_parameter(
            "startedBy must have at most 128 letters, numbers, hyphens, underscores, slashes, periods and colons.",
        ));
    }
    if text(input, "group").is_some_and(|group| group.starts_with("service:")) {
        return Err(AwsError::invalid_parameter("The group 'service:' is reserved for tasks of a service."));
    }
    Ok(())
}

fn check_overrides(revision: &Revision, input: &Document) -> Result<(), AwsError> {
    let overrides = input.get("overrides");
    let list = overrides.and_then(|o| o.get("containerOverrides")).and_then(Value::as_array);
    for over in list.into_iter().flatten() {
        let name = over.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            return Err(AwsError::invalid_parameter("Container name is required in container overrides."));
        }
        if revision.spec.container(name).is_none() {
            return Err(AwsError::invalid_parameter(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
    }
    let size = |name: &str| overrides.and_then(|o| o.get(name)).and_then(Value::as_str);
    let bad =
        [("cpu", aws_model::units::cpu_units as fn(&str) -> Option<i64>), ("memory", aws_model::units::memory_mib)]
            .into_iter()
            .find(|(name, read)| size(name).is_some_and(|text| read(text).is_none_or(|n| n <= 0)));
    bad.map_or(Ok(()), |(name, _)| Err(AwsError::invalid_parameter(format!("Invalid '{name}' setting for task."))))
}

/// Refuses a size that Fargate has not; what is not overridden is the definition's.
fn check_size(revision: &Revision, launch_type: Option<&str>, input: &Document) -> Result<(), AwsError> {
    let over = |name: &str| input.get("overrides").and_then(|o| o.get(name)?.as_str()).filter(|t| !t.is_empty());
    let (cpu, memory) = (over("cpu"), over("memory"));
    // Whatever the caller calls it, what runs here runs as on Fargate, if its definition says so.
    let is_fargate =
        launch_type == Some("FARGATE") || aws_model::register::compatibilities(&revision.spec).contains(&"FARGATE");
    if !is_fargate || (cpu.is_none() && memory.is_none()) {
        return Ok(());
    }
    let spec = TaskDefinition {
        cpu: cpu.map(str::to_owned).or_else(|| revision.spec.cpu.clone()),
        memory: memory.map(str::to_owned).or_else(|| revision.spec.memory.clone()),
        runtime_platform: revision.spec.runtime_platform.clone(),
        ..TaskDefinition::default()
    };
    aws_model::validate::fargate_size(&spec).map_err(|refused| AwsError::invalid_parameter(refused.message))
}

fn run_tags(cluster: &Cluster, revision: &Revision, input: &Document) -> Result<Vec<Value>, AwsError> {
    let mut tags = tags::read(input)?;
    if flag(input, "enableECSManagedTags") {
        tags.push(tags::managed("clusterName", aws_model::arn::cluster_name(&cluster.arn).unwrap_or_default()));
    }
    if text(input, "propagateTags") == Some("TASK_DEFINITION") {
        let own = |tag: &&Value| !tags.iter().any(|t| t["key"] == tag["key"]);
        let more: Vec<Value> = revision.tags.iter().filter(own).cloned().collect();
        tags.extend(more);
    }
    Ok(tags)
}

/// Returns the tasks that an earlier call with this token started; none if there was none.
fn of_token<'w>(
    world: &'w World,
    cluster: &Cluster,
    token: &str,
) -> Option<impl Iterator<Item = &'w std::sync::Arc<Task>> + use<'w>> {
    let scope = Scope::Token(cluster.arn.clone(), token.to_owned());
    let known = [DesiredStatus::Running, DesiredStatus::Stopped].map(|wanted| {
        world.task_index.listed(&scope, wanted, None).filter_map(|arn| world.tasks.get(&**arn)).collect::<Vec<_>>()
    });
    let all: Vec<_> = known.into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.into_iter())
}
