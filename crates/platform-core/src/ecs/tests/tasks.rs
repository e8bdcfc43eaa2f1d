//! Tasks.

use serde_json::{Value, json};

use super::stage::{Stage, network, web, with};
use crate::ecs::effective_container;
use crate::world::{Change, HealthState, TaskStatus};

fn run(members: Value) -> Value {
    with(json!({"cluster": "main", "taskDefinition": "web", "networkConfiguration": network()}), members)
}

fn arns(reply: &Value) -> Vec<String> {
    reply["tasks"].as_array().unwrap().iter().map(|t| t["taskArn"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_task_is_provisioning_and_complete() {
    let mut stage = Stage::with_web();
    let reply = stage.ok("RunTask", run(json!({"count": 2, "startedBy": "me"})));
    assert_eq!(arns(&reply).len(), 2);
    let task = &reply["tasks"][0];
    for (name, want) in [
        ("lastStatus", json!("PROVISIONING")),
        ("desiredStatus", json!("RUNNING")),
        ("launchType", json!("FARGATE")),
        ("platformVersion", json!("1.4.0")),
        ("group", json!("family:web")),
        ("startedBy", json!("me")),
        ("cpu", json!("256")),
        ("memory", json!("512")),
        ("version", json!(1)),
        ("healthStatus", json!("UNKNOWN")),
        ("availabilityZone", json!("us-east-1a")),
        (
            "overrides",
            json!({"containerOverrides": [{"name": "app"}, {"name": "side"}], "inferenceAcceleratorOverrides": []}),
        ),
    ] {
        assert_eq!(task[name], want, "{name}");
    }
    assert!(task.get("networkConfiguration").is_none());
    let container = &task["containers"][0];
    assert_eq!((&container["lastStatus"], &container["cpu"]), (&json!("PENDING"), &json!("0")));
}

#[test]
fn a_running_and_a_stopped_task_are_described_by_the_model() {
    let mut stage = Stage::with_web();
    let arn = arns(&stage.ok("RunTask", run(json!({}))))[0].clone();
    let now = stage.now;
    stage.put_task(&arn, TaskStatus::Running, |task| {
        task.started_at = Some(now);
        task.connectivity_at = Some(now);
        task.containers[0].phase = crate::world::ContainerPhase::Running;
        task.containers[0].health.state = HealthState::Healthy;
        task.containers[0].image_digest = Some("sha256:1".into());
    });
    let describe = json!({"cluster": "main", "tasks": [arn, "missing"], "include": ["TAGS"]});
    let reply = stage.ok("DescribeTasks", describe.clone());
    let task = &reply["tasks"][0];
    assert_eq!(task["connectivity"], "CONNECTED");
    assert_eq!(task["attachments"][0]["details"][3]["value"], "ip-10-77-0-2.ec2.internal");
    assert_eq!(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"], "10.77.0.2");
    assert_eq!(reply["failures"][0]["reason"], "MISSING");
    assert_eq!(reply["failures"][0]["arn"], "arn:aws:ecs:us-east-1:123456789012:task/main/missing");
    stage.put_task(&arn, TaskStatus::Stopped, |task| {
        task.containers[0].exit_code = Some(137);
        task.containers[0].reason = Some("OutOfMemoryError: Container killed due to memory usage".into());
    });
    let reply = stage.ok("DescribeTasks", describe);
    assert_eq!(reply["tasks"][0]["containers"][0]["exitCode"], 137);
    assert_eq!(reply["tasks"][0]["attachments"][0]["status"], "DELETED");
}

#[test]
fn stopping_says_who_and_why_and_is_safe_to_repeat() {
    let mut stage = Stage::with_web();
    let arn = arns(&stage.ok("RunTask", run(json!({}))))[0].clone();
    let stop = |reason: Value| with(json!({"cluster": "main", "task": arn}), json!({"reason": reason}));
    let first = stage.ok("StopTask", stop(Value::Null))["task"].clone();
    assert_eq!(
        (&first["stopCode"], &first["stoppedReason"]),
        (&json!("UserInitiated"), &json!("Task stopped by user"))
    );
    assert_eq!(first["desiredStatus"], "STOPPED");
    let second = stage.ok("StopTask", stop(json!("again")))["task"].clone();
    assert_eq!(second["stoppedReason"], "Task stopped by user");
    stage.check(
        "StopTask",
        json!({"cluster": "main", "task": "nope"}),
        "InvalidParameterException: The referenced task was not found.",
    );
}

#[test]
fn a_client_token_runs_once() {
    let mut stage = Stage::with_web();
    let first = stage.ok("RunTask", run(json!({"clientToken": "t", "count": 2})));
    let second = stage.ok("RunTask", run(json!({"clientToken": "t", "count": 2})));
    let sorted = |reply| {
        let mut arns = arns(reply);
        arns.sort();
        arns
    };
    assert_eq!(sorted(&first), sorted(&second));
    assert_eq!(stage.world.tasks.len(), 2);
}

#[test]
fn tasks_are_listed_by_what_is_asked() {
    let mut stage = Stage::with_web();
    stage.ok("RegisterTaskDefinition", with(web(), json!({"family": "job"})));
    stage.ok("RunTask", run(json!({"count": 3})));
    stage.ok("RunTask", run(json!({"startedBy": "cron", "taskDefinition": "job", "count": 2})));
    stage.ok("RunTask", run(json!({"startedBy": "cron"})));
    let stopped = stage.world.tasks.keys().next().unwrap().clone();
    stage.ok("StopTask", json!({"cluster": "main", "task": stopped}));
    let family = stage.world.tasks[&stopped].family.clone();
    let by_cron = stage.world.tasks[&stopped].started_by.is_some();
    let mut count = |filter: Value| {
        let reply = stage.ok("ListTasks", with(json!({"cluster": "main"}), filter));
        reply["taskArns"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({})), 5);
    assert_eq!(count(json!({"desiredStatus": "STOPPED"})), 1);
    assert_eq!(count(json!({"desiredStatus": "PENDING"})), 0);
    assert_eq!(count(json!({"family": "job"})), if family == "job" { 1 } else { 2 });
    assert_eq!(count(json!({"startedBy": "cron"})), if by_cron { 2 } else { 3 });
    assert_eq!(count(json!({"startedBy": "cron", "family": "job"})), if family == "job" { 1 } else { 2 });
    assert_eq!(count(json!({"launchType": "EC2"})), 0);
    assert_eq!(count(json!({"family": "none"})), 0);
    stage.check(
        "ListTasks",
        json!({"cluster": "main", "serviceName": "none"}),
        "ServiceNotFoundException: Service not found.",
    );
    let (mut seen, mut token) = (0, Value::Null);
    loop {
        let page =
            stage.ok("ListTasks", with(json!({"cluster": "main", "maxResults": 2}), json!({"nextToken": token})));
        seen += page["taskArns"].as_array().unwrap().len();
        match page.get("nextToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen, 5);
    stage.apply(Change::ForgetTask(stopped));
    let reply = stage.ok("ListTasks", json!({"cluster": "main", "desiredStatus": "STOPPED"}));
    assert_eq!(reply, json!({"taskArns": []}));
}

#[test]
fn a_request_that_cannot_run_is_refused_in_ecs_words() {
    let mut stage = Stage::with_web();
    stage.ok(
        "RegisterTaskDefinition",
        json!({"family": "bridge",
        "containerDefinitions": [{"name": "a", "image": "i", "memory": 64}]}),
    );
    stage.ok(
        "RegisterTaskDefinition",
        json!({"family": "small", "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "a", "image": "i", "memory": 64}]}),
    );
    stage.ok("RegisterTaskDefinition", with(web(), json!({"family": "old"})));
    stage.ok("DeregisterTaskDefinition", json!({"taskDefinition": "old:1"}));
    let mut check = |members: Value, want: &str| stage.check("RunTask", run(members), want);
    check(json!({"taskDefinition": "none"}), "ClientException: TaskDefinition not found.");
    check(json!({"taskDefinition": "old:1"}), "InvalidParameterException: TaskDefinition is inactive");
    check(json!({"count": 11}), "InvalidParameterException: count must be between 1 and 10.");
    check(json!({"cluster": "none"}), "ClusterNotFoundException: Cluster not found.");
    check(
        json!({"networkConfiguration": null}),
        "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    );
    check(
        json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}),
        "InvalidParameterException: subnets can not be empty.",
    );
    check(
        json!({"taskDefinition": "bridge"}),
        "InvalidParameterException: networkMode bridge of task definition 'bridge' is not supported by this \
         platform: use awsvpc.",
    );
    check(
        json!({"taskDefinition": "small", "launchType": "FARGATE"}),
        "InvalidParameterException: Task definition does not support launch_type FARGATE.",
    );
    check(json!({"taskDefinition": "small"}), "");
    check(
        json!({"launchType": "EC2"}),
        "InvalidParameterException: No Container Instances were found in your cluster. This platform runs launchType \
         FARGATE only.",
    );
    check(json!({"platformVersion": "9.9.9"}), "PlatformUnknownException: The specified platform does not exist.");
    check(
        json!({"overrides": {"containerOverrides": [{"name": "x"}]}}),
        "InvalidParameterException: Override for container named x is not a container in the TaskDefinition.",
    );
    check(
        json!({"overrides": {"cpu": 256}}),
        "SerializationException: NUMBER_VALUE cannot be converted to String (overrides.cpu)",
    );
    check(
        json!({"launchType": "MOON"}),
        "InvalidParameterException: Launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]",
    );
    stage.check(
        "StartTask",
        json!({"cluster": "main", "taskDefinition": "web", "containerInstances": ["i"]}),
        "InvalidParameterException: StartTask needs container instances, and this platform has none: use RunTask with \
         launchType FARGATE.",
    );
}

#[test]
fn what_the_platform_cannot_do_is_refused_by_name() {
    let mut stage = Stage::with_web();
    let mut check = |task: Value, container: Value, field: &str| {
        let mut definition =
            with(web(), json!({"requiresCompatibilities": null, "executionRoleArn": "arn:aws:iam::1:role/r"}));
        definition = with(definition, task);
        definition["containerDefinitions"][0] = with(definition["containerDefinitions"][0].take(), container);
        stage.ok("RegisterTaskDefinition", definition);
        let (subject, note) = field.split_once(" (").unwrap_or((field, ""));
        let note = if note.is_empty() { String::new() } else { format!(": {}", note.trim_end_matches(')')) };
        let want = format!("InvalidParameterException: {subject} is not supported by this platform{note}.");
        stage.check("RunTask", run(json!({})), &want);
    };
    let container = |field: &str| format!("{field} of container 'app'");
    let none = || json!({});
    check(none(), json!({"privileged": true}), &container("privileged"));
    check(
        none(),
        json!({"environmentFiles": [{"type": "s3", "value": "arn"}]}),
        "environmentFiles of container 'app' (no S3 is served: write `environment`)",
    );
    check(none(), json!({"resourceRequirements": [{"type": "GPU", "value": "1"}]}), &container("resourceRequirements"));
    check(none(), json!({"firelensConfiguration": {"type": "fluentbit"}}), &container("firelensConfiguration"));
    check(
        none(),
        json!({"logConfiguration": {"logDriver": "fluentd"}}),
        "logConfiguration.logDriver fluentd of container 'app' (use awslogs)",
    );
    check(
        none(),
        json!({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r",
            "awslogs-stream": "mine"}}}),
        &container("logConfiguration.options.awslogs-stream"),
    );
    let volume = |config: Value| json!({"volumes": [with(json!({"name": "v"}), config)]});
    check(
        volume(json!({"efsVolumeConfiguration": {"fileSystemId": "fs-1"}})),
        none(),
        "efsVolumeConfiguration of volume 'v'",
    );
    check(volume(json!({"host": {"sourcePath": "/etc"}})), none(), "host.sourcePath of volume 'v'");
    check(
        json!({"runtimePlatform": {"cpuArchitecture": "ARM64"}}),
        none(),
        "runtimePlatform.cpuArchitecture ARM64 of task definition 'web' (this machine is X86_64)",
    );
    check(
        json!({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}),
        none(),
        "runtimePlatform.operatingSystemFamily WINDOWS_SERVER_2022_CORE of task definition 'web'",
    );
    // Nothing says FARGATE here, and what runs is what Fargate would run all the same.
    for name in ["ALL", "SYS_ADMIN"] {
        check(
            none(),
            json!({"linuxParameters": {"capabilities": {"add": [name]}}}),
            &format!("linuxParameters.capabilities.add {name} of container 'app' (only SYS_PTRACE can be added)"),
        );
    }
    check(
        none(),
        json!({"systemControls": [{"namespace": "kernel.core_pattern", "value": "|/x"}]}),
        &container("systemControls kernel.core_pattern"),
    );
    check(
        none(),
        json!({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["dev"]}]}}),
        &container("linuxParameters.tmpfs.mountOptions dev"),
    );
}

#[test]
fn a_service_is_not_moved_to_a_revision_that_asks_for_more_than_fargate_gives() {
    let mut stage = Stage::with_web();
    let service = |name: &str| {
        json!({"cluster": "main", "serviceName": name, "taskDefinition": "web", "desiredCount": 1,
        "networkConfiguration": network()})
    };
    stage.ok("CreateService", service("web"));
    let mut definition =
        with(web(), json!({"requiresCompatibilities": null, "executionRoleArn": "arn:aws:iam::1:role/r"}));
    definition["containerDefinitions"][0]["linuxParameters"] = json!({"capabilities": {"add": ["SYS_ADMIN"]}});
    stage.ok("RegisterTaskDefinition", definition);
    let want = "InvalidParameterException: linuxParameters.capabilities.add SYS_ADMIN of container 'app' is not \
         supported by this platform: only SYS_PTRACE can be added.";
    stage.check("CreateService", service("other"), want);
    // An update is held against the launch type that the service has, and refused before that.
    let want = "InvalidParameterException: Task definition does not support launch_type FARGATE.";
    stage.check("UpdateService", json!({"cluster": "main", "service": "web", "taskDefinition": "web"}), want);
}

#[test]
fn overrides_are_laid_over_the_definition() {
    let mut stage = Stage::with_web();
    let overrides = json!({"cpu": "1 vCPU", "memory": "2 GB", "containerOverrides": [{"name": "app", "command": ["migrate"],
        "environment": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}], "memory": 100}]});
    let reply = stage.ok("RunTask", run(json!({"overrides": overrides})));
    assert_eq!((&reply["tasks"][0]["cpu"], &reply["tasks"][0]["memory"]), (&json!("1024"), &json!("2048")));
    assert_eq!(reply["tasks"][0]["containers"][0]["memory"], "100");
    let task = stage.world.tasks.values().next().unwrap();
    let spec = &stage.world.revisions[&task.task_definition_arn].spec;
    let app = effective_container(spec, task, "app").unwrap();
    let environment: Vec<_> = app.environment.iter().map(|v| format!("{}={}", v.name, v.value)).collect();
    assert_eq!(environment, ["A=2", "B=3"]);
    assert_eq!(app.command, Some(vec!["migrate".to_owned()]));
    assert_eq!(app.memory, Some(100));
    assert_eq!(effective_container(spec, task, "side").unwrap().command, None);
    assert!(effective_container(spec, task, "none").is_none());
}

