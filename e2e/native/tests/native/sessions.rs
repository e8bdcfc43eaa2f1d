//! Sessions into real containers: commands, ports, and every way in which one ends.

use std::time::{Duration, Instant};

use aws::{Client, Options};
use e2e_native::image::push_busybox;
use e2e_native::platform::{PATIENCE, Platform, until};
use serde_json::{Value, json};
use session::client::{self, Dial, DialError, Dialled, Event, Forward};
use session::reach::BoxFuture;
use session::{Size, client_socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// `Sec-WebSocket-Key` of these tests; what it is for is tested elsewhere.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// How long a platform waits for a client that is gone (`session::agent::Times`).
const RESUME: Duration = Duration::from_secs(15);

struct Bench {
    platform: Platform,
    image: String,
}

/// A session that was handed out.
#[derive(Clone)]
struct Ticket {
    id: String,
    url: String,
    token: String,
}

/// Connects to a session once; whether it may come back is others' business.
struct Once {
    client: Client,
    ticket: Option<Ticket>,
}

impl Dial for Once {
    fn dial(&mut self, _: bool) -> BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(async {
            let Some(Ticket { url, token, .. }) = self.ticket.take() else { return Ok(Dialled::Over) };
            let broken = |error: aws::CallError| DialError {
                message: error.to_string(),
                is_final: true,
                source: Some(Box::new(error)),
            };
            let upgraded = self.client.upgrade(&url, KEY).await.map_err(broken)?;
            Ok(Dialled::Connected { socket: client_socket(Box::new(upgraded.stream)).await, token })
        })
    }
}

impl Bench {
    /// Starts a platform with a task definition `web` of a server that only its own network reaches.
    async fn new() -> Self {
        let platform = Platform::start().await;
        let image = push_busybox(&platform, "tools").await;
        let bench = Self { platform, image };
        bench.ecs("CreateCluster", json!({"clusterName": "c"})).await;
        let app = json!({
            "name": "app", "image": bench.image, "stopTimeout": 2, "user": "web", "linuxParameters": {"initProcessEnabled": true},
            "command": ["sh", "-c", "trap '' TERM; httpd -p 127.0.0.1:8000 -h /www; while :; do sleep 1; done"],
        });
        let definition = json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution", "containerDefinitions": [app],
        });
        bench.ecs("RegisterTaskDefinition", definition).await;
        bench
    }

    async fn ecs(&self, operation: &str, input: Value) -> Value {
        Value::Object(self.platform.call(&aws::ECS, operation, input).await)
    }

    /// Starts a task and waits until it runs.
    async fn task(&self, enabled: bool) -> Value {
        let run = json!({
            "cluster": "c", "taskDefinition": "web", "launchType": "FARGATE", "enableExecuteCommand": enabled,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let arn = self.ecs("RunTask", run).await["tasks"][0]["taskArn"].clone();
        until("the task runs", &self.platform, || async {
            let answer = self.ecs("DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
            (answer["tasks"][0]["lastStatus"] == "RUNNING").then(|| answer["tasks"][0].clone())
        })
        .await
    }

    async fn execute(&self, task: &Value, command: &str) -> Ticket {
        let input = json!({"cluster": "c", "task": task["taskArn"], "command": command, "interactive": true});
        let answer = self.ecs("ExecuteCommand", input).await;
        let text = |name: &str| answer["session"][name].as_str().expect("a session has it").to_owned();
        Ticket { id: text("sessionId"), url: text("streamUrl"), token: text("tokenValue") }
    }

    async fn port(&self, task: &Value, port: u16) -> Ticket {
        let input = json!({
            "Target": target(task), "DocumentName": "AWS-StartPortForwardingSession",
            "Parameters": {"portNumber": [port.to_string()]},
        });
        let answer = self.platform.call(&aws::SSM, "StartSession", input).await;
        let text = |name: &str| answer[name].as_str().expect("a session has it").to_owned();
        Ticket { id: text("SessionId"), url: text("StreamUrl"), token: text("TokenValue") }
    }

    fn connect(&self, ticket: &Ticket) -> client::Session {
        let client = Client::new(Options::local(self.platform.endpoint(), "us-east-1")).expect("a client");
        client::start(Once { client, ticket: Some(ticket.clone()) }, client::Options::new())
    }

    /// Returns how Systems Manager says that a session stands.
    async fn status(&self, ticket: &Ticket) -> String {
        for state in ["Active", "History"] {
            let filter = json!([{"key": "SessionId", "value": ticket.id}]);
            let input = json!({"State": state, "Filters": filter});
            let answer = self.platform.call(&aws::SSM, "DescribeSessions", input).await;
            if let Some(row) = aws::items(&answer, "Sessions").first() {
                return row["Status"].as_str().unwrap_or_default().to_owned();
            }
        }
        "Unknown".to_owned()
    }

    async fn has_status(&self, ticket: &Ticket, status: &str) {
        until(&format!("the session is {status}"), &self.platform, || async {
            (self.status(ticket).await == status).then_some(())
        })
        .await;
    }

    async fn process_is(&self, words: &str, there: bool) {
        until(&format!("`{words}` runs: {there}"), &self.platform, || async { (runs(words) == there).then_some(()) })
            .await;
    }
}

fn target(task: &Value) -> String {
    let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("a task has an ARN");
    format!("ecs:c_{id}_{}", task["containers"][0]["runtimeId"].as_str().expect("a container has a runtime id"))
}

/// Whether a process with exactly these words is on this machine.
fn runs(words: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("there are processes");
    entries.flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line: Vec<&[u8]> = line.split(|b| *b == 0).filter(|word| !word.is_empty()).collect();
        line == words.split(' ').map(str::as_bytes).collect::<Vec<_>>()
    })
}

