//! Runs of a schedule that overlap, and one that takes too long, in real containers: the gate that `managr deploy` puts
//! into their task asks the platform from inside, and stops what must not run.

use std::process::Command;

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, binary, until};
use serde_json::{Value, json};

const CLUSTER: &str = "shop-cluster";

/// Tells whether ECS can be reached from a container that is none of managr's own.
const QUICK: &str = "echo ecs=$AWS_ENDPOINT_URL_ECS; \
                     wget -qO- --post-data x http://169.254.170.2/ecs/${ECS_CONTAINER_METADATA_URI_V4##*/}/ \
                     || echo refused; echo done";

/// A stage with four schedules that only the test fires.
struct Bench {
    platform: Platform,
}

impl Bench {
    async fn new() -> Self {
        let platform = Platform::start().await;
        let image = push_busybox(&platform, "tools").await;
        let schedule = |name: &str, words: &str, script: &str| {
            format!(
                "[schedules.{name}]\nschedule = \"rate(1 day)\"\nenabled = false\nimage = \"{image}\"\n{words}\n\
                 command = [\"sh\", \"-c\", \"{script}\"]\n\n"
            )
        };
        let slow = "trap 'sleep 2; exit 0' TERM; echo at work; while :; do sleep 0.1; done";
        let text = [
            "app = \"shop\"\n\n".to_owned(),
            schedule("skip", "overlap = \"skip\"\ntimeout = \"1h\"", slow),
            schedule("replace", "overlap = \"replace\"", slow),
            schedule("late", "timeout = \"2s\"", "trap 'exit 0' TERM; while :; do sleep 0.1; done"),
            schedule("quick", "overlap = \"skip\"\ntimeout = \"1h\"", QUICK),
            "[stages.test]\nsubnets = [\"subnet-1\"]\n".to_owned(),
        ];
        std::fs::write(platform.dir.path().join("managr.toml"), text.concat()).expect("the directory is writable");
        let deploy = Command::new(binary())
            .args(["deploy", "test", "--yes"])
            .current_dir(platform.dir.path())
            .env("MANAGR_ENDPOINT", platform.endpoint())
            .output()
            .expect("the binary runs");
        assert!(deploy.status.success(), "{}\n{}", String::from_utf8_lossy(&deploy.stderr), platform.log());
        Self { platform }
    }

