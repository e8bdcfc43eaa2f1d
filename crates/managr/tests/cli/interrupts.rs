//! Two at one stage, and ways out in the middle: what is said, what history keeps, and that the
//! lock is free.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::deploy::{APP, MIGRATES, changed, json, well};
use crate::rollback::STUCK;
use crate::sandbox::{Run, Sandbox};
use crate::told::settled;

/// A run that is under way, as far as its standard error has told.
struct Underway {
    child: Child,
    lines: BufReader<Box<dyn Read>>,
    told: String,
}

impl Underway {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let errors: Box<dyn Read> = Box::new(child.stderr.take().unwrap());
        Self { child, lines: BufReader::new(errors), told: String::new() }
    }

    /// Starts a command that believes to talk to a person; returns what the person writes with.
    fn at_a_terminal(mut command: Command) -> (Self, File) {
        let size = nix::pty::Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(&size, None).unwrap();
        let screen = pty.slave.try_clone().unwrap();
        command.env("TERM", "dumb").stdin(Stdio::from(pty.slave)).stderr(Stdio::from(screen)).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        drop(command); // it holds the other end too: without this the reading would never end
        let master = File::from(pty.master);
        let person = master.try_clone().unwrap();
        (Self { child, lines: BufReader::new(Box::new(master)), told: String::new() }, person)
    }

    /// Reads on until a text appears.
    fn until(&mut self, words: &str) {
        let mut byte = [0];
        while !self.told.contains(words) {
            let read = self.lines.read(&mut byte).unwrap_or(0);
            assert_ne!(read, 0, "it ended without `{words}`:\n{}", self.told);
            self.told.push(char::from(byte[0]));
        }
    }

    fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for its end; the run is as if it had been collected at once.
    fn ended(mut self) -> Run {
        let mut rest = Vec::new();
        // Linux ends a terminal without writers with EIO.
        while let Ok(1..) = self.lines.read_until(b'\n', &mut rest) {}
        self.told.push_str(&String::from_utf8_lossy(&rest));
        Run { code: self.child.wait().unwrap().code(), out: String::new(), err: self.told }
    }
}

/// Starts a deploy that stays in its release command.
fn migrating(sandbox: &Sandbox) -> Underway {
    let mut deploy = Underway::start(sandbox.command(&["deploy", "local", "--yes"]));
    deploy.until("web (");
    deploy
}

fn outcome(sandbox: &Sandbox) -> (String, String) {
    let releases = json(&well(sandbox, &["history", "local", "--json"]));
    let newest = releases.as_array().unwrap().last().unwrap().clone();
    let text = |name: &str| newest[name].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("cause"))
}

#[test]
fn only_one_at_a_time_changes_a_stage() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}{MIGRATES}"));
    let _platform = sandbox.platform();
    let first = migrating(&sandbox);
    let second = sandbox.run(&["deploy", "local", "--yes"]);
    insta::assert_snapshot!("locked", settled(&second));
    let rollback = sandbox.run(&["rollback", "local", "--yes", "--json"]);
    assert_eq!(rollback.code, Some(6));
    assert_eq!(rollback.out, "{\"event\":\"finished\",\"exit\":6}\n", "programs are told too");
    assert_eq!(well(&sandbox, &["plan", "local"]).code, Some(0), "looking is always allowed");

    let mut patient = Underway::start(sandbox.command(&["deploy", "local", "--yes", "--wait"]));
    patient.until("waiting for somebody");
    first.send(Signal::SIGINT);
    assert_eq!(first.ended().code, Some(130));
    patient.until("web ("); // its own release command: it has the lock now
    patient.send(Signal::SIGINT);
    assert_eq!(patient.ended().code, Some(130));
    assert_eq!(sandbox.run(&["deploy", "local", "--yes", "--wait=0", "--image", "x=y"]).code, Some(2));
}

#[test]
fn whoever_waits_for_the_lock_can_be_called_off() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}{MIGRATES}"));
    let _platform = sandbox.platform();
    let first = migrating(&sandbox);
    let mut patient = Underway::start(sandbox.command(&["deploy", "local", "--yes", "--wait"]));
    patient.until("waiting for somebody");
    patient.send(Signal::SIGINT);
    let patient = patient.ended();
    assert_eq!(patient.code, Some(130));
    assert!(patient.err.ends_with("error: interrupted; no service was changed\n"), "{}", patient.err);
    first.send(Signal::SIGTERM);
    assert_eq!(first.ended().code, Some(130), "SIGTERM is a Ctrl-C");
}

#[test]
fn a_lock_whose_owner_was_killed_is_taken_over_at_once() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}{MIGRATES}"));
    let _platform = sandbox.platform();
    let first = migrating(&sandbox);
    first.send(Signal::SIGKILL);
    assert_eq!(first.ended().code, None);
    assert_eq!(outcome(&sandbox).0, "in-progress", "nobody was there to write it down");
    sandbox.write("managr.toml", APP);
    let second = well(&sandbox, &["deploy", "local", "--yes"]);
    assert!(second.err.contains("took over the lock of somebody"), "{}", second.err);
    assert!(second.err.contains("local runs release 2"), "{}", second.err);
}

