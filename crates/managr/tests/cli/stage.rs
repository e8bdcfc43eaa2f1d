//! One task that runs, as an ECS endpoint would tell of it: its containers are this machine's shells, reached through
//! the real data channel.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, mpsc};

use nix::pty::openpty;
use serde_json::{Value, json};
use session::agent::Work;
use session::reach::BoxFuture;
use session::sessions::{Request, Sessions};
use session::{Duplex, Reach, ReachError, SessionTarget, Size, Terminal, accept_key, server_socket};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The task's id.
pub(crate) const TASK: &str = "3f2a9c0d11";

/// This machine, as the inside of the containers. The container `bare` has no shell.
struct Here;

impl Reach for Here {
    fn terminal<'a>(
        &'a self,
        place: &'a SessionTarget,
        command: &'a str,
        size: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        Box::pin(async move {
            if place.container == "bare" && command.starts_with("sh ") {
                return Err(ReachError("exec: \"sh\": executable file not found in $PATH".to_owned()));
            }
            let size = nix::pty::Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 };
            let pty = openpty(Some(&size), None).unwrap();
            let slave = || Stdio::from(pty.slave.try_clone().unwrap());
            let mut starts = tokio::process::Command::new("setsid");
            starts.args(["--ctty", "bash", "-c", &format!("exec {command}")]).kill_on_drop(true);
            let mut child = starts.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
            let master = std::fs::File::from(pty.master);
            let resized = master.try_clone().unwrap();
            let file = || tokio::fs::File::from_std(master.try_clone().unwrap());
            Ok(Terminal {
                stream: Box::new(tokio::io::join(file(), file())),
                resize: Box::new(move |size| {
                    let size =
                        rustix::termios::Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 };
                    rustix::termios::tcsetwinsize(&resized, size).unwrap();
                }),
                ended: Box::pin(async move { child.wait().await.ok()?.code() }),
            })
        })
    }

    fn dial<'a>(
        &'a self,
        _: &'a SessionTarget,
        host: Option<&'a str>,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let stream = TcpStream::connect((host.unwrap_or("127.0.0.1"), port)).await?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

/// An endpoint that lives as long as the test's process.
pub(crate) fn endpoint() -> String {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tell.send(address).unwrap();
            let sessions = Sessions::new(Arc::new(Here));
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, address, sessions.clone()));
            }
        });
    });
    format!("http://{}", told.recv().unwrap())
}

/// Serves requests of one connection, until one of them makes a WebSocket of it.
async fn serve(socket: TcpStream, address: SocketAddr, sessions: Sessions) {
    let mut socket = BufReader::new(socket);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(socket.read_line(&mut head).await, Ok(1..)) {
                return;
            }
        }
        let header = |name: &str| {
            let found =
                head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)));
            found.map(|(_, value)| value.to_owned())
        };
        if let Some(key) = header("sec-websocket-key") {
            let id = head.split(['/', '?', ' ']).nth(4).unwrap().to_owned();
            let accept = accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
            let socket = server_socket(Box::new(socket)).await;
            return sessions.serve(&id, socket).await;
        }
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.unwrap();
        let operation = header("x-amz-target").unwrap_or_default();
        let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
        let input = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = answer(&operation, &input, address, &sessions);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        socket.write_all((head + &answer).as_bytes()).await.unwrap();
    }
}

fn answer(operation: &str, input: &Value, address: SocketAddr, sessions: &Sessions) -> (u16, Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let granted = |target: String, container: String, work: Work| {
        let place = SessionTarget { task: TASK.to_owned(), container };
        let (document, reason) = (None, None);
        let (prefix, owner, region) = ("test".to_owned(), String::new(), String::new());
        let opened = sessions.open(Request { prefix, target, place, work, document, reason, owner, region });
        let url = format!("ws://{address}/v1/data-channel/{}?role=publish_subscribe", opened.session_id);
        (opened.session_id, url, opened.token)
    };
    let arn = format!("arn:aws:ecs:us-east-1:000000000000:task/demo-cluster/{TASK}");
    let container = |name: &str| json!({ "name": name, "lastStatus": "RUNNING", "runtimeId": format!("{TASK}-1") });
    match operation {
        "ListTasks" if input["desiredStatus"] == "STOPPED" => (200, json!({ "taskArns": [] })),
        "ListTasks" => (200, json!({ "taskArns": [arn] })),
        "DescribeTasks" => {
            let containers = [container("web"), container("worker"), container("bare")];
            let task = json!({ "taskArn": arn, "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
                "enableExecuteCommand": true, "containers": containers });
            (200, json!({ "tasks": [task], "failures": [] }))
        }
        // A secret whose name is its value.
        "GetSecretValue" => match text(&input["SecretId"]).strip_prefix("value:") {
            Some(value) => (200, json!({ "SecretString": value, "Name": input["SecretId"] })),
            None => (400, json!({ "__type": "ResourceNotFoundException", "message": "no such secret" })),
        },
        "ExecuteCommand" => {
            let work = Work::Terminal { command: text(&input["command"]) };
            let (id, url, token) = granted(String::new(), text(&input["container"]), work);
            (200, json!({ "session": { "sessionId": id, "streamUrl": url, "tokenValue": token } }))
        }
        "StartSession" => {
            let first = |name: &str| input["Parameters"][name][0].as_str().map(str::to_owned);
            let port = first("portNumber").unwrap().parse().unwrap();
            let work = Work::Port { host: first("host"), port, local_port: first("localPortNumber") };
            let (id, url, token) = granted(text(&input["Target"]), "web".to_owned(), work);
            (200, json!({ "SessionId": id, "StreamUrl": url, "TokenValue": token }))
        }
        "TerminateSession" => {
            sessions.terminate(&text(&input["SessionId"]));
            (200, json!({ "SessionId": input["SessionId"] }))
        }
        "ResumeSession" => match sessions.resume(&text(&input["SessionId"])) {
            Ok(opened) => (200, json!({ "SessionId": opened.session_id, "TokenValue": opened.token })),
            Err(_) => (400, json!({ "__type": "DoesNotExistException", "message": "no such session" })),
        },
        other => (400, json!({ "__type": "UnknownOperationException", "message": other })),
    }
}
