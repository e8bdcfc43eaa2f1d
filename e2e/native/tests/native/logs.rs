//! `managr logs` of real containers: what is merged, what is chosen, and a platform that goes away while it is followed.

use e2e_native::app::App;
use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, free_port, until};
use serde_json::{Value, json};

/// A container that counts for ever, a task a number each, and one that speaks once.
const MANIFEST: &str = r#"app = "demo"

[services.web.containers.web]
image = "IMAGE"
command = ["sh", "-c", "i=0; while :; do echo count $i; i=$((i+1)); sleep 0.05; done"]

[services.web.containers.side]
image = "IMAGE"
command = ["sh", "-c", "echo first; echo second; echo third; exec sleep 6002"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_merged_chosen_and_followed() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    let manifest = platform.dir.path().join("managr.toml");
    std::fs::write(manifest, MANIFEST.replace("IMAGE", &image)).expect("the test's directory is writable");
    let mut app = App { platform, port: free_port() };
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    until("both containers spoke", &app.platform, || async {
        let run = app.managr(&["logs"]);
        (run.out.contains("third") && run.out.contains("count 20")).then_some(())
    })
    .await;

    lines_are_chosen(&app);
    the_timeline_has_lines_between_states(&app);
    nothing_is_lost_or_told_twice_when_the_platform_is_killed(&mut app).await;
    the_last_words_of_a_task_that_stopped_are_there(&app).await;
}

fn lines_are_chosen(app: &App) {
    assert_eq!(app.managr(&["logs", "side"]).out, "first\nsecond\nthird\n");
    assert_eq!(app.managr(&["logs", "local", "side", "--grep", "^[ft].*(st|rd)$"]).out, "first\nthird\n");
    assert_eq!(app.managr(&["logs", "local", "side", "-n", "1"]).out, "third\n");
    assert_eq!(app.managr(&["logs", "--task", "no-such-task"]).out, "");
    assert_eq!(app.managr(&["logs", "--until", "1d"]).out, "");
    let merged = app.managr(&["logs", "--json"]).out;
    let lines: Vec<Value> = merged.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.is_sorted_by_key(|line| line["at"].as_i64()), "{merged}");
    let of = |name: &str| lines.iter().filter(|line| line["container"] == name).count();
    assert!(of("side") == 3 && of("web") > 20, "{merged}");
}

fn the_timeline_has_lines_between_states(app: &App) {
    let told = app.managr(&["logs", "side", "--timeline"]).out;
    let place = |words: &str| told.find(words).unwrap_or_else(|| panic!("no `{words}`:\n{told}"));
    assert!(place("created for ecs-svc/") < place("side  first"), "{told}");
    assert!(place("side  first") < place("side  third"), "{told}");
}

/// Containers go on while no platform is there, and what they print meanwhile is read by the next one.
async fn nothing_is_lost_or_told_twice_when_the_platform_is_killed(app: &mut App) {
    let mut going = app.begin(&["logs", "web", "-f"]);
    going.prints("count 0");
    app.platform.kill();
    going.says("waiting for it to come back");
    app.platform.launch().await;
    let after = until("it counts on", &app.platform, || async {
        let last = app.managr(&["logs", "web", "-n", "1"]).out;
        last.trim().strip_prefix("count ").and_then(|number| number.parse::<usize>().ok())
    })
    .await;
    // It waits for a few seconds before it asks again.
    going.prints(&format!("count {after}"));
    let run = going.interrupt().end();
    assert_eq!(run.code, Some(130), "{}", run.err);
    let told: Vec<&str> = run.out.lines().collect();
    assert!(told.len() > after, "{} lines, and {after} were there before", told.len());
    let expected: Vec<String> = (0..told.len()).map(|number| format!("count {number}")).collect();
    let differs = told.iter().zip(&expected).find(|(told, expected)| told != expected);
    assert_eq!(differs, None);
}

async fn the_last_words_of_a_task_that_stopped_are_there(app: &App) {
    assert_eq!(app.managr(&["scale", "local", "web", "0"]).code, Some(0));
    until("the task has stopped", &app.platform, || async {
        (app.managr(&["logs", "side", "--previous"]).out == "first\nsecond\nthird\n").then_some(())
    })
    .await;
}

/// Containers of one task that print at once, and never again.
const CHOIR: [&str; 3] = ["alto", "bass", "tenor"];
/// How many tasks of them: each is a chance to miss a container's last words.
const CHOIRS: usize = 8;
/// How many lines each prints.
const VERSES: usize = 40;

