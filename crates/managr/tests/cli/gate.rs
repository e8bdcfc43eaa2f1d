//! Runs that overlap: what `managr gate` asks ECS and does, and how its image comes into a registry.
//!
//! ECS is a simulated platform; the task metadata endpoint is a listener of the test's own. Real containers:
//! `e2e/native/tests/native/overlap.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use aws::{ECR, ECS};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::deploy::well;
use crate::sandbox::{MANIFEST, Sandbox};
use crate::verify::call;

/// Answers GET as the metadata endpoint of a task does, and refuses every POST as IAM would.
fn endpoint(task: &str) -> String {
    endpoint_that(task, || {})
}

/// The same; `asked` is called before a POST is answered.
fn endpoint_that(task: &str, asked: impl Fn() + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let known = json!({ "Cluster": "c", "TaskARN": task, "Family": "tick" }).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|stream| serve(stream, &known, &asked));
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, known: &str, asked: &impl Fn()) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length, mut line) = (String::new(), 0, String::new());
    reader.read_line(&mut first)?;
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    if !first.starts_with("GET ") {
        asked();
    }
    let (status, body) = match first.starts_with("GET ") {
        true => ("200 OK", known.to_owned()),
        false => (
            "400 Bad Request",
            json!({"__type": "AccessDeniedException", "message": "User is not authorized"}).to_string(),
        ),
    };
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

struct Bench {
    sandbox: Sandbox,
    _platform: crate::sandbox::Platform,
}

