//! `managr connect` and the drop-in plugin as a person at a terminal has them.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use crate::pty::Pty;
use crate::sandbox::{MANIFEST, Sandbox};
use crate::stage;

fn connect(sandbox: &Sandbox, args: &[&str]) -> Pty {
    let mut command = sandbox.command(&[&["connect", "local"], args].concat());
    command.env("MANAGR_ENDPOINT", stage::endpoint()).env("TERM", "xterm").env("PS1", "here> ");
    Pty::spawn(&command)
}

#[test]
fn a_shell_is_as_if_it_were_here() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let mut pty = connect(&sandbox, &["worker", "--", "sh"]);
    pty.wait_for("connected to app/3f2a9c0d container worker");
    pty.type_in("stty size; echo d\u{e9}j\u{e0} $((6*7))\r");
    pty.wait_for("33 101");
    pty.wait_for("d\u{e9}j\u{e0} 42");
    assert!(pty.is_raw());
    pty.resize(20, 80);
    // The size travels beside the keys: asked for until it is there.
    pty.type_in("until [ \"$(stty size)\" = '20 80' ]; do :; done; echo re''sized\r");
    pty.wait_for("resized");
    pty.type_in("sleep 100\r");
    pty.wait_for("sleep 100");
    pty.type_in("\u{3}");
    pty.type_in("echo st''ill\r");
    pty.wait_for("still");
    pty.type_in("exit 7\r");
    let (status, shown) = pty.end();
    assert_eq!(status.code(), Some(7), "{shown}");
    assert!(!shown.contains("_managr"), "{shown:?}");
}

#[test]
fn what_fails_leaves_the_terminal_as_it_was() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let (status, shown) = connect(&sandbox, &["bare"]).end();
    assert_eq!(status.code(), Some(255), "{shown}");
    assert!(shown.contains("--bare"), "{shown}");
}

/// The plugin as the CLI starts it, for a session that runs `command`.
fn plugin(sandbox: &Sandbox, command: &str) -> Command {
    let link = sandbox.path().join("session-manager-plugin");
    symlink(env!("CARGO_BIN_EXE_managr"), &link).unwrap();
    let endpoint = stage::endpoint();
    let client = aws::Client::new(aws::Options::local(&endpoint, "us-east-1")).unwrap();
    let input = json!({ "cluster": "c", "task": "t", "container": "web", "interactive": true, "command": command });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer =
        runtime.block_on(client.call(&aws::ECS, "ExecuteCommand", input.as_object().unwrap().clone())).unwrap();
    let mut starts = Command::new(link);
    starts.args([&answer["session"].to_string(), "us-east-1", "StartSession", "", "{}", &endpoint]);
    starts.current_dir(sandbox.path()).env("PATH", std::env::var_os("PATH").unwrap()).env("PS1", "here> ");
    starts
}

#[test]
fn the_plugin_is_a_shell_for_the_cli() {
    let sandbox = Sandbox::new();
    let mut pty = Pty::spawn(&plugin(&sandbox, "sh"));
    pty.wait_for("Starting session with SessionId: test-");
    pty.type_in("stty size; exit 5\r");
    pty.wait_for("33 101");
    let (status, shown) = pty.end();
    assert_eq!(status.code(), Some(0), "the plugin never tells the exit code: {shown}");
    assert!(shown.contains("Exiting session with sessionId: test-"), "{shown}");
}

#[test]
fn the_plugin_without_a_terminal_goes_on_until_the_session_ends() {
    let sandbox = Sandbox::new();
    let output = plugin(&sandbox, "sh -c 'read line; sleep 0.3; echo done'")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("done") && out.contains("Exiting session"), "{out}");
    assert_eq!(output.status.code(), Some(0));
}
