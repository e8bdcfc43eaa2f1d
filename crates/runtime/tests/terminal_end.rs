//! How a terminal session ends, and that nothing of it is left.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use runtime::{Attached, FaultKind, StartError, TaskError, TerminalCommand};
use support::{Host, host, task, typed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(30);

fn sh(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn on_terminal(script: &str) -> TerminalCommand {
    typed(&["sh", "-c", script])
}

/// A container of task `t` that reaps what is left to it.
async fn idle(number: u8) -> Host {
    let host = host(number).await;
    host.task("t").await;
    let mut spec = host.script("c", "exec sleep 1000");
    spec.init = true;
    host.start(spec).await;
    host
}

async fn attach(host: &Host, script: &str) -> Attached {
    let attached = host.runtime.attach("t", "c", on_terminal(script)).await;
    attached.unwrap_or_else(|error| panic!("{error}"))
}

/// Reads until a text is shown.
async fn expect(terminal: &mut Attached, text: &str) {
    let mut seen = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            assert!(terminal.read_buf(&mut seen).await.unwrap() > 0, "the end came before `{text}`");
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("waited for `{text}`"));
}

/// Every process on the host whose arguments begin with a text.
fn processes(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.map(|entry| entry.path()).filter(|path| path.join("cmdline").exists());
    pids.filter_map(|path| {
        let arguments = fs::read_to_string(path.join("cmdline")).ok()?.replace('\0', " ");
        arguments.starts_with(text).then(|| format!("{}: {arguments}", path.display()))
    })
    .collect()
}

/// Waits until so many processes have arguments that begin with a text.
async fn wait_for_processes(text: &str, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while processes(text).len() != count {
        assert!(Instant::now() < deadline, "waited for {count} of `{text}`: {:?}", processes(text));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The supervisor's process id.
fn supervisor(host: &Host) -> u64 {
    let facts = fs::read(host.config.state_dir.join("tasks/t/supervisor.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
    facts["pid"].as_u64().unwrap()
}

/// How many children a process has, zombies too.
fn children(pid: u64) -> usize {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap().split_whitespace().count()
}

/// What a process has open: kind of file to number of descriptors.
fn open_files(pid: u64) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let kind = target.display().to_string().split(":[").next().unwrap().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[tokio::test]
async fn what_ignores_the_hangup_is_killed_and_nobody_else() {
    testhost::needs_root!();
    let host = idle(130).await;
    // Of the same container, but of no session of ours.
    let bystander = host.runtime.clone();
    let bystander = tokio::spawn(async move {
        bystander.exec("t", "c", ["sleep", "130001"].map(str::to_owned).to_vec(), vec![], PATIENCE).await
    });
    let mut other = attach(&host, "echo ready; exec sleep 130002").await;
    expect(&mut other, "ready").await;
    let script =
        "trap '' HUP; set -m; sleep 130003 & sh -c 'trap \"\" HUP; sleep 130004 & echo ready; sleep 130005; :'; :";
    let mut terminal = attach(&host, script).await;
    expect(&mut terminal, "ready").await;
    for number in 130_001..=130_005 {
        wait_for_processes(&format!("sleep {number} "), 1).await;
    }
    let ended = terminal.ended();
    drop(terminal);
    for number in 130_003..=130_005 {
        wait_for_processes(&format!("sleep {number} "), 0).await;
    }
    assert_eq!(tokio::time::timeout(PATIENCE, ended).await.unwrap(), Some(137), "its end is told to who still waits");
    assert_eq!(processes("sleep 130001 ").len(), 1, "a command that has no terminal goes on");
    assert_eq!(processes("sleep 130002 ").len(), 1, "another session goes on");
    drop(other);
    wait_for_processes("sleep 130002 ", 0).await;
    bystander.abort();
    host.finish().await;
}

#[tokio::test]
async fn a_program_hears_of_the_hangup_and_has_a_moment_to_tidy_up() {
    testhost::needs_root!();
    let host = idle(131).await;
    let mut terminal =
        attach(&host, "trap 'usleep 100000; touch /tmp/tidy; exit 7' HUP; echo ready; while :; do usleep 10000; done")
            .await;
    expect(&mut terminal, "ready").await;
    let ended = terminal.ended();
    drop(terminal);
    assert_eq!(tokio::time::timeout(PATIENCE, ended).await.unwrap(), Some(7));
    let seen = host.runtime.exec("t", "c", sh("ls /tmp/tidy"), vec![], PATIENCE).await.unwrap();
    assert_eq!(seen.exit_code, Some(0));
    host.finish().await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_its_session() {
    testhost::needs_root!();
    let host = idle(132).await;
    let script = "set -m; trap '' HUP; sleep 132001 & setsid sleep 132002 & usleep 200000; exit 4";
    let terminal = attach(&host, script).await;
    assert_eq!(tokio::time::timeout(PATIENCE, terminal.ended()).await.unwrap(), Some(4), "told at once");
    wait_for_processes("sleep 132001 ", 0).await;
    assert_eq!(processes("sleep 132002 ").len(), 1, "what has left the session stays");
    drop(terminal);
    host.finish().await;
}

#[tokio::test]
async fn a_session_ends_with_its_container_and_its_task() {
    testhost::needs_root!();
    let mut host = idle(133).await;
    let mut terminal = attach(&host, "echo ready; exec sleep 133001").await;
    expect(&mut terminal, "ready").await;
    host.runtime.signal("t", "c", 9).await.unwrap();
    let end = async {
        let mut rest = Vec::new();
        terminal.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
        terminal.ended().await
    };
    assert_eq!(tokio::time::timeout(PATIENCE, end).await.expect("the end is seen"), Some(137));
    let begun = Instant::now();
    assert_eq!(host.exit("t", "c").await.code, 137);
    assert!(begun.elapsed() < Duration::from_secs(5), "the session kept its container");

    host.start(host.script("d", "exec sleep 1000")).await;
    let attached = host.runtime.attach("t", "d", on_terminal("trap '' HUP; echo ready; sleep 133002; :")).await;
    let mut terminal = attached.unwrap_or_else(|error| panic!("{error}"));
    expect(&mut terminal, "ready").await;
    host.runtime.remove_task("t").await.unwrap();
    support::assert_nothing_left(&host.config, "t");
    assert_eq!(processes("sleep 133002 "), Vec::<String>::new());
    assert_eq!(tokio::time::timeout(PATIENCE, terminal.ended()).await.unwrap(), Some(137));
    // Who types on is not stuck, and finds the end (behind an echo, at times).
    let _ = terminal.write_all(b"anybody there?\n").await;
    let mut rest = Vec::new();
    let read = terminal.read_to_end(&mut rest);
    tokio::time::timeout(PATIENCE, read).await.expect("the end is seen").unwrap();
    host.finish().await;
}

#[tokio::test]
async fn a_platform_that_is_killed_leaves_no_session() {
    testhost::needs_root!();
    let first = host(134).await;
    let (config, layers) = (first.config.clone(), first.layers.clone());
    let mut container = first.script("c", "exec sleep 1000");
    container.init = true;
    drop(first);
    let script = "trap '' HUP; sleep 134001; :";
    let mut platform = support::platform(&config, &[(task("t"), vec![container])], &["t", "c", "sh", "-c", script]);
    let mut line = String::new();
    BufReader::new(platform.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    wait_for_processes("sleep 134001 ", 1).await;
    platform.kill().unwrap();
    platform.wait().unwrap();
    wait_for_processes("sleep 134001 ", 0).await;
    let second = support::open(config, layers).await;
    let known = second.runtime.known_tasks().await;
    assert_eq!(known[0].lost, None);
    let text = second.runtime.exec("t", "c", sh("echo fine"), vec![], PATIENCE).await.unwrap();
    assert_eq!(text.output, b"fine\n");
    second.finish().await;
}

#[tokio::test]
async fn fifty_sessions_dropped_in_a_row_leave_nothing() {
    testhost::needs_root!();
    let host = idle(135).await;
    let supervisor = supervisor(&host);
    let library = host.config.run_dir.join("t/c/c/lc/c");
    // The first ones of everything: what is kept once is not leaked.
    drop(attach(&host, "exec sleep 135001").await);
    wait_for_processes("sleep 135001 ", 0).await;
    let state =
        || (open_files(supervisor), open_files(u64::from(std::process::id())), fs::read_dir(&library).unwrap().count());
    settle(&host, &|| children(supervisor), &1).await;
    let before = state();
    for round in 0..50 {
        let script = match round % 5 {
            0 => "exec sleep 135001",
            1 => "trap '' HUP; sleep 135001; :",
            2 => "set -m; sleep 135001 & sleep 135001 & exec sleep 135001",
            3 => "yes 135001",
            _ => "exit 3",
        };
        let mut terminal = attach(&host, script).await;
        if round % 5 == 3 {
            terminal.read_u8().await.unwrap();
        }
    }
    for _ in 0..10 {
        assert!(host.runtime.attach("t", "c", typed(&["no-such-program"])).await.is_err());
        // One that is given up before it is there.
        let hasty = host.runtime.attach("t", "c", on_terminal("exec sleep 135001"));
        let _ = tokio::time::timeout(Duration::from_millis(1), hasty).await;
    }
    for begin in ["sleep 135001", "yes 135001", "sh -c trap '' HUP; sleep 135001", "sh -c set -m; sleep 135001"] {
        wait_for_processes(begin, 0).await;
    }
    // Fewer are no leak: what it took to make the task is closed by our side in its own time.
    let fits = |now: &BTreeMap<String, usize>, then: &BTreeMap<String, usize>| {
        now.iter().all(|(kind, count)| then.get(kind).is_some_and(|most| count <= most))
    };
    let no_more = || {
        let now = state();
        fits(&now.0, &before.0) && fits(&now.1, &before.1) && now.2 <= before.2
    };
    settle(&host, &no_more, &true).await;
    assert!(no_more(), "{:?} after {before:?}", state());
    assert_eq!(children(supervisor), 1, "the container alone is a child");
    let terminals = host.runtime.exec("t", "c", sh("ls /dev/pts"), vec![], PATIENCE).await.unwrap();
    assert_eq!(terminals.output, b"ptmx\n");
    host.finish().await;
}

/// Waits until the supervisor has done all it was asked, and a state is reached.
async fn settle<T: PartialEq>(host: &Host, state: &impl Fn() -> T, wanted: &T) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        host.runtime.known_tasks().await;
        if state() == *wanted || Instant::now() > deadline {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_supervisor_that_knows_no_terminals_is_told_apart_from_one_that_is_gone() {
    testhost::needs_root!();
    let host = idle(136).await;
    // What an older one does with a request that it cannot read: it closes the
    // connection. The true one goes on and answers on the one it has.
    let socket = host.config.run_dir.join("t/s");
    fs::rename(&socket, socket.with_extension("aside")).unwrap();
    let old = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let closing = std::thread::spawn(move || {
        let (mut client, _) = old.accept().unwrap();
        let _ = std::io::Read::read(&mut client, &mut [0; 4096]).unwrap();
    });
    let Err(error) = host.runtime.attach("t", "c", on_terminal("true")).await else { panic!("it started") };
    assert!(matches!(error, StartError::Task(TaskError::OutOfStep { .. })), "{error:?}");
    assert!(error.to_string().contains("another version"), "{error}");
    closing.join().unwrap();
    fs::rename(socket.with_extension("aside"), &socket).unwrap();

    let pid = nix::unistd::Pid::from_raw(supervisor(&host) as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let Err(error) = host.runtime.attach("t", "c", on_terminal("true")).await else { panic!("it started") };
    assert!(matches!(error, StartError::Task(TaskError::SupervisorLost { .. })), "{error:?}");
    host.finish().await;
}

#[tokio::test]
async fn a_command_that_is_refused_late_leaves_nothing_either() {
    testhost::needs_root!();
    let host = idle(137).await;
    let supervisor = supervisor(&host);
    let mut spec = host.script("d", "exec sleep 1000");
    spec.cwd = "/srv/gone".into();
    host.start(spec).await;
    let remove = host.runtime.exec("t", "d", sh("rmdir /srv/gone"), vec![], PATIENCE).await.unwrap();
    assert_eq!(remove.exit_code, Some(0));
    let before = open_files(supervisor);
    // No process more may start in this one.
    for group in support::cgroups(&host.config, "t/c").iter().map(|group| group.join("pids.max")) {
        if group.exists() {
            fs::write(group, "1").unwrap();
        }
    }
    for _ in 0..5 {
        assert!(host.runtime.attach("t", "c", on_terminal("true")).await.is_err());
        let Err(error) = host.runtime.attach("t", "d", on_terminal("true")).await else { panic!("it started") };
        assert!(matches!(error, StartError::Refused { kind: FaultKind::WorkingDirectory, .. }), "{error:?}");
        assert!(host.runtime.exec("t", "d", sh("true"), vec![], PATIENCE).await.is_err());
    }
    settle(&host, &|| open_files(supervisor), &before).await;
    assert_eq!(open_files(supervisor), before);
    host.finish().await;
}
