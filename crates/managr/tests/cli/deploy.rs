//! Plans and deploys against the simulated platform.

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::told::settled;

/// Two containers whose images are in a registry that refuses every connection: it is unknown whether
/// they are there, at once and wherever these tests run.
pub(crate) const APP: &str = r#"app = "demo"

[variables]
DEBUG = "True"

[secrets]
SECRET_KEY = { generate = true }

[services.app.ingress]
container = "web"
port = 80

[services.app.containers.web]
image = "127.0.0.1:9/nginx:1.27"
ports = [80]

[services.app.containers.worker]
image = "127.0.0.1:9/busybox:1.36"
"#;

/// The manifest with another value of a variable: a new revision and nothing else.
pub(crate) fn changed() -> String {
    APP.replace("DEBUG = \"True\"", "DEBUG = \"False\"")
}

pub(crate) fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}\n{}", run.transcript()))
}

/// Returns the run, which must have ended well.
pub(crate) fn well(sandbox: &Sandbox, args: &[&str]) -> Run {
    let run = sandbox.run(args);
    assert_eq!(run.code, Some(0), "{args:?}\n{}", run.transcript());
    run
}

#[test]
fn a_plan_is_text_for_people_and_json_for_programs() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    insta::assert_snapshot!("plan_from_nothing", settled(&sandbox.run(&["plan", "local"])));
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(2));
    let plan = json(&well(&sandbox, &["plan", "local", "--json"]));
    assert_eq!((&plan["version"], &plan["app"], &plan["stage"]), (&1.into(), &"demo".into(), &"local".into()));
    assert_eq!(plan["steps"][0]["action"]["do"], "create-cluster");
    assert_eq!(well(&sandbox, &["history", "local"]).err, "local has no release yet\n", "a plan changes nothing");

    well(&sandbox, &["deploy", "local", "--yes"]);
    insta::assert_snapshot!("plan_of_nothing", settled(&sandbox.run(&["plan", "local", "--detailed-exitcode"])));
    sandbox.write("managr.toml", &changed());
    insta::assert_snapshot!("plan_of_a_change", settled(&sandbox.run(&["plan", "local"])));
}

#[test]
fn a_deploy_makes_what_is_missing_then_only_what_differs() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    insta::assert_snapshot!("deploy_from_nothing", settled(&sandbox.run(&["deploy", "local", "--yes"])));
    insta::assert_snapshot!("deploy_of_nothing", settled(&sandbox.run(&["deploy", "local", "--yes"])));
    sandbox.write("managr.toml", &changed());
    insta::assert_snapshot!("deploy_of_a_change", settled(&sandbox.run(&["deploy", "local", "--yes"])));
    let status = json(&well(&sandbox, &["status", "local", "--json"]));
    assert_eq!(status["services"][0]["revision"], "demo-app-task-local:2");
    let releases = json(&well(&sandbox, &["history", "local", "--json"]));
    assert_eq!(releases.as_array().map(Vec::len), Some(2), "nothing to do is no release");
}

#[test]
fn events_of_a_deploy_are_json_lines_and_the_last_says_how_it_ended() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    let run = well(&sandbox, &["deploy", "local", "--yes", "--json"]);
    let events: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "plan");
    for event in ["resource", "container", "rollout"] {
        assert!(events.iter().any(|found| found["event"] == event), "no {event} in {}", run.out);
    }
    assert_eq!(*events.last().unwrap(), serde_json::json!({ "event": "finished", "exit": 0 }));
}

#[test]
fn without_a_terminal_and_yes_nothing_is_done() {
    let sandbox = Sandbox::with_manifest(APP);
    for verb in ["deploy", "rollback"] {
        insta::assert_snapshot!("nobody_to_ask", sandbox.run(&[verb, "local"]).transcript());
    }
}

#[test]
fn a_kept_plan_is_carried_out_once() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["plan", "local", "--out", "plan.json"]);
    let deployed = well(&sandbox, &["deploy", "local", "--plan", "plan.json", "--yes"]);
    assert!(deployed.err.contains("local runs release 1"), "{}", deployed.err);
    insta::assert_snapshot!(
        "a_stale_plan",
        settled(&sandbox.run(&["deploy", "local", "--plan", "plan.json", "--yes"]))
    );

    sandbox.write("managr.toml", &changed());
    well(&sandbox, &["plan", "local", "--out", "plan.json"]);
    well(&sandbox, &["scale", "local", "app", "2"]);
    let stale = sandbox.run(&["deploy", "local", "--plan", "plan.json", "--yes"]);
    assert_eq!(stale.code, Some(5), "what somebody scaled meanwhile is another stage: {}", stale.transcript());
}

#[test]
fn a_plan_of_elsewhere_is_refused() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}[stages.staging]\n"));
    let _platform = sandbox.platform();
    well(&sandbox, &["plan", "staging", "--out", "plan.json"]);
    insta::assert_snapshot!(
        "a_plan_of_another_stage",
        sandbox.run(&["deploy", "local", "--plan", "plan.json", "--yes"]).transcript()
    );
    sandbox.write("managr.toml", &APP.replace("\"demo\"", "\"other\""));
    let other = sandbox.run(&["deploy", "local", "--plan", "plan.json", "--yes"]);
    assert_eq!(other.code, Some(2), "{}", other.transcript());
    sandbox.write("plan.json", "{}");
    assert_eq!(sandbox.run(&["deploy", "local", "--plan", "plan.json", "--yes"]).code, Some(2));
    assert_eq!(sandbox.run(&["deploy", "local", "--plan", "none.json", "--yes"]).code, Some(2));
    let both = sandbox.run(&["deploy", "local", "--plan", "plan.json", "--tag", "v1", "--yes"]);
    assert_eq!(both.code, Some(2), "a plan has its images: {}", both.err);
}

