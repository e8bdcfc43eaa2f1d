//! Stages of pull requests: deployed, listed, removed with all that was made for them.

use crate::deploy::{APP, json, well};
use crate::sandbox::Sandbox;

const PREVIEWS: &str = "\n[stages.staging]\nsubnets = [\"subnet-1\", \"subnet-2\"]\nhost = \"staging.example.com\"\n\n\
    [previews]\nfrom = \"staging\"\nhost = \"{name}.example.com\"\nttl = \"1h\"\n";

fn sandbox(previews: &str) -> Sandbox {
    let sandbox = Sandbox::with_manifest(&APP.replace("[secrets]\nSECRET_KEY = { generate = true }\n", ""));
    let text = std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
    sandbox.write("managr.toml", &format!("{text}{previews}"));
    sandbox
}

fn deploy(sandbox: &Sandbox, stage: &str) {
    well(sandbox, &["deploy", stage, "--yes", "--no-verify"]);
}

#[test]
fn a_preview_is_a_stage_until_it_is_taken_down() {
    let sandbox = sandbox(PREVIEWS);
    let _platform = sandbox.platform();
    assert_eq!(well(&sandbox, &["preview", "list"]).err, "there are no previews\n");
    deploy(&sandbox, "staging");
    deploy(&sandbox, "pr-12");
    let status = json(&well(&sandbox, &["status", "pr-12", "--json"]));
    assert_eq!(
        (&status["services"][0]["name"], &status["services"][0]["running"]),
        (&"demo-app-pr-12".into(), &1.into())
    );
    let listed = json(&well(&sandbox, &["preview", "list", "--json"]));
    assert_eq!((&listed[0]["name"], &listed[0]["host"]), (&"pr-12".into(), &"pr-12.example.com".into()));
    let end = |index: &str| listed[0][index].as_i64().unwrap();
    assert_eq!(end("expiresAt") - end("deployedAt"), 3_600_000);
    assert_eq!(json(&well(&sandbox, &["history", "pr-12", "--json"])).as_array().map(Vec::len), Some(1));

    let down = well(&sandbox, &["preview", "down", "pr-12"]);
    assert!(down.err.ends_with("pr-12 is removed\n"), "{}", down.err);
    assert_eq!(well(&sandbox, &["history", "pr-12"]).err, "pr-12 has no release yet\n");
    assert_eq!(well(&sandbox, &["preview", "list", "--json"]).out, "[]\n");
    let staging = json(&well(&sandbox, &["plan", "staging", "--json"]));
    assert_eq!(staging["steps"].as_array().map(Vec::len), Some(0), "what it shared is as it was: {staging}");
    let again = json(&well(&sandbox, &["plan", "pr-12", "--json"]));
    let made: Vec<&str> = again["steps"].as_array().unwrap().iter().filter_map(|step| step["kind"].as_str()).collect();
    assert_eq!(made, ["target group", "rule", "task definition", "service"], "nothing of it was left");
    well(&sandbox, &["preview", "down", "pr-12"]);
}

#[test]
fn previews_go_when_their_time_is_over_or_they_were_closed() {
    let sandbox = sandbox(PREVIEWS);
    let _platform = sandbox.platform();
    deploy(&sandbox, "pr-1");
    assert_eq!(well(&sandbox, &["preview", "prune"]).err, "no preview is over\n");
    let closed = well(&sandbox, &["preview", "prune", "--closed", "pr-1,pr-2"]);
    assert!(closed.err.ends_with("pr-1 is removed\n"), "{}", closed.err);
    sandbox.write(
        "managr.toml",
        &std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap().replace("\"1h\"", "0"),
    );
    deploy(&sandbox, "pr-3");
    assert!(well(&sandbox, &["preview", "prune"]).err.ends_with("pr-3 is removed\n"));
}

#[test]
fn only_previews_are_taken_down() {
    let sandbox = sandbox(PREVIEWS);
    for stage in ["staging", "local", "pr-x"] {
        let refused = sandbox.run(&["preview", "down", stage]);
        assert_eq!(refused.code, Some(2));
        assert!(
            refused.err.contains(&format!("`{stage}` is not a preview: they are called pr-NUMBER")),
            "{}",
            refused.err
        );
    }
    let without = self::sandbox("");
    let refused = without.run(&["preview", "list"]);
    assert_eq!((refused.code, refused.err.contains("managr.toml has no previews")), (Some(2), true));
    assert_eq!(without.run(&["plan", "pr-12"]).code, Some(2), "then it is no stage");
}
