//! Tasks as on Fargate, for real: each test is a task definition of shell scripts and what ECS says of it.

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, until};
use serde_json::{Value, json};

struct Bench {
    platform: Platform,
    image: String,
}

impl Bench {
    async fn new() -> Self {
        let platform = Platform::start().await;
        let image = push_busybox(&platform, "tools").await;
        platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
        Self { platform, image }
    }

    /// Registers containers as `family`; each is `{"name", "script", ...}`.
    async fn register(&self, family: &str, containers: Value, more: Value) {
        let mut definitions = containers.as_array().expect("a list of containers").clone();
        for definition in &mut definitions {
            let members = definition.as_object_mut().expect("a container");
            if let Some(script) = members.remove("script") {
                members.insert("command".into(), json!(["sh", "-c", script]));
            }
            members.insert("image".into(), self.image.clone().into());
            let log = json!({"logDriver": "awslogs", "options": {
                "awslogs-group": "/e2e", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t", "awslogs-create-group": "true",
            }});
            members.entry("logConfiguration").or_insert(log);
        }
        let mut input = json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution", "containerDefinitions": definitions,
        });
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            input[name] = value;
        }
        self.platform.call(&aws::ECS, "RegisterTaskDefinition", input).await;
    }

    async fn start(&self, family: &str) -> String {
        let run = json!({
            "cluster": "c", "taskDefinition": family, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let answer = self.platform.call(&aws::ECS, "RunTask", run).await;
        aws::items(&answer, "tasks")[0]["taskArn"].as_str().expect("a task has an ARN").to_owned()
    }

    async fn describe(&self, arn: &str) -> Value {
        let answer = self.platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
        aws::items(&answer, "tasks")[0].clone()
    }

    async fn reaches(&self, arn: &str, status: &str) -> Value {
        until(&format!("{arn} is {status}"), &self.platform, || async {
            let task = self.describe(arn).await;
            assert!(status == "STOPPED" || task["lastStatus"] != "STOPPED", "stopped early: {task:#}");
            (task["lastStatus"] == status).then_some(task)
        })
        .await
    }

    /// Runs a task to its end.
    async fn run(&self, family: &str, containers: Value, more: Value) -> Value {
        self.register(family, containers, more).await;
        let arn = self.start(family).await;
        self.reaches(&arn, "STOPPED").await
    }

    async fn output(&self, task: &Value, container: &str) -> String {
        let id = task["taskArn"].as_str().and_then(|a| a.rsplit('/').next()).expect("a task has an ARN");
        let input =
            json!({"logGroupName": "/e2e", "logStreamName": format!("t/{container}/{id}"), "startFromHead": true});
        let answer = self.platform.call(&aws::LOGS, "GetLogEvents", input).await;
        let lines = aws::items(&answer, "events").iter().filter_map(|e| e["message"].as_str());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn container<'a>(task: &'a Value, name: &str) -> &'a Value {
    let containers = task["containers"].as_array().expect("a task has containers");
    containers.iter().find(|c| c["name"] == name).expect("the container is in the task")
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_behave_as_on_fargate() {
    testhost::needs_root!();
    let bench = Bench::new().await;
    exit_codes_and_output(&bench).await;
    containers_share_an_address_and_volumes_and_wait_for_each_other(&bench).await;
    a_failed_dependency_is_a_failed_start(&bench).await;
    memory_is_enforced_and_named(&bench).await;
    a_stop_is_asked_then_forced(&bench).await;
    settings_reach_the_process(&bench).await;
    the_metadata_endpoint_tells_who_and_where(&bench).await;
    secrets_are_given_and_missing_ones_named(&bench).await;
    what_cannot_start_says_why(&bench).await;
    health_is_checked(&bench).await;
}

async fn exit_codes_and_output(bench: &Bench) {
    let script = "echo out; echo err >&2; printf 'no newline'; exit 42";
    let task = bench.run("exit", json!([{"name": "a", "script": script}]), json!({})).await;
    assert_eq!(container(&task, "a")["exitCode"], 42, "{task:#}");
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    let mut lines: Vec<String> = bench.output(&task, "a").await.lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["err", "no newline", "out"]);
    for stamp in
        ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"]
    {
        assert!(task[stamp].is_number(), "{stamp} in {task:#}");
    }
}

async fn containers_share_an_address_and_volumes_and_wait_for_each_other(bench: &Bench) {
    let containers = json!([
        {"name": "client", "script": "cat /shared/config && wget -qO- http://127.0.0.1:8000/",
         "dependsOn": [{"containerName": "config", "condition": "SUCCESS"}, {"containerName": "server", "condition": "HEALTHY"}],
         "mountPoints": [{"sourceVolume": "v", "containerPath": "/shared", "readOnly": true}]},
        {"name": "config", "essential": false, "script": "echo configured > /data/config",
         "mountPoints": [{"sourceVolume": "v", "containerPath": "/data"}]},
        {"name": "server", "essential": false, "script": "sleep 1; exec httpd -f -p 8000 -h /www",
         "healthCheck": {"command": ["CMD-SHELL", "wget -qO- http://127.0.0.1:8000/ || exit 1"], "interval": 5, "retries": 3}},
    ]);
    let task = bench.run("together", containers, json!({"volumes": [{"name": "v"}]})).await;
    assert_eq!(bench.output(&task, "client").await, "configured\nhello", "{task:#}");
    assert_eq!(container(&task, "client")["exitCode"], 0);
    assert_eq!(container(&task, "config")["exitCode"], 0);
}

async fn a_failed_dependency_is_a_failed_start(bench: &Bench) {
    let containers = json!([
        {"name": "app", "script": "echo never", "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}]},
        {"name": "init", "essential": false, "script": "exit 3"},
    ]);
    let task = bench.run("dependency", containers, json!({})).await;
    assert_eq!(task["stopCode"], "TaskFailedToStart", "{task:#}");
    assert!(container(&task, "app").get("exitCode").is_none());
}

async fn memory_is_enforced_and_named(bench: &Bench) {
    // A variable that doubles until it cannot.
    let hungry = json!([{"name": "a", "memory": 32, "script": "x=0123456789abcdef; while :; do x=$x$x; done"}]);
    let task = bench.run("memory", hungry, json!({})).await;
    let a = container(&task, "a");
    assert!(a["reason"].as_str().unwrap_or_default().starts_with("OutOfMemoryError"), "{task:#}");
}

async fn a_stop_is_asked_then_forced(bench: &Bench) {
    let polite = json!([{"name": "a", "stopTimeout": 20, "script": "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.1; done"}]);
    bench.register("polite", polite, json!({})).await;
    let arn = bench.start("polite").await;
    let task = bench.reaches(&arn, "RUNNING").await;
    until("it is ready", &bench.platform, || async { bench.output(&task, "a").await.contains("ready").then_some(()) })
        .await;
    bench.platform.call(&aws::ECS, "StopTask", json!({"cluster": "c", "task": arn, "reason": "enough"})).await;
    let task = bench.reaches(&arn, "STOPPED").await;
    assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("UserInitiated"), &json!("enough")));
    assert_eq!(container(&task, "a")["exitCode"], 7);

    let deaf = json!([{"name": "a", "stopTimeout": 2, "script": "trap '' TERM; while :; do sleep 0.1; done"}]);
    bench.register("deaf", deaf, json!({})).await;
    let arn = bench.start("deaf").await;
    bench.reaches(&arn, "RUNNING").await;
    bench.platform.call(&aws::ECS, "StopTask", json!({"cluster": "c", "task": arn})).await;
    let task = bench.reaches(&arn, "STOPPED").await;
    assert_eq!(container(&task, "a")["exitCode"], 137);
    assert_eq!(task["stoppedReason"], "Task stopped by user");
}

