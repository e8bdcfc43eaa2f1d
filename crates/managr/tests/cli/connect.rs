//! `managr connect` against containers that are this machine's shells.

use std::io::Write;
use std::process::Stdio;

use crate::sandbox::{MANIFEST, Run, Sandbox};
use crate::stage;

/// Runs `managr connect local ARGS` without a terminal.
fn connect(args: &[&str], input: Option<&[u8]>) -> (Run, Vec<u8>) {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let mut command = sandbox.command(&[&["connect", "local"], args].concat());
    command.env("MANAGR_ENDPOINT", stage::endpoint()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap();
    if let Some(input) = input.map(<[u8]>::to_vec) {
        let mut stdin = child.stdin.take().unwrap();
        // A command that ends early does not read it all.
        std::thread::spawn(move || stdin.write_all(&input));
    }
    let output = child.wait_with_output().unwrap();
    let bytes = output.stdout.clone();
    let told = std::process::Output { stdout: Vec::new(), ..output };
    (sandbox.told(told), bytes)
}

fn every_byte(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

#[test]
fn the_remote_exit_code_is_the_exit_code() {
    for (script, code) in [("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("kill -9 $$", 137), ("exit 255", 255)] {
        let (run, out) = connect(&["--", "sh", "-c", script], None);
        assert_eq!((run.code, &out[..], run.err.as_str()), (Some(code), &b""[..], ""), "{script}");
    }
    assert_eq!(connect(&["worker", "--", "no-such-program"], None).0.code, Some(127));
}

#[test]
fn input_may_be_empty_unread_or_a_script() {
    assert_eq!(connect(&["--", "wc", "-c"], None).1.trim_ascii(), b"0");
    let (run, out) = connect(&["--", "head", "-c", "3"], Some(&every_byte(1 << 20)));
    assert_eq!((run.code, &out[..]), (Some(0), &[0, 1, 2][..]));
    let (run, out) = connect(&[], Some(b"echo $((6 * 7))\nexit 3\n"));
    assert_eq!((run.code, &out[..]), (Some(3), &b"42\n"[..]));
}

#[test]
fn a_container_without_a_shell_is_told_of_and_can_be_had_bare() {
    let (run, _) = connect(&["bare", "--", "true"], None);
    insta::assert_snapshot!(run.transcript(), @r#"
    exit 255
    --- out
    --- err
    error: the command could not be started: exec: "sh": executable file not found in $PATH
      hint: an image without sh needs `--bare -- COMMAND`
    "#);
    let (run, out) = connect(&["bare", "--bare", "--", "echo", "it's me"], None);
    assert_eq!((run.code, &out[..]), (Some(0), &b"it's me\r\n"[..]), "{}", run.err);
    assert!(run.err.contains("cannot be known"), "{}", run.err);
}
