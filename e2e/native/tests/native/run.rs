//! `managr run` against real containers: whose exit code, whose output, and what is left behind.

use std::time::Instant;

use e2e_native::app::App;
use e2e_native::image::push_busybox;
use e2e_native::platform::{PATIENCE, Platform, free_port, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// A service whose main container waits for another one to end, with a third beside them.
const MANIFEST: &str = r#"app = "demo"

[variables]
COLOUR = "green"

[services.web.containers.init]
image = "IMAGE"
command = ["true"]

[services.web.containers.web]
image = "IMAGE"
command = ["sleep", "6000"]
depends-on = { init = "success" }

[services.web.containers.side]
image = "IMAGE"
command = ["sleep", "6001"]
"#;

async fn released() -> App {
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    let manifest = platform.dir.path().join("managr.toml");
    std::fs::write(manifest, MANIFEST.replace("IMAGE", &image)).expect("the test's directory is writable");
    let app = App { platform, port: free_port() };
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_once_as_it_would_here() {
    testhost::needs_root!();
    let app = released().await;
    the_exit_code_is_the_commands(&app);
    its_settings_are_the_services(&app);
    no_line_of_its_output_is_lost(&app);
    what_cannot_run_says_why(&app);
    the_others_end_with_it(&app).await;
    a_killed_container_is_no_hang(&app);
    ctrl_c_stops_the_task(&app).await;
    its_time_can_be_limited(&app).await;
    detached_it_goes_on(&app).await;
    a_timeline_has_every_side(&app);
    a_second_ctrl_c_leaves(&app);
}

/// Both follow through the platform's restart: a run keeps its exit code, logs lose no line.
#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_restarts_is_waited_for() {
    testhost::needs_root!();
    let mut app = released().await;
    let script = "echo before; while [ ! -e /tmp/go ]; do sleep 0.27139; done; echo after; exit 7";
    let mut run = app.begin(&["run", "local", "--", "sh", "-c", script]);
    run.says("running");
    let inside = parent("sleep\u{0}0.27139\u{0}");
    let mut logs = app.begin(&["logs", "local", "web", "-f"]);
    logs.prints("before");
    let root = format!("/proc/{inside}/root/tmp/go");
    app.platform.kill();
    logs.says("waiting for it");
    run.says("trying again");
    std::fs::write(root, "").expect("the container's directory is writable");
    app.platform.launch().await;
    let run = run.end();
    assert_eq!((run.code, run.out.as_str()), (Some(7), "before\nafter\n"), "{run:#?}\n{}", app.platform.log());
    let shown = app.managr(&["logs", "local", "web"]);
    assert_eq!(shown.out, "before\nafter\n");
    let logs = logs.interrupt().end();
    assert_eq!((logs.code, logs.err.matches("waiting for it").count()), (Some(130), 1), "{logs:#?}");
    assert!(logs.out.starts_with("before\n"), "{logs:#?}");
}

/// Returns the parent of a process that runs this command, which lives as long as its script does. The process itself may
/// end before it is asked: then its successor is.
fn parent(command: &str) -> Pid {
    let began = Instant::now();
    loop {
        let pid = process(command);
        if let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            let after = status.rsplit(") ").next().expect("its name is in brackets");
            return Pid::from_raw(after.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("it has a parent"));
        }
        assert!(began.elapsed() < PATIENCE, "`{command}` always ends before it is asked");
    }
}