async fn settings_reach_the_process(bench: &Bench) {
    let containers = json!([{
        "name": "a", "user": "web", "workingDirectory": "/tmp", "readonlyRootFilesystem": true,
        "environment": [{"name": "GREETING", "value": "hi there"}],
        "linuxParameters": {"initProcessEnabled": true, "tmpfs": [{"containerPath": "/scratch", "size": 16}]},
        "ulimits": [{"name": "nofile", "softLimit": 512, "hardLimit": 1024}],
        "script": "id -u; pwd; echo $GREETING; ulimit -n; touch /tmp/x 2>/dev/null || echo read-only; touch /scratch/x && echo scratch",
    }]);
    let task = bench.run("settings", containers, json!({})).await;
    assert_eq!(bench.output(&task, "a").await, "101\n/tmp\nhi there\n512\nread-only\nscratch", "{task:#}");
}

async fn the_metadata_endpoint_tells_who_and_where(bench: &Bench) {
    let containers = json!([{"name": "a", "script": "wget -qO- $ECS_CONTAINER_METADATA_URI_V4/task; echo; wget -qO- $ECS_CONTAINER_METADATA_URI_V4/stats"}]);
    let task = bench.run("metadata", containers, json!({})).await;
    let output = bench.output(&task, "a").await;
    let mut lines = output.lines();
    let said: Value =
        serde_json::from_str(lines.next().unwrap_or_default()).unwrap_or_else(|e| panic!("{e}: {output}"));
    assert_eq!(said["TaskARN"], task["taskArn"]);
    assert_eq!(said["Family"], "metadata");
    assert_eq!(said["Containers"][0]["Name"], "a");
    let stats: Value =
        serde_json::from_str(lines.next().unwrap_or_default()).unwrap_or_else(|e| panic!("{e}: {output}"));
    assert!(stats["memory_stats"]["usage"].as_u64().unwrap_or(0) > 0, "{stats:#}");
}

