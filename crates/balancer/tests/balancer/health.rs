//! Probes over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use balancer::{Event, Health};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::{Rig, Served, config, get, read_head};

/// A target whose health check answers whatever `status` holds, and which says its name.
async fn switchable(status: Arc<AtomicU16>, name: &'static str) -> Served {
    Served::raw(move |mut socket| {
        let status = Arc::clone(&status);
        async move {
            let head = read_head(&mut socket).await;
            let status = if head.starts_with("GET /health ") {
                assert!(head.contains("user-agent: ELB-HealthChecker/2.0\r\n"), "{head}");
                status.load(Ordering::SeqCst)
            } else {
                200
            };
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{name}");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    })
    .await
}

fn told(event: &Event) -> (Health, Option<&str>, Option<String>) {
    match event {
        Event::TargetHealth { state, reason, description, .. } => (*state, reason.as_deref(), description.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_target_turns_and_requests_follow() {
    let status = Arc::new(AtomicU16::new(200));
    let a = switchable(Arc::clone(&status), "a").await;
    let b = switchable(Arc::new(AtomicU16::new(200)), "b").await;
    let mut rig = Rig::healthy(&[a.address, b.address]).await;
    status.store(502, Ordering::SeqCst);
    let event = rig.until(|e| matches!(e, Event::TargetHealth { .. })).await;
    assert_eq!(
        told(&event),
        (
            Health::Unhealthy,
            Some("Target.ResponseCodeMismatch"),
            Some("Health checks failed with these codes: [502]".into())
        )
    );
    for _ in 0..4 {
        assert_eq!(get(rig.address, "/").await.1, "b");
    }
    status.store(200, Ordering::SeqCst);
    let event = rig.until(|e| matches!(e, Event::TargetHealth { .. })).await;
    assert_eq!(told(&event), (Health::Healthy, None, None));
    let seen = [get(rig.address, "/").await.1, get(rig.address, "/").await.1];
    assert!(seen.contains(&"a".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn a_target_that_does_not_listen_fails_and_all_failing_fails_open() {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    drop(door);
    let status = Arc::new(AtomicU16::new(500));
    let b = switchable(status, "b").await;
    let mut rig = Rig::start(&config(&[address, b.address])).await;
    let mut reasons = Vec::new();
    for _ in 0..2 {
        let event = rig.until(|e| matches!(e, Event::TargetHealth { .. })).await;
        reasons.push(told(&event).1.unwrap().to_owned());
    }
    reasons.sort_unstable();
    assert_eq!(reasons, ["Target.FailedHealthChecks", "Target.ResponseCodeMismatch"]);
    // Both are unhealthy: requests go to all of them, and the one that listens answers.
    assert_eq!(get(rig.address, "/").await, (200, "b".into()));
}

/// What a balancer that was started again does: it does not take every target for a new one.
#[tokio::test]
async fn what_was_known_of_a_target_counts_until_it_is_probed() {
    let hangs = |_| std::future::pending();
    let sick = Served::raw(hangs).await;
    let well = Served::named("well").await;
    let mut config = config(&[sick.address, well.address]);
    config.groups[0].targets[0].health = Health::Unhealthy;
    config.groups[0].targets[1].health = Health::Healthy;
    let rig = Rig::start(&config).await;
    for _ in 0..4 {
        assert_eq!(get(rig.address, "/").await, (200, "well".into()));
    }
}

#[tokio::test]
async fn a_check_that_hangs_is_a_timeout() {
    let hangs = Served::raw(|mut socket| async move {
        read_head(&mut socket).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut rig = Rig::start(&config(&[hangs.address])).await;
    let event = rig.until(|e| matches!(e, Event::TargetHealth { .. })).await;
    assert_eq!(told(&event), (Health::Unhealthy, Some("Target.Timeout"), Some("Request timed out".into())));
}

#[tokio::test]
async fn another_port_and_matcher_are_used_from_the_next_apply_on() {
    let checks = switchable(Arc::new(AtomicU16::new(204)), "c").await;
    let serves = Served::named("s").await;
    let mut config = config(&[serves.address]);
    let mut rig = Rig::healthy_with(&config).await;
    config.groups[0].health_check.port = Some(checks.address.port());
    rig.balancer.apply(&config);
    let event = rig.until(|e| matches!(e, Event::TargetHealth { state: Health::Unhealthy, .. })).await;
    assert_eq!(told(&event).2.unwrap(), "Health checks failed with these codes: [204]");
    config.groups[0].health_check.matcher = "200-299".into();
    rig.balancer.apply(&config);
    rig.until(|e| matches!(e, Event::TargetHealth { state: Health::Healthy, .. })).await;
}
