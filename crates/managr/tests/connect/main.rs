//! `managr connect` as a person and a script meet it, against an endpoint whose container is this machine: the whole
//! way from the program's own terminal or pipes through a session to a command on another terminal.
//! No root; what a command gets from the network is this program's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod endpoint;
mod person;
mod pty;

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use session::Size;
use tempfile::TempDir;

use crate::endpoint::{Endpoint, task};
use crate::person::Person;

const MANIFEST: &str = "app = \"demo\"\n[services.app.containers.web]\nimage = \"nginx:1.27\"\n";

/// A directory with a manifest, and an endpoint.
struct Scene {
    directory: TempDir,
    endpoint: Endpoint,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("managr.toml"), MANIFEST).unwrap();
        Self { directory, endpoint: Endpoint::start() }
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.directory.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.directory.path());
        command.env("MANAGR_ENDPOINT", &self.endpoint.url);
        command
    }

    /// Starts `managr connect local ARGS...` with pipes.
    fn piped(&self, args: &[&str], stdin: Stdio) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_managr"), &["connect", "local"]);
        command.args(args).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        self.piped(args, Stdio::null()).wait_with_output().unwrap()
    }

    /// Sits down at a terminal with `managr connect local ARGS...`.
    fn person(&self, args: &[&str]) -> Person {
        let program = ["--ctty", env!("CARGO_BIN_EXE_managr"), "connect", "local"];
        let mut command = self.command("setsid", &program);
        command.args(args).env("TERM", "xterm");
        Person::sit(command)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn the_exit_code_is_the_commands() {
    let scene = Scene::new();
    for (script, code) in [("exit 0", 0), ("echo out; exit 42", 42), ("kill -9 $$", 137), ("exit 255", 255)] {
        let ended = scene.run(&["--", "sh", "-c", script]);
        assert_eq!(ended.status.code(), Some(code), "{script}: {}", text(&ended.stderr));
    }
    assert_eq!(scene.run(&["--", "no-such-program"]).status.code(), Some(127));
}

#[test]
fn bytes_go_both_ways_unchanged() {
    let scene = Scene::new();
    let data: Vec<u8> = (0..300_000u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    let mut child = scene.piped(&["--", "cat"], Stdio::piped());
    let mut stdin = child.stdin.take().unwrap();
    let sent = data.clone();
    let writes = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let ended = child.wait_with_output().unwrap();
    writes.join().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    assert!(ended.stdout == data, "{} bytes", ended.stdout.len());
    assert_eq!(text(&ended.stderr), "");
}

#[test]
fn a_command_that_ends_early_does_not_wait_for_input() {
    let scene = Scene::new();
    let mut child = scene.piped(&["--", "sh", "-c", "exit 7"], Stdio::piped());
    let stdin = child.stdin.take();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(7));
    drop(stdin);
}

#[test]
fn dev_null_is_no_input_and_needs_no_tools_over_there() {
    let scene = Scene::new();
    // With input the wrapper would look for stty, and it says which way it took by what a command reads.
    let ended = scene.run(&["--", "sh", "-c", "readlink /proc/self/fd/0"]);
    assert_eq!((text(&ended.stdout).trim(), ended.status.code()), ("/dev/null", Some(0)));
}

#[test]
fn a_service_that_refuses_is_explained() {
    let scene = Scene::new();
    scene.endpoint.world().refusal =
        Some(("TargetNotConnectedException", "The execute command failed due to an internal error."));
    let ended = scene.run(&["--", "true"]);
    assert_eq!(ended.status.code(), Some(255));
    let words = text(&ended.stderr);
    assert!(
        words.contains("TargetNotConnectedException") && words.contains("ssmmessages:CreateControlChannel"),
        "{words}"
    );

    scene.endpoint.world().tasks[0]["enableExecuteCommand"] = false.into();
    let words = text(&scene.run(&["--", "true"]).stderr);
    assert!(words.contains("`exec = true` under [services.app]"), "{words}");
}

#[test]
fn a_container_that_is_killed_meanwhile_is_told_of() {
    let scene = Scene::new();
    let mut child = scene.piped(&["--", "sh", "-c", "echo up; sleep 60"], Stdio::null());
    person::read_until(child.stdout.as_mut().unwrap(), "up\n");
    let mut stopped = task("a1b2c3d4e5", 1.0);
    stopped["desiredStatus"] = "STOPPED".into();
    stopped["stoppedReason"] = "Essential container in task exited".into();
    stopped["containers"][0]["lastStatus"] = "STOPPED".into();
    stopped["containers"][0]["exitCode"] = 137.into();
    scene.endpoint.world().tasks = vec![stopped];
    scene.endpoint.end_sessions("the container has stopped");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(255));
    let words = text(&ended.stderr);
    assert!(words.contains("container web exited with 137"), "{words}");
}

