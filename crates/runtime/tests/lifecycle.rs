//! Containers start, print, end and are reported as their requests say.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::time::Duration;

use runtime::{FaultKind, LogPosition, StartError};
use support::host;

#[tokio::test]
async fn tells_the_exit_code_and_keeps_the_output() {
    testhost::needs_root!();
    let mut host = host(1).await;
    host.task("t").await;
    let (code, output) = host.run(host.script("c", "echo out; echo err >&2; printf unfinished; exit 7")).await;
    assert_eq!(code, 7);
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["! err", "out", "unfinished"]);
    let read = host.runtime.logs("t", "c", LogPosition::default()).unwrap();
    assert!(read.complete);
    host.finish().await;
}

#[tokio::test]
async fn runs_as_the_user_in_the_directory_with_the_environment_asked_for() {
    testhost::needs_root!();
    let mut host = host(2).await;
    host.task("t").await;
    let mut spec =
        host.script("c", "id; pwd; echo $HOME $SECRET; hostname; cat /etc/layer; echo; echo again > /dev/stdout");
    spec.user = "web".into();
    spec.cwd = "/srv/app/new".into();
    spec.env = vec![("SECRET".into(), "hunter2".into())];
    let (code, output) = host.run(spec).await;
    assert_eq!(code, 0, "{output}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "uid=33(web) gid=34(www) groups=50(logs)");
    assert_eq!(lines[1..], ["/srv/app/new", "/home/web hunter2", "t", "top", "again"]);
    host.finish().await;
}

#[tokio::test]
async fn keeps_the_environment_out_of_every_file_and_argument() {
    testhost::needs_root!();
    let mut host = host(3).await;
    host.task("t").await;
    let mut spec = host.script("c", "echo up; exec sleep 1000");
    spec.env = vec![("SECRET".into(), "hunter2-by-the-dozen".into())];
    host.start(spec).await;
    host.wait_for_output("c", "up").await;
    let probe = vec!["true".to_owned()];
    host.runtime.exec("t", "c", probe, vec![], Duration::from_secs(9)).await.unwrap();
    for dir in [&host.config.state_dir.join("tasks"), &host.config.run_dir] {
        let found = std::process::Command::new("grep")
            .args(["-r", "-l", "hunter2-by", dir.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(found.stdout).unwrap(), "");
    }
    let arguments = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&arguments.stdout).contains("hunter2-by"));
    host.finish().await;
}

#[tokio::test]
async fn a_signal_reaches_the_program_and_its_own_exit_code_counts() {
    testhost::needs_root!();
    let mut host = host(4).await;
    host.task("t").await;
    host.start(host.script("polite", "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done")).await;
    host.wait_for_output("polite", "up").await;
    host.runtime.signal("t", "polite", 15).await.unwrap();
    let exit = host.exit("t", "polite").await;
    assert_eq!((exit.code, exit.signal), (3, None));

    host.start(host.script("deaf", "trap '' TERM; echo up; while :; do sleep 0.05; done")).await;
    host.wait_for_output("deaf", "up").await;
    host.runtime.signal("t", "deaf", 9).await.unwrap();
    let exit = host.exit("t", "deaf").await;
    assert_eq!((exit.code, exit.signal, exit.oom), (137, Some(9), false));
    // A signal that comes too late is no error.
    host.runtime.signal("t", "deaf", 15).await.unwrap();
    host.finish().await;
}

#[tokio::test]
async fn with_an_init_signals_arrive_and_orphans_are_reaped() {
    testhost::needs_root!();
    let mut host = host(5).await;
    host.task("t").await;
    // The middle process ends at once, so that its child is an orphan.
    let script = "(usleep 50000 &); echo up $$; exec sleep 1000";
    let mut spec = host.script("c", script);
    spec.init = true;
    host.start(spec).await;
    host.wait_for_output("c", "up").await;
    assert!(!host.output("t", "c").await.contains("up 1\n"), "the program is process 1");
    let reaped = "until [ $(ps -o comm | grep -c usleep) = 0 ]; do sleep 0.05; done";
    let argv = ["sh", "-c", reaped].map(str::to_owned).to_vec();
    let seen = host.runtime.exec("t", "c", argv, vec![], Duration::from_secs(20)).await.unwrap();
    assert_eq!(seen.exit_code, Some(0), "an orphan is left");
    // A program that is process 1 itself would take no notice of this.
    host.runtime.signal("t", "c", 15).await.unwrap();
    assert_eq!(host.exit("t", "c").await.code, 143);
    let mut code = host.script("code", "exit 9");
    code.init = true;
    assert_eq!(host.run(code).await.0, 9);
    host.finish().await;
}

#[tokio::test]
async fn starts_a_container_once_however_often_it_is_asked() {
    testhost::needs_root!();
    let mut host = host(6).await;
    host.task("t").await;
    let spec = || host.script("c", "echo started; exec sleep 1000");
    let first = host.runtime.ensure_started("t", spec()).await.unwrap();
    let again = host.runtime.ensure_started("t", spec()).await.unwrap();
    assert_eq!(first, again);
    host.wait_for_output("c", "started").await;
    host.runtime.signal("t", "c", 9).await.unwrap();
    host.exit("t", "c").await;
    let spec = host.script("c", "echo started");
    let after = host.runtime.ensure_started("t", spec).await.unwrap();
    assert_eq!(first, after, "one that has ended is not started again either");
    assert_eq!(host.output("t", "c").await, "started\n");
    host.finish().await;
}