#[test]
fn the_storage_that_a_run_asks_for_is_what_its_task_may_fill() {
    let mut stage = Stage::with_web();
    let mut check = |definition: Value, overrides: Value, expected: Option<u64>| {
        stage.ok("RegisterTaskDefinition", with(web(), with(json!({"family": "s"}), definition)));
        let reply = stage.ok("RunTask", run(json!({"taskDefinition": "s", "overrides": overrides})));
        let task = &stage.world.tasks[reply["tasks"][0]["taskArn"].as_str().unwrap()];
        let spec = &stage.world.revisions[&task.task_definition_arn].spec;
        assert_eq!(crate::ecs::effective_storage(spec, task), expected);
    };
    let storage = |gib: u64| json!({"ephemeralStorage": {"sizeInGiB": gib}});
    check(json!({}), json!({}), None);
    check(storage(30), json!({}), Some(30));
    check(storage(30), storage(40), Some(40));
}

#[test]
fn a_field_of_a_request_that_nobody_knows_comes_back() {
    let mut stage = Stage::with_web();
    let reply = stage.answer("RunTask", run(json!({"sparkle": {"level": 11}}))).unwrap();
    assert_eq!(reply["tasks"][0]["sparkle"], json!({"level": 11}));
}

#[test]
fn a_clusters_default_strategy_names_the_provider() {
    let mut stage = Stage::with_web();
    stage.ok(
        "PutClusterCapacityProviders",
        json!({"cluster": "main", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
               "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}),
    );
    let reply = stage.ok("RunTask", run(json!({})));
    assert_eq!(reply["tasks"][0]["capacityProviderName"], "FARGATE_SPOT");
    let reply = stage.ok("RunTask", run(json!({"launchType": "FARGATE"})));
    assert!(reply["tasks"][0].get("capacityProviderName").is_none());
}

#[test]
fn what_run_task_cannot_have_is_refused() {
    let mut stage = Stage::with_web();
    let mut refused = |members: Value, words: &str| {
        let error = stage.call("RunTask", run(members.clone())).unwrap_err();
        assert!(error.starts_with("InvalidParameterException") && error.contains(words), "{members}: {error}");
    };
    refused(json!({"propagateTags": "SERVICE"}), "propagateTags SERVICE");
    refused(
        json!({"overrides": {"cpu": "512", "memory": "99"}}),
        "No Fargate configuration exists for given values: 512 CPU, 99 memory.",
    );
    refused(json!({"launchType": "FARGATE", "overrides": {"memory": "99"}}), "256 CPU, 99 memory.");
    stage.ok("RunTask", run(json!({"overrides": {"cpu": "512", "memory": "1024"}})));
}

#[test]
fn managed_tags_name_the_cluster_whoever_named_it() {
    let mut stage = Stage::with_web();
    stage.ok("CreateCluster", json!({"clusterName": "default"}));
    for (cluster, name) in [(json!({}), "main"), (json!({"cluster": null}), "default")] {
        let mut request = with(run(json!({"enableECSManagedTags": true})), cluster);
        if request["cluster"].is_null() {
            request.as_object_mut().unwrap().shift_remove("cluster");
        }
        let reply = stage.ok("RunTask", request);
        assert_eq!(reply["tasks"][0]["tags"], json!([{"key": "aws:ecs:clusterName", "value": name}]));
    }
}

#[test]
fn where_nothing_really_runs_every_architecture_does() {
    let mut stage = Stage::with_web();
    let arm = with(web(), json!({"family": "arm", "runtimePlatform": {"cpuArchitecture": "ARM64"}}));
    stage.ok("RegisterTaskDefinition", arm);
    let task = run(json!({"taskDefinition": "arm"}));
    assert!(stage.call("RunTask", task.clone()).unwrap_err().contains("cpuArchitecture ARM64"));
    stage.architecture = None;
    stage.ok("RunTask", task);
}
