//! What root in a container cannot do to its host: open devices, change its own
//! control groups, take more than its limits.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use runtime::{Mount, MountSource};
use support::host;

/// A group of the container `c` of the task `t`, where the host keeps it.
fn group(host: &support::Host, controller: &str, below: &str) -> PathBuf {
    let v1 = Path::new("/sys/fs/cgroup").join(controller);
    let root = if v1.exists() { v1 } else { "/sys/fs/cgroup".into() };
    root.join(&host.config.cgroup_parent).join(below)
}

fn number(group: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(group.join(file)).ok()?.trim().parse().ok()
}

#[tokio::test]
async fn a_device_node_opens_nothing_wherever_it_is() {
    testhost::needs_root!();
    let mut host = host(46).await;
    host.task("t").await;
    // In the image, in a volume and in a directory of the host, of a device that
    // the control group would allow.
    let null = |path: &Path| mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 3)).unwrap();
    let shared = host.config.state_dir.join("shared");
    fs::create_dir(&shared).unwrap();
    null(&shared.join("null"));
    null(&host.layers[0].join("null"));
    let script = r#"
        cd /made 2>/dev/null || mkdir /made && cd /made
        for dir in /made /vol /dev; do
            mknod $dir/disk b 254 0 && mknod $dir/loop b 7 0 && mknod $dir/kmsg c 1 11 && mknod $dir/tun c 10 200 \
                && mknod $dir/console c 5 1 || echo "no node in $dir"
            for name in disk loop kmsg tun console; do
                (: < $dir/$name) 2>/dev/null && echo "read $dir/$name"
                (: > $dir/$name) 2>/dev/null && echo "wrote $dir/$name"
            done
        done
        mknod /made/null c 1 3; mknod /vol/null c 1 3
        for node in /null /made/null /vol/null /shared/null; do
            (: < $node) 2>/dev/null && echo "opened $node"
        done
        for name in null zero full random urandom tty ptmx; do [ -c /dev/$name ] || echo "no $name"; done
        head -c4 /dev/zero | wc -c; head -c4 /dev/urandom | wc -c; echo x > /dev/null && : < /dev/ptmx && echo usual"#;
    let mut spec = host.script("c", script);
    spec.mounts = vec![
        Mount { target: "/vol".into(), source: MountSource::Volume("v".into()), readonly: false },
        Mount { target: "/shared".into(), source: MountSource::Bind(shared), readonly: false },
    ];
    assert_eq!(host.run(spec.clone()).await, (0, "4\n4\nusual\n".to_owned()));
    // A read-only root is mounted anew, and keeps what it was mounted with.
    spec.name = "readonly".into();
    spec.mounts.clear();
    spec.readonly_rootfs = true;
    spec.argv =
        ["sh", "-c", "grep ' / ' /proc/mounts | grep -o nodev; (: < /null) || echo no"].map(str::to_owned).into();
    let (_, output) = host.run(spec).await;
    assert!(output.starts_with("nodev\n") && output.contains("\nno\n"), "{output}");
    host.finish().await;
}

#[tokio::test]
async fn a_container_reads_its_control_groups_and_changes_none() {
    testhost::needs_root!();
    let mut host = host(47).await;
    host.task("t").await;
    let script = r#"
        cd /sys/fs/cgroup
        mkdir made 2>/dev/null && echo "made a group at the top"
        for dir in . */; do
            [ -d "$dir" ] || continue
            mkdir "$dir/made" 2>/dev/null && echo "made a group in $dir"
            mount -o remount,rw "$PWD/$dir" 2>/dev/null && echo "remounted $dir"
            for file in cgroup.procs memory.limit_in_bytes memory.max pids.max freezer.state cgroup.freeze devices.allow; do
                [ -e "$dir/$file" ] || continue
                ( : >> "$dir/$file" ) 2>/dev/null && echo "may write $dir/$file"
            done
        done
        cat memory/memory.limit_in_bytes memory.max 2>/dev/null
        cat pids/cgroup.procs cgroup.procs 2>/dev/null | wc -l"#;
    let mut spec = host.script("c", script);
    spec.memory_bytes = Some(64 << 20);
    let (_, output) = host.run(spec).await;
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "67108864", "{output}");
    assert_eq!(lines.len(), 2, "{output}");
    assert!(lines[1].trim().parse::<u32>().unwrap() >= 1, "its own processes are there: {output}");
    host.finish().await;
}

