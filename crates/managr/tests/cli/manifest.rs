//! Manifests: found, right, wrong.

use serde_json::Value;

use crate::sandbox::{MANIFEST, Sandbox};

#[test]
fn a_missing_manifest_says_where_it_was_looked_for() {
    insta::assert_snapshot!(Sandbox::new().run(&["check"]).transcript(), @"
    exit 2
    --- out
    --- err
    error: there is no managr.toml in DIR or in a directory above it
      hint: go to the application's directory, or name the file: `--file path/to/managr.toml`
    ");
    let named = Sandbox::new().run(&["check", "--file", "other.toml"]);
    assert_eq!(named.code, Some(2));
    assert!(named.err.contains("other.toml"), "{}", named.err);
}

#[test]
fn a_manifest_in_a_directory_above_is_found() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    sandbox.write("deep/down/file", "");
    let run = sandbox.command(&["check"]).current_dir(sandbox.path().join("deep/down")).output().unwrap();
    assert_eq!(run.status.code(), Some(0));
}

#[test]
fn everything_that_is_wrong_is_said_in_one_run() {
    let text = MANIFEST.replace("[variables]", "[variablse]").replace("container = \"web\"", "container = \"wbe\"");
    insta::assert_snapshot!(Sandbox::with_manifest(&text).run(&["check"]).transcript());
}

#[test]
fn every_verb_that_reads_the_manifest_refuses_a_wrong_one_before_it_acts() {
    let sandbox = Sandbox::with_manifest("app = 5\n");
    for args in [
        &["up", "-d"][..],
        &["down"],
        &["status"],
        &["logs"],
        &["build"],
        &["push"],
        &["taskdef", "render", "local", "app"],
    ] {
        // `down` has nothing to take down without a platform, and says so.
        if args == ["down"] {
            continue;
        }
        assert_eq!(sandbox.run(args).code, Some(2), "{args:?}");
    }
    assert!(!sandbox.data_dir().exists(), "no platform was started");
}

#[test]
fn a_task_definition_is_rendered_as_data() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let run = sandbox.run(&["taskdef", "render", "local", "app"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["family"], "demo-app-task-local");
    assert_eq!(document["containerDefinitions"][1]["name"], "worker");
    assert!(!run.out.contains("\u{1b}"), "no colours off the terminal");

    let unknown = sandbox.run(&["taskdef", "render", "local", "ap"]);
    insta::assert_snapshot!(unknown.transcript(), @"
    exit 2
    --- out
    --- err
    error: the manifest has no service or schedule `ap`
      hint: did you mean `app`?
    ");
    assert_eq!(sandbox.run(&["taskdef", "render", "nowhere", "app"]).code, Some(2));
}

#[test]
fn an_account_is_the_stages_or_visibly_none() {
    let stages = "\n[images.own]\n[services.app.containers.own]\nimage = \"own\"\n\n[stages.staging]\nregion = \"eu-west-1\"\n\n[stages.prod]\naccount = \"210987654321\"\n";
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{stages}"));
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let done = std::process::Command::new("git").args(identity).args(args).current_dir(sandbox.path()).output();
        assert!(done.unwrap().status.success(), "{args:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "first"]);
    let numbers = |text: &str| {
        let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
        let mut found: Vec<String> =
            runs.filter(|run| run.len() == 12 && run.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned).collect();
        found.dedup();
        found
    };
    let staging = sandbox.run(&["taskdef", "render", "staging", "app"]);
    assert_eq!(staging.code, Some(0), "{}", staging.transcript());
    assert_eq!(numbers(&staging.out), Vec::<String>::new(), "{}", staging.out);
    let document: Value = serde_json::from_str(&staging.out).unwrap();
    assert_eq!(document["taskRoleArn"], "arn:aws:iam::ACCOUNT_ID:role/demo-staging-task");
    let image = document["containerDefinitions"][2]["image"].as_str().unwrap();
    assert!(image.starts_with("ACCOUNT_ID.dkr.ecr.eu-west-1.amazonaws.com/"), "{image}");
    assert!(staging.err.contains("ACCOUNT_ID stands for it") && staging.err.contains("[stages.staging]"));
    let prod = sandbox.run(&["taskdef", "render", "prod", "app"]);
    assert_eq!(numbers(&prod.out), ["210987654321"], "{}", prod.transcript());
    assert_eq!(prod.err, "");
}

#[test]
fn the_schema_is_json() {
    let run = Sandbox::new().run(&["schema"]);
    let schema: Value = serde_json::from_str(&run.out).unwrap();
    assert!(schema["properties"]["services"].is_object());
}
