//! The platform may die at any moment; tasks go on, and the next one takes over.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use runtime::{Config, ContainerSpec, ContainerState, Event, Loss, Mount, MountSource, StartError, TaskError};
use support::{host, open, platform, task};

fn wait_until_ready(platform: &mut Child) {
    let mut line = String::new();
    BufReader::new(platform.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
}

fn kill(mut platform: Child) {
    platform.kill().unwrap();
    platform.wait().unwrap();
}

/// Frees a prepared host of its runtime, so that another process can be the platform.
async fn prepared(number: u8) -> (Config, ContainerSpec, support::Host) {
    let host = host(number).await;
    let script = "i=0; while [ ! -e /v/stop ]; do echo $i; i=$((i+1)); sleep 0.02; done; exit 5";
    let mut spec = host.script("c", script);
    spec.mounts = vec![Mount { target: "/v".into(), source: MountSource::Volume("v".into()), readonly: false }];
    (host.config.clone(), spec, host)
}

#[tokio::test]
async fn tasks_outlive_a_killed_platform_and_lose_neither_output_nor_exit_code() {
    testhost::needs_root!();
    let (config, spec, first) = prepared(80).await;
    let layers = first.layers.clone();
    drop(first);
    let mut dying = platform(&config, &[(task("t"), vec![spec.clone()])], &[]);
    wait_until_ready(&mut dying);
    kill(dying);

    let mut second = open(config.clone(), layers.clone()).await;
    let known = second.runtime.known_tasks().await;
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].lost, None);
    let container = &known[0].containers[0];
    assert_eq!((container.name.as_str(), &container.state), ("c", &ContainerState::Running));
    second.wait_for_output("c", "\n3\n").await;
    let (read, position) = second.output_from("t", "c", runtime::LogPosition::default());
    // What was asked before the crash is not done twice, and all else still works.
    assert_eq!(second.task("t").await, known[0].network);
    assert_eq!(second.start(spec).await, container.pid);
    let touch = ["touch", "/v/here"].map(str::to_owned).to_vec();
    let done = second.runtime.exec("t", "c", touch, vec![], Duration::from_secs(9)).await.unwrap();
    assert_eq!(done.exit_code, Some(0));
    drop(second);

    // The container ends while no platform is watching.
    std::fs::write(config.state_dir.join("tasks/t/volumes/v/stop"), "").unwrap();
    let exit = config.state_dir.join("tasks/t/containers/c/exit.json");
    while !exit.exists() {
        std::thread::yield_now();
    }
    let mut third = open(config, layers).await;
    let ended = third.exit("t", "c").await;
    assert_eq!((ended.code, ended.signal, ended.oom), (5, None, false));
    let (rest, _) = third.output_from("t", "c", position);
    let all = read + &rest;
    for (number, line) in all.lines().enumerate() {
        assert_eq!(line, number.to_string(), "a line is lost or doubled");
    }
    third.finish().await;
}

#[tokio::test]
async fn a_start_is_never_doubled_wherever_the_platform_dies() {
    testhost::needs_root!();
    let (config, mut spec, first) = prepared(81).await;
    let layers = first.layers.clone();
    drop(first);
    spec.argv = ["sh", "-c", "echo run >> /v/runs; exec sleep 1000"].map(str::to_owned).to_vec();
    for round in 0..20u64 {
        let id = format!("t{round}");
        let dying = platform(&config, &[(task(&id), vec![spec.clone()])], &[]);
        // The moment of death is what varies; no condition is waited for here.
        tokio::time::sleep(Duration::from_millis(5 + round * 6)).await;
        kill(dying);
        let second = open(config.clone(), layers.clone()).await;
        second.task(&id).await;
        second.runtime.ensure_started(&id, spec.clone()).await.unwrap();
        let runs = ["sh", "-c", "until [ -e /v/runs ]; do sleep 0.01; done; cat /v/runs"];
        let runs = runs.map(str::to_owned).to_vec();
        let seen = second.runtime.exec(&id, "c", runs, vec![], Duration::from_secs(9)).await.unwrap();
        assert_eq!(String::from_utf8(seen.output).unwrap(), "run\n", "round {round}");
        let reach = ["sh", "-c", "ip -4 addr show dev eth0 | grep -c 10.213.81; ip route | grep -c default"];
        let reach = reach.map(str::to_owned).to_vec();
        let seen = second.runtime.exec(&id, "c", reach, vec![], Duration::from_secs(9)).await.unwrap();
        assert_eq!(String::from_utf8(seen.output).unwrap(), "1\n1\n", "round {round}");
        second.runtime.remove_task(&id).await.unwrap();
        support::assert_nothing_left(&config, &id);
        assert_eq!(support::ports(&config), Vec::<String>::new(), "round {round}");
    }
    open(config, layers).await.finish().await;
}

#[tokio::test]
async fn when_a_supervisor_is_killed_its_containers_end_and_it_is_told() {
    testhost::needs_root!();
    let (config, spec, mut host) = prepared(82).await;
    host.task("t").await;
    let pid = host.start(spec.clone()).await;
    host.wait_for_output("c", "0").await;
    kill_supervisor(&config, "t");
    assert_eq!(loss(&mut host).await, Loss::SupervisorDied, "the cause comes before its effects");
    let exit = host.exit("t", "c").await;
    assert_eq!((exit.code, exit.signal), (137, Some(9)));
    while std::path::Path::new(&format!("/proc/{pid}/root/bin")).exists() {
        std::thread::yield_now();
    }
    let again = host.runtime.ensure_started("t", spec).await;
    assert!(matches!(again, Err(StartError::Task(TaskError::SupervisorLost { .. }))), "{again:?}");
    let known = host.runtime.known_tasks().await;
    assert_eq!(known[0].lost, Some(Loss::SupervisorDied));
    host.runtime.remove_task("t").await.unwrap();
    host.task("t").await;
    host.finish().await;
}

