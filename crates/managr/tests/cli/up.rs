//! An application's life against the simulated platform.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::sandbox::{MANIFEST, Run, Sandbox};

/// Replaces ids, times and addresses, which differ from run to run.
fn settled(run: &Run) -> String {
    let mut out = String::new();
    for line in run.transcript().lines() {
        let mut rest = line;
        let mut text = String::new();
        while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
            let (before, after) = rest.split_at(at);
            let end = after.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(after.len());
            text.push_str(before);
            text.push_str(if end == 8 { "TASK_ID_" } else { &after[..end] });
            rest = &after[end..];
        }
        text.push_str(rest);
        out.push_str(&text);
        out.push('\n');
    }
    out
}

#[test]
fn without_a_platform_there_is_a_hint() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let run = sandbox.run(&["status"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("is the platform running? start it with `managr platform start`"), "{}", run.err);
    let down = sandbox.run(&["down"]);
    assert_eq!(
        (down.code, down.err.as_str()),
        (Some(0), "nothing to stop: no platform answers at http://127.0.0.1:PORT\n")
    );
}

#[test]
fn up_status_up_down() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();

    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{}", up.err);
    for words in ["+ cluster demo-cluster", "+ service demo-app-local", "web (", "demo is up", "managr logs -f web"] {
        assert!(up.err.contains(words), "`{words}` is missing in:\n{}", up.err);
    }
    insta::assert_snapshot!(settled(&Run { err: String::new(), ..up }), @"
    exit 0
    --- out
    demo-app-local  demo-app-task-local:1  1 of 1 tasks running
    http://127.0.0.1:8080/  1 of 1 targets healthy
    TASK      CONTAINER  STATE    IMAGE
    TASK_ID_  web        running  nginx:1.27
    TASK_ID_  worker     running  busybox:1.36
    --- err
    ");

    let again = sandbox.run(&["up", "--detach"]);
    assert_eq!(again.code, Some(0));
    assert!(!again.err.lines().any(|line| line.starts_with(['+', '~', '-'])), "nothing changes:\n{}", again.err);

    let status: Value = serde_json::from_str(&sandbox.run(&["status", "--json"]).out).unwrap();
    assert_eq!(status["services"][0]["tasks"][0]["containers"][0]["state"], "running");

    let down = sandbox.run(&["down"]);
    assert_eq!(down.code, Some(0), "{}", down.err);
    assert!(down.err.contains("- service demo-app-local"), "{}", down.err);
    let status = sandbox.run(&["status"]);
    assert_eq!((status.code, status.out.as_str()), (Some(1), "demo-app-local  not running\n"));
    assert_eq!(sandbox.run(&["down"]).code, Some(0), "a second down has nothing to do");
    assert_eq!(sandbox.run(&["up", "--detach"]).code, Some(0), "and up works again");
}

#[test]
fn a_changed_variable_makes_a_revision_and_new_tasks() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();
    assert_eq!(sandbox.run(&["up", "-d"]).code, Some(0));
    sandbox.write("managr.toml", &MANIFEST.replace("DEBUG = \"True\"", "DEBUG = \"False\""));
    let up = sandbox.run(&["up", "-d"]);
    assert_eq!(up.code, Some(0), "{}", up.err);
    assert!(up.err.contains("~ task definition demo-app-task-local:2"), "{}", up.err);
    assert!(up.out.contains("demo-app-task-local:2"), "{}", up.out);
}

#[test]
fn secrets_without_a_value_are_all_named_and_nothing_is_created() {
    let keys = "[secrets]\nSTRIPE_KEY = {}\nSENTRY_DSN = {}\n";
    let sandbox = Sandbox::with_manifest(&MANIFEST.replace("[secrets]\n", keys));
    let _platform = sandbox.platform();
    let run = sandbox.run(&["up", "-d"]);
    insta::assert_snapshot!(run.transcript(), @r#"
    exit 2
    --- out
    --- err
    error: the secret `demo/local` has no value for SENTRY_DSN, STRIPE_KEY
      hint: name a dotenv file, `secrets-file = ".env.local"` under [stages.local], and write in it:
        SENTRY_DSN=...
        STRIPE_KEY=...
      hint: or let a random value be made up: `NAME = { generate = true }` under [secrets]
    "#);
}

#[test]
fn values_come_from_the_secrets_file_and_show_nowhere() {
    let text = MANIFEST.replace("[secrets]\n", "[secrets]\nSTRIPE_KEY = {}\n")
        + "[stages.local]\nsecrets-file = \".env.local\"\n";
    let sandbox = Sandbox::with_manifest(&text);
    let _platform = sandbox.platform();
    sandbox.write(".env.local", "STRIPE_KEY=hunter2\n");
    let up = sandbox.run(&["up", "-d", "-v"]);
    assert_eq!(up.code, Some(0), "{}", up.err);
    assert!(!up.transcript().contains("hunter2"));

    sandbox.write(".env.local", "STRIPE_KEY=hunter3\n");
    let up = sandbox.run(&["up", "-d"]);
    assert!(up.err.contains("~ secret demo/local") && up.err.contains("~ service demo-app-local"), "{}", up.err);

    sandbox.write(".env.local", "hunter2\n");
    let wrong = sandbox.run(&["up", "-d"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("line 1 of the secrets file") && !wrong.err.contains("hunter2"), "{}", wrong.err);
}

#[test]
fn logs_name_the_containers_that_there_are() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();
    assert_eq!(sandbox.run(&["logs"]).transcript(), "exit 0\n--- out\n--- err\n");
    let unknown = sandbox.run(&["logs", "wbe"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("there are stages local and containers web, worker"), "{}", unknown.err);
}

#[test]
fn in_the_foreground_ctrl_c_stops_the_application() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();
    let mut up = sandbox.command(&["up"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(up.stderr.take().unwrap()).lines();
    // Said once the application is up and the signal is listened for.
    assert!(lines.any(|line| line.unwrap().starts_with("Ctrl-C stops the application")));
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(up.wait().unwrap().code(), Some(130));
    assert!(rest.iter().any(|line| line == "demo is down"), "{rest:?}");
    assert_eq!(sandbox.run(&["status"]).out, "demo-app-local  not running\n");
}

#[test]
fn on_a_terminal_no_line_is_lost_among_the_bars() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();
    let size = nix::pty::Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size, None).unwrap();
    let mut command = sandbox.command(&["up", "-d"]);
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(Stdio::from(pty.slave));
    let mut up = command.spawn().unwrap();
    // The command holds the other end too: without this the reading would never end.
    drop(command);
    let mut seen = Vec::new();
    // Linux ends a terminal without writers with EIO.
    let _ = File::from(pty.master).read_to_end(&mut seen);
    assert_eq!(up.wait().unwrap().code(), Some(0));
    let seen = String::from_utf8_lossy(&seen);
    for words in
        ["secret demo/local", "log group /demo/local", "cluster demo-cluster", "service demo-app-local", "is up"]
    {
        assert!(seen.contains(words), "`{words}` is missing in:\n{seen}");
    }
    assert!(seen.contains("\u{1b}["), "a terminal gets colours");
}
