//! What files describe is made as they would make it, imported, and planned against: a deploy would change nothing.

use aws::{ECS, EVENTS, SCHEDULER};
use serde_json::{Value, json};

use crate::deploy::well;
use crate::sandbox::Sandbox;
use crate::verify::call;

/// A worker and a schedule that run one task definition; the schedule differs by its command alone.
const ONE_FAMILY: &str = include_str!("../../../import/tests/fixtures/terraform/one-family/main.tf");

/// Makes what the files of [`ONE_FAMILY`] describe.
fn make_one_family(sandbox: &Sandbox) {
    let definition = json!({ "family": "shop-prod-worker", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/exec", "containerDefinitions": [
            { "name": "worker", "image": "nginx:1.27", "essential": true, "command": ["celery", "worker"] }] });
    let subnets = ["subnet-0d15d0dac11b7d60a"];
    let answers = call(
        sandbox,
        &[
            (&ECS, "CreateCluster", json!({ "clusterName": "prod-cluster" })),
            (&ECS, "RegisterTaskDefinition", definition),
        ],
    );
    let text = |answer: &Value, pointer: &str| answer.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let (cluster, revision) =
        (text(&answers[0], "/cluster/clusterArn"), text(&answers[1], "/taskDefinition/taskDefinitionArn"));
    call(
        sandbox,
        &[(
            &ECS,
            "CreateService",
            json!({ "cluster": cluster, "serviceName": "shop-prod-worker",
        "taskDefinition": revision, "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": subnets } } }),
        )],
    );
    let input = json!({ "containerOverrides": [{ "name": "worker", "command": ["manage.py", "clearsessions"] }] });
    let target = json!({ "Id": "terraform", "Arn": cluster, "RoleArn": "arn:aws:iam::123456789012:role/events",
        "Input": input.to_string(), "EcsParameters": { "TaskDefinitionArn": revision, "TaskCount": 1,
            "LaunchType": "FARGATE", "NetworkConfiguration": { "awsvpcConfiguration": { "Subnets": subnets } } } });
    call(
        sandbox,
        &[
            (&EVENTS, "PutRule", json!({ "Name": "shop-prod-clear", "ScheduleExpression": "rate(1 day)" })),
            (&EVENTS, "PutTargets", json!({ "Rule": "shop-prod-clear", "Targets": [target] })),
        ],
    );
}

/// A service and a schedule of one task definition stay that: one revision is registered for both, and none has the
/// schedule's command in it.
#[test]
fn a_schedule_that_runs_a_services_task_shares_its_revision() {
    let sandbox = Sandbox::new();
    let _platform = sandbox.platform();
    make_one_family(&sandbox);
    sandbox.write("infra/main.tf", ONE_FAMILY);
    well(&sandbox, &["import", "terraform", "infra"]);
    let text = std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
    assert!(text.contains("service = \"worker\"\ncommand = [\"manage.py\", \"clearsessions\"]\n"), "{text}");
    let plan = sandbox.run(&["plan", "prod", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}\n{text}", plan.transcript());

    well(&sandbox, &["wait", "prod"]);
    sandbox.write("managr.toml", &text.replace("nginx:1.27", "nginx:1.28"));
    well(&sandbox, &["deploy", "prod", "--yes"]);
    let listed = call(&sandbox, &[(&ECS, "ListTaskDefinitions", json!({ "familyPrefix": "shop-prod-worker" }))]);
    let revisions: Vec<&str> =
        listed[0]["taskDefinitionArns"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(revisions.len(), 2, "one was there, one is new: {revisions:?}");
    let newest = call(&sandbox, &[(&ECS, "DescribeTaskDefinition", json!({ "taskDefinition": "shop-prod-worker" }))]);
    let newest = &newest[0]["taskDefinition"];
    assert_eq!(newest["containerDefinitions"][0]["command"], json!(["celery", "worker"]), "{newest:#}");
    assert_eq!(newest["containerDefinitions"][0]["image"], "nginx:1.28");
    // The rule starts the new revision, and still says its own command over it.
    let targets = call(&sandbox, &[(&EVENTS, "ListTargetsByRule", json!({ "Rule": "shop-prod-clear" }))]);
    let target = &targets[0]["Targets"][0];
    assert_eq!(target["EcsParameters"]["TaskDefinitionArn"], newest["taskDefinitionArn"], "{target:#}");
    assert_eq!(
        (&target["Id"], target["Input"].as_str().map(|said| said.contains("clearsessions"))),
        (&json!("terraform"), Some(true))
    );
    let plan = sandbox.run(&["plan", "prod", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}", plan.transcript());
}

/// What EventBridge Scheduler fires is carried as that, read from an account, and a deploy finds nothing to do.
#[test]
fn a_schedule_of_scheduler_that_runs_is_carried_and_left_as_it_is() {
    let sandbox = Sandbox::new();
    let _platform = sandbox.platform();
    make_one_family(&sandbox);
    let target = json!({
        "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod-cluster", "RoleArn": "arn:aws:iam::123456789012:role/events",
        "RetryPolicy": {"MaximumRetryAttempts": 0},
        "Input": "{\"containerOverrides\": [{\"name\": \"worker\", \"command\": [\"report\"]}]}",
        "EcsParameters": {"TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/shop-prod-worker:1",
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-0d15d0dac11b7d60a"]}}},
    });
    let schedule = json!({
        "Name": "shop-prod-report", "ScheduleExpression": "cron(0 6 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Stockholm", "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "Target": target,
    });
    call(&sandbox, &[(&SCHEDULER, "CreateSchedule", schedule.clone())]);
    let before = call(&sandbox, &[(&SCHEDULER, "GetSchedule", schedule.clone())]).remove(0);
    well(&sandbox, &["import", "service", "prod=prod-cluster"]);
    well(&sandbox, &["wait", "prod"]);
    let text = std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
    for words in ["timezone = \"Europe/Stockholm\"", "retries = 0", "command = [\"report\"]"] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    let plan = sandbox.run(&["plan", "prod", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}\n{text}", plan.transcript());
    sandbox.write("managr.toml", &text.replace("cron(0 6 * * ? *)", "cron(0 7 * * ? *)"));
    well(&sandbox, &["deploy", "prod", "--yes"]);
    let mut after = call(&sandbox, &[(&SCHEDULER, "GetSchedule", schedule)]).remove(0);
    assert_eq!(after["ScheduleExpression"], "cron(0 7 * * ? *)");
    for moved in ["ScheduleExpression", "LastModificationDate"] {
        after[moved] = before[moved].clone();
    }
    assert_eq!(after, before, "all else is said again as it was");
}
