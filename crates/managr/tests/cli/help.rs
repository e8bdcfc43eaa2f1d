//! What the program says of itself.

use crate::sandbox::Sandbox;

#[test]
fn the_help_of_every_verb_has_examples() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run(&["--help"]);
    assert_eq!(whole.code, Some(0));
    insta::assert_snapshot!("help", whole.out);
    check(&sandbox, &[], &whole.out);
    insta::assert_snapshot!("help_up", sandbox.run(&["up", "-h"]).out);
}

/// Every verb in a help text has examples, and so have the verbs below it.
fn check(sandbox: &Sandbox, path: &[&str], text: &str) {
    let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is too long for a line goes on below, further in.
    let verbs = commands.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    for verb in verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help") {
        let path = [path, &[verb]].concat();
        let help = sandbox.run(&[&path[..], &["-h"]].concat());
        assert_eq!(help.code, Some(0), "{path:?}");
        assert!(help.out.contains("Examples:"), "{path:?} has no examples:\n{}", help.out);
        check(sandbox, &path, &help.out);
    }
}

#[test]
fn the_supervisor_is_not_for_people() {
    let sandbox = Sandbox::new();
    assert!(!sandbox.run(&["--help"]).out.contains("supervise"));
    assert_ne!(sandbox.run(&["supervise"]).code, Some(0));
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let sandbox = Sandbox::new();
    for args in [&["upp"][..], &["up", "--nope"], &["logs", "--since", "5"], &["build", "--builder", "kaniko"]] {
        let run = sandbox.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!(run.code, Some(0));
        assert!(run.out.contains("taskdef"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(&["schema"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