fn a_timeline_has_every_side(app: &App) {
    let run = app.managr(&["logs", "local", "--timeline", "--json"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let all: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for kind in ["release", "deployment", "service", "task", "log"] {
        assert!(all.iter().any(|moment| moment["kind"] == kind), "no {kind} in {}", run.out);
    }
    let at = |message: &str| all.iter().position(|m| m["message"].as_str().is_some_and(|text| text == message));
    let bye = at("bye").unwrap_or_else(|| panic!("no line of the interrupted run in {}", run.out));
    let task = &all[bye]["task"];
    let of_task = |word: &str| {
        let is = |m: &Value| m["task"] == *task && m["message"].as_str().is_some_and(|text| text.starts_with(word));
        all.iter().position(is).unwrap_or_else(|| panic!("`{word}` is missing"))
    };
    assert!(of_task("created for ") < bye && bye < of_task("stopped: "), "{}", run.out);
    let words = app.managr(&["logs", "local", "web", "--grep", "^by", "-n", "1"]);
    assert_eq!(words.out, "bye\n");
}

fn the_exit_code_is_the_commands(app: &App) {
    let run = app.managr(&["run", "local", "--", "false"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:#?}");
    let run = app.managr(&["run", "local", "--", "sh", "-c", "echo a; exit 3"]);
    assert_eq!((run.code, run.out.as_str()), (Some(3), "a\n"), "{run:#?}");
    assert_eq!(app.managr(&["run", "local", "--", "true"]).code, Some(0));
}

fn its_settings_are_the_services(app: &App) {
    let echo = "echo $COLOUR $SHADE";
    let run = app.managr(&["run", "local", "--env", "SHADE=dark", "--", "sh", "-c", echo]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "green dark\n"), "{run:#?}");
}

fn no_line_of_its_output_is_lost(app: &App) {
    let script = "i=0; while [ $i -lt 12000 ]; do echo $i; i=$((i+1)); done";
    let run = app.managr(&["run", "local", "--", "sh", "-c", script]);
    let wanted: Vec<String> = (0..12_000).map(|line| line.to_string()).collect();
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.out.lines().eq(wanted.iter().map(String::as_str)), "{} lines", run.out.lines().count());
}

fn what_cannot_run_says_why(app: &App) {
    let run = app.managr(&["run", "local", "--", "/no/such/program"]);
    assert_eq!(run.code, Some(255), "{run:#?}");
    assert!(run.err.contains("/no/such/program"), "{run:#?}");
}

async fn the_others_end_with_it(app: &App) {
    let run = app.managr(&["run", "local", "--whole", "--", "sh", "-c", "exit 4"]);
    assert_eq!(run.code, Some(4), "{run:#?}");
    only_the_services_task_is_left(app).await;
    // Its end does not end the task: it is not essential.
    let run = app.managr(&["run", "local", "--whole", "--container", "init", "--", "sh", "-c", "exit 5"]);
    assert_eq!(run.code, Some(5), "{run:#?}");
    only_the_services_task_is_left(app).await;
}

async fn only_the_services_task_is_left(app: &App) {
    until("the one-off tasks are gone", &app.platform, || async { (running(app).await.len() == 1).then_some(()) })
        .await;
}

async fn running(app: &App) -> Vec<Value> {
    of(app, "RUNNING").await
}

async fn of(app: &App, desired: &str) -> Vec<Value> {
    let input = json!({ "cluster": "demo-cluster", "desiredStatus": desired });
    let arns = app.platform.call(&aws::ECS, "ListTasks", input).await["taskArns"].clone();
    if arns.as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    let input = json!({ "cluster": "demo-cluster", "tasks": arns });
    aws::items(&app.platform.call(&aws::ECS, "DescribeTasks", input).await, "tasks").to_vec()
}

fn a_killed_container_is_no_hang(app: &App) {
    let mut going = app.begin(&["run", "local", "--", "sleep", "73137"]);
    going.says("running");
    kill(process("sleep\u{0}73137\u{0}"), Signal::SIGKILL).expect("a process can be killed");
    let run = going.end();
    assert_eq!(run.code, Some(137), "{run:#?}");
    assert!(run.err.contains("was killed (SIGKILL)"), "{run:#?}");
}

/// Returns the process with this command line.
fn process(command: &str) -> Pid {
    let began = Instant::now();
    loop {
        for entry in std::fs::read_dir("/proc").expect("there are processes").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if std::fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line == command) {
                return Pid::from_raw(pid);
            }
        }
        assert!(began.elapsed() < PATIENCE, "no process `{command}`");
    }
}

async fn ctrl_c_stops_the_task(app: &App) {
    let script = "trap 'echo bye; exit 0' TERM; while :; do sleep 1.73139; done";
    let going = app.begin(&["run", "local", "--", "sh", "-c", script]);
    // By then its trap for SIGTERM is set.
    process("sleep\u{0}1.73139\u{0}");
    let run = going.interrupt().end();
    assert_eq!((run.code, run.out.as_str()), (Some(130), "bye\n"), "{run:#?}");
    let reasons: Vec<Value> = of(app, "STOPPED").await.iter().map(|task| task["stoppedReason"].clone()).collect();
    assert!(reasons.contains(&json!("managr run: interrupted")), "{reasons:?}");
    only_the_services_task_is_left(app).await;
}

async fn its_time_can_be_limited(app: &App) {
    let script = "trap 'exit 0' TERM; while :; do sleep 0.5; done";
    let run = app.managr(&["run", "local", "--timeout", "1s", "--", "sh", "-c", script]);
    assert_eq!(run.code, Some(4), "{run:#?}");
    only_the_services_task_is_left(app).await;
}

async fn detached_it_goes_on(app: &App) {
    let run = app.managr(&["run", "local", "--detach", "--", "sleep", "73138"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let id = run.out.trim();
    let found =
        running(app).await.into_iter().find(|task| task["taskArn"].as_str().is_some_and(|arn| arn.ends_with(id)));
    let task = found.unwrap_or_else(|| panic!("no task {id}"));
    let names: Vec<&str> =
        aws::items(task.as_object().expect("a task"), "containers").iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, ["init", "web"], "what it depends on, and nothing else");
}

fn a_second_ctrl_c_leaves(app: &App) {
    let going = app.begin(&["run", "local", "--", "sh", "-c", "trap '' TERM; while :; do sleep 1.73140; done"]);
    process("sleep\u{0}1.73140\u{0}");
    let mut going = going.interrupt();
    going.says("stopping task");
    let run = going.interrupt().end();
    assert_eq!(run.code, Some(130), "{run:#?}");
    assert!(run.err.contains("aws ecs stop-task --cluster demo-cluster --task "), "{run:#?}");
}
