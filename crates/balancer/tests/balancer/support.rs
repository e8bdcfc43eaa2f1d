//! Targets, clients and a balancer between them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use balancer::{Algorithm, Attributes, Balancer, Config, Event, Group, Health, Listener, Rule, Target};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use platform_core::routing::Action;
use testkit::fixtures::quick_check;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing here takes longer unless it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn target(address: SocketAddr) -> Target {
    Target { id: address.ip().to_string(), address, draining: false, health: Health::Initial }
}

pub(crate) fn group(targets: &[SocketAddr]) -> Group {
    Group {
        arn: "group".into(),
        name: "group".into(),
        health_check: quick_check(),
        stickiness: None,
        algorithm: Algorithm::RoundRobin,
        targets: targets.iter().copied().map(target).collect(),
    }
}

pub(crate) fn listener(rules: Vec<Rule>) -> Listener {
    Listener {
        arn: "listener".into(),
        address: ([127, 0, 0, 1], 0).into(),
        rules,
        attributes: Attributes::default(),
        tls: None,
    }
}

pub(crate) fn forward() -> Rule {
    Rule { conditions: Vec::new(), action: Action::Forward(vec![("group".into(), 1)]) }
}

/// One listener that forwards everything to one group.
pub(crate) fn config(targets: &[SocketAddr]) -> Config {
    Config { listeners: vec![listener(vec![forward()])], groups: vec![group(targets)] }
}

/// A balancer and what it tells.
pub(crate) struct Rig {
    pub(crate) balancer: Balancer,
    pub(crate) events: UnboundedReceiver<Event>,
    pub(crate) address: SocketAddr,
}

impl Rig {
    pub(crate) async fn start(config: &Config) -> Self {
        let (tell, events) = unbounded_channel();
        let mut rig = Self { balancer: Balancer::new(tell), events, address: ([127, 0, 0, 1], 0).into() };
        rig.balancer.apply(config);
        let ready = rig.until(|e| matches!(e, Event::ListenerReady { .. })).await;
        if let Event::ListenerReady { address, .. } = ready {
            rig.address = address;
        }
        rig
    }

    /// Starts and waits until every target is healthy.
    pub(crate) async fn healthy(targets: &[SocketAddr]) -> Self {
        Self::healthy_with(&config(targets)).await
    }

    pub(crate) async fn healthy_with(config: &Config) -> Self {
        let (tell, events) = unbounded_channel();
        let mut rig = Self { balancer: Balancer::new(tell), events, address: ([127, 0, 0, 1], 0).into() };
        rig.balancer.apply(config);
        let mut missing = config.listeners.len() + config.groups.iter().map(|g| g.targets.len()).sum::<usize>();
        while missing > 0 {
            match rig.until(|_| true).await {
                Event::ListenerReady { address, .. } => {
                    rig.address = address;
                    missing -= 1;
                }
                Event::TargetHealth { state: Health::Healthy, .. } => missing -= 1,
                _ => {}
            }
        }
        rig
    }

    /// Returns the next event that is wanted; others are passed over.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        timeout(SOON, async {
            loop {
                let event = self.events.recv().await.unwrap();
                if wanted(&event) {
                    return event;
                }
            }
        })
        .await
        .expect("the event comes")
    }
}

/// A server of the test's own making; it ends with its value.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    /// Connections accepted that asked for something other than `/health`.
    pub(crate) connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    /// A target that answers `/health` with 200 and everything else by `handler`.
    pub(crate) async fn http<F>(handler: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send,
    {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            // Dropped with the task, so that ending a target ends its connections.
            let mut open = tokio::task::JoinSet::new();
            loop {
                let (socket, _) = door.accept().await.unwrap();
                let (handler, counted) = (handler.clone(), Arc::clone(&counted));
                open.spawn(async move {
                    let first = AtomicUsize::new(0);
                    let service = service_fn(|request: Request<Incoming>| {
                        let health = request.uri().path() == "/health";
                        if !health && first.fetch_add(1, Ordering::SeqCst) == 0 {
                            counted.fetch_add(1, Ordering::SeqCst);
                        }
                        let handler = handler.clone();
                        async move {
                            let answer = if health { Response::default() } else { handler(request).await };
                            Ok::<_, Infallible>(answer)
                        }
                    });
                    drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
                });
            }
        });
        Self { address, connections, task }
    }

    /// A target that says its name.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::http(move |_| async move { Response::new(Full::from(name)) }).await
    }

    /// A target that does anything with its connections, health checks included.
    pub(crate) async fn raw<F>(handler: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            loop {
                let (socket, _) = door.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                open.spawn(handler.clone()(socket));
            }
        });
        Self { address, connections, task }
    }
}

/// Reads a head, up to and with the empty line.
pub(crate) async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Sends bytes and reads whatever comes until the balancer closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    let _ = timeout(SOON, socket.read_to_end(&mut answer)).await.expect("the balancer closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Gets a path on a connection of its own; returns status and body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = raw(address, &format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")).await;
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

/// A client that keeps its connection.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self(socket)
    }

    /// Waits until the balancer closes the connection, without another word.
    pub(crate) async fn ends_silently(mut self) -> bool {
        let mut rest = Vec::new();
        timeout(SOON, self.0.read_to_end(&mut rest)).await.expect("the balancer closes").is_ok() && rest.is_empty()
    }

    /// Sends a request with a body of known length (or none); returns head and body.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<(String, String)> {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.0.write_all(format!("{method} {path} HTTP/1.1\r\nHost: a.test\r\n{length}\r\n{body}").as_bytes()).await?;
        let head = timeout(SOON, read_head(&mut self.0)).await.expect("an answer comes");
        let length: usize = head
            .lines()
            .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse().unwrap()))
            .unwrap_or(0);
        let mut body = vec![0; if method == "HEAD" { 0 } else { length }];
        self.0.read_exact(&mut body).await?;
        if head.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok((head, String::from_utf8_lossy(&body).into_owned()))
    }
}
