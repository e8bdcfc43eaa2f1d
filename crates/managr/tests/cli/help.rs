//! What the program says of itself.

use crate::sandbox::Sandbox;

#[test]
fn the_help_of_every_verb_has_examples() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run(&["--help"]);
    assert_eq!(whole.code, Some(0));
    insta::assert_snapshot!("help", whole.out);
    for verb in [
        "up",
        "down",
        "status",
        "logs",
        "build",
        "push",
        "check",
        "verify",
        "taskdef",
        "schema",
        "platform",
        "completions",
    ] {
        let help = sandbox.run(&[verb, "-h"]);
        assert_eq!(help.code, Some(0), "{verb}");
        assert!(help.out.contains("Examples:"), "{verb} has no examples:\n{}", help.out);
        assert!(whole.out.contains(&format!("  {verb} ")), "{verb} is not in the list");
    }
    insta::assert_snapshot!("help_up", sandbox.run(&["up", "-h"]).out);
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