    /// Starts a run of a schedule, as its rule would.
    async fn run(&self, schedule: &str) -> String {
        let run = json!({
            "cluster": CLUSTER, "taskDefinition": format!("shop-{schedule}-task-test"), "launchType": "FARGATE",
            "startedBy": format!("events-rule/shop-{schedule}"),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let answer = self.platform.call(&aws::ECS, "RunTask", run).await;
        aws::items(&answer, "tasks")[0]["taskArn"].as_str().expect("a task has an ARN").to_owned()
    }

    async fn described(&self, task: &str) -> Value {
        let answer = self.platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": CLUSTER, "tasks": [task]})).await;
        aws::items(&answer, "tasks")[0].clone()
    }

    async fn stopped(&self, task: &str) -> Value {
        until(&format!("{task} has stopped"), &self.platform, || async {
            let described = self.described(task).await;
            (described["lastStatus"] == "STOPPED").then_some(described)
        })
        .await
    }

    /// Waits until the schedule's own container of a run is at work.
    async fn works(&self, schedule: &str, task: &str) {
        until(&format!("{task} is at work"), &self.platform, || async {
            let described = self.described(task).await;
            assert_ne!(described["lastStatus"], "STOPPED", "{described:#}\n{}", self.words(schedule, task).await);
            self.said(schedule, schedule, task).await.contains("at work").then_some(())
        })
        .await;
    }

    async fn said(&self, schedule: &str, container: &str, task: &str) -> String {
        let stream = format!("{schedule}/{container}/{}", id(task));
        let input = json!({"logGroupName": "/shop/test", "logStreamName": stream, "startFromHead": true});
        let Ok(answer) = self.platform.try_call(&aws::LOGS, "GetLogEvents", input).await else { return String::new() };
        let lines = aws::items(&answer, "events").iter().filter_map(|event| event["message"].as_str());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Returns what the containers of managr's own said.
    async fn words(&self, schedule: &str, task: &str) -> String {
        let gate = self.said(schedule, "managr-gate", task).await;
        format!("gate: {gate}\nwatch: {}", self.said(schedule, "managr-watch", task).await)
    }
}

fn id(arn: &str) -> &str {
    arn.rsplit('/').next().expect("a text has an end")
}

fn container<'a>(task: &'a Value, name: &str) -> &'a Value {
    let containers = task["containers"].as_array().expect("a task has containers");
    containers.iter().find(|c| c["name"] == name).expect("the container is in the task")
}

/// Its containers have stopped; what is left of it may still be cleared away.
fn has_ended(task: &Value) -> bool {
    ["DEPROVISIONING", "STOPPED"].iter().any(|status| task["lastStatus"] == *status)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_overlap_and_runs_that_take_too_long() {
    testhost::needs_root!();
    let bench = Bench::new().await;
    a_quick_run_ends_as_if_nothing_were_beside_it(&bench).await;
    the_second_is_skipped_and_the_first_goes_on(&bench).await;
    the_second_replaces_the_first(&bench).await;
    what_takes_too_long_is_stopped(&bench).await;
}

async fn a_quick_run_ends_as_if_nothing_were_beside_it(bench: &Bench) {
    let run = bench.run("quick").await;
    let task = bench.stopped(&run).await;
    let words = bench.words("quick", &run).await;
    assert_eq!(task["stopCode"], "EssentialContainerExited", "{task:#}\n{words}");
    for name in ["quick", "managr-gate", "managr-watch"] {
        assert_eq!(container(&task, name)["exitCode"], 0, "{task:#}\n{words}");
    }
    let said = bench.said("quick", "quick", &run).await;
    for line in ["ecs=", "refused", "done"] {
        assert!(said.lines().any(|said| said == line), "no `{line}` in {said}");
    }
}

async fn the_second_is_skipped_and_the_first_goes_on(bench: &Bench) {
    let first = bench.run("skip").await;
    bench.works("skip", &first).await;
    let second = bench.run("skip").await;
    let task = bench.stopped(&second).await;
    let reason = format!("skipped (overlap): task {} still runs", id(&first));
    let words = bench.words("skip", &second).await;
    assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("UserInitiated"), &json!(reason)), "{words}");
    assert!(container(&task, "skip").get("exitCode").is_none(), "it never began: {task:#}");
    assert_eq!(bench.described(&first).await["desiredStatus"], "RUNNING");

    // One that comes while the first still ends is not lost, and waits for its end.
    bench.platform.call(&aws::ECS, "StopTask", json!({"cluster": CLUSTER, "task": first})).await;
    let third = bench.run("skip").await;
    bench.works("skip", &third).await;
    assert!(has_ended(&bench.described(&first).await));
}

async fn the_second_replaces_the_first(bench: &Bench) {
    let first = bench.run("replace").await;
    bench.works("replace", &first).await;
    let second = bench.run("replace").await;
    bench.works("replace", &second).await;
    let task = bench.described(&first).await;
    let reason = format!("replaced (overlap): task {} has begun", id(&second));
    assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("UserInitiated"), &json!(reason)), "{task:#}");
    assert!(has_ended(&task) && container(&task, "replace")["exitCode"] == 0, "{task:#}");
}

async fn what_takes_too_long_is_stopped(bench: &Bench) {
    let run = bench.run("late").await;
    let task = bench.stopped(&run).await;
    let words = bench.words("late", &run).await;
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("UserInitiated"), &json!("timeout of 2s")),
        "{words}"
    );
    assert_eq!(container(&task, "late")["exitCode"], 0, "{task:#}");
}
