//! Which of Terraform's resources own what a deploy sets, and does its next plan take that back?

#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeMap;

use deploy_core::{Desired, Facts, desired, parse};
use import::Folder;
use import::terraform::{Deploy, GivenFile, Owned, Seam, Turn, seam};
use proptest::prelude::*;
use serde_json::{Value, json};

const MANIFEST: &str = r#"
app = "shop"
[secrets.TOKEN]
[services.web]
count = 2
[services.web.ingress]
container = "web"
port = 8080
health-check = { interval = "10s" }
[services.web.containers.web]
image = "nginx:1"
ports = [8080]
[services.jobs.containers.jobs]
image = "nginx:1"
[services.scaled.containers.scaled]
image = "nginx:1"
[services.scaled.scaling]
min = 2
max = 6
cpu = 60
scheduled.night = { schedule = "cron(0 20 * * ? *)", name = "night", min = 0 }
[schedules.nightly]
image = "nginx:1"
schedule = "cron(0 4 * * ? *)"
[stages.prod]
cluster = "main"
subnets = ["subnet-b", "subnet-a"]
host = "shop.example.com"
secret = "shop/prod"
services.web.target-group = "shop-web"
"#;

const FOLDER: &str = r#"
resource "aws_ecs_service" "web" {
  name = "shop-web-prod"
  lifecycle {
    ignore_changes = [task_definition]
  }
}
resource "aws_lb_target_group" "web" {
  name = "shop-web"
}
resource "aws_lb_listener_rule" "web" {}
resource "aws_cloudwatch_event_rule" "nightly" {}
resource "aws_cloudwatch_event_target" "nightly" {
  lifecycle { ignore_changes = [ecs_target, input] }
}
resource "aws_secretsmanager_secret_version" "app" {
  lifecycle { ignore_changes = all }
}
module "jobs" {
  source = "./jobs"
}
"#;

const JOBS: &str = "resource \"aws_ecs_service\" \"this\" {\n  for_each = toset([\"a\"])\n}\n";

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-central-1:210987654321:targetgroup/shop-web/1";

fn stage() -> Desired {
    let facts = Facts { account: "210987654321".to_owned(), ..Facts::local("r") };
    desired(&parse("managr.toml", MANIFEST).unwrap(), "prod", &facts).unwrap()
}

/// What is in the state: type, module, name, key, attributes.
fn resources() -> Vec<(&'static str, &'static str, &'static str, Option<&'static str>, Value)> {
    let network = json!([{ "subnets": ["subnet-a", "subnet-b"], "security_groups": [], "assign_public_ip": false }]);
    let service = |name: &str, count: u32, revision: &str| {
        json!({ "name": name, "cluster": "arn:aws:ecs:eu-central-1:210987654321:cluster/main", "desired_count": count,
            "task_definition": format!("arn:aws:ecs:eu-central-1:210987654321:task-definition/{revision}"),
            "network_configuration": network, "deployment_minimum_healthy_percent": 100, "deployment_maximum_percent": 200,
            "deployment_circuit_breaker": [{ "enable": true, "rollback": true }], "launch_type": "FARGATE" })
    };
    vec![
        ("aws_ecs_service", "", "web", None, service("shop-web-prod", 3, "shop-web-task-prod:7")),
        // Another cluster's service of the same name is another service.
        ("aws_ecs_service", "", "other", None, {
            let mut other = service("shop-web-prod", 9, "other:1");
            other["cluster"] = json!("arn:aws:ecs:eu-central-1:210987654321:cluster/other");
            other
        }),
        ("aws_ecs_service", "module.jobs", "this", Some("a"), service("shop-jobs-prod", 1, "shop-jobs-task-prod:3")),
        (
            "aws_lb_target_group",
            "",
            "web",
            None,
            json!({ "name": "shop-web", "arn": GROUP, "deregistration_delay": "30",
            "health_check": [{ "path": "/", "interval": 30, "timeout": 5, "healthy_threshold": 2, "unhealthy_threshold": 3,
                "matcher": "200-399", "protocol": "HTTP" }] }),
        ),
        (
            "aws_lb_listener_rule",
            "",
            "web",
            None,
            json!({
            "action": [{ "type": "forward", "target_group_arn": GROUP }],
            "condition": [{ "host_header": [{ "values": ["old.example.com"] }], "path_pattern": [] }] }),
        ),
        (
            "aws_cloudwatch_event_rule",
            "",
            "nightly",
            None,
            json!({ "name": "shop-nightly-prod",
            "schedule_expression": "cron(0 3 * * ? *)", "state": "ENABLED" }),
        ),
        (
            "aws_cloudwatch_event_target",
            "",
            "nightly",
            None,
            json!({ "rule": "shop-nightly-prod",
            "ecs_target": [{ "task_definition_arn": "arn:aws:ecs:eu-central-1:210987654321:task-definition/shop-nightly-task-prod:2" }] }),
        ),
        (
            "aws_secretsmanager_secret_version",
            "",
            "app",
            None,
            json!({
            "secret_id": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:shop/prod-AbCdEf",
            "secret_string": "{\"TOKEN\":\"hush-hush\"}" }),
        ),
        ("aws_db_instance", "", "main", None, json!({ "identifier": "shop", "password": "hush-hush" })),
    ]
}