impl Bench {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let platform = sandbox.platform();
        let task = json!({
            "family": "tick", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "tick", "image": "busybox:1.36"}],
        });
        let mut other = task.clone();
        other["family"] = "other".into();
        call(
            &sandbox,
            &[
                (&ECS, "CreateCluster", json!({"clusterName": "c"})),
                (&ECS, "RegisterTaskDefinition", task),
                (&ECS, "RegisterTaskDefinition", other),
            ],
        );
        Self { sandbox, _platform: platform }
    }

    /// Starts a task and returns its ARN.
    fn task(&self, family: &str) -> String {
        let run = json!({
            "cluster": "c", "taskDefinition": family, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        call(&self.sandbox, &[(&ECS, "RunTask", run)])[0]["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
    }

    fn described(&self, task: &str) -> Value {
        call(&self.sandbox, &[(&ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [task]}))])[0]["tasks"][0].clone()
    }

    /// Starts the program as a container of a task.
    fn begin(&self, task: &str, words: &[&str], ecs: Option<&str>) -> Child {
        let denied = ecs.map(|_| endpoint(task));
        self.begin_with(task, words, denied.as_deref().unwrap_or(&self.sandbox.endpoint()))
    }

    /// The same, with ECS at an address.
    fn begin_with(&self, task: &str, words: &[&str], ecs: &str) -> Child {
        let mut command = self.sandbox.command(&[&["gate"], words].concat());
        command.env_remove("MANAGR_ENDPOINT").env("ECS_CONTAINER_METADATA_URI_V4", endpoint(task));
        command.env("AWS_ENDPOINT_URL_ECS", ecs);
        command.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until ECS wants a task stopped, and signals the container, as ECS does.
    fn stopped(&self, task: &str, child: Child) -> (Value, Option<i32>) {
        let since = Instant::now();
        let told = loop {
            let told = self.described(task);
            if told["desiredStatus"] == "STOPPED" {
                break told;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{told:#}");
        };
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        (told, child.wait_with_output().unwrap().status.code())
    }
}

/// Waits until a process hears SIGTERM: before that it would end without a word.
fn listens(child: &Child) {
    let since = Instant::now();
    let heard = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim().to_owned();
        u64::from_str_radix(&caught, 16).unwrap_or(0) & (1 << 14) != 0
    };
    while !heard() {
        assert!(since.elapsed() < Duration::from_secs(30), "it does not listen");
    }
}

fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}

#[test]
fn a_second_run_is_stopped_with_words_and_the_first_goes_on() {
    let bench = Bench::new();
    let (_other, first, second) = (bench.task("other"), bench.task("tick"), bench.task("tick"));
    let child = bench.begin(&second, &["--overlap", "skip"], None);
    let (told, code) = bench.stopped(&second, child);
    let reason = format!("skipped (overlap): task {} still runs", id(&first));
    assert_eq!((&told["stopCode"], &told["stoppedReason"]), (&json!("UserInitiated"), &json!(reason)));
    assert_ne!(code, Some(0), "a container that waits for its success must not start");
    let run = bench.begin(&first, &["--overlap", "skip"], None).wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert_eq!(bench.described(&first)["desiredStatus"], "RUNNING");
}

#[test]
fn a_newer_run_stops_those_before_it_and_no_others() {
    let bench = Bench::new();
    let (other, first, second) = (bench.task("other"), bench.task("tick"), bench.task("tick"));
    let run = bench.begin(&second, &["--overlap", "replace"], None).wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let told = bench.described(&first);
    let reason = format!("replaced (overlap): task {} has begun", id(&second));
    // It went on only once that one had ended.
    assert_eq!((&told["lastStatus"], &told["stoppedReason"]), (&json!("STOPPED"), &json!(reason)));
    for left in [&other, &second] {
        assert_eq!(bench.described(left)["desiredStatus"], "RUNNING");
    }
}

#[test]
fn a_task_is_stopped_when_its_time_is_over_and_not_before() {
    let bench = Bench::new();
    let task = bench.task("tick");
    let child = bench.begin(&task, &["--timeout", "1s"], None);
    let (told, code) = bench.stopped(&task, child);
    assert_eq!((&told["stopCode"], &told["stoppedReason"]), (&json!("UserInitiated"), &json!("timeout of 1s")));
    assert_eq!(code, Some(4));
    // One whose containers end by themselves ends with them.
    let task = bench.task("tick");
    let child = bench.begin(&task, &["--timeout", "1h"], None);
    listens(&child);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_time_that_is_over_is_over_though_ecs_signals_before_it_answers() {
    let bench = Bench::new();
    let task = bench.task("tick");
    let (tell, known) = std::sync::mpsc::channel::<Pid>();
    let ecs = endpoint_that(&task, move || {
        let pid = known.recv().unwrap();
        kill(pid, Signal::SIGTERM).unwrap();
        let since = Instant::now();
        while pending(pid) && since.elapsed() < Duration::from_secs(30) {}
    });
    let child = bench.begin_with(&task, &["--timeout", "1s"], &ecs);
    tell.send(Pid::from_raw(child.id().cast_signed())).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(4));
}

/// Returns whether SIGTERM was sent to a process and has not reached it.
fn pending(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap_or("0").trim().to_owned();
    u64::from_str_radix(&mask, 16).unwrap_or(0) & (1 << 14) != 0
}

#[test]
fn a_role_that_may_not_ask_is_told_what_it_needs() {
    let bench = Bench::new();
    let task = bench.task("tick");
    let gate = bench.begin(&task, &["--overlap", "skip"], Some("denied")).wait_with_output().unwrap();
    let words = String::from_utf8(gate.stderr).unwrap();
    assert_eq!(gate.status.code(), Some(1), "{words}");
    for part in [
        "may not call ListTasks",
        "ecs:ListTasks, ecs:DescribeTasks, ecs:StopTask",
        "\"ecs:cluster\":\"arn:aws:ecs:us-east-1:",
        "User is not authorized",
    ] {
        assert!(words.contains(part), "no `{part}` in {words}");
    }
    // The watch ends all the same: it is essential, and its end is the task's.
    let watch = bench.begin(&task, &["--timeout", "1s"], Some("denied")).wait_with_output().unwrap();
    assert_eq!(watch.status.code(), Some(4));
    assert_eq!(bench.described(&task)["desiredStatus"], "RUNNING");
}

#[test]
fn outside_of_a_task_it_says_so() {
    let run = Sandbox::new().run(&["gate", "--overlap", "skip"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("ECS_CONTAINER_METADATA_URI_V4 is not set"), "{}", run.err);
}

#[test]
fn the_image_of_a_gate_is_pushed_once_and_only_where_a_schedule_needs_it() {
    let schedule = "\n[schedules.tick]\nschedule = \"rate(1 hour)\"\nimage = \"busybox:1.36\"\n";
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{schedule}"));
    let _platform = sandbox.platform();
    well(&sandbox, &["up", "--detach"]);
    assert_eq!(call(&sandbox, &[(&ECR, "DescribeRepositories", json!({}))])[0]["repositories"], json!([]));

    sandbox.write("managr.toml", &format!("{MANIFEST}{schedule}overlap = \"skip\"\ntimeout = \"1h\"\n"));
    let plan = sandbox.run(&["plan", "local"]);
    assert!(
        plan.out.contains("+ image demo/gate:managr-gate-") && plan.out.contains("1 to push"),
        "{}",
        plan.transcript()
    );
    // Without a build tool: the program carries itself.
    let up = sandbox.told(sandbox.command(&["up", "--detach"]).env("PATH", "/nowhere").output().unwrap());
    assert_eq!(up.code, Some(0), "{}", up.transcript());
    let images = call(&sandbox, &[(&ECR, "DescribeImages", json!({"repositoryName": "demo/gate"}))]);
    let images = images[0]["imageDetails"].as_array().unwrap();
    let tag = images[0]["imageTags"][0].as_str().unwrap();
    assert!(images.len() == 1 && tag.starts_with("managr-gate-"), "{images:?}");
    let rendered: Value = serde_json::from_str(&sandbox.run(&["taskdef", "render", "local", "tick"]).out).unwrap();
    let containers = rendered["containerDefinitions"].as_array().unwrap();
    let digest = images[0]["imageDigest"].as_str().unwrap();
    for container in &containers[1..] {
        assert!(container["image"].as_str().unwrap().ends_with(&format!("/demo/gate@{digest}")), "{container:#}");
    }
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(0));

    // Where nothing really runs, the run ends as its own container does.
    let run = sandbox.run(&["schedules", "run", "local", "tick"]);
    assert_eq!(run.code, Some(0), "{}", run.transcript());
}
