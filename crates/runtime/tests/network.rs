//! Who reaches whom.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use support::host;

const SERVE: &str = "echo up; while :; do echo hello | nc -l -p 8000; done";

/// Tries until the port accepts; a container that says `up` may not listen yet.
fn fetch(address: (std::net::Ipv4Addr, u16)) -> String {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        match TcpStream::connect(address) {
            Ok(mut stream) => {
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                return text;
            }
            Err(error) => {
                assert!(std::time::Instant::now() < deadline, "{error}");
                std::thread::yield_now();
            }
        }
    }
}

#[tokio::test]
async fn containers_of_a_task_meet_on_the_loopback_and_others_do_not() {
    testhost::needs_root!();
    let mut host = host(60).await;
    host.task("t").await;
    host.start(host.script("server", SERVE)).await;
    host.wait_for_output("server", "up").await;
    let client = "until nc 127.0.0.1 8000 </dev/null; do sleep 0.02; done";
    assert_eq!(host.run(host.script("client", client)).await, (0, "hello\n".to_owned()));
    host.task("other").await;
    let spec = host.script("client", "nc -w 1 127.0.0.1 8000 </dev/null");
    host.runtime.ensure_started("other", spec).await.unwrap();
    assert_eq!(host.exit("other", "client").await.code, 1);
    host.finish().await;
}

#[tokio::test]
async fn the_host_and_other_tasks_reach_a_task_and_it_reaches_an_open_port_of_the_host() {
    testhost::needs_root!();
    let mut settings = support::config(61);
    let port = 51_761;
    settings.open_ports = vec![port];
    let mut host = support::host_of(settings).await;
    let network = host.task("t").await;
    let listener = TcpListener::bind((network.gateway, port)).unwrap();
    host.start(host.script("server", SERVE)).await;
    host.wait_for_output("server", "up").await;
    assert_eq!(fetch((network.address, 8000)), "hello\n");

    host.task("other").await;
    let script = format!("until nc {} 8000 </dev/null; do sleep 0.02; done", network.address);
    let spec = host.script("client", &script);
    host.runtime.ensure_started("other", spec).await.unwrap();
    assert_eq!(host.exit("other", "client").await.code, 0);
    assert_eq!(host.output("other", "client").await, "hello\n");

    let script = format!("echo to the host | nc {} {port}", network.gateway);
    host.start(host.script("caller", &script)).await;
    let mut text = String::new();
    let (mut stream, peer) = listener.accept().unwrap();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), peer.ip()), ("to the host\n", network.address.into()));
    host.finish().await;
}

#[tokio::test]
async fn the_world_sees_the_hosts_address_and_not_the_tasks() {
    testhost::needs_root!();
    // A namespace beyond the host stands for the world: it has no route to the subnet.
    let host = host(62).await;
    let network = host.task("t").await;
    let ip = |arguments: &str| {
        let done = std::process::Command::new("ip").args(arguments.split(' ')).status().unwrap();
        assert!(done.success(), "ip {arguments}");
    };
    let _ = std::process::Command::new("ip").args(["netns", "del", "mgworld"]).status();
    ip("netns add mgworld");
    ip("link add mgworld0 type veth peer name eth0 netns mgworld");
    ip("addr add 198.51.100.1/24 dev mgworld0");
    ip("link set mgworld0 up");
    ip("-n mgworld addr add 198.51.100.2/24 dev eth0");
    ip("-n mgworld link set eth0 up");
    let world = std::fs::File::open("/run/netns/mgworld").unwrap();
    let listener = std::thread::spawn(move || {
        nix::sched::setns(world, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        TcpListener::bind("198.51.100.2:7000").unwrap()
    });
    let listener = listener.join().unwrap();
    host.start(host.script("c", "echo out there | nc 198.51.100.2 7000")).await;
    let accepted = tokio::task::spawn_blocking(move || {
        let (mut stream, peer) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        (text, peer.ip().to_string())
    });
    let (text, peer) = tokio::time::timeout(Duration::from_secs(20), accepted).await.unwrap().unwrap();
    ip("netns del mgworld");
    assert_eq!((text.as_str(), peer.as_str()), ("out there\n", "198.51.100.1"));
    assert_ne!(peer, network.address.to_string());
    host.finish().await;
}

#[tokio::test]
async fn an_address_that_is_redirected_is_answered_by_the_host_and_takes_no_port_of_the_task() {
    testhost::needs_root!();
    let number = 63;
    let mut settings = support::config(number);
    let asked: SocketAddrV4 = "169.254.170.2:80".parse().unwrap();
    settings.redirects = vec![runtime::Redirect { transport: runtime::Transport::Tcp, asked, port: 51700 }];
    let gateway = settings.gateway();
    let mut host = support::host_of(settings).await;
    host.task("t").await;
    let listener = TcpListener::bind((gateway, 51700)).unwrap();
    let serve = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().unwrap();
        let mut line = [0; 256];
        let _ = stream.read(&mut line).unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nmeta\n").unwrap();
        peer.ip().to_string()
    });
    let script = "httpd -p 0.0.0.0:80 -h / && wget -qO- http://169.254.170.2/v4";
    let (code, output) = host.run(host.script("c", script)).await;
    assert_eq!((code, output.as_str()), (0, "meta\n"));
    // Who asks is known by the address.
    assert_eq!(serve.join().unwrap(), host.task("t").await.address.to_string());
    host.finish().await;
}

#[tokio::test]
async fn a_plain_user_may_listen_on_a_low_port() {
    testhost::needs_root!();
    let mut host = host(64).await;
    let network = host.task("t").await;
    let mut spec = host.script("c", "echo up; echo low | nc -l -p 80");
    spec.user = "web".into();
    host.start(spec).await;
    host.wait_for_output("c", "up").await;
    assert_eq!(fetch((network.address, 80)), "low\n");
    host.finish().await;
}
