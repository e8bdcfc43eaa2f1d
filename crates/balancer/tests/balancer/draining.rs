//! Targets leave, and no client notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use balancer::{Event, Health};
use http::Response;
use http_body_util::Full;
use platform_core::routing::Action;
use tokio::sync::{mpsc, watch};

use crate::support::{Client, Rig, Served, config, get, target};

#[tokio::test]
async fn a_slow_request_finishes_on_a_draining_target_and_only_then_has_it_drained() {
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
    let mut rig = Rig::healthy(&[slow.address]).await;
    let address = rig.address;
    let request = tokio::spawn(async move { get(address, "/").await });
    was_begun.recv().await.unwrap();
    let quick = Served::named("quick").await;
    let mut next = config(&[slow.address, quick.address]);
    next.groups[0].targets[0].draining = true;
    rig.balancer.apply(&next);
    rig.until(|e| matches!(e, Event::TargetHealth { state: Health::Healthy, .. })).await;
    for _ in 0..4 {
        assert_eq!(get(address, "/").await.1, "quick");
    }
    assert!(rig.events.try_recv().is_err(), "not drained while the request is in flight");
    assert_eq!(rig.balancer.count(0, 0).groups[0].in_flight, 1);
    finish.send(true).unwrap();
    assert_eq!(request.await.unwrap(), (200, "slow".into()));
    let port = slow.address.port();
    let drained = rig.until(|_| true).await;
    assert_eq!(drained, Event::TargetDrained { group: "group".into(), target: "127.0.0.1".into(), port });
}

#[tokio::test]
async fn an_idle_target_drains_at_once_and_can_be_revived() {
    let served = Served::named("hello").await;
    let mut rig = Rig::healthy(&[served.address]).await;
    assert_eq!(get(rig.address, "/").await.0, 200);
    let mut draining = config(&[served.address]);
    draining.groups[0].targets[0].draining = true;
    rig.balancer.apply(&draining);
    rig.until(|e| matches!(e, Event::TargetDrained { .. })).await;
    assert_eq!(get(rig.address, "/").await.0, 503);
    rig.balancer.apply(&draining);
    assert!(rig.events.try_recv().is_err(), "told once");
    rig.balancer.apply(&config(&[served.address]));
    rig.until(|e| matches!(e, Event::TargetHealth { state: Health::Healthy, .. })).await;
    assert_eq!(get(rig.address, "/").await.0, 200);
}

/// The promise that rolling updates rest on: start new, wait until healthy, drain old, wait
/// until drained, kill old. Fifty times, under load, with kept and with fresh connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_while_targets_are_swapped_fifty_times() {
    let mut current = Served::named("x").await;
    let mut rig = Rig::healthy(&[current.address]).await;
    let address = rig.address;
    let stop = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let load: Vec<_> = (0..8)
        .map(|worker| {
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut failed = Vec::new();
                for turn in 0_usize.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let (method, body) = if turn % 3 == 0 { ("POST", "body") } else { ("GET", "") };
                    match client.ask(method, "/", body).await {
                        Ok((head, body)) if head.starts_with("HTTP/1.1 200") && body == "x" => {
                            served.fetch_add(1, Ordering::SeqCst);
                        }
                        other => failed.push(format!("{method} {turn}: {other:?}")),
                    }
                    if worker % 2 == 0 && turn % 10 == 0 {
                        client = Client::connect(address).await;
                    }
                }
                failed
            })
        })
        .collect();
    for swap in 0..50 {
        let before = served.load(Ordering::SeqCst);
        let next = Served::named("x").await;
        let mut both = config(&[current.address, next.address]);
        rig.balancer.apply(&both);
        let port = next.address.port();
        rig.until(|e| matches!(e, Event::TargetHealth { port: p, state: Health::Healthy, .. } if *p == port)).await;
        both.groups[0].targets[0].draining = true;
        rig.balancer.apply(&both);
        let port = current.address.port();
        rig.until(|e| matches!(e, Event::TargetDrained { port: p, .. } if *p == port)).await;
        // Killed, not closed in order: whatever were still in flight would be lost.
        current = next;
        let mut after = config(&[]);
        after.groups[0].targets.push(target(current.address));
        rig.balancer.apply(&after);
        while served.load(Ordering::SeqCst) < before + 20 {
            assert!(load.iter().all(|l| !l.is_finished()), "swap {swap}");
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for worker in load {
        let failed = tokio::time::timeout(Duration::from_secs(20), worker).await.unwrap().unwrap();
        assert!(failed.is_empty(), "{failed:?}");
    }
    assert!(served.load(Ordering::SeqCst) >= 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_while_a_rule_changes_its_group() {
    let (a, b) = (Served::named("x").await, Served::named("x").await);
    let of = |arn: &str, served: &Served| {
        let mut config = config(&[served.address]);
        config.groups[0].arn = arn.into();
        config.listeners[0].rules[0].action = Action::Forward(vec![(arn.into(), 1)]);
        config
    };
    let rig = Rig::healthy_with(&of("a", &a)).await;
    let address = rig.address;
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut failed = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    match client.ask("GET", "/", "").await {
                        Ok((head, _)) if head.starts_with("HTTP/1.1 200") => {}
                        other => failed.push(format!("{other:?}")),
                    }
                }
                failed
            })
        })
        .collect();
    for turn in 0..200 {
        rig.balancer.apply(&if turn % 2 == 0 { of("b", &b) } else { of("a", &a) });
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    for worker in load {
        let failed = tokio::time::timeout(Duration::from_secs(20), worker).await.unwrap().unwrap();
        assert!(failed.is_empty(), "{failed:?}");
    }
}
