//! Connections into a task's network, and through it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use runtime::{Runtime, TaskSpec};
use support::{Host, host};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Tries until the port accepts; a container that says `up` may not listen yet.
async fn connect(runtime: &Runtime, host: Option<&str>, port: u16) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match runtime.connect("t", host, port).await {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks a web server for its text.
async fn said(mut stream: TcpStream) -> String {
    stream.write_all(b"GET /text HTTP/1.0\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text.rsplit("\r\n\r\n").next().unwrap().to_owned()
}

async fn refused(host: &Host, name: Option<&str>, port: u16) -> (ErrorKind, String) {
    let error = host.runtime.connect("t", name, port).await.expect_err("nobody is there");
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn reaches_what_listens_on_a_tasks_own_loopback_alone() {
    testhost::needs_root!();
    let host = host(140).await;
    let network = host.task("t").await;
    for (name, address, text) in [("four", "127.0.0.1:8000", "four"), ("six", "[::1]:8001", "six")] {
        let script = format!("mkdir /w; echo {text} > /w/text; exec httpd -f -p {address} -h /w");
        host.start(host.script(name, &script)).await;
    }
    for name in [None, Some(""), Some("localhost"), Some("127.0.0.1")] {
        assert_eq!(said(connect(&host.runtime, name, 8000).await).await, "four\n", "{name:?}");
    }
    for name in [None, Some("::1")] {
        assert_eq!(said(connect(&host.runtime, name, 8001).await).await, "six\n", "{name:?}");
    }
    assert!(TcpStream::connect((network.address, 8000)).await.is_err(), "the host cannot");
    // Many at once, and no thread of ours stays in the task.
    let ours = std::fs::read_link("/proc/self/ns/net").unwrap();
    let many = (0..50).map(|_| async { said(connect(&host.runtime, None, 8000).await).await });
    assert!(futures_util::future::join_all(many).await.iter().all(|text| text == "four\n"));
    for thread in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        // One that has just ended has no namespace.
        let namespace = std::fs::read_link(thread.path().join("ns/net"));
        assert!(namespace.is_err() || namespace.unwrap() == ours);
    }
    host.finish().await;
}

#[tokio::test]
async fn reaches_other_places_from_the_tasks_address() {
    testhost::needs_root!();
    let mut settings = support::config(141);
    let port = 51_841;
    settings.open_ports = vec![port];
    let host = support::host_of(settings).await;
    let spec = TaskSpec { extra_hosts: vec![("db.internal".into(), host.config.gateway())], ..support::task("t") };
    let network = host.runtime.ensure_task(&spec).await.unwrap();
    let listener = TcpListener::bind((network.gateway, port)).await.unwrap();
    let gateway = network.gateway.to_string();
    // By address, and by a name that the task's hosts file alone has.
    for name in [gateway.as_str(), "db.internal", "DB.internal."] {
        let stream = host.runtime.connect("t", Some(name), port).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), network.address, "{name}");
        assert_eq!(stream.local_addr().unwrap(), peer);
    }
    host.finish().await;
}

#[tokio::test]
async fn says_what_could_not_be_reached() {
    testhost::needs_root!();
    let host = host(142).await;
    host.task("t").await;
    let (kind, text) = refused(&host, None, 8000).await;
    assert_eq!(kind, ErrorKind::ConnectionRefused);
    assert_eq!(text, "could not connect to localhost:8000 from task `t`: Connection refused (os error 111)");
    let (kind, text) = refused(&host, Some("::1"), 8000).await;
    assert_eq!(kind, ErrorKind::ConnectionRefused);
    assert!(text.starts_with("could not connect to [::1]:8000 from task `t`: "), "{text}");
    let (kind, text) = refused(&host, Some("no-such-name.invalid"), 1).await;
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
    assert!(text.contains("no-such-name.invalid:1"), "{text}");
    for id in ["other", "../t"] {
        let error = host.runtime.connect(id, None, 8000).await.expect_err("no such task");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(&format!("no task `{id}`")), "{error}");
    }
    host.runtime.remove_task("t").await.unwrap();
    let spec = TaskSpec { dns_servers: vec!["192.0.2.53".parse().unwrap()], ..support::task("t") };
    host.runtime.ensure_task(&spec).await.unwrap();
    let (kind, text) = refused(&host, Some("example.com"), 80).await;
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(text.contains("192.0.2.53"), "{text}");
    host.finish().await;
}

#[tokio::test]
async fn gives_up_on_what_does_not_answer() {
    testhost::needs_root!();
    let host = host(143).await;
    let network = host.task("t").await;
    // An address of the bridge that no host has: the kernel asks for a few
    // seconds who has it, or, where it is quicker, says that none does.
    let mut octets = network.address.octets();
    octets[3] = 250;
    let nobody = std::net::Ipv4Addr::from(octets).to_string();
    let begun = Instant::now();
    let (kind, text) = refused(&host, Some(&nobody), 80).await;
    assert!(matches!(kind, ErrorKind::TimedOut | ErrorKind::HostUnreachable), "{kind}: {text}");
    assert!(text.contains(&format!("{nobody}:80")), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    host.finish().await;
}
