//! The seam with Terraform: which of its blocks will a deploy change behind its back, and what keeps the two apart?
//!
//! A resource has attributes that are Terraform's and attributes that a deploy sets. Terraform must ignore the second
//! kind, or its next apply takes back what was deployed.

use super::super::files::Item;
use super::super::scope::Instance;
use super::super::value::Value;
use super::Estate;
use super::document::Notes;
use super::schedule::starts_latest;

/// What a deploy sets of a type of resource, and when.
struct Seam {
    kind: &'static str,
    /// Attributes as `ignore_changes` names them.
    ignored: &'static [&'static str],
    /// What changes them.
    by: &'static str,
}

/// What a target says over its task; one that says nothing has none to ignore.
const INPUT: &str = "input";

/// The same of a schedule of EventBridge Scheduler.
const SCHEDULE_INPUT: &str = "target[0].input";

const SEAMS: [Seam; 8] = [
    Seam {
        kind: "aws_ecs_service",
        ignored: &["task_definition", "desired_count"],
        by: "each deploy gives it a new revision, and `count` of the manifest (or an autoscaler) its number of tasks: \
             without it the next apply takes the service back to an old revision",
    },
    Seam {
        kind: "aws_cloudwatch_event_target",
        ignored: &["ecs_target[0].task_definition_arn", INPUT],
        by: "each deploy gives it a new revision, and what the schedule says over its task: without it the next apply takes \
             the schedule back to an old one",
    },
    Seam {
        kind: "aws_scheduler_schedule",
        ignored: &["target[0].ecs_parameters[0].task_definition_arn", SCHEDULE_INPUT],
        by: "each deploy gives it a new revision, and what the schedule says over its task: without it the next apply takes \
             the schedule back to an old one",
    },
    Seam {
        kind: "aws_secretsmanager_secret_version",
        ignored: &["secret_string"],
        by: "`managr vars set --secret` writes new values: without it the next apply writes the old ones over them",
    },
    Seam {
        kind: "aws_lb_target_group",
        ignored: &["health_check", "deregistration_delay"],
        by: "`[services.X.ingress]` of the manifest sets them: without it an apply after a change there takes it back",
    },
    Seam { kind: TARGET, ignored: &["min_capacity", "max_capacity"], by: SCALED },
    Seam { kind: POLICY, ignored: &["target_tracking_scaling_policy_configuration"], by: SCALED },
    Seam { kind: ACTION, ignored: &["schedule", "timezone", "scalable_target_action"], by: SCALED },
];

/// What scales services, in Terraform's words.
const TARGET: &str = "aws_appautoscaling_target";
const POLICY: &str = "aws_appautoscaling_policy";
const ACTION: &str = "aws_appautoscaling_scheduled_action";

/// Why a deploy changes it.
const SCALED: &str =
    "`[services.X.scaling]` of the manifest sets it: without it an apply after a change there takes it back";

/// Tells which blocks need which lines.
pub(super) fn tell(estate: &Estate<'_>, notes: &mut Notes) {
    for instance in &estate.instances {
        let kind = instance.kind().replacen("aws_alb", "aws_lb", 1);
        let Some(seam) = SEAMS.iter().find(|seam| seam.kind == kind && is_ours(estate, instance)) else { continue };
        let ignored = ignored(instance.item);
        let lacks = |name: &&&str| !is_ignored(&ignored, name);
        let has_input = || {
            let targets = instance.blocks("target");
            let said = targets.first().and_then(|target| target.get("input").filter(|input| **input != Value::Null));
            instance.given(INPUT).is_some() || said.is_some()
        };
        let is_there = |name: &&&str| ![INPUT, SCHEDULE_INPUT].contains(*name) || has_input();
        let missing: Vec<&str> = seam.ignored.iter().filter(lacks).filter(is_there).copied().collect();
        if missing.is_empty() {
            continue;
        }
        let all: Vec<&str> = ignored.iter().map(String::as_str).chain(missing.iter().copied()).collect();
        let why = format!("put `lifecycle {{ ignore_changes = [{}] }}` into it: {}", all.join(", "), seam.by);
        let what = format!("lifecycle of {}.{}", instance.item.label(0), instance.item.label(1));
        notes.push(what, &instance.item.place, why);
    }
    for instance in estate.of(&["aws_ecs_task_definition"]) {
        if instance.given("track_latest").and_then(|value| value.as_bool()) == Some(true) {
            let why = "take `track_latest` out of it, or put `lifecycle { ignore_changes = [container_definitions] }` into it: \
                       Terraform compares it with the revision that a deploy registered";
            let what = format!("lifecycle of {}.{}", instance.item.label(0), instance.item.label(1));
            notes.push(what, &instance.item.place, why);
        }
    }
}

/// Returns whether what scales something scales a service that is carried.
fn is_of_a_service(estate: &Estate<'_>, instance: &Instance<'_>) -> bool {
    let id = instance.attribute("resource_id").shown();
    let name = id.as_deref().and_then(|id| id.strip_prefix("service/")?.rsplit('/').next());
    let mut services = estate.of(&["aws_ecs_service"]);
    name.is_some_and(|name| services.any(|service| service.attribute("name").shown().as_deref() == Some(name)))
}

/// Returns whether a deploy sets something of a resource.
fn is_ours(estate: &Estate<'_>, instance: &Instance<'_>) -> bool {
    const GROUPS: [&str; 2] = ["aws_lb_target_group", "aws_alb_target_group"];
    match instance.kind() {
        "aws_cloudwatch_event_target" => !instance.blocks("ecs_target").is_empty() && !starts_latest(instance),
        "aws_scheduler_schedule" => {
            let targets = instance.blocks("target");
            targets.iter().any(|target| target.contains_key("ecs_parameters")) && !starts_latest(instance)
        }
        "aws_secretsmanager_secret_version" => instance.given("secret_string").is_some(),
        TARGET | ACTION => is_of_a_service(estate, instance),
        POLICY => {
            let held = instance.blocks("target_tracking_scaling_policy_configuration");
            !held.is_empty() && is_of_a_service(estate, instance)
        }
        kind if GROUPS.contains(&kind) => estate.of(&["aws_ecs_service"]).any(|service| {
            service.blocks("load_balancer").iter().any(|block| {
                let group = block.get("target_group_arn").and_then(|arn| estate.referred(arn, &GROUPS));
                group.is_some_and(|group| group.address() == instance.address())
            })
        }),
        _ => true,
    }
}

/// Returns whether an attribute is among what a block ignores: a block in it that is ignored covers what stands in it.
pub(super) fn is_ignored(ignored: &[String], name: &str) -> bool {
    let covers =
        |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    ignored.iter().any(|known| known == "all" || covers(known))
}

/// Returns what a resource's `ignore_changes` names.
pub(super) fn ignored(item: &Item) -> Vec<String> {
    let mut names = Vec::new();
    for block in item.block.body.get_blocks("lifecycle") {
        let Some(ignored) = block.body.get_attribute("ignore_changes") else { continue };
        let text = ignored.value.to_string();
        // What stands beside a name in the source is a comment.
        let code =
            |line: &str| line.split("//").next().and_then(|line| line.split('#').next()).unwrap_or("").to_owned();
        let text = text.lines().map(code).collect::<Vec<_>>().join(" ");
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        names.extend(
            text.split(',').map(|name| name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()),
        );
    }
    names
}