fn state() -> String {
    let one = |(kind, module, name, key, attributes): (_, &str, _, Option<&str>, Value)| {
        let mut instance = json!({ "attributes": attributes });
        instance.as_object_mut().unwrap().extend(key.map(|key| ("index_key".to_owned(), key.into())));
        json!({ "mode": "managed", "type": kind, "module": module, "name": name, "instances": [instance] })
    };
    let resources: Vec<Value> = resources().into_iter().map(one).collect();
    json!({ "version": 4, "resources": resources }).to_string()
}

/// What `terraform show -json PLAN` says after a deploy: it takes the revision back, and leaves the number of tasks alone.
fn plan() -> String {
    let service = resources().remove(0).4;
    let mut before = service.clone();
    before["task_definition"] = json!("arn:aws:ecs:eu-central-1:210987654321:task-definition/shop-web-task-prod:9");
    let resource = json!({ "mode": "managed", "type": "aws_ecs_service", "name": "web", "values": service });
    json!({
        "format_version": "1.2",
        "planned_values": { "root_module": { "resources": [resource] } },
        "resource_changes": [{ "address": "aws_ecs_service.web", "change": { "actions": ["update"], "before": before, "after": service } }],
    })
    .to_string()
}

fn read(given: String, folder: Option<&Folder>, runs: &[(&str, &str)]) -> Seam {
    let desired = stage();
    let services: BTreeMap<String, String> =
        runs.iter().map(|(name, arn)| ((*name).to_owned(), (*arn).to_owned())).collect();
    let deploy = Deploy { desired: &desired, services: &services, schedules: &BTreeMap::new() };
    let given = GivenFile { path: "terraform.tfstate".to_owned(), text: given, ..GivenFile::default() };
    seam(&deploy, &[given], folder).unwrap()
}

fn folder() -> Folder {
    Folder::from([("main.tf".to_owned(), FOLDER.to_owned()), ("jobs/main.tf".to_owned(), JOBS.to_owned())])
}

fn told(seam: &Seam) -> Vec<String> {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let one = |owned: &Owned| {
        let Owned { address, attribute, terraform, deploy, differs, turn, .. } = owned;
        let sign = if *differs { "->" } else { "=>" };
        format!("{address} {attribute}: {} {sign} {} {turn:?}", show(terraform), show(deploy))
    };
    seam.owned.iter().map(one).collect()
}

const RUNS: &[(&str, &str)] = &[
    ("shop-web-prod", "managr:revision:shop-web-task-prod:0"),
    ("shop-jobs-prod", "arn:aws:ecs:e:1:task-definition/shop-jobs-task-prod:3"),
];

