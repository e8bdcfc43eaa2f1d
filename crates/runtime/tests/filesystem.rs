//! Root filesystems, volumes and other mounts, as Docker has them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;

use runtime::{FaultKind, Mount, MountSource, StartError};
use support::host;

fn mount(target: &str, source: MountSource, readonly: bool) -> Mount {
    Mount { target: target.to_owned(), source, readonly }
}

fn volume(name: &str) -> MountSource {
    MountSource::Volume(name.to_owned())
}

#[tokio::test]
async fn a_volume_is_shared_and_begins_with_what_the_image_has() {
    testhost::needs_root!();
    let mut host = host(20).await;
    host.task("t").await;
    let mut first = host.script(
        "first",
        "cat /data/seed; stat -c '%u:%g %a' /data; stat -c %u:%g /data/sub/owned; echo new > /data/new; rm /data/seed",
    );
    first.mounts = vec![mount("/data", volume("v"), false)];
    first.seeded = vec!["/data".into()];
    let (code, output) = host.run(first).await;
    assert_eq!((code, output.as_str()), (0, "from the image\n33:34 750\n33:50\n"));

    let mut second = host.script("second", "cat /vol/new; ls /vol; echo x > /vol/x");
    second.mounts = vec![mount("/vol", volume("v"), true)];
    let (code, output) = host.run(second).await;
    assert_eq!(code, 1, "the volume is read-only here");
    assert!(output.starts_with("new\nnew\nsub\n"), "{output}");
    assert!(output.contains("Read-only"), "{output}");

    // A volume that is not empty gets nothing from the image.
    let mut third = host.script("third", "ls /data");
    third.mounts = vec![mount("/data", volume("v"), false)];
    third.seeded = vec!["/data".into()];
    assert_eq!(host.run(third).await.1, "new\nsub\n");

    // One that is not to begin so is empty, whatever the image has.
    let mut fourth = host.script("fourth", "ls /data; stat -c '%u:%g %a' /data");
    fourth.mounts = vec![mount("/data", volume("plain"), false)];
    assert_eq!(host.run(fourth).await.1, "0:0 755\n");
    host.finish().await;
}

#[tokio::test]
async fn writes_stay_in_the_container_and_not_in_the_image() {
    testhost::needs_root!();
    let mut host = host(21).await;
    host.task("t").await;
    let (code, _) = host.run(host.script("a", "echo changed > /etc/layer; rm /data/seed")).await;
    assert_eq!(code, 0);
    let (_, output) = host.run(host.script("b", "cat /etc/layer /data/seed")).await;
    assert_eq!(output, "topfrom the image\n");
    host.finish().await;
}

#[tokio::test]
async fn a_read_only_root_takes_no_writes_but_tmpfs_does() {
    testhost::needs_root!();
    let mut host = host(22).await;
    host.task("t").await;
    let mut spec = host.script("c", "exec 2>&1; echo x > /etc/x; echo y > /scratch/y && cat /scratch/y; stat -fc %b /scratch; echo z > /dev/shm/z && cat /dev/shm/z");
    spec.readonly_rootfs = true;
    let tmpfs = MountSource::Tmpfs { size_bytes: Some(1 << 20), options: vec!["mode=1777".into()] };
    spec.mounts = vec![mount("/scratch", tmpfs, false)];
    let (code, output) = host.run(spec).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("Read-only file system"), "{output}");
    assert!(output.contains("y\n256\nz\n"), "{output}");
    host.finish().await;
}

#[tokio::test]
async fn binds_paths_of_the_host() {
    testhost::needs_root!();
    let mut host = host(23).await;
    host.task("t").await;
    let dir = host.config.state_dir.join("shared");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("file"), "mine\n").unwrap();
    let mut spec = host.script("c", "cat /in/file /one; echo back > /in/back");
    spec.mounts = vec![
        mount("/in", MountSource::Bind(dir.clone()), false),
        mount("/one", MountSource::Bind(dir.join("file")), true),
    ];
    let (code, output) = host.run(spec).await;
    assert_eq!((code, output.as_str()), (0, "mine\nmine\n"));
    assert_eq!(fs::read_to_string(dir.join("back")).unwrap(), "back\n");
    host.finish().await;
}

#[tokio::test]
async fn a_link_in_the_image_does_not_lead_out_of_it() {
    testhost::needs_root!();
    let mut host = host(24).await;
    host.task("t").await;
    let outside = host.config.state_dir.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret\n").unwrap();
    let top = host.layers[0].clone();
    std::os::unix::fs::symlink(&outside, top.join("escape")).unwrap();
    let mut lost = host.script("lost", "pwd");
    lost.cwd = "/escape/made".into();
    let refused = host.runtime.ensure_started("t", lost).await;
    let Err(StartError::Refused { kind: FaultKind::WorkingDirectory, .. }) = refused else { panic!("{refused:?}") };
    let mut spec = host.script("c", "ls /vol");
    spec.mounts = vec![mount("/escape", volume("v"), false), mount("/vol", volume("v"), false)];
    spec.seeded = vec!["/escape".into()];
    let refused = host.runtime.ensure_started("t", spec).await;
    let Err(StartError::Refused { kind: FaultKind::Mount, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "nothing was made outside");
    // A link that stays inside is followed, by the copy and by the mount.
    std::os::unix::fs::symlink("/data", top.join("inside")).unwrap();
    let mut spec = host.script("c", "ls /data; mount | grep -c ' /data '");
    spec.mounts = vec![mount("/inside", volume("w"), false)];
    spec.seeded = vec!["/inside".into()];
    assert_eq!(host.run(spec).await.1, "seed\nsub\n1\n");
    host.finish().await;
}

#[tokio::test]
async fn an_image_of_many_layers_with_long_names_can_be_mounted() {
    testhost::needs_root!();
    let mut host = host(25).await;
    host.task("t").await;
    let deep = host.config.state_dir.join("x".repeat(200));
    let mut layers = Vec::new();
    for number in 0..60 {
        let layer = deep.join(format!("{number}:,\\"));
        fs::create_dir_all(&layer).unwrap();
        fs::write(layer.join(format!("file-{number}")), "").unwrap();
        layers.push(layer);
    }
    let mut spec = host.script("c", "ls / | grep -c file-");
    spec.lower_dirs.splice(0..0, layers);
    assert_eq!(host.run(spec).await.1, "60\n");
    host.finish().await;
}

#[tokio::test]
async fn masks_what_docker_masks_and_shows_the_tasks_own_names() {
    testhost::needs_root!();
    let mut host = host(26).await;
    let mut task = support::task("t");
    task.hostname = Some("box".into());
    task.dns_servers = vec!["9.9.9.9".parse().unwrap()];
    task.extra_hosts = vec![("db.test".into(), "10.1.2.3".parse().unwrap())];
    let network = host.runtime.ensure_task(&task).await.unwrap();
    let script = "head -c1 /proc/kcore | wc -c; echo 1 > /proc/sys/kernel/panic; cat /etc/hostname /etc/resolv.conf /etc/hosts; hostname; ls /sys/fs/cgroup/memory | grep -c limit_in";
    let (_, output) = host.run(host.script("c", script)).await;
    assert!(output.contains("0\n"), "{output}");
    assert!(output.contains("Read-only file system"), "{output}");
    assert!(output.contains("nameserver 9.9.9.9\n"), "{output}");
    assert!(output.contains(&format!("{}\tbox\n10.1.2.3\tdb.test\n", network.address)), "{output}");
    assert_eq!(output.matches("box\n").count(), 3, "{output}");
    let state = host.config.state_dir.join("tasks/t");
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o700);
    host.finish().await;
}