#[test]
fn images_are_taken_as_they_are_told() {
    let text = APP.replace("\"127.0.0.1:9/nginx:1.27\"", "\"server\"") + "[images.server]\n";
    let sandbox = Sandbox::with_manifest(&text);
    let _platform = sandbox.platform();
    insta::assert_snapshot!("a_missing_tag", sandbox.run(&["deploy", "local", "--tag", "v9", "--yes"]).transcript());
    assert_eq!(sandbox.run(&["plan", "local", "--tag", "v9"]).code, Some(5));
    insta::assert_snapshot!(
        "an_unknown_image",
        sandbox.run(&["deploy", "local", "--image", "sever=nginx:1", "--yes"]).transcript()
    );
    assert_eq!(sandbox.run(&["deploy", "local", "--image", "server", "--yes"]).code, Some(2), "no reference");
    well(&sandbox, &["deploy", "local", "--image", "server=127.0.0.1:9/nginx:1.28", "--yes"]);
    let releases = json(&well(&sandbox, &["history", "local", "--json"]));
    assert_eq!(releases[0]["images"]["server"], "127.0.0.1:9/nginx:1.28");
    assert!(well(&sandbox, &["status", "local"]).out.contains("nginx:1.28"));
}

#[test]
fn extra_tags_follow_what_was_released() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    crate::verify::push(&sandbox, "demo/server", "v1");
    let text = APP.replace("\"127.0.0.1:9/nginx:1.27\"", "\"server\"")
        + "[images.server]\nextra-tags = [\"latest\", \"prod\"]\n";
    sandbox.write("managr.toml", &text);
    let run = well(&sandbox, &["deploy", "local", "--tag", "v1", "--yes"]);
    assert!(run.err.contains("demo/server:latest, which is what runs"), "{}", run.err);
    let wanted = serde_json::json!({ "repositoryName": "demo/server" });
    let answers = crate::verify::call(&sandbox, &[(&aws::ECR, "DescribeImages", wanted)]);
    let mut tags: Vec<&str> =
        answers[0]["imageDetails"][0]["imageTags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["latest", "prod", "v1"], "{answers:?}");
    sandbox.write("managr.toml", &text.replace("DEBUG = \"True\"", "DEBUG = \"False\""));
    let again = well(&sandbox, &["deploy", "local", "--tag", "v1", "--yes"]);
    assert!(!again.err.contains("which is what runs"), "they name it already: {}", again.err);
}

#[test]
fn a_release_command_that_does_not_end_fails_the_release_before_anything_runs() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}{MIGRATES}timeout = \"1s\"\n"));
    let _platform = sandbox.platform();
    let run = sandbox.run(&["deploy", "local", "--yes"]);
    assert_ne!(run.code, Some(0), "{}", run.transcript());
    assert_eq!(sandbox.run(&["status", "local"]).out, "demo-app-local  not running\n");
    let releases = json(&well(&sandbox, &["history", "local", "--json"]));
    assert!(releases[0]["services"].as_object().is_some_and(|services| services.is_empty()), "{releases}");
    assert_ne!(releases[0]["outcome"], "succeeded");
    let history = well(&sandbox, &["history", "local"]).out;
    assert!(!history.contains("managr:"), "no placeholder is shown:\n{history}");
    let rollback = sandbox.run(&["rollback", "local", "--yes"]);
    assert!(rollback.err.contains("no earlier release of this stage succeeded"), "{}", rollback.err);
}

/// A release command; the simulated platform's containers run until they are stopped.
pub(crate) const MIGRATES: &str = "[services.app.release]\ncontainer = \"web\"\ncommand = [\"migrate\"]\n";

#[test]
fn a_secrets_value_is_in_no_plan_and_no_release() {
    let text = APP.replace("{ generate = true }", "{}") + "[stages.local]\nsecrets-file = \".env\"\n";
    let sandbox = Sandbox::with_manifest(&text);
    let _platform = sandbox.platform();
    sandbox.write(".env", "SECRET_KEY=hunter2\n");
    well(&sandbox, &["plan", "local", "--out", "plan.json"]);
    let told = [
        well(&sandbox, &["plan", "local", "--json"]).transcript(),
        std::fs::read_to_string(sandbox.path().join("plan.json")).unwrap(),
        well(&sandbox, &["deploy", "local", "--plan", "plan.json", "--yes", "--json", "-v"]).transcript(),
        well(&sandbox, &["history", "local", "--json"]).transcript(),
        well(&sandbox, &["taskdef", "show", "local", "app"]).transcript(),
    ];
    for text in &told {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn when_a_service_is_refused_those_before_it_go_back() {
    let two =
        changed().replace("True", "False") + "\n[services.tail.containers.tail]\nimage = \"127.0.0.1:9/tail:1\"\n";
    let sandbox = Sandbox::with_manifest(&two);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    // ECS takes no service that could never replace a task.
    let refused = "[services.tail.aws-service.deploymentConfiguration]\nmaximumPercent = 100\n";
    sandbox.write("managr.toml", &(two.replace("DEBUG = \"False\"", "DEBUG = \"True\"") + refused));
    let run = sandbox.run(&["deploy", "local", "--yes", "--no-verify"]);
    assert_eq!(run.code, Some(1), "{}", run.transcript());
    assert!(run.err.contains("demo-app-local goes back too: a release is all or nothing"), "{}", run.err);
    assert!(run.err.contains("will block deployments"), "{}", run.err);
    let status = json(&well(&sandbox, &["status", "--json"]));
    assert_eq!(status["services"][0]["revision"], "demo-app-task-local:1");
    let history = json(&well(&sandbox, &["history", "local", "--json"]));
    assert_eq!(history[1]["outcome"], "failed");
}