#[test]
fn a_state_tells_what_is_whose_and_a_folder_what_is_ignored() {
    let with_folder = read(state(), Some(&folder()), RUNS);
    assert_eq!(
        told(&with_folder),
        [
            "aws_ecs_service.web task_definition: shop-web-task-prod:7 -> a new revision Ignored",
            "aws_ecs_service.web desired_count: 3 -> 2 TakenBack",
            "aws_lb_target_group.web health_check.interval: 30 -> 10 TakenBack",
            "aws_lb_listener_rule.web condition.host_header.values: old.example.com -> shop.example.com TakenBack",
            "module.jobs.aws_ecs_service.this[\"a\"] task_definition: shop-jobs-task-prod:3 => shop-jobs-task-prod:3 TakenBack",
            "aws_cloudwatch_event_rule.nightly schedule_expression: cron(0 3 * * ? *) -> cron(0 4 * * ? *) TakenBack",
            "aws_cloudwatch_event_target.nightly ecs_target.0.task_definition_arn: shop-nightly-task-prod:2 => - Ignored",
            "aws_secretsmanager_secret_version.app secret_string: - => - Ignored",
        ]
    );
    let paste: Vec<String> = with_folder
        .paste
        .iter()
        .map(|one| {
            format!("{} {}: {}", one.address, one.place.as_ref().unwrap(), one.lines.lines().nth(1).unwrap().trim())
        })
        .collect();
    assert_eq!(
        paste,
        [
            "aws_cloudwatch_event_rule.nightly main.tf:12: ignore_changes = [schedule_expression]",
            "aws_ecs_service.web main.tf:2: ignore_changes = [task_definition, desired_count]",
            "aws_lb_listener_rule.web main.tf:11: ignore_changes = [condition]",
            "aws_lb_target_group.web main.tf:8: ignore_changes = [health_check]",
            "module.jobs.aws_ecs_service.this jobs/main.tf:1: ignore_changes = [task_definition]",
        ]
    );
    let alone = read(state(), None, RUNS);
    assert!(alone.owned.iter().all(|one| one.turn == Turn::Unknown), "{alone:#?}");
    assert_eq!(alone.owned.len(), with_folder.owned.len());
    assert!(!format!("{alone:?} {}", serde_json::to_string(&alone).unwrap()).contains("hush-hush"));
}

#[test]
fn a_plan_of_terraforms_own_says_what_it_takes_back() {
    let seam = read(plan(), None, RUNS);
    assert_eq!(
        told(&seam),
        [
            "aws_ecs_service.web task_definition: shop-web-task-prod:7 -> a new revision TakenBack",
            "aws_ecs_service.web desired_count: 3 -> 2 Unknown",
        ]
    );
}