#[test]
fn ctrl_c_in_the_release_command_stops_it_and_changes_nothing() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}{MIGRATES}"));
    let _platform = sandbox.platform();
    let deploy = migrating(&sandbox);
    deploy.send(Signal::SIGINT);
    let deploy = deploy.ended();
    assert_eq!(deploy.code, Some(130));
    let words = "error: interrupted; the release command was told to stop, and no service was changed\n";
    assert!(deploy.err.ends_with(words), "{}", deploy.err);
    assert_eq!(outcome(&sandbox), ("interrupted".into(), "interrupted before any service was changed".into()));
    assert!(sandbox.run(&["status", "local"]).out.contains("not running"));

    // The lock is free, the task is gone, and the release stays what it came to, whatever runs now.
    sandbox.write("managr.toml", APP);
    let again = well(&sandbox, &["deploy", "local", "--yes"]);
    assert!(!again.err.contains("took over"), "{}", again.err);
    sandbox.write("managr.toml", &format!("{}{MIGRATES}", changed()));
    let deploy = migrating(&sandbox);
    deploy.send(Signal::SIGINT);
    assert_eq!(deploy.ended().code, Some(130));
    well(&sandbox, &["wait", "local"]);
    assert_eq!(outcome(&sandbox).0, "interrupted");
    let history = well(&sandbox, &["history", "local"]).out;
    assert!(!history.contains("managr:"), "no placeholder is shown:\n{history}");
}

#[test]
fn ctrl_c_during_the_rollout_leaves_it_and_says_so() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    sandbox.write("managr.toml", &(changed() + STUCK));
    let mut deploy = Underway::start(sandbox.command(&["deploy", "local", "--yes", "--no-verify"]));
    deploy.until("0 of 1 healthy");
    deploy.send(Signal::SIGINT);
    let deploy = deploy.ended();
    assert_eq!(deploy.code, Some(130));
    let words = "error: interrupted; the deployment of demo-app-local goes on without us\n  hint: follow it with \
                 `managr wait local`, or undo it with `managr rollback local`\n";
    assert!(deploy.err.ends_with(words), "{}", deploy.err);
    assert_eq!(outcome(&sandbox), ("interrupted".into(), "interrupted while demo-app-local went on".into()));

    let again = sandbox.run(&["deploy", "local", "--yes"]);
    assert_eq!(again.code, Some(6), "what is under way is what is wanted, and may yet be lost: {}", again.err);
    assert!(
        again.err.starts_with("error: service demo-app-local has a deployment under way: ecs-svc/"),
        "{}",
        again.err
    );
    assert!(again.err.contains("wait for it with `managr wait local`"), "{}", again.err);
    let mut wait = Underway::start(sandbox.command(&["wait", "local"]));
    wait.until("0 of 1 healthy");
    wait.send(Signal::SIGINT);
    assert!(wait.ended().err.ends_with("error: interrupted; nothing was changed\n"));
    let late = sandbox.run(&["wait", "local", "--timeout", "0"]);
    assert_eq!(late.code, Some(4), "{}", late.transcript());
    assert_eq!(outcome(&sandbox).0, "timed-out");
    let back = well(&sandbox, &["rollback", "local", "--yes", "--no-wait"]);
    assert!(back.err.contains("demo-app-task-local:2 -> demo-app-task-local:1"), "what is under way is no obstacle");
}

/// Asks on a terminal, answers, and returns how it ended.
fn answered(sandbox: &Sandbox, answer: impl FnOnce(&Underway, &mut File)) -> Run {
    let (mut deploy, mut person) = Underway::at_a_terminal(sandbox.command(&["deploy", "local"]));
    deploy.until("[y/N] ");
    answer(&deploy, &mut person);
    deploy.ended()
}

#[test]
fn a_person_is_asked_once_and_may_say_no() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    for no in ["n\n", "\n", "nope\n"] {
        let run = answered(&sandbox, |_, person| person.write_all(no.as_bytes()).unwrap());
        assert_eq!(run.code, Some(6), "{no:?}: {}", run.err);
        assert!(run.err.contains("declined; nothing was changed"), "{}", run.err);
    }
    let gone = answered(&sandbox, |deploy, _| deploy.send(Signal::SIGINT));
    assert_eq!(gone.code, Some(130), "{}", gone.err);
    assert!(gone.err.contains("interrupted; no service was changed"), "{}", gone.err);
    assert_eq!(well(&sandbox, &["history", "local"]).err, "local has no release yet\n");
    let yes = answered(&sandbox, |_, person| person.write_all(b"y\n").unwrap());
    assert_eq!(yes.code, Some(0), "{}", yes.err);
    assert!(yes.err.contains("local runs") && yes.err.contains("\u{1b}["), "a terminal gets colours: {}", yes.err);
    assert!(!well(&sandbox, &["plan", "local", "--tag", "x"]).transcript().contains('\u{1b}'), "nothing else does");
}
