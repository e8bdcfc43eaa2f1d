//! An ECS endpoint with one task, whose container is this machine: the other end of a session is the platform's own
//! (crate `session`), over a real pseudo-terminal.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use session::agent::Work;
use session::sessions::Request;
use session::{SessionTarget, Sessions, accept_key, server_socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::pty::Machine;

/// What the endpoint says, for a test to change.
pub(crate) struct World {
    /// The service's tasks, as DescribeTasks tells them.
    pub(crate) tasks: Vec<Value>,
    /// Code and words of ExecuteCommand's refusal.
    pub(crate) refusal: Option<(&'static str, &'static str)>,
    /// Operations called, in order.
    pub(crate) called: Vec<String>,
}

/// The endpoint; gone when dropped.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    sessions: Sessions,
    runtime: Option<Runtime>,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = World { tasks: vec![task("a1b2c3d4e5", 1.0)], refusal: None, called: Vec::new() };
        let world = Arc::new(Mutex::new(world));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sessions = Sessions::new(Arc::new(Machine));
        let served = Served { address: address.clone(), world: world.clone(), sessions: sessions.clone() };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        Self { url: format!("http://{address}"), world, sessions, runtime: Some(runtime) }
    }

    /// Ends the sessions of the first task's container, as when it stops.
    pub(crate) fn end_sessions(&self, words: &str) {
        let place = SessionTarget { task: arn("a1b2c3d4e5"), container: "web".to_owned() };
        self.sessions.end_container(&place, words);
    }

    /// Goes away, connections and all.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop();
    }
}

fn arn(id: &str) -> String {
    format!("arn:aws:ecs:us-east-1:000000000000:task/demo-cluster/{id}")
}

/// Returns a task with a container `web` that runs, and its agent.
pub(crate) fn task(id: &str, started: f64) -> Value {
    json!({
        "taskArn": arn(id),
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/demo:3",
        "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "healthStatus": "HEALTHY", "startedAt": started,
        "enableExecuteCommand": true,
        "containers": [{ "name": "web", "lastStatus": "RUNNING", "runtimeId": format!("{id}-1"),
            "managedAgents": [{ "name": "ExecuteCommandAgent", "lastStatus": "RUNNING" }] }],
    })
}

#[derive(Clone)]
struct Served {
    address: String,
    world: Arc<Mutex<World>>,
    sessions: Sessions,
}

impl Served {
    /// Serves one request.
    async fn serve(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        if let Some(key) = header("sec-websocket-key") {
            assert!(header("authorization").unwrap().contains("/ssmmessages/"), "{head}");
            let accept = accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: {accept}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            let path = head.split_whitespace().nth(1).unwrap();
            let id = path.strip_prefix("/v1/data-channel/").unwrap().split('?').next().unwrap().to_owned();
            return self.sessions.serve(&id, server_socket(Box::new(stream)).await).await;
        }
        let mut body = vec![0; header("content-length").unwrap().parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        let target = header("x-amz-target").unwrap();
        let (status, answer) =
            match self.answer(target.rsplit('.').next().unwrap(), &serde_json::from_slice(&body).unwrap()) {
                Ok(answer) => (200, answer),
                Err((code, message)) => (400, json!({ "__type": code, "message": message })),
            };
        let answer = answer.to_string();
        let length = answer.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        // The client may have gone.
        let _ = stream.write_all((head + &answer).as_bytes()).await;
    }

    fn answer(&self, operation: &str, input: &Value) -> Result<Value, (&'static str, &'static str)> {
        let mut world = self.world.lock().unwrap();
        world.called.push(operation.to_owned());
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        match operation {
            "ListTasks" if input["desiredStatus"] == "STOPPED" => Ok(json!({ "taskArns": [] })),
            "ListTasks" => Ok(json!({ "taskArns": world.tasks.iter().map(|t| &t["taskArn"]).collect::<Vec<_>>() })),
            "DescribeTasks" => Ok(json!({ "tasks": world.tasks })),
            "ExecuteCommand" => match world.refusal {
                Some(refusal) => Err(refusal),
                None => Ok(json!({ "session": self.open(text("task"), text("container"), text("command")) })),
            },
            "TerminateSession" => {
                self.sessions.terminate(&text("SessionId"));
                Ok(json!({ "SessionId": text("SessionId") }))
            }
            "ResumeSession" => match self.sessions.resume(&text("SessionId")) {
                Ok(opened) => Ok(json!({ "SessionId": opened.session_id, "TokenValue": opened.token })),
                Err(_) => Err(("DoesNotExistException", "no such session")),
            },
            _ => Err(("UnknownOperationException", "not served")),
        }
    }

    fn open(&self, task: String, container: String, command: String) -> Value {
        let place = SessionTarget { task: task.clone(), container };
        let opened = self.sessions.open(Request {
            prefix: "ecs-execute-command".to_owned(),
            target: format!("ecs:demo-cluster_{task}"),
            place,
            work: Work::Terminal { command },
            document: None,
            reason: None,
            owner: String::new(),
            region: "us-east-1".to_owned(),
        });
        let url = format!("ws://{}/v1/data-channel/{}?role=publish_subscribe", self.address, opened.session_id);
        json!({ "sessionId": opened.session_id, "streamUrl": url, "tokenValue": opened.token })
    }
}