#[tokio::test]
async fn a_removed_container_can_be_started_anew() {
    testhost::needs_root!();
    let mut host = host(7).await;
    host.task("t").await;
    host.start(host.script("c", "echo one; exec sleep 1000")).await;
    host.wait_for_output("c", "one").await;
    host.runtime.remove_container("t", "c").await.unwrap();
    host.runtime.remove_container("t", "c").await.unwrap();
    assert_eq!(host.exit("t", "c").await.code, 137);
    let (code, output) = host.run(host.script("c", "echo two")).await;
    assert_eq!((code, output.as_str()), (0, "two\n"));
    host.finish().await;
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_leaves_nothing() {
    testhost::needs_root!();
    let host = host(8).await;
    host.task("t").await;
    let before = (support::cgroups(&host.config, "t/c"), std::fs::read_to_string("/proc/mounts"));
    let mut missing = host.script("c", "");
    missing.argv = vec!["no-such-program".into()];
    let mut format = host.script("c", "");
    format.argv = vec!["/etc/layer".into()];
    let mut user = host.script("c", "");
    user.user = "nobody-here".into();
    let mut capability = host.script("c", "");
    capability.cap_add = vec!["FLY".into()];
    let mut layers = host.script("c", "");
    layers.lower_dirs = vec!["/no/such/layer".into()];
    let mut cwd = host.script("c", "");
    cwd.cwd = "/etc/passwd".into();
    let mut init = host.script("c", "");
    init.argv = vec!["no-such-program".into()];
    init.init = true;
    for (spec, expected, words) in [
        (missing, FaultKind::CommandNotFound, "no-such-program"),
        (format, FaultKind::CommandNotExecutable, "/etc/layer"),
        (user, FaultKind::NoSuchUser, "nobody-here"),
        (capability, FaultKind::BadRequest, "FLY"),
        (layers, FaultKind::Mount, "/no/such/layer"),
        (cwd, FaultKind::WorkingDirectory, "/etc/passwd"),
        (init, FaultKind::CommandNotFound, "no-such-program"),
    ] {
        let Err(StartError::Refused { kind, reason, .. }) = host.runtime.ensure_started("t", spec).await else {
            panic!("{words} started")
        };
        assert_eq!(kind, expected, "{reason}");
        assert!(reason.contains(words), "{reason}");
        let after = (support::cgroups(&host.config, "t/c"), std::fs::read_to_string("/proc/mounts"));
        assert_eq!(before.0, after.0);
        assert_eq!(before.1.as_ref().unwrap(), after.1.as_ref().unwrap());
        assert!(!host.config.state_dir.join("tasks/t/containers/c").exists());
    }
    host.finish().await;
}

#[tokio::test]
async fn runs_commands_in_a_container_and_kills_them_when_the_time_is_out() {
    testhost::needs_root!();
    let mut host = host(9).await;
    host.task("t").await;
    let mut spec = host.script("c", "echo up; exec sleep 1000");
    spec.user = "web".into();
    spec.env = vec![("A".into(), "1".into()), ("B".into(), "1".into())];
    host.start(spec).await;
    host.wait_for_output("c", "up").await;
    let sh = |script: &str| ["sh", "-c", script].map(str::to_owned).to_vec();
    let second = Duration::from_secs(20);
    let env = vec![("B".to_owned(), "2".to_owned())];
    let outcome = host.runtime.exec("t", "c", sh("id -u; echo $A$B; echo e >&2; exit 4"), env, second).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.exit_code, outcome.timed_out), (Some(4), false));
    assert_eq!(String::from_utf8(outcome.output).unwrap(), "33\n12\ne\n");

    let brief = Duration::from_millis(200);
    let outcome = host.runtime.exec("t", "c", sh("echo hi; sleep 77 & sleep 77"), vec![], brief).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.exit_code, outcome.timed_out), (None, true));
    assert_eq!(outcome.output, b"hi\n");
    let left = "until ! ps | grep -q '[s]leep 77'; do sleep 0.05; done";
    let outcome = host.runtime.exec("t", "c", sh(left), vec![], second).await.unwrap();
    assert_eq!(outcome.exit_code, Some(0), "the whole group is gone");

    let many = sh("yes | head -c 200000");
    let outcome = host.runtime.exec("t", "c", many, vec![], second).await.unwrap();
    assert_eq!((outcome.output.len(), outcome.truncated), (65536, true));
    let absent = host.runtime.exec("t", "c", vec!["nope".into()], vec![], second).await;
    let Err(StartError::Refused { kind: FaultKind::CommandNotFound, .. }) = absent else { panic!("{absent:?}") };
    host.finish().await;
}

#[tokio::test]
async fn a_container_can_be_removed_while_commands_in_it_speak() {
    testhost::needs_root!();
    let host = host(10).await;
    host.task("t").await;
    for _ in 0..10 {
        host.start(host.script("c", "exec sleep 1000")).await;
        let commands = (0..3).map(|_| {
            let loud = ["sh", "-c", "yes"].map(str::to_owned).to_vec();
            let runtime = host.runtime.clone();
            tokio::spawn(async move { runtime.exec("t", "c", loud, vec![], Duration::from_secs(20)).await })
        });
        let commands: Vec<_> = commands.collect();
        // An answer to one that came later: the commands have been started.
        let true_ = vec!["true".to_owned()];
        host.runtime.exec("t", "c", true_, vec![], Duration::from_secs(20)).await.unwrap();
        host.runtime.remove_container("t", "c").await.unwrap();
        for command in commands {
            let outcome = command.await.unwrap();
            assert!(outcome.is_ok_and(|outcome| outcome.exit_code == Some(137)), "the supervisor is gone");
        }
    }
    host.finish().await;
}