#[test]
fn a_terminal_is_raw_meanwhile_and_as_before_afterwards() {
    let scene = Scene::new();
    let mut person = scene.person(&["--", "sh", "-c", "stty size; read line; echo got $line; exit 7"]);
    person.sees("33 101");
    assert!(person.is_raw());
    person.types("hi\r");
    person.sees("got hi");
    assert_eq!(person.ended(), Some(7));
}

#[test]
fn the_window_and_ctrl_c_are_the_commands() {
    let scene = Scene::new();
    let mut person = scene.person(&[
        "--",
        "bash",
        "-c",
        "trap 'stty size' WINCH; trap 'echo told; exit 3' INT; echo up; while :; do sleep 0.05; done",
    ]);
    person.sees("up");
    person.resizes(Size { cols: 77, rows: 22 });
    person.sees("22 77");
    person.types("\x03");
    person.sees("told");
    assert_eq!(person.ended(), Some(3));
}

#[test]
fn leaving_ends_the_session_over_there_and_restores_the_terminal() {
    let scene = Scene::new();
    let file = scene.directory.path().join("wrapper");
    let script = format!("stty -echo; echo $PPID >{}; echo up; sleep 60", file.display());
    let mut person = scene.person(&["--", "sh", "-c", &script]);
    person.sees("up");
    person.types("\r~.");
    assert_eq!(person.ended(), Some(255));
    assert!(scene.endpoint.world().called.contains(&"TerminateSession".to_owned()));
    let process = format!("/proc/{}", std::fs::read_to_string(file).unwrap().trim());
    person::wait_until("the command is gone", || !std::fs::exists(&process).unwrap());
}

#[test]
fn a_signal_restores_the_terminal() {
    for (sent, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGINT, 130), (Signal::SIGQUIT, 131)] {
        let scene = Scene::new();
        let mut person = scene.person(&["--", "sh", "-c", "echo up; sleep 60"]);
        person.sees("up");
        assert!(person.is_raw());
        signal(&person.child, sent);
        assert_eq!(person.ended(), Some(code), "{sent}");
        assert!(scene.endpoint.world().called.contains(&"TerminateSession".to_owned()), "{sent}");
    }
}

#[test]
fn an_endpoint_that_goes_away_is_no_hang_for_whoever_leaves() {
    let mut scene = Scene::new();
    let mut person = scene.person(&["--", "sh", "-c", "echo up; sleep 60"]);
    person.sees("up");
    scene.endpoint.stop();
    person.types("\r~.");
    assert_eq!(person.ended(), Some(255));
}

#[test]
fn output_that_nobody_takes_keeps_no_signal_waiting() {
    let scene = Scene::new();
    let mut child = scene.piped(&["--", "yes"], Stdio::null());
    // The pipe is full when it holds its 64 KiB, of which we read none; a first piece shows that it has begun.
    let mut stdout = child.stdout.take().unwrap();
    person::read_until(&mut stdout, "y\n");
    person::wait_until("the pipe is full", || person::waiting_in(&stdout) >= 60 << 10);
    signal(&child, Signal::SIGTERM);
    assert_eq!(person::ended_within(&mut child, Duration::from_secs(10)), Some(143));
}

#[test]
fn several_tasks_are_chosen_from() {
    let scene = Scene::new();
    scene.endpoint.world().tasks.push(task("ffffffff00", 2.0));
    let mut person = scene.person(&["--", "sh", "-c", "exit 5"]);
    person.sees("which task? [1]");
    assert!(!person.is_raw());
    person.types("9\n");
    person.sees("there are 1 to 2");
    person.types("2\n");
    person.sees("a1b2c3d4");
    assert_eq!(person.ended(), Some(5));

    let any = scene.run(&["--any", "--", "sh", "-c", "exit 6"]);
    assert_eq!(any.status.code(), Some(6), "{}", text(&any.stderr));
}
