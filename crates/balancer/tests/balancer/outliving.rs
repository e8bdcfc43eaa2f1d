//! The balancer's process goes on without a platform, and tells the next one everything.
//!
//! The process is a task here; `managr/tests/cli/balance.rs` has a real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use balancer::{Config, Event, Health, ServeError};
use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::process::{Platform, home, served};
use crate::support::{Client, SOON, Served, config, get};

fn is_healthy(event: &Event, of: &Served) -> bool {
    matches!(event, Event::TargetHealth { port, state: Health::Healthy, .. } if *port == of.address.port())
}

/// A target that answers everything, its health check included, with a status that can change.
async fn switchable(status: &Arc<AtomicU16>, name: &'static str) -> Served {
    let status = Arc::clone(status);
    Served::raw(move |mut socket| {
        let status = Arc::clone(&status);
        async move {
            use tokio::io::AsyncWriteExt;
            crate::support::read_head(&mut socket).await;
            let status = status.load(Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{name}");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test]
async fn serves_and_probes_on_without_a_platform_and_tells_the_next_all_that_is_so() {
    let home = home();
    let _process = served(&home.path).await;
    let status = Arc::new(AtomicU16::new(200));
    let (a, b) = (switchable(&status, "a").await, Served::named("b").await);
    let config = config(&[a.address, b.address]);
    let mut first = Platform::start(&home, &config).await;
    let address = first.address().await;
    first.until(|e| is_healthy(e, &a)).await;
    drop(first);

    status.store(500, Ordering::SeqCst);
    let turned = async {
        // Seen from outside: no platform hears that `a` is unhealthy, and yet requests pass it by.
        let mut in_a_row = 0;
        while in_a_row < 8 {
            let (code, body) = get(address, "/").await;
            in_a_row = if (code, body.as_str()) == (200, "b") { in_a_row + 1 } else { 0 };
        }
    };
    timeout(SOON, turned).await.expect("it routes away from what is unhealthy");

    let mut second = Platform::start(&home, &config).await;
    let told = second.told();
    assert!(told.contains(&Event::ListenerReady { arn: "listener".into(), address }), "{told:?}");
    assert!(told.iter().any(|e| is_healthy(e, &b)), "{told:?}");
    let sick = |e: &Event| {
        matches!(e, Event::TargetHealth { port, state: Health::Unhealthy, reason, .. }
        if *port == a.address.port() && reason.as_deref() == Some("Target.ResponseCodeMismatch"))
    };
    assert!(told.iter().any(sick), "{told:?}");
    assert_eq!(get(address, "/").await, (200, "b".into()), "and was not disturbed");
}

#[tokio::test]
async fn what_drained_while_no_platform_was_there_is_told_to_the_next() {
    let home = home();
    let _process = served(&home.path).await;
    let (begun, mut was_begun) = mpsc::unbounded_channel();
    let (finish, finished) = watch::channel(false);
    let slow = Served::http(move |_| {
        let (begun, mut finished) = (begun.clone(), finished.clone());
        async move {
            begun.send(()).unwrap();
            finished.wait_for(|f| *f).await.unwrap();
            Response::new(Full::from("slow"))
        }
    })
    .await;
    let mut config = config(&[slow.address]);
    let mut first = Platform::start(&home, &config).await;
    let address = first.address().await;
    let request = tokio::spawn(async move { get(address, "/").await });
    was_begun.recv().await.unwrap();
    config.groups[0].targets[0].draining = true;
    first.remote.apply(config.clone());
    first.remote.settled().await;
    assert!(!first.told().iter().any(|e| matches!(e, Event::TargetDrained { .. })), "a request is in flight");
    drop(first);

    finish.send(true).unwrap();
    assert_eq!(request.await.unwrap(), (200, "slow".into()));
    let mut second = Platform::start(&home, &config).await;
    let port = slow.address.port();
    let drained = Event::TargetDrained { group: "group".into(), target: "127.0.0.1".into(), port };
    assert!(second.told().contains(&drained));
}

/// A task gets its SIGTERM after this acknowledgement.
#[tokio::test]
async fn nothing_new_reaches_a_target_once_its_draining_is_acknowledged() {
    let home = home();
    let _process = served(&home.path).await;
    let old_is_gone = Arc::new(AtomicU16::new(0));
    let gone = Arc::clone(&old_is_gone);
    let old = Served::http(move |_| {
        let gone = Arc::clone(&gone);
        async move {
            let mut response = Response::new(Full::from("x"));
            if gone.load(Ordering::SeqCst) == 1 {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            response
        }
    })
    .await;
    let new = Served::named("x").await;
    let mut config = config(&[old.address, new.address]);
    let mut platform = Platform::start(&home, &config).await;
    let address = platform.address().await;
    let mut kept = Client::connect(address).await;
    for _ in 0..4 {
        assert!(kept.ask("GET", "/", "").await.unwrap().0.starts_with("HTTP/1.1 200"));
    }
    config.groups[0].targets[0].draining = true;
    platform.remote.apply(config);
    platform.remote.settled().await;
    old_is_gone.store(1, Ordering::SeqCst);
    for turn in 0..50 {
        let method = if turn % 2 == 0 { "GET" } else { "POST" };
        assert!(kept.ask(method, "/", "").await.unwrap().0.starts_with("HTTP/1.1 200"), "{turn}");
    }
}

#[tokio::test]
async fn with_nothing_left_to_serve_it_finishes_what_is_in_flight_and_ends() {
    let home = home();
    let process = served(&home.path).await;
    let (begun, mut was_begun) = mpsc::unbounded_channel();
    let (finish, finished) = watch::channel(false);
    let slow = Served::http(move |_| {
        let (begun, mut finished) = (begun.clone(), finished.clone());
        async move {
            begun.send(()).unwrap();
            finished.wait_for(|f| *f).await.unwrap();
            Response::new(Full::from("slow"))
        }
    })
    .await;
    let mut platform = Platform::start(&home, &config(&[slow.address])).await;
    let address = platform.address().await;
    let request = tokio::spawn(async move { get(address, "/").await });
    was_begun.recv().await.unwrap();
    platform.remote.apply(Config::default());
    platform.remote.settled().await;
    assert!(!process.task.is_finished());
    finish.send(true).unwrap();
    assert_eq!(request.await.unwrap(), (200, "slow".into()));
    timeout(SOON, process.task).await.expect("it ends").unwrap().unwrap();
    // No process serves, and nothing is wanted: that is settled, too.
    platform.remote.apply(Config::default());
    timeout(SOON, platform.remote.settled()).await.expect("settled");
}

#[tokio::test]
async fn there_is_one_for_each_directory_and_it_can_be_ended() {
    let home = home();
    balancer::end(&home.path).await.unwrap(); // no process is there
    let process = served(&home.path).await;
    let platform = Platform::start(&home, &config(&[])).await;
    drop(platform);
    let second = balancer::serve(&home.path, || panic!("taken"), mpsc::unbounded_channel().1).await;
    assert!(matches!(second, Err(ServeError::Taken { .. })), "{second:?}");
    balancer::end(&home.path).await.unwrap();
    process.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_tells_anything_takes_itself_for_forgotten() {
    let home = home();
    served(&home.path).await.task.await.unwrap().unwrap();
}

/// Counted every 20 seconds, so that this takes as long.
#[tokio::test]
async fn what_was_counted_while_no_platform_was_there_is_told_once_to_the_next() {
    let home = home();
    let _process = served(&home.path).await;
    let target = Served::named("a").await;
    let config = config(&[target.address]);
    let mut first = Platform::start(&home, &config).await;
    let address = first.address().await;
    first.until(|e| is_healthy(e, &target)).await;
    drop(first);
    for _ in 0..3 {
        assert_eq!(get(address, "/").await, (200, "a".into()));
    }
    let requests = |event: &Event| match event {
        Event::Counted(count) => count.groups.iter().map(|group| group.requests).sum::<u64>(),
        _ => 0,
    };
    let mut second = Platform::start(&home, &config).await;
    let all = async {
        let mut told = 0;
        while told < 3 {
            told += requests(&second.events.recv().await.unwrap());
        }
        told
    };
    assert_eq!(timeout(2 * SOON, all).await.expect("it is told"), 3);
    drop(second);
    let mut third = Platform::start(&home, &config).await;
    let again: u64 = third.told().iter().map(requests).sum();
    assert_eq!(again, 0, "told already");
}
