//! Sessions over a real socket: who gets one, what a channel's request must be, and bytes through it.

use std::time::Duration;

use api::Options;
use bytes::Bytes;
use orchestrator::Fact;
use platform_core::task::Event as TaskEvent;
use serde_json::{Value, json};
use session::client::{self, Dial, DialError, Dialled, Event, Forward};
use session::reach::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::check;
use crate::server::{DATE, Server, signed};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const NOT_ENABLED: &str = "The execute command failed because execute command was not enabled when the task was run \
                           or the execute command agent isn't running. Wait and try again or run a new task with \
                           execute command enabled and try again.";

fn body(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(body).unwrap()
}

async fn ecs(server: &Server, operation: &str, input: Value) -> String {
    server.json("ecs", &format!("{ECS}.{operation}"), &input.to_string()).await
}

async fn ssm(server: &Server, operation: &str, input: Value) -> String {
    server.json("ssm", &format!("AmazonSSM.{operation}"), &input.to_string()).await
}

/// Runs a task whose container `app` runs, as far as the platform knows.
async fn task(server: &Server, enabled: bool) -> Value {
    let definition = json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello"}, {"name": "side", "image": "hello"}],
    });
    body(&ecs(server, "CreateCluster", json!({"clusterName": "main"})).await);
    body(&ecs(server, "RegisterTaskDefinition", definition).await);
    let run = json!({
        "cluster": "main", "taskDefinition": "web", "launchType": "FARGATE", "enableExecuteCommand": enabled,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    let arn = body(&ecs(server, "RunTask", run).await)["tasks"][0]["taskArn"].as_str().unwrap().to_owned();
    let started = TaskEvent::Started { container: "app".into(), restarts: 0, at: 1_700_000_000_000 };
    server.facts.send(Fact::Task { arn: arn.clone(), event: started }).unwrap();
    loop {
        let described = ecs(server, "DescribeTasks", json!({"cluster": "main", "tasks": [arn]})).await;
        let task = body(&described)["tasks"][0].clone();
        if task["containers"][0]["lastStatus"] == "RUNNING" {
            return task;
        }
        tokio::task::yield_now().await;
    }
}

fn target(task: &Value) -> String {
    let id = task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap();
    format!("ecs:main_{id}_{}", task["containers"][0]["runtimeId"].as_str().unwrap())
}

async fn execute(server: &Server, task: &Value) -> Value {
    let input = json!({"cluster": "main", "task": task["taskArn"], "container": "app", "interactive": true,
                       "command": "top"});
    body(&ecs(server, "ExecuteCommand", input).await)
}

/// Asks for a channel and returns the answer's head, and what follows it.
async fn ask(server: &Server, line: &str, changes: &[(&str, &str)]) -> (String, TcpStream) {
    let mut headers = vec![
        ("host", "localhost"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (name, value) in changes {
        headers.retain(|(other, _)| other != name);
        headers.push((name, value));
    }
    let lines: String = headers
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("{line} HTTP/1.1\r\n{lines}\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (String::from_utf8(head).unwrap(), stream)
}

/// Connects once, to what a stream URL says.
struct Once(Option<(TcpStream, String)>);

impl Dial for Once {
    fn dial(&mut self, _: bool) -> BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(async {
            Ok(match self.0.take() {
                Some((stream, token)) => {
                    Dialled::Connected { socket: session::client_socket(Box::new(stream)).await, token }
                }
                None => Dialled::Over,
            })
        })
    }
}

/// Opens a session's channel, as a client does that was handed `url` and `token`.
async fn connect(server: &Server, url: &Value, token: &Value) -> client::Session {
    let path = url.as_str().unwrap().strip_prefix(&format!("ws://{}", host(server))).unwrap();
    let (head, stream) = ask(server, &format!("GET {path}"), &[]).await;
    check(&head, 101, &["upgrade: websocket", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"]);
    let dial = Once(Some((stream, token.as_str().unwrap().to_owned())));
    client::start(dial, client::Options::new())
}

/// What the calls of these tests name the platform by.
fn host(_: &Server) -> &'static str {
    "127.0.0.1"
}

async fn next(session: &mut client::Session) -> Event {
    tokio::time::timeout(Duration::from_secs(30), session.events.recv()).await.expect("in time").expect("an event")
}

/// Waits until a client has nothing but a closed connection.
async fn is_refused(session: &mut client::Session) {
    loop {
        match next(session).await {
            Event::Interrupted => {}
            Event::Lost(_) => return,
            other => panic!("{other:?}"),
        }
    }
}

/// Reads output until it ends with `words`.
async fn says(session: &mut client::Session, words: &str) {
    let mut said = String::new();
    while !said.ends_with(words) {
        match next(session).await {
            Event::Output(bytes) => said.push_str(std::str::from_utf8(&bytes).unwrap()),
            other => panic!("{other:?} after `{said}`"),
        }
    }
}

#[tokio::test]
async fn a_command_is_executed_through_its_channel() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    assert_eq!(task["containers"][0]["managedAgents"][0]["lastStatus"], "RUNNING");
    assert_eq!(task["containers"][1]["managedAgents"][0]["lastStatus"], "PENDING");
    let opened = execute(&server, &task).await;
    for (name, want) in [
        ("clusterArn", &task["clusterArn"]),
        ("taskArn", &task["taskArn"]),
        ("containerArn", &task["containers"][0]["containerArn"]),
        ("containerName", &json!("app")),
        ("interactive", &json!(true)),
    ] {
        assert_eq!(&opened[name], want, "{name}");
    }
    let (id, url, token) =
        (&opened["session"]["sessionId"], &opened["session"]["streamUrl"], &opened["session"]["tokenValue"]);
    let id = id.as_str().unwrap();
    assert!(id.starts_with("ecs-execute-command-"), "{id}");
    assert_eq!(*url, format!("ws://{}/v1/data-channel/{id}?role=publish_subscribe", host(&server)));

    let mut session = connect(&server, url, token).await;
    assert!(matches!(next(&mut session).await, Event::Ready(greeting) if !greeting.is_port()));
    says(&mut session, "app runs top: ").await;
    session.input.send(Bytes::from_static(b"through and back")).await.unwrap();
    says(&mut session, "through and back").await;

    let described = body(&ssm(&server, "DescribeSessions", json!({"State": "Active"})).await);
    let row = &described["Sessions"][0];
    assert_eq!((&row["SessionId"], &row["Status"]), (&json!(id), &json!("Connected")));
    assert_eq!(row["Target"], target(&task));
    assert_eq!(row["DocumentName"], "AmazonECS-ExecuteInteractiveCommand");
    assert_eq!(row["Owner"], "arn:aws:iam::123456789012:root");
    check(&server.send("GET /_managr/status", &[], "").await, 200, &[r#""sessions":1"#]);

    // The token was for one connection: another one is refused, and the first goes on.
    let mut second = connect(&server, url, token).await;
    is_refused(&mut second).await;
    session.input.send(Bytes::from_static(b"still here")).await.unwrap();
    says(&mut session, "still here").await;

    assert_eq!(body(&ssm(&server, "TerminateSession", json!({"SessionId": id})).await), json!({"SessionId": id}));
    assert!(matches!(next(&mut session).await, Event::Closed(_)));
    let history = body(&ssm(&server, "DescribeSessions", json!({"State": "History"})).await);
    assert_eq!(history["Sessions"][0]["SessionId"], id);
    assert_eq!(body(&ssm(&server, "DescribeSessions", json!({"State": "Active"})).await), json!({"Sessions": []}));
}

#[tokio::test]
async fn what_cannot_be_executed_is_refused_in_ecs_words() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    let refused = async |members: Value, words: &[&str]| {
        let mut input = json!({"cluster": "main", "task": task["taskArn"], "container": "app", "interactive": true,
                               "command": "sh"});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        check(&ecs(&server, "ExecuteCommand", input).await, 400, words);
    };
    let invalid = r#""__type":"InvalidParameterException""#;
    refused(json!({"interactive": false}), &[invalid, "Interactive is the only mode supported currently."]).await;
    refused(json!({"command": ""}), &[invalid, "Command can not be blank."]).await;
    refused(json!({"container": "side"}), &[invalid, NOT_ENABLED]).await;
    refused(json!({"container": "none"}), &[invalid, "'none' was not found"]).await;
    refused(json!({"container": null}), &[invalid, "must be specified"]).await;
    refused(json!({"task": "x"}), &[invalid, "task length should be one of [32,36]"]).await;
    refused(json!({"task": "0".repeat(32)}), &[invalid, "The referenced task was not found."]).await;
    refused(json!({"cluster": "none"}), &["ClusterNotFoundException"]).await;
}

#[tokio::test]
async fn a_task_that_was_started_without_it_is_not_reached() {
    let server = Server::start().await;
    let task = task(&server, false).await;
    assert_eq!(task["enableExecuteCommand"], false);
    assert!(task["containers"][0].get("managedAgents").is_none());
    let input =
        json!({"cluster": "main", "task": task["taskArn"], "container": "app", "interactive": true, "command": "sh"});
    check(&ecs(&server, "ExecuteCommand", input).await, 400, &["InvalidParameterException", NOT_ENABLED]);
    let target = target(&task);
    let words = format!("{target} is not connected.");
    check(&ssm(&server, "StartSession", json!({"Target": target})).await, 400, &["TargetNotConnected", &words]);
}

#[tokio::test]
async fn an_engine_without_containers_connects_nobody() {
    let server = Server::with_engine(Options::default(), false).await;
    let task = task(&server, true).await;
    let target = target(&task);
    let input =
        json!({"cluster": "main", "task": task["taskArn"], "container": "app", "interactive": true, "command": "sh"});
    check(&ecs(&server, "ExecuteCommand", input).await, 400, &[r#""__type":"TargetNotConnectedException""#]);
    check(&ssm(&server, "StartSession", json!({"Target": target})).await, 400, &[r#""__type":"TargetNotConnected""#]);
    let status = body(&ssm(&server, "GetConnectionStatus", json!({"Target": target})).await);
    assert_eq!(status, json!({"Target": target, "Status": "notconnected"}));
    check(&ssm(&server, "ResumeSession", json!({"SessionId": "s"})).await, 400, &["DoesNotExistException"]);
    assert_eq!(body(&ssm(&server, "DescribeSessions", json!({"State": "Active"})).await), json!({"Sessions": []}));
    assert!(ask(&server, "GET /v1/data-channel/s", &[]).await.0.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn systems_manager_starts_shells_commands_and_ports() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    let target = target(&task);
    let start = async |members: Value| {
        let mut input = json!({"Target": target});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        ssm(&server, "StartSession", input).await
    };
    let document = "AWS-StartPortForwardingSessionToRemoteHost";
    let opened = body(
        &start(json!({"DocumentName": document, "Reason": "look", "Parameters": {
        "host": ["db.internal"], "portNumber": ["5432"], "localPortNumber": ["15432"]}}))
        .await,
    );
    assert!(opened["SessionId"].as_str().unwrap().starts_with("root-"), "{opened}");
    let mut session = connect(&server, &opened["StreamUrl"], &opened["TokenValue"]).await;
    let Event::Ready(greeting) = next(&mut session).await else { panic!("no greeting") };
    assert!(greeting.is_port());
    let forward = Forward::over(session, &greeting);
    let (mut one, mut other) = (forward.connect().await.unwrap(), forward.connect().await.unwrap());
    for connection in [&mut one, &mut other] {
        connection.write_all(b"select 1").await.unwrap();
        let mut answer = [0; 26];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), "db.internal:5432: select 1");
    }
    let row = body(&ssm(&server, "DescribeSessions", json!({"State": "Active"})).await)["Sessions"][0].clone();
    assert_eq!((&row["DocumentName"], &row["Reason"]), (&json!(document), &json!("look")));

    let shell = body(&start(json!({})).await);
    let mut session = connect(&server, &shell["StreamUrl"], &shell["TokenValue"]).await;
    assert!(matches!(next(&mut session).await, Event::Ready(_)));
    says(&mut session, "app runs sh: ").await;
    let arn = "arn:aws:ssm:us-east-1::document/AWS-StartInteractiveCommand";
    let top = body(&start(json!({"DocumentName": arn, "Parameters": {"command": ["top -d 1"]}})).await);
    let mut session = connect(&server, &top["StreamUrl"], &top["TokenValue"]).await;
    assert!(matches!(next(&mut session).await, Event::Ready(_)));
    says(&mut session, "app runs top -d 1: ").await;

    let content = json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands",
        "parameters": {"file": {"type": "String"}}, "properties": {"linux": {"commands": "tail {{file}}"}}});
    let own = json!({"Name": "tail", "DocumentType": "Session", "Content": content.to_string()});
    body(&ssm(&server, "CreateDocument", own).await);
    let tail = body(&start(json!({"DocumentName": "tail", "Parameters": {"file": ["/log"]}})).await);
    let mut session = connect(&server, &tail["StreamUrl"], &tail["TokenValue"]).await;
    assert!(matches!(next(&mut session).await, Event::Ready(_)));
    says(&mut session, "app runs sh -c 'tail /log': ").await;
    check(&start(json!({"DocumentName": "tail"})).await, 400, &["InvalidParameters", "is required by document tail"]);
    body(&ssm(&server, "TerminateSession", json!({"SessionId": tail["SessionId"]})).await);

    let status = body(&ssm(&server, "GetConnectionStatus", json!({"Target": target})).await);
    assert_eq!(status["Status"], "connected");
    let words = ["InvalidDocument", "Document with name AWS-Nope does not exist."];
    check(&start(json!({"DocumentName": "AWS-Nope"})).await, 400, &words);
    let words = ["InvalidParameters", r#"Parameter \"portNumber\" has value \"0\" not matching"#];
    check(&start(json!({"DocumentName": document, "Parameters": {"portNumber": ["0"]}})).await, 400, &words);
    check(&start(json!({"Target": "i-0123456789abcdef0"})).await, 400, &["i-0123456789abcdef0 is not connected."]);
    check(&start(json!({"Target": ""})).await, 400, &["ValidationException", "'target'"]);
    check(&ssm(&server, "StartSession", json!({})).await, 400, &["ValidationException", "Value null at 'target'"]);
    let describe = |input| ssm(&server, "DescribeSessions", input);
    check(&describe(json!({})).await, 400, &["ValidationException", "'state'"]);
    check(&describe(json!({"State": "Active", "NextToken": "x"})).await, 400, &["InvalidNextToken"]);
    check(&describe(json!({"State": "Active", "MaxResults": 0})).await, 400, &["ValidationException", "'maxResults'"]);
    let filter = |key: &str| json!({"State": "Active", "Filters": [{"key": key, "value": target}]});
    assert_eq!(body(&describe(filter("Target")).await)["Sessions"].as_array().unwrap().len(), 3);
    check(&describe(filter("Nope")).await, 400, &["enum value set"]);
}

#[tokio::test]
async fn a_session_is_resumed_with_another_token_until_it_has_ended() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    let opened = execute(&server, &task).await;
    let id = &opened["session"]["sessionId"];
    let again = body(&ssm(&server, "ResumeSession", json!({"SessionId": id})).await);
    assert_eq!((&again["SessionId"], &again["StreamUrl"]), (id, &opened["session"]["streamUrl"]));
    let mut old = connect(&server, &opened["session"]["streamUrl"], &opened["session"]["tokenValue"]).await;
    is_refused(&mut old).await;
    let mut new = connect(&server, &again["StreamUrl"], &again["TokenValue"]).await;
    assert!(matches!(next(&mut new).await, Event::Ready(_)));
    server.sessions.terminate(id.as_str().unwrap());
    let over = body(&ssm(&server, "ResumeSession", json!({"SessionId": id})).await);
    assert_eq!(over, json!({"SessionId": id}), "no token: it is over");
    check(&ssm(&server, "ResumeSession", json!({"SessionId": "nobody"})).await, 400, &["DoesNotExistException"]);
}

#[tokio::test]
async fn a_channels_request_must_be_a_websockets_and_not_a_web_pages() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    let opened = execute(&server, &task).await;
    let line = format!("GET /v1/data-channel/{}", opened["session"]["sessionId"].as_str().unwrap());
    let asks = async |line: &str, changes: &[(&str, &str)], want: u16, words: &[&str]| {
        check(&ask(&server, line, changes).await.0, want, words);
    };
    for changes in [[("upgrade", "")], [("connection", "close")]] {
        asks(&line, &changes, 426, &["upgrade: websocket"]).await;
    }
    asks(&line, &[("sec-websocket-version", "8")], 426, &["sec-websocket-version: 13"]).await;
    asks(&line, &[("sec-websocket-key", "")], 400, &[]).await;
    asks("GET /v1/data-channel/nobody", &[], 404, &[]).await;
    asks("GET /v1/data-channel/", &[], 404, &[]).await;
    asks(&line.replace("GET", "DELETE"), &[], 405, &["allow: GET"]).await;
    asks(&line, &[("origin", "http://localhost")], 403, &[]).await;
    asks(&line, &[("origin", "null")], 403, &[]).await;
    asks(&line, &[("host", "evil.example")], 403, &[]).await;
    // A signature is taken and not read, as the newest plugins send one.
    let signature = signed("ssmmessages");
    let (_, signature) = signature.split_once(": ").unwrap();
    let (_, date) = DATE.split_once(": ").unwrap();
    asks(&line, &[("authorization", signature), ("x-amz-date", date)], 101, &[]).await;
    assert_eq!(server.sessions.open_count(), 1);
}

#[tokio::test]
async fn a_stream_url_names_the_platform_as_its_caller_does() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    let input =
        json!({"cluster": "main", "task": task["taskArn"], "container": "app", "interactive": true, "command": "sh"});
    let target = format!("x-amz-target: {ECS}.ExecuteCommand");
    for host in ["localhost:4566", "[::1]:4566", "platform.test"] {
        let headers = [&signed("ecs"), DATE, &target, &format!("host: {host}")];
        let answer = body(&server.send("POST /", &headers, &input.to_string()).await);
        let url = answer["session"]["streamUrl"].as_str().unwrap();
        assert!(url.starts_with(&format!("ws://{host}/v1/data-channel/ecs-execute-command-")), "{url}");
    }
}

#[tokio::test]
async fn a_reset_ends_sessions_and_a_stopped_front_does_not_wait_for_them() {
    let server = Server::start().await;
    let task = task(&server, true).await;
    let opened = execute(&server, &task).await;
    let mut session = connect(&server, &opened["session"]["streamUrl"], &opened["session"]["tokenValue"]).await;
    assert!(matches!(next(&mut session).await, Event::Ready(_)));
    says(&mut session, "app runs top: ").await;
    check(&server.send("POST /_managr/reset", &[], "").await, 200, &["reset"]);
    assert!(matches!(next(&mut session).await, Event::Closed(words) if words == "the platform was reset"));
    assert_eq!(server.sessions.list(), []);

    let task = self::task(&server, true).await;
    let opened = execute(&server, &task).await;
    let mut session = connect(&server, &opened["session"]["streamUrl"], &opened["session"]["tokenValue"]).await;
    assert!(matches!(next(&mut session).await, Event::Ready(_)));
    says(&mut session, "app runs top: ").await;
    tokio::time::timeout(Duration::from_secs(3), server.stop()).await.expect("within the drain");
}
