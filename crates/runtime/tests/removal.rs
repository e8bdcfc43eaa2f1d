//! What a task had on the host is gone when it is gone; starting is quick.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::time::{Duration, Instant};

use runtime::{StartError, TaskError};
use support::{assert_nothing_left, host, links, namespaces, ports, task};

#[tokio::test]
async fn a_removed_task_leaves_nothing_on_the_host() {
    testhost::needs_root!();
    let mut host = host(100).await;
    let network = host.task("t").await;
    // One that ignores the signal, one with children, one that has ended.
    host.start(host.script("deaf", "trap '' TERM; sleep 1000 & while :; do sleep 1; done")).await;
    let plain = host.start(host.script("plain", "exec sleep 1000")).await;
    host.run(host.script("ended", "true")).await;
    let link = ports(&host.config);
    assert_eq!(link.len(), 1);
    let namespace = std::fs::read_link(format!("/proc/{plain}/ns/net")).unwrap();
    let namespace = namespace.display().to_string();
    assert!(namespaces().contains(&namespace));
    host.runtime.remove_task("t").await.unwrap();
    assert_nothing_left(&host.config, "t");
    assert!(!links().contains(&link[0]));
    assert!(!namespaces().contains(&namespace));
    host.runtime.remove_task("t").await.unwrap();
    host.runtime.remove_task("never-made").await.unwrap();
    assert!(host.runtime.known_tasks().await.is_empty());
    let gone = host.runtime.ensure_started("t", host.script("c", "true")).await;
    assert!(matches!(gone, Err(StartError::Task(TaskError::NoSuchTask { .. }))));
    // The address is not handed out again at once.
    assert_ne!(host.task("t").await.address, network.address);
    host.finish().await;
}

#[tokio::test]
async fn a_task_that_cannot_start_leaves_nothing_on_the_host() {
    testhost::needs_root!();
    let first = host(101).await;
    let mut config = first.config.clone();
    config.supervisor = vec!["/bin/sh".into(), "-c".into(), "echo I give up >&2; exit 3".into()];
    let broken = support::open(config.clone(), vec![]).await;
    let Err(error) = broken.runtime.ensure_task(&task("t")).await else { panic!("it started") };
    assert!(matches!(error, TaskError::Supervisor { .. }), "{error:?}");
    assert!(error.to_string().contains("I give up"), "{error}");
    assert_nothing_left(&config, "t");
    assert_eq!(ports(&config), Vec::<String>::new());
    let refused = broken.runtime.ensure_task(&task("../t")).await;
    assert!(matches!(refused, Err(TaskError::InvalidId { .. })));
    drop(broken);
    first.finish().await;
}

#[tokio::test]
async fn tasks_are_made_and_removed_beside_each_other() {
    testhost::needs_root!();
    let host = host(102).await;
    let ids: Vec<String> = (0..8).map(|number| format!("t{number}")).collect();
    let work = ids.iter().map(|id| async {
        let network = host.task(id).await;
        let spec = host.script("c", "exec sleep 1000");
        host.runtime.ensure_started(id, spec).await.unwrap();
        host.runtime.remove_task(id).await.unwrap();
        network.address
    });
    let mut addresses = futures_util::future::join_all(work).await;
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 8);
    assert_eq!(ports(&host.config), Vec::<String>::new());
    host.finish().await;
}

/// The bound is loose, for busy machines; the numbers are printed to be read.
#[tokio::test]
async fn a_task_with_one_container_starts_quickly() {
    testhost::needs_root!();
    let mut host = host(103).await;
    let mut times = Vec::new();
    for round in 0..15 {
        let id = format!("t{round}");
        let begun = Instant::now();
        host.task(&id).await;
        let made = begun.elapsed();
        host.runtime.ensure_started(&id, host.script("c", "echo first")).await.unwrap();
        let started = begun.elapsed();
        host.exit(&id, "c").await;
        let ended = begun.elapsed();
        host.runtime.remove_task(&id).await.unwrap();
        times.push((started, made, ended, begun.elapsed() - ended));
    }
    times.sort();
    for (started, made, ended, removed) in &times {
        println!("made {made:?} started {started:?} ended {ended:?} removed in {removed:?}");
    }
    assert!(times[times.len() / 2].0 < Duration::from_secs(1), "{times:?}");
    host.finish().await;
}