async fn next(session: &mut client::Session) -> Event {
    let event = tokio::time::timeout(PATIENCE, session.events.recv()).await;
    event.expect("something happens in time").expect("the last event says so")
}

async fn ready(session: &mut client::Session) -> client::Greeting {
    match next(session).await {
        Event::Ready(greeting) => greeting,
        other => panic!("{other:?}"),
    }
}

/// Reads output until it has `words`.
async fn says(session: &mut client::Session, words: &str) {
    let mut said = String::new();
    while !said.contains(words) {
        match next(session).await {
            Event::Output(bytes) => said.push_str(&String::from_utf8_lossy(&bytes)),
            other => panic!("{other:?} before `{words}`, after `{said}`"),
        }
    }
}

/// Reads to the end, and returns all output and the last words.
async fn to_the_end(session: &mut client::Session) -> (String, String) {
    let mut said = String::new();
    loop {
        match next(session).await {
            Event::Output(bytes) => said.push_str(&String::from_utf8_lossy(&bytes)),
            Event::Closed(words) => return (said, words),
            other => panic!("{other:?} after `{said}`"),
        }
    }
}

async fn types(session: &client::Session, keys: &str) {
    session.input.send(keys.as_bytes().to_vec().into()).await.expect("the session is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_ports_of_containers_are_reached() {
    testhost::needs_root!();
    let bench = Bench::new().await;
    let task = bench.task(true).await;
    assert_eq!(task["containers"][0]["managedAgents"][0]["name"], "ExecuteCommandAgent", "{task:#}");
    assert_eq!(task["containers"][0]["managedAgents"][0]["lastStatus"], "RUNNING", "{task:#}");
    a_command_runs_to_its_end(&bench, &task).await;
    a_shell_has_a_terminal(&bench, &task).await;
    a_command_that_is_not_there_says_so(&bench, &task).await;
    a_port_is_reached_as_the_container_reaches_it(&bench, &task).await;
    a_token_is_used_once(&bench, &task).await;
    a_task_that_was_started_without_it_is_not_reached(&bench).await;
}

async fn a_command_runs_to_its_end(bench: &Bench, task: &Value) {
    let ticket = bench.execute(task, "sh -c 'echo $((6 * 7)) by $(id -u); exit 3'").await;
    let mut session = bench.connect(&ticket);
    assert!(!ready(&mut session).await.is_port());
    let (said, words) = to_the_end(&mut session).await;
    // Root, no matter which user the container has.
    assert_eq!((said.trim_end(), words.as_str()), ("42 by 0", ""));
    bench.has_status(&ticket, "Terminated").await;
}

async fn a_shell_has_a_terminal(bench: &Bench, task: &Value) {
    let ticket = bench.execute(task, "/bin/sh").await;
    let mut session = bench.connect(&ticket);
    ready(&mut session).await;
    session.input.resize(Size { cols: 101, rows: 33 }).await.expect("the session is open");
    types(&session, "echo one$((1 + 1))\n").await;
    says(&mut session, "one2").await;
    types(&session, "busybox stty size\n").await;
    says(&mut session, "33 101").await;
    types(&session, "sleep 4001\n").await;
    bench.process_is("sleep 4001", true).await;
    types(&session, "\x03").await;
    bench.process_is("sleep 4001", false).await;
    types(&session, "exit\n").await;
    to_the_end(&mut session).await;
}

async fn a_command_that_is_not_there_says_so(bench: &Bench, task: &Value) {
    let mut session = bench.connect(&bench.execute(task, "/bin/bash").await);
    ready(&mut session).await;
    let (_, words) = to_the_end(&mut session).await;
    assert!(words.contains("Unable to start command") && words.contains("/bin/bash"), "{words}");
}

async fn a_port_is_reached_as_the_container_reaches_it(bench: &Bench, task: &Value) {
    let mut session = bench.connect(&bench.port(task, 8000).await);
    let greeting = ready(&mut session).await;
    assert!(greeting.is_multiplexed(), "{greeting:?}");
    let forward = Forward::over(session, &greeting);
    let pages = (0..20).map(|_| {
        let forward = forward.clone();
        tokio::spawn(async move {
            let mut connection = forward.connect().await.expect("a connection");
            let request = b"GET /index.html HTTP/1.0\r\n\r\n";
            connection.write_all(request).await.expect("it takes a request");
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.expect("it answers");
            answer
        })
    });
    for page in pages.collect::<Vec<_>>() {
        let page = page.await.expect("no panic");
        assert!(page.starts_with("HTTP/1.0 200 OK") || page.starts_with("HTTP/1.1 200 OK"), "{page}");
        assert!(page.ends_with("hello\n"), "{page}");
    }
}

async fn a_token_is_used_once(bench: &Bench, task: &Value) {
    let ticket = bench.execute(task, "cat").await;
    let mut first = bench.connect(&ticket);
    ready(&mut first).await;
    let mut second = bench.connect(&ticket);
    loop {
        match next(&mut second).await {
            Event::Interrupted => {}
            Event::Lost(_) => break,
            other => panic!("{other:?}"),
        }
    }
    types(&first, "still here\n").await;
    says(&mut first, "still here").await;
    bench.platform.call(&aws::SSM, "TerminateSession", json!({"SessionId": ticket.id})).await;
    to_the_end(&mut first).await;
}

async fn a_task_that_was_started_without_it_is_not_reached(bench: &Bench) {
    let task = bench.task(false).await;
    let input = json!({"cluster": "c", "task": task["taskArn"], "command": "sh", "interactive": true});
    let refused = bench.platform.try_call(&aws::ECS, "ExecuteCommand", input).await.expect_err("it is not enabled");
    assert!(refused.is("InvalidParameterException"), "{refused}");
    let start = json!({"Target": target(&task)});
    let refused = bench.platform.try_call(&aws::SSM, "StartSession", start).await.expect_err("it is not enabled");
    assert!(refused.is("TargetNotConnected"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_with_their_client_their_container_and_their_platform() {
    testhost::needs_root!();
    let mut bench = Bench::new().await;
    let task = bench.task(true).await;

    // The client: dropped without a word, as when it is killed.
    let ticket = bench.execute(&task, "sleep 4002").await;
    let mut session = bench.connect(&ticket);
    ready(&mut session).await;
    bench.process_is("sleep 4002", true).await;
    drop(session);
    let gone = Instant::now();
    bench.has_status(&ticket, "Disconnected").await;
    assert!(runs("sleep 4002"), "it may come back");
    bench.process_is("sleep 4002", false).await;
    assert!(gone.elapsed() >= RESUME - Duration::from_secs(1), "{:?}", gone.elapsed());
    bench.has_status(&ticket, "Terminated").await;

    // The container.
    let mut port = bench.connect(&bench.port(&task, 8000).await);
    ready(&mut port).await;
    let mut shell = bench.connect(&bench.execute(&task, "sleep 4003").await);
    ready(&mut shell).await;
    bench.process_is("sleep 4003", true).await;
    bench.ecs("StopTask", json!({"cluster": "c", "task": task["taskArn"]})).await;
    assert_eq!(to_the_end(&mut port).await.1, "container app stopped (exit code 137)");
    to_the_end(&mut shell).await;
    bench.process_is("sleep 4003", false).await;

    // The platform: told to end, it tells.
    let task = bench.task(true).await;
    let mut port = bench.connect(&bench.port(&task, 8000).await);
    ready(&mut port).await;
    let mut shell = bench.connect(&bench.execute(&task, "sleep 4004").await);
    ready(&mut shell).await;
    bench.process_is("sleep 4004", true).await;
    let began = Instant::now();
    bench.platform.stop();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(to_the_end(&mut port).await.1, "the platform was stopped");
    assert_eq!(to_the_end(&mut shell).await.1, "the platform was stopped");
    bench.process_is("sleep 4004", false).await;

    // Killed, it says nothing; its sessions' processes go all the same, and its task stays.
    bench.platform.launch().await;
    let mut shell = bench.connect(&bench.execute(&task, "sleep 4005").await);
    ready(&mut shell).await;
    bench.process_is("sleep 4005", true).await;
    bench.platform.kill();
    bench.process_is("sleep 4005", false).await;
    bench.platform.launch().await;
    let mut again = bench.connect(&bench.execute(&task, "echo back").await);
    ready(&mut again).await;
    assert_eq!(to_the_end(&mut again).await.0.trim_end(), "back");
}

/// A platform's open files, and its memory in kB.
fn weight(platform: &Platform) -> (usize, u64) {
    let proc = std::path::PathBuf::from(format!("/proc/{}", platform.pid()));
    let files = std::fs::read_dir(proc.join("fd")).expect("the platform runs").count();
    let status = std::fs::read_to_string(proc.join("status")).expect("the platform runs");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse().ok());
    (files, memory.expect("a process has memory"))
}

/// Opens a session and leaves it, in the way that its number says.
async fn come_and_go(bench: &Bench, task: &Value, number: usize) {
    if number % 7 == 6 {
        let mut port = bench.connect(&bench.port(task, 8000).await);
        let greeting = ready(&mut port).await;
        let mut connection = Forward::over(port, &greeting).connect().await.expect("a connection");
        connection.write_all(b"GET /").await.expect("it takes half a request");
        return; // and is dropped, with all its connections
    }
    let ticket = bench.execute(task, if number.is_multiple_of(7) { "echo done" } else { "sleep 4010" }).await;
    if number % 7 == 1 {
        let ended = json!({"SessionId": ticket.id}); // no client ever connected
        bench.platform.call(&aws::SSM, "TerminateSession", ended).await;
        return;
    }
    let mut session = bench.connect(&ticket);
    match number % 7 {
        2 => return, // dropped while it connects
        3 => {
            let wrong = Ticket { token: "0".repeat(64), ..ticket.clone() };
            drop(bench.connect(&wrong));
        }
        _ => {}
    }
    ready(&mut session).await;
    match number % 7 {
        0 => assert_eq!(to_the_end(&mut session).await.0.trim_end(), "done"),
        4 => {
            session.input.flag(session::wire::payload::Flag::TerminateSession).await.expect("it is open");
            to_the_end(&mut session).await;
        }
        5 => {
            bench.platform.call(&aws::SSM, "TerminateSession", json!({"SessionId": ticket.id})).await;
            to_the_end(&mut session).await;
        }
        _ => {} // dropped at work
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sessions_leave_nothing_however_they_end() {
    testhost::needs_root!();
    let bench = Bench::new().await;
    let task = bench.task(true).await;
    let mut weights = vec![weight(&bench.platform)];
    for _ in 0..3 {
        for number in 0..100 {
            come_and_go(&bench, &task, number).await;
        }
        until("all sessions have ended", &bench.platform, || async {
            let active = bench.platform.call(&aws::SSM, "DescribeSessions", json!({"State": "Active"})).await;
            // Those to which no client connected wait for a minute.
            aws::items(&active, "Sessions").iter().all(|row| row["Status"] == "Connecting").then_some(())
        })
        .await;
        bench.process_is("sleep 4010", false).await;
        weights.push(weight(&bench.platform));
    }
    let history = bench.platform.call(&aws::SSM, "DescribeSessions", json!({"State": "History"})).await;
    assert!(aws::items(&history, "Sessions").len() <= 200, "{}", aws::items(&history, "Sessions").len());
    let [(files_before, _), _, (files_second, memory_second), (files, memory)] = weights[..] else {
        panic!("{weights:?}")
    };
    // A connection of the API that is kept open is no leak; a hundred sessions' would be seen.
    assert!(files <= files_before + 20 && files <= files_second + 10, "{weights:?}");
    assert!(memory <= memory_second + 8 * 1024, "{weights:?}");
    println!("open files and kB after each hundred: {weights:?}");
}