/// Each container's last notice comes while the others' output is still being read. What was passed by then would
/// wait for the container to print again, which none of these does.
#[tokio::test(flavor = "multi_thread")]
async fn containers_that_print_at_once_are_all_heard() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let log = json!({"logDriver": "awslogs", "options": {
        "awslogs-group": "/e2e", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t", "awslogs-create-group": "true",
    }});
    // Who opens a pipe waits for its other end: all three sing as the conductor lets go of theirs.
    let sing = |name: &str| {
        format!(
            "p=/hall/{name}; [ -p $p ] || /bin/busybox mkfifo $p; read go < $p; \
             i=0; while [ $i -lt {VERSES} ]; do echo {name} $i; i=$((i+1)); done; exec sleep 6003"
        )
    };
    let conduct = CHOIR.map(|name| format!("[ -p /hall/{name} ] || /bin/busybox mkfifo /hall/{name}")).join("; ");
    let conduct = format!(
        "{conduct}; exec 4>/hall/alto 5>/hall/bass 6>/hall/tenor; echo >&4; echo >&5; echo >&6; exec sleep 6003"
    );
    let part = |name: &str, script: String| {
        json!({
            "name": name, "image": image, "command": ["sh", "-c", script], "logConfiguration": log, "stopTimeout": 2,
            "mountPoints": [{"sourceVolume": "hall", "containerPath": "/hall"}],
        })
    };
    let mut parts: Vec<Value> = CHOIR.iter().map(|name| part(name, sing(name))).collect();
    parts.push(part("conductor", conduct));
    let definition = json!({
        "family": "choir", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution", "containerDefinitions": parts,
        "volumes": [{"name": "hall"}],
    });
    platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
    let run = json!({
        "cluster": "c", "taskDefinition": "choir", "launchType": "FARGATE", "count": CHOIRS,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    let answer = platform.call(&aws::ECS, "RunTask", run).await;
    for task in aws::items(&answer, "tasks") {
        let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("a task has an ARN");
        for name in CHOIR {
            let expected: Vec<String> = (0..VERSES).map(|number| format!("{name} {number}")).collect();
            let input =
                json!({"logGroupName": "/e2e", "logStreamName": format!("t/{name}/{id}"), "startFromHead": true});
            until(&format!("all of {name} in {id} is heard"), &platform, || async {
                // The stream is not there before its first line.
                let page = platform.try_call(&aws::LOGS, "GetLogEvents", input.clone()).await.ok()?;
                let heard = aws::items(&page, "events").iter().filter_map(|e| e["message"].as_str());
                heard.eq(expected.iter()).then_some(())
            })
            .await;
        }
    }
}

/// A trace is one event, and its last line is logged though nothing comes behind it.
#[tokio::test(flavor = "multi_thread")]
async fn lines_that_belong_together_are_one_event() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let container = |name: &str, option: (&str, &str), script: &str| {
        json!({
            "name": name, "image": image, "command": ["sh", "-c", script], "stopTimeout": 2,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/e2e", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t",
                "awslogs-create-group": "true", option.0: option.1,
            }},
        })
    };
    let script = "echo '2026-11-30 10:26:00 up'; echo '2026-11-30 10:26:01 failed'; echo '  at a'; sleep 1; echo '  at b'; \
                  exec sleep 6006";
    let parts = [
        container("waits", ("awslogs-datetime-format", "%Y-%m-%d %H:%M:%S"), script),
        container("ends", ("awslogs-multiline-pattern", "^[^ ]"), "echo a; echo '  b'; sleep 2"),
        container("broken", ("awslogs-multiline-pattern", "("), "echo never"),
    ];
    let run = |family: &'static str, containers: Vec<Value>| {
        let definition = json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution", "containerDefinitions": containers,
        });
        let request = json!({
            "cluster": "c", "taskDefinition": family, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let platform = &platform;
        async move {
            platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
            let answer = platform.call(&aws::ECS, "RunTask", request).await;
            aws::items(&answer, "tasks")[0]["taskArn"].as_str().expect("a task has an ARN").to_owned()
        }
    };
    let [waits, ends, broken] = parts;
    for (family, part, expected) in [
        ("ends", ends, vec!["a\n  b\n"]),
        ("waits", waits, vec!["2026-11-30 10:26:00 up\n", "2026-11-30 10:26:01 failed\n  at a\n  at b\n"]),
    ] {
        let arn = run(family, vec![part]).await;
        let id = arn.rsplit('/').next().expect("an ARN has an id");
        let input = json!({"logGroupName": "/e2e", "logStreamName": format!("t/{family}/{id}"), "startFromHead": true});
        until(&format!("the events of {family} are there"), &platform, || async {
            let page = platform.try_call(&aws::LOGS, "GetLogEvents", input.clone()).await.ok()?;
            let told = aws::items(&page, "events").iter().filter_map(|e| e["message"].as_str());
            told.eq(expected.iter().copied()).then_some(())
        })
        .await;
    }
    let arn = run("broken", vec![broken]).await;
    let task = until("it has stopped", &platform, || async {
        let answer = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
        let task = aws::items(&answer, "tasks")[0].clone();
        (task["lastStatus"] == "STOPPED").then_some(task)
    })
    .await;
    let reason = task["stoppedReason"].as_str().unwrap_or_default();
    let words = "ResourceInitializationError: failed to validate logger args: awslogs-multiline-pattern is not";
    assert!(reason.starts_with(words), "{reason}");
}