#[tokio::test]
async fn what_is_over_the_memory_does_not_go_to_the_swap() {
    testhost::needs_root!();
    let host = host(48).await;
    let mut task = support::task("t");
    task.memory_bytes = Some(128 << 20);
    host.runtime.ensure_task(&task).await.unwrap();
    let mut spec = host.script("c", "exec sleep 1000");
    spec.memory_bytes = Some(64 << 20);
    host.start(spec).await;
    let (of_task, of_container) = (group(&host, "memory", "t"), group(&host, "memory", "t/c"));
    // Version 1 counts memory and swap together, version 2 the swap alone.
    match number(&of_task, "memory.memsw.limit_in_bytes") {
        Some(both) => {
            assert_eq!(both, 128 << 20);
            assert_eq!(number(&of_container, "memory.memsw.limit_in_bytes"), Some(64 << 20));
        }
        None => {
            assert_eq!(number(&of_task, "memory.swap.max"), Some(0));
            assert_eq!(number(&of_container, "memory.swap.max"), Some(0));
        }
    }
    host.finish().await;
}

#[tokio::test]
async fn a_fork_bomb_is_held_and_can_be_ended() {
    testhost::needs_root!();
    let mut host = host(49).await;
    let mut task = support::task("t");
    task.pids_limit = Some(20);
    host.runtime.ensure_task(&task).await.unwrap();
    let held = "i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; echo all";
    let pids = group(&host, "pids", "t");
    assert_eq!(number(&pids, "pids.max"), Some(20));
    // The shell gives up at the first fork that is refused.
    let (code, output) = host.run(host.script("held", held)).await;
    assert!(code != 0 && !output.contains("all"), "{code}: {output}");
    let bomb = "b() { while :; do b & done; }; b & exec sleep 1000";
    host.start(host.script("bomb", bomb)).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while number(&pids, "pids.current").unwrap() < 19 {
        assert!(std::time::Instant::now() < deadline, "the bomb does not go off");
        std::thread::yield_now();
    }
    assert!(number(&pids, "pids.current").unwrap() <= 20);
    host.runtime.remove_task("t").await.unwrap();
    support::assert_nothing_left(&host.config, "t");
    // One that does not say has a limit too.
    host.task("u").await;
    assert_eq!(number(&group(&host, "pids", "u"), "pids.max"), Some(8192));
    host.finish().await;
}

#[tokio::test]
async fn a_frozen_container_can_be_ended() {
    testhost::needs_root!();
    let mut host = host(50).await;
    let freeze = |host: &support::Host, below: &str| {
        for (file, value) in [("freezer.state", "FROZEN"), ("cgroup.freeze", "1")] {
            let path = group(host, "freezer", below).join(file);
            if path.exists() {
                fs::write(path, value).unwrap();
            }
        }
    };
    host.task("t").await;
    for name in ["a", "b"] {
        host.start(host.script(name, "exec sleep 1000")).await;
        freeze(&host, &format!("t/{name}"));
    }
    host.runtime.signal("t", "a", 9).await.unwrap();
    assert_eq!(host.exit("t", "a").await.code, 137);
    freeze(&host, "t/b");
    host.runtime.remove_container("t", "b").await.unwrap();
    host.start(host.script("c", "exec sleep 1000")).await;
    freeze(&host, "t");
    host.runtime.remove_task("t").await.unwrap();
    support::assert_nothing_left(&host.config, "t");
    host.finish().await;
}

#[tokio::test]
async fn a_task_that_fills_more_than_its_disk_is_told_of() {
    testhost::needs_root!();
    let mut host = host(51).await;
    let mut task = support::task("t");
    task.storage_bytes = Some(16 << 20);
    host.runtime.ensure_task(&task).await.unwrap();
    let other = runtime::TaskSpec { storage_bytes: Some(64 << 20), ..support::task("u") };
    host.runtime.ensure_task(&other).await.unwrap();
    // In three places, none of which is too much alone: the layer, a volume, and a file without a name.
    let mb = |file: &str, count: u32| format!("dd if=/dev/zero of={file} bs=1M count={count} 2>/dev/null");
    let script = format!(
        "{}; {}; exec 3>/gone; rm /gone; {}; echo written; exec sleep 1000",
        mb("/file", 6),
        mb("/v/file", 6),
        mb("/proc/self/fd/3", 6)
    );
    let mut spec = host.script("c", &script);
    spec.mounts = vec![Mount { target: "/v".into(), source: MountSource::Volume("v".into()), readonly: false }];
    host.runtime.ensure_started("u", spec.clone()).await.unwrap();
    host.start(spec).await;
    let told = host.wait("the word of it", |event| match event {
        runtime::Event::StorageExceeded { task, limit_bytes } => Some((task, limit_bytes)),
        _ => None,
    });
    assert_eq!(told.await, ("t".to_owned(), 16 << 20));
    host.finish().await;
}
