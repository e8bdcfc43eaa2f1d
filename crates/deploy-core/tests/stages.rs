//! What is where: `stages` lists, overrides of a stage, and members that raw tables take out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::desired::{Git, Owner};
use deploy_core::{Desired, Facts, desired, explain, parse};
use serde_json::{Value, json};

const APP: &str = r#"
app = "shop"
[variables]
DEBUG = "0"
ONLY_TICK = { value = "1", containers = ["runner"] }
[services.web]
aws = { pidMode = "task", tags = [{ key = "a", value = "b" }] }
aws-without = ["taskRoleArn"]
[services.web.containers.web]
image = "web:1"
aws-without = ["logConfiguration.options.awslogs-create-group"]
[services.web.containers.agent]
image = "agent:1"
stages = ["prod"]
essential = false
[services.mail]
stages = ["prod"]
[services.mail.containers.mail]
image = "mail:1"
secrets = { MAIL_KEY = {} }
[schedules.tick]
schedule = "rate(1 hour)"
container = "runner"
image = "tick:1"
command = ["tick"]
enabled = false
[schedules.tick.containers.agent]
image = "agent:1"
essential = false
[schedules.report]
stages = ["staging"]
schedule = "rate(1 day)"
volumes.reports.aws = { efsVolumeConfiguration = { fileSystemId = "fs-1" } }
[schedules.report.containers.report]
image = "report:1"
volumes = { reports = "/reports" }
log = { prefix = "r" }
[stages.staging]
[stages.prod]
[stages.prod.services.web]
aws = { pidMode = "host", ipcMode = "task" }
aws-without = ["tags"]
aws-service = { platformVersion = "1.4.0" }
[stages.prod.services.web.containers.web]
aws = { hostname = "h" }
aws-without = ["cpu", "logConfiguration.options.awslogs-region"]
[stages.prod.schedules.tick]
name = "every-hour"
family = "ticker"
schedule = "rate(2 hours)"
enabled = true
image = "tick:2"
command = ["tick", "twice"]
cpu = 512
memory = 1024
variables = { DEBUG = "2" }
aws = { ipcMode = "task" }
aws-without = ["executionRoleArn"]
[stages.prod.schedules.tick.containers.agent]
image = "agent:2"
"#;

fn rendered(stage: &str) -> Desired {
    let manifest = parse("managr.toml", APP).unwrap_or_else(|errors| panic!("{:#?}", errors.errors()));
    let facts = Facts { git: Git { commit: Some("abc".into()), ..Git::default() }, ..Facts::local("r") };
    desired(&manifest, stage, &facts).unwrap()
}

fn names(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" ")
}

/// Every task of a stage with its containers.
fn there(stage: &str) -> String {
    names(rendered(stage).task_definitions.iter().map(|task| {
        let (Owner::Service(owner) | Owner::Schedule(owner)) = &task.owner;
        let containers = task.document["containerDefinitions"].as_array().unwrap();
        let containers = containers.iter().map(|container| container["name"].as_str().unwrap().to_owned());
        format!("{owner}[{}]", names(containers))
    }))
}

fn task(stage: &str, owner: Owner) -> Value {
    let all = rendered(stage).task_definitions;
    Value::Object(all.into_iter().find(|task| task.owner == owner).unwrap().document)
}

fn web(stage: &str) -> Value {
    task(stage, Owner::Service("web".into()))
}

fn tick(stage: &str) -> Value {
    task(stage, Owner::Schedule("tick".into()))
}

#[test]
fn a_stage_has_what_is_in_it() {
    assert_eq!(there("local"), "web[web] tick[runner agent]");
    assert_eq!(there("staging"), "web[web] tick[runner agent] report[report]");
    assert_eq!(there("prod"), "web[web agent] mail[mail] tick[runner agent]");
    assert_eq!(names(rendered("prod").services.iter().map(|s| s.service.clone())), "web mail");
    assert_eq!(names(rendered("prod").schedules.iter().map(|s| s.name.clone())), "tick");
    let keys = |stage| rendered(stage).secret.map(|secret| secret.keys.len());
    assert_eq!((keys("local"), keys("prod")), (None, Some(1)));
}

