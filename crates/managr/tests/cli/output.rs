//! Standard output that takes no more: full, or left by its reader.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

use crate::sandbox::{MANIFEST, Sandbox};

/// Runs a verb whose output goes to a full disk.
fn check(sandbox: &Sandbox, args: &[&str]) {
    let well = sandbox.run(args);
    assert!(!well.out.is_empty(), "{args:?} prints data: {}", well.err);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(args).stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let run = sandbox.told(output);
    let code = if well.code == Some(0) { Some(1) } else { well.code };
    assert_eq!(run.code, code, "{args:?}: {}", run.err);
    let words = "could not write to standard output: No space left on device";
    assert!(run.err.contains(words), "{args:?}: {}", run.err);
    assert!(!run.err.contains("panicked"), "{args:?}: {}", run.err);
}

#[test]
fn what_could_not_be_printed_was_not_done() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let verbs: [&[&str]; 12] = [
        &["--help"],
        &["--version"],
        &["help", "up"],
        &["schema"],
        &["completions", "bash"],
        &["taskdef", "render", "local", "app"],
        &["vars", "list", "local"],
        &["vars", "list", "local", "--json"],
        &["vars", "export", "local"],
        &["vars", "check", "--json"],
        &["platform", "status"],
        &["platform", "status", "--json"],
    ];
    verbs.iter().for_each(|args| check(&sandbox, args));
}

#[test]
fn what_could_not_be_printed_of_a_platform_was_not_done() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();
    assert_eq!(sandbox.run(&["up", "--detach"]).code, Some(0));
    let verbs: [&[&str]; 7] = [
        &["status"],
        &["status", "--json"],
        &["ps"],
        &["history", "local"],
        &["history", "local", "--json"],
        &["platform", "status"],
        &["up", "--detach"],
    ];
    verbs.iter().for_each(|args| check(&sandbox, args));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    for args in [&["schema"][..], &["completions", "zsh"], &["--help"]] {
        let mut child = sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Gone before, or after, the first byte: both are `| head`.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{args:?}");
    }
}
