//! One process makes room for another, and no request notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use balancer::{Config, Event};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::process::{Platform, Process, home, served};
use crate::support::{Client, SOON, Served, config, get, read_head};

/// What a process that leaves finishes in: `LEAVE` of `server.rs`, which is documented.
const LIMIT: Duration = Duration::from_secs(300);

/// The same on a port that was free just now: one that the kernel chooses is not handed over.
fn on_a_port(mut config: Config) -> Config {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.listeners[0].address = free.local_addr().unwrap();
    config
}

/// A target whose answers to `/slow` wait; it tells when one was asked for.
struct Slow {
    served: Served,
    asked: mpsc::UnboundedReceiver<()>,
    finish: watch::Sender<bool>,
}

async fn slow() -> Slow {
    let (ask, asked) = mpsc::unbounded_channel();
    let (finish, finished) = watch::channel(false);
    let served = Served::http(move |request| {
        let (ask, mut finished) = (ask.clone(), finished.clone());
        async move {
            if request.uri().path() == "/slow" {
                ask.send(()).unwrap();
                finished.wait_for(|f| *f).await.unwrap();
            }
            Response::new(Full::from("x"))
        }
    })
    .await;
    Slow { served, asked, finish }
}

fn says_close(head: &str) -> bool {
    head.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_of_another_build_replaces_it_and_what_is_open_is_finished() {
    let home = home();
    let old = served(&home.path).await;
    let mut slow = slow().await;
    let config = on_a_port(config(&[slow.served.address]));
    let mut platform = Platform::start(&home, &config).await;
    let address = platform.address().await;
    let in_flight = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        client.ask("GET", "/slow", "").await.map(|answer| (answer, client))
    });
    slow.asked.recv().await.unwrap();
    let mut kept = Client::connect(address).await;
    assert!(!says_close(&kept.ask("GET", "/", "").await.unwrap().0));
    let mut silent = Client::connect(address).await;
    // Connections are accepted in turn: once this one is, the one before has been.
    assert_eq!(get(address, "/").await.0, 200);
    drop(platform);

    let new = Process::begin(&home.path, || {});
    let mut platform = Platform::of_build(&home, &config, "another").await;
    assert_eq!(platform.address().await, address);
    assert_eq!(get(address, "/").await, (200, "x".into()), "the new one accepts");
    let (head, _) = kept.ask("POST", "/", "a").await.expect("a kept connection takes one more request");
    assert!(head.starts_with("HTTP/1.1 200") && says_close(&head), "{head}");
    assert!(kept.ask("GET", "/", "").await.is_err(), "and then it ends");
    let (head, _) = silent.ask("GET", "/", "").await.expect("one that had said nothing, too");
    assert!(says_close(&head), "{head}");
    assert!(!old.task.is_finished(), "a request is in flight");
    slow.finish.send(true).unwrap();
    let ((head, body), _client) = in_flight.await.unwrap().expect("it is finished");
    assert!(says_close(&head) && body == "x", "{head}");
    old.ends().await;
    assert_eq!(get(address, "/").await, (200, "x".into()));
    drop(platform);
    new.terminate();
    new.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_has_the_platform_replace_it_and_http2_is_told_to_go_away() {
    let home = home();
    let old = served(&home.path).await;
    let mut slow = slow().await;
    let config = on_a_port(config(&[slow.served.address]));
    let mut platform = Platform::of_build(&home, &config, &balancer::build_of("/proc/self/exe".as_ref())).await;
    let address = platform.address().await;
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |path: &str| {
        let request = Request::get(format!("http://a.test{path}")).body(Empty::<Bytes>::new()).unwrap();
        let mut sender = sender.clone();
        async move {
            let body = sender.send_request(request).await?.into_body();
            Ok::<_, hyper::Error>(body.collect().await?.to_bytes())
        }
    };
    assert_eq!(ask("/").await.unwrap(), "x");
    let in_flight = tokio::spawn(ask("/slow"));
    slow.asked.recv().await.unwrap();

    let new = Process::begin(&home.path, || {});
    old.terminate();
    assert_eq!(platform.address().await, address, "another listens");
    slow.finish.send(true).unwrap();
    assert_eq!(in_flight.await.unwrap().unwrap(), "x");
    timeout(SOON, connection).await.expect("the balancer ends it").unwrap().expect("in order");
    old.ends().await;
    assert_eq!(get(address, "/").await, (200, "x".into()));
    drop(platform);
    new.terminate();
    new.ends().await;
}

/// A deployment that happens to come meanwhile loses no request either.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_has_drained_only_when_the_one_that_leaves_says_so_too_and_that_one_hears_of_new_routes() {
    let home = home();
    let old = served(&home.path).await;
    let mut slow = slow().await;
    let (other, port) = (Served::named("other").await, slow.served.address.port());
    let mut config = on_a_port(config(&[slow.served.address]));
    let mut platform = Platform::start(&home, &config).await;
    let address = platform.address().await;
    let in_flight = tokio::spawn(async move { get(address, "/slow").await });
    slow.asked.recv().await.unwrap();
    let mut kept = Client::connect(address).await;
    kept.ask("GET", "/", "").await.unwrap();
    drop(platform);
    let new = Process::begin(&home.path, || {});
    let mut platform = Platform::of_build(&home, &config, "another").await;
    platform.address().await;

    // The platform is started again: the next finds both.
    drop(platform);
    config.groups[0].targets[0].draining = true;
    config.groups[0].targets.push(crate::support::target(other.address));
    let mut platform = Platform::start(&home, &config).await;
    let drained = Event::TargetDrained { group: "group".into(), target: "127.0.0.1".into(), port };
    assert!(!platform.told().contains(&drained), "a request of the one that leaves is in flight");
    assert_eq!(kept.ask("GET", "/", "").await.unwrap().1, "other", "a kept connection follows the routes");
    assert!(!platform.told().contains(&drained));
    slow.finish.send(true).unwrap();
    assert_eq!(in_flight.await.unwrap(), (200, "x".into()));
    platform.until(|event| *event == drained).await;
    old.ends().await;
    drop(platform);
    new.terminate();
    new.ends().await;
}

