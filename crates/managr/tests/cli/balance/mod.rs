//! The load balancer as a process: started when there is something to serve, found again, replaced.

mod load;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use balancer::{Algorithm, Attributes, Config, Event, Group, Health, Launch, Listener, Remote, Rule, Target, build_of};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use platform_core::routing::Action;
use testkit::fixtures::quick_check;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use load::{Connections, Load, read_head};

pub(crate) const SOON: Duration = Duration::from_secs(30);

const PROGRAM: &str = env!("CARGO_BIN_EXE_managr");

/// A listener that answers by itself.
fn config(body: &str) -> Config {
    let action = Action::FixedResponse { status: 200, content_type: None, body: Some(body.into()) };
    let rules = vec![Rule { conditions: Vec::new(), action }];
    let address = ([127, 0, 0, 1], 0).into();
    let listener = Listener { arn: "listener".into(), address, rules, attributes: Attributes::default(), tls: None };
    Config { listeners: vec![listener], groups: Vec::new() }
}

struct Platform {
    remote: Remote,
    events: UnboundedReceiver<Event>,
}

impl Platform {
    fn new(dir: &Path) -> Self {
        Self::of_build(dir, build_of(PROGRAM.as_ref()))
    }

    /// One whose program is another than that of processes that run.
    fn of_build(dir: &Path, build: String) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let command = vec![PROGRAM.into(), "balance".into()];
        Self { remote: Remote::new(Launch { dir: dir.to_owned(), command, build }, sender), events }
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
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
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

fn signal(dir: &Path, signal: Signal) {
    kill(Pid::from_raw(pid(dir)), signal).unwrap();
}

/// One listener on a port that was free just now: what the kernel chooses is not handed over.
fn on_a_port(body: &str) -> Config {
    let mut config = config(body);
    config.listeners[0].address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config
}

/// The same, before a target that is known to be well.
fn before(target: SocketAddr) -> Config {
    let mut config = on_a_port("");
    config.listeners[0].rules[0].action = Action::Forward(vec![("group".into(), 1)]);
    config.groups.push(Group {
        arn: "group".into(),
        name: "group".into(),
        health_check: quick_check(),
        stickiness: None,
        algorithm: Algorithm::RoundRobin,
        targets: vec![Target { id: "127.0.0.1".into(), address: target, draining: false, health: Health::Healthy }],
    });
    config
}

const CLIENTS: [Connections; 4] = [Connections::Fresh, Connections::Kept, Connections::Fresh, Connections::Kept];

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_refuses_nobody_and_breaks_only_what_was_in_flight() {
    const KILLS: usize = 5;
    let dir = tempfile::tempdir().unwrap();
    let target = load::Target::begin();
    let config = before(target.address);
    let mut platform = Platform::new(dir.path());
    platform.remote.apply(config.clone());
    let address = platform.listens().await;
    let load = Load::begin(address, &CLIENTS);
    for turn in 0..KILLS {
        load.answered(200).await;
        if turn == 2 {
            // A platform that was started again has the sockets from the process that it finds.
            drop(platform);
            platform = Platform::new(dir.path());
            platform.remote.apply(config.clone());
            timeout(SOON, platform.remote.settled()).await.expect("acknowledged");
        }
        signal(dir.path(), Signal::SIGKILL);
    }
    load.answered(200).await;
    let seen = load.end();
    println!("{seen:?}; not passed on: {}", seen.not_passed_on(&target));
    assert_eq!(seen.refused.load(Ordering::SeqCst), 0, "{seen:?}");
    // Only what a process had accepted dies with it: one request of each client.
    assert!(seen.broken() <= CLIENTS.len() * KILLS, "{seen:?}");

    // No process keeps a socket whose listener is gone.
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

#[tokio::test(flavor = "multi_thread")]
async fn replaced_again_and_again_as_planned_it_loses_no_request_and_a_tunnel_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let target = load::Target::begin();
    let config = before(target.address);
    let mut platform = Platform::new(dir.path());
    platform.remote.apply(config.clone());
    let address = platform.listens().await;
    let mut tunnel = TcpStream::connect(address).unwrap();
    tunnel.set_read_timeout(Some(SOON)).unwrap();
    tunnel.write_all(b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").unwrap();
    assert!(read_head(&tunnel).unwrap().starts_with("HTTP/1.1 101"));
    let first = pid(dir.path());
    let load = Load::begin(address, &CLIENTS);
    let mut processes = vec![first];
    for turn in 0..8 {
        load.answered(200).await;
        if turn % 2 == 0 {
            signal(dir.path(), Signal::SIGTERM);
        } else {
            // A new program's platform.
            drop(platform);
            platform = Platform::of_build(dir.path(), format!("build {turn}"));
            platform.remote.apply(config.clone());
        }
        processes.push(another(dir.path(), &processes).await);
    }
    load.answered(200).await;
    let seen = load.end();
    println!("{seen:?}");
    assert_eq!((seen.refused.load(Ordering::SeqCst), seen.broken()), (0, 0), "{seen:?}");

    tunnel.write_all(b"still here").unwrap();
    let mut heard = [0; 10];
    tunnel.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"still here");
    // What leaves is ended with the rest.
    drop(platform);
    balancer::end(dir.path()).await.unwrap();
    assert_eq!(tunnel.read(&mut heard).unwrap_or_default(), 0, "the tunnel's process is gone");
}

/// Waits until a process has the place that is none of these, and returns its id.
async fn another(dir: &Path, than: &[i32]) -> i32 {
    let another = async {
        loop {
            // The file is not there for a moment, and empty for another.
            let text = std::fs::read_to_string(dir.join("balancer.pid")).unwrap_or_default();
            match text.trim().parse() {
                Ok(id) if !than.contains(&id) => return id,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(SOON, another).await.expect("another process serves")
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_beyond_the_limit_of_files_make_no_target_sick() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, mut events) = mpsc::unbounded_channel();
    let script = "ulimit -n 128; exec \"$0\" balance \"$1\"";
    let command = vec!["/bin/sh".into(), "-c".into(), script.into(), PROGRAM.into()];
    let build = build_of(PROGRAM.as_ref());
    let remote = Remote::new(Launch { dir: dir.path().to_owned(), command, build }, sender);
    let target = load::Target::begin();
    let mut config = before(target.address);
    config.groups[0].targets[0].health = Health::Initial;
    let address = config.listeners[0].address;
    remote.apply(config);
    let is = |event: &Event, wanted| matches!(event, Event::TargetHealth { state, .. } if *state == wanted);
    while !is(&timeout(SOON, events.recv()).await.expect("healthy").unwrap(), Health::Healthy) {}

    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
    let seen = target.asked("/health");
    let probed = async {
        while target.asked("/health") < seen + 4 {
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
    let launch = Launch { dir: dir.path().to_owned(), command: vec!["false".into()], build: String::new() };
    let remote = Remote::new(launch, sender);
    remote.apply(config("one"));
    match timeout(SOON, events.recv()).await.expect("told").unwrap() {
        Event::ListenerFailed { arn, error, .. } => {
            assert_eq!(arn, "listener");
            assert!(error.contains("ended at once (exit status: 1)"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// What an earlier or later version of the process does: greets with its own number, ends or leaves when told.
/// Returns the messages that it received.
fn stranger(door: &UnixListener, protocol: u32) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let (mut socket, _) = door.accept().unwrap();
        while let Some(message) = read(&mut socket) {
            told.push(message);
            let answer = match told.last().unwrap().as_str() {
                "\"End\"" => return told,
                "\"Leave\"" => "\"Leaving\"".to_owned(),
                _ => format!(r#"{{"Hello":{{"protocol":{protocol}}}}}"#),
            };
            socket.write_all(&(answer.len() as u32).to_le_bytes()).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
            if answer.contains("Leaving") {
                return told;
            }
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
async fn one_of_another_version_is_replaced_in_order_and_ended_only_if_it_is_too_old_for_that() {
    for (protocol, last) in [(0, "\"End\""), (2, "\"End\""), (3_000, "\"Leave\"")] {
        let dir = tempfile::tempdir().unwrap();
        let door = UnixListener::bind(dir.path().join("balancer.sock")).unwrap();
        let stranger = std::thread::spawn(move || stranger(&door, protocol));
        let mut platform = Platform::new(dir.path());
        platform.remote.apply(config("one"));
        let address = platform.listens().await;
        assert_eq!(get(address), "one");
        assert_eq!(stranger.join().unwrap().last().unwrap(), last, "{protocol}");
        drop(platform);
        balancer::end(dir.path()).await.unwrap();
    }
}
