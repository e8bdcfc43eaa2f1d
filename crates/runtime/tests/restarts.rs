//! A container that has ended is started again: the same container, with its files, its output and its place.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use runtime::{ContainerState, Event, FaultKind, Mount, MountSource, StartError};
use support::{Host, host, open};

/// Waits for the end of a start of container `c` and returns its exit code.
async fn end_of(host: &mut Host, number: u32) -> i32 {
    host.wait(&format!("the end of start {number}"), |event| match event {
        Event::Exited { container, exit_code, restarts, .. } if container == "c" && restarts == number => {
            Some(exit_code)
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn is_the_same_container_with_its_files_and_its_output() {
    testhost::needs_root!();
    let mut host = host(110).await;
    let network = host.task("t").await;
    let mut spec = host.script(
        "c",
        "echo x >> /count; echo x >> /volume/count; echo x >> /tmpfs/count; n=$(wc -l < /count); \
         echo start $n volume $(wc -l < /volume/count) tmpfs $(wc -l < /tmpfs/count) $SECRET $(hostname -i); \
         rm -f /seeded/seed; ls /seeded; exit $n",
    );
    spec.env = vec![("SECRET".into(), "kept".into())];
    let mount = |target: &str, source| Mount { target: target.into(), source, readonly: false };
    spec.mounts = vec![
        mount("/volume", MountSource::Volume("v".into())),
        mount("/seeded", MountSource::Volume("s".into())),
        mount("/tmpfs", MountSource::Tmpfs { size_bytes: Some(1 << 20), options: vec![] }),
    ];
    let first = host.runtime.ensure_started("t", spec).await.unwrap();
    assert_eq!(end_of(&mut host, 0).await, 1);
    let second = host.runtime.ensure_restarted("t", "c", 1).await.unwrap();
    assert_ne!(first.pid, second.pid);
    assert_eq!(end_of(&mut host, 1).await, 2);
    // Asked again for what was done: nothing is started.
    assert_eq!(host.runtime.ensure_restarted("t", "c", 1).await.unwrap(), second);
    assert_eq!(host.runtime.ensure_restarted("t", "c", 0).await.unwrap(), second);
    host.runtime.ensure_restarted("t", "c", 2).await.unwrap();
    assert_eq!(end_of(&mut host, 2).await, 3);
    let line = |n| format!("start {n} volume {n} tmpfs 1 kept {}\n", network.address);
    assert_eq!(host.output("t", "c").await, [line(1), line(2), line(3)].concat());
    host.finish().await;
}

#[tokio::test]
async fn volumes_are_not_filled_anew() {
    testhost::needs_root!();
    let mut host = host(111).await;
    host.task("t").await;
    let mut spec = host.script("c", "ls /data; rm -rf /data/*");
    spec.mounts = vec![Mount { target: "/data".into(), source: MountSource::Volume("v".into()), readonly: false }];
    spec.seeded = vec!["/data".into()];
    host.start(spec).await;
    end_of(&mut host, 0).await;
    host.runtime.ensure_restarted("t", "c", 1).await.unwrap();
    end_of(&mut host, 1).await;
    assert_eq!(host.output("t", "c").await, "seed\nsub\n");
    host.finish().await;
}

#[tokio::test]
async fn the_next_platform_knows_which_start_it_was_and_can_start_it_again() {
    testhost::needs_root!();
    let mut host = host(112).await;
    host.task("t").await;
    host.start(host.script("c", "echo up; [ -e /again ] && exec sleep 6004; touch /again")).await;
    end_of(&mut host, 0).await;
    let (config, layers) = (host.config.clone(), host.layers.clone());
    drop(host);
    let mut host = open(config, layers).await;
    host.runtime.ensure_restarted("t", "c", 1).await.unwrap();
    let report = |host: &Host| {
        let runtime = host.runtime.clone();
        async move { runtime.known_tasks().await[0].containers[0].clone() }
    };
    let running = report(&host).await;
    assert_eq!((running.restarts, &running.state), (1, &ContainerState::Running));
    match host.runtime.ensure_restarted("t", "c", 2).await {
        Err(StartError::Refused { kind: FaultKind::Runtime, reason, .. }) => assert_eq!(reason, "it has not ended"),
        other => panic!("{other:?}"),
    }
    // Without its supervisor: what runs is the second start, though the first one's end was recorded.
    host.wait_for_output("c", "up\nup").await;
    let facts = std::fs::read(host.config.state_dir.join("tasks/t/supervisor.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
    let pid = i32::try_from(facts["pid"].as_i64().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(end_of(&mut host, 1).await, 137);
    host.finish().await;
}

#[tokio::test]
async fn one_that_cannot_be_started_again_has_ended_as_it_ended() {
    testhost::needs_root!();
    let mut host = host(113).await;
    host.task("t").await;
    host.start(host.script("c", "echo last words; rm /bin/sh; exit 3")).await;
    assert_eq!(end_of(&mut host, 0).await, 3);
    match host.runtime.ensure_restarted("t", "c", 1).await {
        Err(StartError::Refused { kind, .. }) => assert_eq!(kind, FaultKind::CommandNotFound),
        other => panic!("{other:?}"),
    }
    assert_eq!(host.output("t", "c").await, "last words\n");
    let report = host.runtime.known_tasks().await[0].containers[0].clone();
    assert!(matches!(report.state, ContainerState::Exited { exit_code: 3, .. }), "{report:?}");
    match host.runtime.ensure_restarted("t", "nobody", 1).await {
        Err(StartError::Refused { kind, .. }) => assert_eq!(kind, FaultKind::NoSuchContainer),
        other => panic!("{other:?}"),
    }
    host.finish().await;
}
