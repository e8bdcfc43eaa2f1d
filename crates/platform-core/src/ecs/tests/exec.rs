//! ExecuteCommand, and what DescribeTasks says of it.

use serde_json::{Value, json};

use super::stage::{ACCOUNT, Stage, network, web, with};
use crate::world::{ContainerPhase, TaskStatus};
use crate::{Cx, Ids, ecs};

const NOT_ENABLED: &str = "InvalidParameterException: The execute command failed because execute command was not \
                           enabled when the task was run or the execute command agent isn't running. Wait and try \
                           again or run a new task with execute command enabled and try again.";

fn run(stage: &mut Stage, members: Value) -> String {
    let run = json!({"cluster": "main", "taskDefinition": "web", "networkConfiguration": network(),
                     "enableExecuteCommand": true});
    let reply = stage.ok("RunTask", with(run, members));
    reply["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
}

/// Moves a task's container through its life.
fn put(stage: &mut Stage, arn: &str, container: usize, phase: ContainerPhase) {
    let now = stage.now;
    stage.put_task(arn, TaskStatus::Running, |task| {
        task.containers[container].phase = phase;
        if phase >= ContainerPhase::Running {
            task.containers[container].started_at.get_or_insert(now);
        }
    });
}

fn execute(stage: &Stage, members: Value) -> Result<ecs::Destination, String> {
    let base = json!({"cluster": "main", "container": "app", "command": "sh", "interactive": true});
    let input = with(base, members);
    let cx = Cx {
        now: stage.now,
        region: "us-east-1",
        account: ACCOUNT,
        access_key: "",
        architecture: Some("X86_64"),
        ids: &mut Ids::new(0),
    };
    let words = |e: aws_model::AwsError| format!("{}: {}", e.code, e.message);
    let mut input = input.as_object().unwrap().clone();
    let described = aws_model::Service::Ecs.model().operation(ecs::EXECUTE_COMMAND).unwrap();
    aws_model::check::admit(described, &mut input).map_err(words)?;
    ecs::execute_command(&stage.world, &cx, &input).map_err(words)
}

fn of_target(stage: &Stage, region: &str, target: &str) -> Option<String> {
    let cx = Cx {
        now: stage.now,
        region,
        account: ACCOUNT,
        access_key: "",
        architecture: Some("X86_64"),
        ids: &mut Ids::new(0),
    };
    ecs::of_target(&stage.world, &cx, target).map(|d| d.container_name)
}

/// A task of two containers, `app` of which runs.
fn running() -> (Stage, String) {
    let mut stage = Stage::with_web();
    let arn = run(&mut stage, json!({}));
    put(&mut stage, &arn, 0, ContainerPhase::Running);
    (stage, arn)
}

#[test]
fn a_running_container_is_reached_by_the_tasks_id_and_by_its_arn() {
    let (stage, arn) = running();
    let id = arn.rsplit('/').next().unwrap();
    for task in [&arn, id] {
        let found = execute(&stage, json!({"task": task})).unwrap();
        let task = &stage.world.tasks[&arn];
        let app = task.container("app").unwrap();
        assert_eq!((&found.task_arn, found.task_id.as_str()), (&arn, id));
        assert_eq!(found.target(), format!("ecs:main_{id}_{}", app.runtime_id));
        let answer = json!({"clusterArn": task.cluster_arn, "containerArn": app.arn, "containerName": "app",
                            "taskArn": arn, "interactive": true});
        assert_eq!(Value::Object(found.answer()), answer);
    }
}

#[test]
fn the_only_container_of_a_task_need_not_be_named() {
    let mut stage = Stage::with_web();
    let mut alone = with(web(), json!({"family": "alone"}));
    alone["containerDefinitions"].as_array_mut().unwrap().truncate(1);
    stage.ok("RegisterTaskDefinition", alone);
    let arn = run(&mut stage, json!({"taskDefinition": "alone"}));
    put(&mut stage, &arn, 0, ContainerPhase::Running);
    assert_eq!(execute(&stage, json!({"task": arn, "container": null})).unwrap().container_name, "app");
}

#[test]
fn what_cannot_be_reached_is_refused_in_ecs_words() {
    let (mut stage, arn) = running();
    let off = run(&mut stage, json!({"enableExecuteCommand": false}));
    put(&mut stage, &off, 0, ContainerPhase::Running);
    stage.ok("CreateCluster", json!({"clusterName": "other"}));
    let check = |mut members: Value, want: &str| {
        if members.get("task").is_none() {
            members["task"] = json!(arn);
        }
        assert_eq!(execute(&stage, members.clone()).err().unwrap_or_default(), want, "{members}");
    };
    check(json!({}), "");
    check(json!({"command": ""}), "InvalidParameterException: Command can not be blank.");
    check(json!({"command": null}), "InvalidParameterException: Command can not be blank.");
    check(json!({"task": null}), "InvalidParameterException: Task can not be blank.");
    for interactive in [json!(false), Value::Null] {
        check(
            json!({"interactive": interactive}),
            "InvalidParameterException: Interactive is the only mode supported currently.",
        );
    }
    check(
        json!({"interactive": "yes"}),
        "SerializationException: STRING_VALUE cannot be converted to Boolean (interactive)",
    );
    check(json!({"cluster": "none"}), "ClusterNotFoundException: Cluster not found.");
    check(json!({"task": "app"}), "InvalidParameterException: task length should be one of [32,36]");
    for elsewhere in [json!({"task": "0".repeat(32)}), json!({"cluster": "other"})] {
        check(elsewhere, "InvalidParameterException: The referenced task was not found.");
    }
    check(
        json!({"container": "nope"}),
        "InvalidParameterException: The container 'nope' was not found in the referenced task.",
    );
    check(
        json!({"container": null}),
        "InvalidParameterException: The container name must be specified for tasks containing multiple containers.",
    );
    check(json!({"task": off}), NOT_ENABLED);
    check(json!({"container": "side"}), NOT_ENABLED);
}

#[test]
fn a_container_is_reached_while_it_runs_and_its_agent_says_so() {
    let mut stage = Stage::with_web();
    let arn = run(&mut stage, json!({}));
    let mut check = |phase: ContainerPhase, want: Value| {
        put(&mut stage, &arn, 0, phase);
        let reply = stage.ok("DescribeTasks", json!({"cluster": "main", "tasks": [arn]}));
        assert_eq!(reply["tasks"][0]["enableExecuteCommand"], true);
        let mut agents = reply["tasks"][0]["containers"][0]["managedAgents"].clone();
        let started = agents[0].as_object_mut().unwrap().shift_remove("lastStartedAt");
        assert_eq!(started.is_some(), phase >= ContainerPhase::Running, "{phase:?}");
        assert_eq!(agents, json!([want]), "{phase:?}");
        let reached = execute(&stage, json!({"task": arn}));
        match phase {
            ContainerPhase::Running => assert!(reached.is_ok()),
            _ => assert_eq!(reached.unwrap_err(), NOT_ENABLED, "{phase:?}"),
        }
    };
    use ContainerPhase::{Pulled, Pulling, Running, Starting, Stopped, Waiting};
    let agent = |status: &str| json!({"name": "ExecuteCommandAgent", "lastStatus": status});
    for phase in [Waiting, Pulling, Pulled, Starting] {
        check(phase, agent("PENDING"));
    }
    check(Running, agent("RUNNING"));
    check(Stopped, with(agent("STOPPED"), json!({"reason": "Received Container Stopped event"})));
}

#[test]
fn a_task_without_it_has_no_agents() {
    let mut stage = Stage::with_web();
    let arn = run(&mut stage, json!({"enableExecuteCommand": null}));
    let reply = stage.ok("DescribeTasks", json!({"cluster": "main", "tasks": [arn]}));
    assert_eq!(reply["tasks"][0]["enableExecuteCommand"], false);
    assert!(reply["tasks"][0]["containers"][0].get("managedAgents").is_none());
}

#[test]
fn a_services_tasks_keep_what_they_were_started_with() {
    let mut stage = Stage::with_web();
    let service = json!({"cluster": "main", "serviceName": "s", "taskDefinition": "web", "desiredCount": 1,
                         "launchType": "FARGATE", "networkConfiguration": network(), "enableExecuteCommand": true});
    stage.ok("CreateService", service);
    let first = stage.launch("s");
    let deployments = stage.world.service_deployments.len();
    stage.ok("UpdateService", json!({"cluster": "main", "service": "s", "enableExecuteCommand": false}));
    assert_eq!(stage.world.service_deployments.len(), deployments, "it makes no deployment");
    let second = stage.launch("s");
    for (arn, reached) in [(first, true), (second, false)] {
        put(&mut stage, &arn, 0, ContainerPhase::Running);
        assert_eq!(execute(&stage, json!({"task": arn})).is_ok(), reached);
    }
}

#[test]
fn systems_manager_names_a_container_by_cluster_task_and_runtime_id() {
    let mut stage = Stage::with_web();
    stage.ok("CreateCluster", json!({"clusterName": "my_odd_cluster"}));
    for cluster in ["main", "my_odd_cluster"] {
        let arn = run(&mut stage, json!({"cluster": cluster}));
        put(&mut stage, &arn, 0, ContainerPhase::Running);
        let task = stage.world.tasks[&arn].clone();
        let target = |container: usize| format!("ecs:{cluster}_{}_{}", task.id, task.containers[container].runtime_id);
        assert_eq!(of_target(&stage, "us-east-1", &target(0)).as_deref(), Some("app"));
        assert_eq!(of_target(&stage, "us-east-1", &target(1)), None, "side does not run");
        assert_eq!(of_target(&stage, "eu-west-1", &target(0)), None, "another region");
        for wrong in [&target(0)[4..], "ecs:main", "ecs:main_x", "i-0123456789abcdef0", "", &format!("{}0", target(0))]
        {
            assert_eq!(of_target(&stage, "us-east-1", wrong), None, "{wrong}");
        }
    }
}
