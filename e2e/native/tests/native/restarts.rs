//! `restartPolicy`, for real: containers that are started again in their tasks, and containers that are not.
//!
//! The shortest period that ECS takes is a minute, so all that can be seen of it runs side by side.

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, until};
use serde_json::{Value, json};

/// Runs for a minute and a little before it ends, and says so half way: no wait is longer than a minute.
const A_MINUTE: &str = "sleep 35; echo half; sleep 28";

struct Bench {
    platform: Platform,
    image: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_restarted_as_their_policies_say() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let mut bench = Bench { platform, image };
    let policy = json!({"enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 60});
    let again = format!(
        "echo x >> /own; echo x >> /shared/all; n=$(wc -l < /own); echo start $n of $(wc -l < /shared/all) \
         $(wget -qO- $ECS_CONTAINER_METADATA_URI_V4 | head -c 9000 | /bin/busybox grep -o '\"RestartCount\":[0-9]*'); \
         [ $n = 2 ] && exec sleep 6005; {A_MINUTE}; exit 3"
    );
    let restarted = json!([
        {"name": "app", "script": again, "restartPolicy": policy,
         "mountPoints": [{"sourceVolume": "v", "containerPath": "/shared"}]},
        {"name": "side", "script": "exec sleep 6005"},
    ]);
    let ignored = json!([
        {"name": "app", "script": format!("{A_MINUTE}; exit 0"), "restartPolicy": policy, "essential": false},
        {"name": "side", "script": "exec sleep 6005"},
    ]);
    let too_soon = json!([{"name": "app", "script": "exit 4", "restartPolicy": policy}]);
    let restarted = bench.run("restarted", restarted).await;
    let ignored = bench.run("ignored", ignored).await;
    let too_soon = bench.run("too-soon", too_soon).await;

    let task = bench.reaches(&too_soon, "STOPPED").await;
    assert_eq!(task["stopCode"], "EssentialContainerExited", "{task:#}");
    assert_eq!(container(&task, "app")["exitCode"], 4);

    let before = bench.reaches(&restarted, "RUNNING").await;
    for arn in [&restarted, &ignored] {
        bench.prints(arn, "app", "half").await;
    }
    // The platform that runs when it ends reports the same.
    bench.platform.kill();
    bench.platform.launch().await;
    bench.prints(&restarted, "app", "start 2").await;
    let task = bench.describe(&restarted).await;
    assert_eq!(task["lastStatus"], "RUNNING", "{task:#}");
    assert_eq!(task["startedAt"], before["startedAt"], "it is the same task");
    let app = container(&task, "app");
    assert_eq!((&app["lastStatus"], &app["exitCode"]), (&json!("RUNNING"), &Value::Null), "{app:#}");
    assert_eq!(app["runtimeId"], container(&before, "app")["runtimeId"]);
    let output = bench.output(&restarted, "app").await;
    assert_eq!(output, "start 1 of 1 \"RestartCount\":0\nhalf\nstart 2 of 2 \"RestartCount\":1");

    let ended = until("what was to end has ended", &bench.platform, || async {
        let task = bench.describe(&ignored).await;
        (container(&task, "app")["lastStatus"] == "STOPPED").then_some(task)
    })
    .await;
    assert_eq!((&ended["lastStatus"], &container(&ended, "app")["exitCode"]), (&json!("RUNNING"), &json!(0)));

    bench.platform.call(&aws::ECS, "StopTask", json!({"cluster": "c", "task": restarted})).await;
    let task = bench.reaches(&restarted, "STOPPED").await;
    assert_eq!(task["stopCode"], "UserInitiated", "{task:#}");
}

impl Bench {
    /// Runs a task of these containers, each `{"name", "script", ...}`, and returns its ARN.
    async fn run(&self, family: &str, mut containers: Value) -> String {
        let log = json!({"logDriver": "awslogs", "options": {
            "awslogs-group": "/e2e", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t",
            "awslogs-create-group": "true",
        }});
        for container in containers.as_array_mut().expect("a list of containers") {
            container["command"] = json!(["sh", "-c", container["script"]]);
            container.as_object_mut().expect("a container").remove("script");
            container["image"] = self.image.clone().into();
            container["stopTimeout"] = 2.into();
            container["logConfiguration"] = log.clone();
        }
        let definition = json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "containerDefinitions": containers, "volumes": [{"name": "v"}],
        });
        self.platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
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
            (task["lastStatus"] == status).then_some(task)
        })
        .await
    }

    async fn prints(&self, arn: &str, container: &str, words: &str) {
        let what = format!("{container} of {arn} prints `{words}`");
        until(&what, &self.platform, || async { self.output(arn, container).await.contains(words).then_some(()) })
            .await;
    }

    async fn output(&self, arn: &str, container: &str) -> String {
        let id = arn.rsplit('/').next().expect("an ARN has an id");
        let input =
            json!({"logGroupName": "/e2e", "logStreamName": format!("t/{container}/{id}"), "startFromHead": true});
        // The stream is not there before its first line.
        let Ok(answer) = self.platform.try_call(&aws::LOGS, "GetLogEvents", input).await else { return String::new() };
        let lines = aws::items(&answer, "events").iter().filter_map(|e| e["message"].as_str());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn container<'a>(task: &'a Value, name: &str) -> &'a Value {
    let containers = task["containers"].as_array().expect("a task has containers");
    containers.iter().find(|c| c["name"] == name).expect("the container is in the task")
}