async fn secrets_are_given_and_missing_ones_named(bench: &Bench) {
    let made = json!({"Name": "app/local", "SecretString": "{\"KEY\":\"s3cret\",\"OTHER\":\"x\"}"});
    let arn =
        bench.platform.call(&aws::SECRETS, "CreateSecret", made).await["ARN"].as_str().expect("an ARN").to_owned();
    let with = |value: String| json!([{"name": "a", "secrets": [{"name": "KEY", "valueFrom": value}], "script": "echo ${#KEY}"}]);
    let task = bench.run("secret", with(format!("{arn}:KEY::")), json!({})).await;
    assert_eq!(bench.output(&task, "a").await, "6", "{task:#}");
    let task = bench.run("no-secret", with(format!("{arn}:NOPE::")), json!({})).await;
    let reason = task["stoppedReason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("ResourceInitializationError: unable to pull secrets"), "{reason}");
    assert!(reason.contains("NOPE"), "{reason}");
    assert_eq!(task["stopCode"], "TaskFailedToStart");

    // The same from Parameter Store: by ARN, and by name in the task's region.
    let put = json!({"Name": "/app/local/KEY", "Value": "s3cret!", "Type": "SecureString"});
    bench.platform.call(&aws::SSM, "PutParameter", put).await;
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/app/local/KEY";
    for from in [arn, "/app/local/KEY"] {
        let task = bench.run("parameter", with(from.to_owned()), json!({})).await;
        assert_eq!(bench.output(&task, "a").await, "7", "{task:#}");
    }
    let task = bench.run("no-parameter", with("/app/local/NOPE".to_owned()), json!({})).await;
    let reason = task["stoppedReason"].as_str().unwrap_or_default();
    let words = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm \
                 parameters: /app/local/NOPE";
    assert!(reason.starts_with(words), "{reason}");
    for file in [bench.platform.dir.path().join("platform.log"), bench.platform.data().join("managr.db")] {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(6).any(|w| w == b"s3cret"), "a secret's value is in {}", file.display());
    }
}

async fn what_cannot_start_says_why(bench: &Bench) {
    let task = bench.run("no-command", json!([{"name": "a", "command": ["/no/such/program"]}]), json!({})).await;
    assert_eq!(task["stopCode"], "TaskFailedToStart", "{task:#}");
    let reason = container(&task, "a")["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("/no/such/program"), "{reason}");

    let lost = json!({
        "family": "no-image", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [{"name": "a", "image": format!("127.0.0.1:{}/tools:9", bench.platform.port)}],
    });
    bench.platform.call(&aws::ECS, "RegisterTaskDefinition", lost).await;
    let arn = bench.start("no-image").await;
    let task = bench.reaches(&arn, "STOPPED").await;
    let reason = task["stoppedReason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
    assert!(reason.contains("tools:9"), "{reason}");
}

async fn health_is_checked(bench: &Bench) {
    let check = |command: &str| json!({"command": ["CMD-SHELL", command], "interval": 5, "timeout": 2, "retries": 1});
    let containers = json!([{"name": "a", "script": "sleep 60", "stopTimeout": 2, "healthCheck": check("exit 0")}]);
    bench.register("well", containers, json!({})).await;
    let arn = bench.start("well").await;
    until("it is healthy", &bench.platform, || async {
        (bench.describe(&arn).await["healthStatus"] == "HEALTHY").then_some(())
    })
    .await;
    bench.platform.call(&aws::ECS, "StopTask", json!({"cluster": "c", "task": arn})).await;
    let containers = json!([{"name": "a", "script": "sleep 60", "stopTimeout": 2, "healthCheck": check("exit 1")}]);
    bench.register("ill", containers, json!({})).await;
    let arn = bench.start("ill").await;
    until("it is unhealthy", &bench.platform, || async {
        (bench.describe(&arn).await["healthStatus"] == "UNHEALTHY").then_some(())
    })
    .await;
    bench.platform.call(&aws::ECS, "StopTask", json!({"cluster": "c", "task": arn})).await;
}
