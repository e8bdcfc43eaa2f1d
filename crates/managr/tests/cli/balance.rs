//! The load balancer as a process: started when there is something to serve, found again, replaced.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use balancer::{Algorithm, Attributes, Config, Event, Group, Health, Launch, Listener, Remote, Rule, Target};
use platform_core::routing::{Action, HealthCheck};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(30);

/// A listener that answers by itself.
fn config(body: &str) -> Config {
    let action = Action::FixedResponse { status: 200, content_type: None, body: Some(body.into()) };
    let rules = vec![Rule { conditions: Vec::new(), action }];
    let address = ([127, 0, 0, 1], 0).into();
    let listener = Listener { arn: "listener".into(), address, rules, attributes: Attributes::default() };
    Config { listeners: vec![listener], groups: Vec::new() }
}

struct Platform {
    remote: Remote,
    events: UnboundedReceiver<Event>,
}

impl Platform {
    fn new(dir: &Path) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let command = vec![env!("CARGO_BIN_EXE_managr").into(), "balance".into()];
        Self { remote: Remote::new(Launch { dir: dir.to_owned(), command }, sender), events }
    }

    async fn listens(&mut self) -> SocketAddr {
        match timeout(SOON, self.events.recv()).await.expect("told").unwrap() {
            Event::ListenerReady { address, .. } => address,
            other => panic!("{other:?}"),
        }
    }
}

fn get(address: SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

fn pid(dir: &Path) -> i32 {
    std::fs::read_to_string(dir.join("balancer.pid")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn it_starts_on_need_outlives_its_platform_and_ends_with_nothing_to_serve() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Platform::new(dir.path());
    first.remote.apply(Config::default());
    timeout(SOON, first.remote.settled()).await.expect("nothing is served by nobody");
    assert!(!dir.path().join("balancer.pid").exists(), "started without need");
    first.remote.apply(config("one"));
    let address = first.listens().await;
    let process = pid(dir.path());
    drop(first);
    assert_eq!(get(address), "one");

    let mut second = Platform::new(dir.path());
    second.remote.apply(config("two"));
    assert_eq!(second.listens().await, address, "the same listener");
    timeout(SOON, second.remote.settled()).await.expect("acknowledged");
    assert_eq!((get(address).as_str(), pid(dir.path())), ("two", process));

    second.remote.apply(Config::default());
    timeout(SOON, second.remote.settled()).await.expect("acknowledged");
    let lock = std::fs::File::open(dir.path().join("balancer.pid")).unwrap();
    timeout(SOON, tokio::task::spawn_blocking(move || lock.lock())).await.expect("it ends").unwrap().unwrap();
}

#[tokio::test]
async fn one_that_dies_is_replaced_and_one_that_is_ended_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut platform = Platform::new(dir.path());
    platform.remote.apply(config("one"));
    let gone = platform.listens().await;
    let first = pid(dir.path());
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), nix::sys::signal::Signal::SIGKILL).unwrap();
    // The first may have told its address twice, as news and as a fact.
    let mut address = platform.listens().await;
    while address == gone {
        address = platform.listens().await;
    }
    assert_eq!(get(address), "one");
    assert_ne!(pid(dir.path()), first);

    drop(platform);
    balancer::end(dir.path()).await.unwrap();
    // Not its port: another test may have been given that one by now.
    let lock = std::fs::File::open(dir.path().join("balancer.pid")).unwrap();
    assert!(lock.try_lock().is_ok(), "nobody holds its lock");
}

fn kill(dir: &Path) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid(dir)), nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// One listener on a port that was free just now: what the kernel chooses is not handed over.
fn on_a_port(body: &str) -> Config {
    let mut config = config(body);
    config.listeners[0].address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config
}

/// Clients that take a new connection for every request.
struct Load {
    clients: Vec<JoinHandle<()>>,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    answered: AtomicUsize,
    /// Connections that were refused, or not taken in at all.
    refused: AtomicUsize,
    /// Connections that were taken in and broke.
    broken: AtomicUsize,
    slowest_millis: AtomicUsize,
    enough: AtomicBool,
}

impl Load {
    fn begin(address: SocketAddr, clients: usize) -> Self {
        let seen = Arc::new(Seen::default());
        let client = |_| {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || {
                while !seen.enough.load(Ordering::SeqCst) {
                    let began = Instant::now();
                    let counted = match TcpStream::connect(address) {
                        Err(_) => &seen.refused,
                        Ok(socket) if is_answered(&socket) => &seen.answered,
                        Ok(_) => &seen.broken,
                    };
                    counted.fetch_add(1, Ordering::SeqCst);
                    seen.slowest_millis.fetch_max(began.elapsed().as_millis() as usize, Ordering::SeqCst);
                }
            })
        };
        Self { clients: (0..clients).map(client).collect(), seen }
    }

    /// Waits until so many more requests were answered.
    async fn answered(&self, more: usize) {
        let wanted = self.seen.answered.load(Ordering::SeqCst) + more;
        let reached = async {
            while self.seen.answered.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, reached).await.expect("requests are answered");
    }

    fn end(self) -> Arc<Seen> {
        self.seen.enough.store(true, Ordering::SeqCst);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        self.seen
    }
}