#[test]
fn raw_tables_merge_first_and_take_out_last() {
    assert_eq!((&web("local")["pidMode"], &web("local")["tags"][0]["key"]), (&json!("task"), &json!("a")));
    let prod = web("prod");
    assert_eq!((&prod["pidMode"], &prod["ipcMode"]), (&json!("host"), &json!("task")));
    assert_eq!((prod.get("tags"), prod.get("taskRoleArn")), (None, None));
    let options = |document: &Value| {
        let options = &document["containerDefinitions"][0]["logConfiguration"]["options"];
        names(options.as_object().unwrap().keys().cloned())
    };
    assert_eq!(options(&web("local")), "awslogs-group awslogs-region awslogs-stream-prefix");
    assert_eq!(options(&prod), "awslogs-group awslogs-stream-prefix");
    assert_eq!(prod["containerDefinitions"][0]["hostname"], "h");
    assert_eq!(rendered("prod").services[0].document["platformVersion"], "1.4.0");
}

#[test]
fn a_schedule_differs_by_stage() {
    let prod = tick("prod");
    assert_eq!((&prod["family"], &prod["cpu"], &prod["memory"]), (&json!("ticker"), &json!("512"), &json!("1024")));
    assert_eq!((&prod["ipcMode"], prod.get("executionRoleArn")), (&json!("task"), None));
    let runner = &prod["containerDefinitions"][0];
    assert_eq!((&runner["image"], &runner["command"]), (&json!("tick:2"), &json!(["tick", "twice"])));
    assert_eq!(
        runner["environment"],
        json!([{ "name": "DEBUG", "value": "2" }, { "name": "ONLY_TICK", "value": "1" }])
    );
    assert_eq!(prod["containerDefinitions"][1]["image"], "agent:2");
    assert_eq!(prod["containerDefinitions"][1]["environment"], json!([{ "name": "DEBUG", "value": "0" }]));
    assert_eq!(tick("staging")["containerDefinitions"][0]["command"], json!(["tick"]));

    let [schedule] = &rendered("prod").schedules[..] else { panic!("one schedule") };
    assert_eq!((schedule.rule.as_str(), schedule.family.as_str()), ("every-hour", "ticker"));
    assert_eq!((schedule.expression.as_str(), schedule.enabled), ("rate(2 hours)", Some(true)));
    assert_eq!(rendered("local").schedules[0].enabled, Some(false));
}

#[test]
fn a_schedule_may_write_its_own_container_in_full() {
    let report = task("staging", Owner::Schedule("report".into()));
    let container = &report["containerDefinitions"][0];
    assert_eq!(container["mountPoints"][0]["sourceVolume"], "reports");
    assert_eq!(container["logConfiguration"]["options"]["awslogs-stream-prefix"], "r");
    assert_eq!(report["volumes"][0]["efsVolumeConfiguration"]["fileSystemId"], "fs-1");
    assert_eq!(report["cpu"], "256");
}

#[test]
fn a_setting_of_a_schedule_knows_where_it_came_from() {
    let manifest = parse("managr.toml", APP).unwrap();
    let all = explain(&manifest, "prod").unwrap();
    let from = |container: &str, name: &str| {
        let found = all.iter().find(|e| e.owner == "tick" && e.container == container && e.name == name);
        found.map(|e| e.from.to_string())
    };
    assert_eq!(from("runner", "DEBUG").as_deref(), Some("stages.prod.schedules.tick.variables.DEBUG"));
    assert_eq!(from("agent", "DEBUG").as_deref(), Some("variables.DEBUG"));
    assert_eq!(from("agent", "ONLY_TICK"), None);
    assert!(explain(&manifest, "local").unwrap().iter().all(|e| e.owner != "mail"));
}

/// Options of another driver would be refused beside those of awslogs.
#[test]
fn a_raw_log_driver_replaces_the_log_group() {
    let text = r#"
app = "a"
[services.web.containers.web]
image = "x:1"
aws = { logConfiguration = { logDriver = "awsfirelens", options = { Name = "datadog" } } }
"#;
    let documents = desired(&parse("m", text).unwrap(), "local", &Facts::local("r")).unwrap();
    let container = &documents.task_definitions[0].document["containerDefinitions"][0];
    assert_eq!(container["logConfiguration"], json!({ "logDriver": "awsfirelens", "options": { "Name": "datadog" } }));
    assert_eq!(documents.log_groups, [] as [String; 0]);
}