#[tokio::test]
async fn a_supervisor_killed_while_no_platform_ran_is_noticed_at_the_next_start() {
    testhost::needs_root!();
    let (config, spec, host) = prepared(83).await;
    host.task("t").await;
    host.start(spec).await;
    let layers = host.layers.clone();
    drop(host);
    kill_supervisor(&config, "t");
    let mut next = open(config, layers).await;
    assert_eq!(loss(&mut next).await, Loss::SupervisorDied);
    assert_eq!(next.exit("t", "c").await.code, 137);
    next.finish().await;
}

/// A reboot, as its remains look: no process, and nothing in the run directory.
#[tokio::test]
async fn tasks_that_ended_with_the_host_are_told_from_those_that_were_killed() {
    testhost::needs_root!();
    let (config, spec, host) = prepared(85).await;
    host.task("t").await;
    host.start(spec).await;
    let mut ended = host.script("ended", "exit 4");
    ended.mounts = vec![];
    host.start(ended).await;
    let exit = config.state_dir.join("tasks/t/containers/ended/exit.json");
    while !exit.exists() {
        std::thread::yield_now();
    }
    let layers = host.layers.clone();
    drop(host);
    kill_supervisor(&config, "t");
    std::fs::remove_dir_all(&config.run_dir).unwrap();
    let facts = config.state_dir.join("tasks/t/supervisor.json");
    let other = r#"{"pid":1,"start":1,"boot":"00000000-0000-4000-8000-000000000000"}"#;
    // As it was written, and as a power cut may leave a file that was written shortly before.
    for text in [other, ""] {
        std::fs::write(&facts, text).unwrap();
        let mut next = open(config.clone(), layers.clone()).await;
        assert_eq!(loss(&mut next).await, Loss::HostRestarted, "{text}");
        assert_eq!(next.exit("t", "ended").await.code, 4, "an end that was seen is told");
        let known = next.runtime.known_tasks().await;
        assert_eq!(known[0].lost, Some(Loss::HostRestarted));
        drop(next);
        // What is gone with the boot; the next start makes its own.
        std::fs::remove_dir_all(&config.run_dir).unwrap();
    }
    open(config, layers).await.finish().await;
}

#[tokio::test]
async fn nobody_invents_how_a_container_ended_that_went_with_the_host() {
    testhost::needs_root!();
    let (config, spec, host) = prepared(86).await;
    host.task("t").await;
    host.start(spec).await;
    let layers = host.layers.clone();
    drop(host);
    kill_supervisor(&config, "t");
    let facts = config.state_dir.join("tasks/t/supervisor.json");
    std::fs::write(&facts, r#"{"pid":1,"start":1,"boot":"00000000-0000-4000-8000-000000000000"}"#).unwrap();
    let mut next = open(config, layers).await;
    assert_eq!(loss(&mut next).await, Loss::HostRestarted);
    let known = next.runtime.known_tasks().await;
    assert_eq!(known[0].containers[0].state, ContainerState::Running, "its end is not known");
    next.finish().await;
}

async fn loss(host: &mut support::Host) -> Loss {
    host.wait("the loss", |event| match event {
        Event::SupervisorLost { loss, .. } => Some(loss),
        Event::Exited { .. } => panic!("an end was told before its cause"),
        Event::LogAvailable { .. } | Event::StorageExceeded { .. } => None,
    })
    .await
}

/// The processes of a task's control group, in whatever hierarchy.
fn processes(config: &Config, task: &str) -> Vec<String> {
    let groups = support::cgroups(config, task);
    let files = groups.iter().flat_map(|group| [group.join("cgroup.procs"), group.join("c/cgroup.procs")]);
    files
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Processes that make others all the time, and take no notice of being asked to end.
#[tokio::test]
async fn what_a_killed_supervisor_left_is_ended_by_the_next_platform() {
    testhost::needs_root!();
    let (config, mut spec, host) = prepared(87).await;
    host.task("t").await;
    let script = "trap '' TERM HUP; setsid sleep 1000 & b() { while :; do b & sleep 1; done; }; b & b";
    spec.argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    host.start(spec).await;
    let layers = host.layers.clone();
    drop(host);
    kill_supervisor(&config, "t");
    assert!(!processes(&config, "t").is_empty(), "they go on without it");
    let mut next = open(config.clone(), layers).await;
    assert_eq!(loss(&mut next).await, Loss::SupervisorDied);
    assert_eq!(next.exit("t", "c").await.code, 137);
    assert_eq!(processes(&config, "t"), Vec::<String>::new());
    next.finish().await;
}

#[tokio::test]
async fn debris_goes_without_a_platform() {
    testhost::needs_root!();
    let (config, spec, host) = prepared(84).await;
    host.task("t").await;
    host.start(spec).await;
    drop(host);
    runtime::purge_debris(&config).await.unwrap();
    support::assert_nothing_left(&config, "");
    runtime::purge_debris(&config).await.unwrap();
    std::fs::remove_dir_all(&config.state_dir).unwrap();
}

fn kill_supervisor(config: &Config, task: &str) {
    let facts = std::fs::read(config.state_dir.join(format!("tasks/{task}/supervisor.json"))).unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
    let pid = nix::unistd::Pid::from_raw(facts["pid"].as_i64().unwrap() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}
