//! Limits hold, and what is used can be seen.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use runtime::Ulimit;
use support::host;

#[tokio::test]
async fn a_container_over_its_memory_is_killed_and_said_to_be() {
    testhost::needs_root!();
    let mut host = host(40).await;
    host.task("t").await;
    let mut spec = host.script("c", "x=0123456789abcdef; while :; do x=$x$x; done");
    spec.memory_bytes = Some(32 << 20);
    host.start(spec).await;
    let exit = host.exit("t", "c").await;
    assert_eq!((exit.code, exit.oom), (137, true));
    // The neighbour is not to blame.
    host.start(host.script("d", "exit 1")).await;
    let exit = host.exit("t", "d").await;
    assert_eq!((exit.code, exit.oom), (1, false));
    host.finish().await;
}

#[tokio::test]
async fn a_task_over_its_memory_is_held_to_it() {
    testhost::needs_root!();
    let mut host = host(41).await;
    let mut task = support::task("t");
    task.memory_bytes = Some(32 << 20);
    host.runtime.ensure_task(&task).await.unwrap();
    host.start(host.script("c", "x=0123456789abcdef; while :; do x=$x$x; done")).await;
    let exit = host.exit("t", "c").await;
    assert_eq!((exit.code, exit.oom), (137, true));
    host.finish().await;
}

#[tokio::test]
async fn processor_time_is_limited_and_use_is_counted() {
    testhost::needs_root!();
    let mut host = host(42).await;
    let mut task = support::task("t");
    task.cpu_millis = Some(200);
    host.runtime.ensure_task(&task).await.unwrap();
    let mut spec = host.script("c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo done; exec sleep 1000");
    spec.cpu_shares = Some(512);
    spec.memory_bytes = Some(64 << 20);
    spec.memory_reservation_bytes = Some(32 << 20);
    let begun = std::time::Instant::now();
    host.start(spec).await;
    host.wait_for_output("c", "done").await;
    let elapsed = begun.elapsed();
    let stats = host.runtime.stats("t", "c").unwrap();
    let share = stats.cpu_total_ns as f64 / elapsed.as_nanos() as f64;
    assert!(share < 0.4, "used {share} of a processor, with a limit of 0.2");
    assert!(stats.cpu_total_ns > 10_000_000, "{stats:?}");
    assert_eq!(stats.memory_limit, Some(64 << 20));
    assert!(stats.memory_usage > 0 && stats.pids >= 1, "{stats:?}");
    assert!(stats.interfaces.iter().any(|interface| interface.name == "eth0"), "{stats:?}");
    let shares = std::fs::read_to_string("/sys/fs/cgroup/cpu/mgtest42/t/c/cpu.shares").unwrap();
    assert_eq!(shares.trim(), "512");
    assert!(host.runtime.stats("t", "absent").is_none());
    host.finish().await;
}

#[tokio::test]
async fn capabilities_are_dockers_unless_asked_otherwise() {
    testhost::needs_root!();
    let mut host = host(43).await;
    host.task("t").await;
    let status = "grep -E 'CapEff|CapBnd' /proc/self/status | cut -f2";
    assert_eq!(host.run(host.script("a", status)).await.1, "00000000a80425fb\n00000000a80425fb\n");
    let mut none = host.script("b", status);
    none.cap_drop = vec!["ALL".into()];
    assert_eq!(host.run(none).await.1, "0000000000000000\n0000000000000000\n");
    let mut traced = host.script("c", status);
    traced.cap_add = vec!["SYS_PTRACE".into()];
    assert_eq!(host.run(traced).await.1, "00000000a80c25fb\n00000000a80c25fb\n");
    let mut user = host.script("d", status);
    user.user = "1000:1000".into();
    assert_eq!(host.run(user).await.1, "0000000000000000\n00000000a80425fb\n");
    host.finish().await;
}

#[tokio::test]
async fn limits_and_kernel_settings_are_the_containers() {
    testhost::needs_root!();
    let mut host = host(44).await;
    host.task("t").await;
    let mut spec = host.script(
        "c",
        "ulimit -Sn; ulimit -Hn; cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmax; df -k /dev/shm | tail -1",
    );
    spec.ulimits = vec![Ulimit { name: "nofile".into(), soft: 100, hard: u64::MAX }];
    spec.sysctls.insert("net.core.somaxconn".into(), "77".into());
    spec.sysctls.insert("kernel.shmmax".into(), "4242".into());
    spec.shm_bytes = Some(1 << 20);
    let (code, output) = host.run(spec).await;
    assert_eq!(code, 0, "{output}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "100");
    assert_eq!(lines[2..4], ["77", "4242"]);
    assert!(lines[4].contains(" 1024 "), "{output}");
    assert_ne!(std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap(), "77\n");
    host.finish().await;
}

#[tokio::test]
async fn output_that_nobody_reads_is_bounded_and_the_loss_is_told() {
    testhost::needs_root!();
    let mut host = host(45).await;
    host.task("t").await;
    let line = "x".repeat(1000);
    host.start(host.script("c", &format!("yes {line} | head -n 90000; echo last"))).await;
    host.exit("t", "c").await;
    let mut position = runtime::LogPosition::default();
    let (mut dropped, mut seen, mut last) = (0, 0u64, Vec::new());
    loop {
        let read = host.runtime.logs("t", "c", position).unwrap();
        for entry in read.entries {
            match entry {
                runtime::LogEntry::Dropped { lines } => dropped += lines,
                runtime::LogEntry::Line(line) => (seen, last) = (seen + 1, line.bytes),
            }
        }
        position = read.next;
        if read.at_end {
            break;
        }
    }
    assert_eq!((dropped + seen, last.as_slice()), (90001, &b"last"[..]));
    assert!(dropped > 0);
    let size = || -> u64 {
        let dir = host.config.state_dir.join("tasks/t/containers/c/logs");
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    assert!(size() <= 73 << 20, "{}", size());
    host.runtime.discard_logs("t", "c", position).unwrap();
    assert!(size() <= 9 << 20, "{}", size());
    host.finish().await;
}