fn is_answered(mut socket: &TcpStream) -> bool {
    let mut answer = String::new();
    let asked = socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| socket.read_to_string(&mut answer)).is_ok() && answer.ends_with("one")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_refuses_nobody() {
    const CLIENTS: usize = 4;
    const KILLS: usize = 5;
    let dir = tempfile::tempdir().unwrap();
    let config = on_a_port("one");
    let mut platform = Platform::new(dir.path());
    platform.remote.apply(config.clone());
    let address = platform.listens().await;
    let load = Load::begin(address, CLIENTS);
    for turn in 0..KILLS {
        load.answered(200).await;
        if turn == 2 {
            // A platform that was started again has the sockets from the process that it finds.
            drop(platform);
            platform = Platform::new(dir.path());
            platform.remote.apply(config.clone());
            timeout(SOON, platform.remote.settled()).await.expect("acknowledged");
        }
        kill(dir.path());
    }
    load.answered(200).await;
    let seen = load.end();
    println!("{seen:?}");
    assert_eq!(seen.refused.load(Ordering::SeqCst), 0, "{seen:?}");
    // Only what a process had accepted dies with it: one connection of each client.
    assert!(seen.broken.load(Ordering::SeqCst) <= CLIENTS * KILLS, "{seen:?}");

    // Nobody keeps a socket whose listener is gone.
    platform.remote.apply(Config { listeners: on_a_port("two").listeners, ..config });
    timeout(SOON, platform.remote.settled()).await.expect("acknowledged");
    let refused = async {
        while TcpStream::connect(address).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, refused).await.expect("what is gone is refused");
    drop(platform);
    balancer::end(dir.path()).await.unwrap();
}

/// A target that answers everything and counts its health checks.
fn target(checks: &Arc<AtomicUsize>) -> SocketAddr {
    let door = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, checks) = (door.local_addr().unwrap(), Arc::clone(checks));
    std::thread::spawn(move || {
        for socket in door.incoming() {
            let (mut socket, mut head) = (socket.unwrap(), [0; 4096]);
            let read = socket.read(&mut head).unwrap_or_default();
            if head[..read].starts_with(b"GET /health") {
                checks.fetch_add(1, Ordering::SeqCst);
            }
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none");
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_beyond_the_limit_of_files_make_no_target_sick() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, mut events) = mpsc::unbounded_channel();
    let script = "ulimit -n 128; exec \"$0\" balance \"$1\"";
    let command = vec!["/bin/sh".into(), "-c".into(), script.into(), env!("CARGO_BIN_EXE_managr").into()];
    let remote = Remote::new(Launch { dir: dir.path().to_owned(), command }, sender);
    let checks = Arc::new(AtomicUsize::new(0));
    let mut config = on_a_port("");
    let address = config.listeners[0].address;
    config.listeners[0].rules[0].action = Action::Forward(vec![("group".into(), 1)]);
    config.groups.push(Group {
        arn: "group".into(),
        name: "group".into(),
        health_check: HealthCheck {
            enabled: true,
            path: "/health".into(),
            port: None,
            interval: 1,
            timeout: 1,
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            matcher: "200".into(),
        },
        stickiness: None,
        algorithm: Algorithm::RoundRobin,
        targets: vec![Target {
            id: "127.0.0.1".into(),
            address: target(&checks),
            draining: false,
            health: Health::Initial,
        }],
    });
    remote.apply(config);
    let is = |event: &Event, wanted| matches!(event, Event::TargetHealth { state, .. } if *state == wanted);
    while !is(&timeout(SOON, events.recv()).await.expect("healthy").unwrap(), Health::Healthy) {}

    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
    let seen = checks.load(Ordering::SeqCst);
    let probed = async {
        while checks.load(Ordering::SeqCst) < seen + 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, probed).await.expect("probes reach the target");
    let answered = async {
        while get_if_any(address) != "one" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, answered).await.expect("a new request finds a place");
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert!(!told.iter().any(|e| is(e, Health::Unhealthy)), "{told:?}");
    drop((idle, remote));
    balancer::end(dir.path()).await.unwrap();
}

/// As `get`, of one that may close without an answer.
fn get_if_any(address: SocketAddr) -> String {
    let Ok(mut socket) = TcpStream::connect(address) else { return String::new() };
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut answer = String::new();
    let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let _ = socket.read_to_string(&mut answer);
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn one_that_cannot_start_is_told_of_for_every_listener() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, mut events) = mpsc::unbounded_channel();
    let remote = Remote::new(Launch { dir: dir.path().to_owned(), command: vec!["false".into()] }, sender);
    remote.apply(config("one"));
    match timeout(SOON, events.recv()).await.expect("told").unwrap() {
        Event::ListenerFailed { arn, error, .. } => {
            assert_eq!(arn, "listener");
            assert!(error.contains("ended at once (exit status: 1)"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// What an earlier or later version of the process does: greets with its own number, ends when told.
fn stranger(door: &UnixListener) {
    loop {
        let (mut socket, _) = door.accept().unwrap();
        while let Some(message) = read(&mut socket) {
            if message.contains("End") {
                return;
            }
            let answer = br#"{"Hello":{"protocol":0}}"#;
            socket.write_all(&(answer.len() as u32).to_le_bytes()).unwrap();
            socket.write_all(answer).unwrap();
        }
    }
}

fn read(socket: &mut UnixStream) -> Option<String> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).ok()?;
    let mut message = vec![0; u32::from_le_bytes(length) as usize];
    socket.read_exact(&mut message).ok()?;
    String::from_utf8(message).ok()
}

#[tokio::test]
async fn one_of_another_version_is_ended_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let door = UnixListener::bind(dir.path().join("balancer.sock")).unwrap();
    let stranger = std::thread::spawn(move || stranger(&door));
    let mut platform = Platform::new(dir.path());
    platform.remote.apply(config("one"));
    let address = platform.listens().await;
    assert_eq!(get(address), "one");
    stranger.join().unwrap();
    drop(platform);
    balancer::end(dir.path()).await.unwrap();
}