/// A target that changes its protocol and says what it hears.
async fn echo() -> Served {
    Served::raw(|mut socket| async move {
        if !read_head(&mut socket).await.contains("upgrade") {
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            return;
        }
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        socket.write_all(answer).await.unwrap();
        let (mut reader, mut writer) = socket.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    })
    .await
}

#[tokio::test]
async fn a_tunnel_goes_on_until_the_limit() {
    let home = home();
    let old = served(&home.path).await;
    let echo = echo().await;
    let mut config = on_a_port(config(&[echo.address]));
    config.listeners[0].attributes.idle_timeout = LIMIT * 2;
    let mut platform = Platform::start(&home, &config).await;
    let address = platform.address().await;
    let mut tunnel = TcpStream::connect(address).await.unwrap();
    tunnel.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await.unwrap();
    assert!(read_head(&mut tunnel).await.starts_with("HTTP/1.1 101"));
    drop(platform);
    let new = Process::begin(&home.path, || {});
    let mut platform = Platform::of_build(&home, &config, "another").await;
    platform.address().await;

    let mut heard = [0; 5];
    tunnel.write_all(b"still").await.unwrap();
    tunnel.read_exact(&mut heard).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(LIMIT - Duration::from_secs(5)).await;
    tokio::time::resume();
    tunnel.write_all(b"again").await.unwrap();
    timeout(SOON, tunnel.read_exact(&mut heard)).await.expect("before the limit").unwrap();
    assert_eq!(&heard, b"again");
    assert!(!old.task.is_finished());
    old.ends().await; // within five seconds more
    drop((platform, tunnel));
    new.terminate();
    new.ends().await;
}

#[tokio::test]
async fn without_a_platform_a_signal_lets_what_is_in_flight_end_and_a_second_does_not() {
    let home = home();
    let mut slow = slow().await;
    let config = on_a_port(config(&[slow.served.address]));
    for signals in [1, 2] {
        slow.finish.send_replace(false);
        let process = served(&home.path).await;
        let mut platform = Platform::start(&home, &config).await;
        let address = platform.address().await;
        let in_flight = tokio::spawn(async move { get(address, "/slow").await });
        slow.asked.recv().await.unwrap();
        let mut idle = Client::connect(address).await;
        idle.ask("GET", "/", "").await.unwrap();
        drop(platform);
        (0..signals).for_each(|_| process.terminate());
        if signals == 1 {
            assert!(idle.ends_silently().await, "nobody waits for one that is idle");
            assert!(!process.task.is_finished(), "a request is in flight");
            slow.finish.send_replace(true);
        }
        // A task that ends breaks no connection, as a process does; but it does not wait.
        process.ends().await;
        slow.finish.send_replace(true);
        assert_eq!(in_flight.await.unwrap(), (200, "x".into()));
    }
}

/// Kept connections and fresh ones, GET and POST, while the process is replaced again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_while_the_process_is_replaced_ten_times() {
    let home = home();
    let target = Served::named("x").await;
    let config = on_a_port(config(&[target.address]));
    let mut process = served(&home.path).await;
    let mut platform = Platform::start(&home, &config).await;
    let address = platform.address().await;
    let (stop, answered) = (watch::channel(false).0, Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..8)
        .map(|worker| {
            let (stopped, answered) = (stop.subscribe(), Arc::clone(&answered));
            tokio::spawn(async move {
                let (mut client, mut failed) = (None, Vec::new());
                while !*stopped.borrow() {
                    if worker % 4 == 3 {
                        client = None;
                    }
                    let mut asks = match client.take() {
                        Some(kept) => kept,
                        None => Client::connect(address).await,
                    };
                    match asks.ask(if worker % 2 == 0 { "GET" } else { "POST" }, "/", "").await {
                        Ok((head, _)) if head.starts_with("HTTP/1.1 200") => {
                            answered.fetch_add(1, Ordering::SeqCst);
                            client = (!says_close(&head)).then_some(asks);
                        }
                        other => failed.push(format!("{worker}: {other:?}")),
                    }
                }
                failed
            })
        })
        .collect();
    for turn in 0..10 {
        let wanted = answered.load(Ordering::SeqCst) + 100;
        let reached = async {
            while answered.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, reached).await.expect("requests are answered");
        drop(platform);
        let next = Process::begin(&home.path, || {});
        platform = Platform::of_build(&home, &config, &format!("build {turn}")).await;
        process.ends().await;
        process = next;
    }
    stop.send_replace(true);
    let mut failed = Vec::new();
    for worker in load {
        failed.extend(worker.await.unwrap());
    }
    println!("{} answered", answered.load(Ordering::SeqCst));
    assert!(failed.is_empty(), "{failed:?}");
    drop(platform);
    process.terminate();
    process.ends().await;
}