#[test]
fn what_is_no_state_is_refused_and_nothing_of_it_said() {
    let desired = stage();
    let none = BTreeMap::new();
    let deploy = Deploy { desired: &desired, services: &none, schedules: &none };
    for text in ["hush-hush", "{\"hush-hush\": 1}"] {
        let given = GivenFile { path: "x".to_owned(), text: text.to_owned(), ..GivenFile::default() };
        let error = seam(&deploy, &[given], None).unwrap_err().to_string();
        assert!(!error.contains("hush-hush"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    /// Whatever a block ignores: what it covers is never called taken back, and what it does not cover always is; and the
    /// lines to paste keep what it ignores already.
    #[test]
    fn a_block_that_has_the_lines_is_quiet(names in prop::sample::subsequence(vec!["task_definition", "desired_count", "tags"], 0..=3)) {
        let text = FOLDER.replace("ignore_changes = [task_definition]", &format!("ignore_changes = [{}]", names.join(", ")));
        let folder = Folder::from([("main.tf".to_owned(), text)]);
        let seam = read(state(), Some(&folder), RUNS);
        for owned in seam.owned.iter().filter(|owned| owned.address == "aws_ecs_service.web") {
            let expected = if names.contains(&owned.ignored_as.as_str()) { Turn::Ignored } else { Turn::TakenBack };
            prop_assert_eq!(owned.turn, expected, "{:?}", owned);
        }
        let paste = seam.paste.iter().find(|paste| paste.address == "aws_ecs_service.web");
        prop_assert_eq!(paste.is_none(), names.contains(&"task_definition") && names.contains(&"desired_count"));
        if let Some(paste) = paste {
            prop_assert!(names.iter().all(|name| paste.lines.contains(name)), "{}", paste.lines);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// Whatever a state holds in place of what it should: it is read or refused.
    #[test]
    fn no_state_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), 0..7_usize), 1..6)) {
        let mut state: Value = serde_json::from_str(&state()).unwrap();
        for (at, what) in changes {
            let mut places = Vec::new();
            pointers(&state, "", &mut places);
            let at = places[at.index(places.len())].clone();
            let values = [json!(null), json!(""), json!("x"), json!(-1), json!([]), json!({}), json!([{ "x": [1] }])];
            *state.pointer_mut(&at).unwrap() = values[what].clone();
        }
        let desired = stage();
        let none = BTreeMap::new();
        let deploy = Deploy { desired: &desired, services: &none, schedules: &none };
        let given = GivenFile { path: "x".to_owned(), text: state.to_string(), ..GivenFile::default() };
        let read = seam(&deploy, &[given], Some(&folder()));
        let said = format!("{read:?}");
        prop_assert!(!said.contains("hush-hush"), "{}", said);
    }
}

fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(name, one)| pointers(one, &format!("{at}/{name}"), all)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| pointers(item, &format!("{at}/{number}"), all));
        }
        _ => {}
    }
}

#[test]
fn what_scales_a_service_is_held_against_what_terraform_has() {
    let id = "service/main/shop-scaled-prod";
    let policy = |target: Value| {
        json!({ "name": "cpu", "resource_id": id, "target_tracking_scaling_policy_configuration": [{
            "target_value": target, "scale_in_cooldown": 300, "disable_scale_in": false,
            "predefined_metric_specification": [{ "predefined_metric_type": "ECSServiceAverageCPUUtilization" }] }] })
    };
    let of = |max: u32, target: Value, schedule: &str| {
        let action = json!({ "name": "night", "resource_id": id, "schedule": schedule, "timezone": "UTC",
            "scalable_target_action": [{ "min_capacity": "0", "max_capacity": null }] });
        let target_of = json!({ "resource_id": id, "min_capacity": 2, "max_capacity": max });
        let all = [
            ("aws_appautoscaling_target", target_of),
            ("aws_appautoscaling_policy", policy(target)),
            ("aws_appautoscaling_scheduled_action", action),
        ];
        let resource = |(kind, attributes): &(&str, Value)| {
            json!({ "mode": "managed", "type": kind, "name": "app", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
                "instances": [{ "attributes": attributes }] })
        };
        let state = json!({ "version": 4, "resources": all.iter().map(resource).collect::<Vec<_>>() });
        let seam = read(state.to_string(), None, &[]);
        let told = |one: &Owned| format!("{} {}", one.address, one.attribute);
        let mut owned: Vec<String> = seam.owned.iter().map(told).collect();
        owned.sort();
        (seam.resources.len(), owned)
    };
    assert_eq!(of(6, json!(60.0), "cron(0 20 * * ? *)"), (3, Vec::new()));
    let differ = of(5, json!(50), "cron(0 21 * * ? *)");
    assert_eq!(
        differ.1,
        [
            "aws_appautoscaling_policy.app target_tracking_scaling_policy_configuration.target_value",
            "aws_appautoscaling_scheduled_action.app schedule",
            "aws_appautoscaling_target.app max_capacity",
        ]
    );
}