/// ECS refuses a launch type beside a strategy.
#[test]
fn a_capacity_provider_strategy_takes_the_place_of_the_launch_type() {
    let text = r#"
app = "a"
[services.web.containers.web]
image = "x:1"
[services.web.aws-service]
capacityProviderStrategy = [{ capacityProvider = "FARGATE_SPOT", weight = 1 }]
"#;
    let documents = desired(&parse("m", text).unwrap(), "local", &Facts::local("r")).unwrap();
    assert_eq!(documents.services[0].document.get("launchType"), None);
}

#[test]
fn a_log_is_said_once_for_all_containers() {
    let text = r#"
app = "a"
[services.web]
log = { group = "/web", prefix = "ecs", create-group = false }
[services.web.containers.web]
image = "x:1"
[services.web.containers.side]
image = "x:1"
log = { prefix = "side", create-group = true }
[schedules.tick]
schedule = "rate(1 hour)"
image = "x:1"
log = { create-group = false }
"#;
    let documents = desired(&parse("m", text).unwrap(), "local", &Facts::local("r")).unwrap();
    let options = |task: usize, container: usize| {
        let container = &documents.task_definitions[task].document["containerDefinitions"][container];
        let options = container["logConfiguration"]["options"].as_object().unwrap();
        names(
            options
                .iter()
                .filter(|(name, _)| *name != "awslogs-region")
                .map(|(_, value)| value.as_str().unwrap().into()),
        )
    };
    assert_eq!(options(0, 0), "/web ecs");
    assert_eq!(options(0, 1), "/web side true");
    assert_eq!(options(1, 0), "/a/local tick");
}

#[test]
fn a_stage_scales_as_it_says_and_a_preview_not_at_all() {
    let text = r#"
app = "a"
[previews]
from = "prod"
[services.web]
[services.web.scaling]
min = 1
max = 3
cpu = 60
scheduled.night = { schedule = "cron(0 20 * * ? *)", name = "{stage}-night", min = 0 }
[services.web.containers.web]
image = "x:1"
[services.job]
count = 2
[services.job.containers.job]
image = "x:1"
[stages.prod.services.web.scaling]
max = 9
cpu = { target = 55.5, cooldown = { out = "1m" } }
[stages.prod.services.job.scaling]
min = 2
max = 4
[stages.staging.services.web]
count = 1
scaling = false
[stages.test.services.web.scaling]
scheduled = {}
"#;
    let manifest = parse("m", text).unwrap_or_else(|errors| panic!("{:?}", errors.errors()));
    let told = |stage: &str| -> Vec<String> {
        let documents = desired(&manifest, stage, &Facts::local("r")).unwrap();
        let one = |service: &deploy_core::desired::ServiceDoc| {
            let count = &service.document["desiredCount"];
            match &service.scaling {
                None => format!("{} {count}", service.service),
                Some(scaling) => {
                    let held = scaling.policies.iter().map(|one| one.configuration["TargetValue"].to_string());
                    let named =
                        scaling.scheduled.iter().map(|one| one["ScheduledActionName"].as_str().unwrap().to_owned());
                    let rest = held.chain(named).collect::<Vec<_>>().join(" ");
                    format!("{} {count} in {}..{} {rest}", service.service, scaling.min, scaling.max)
                }
            }
        };
        documents.services.iter().map(one).collect()
    };
    assert_eq!(told("local"), ["web 1 in 1..3 60 local-night", "job 2"]);
    assert_eq!(told("prod"), ["web 1 in 1..9 55.5 prod-night", "job 2 in 2..4 "]);
    assert_eq!(told("staging"), ["web 1", "job 2"]);
    assert_eq!(told("test"), ["web 1 in 1..3 60", "job 2"]);
    assert_eq!(told("pr-7"), ["web 1", "job 1"]);
}
