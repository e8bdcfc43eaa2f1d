//! What was released, going back to it, and looking at it.

use crate::deploy::{APP, changed, json, well};
use crate::sandbox::Sandbox;
use crate::told::settled;

/// A sandbox's stage after two releases.
fn two_releases(sandbox: &Sandbox) {
    well(sandbox, &["deploy", "local", "--yes"]);
    sandbox.write("managr.toml", &changed());
    well(sandbox, &["deploy", "local", "--yes"]);
}

#[test]
fn a_rollback_goes_to_the_release_before_and_history_tells() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    let nothing = sandbox.run(&["rollback", "local", "--yes"]);
    assert_eq!((nothing.code, nothing.err.as_str()), (Some(1), "error: this stage has no release yet\n"));
    two_releases(&sandbox);
    insta::assert_snapshot!("rollback", settled(&sandbox.run(&["rollback", "local", "--yes"])));
    insta::assert_snapshot!("rollback_to_nothing", settled(&sandbox.run(&["rollback", "local", "--yes"])));
    insta::assert_snapshot!("rollback_to_2", settled(&sandbox.run(&["rollback", "local", "2", "--yes"])));
    insta::assert_snapshot!("rollback_to_what_runs", settled(&sandbox.run(&["rollback", "local", "2", "--yes"])));
    insta::assert_snapshot!("rollback_to_an_unknown_one", settled(&sandbox.run(&["rollback", "local", "9", "--yes"])));
    insta::assert_snapshot!("history", settled(&sandbox.run(&["history", "local"])));
    let releases = json(&well(&sandbox, &["history", "local", "--json", "--limit", "2"]));
    let numbers: Vec<_> = releases.as_array().unwrap().iter().map(|r| (&r["number"], &r["restored"])).collect();
    assert_eq!(numbers, [(&3.into(), &1.into()), (&4.into(), &2.into())], "oldest first");
    assert_eq!(releases[0]["by"]["user"], "somebody");
    assert_eq!(releases[0]["outcome"], "succeeded");
}

#[test]
fn a_release_that_never_succeeded_is_not_gone_back_to() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    sandbox.write("managr.toml", &(changed() + STUCK));
    let refused = sandbox.run(&["deploy", "local", "--yes"]);
    assert_eq!(refused.code, Some(5), "verification sees it: {}", refused.transcript());
    let late = sandbox.run(&["deploy", "local", "--yes", "--no-verify", "--timeout", "1"]);
    assert_eq!(late.code, Some(4), "{}", late.transcript());
    insta::assert_snapshot!("rollback_to_a_failed_one", settled(&sandbox.run(&["rollback", "local", "2", "--yes"])));
    // How it deploys is no part of a release: going back takes as long.
    let back = well(&sandbox, &["rollback", "local", "--yes", "--no-wait"]);
    assert!(back.err.contains("demo-app-task-local:2 -> demo-app-task-local:1"), "{}", back.err);
    assert!(back.err.contains("release 3 was started"), "{}", back.err);
}

/// One task that may neither be stopped first nor get company first, since 150 % of one is one: the
/// deployments of such a service never end.
pub(crate) const STUCK: &str = "[services.app.deployment]\nmax = 150\n";

#[test]
fn a_service_that_the_manifest_no_longer_names_goes_back_too() {
    let second = format!("{APP}[services.jobs.containers.jobs]\nimage = \"127.0.0.1:9/busybox:1\"\n");
    let sandbox = Sandbox::with_manifest(&second);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    sandbox.write("managr.toml", &second.replace("busybox:1\"", "busybox:2\""));
    well(&sandbox, &["deploy", "local", "--yes"]);
    sandbox.write("managr.toml", APP);
    let back = well(&sandbox, &["rollback", "local", "1", "--yes"]);
    assert!(!back.err.contains("is not there any more"), "{}", back.err);
    assert!(back.err.contains("demo-jobs-task-local:2 -> demo-jobs-task-local:1"), "{}", back.err);
}

#[test]
fn a_release_that_nobody_watched_is_settled_by_wait() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    let none = sandbox.run(&["wait", "local"]);
    assert_eq!(none.code, Some(1), "{}", none.transcript());
    assert!(none.err.contains("there is no service `demo-app-local`"), "{}", none.err);
    let started = well(&sandbox, &["deploy", "local", "--yes", "--no-wait"]);
    assert!(started.err.contains("`managr wait local` tells how it ends"), "{}", started.err);
    assert_eq!(json(&well(&sandbox, &["history", "local", "--json"]))[0]["outcome"], "unwatched");
    insta::assert_snapshot!("wait", settled(&sandbox.run(&["wait", "local"])));
    assert_eq!(json(&well(&sandbox, &["history", "local", "--json"]))[0]["outcome"], "succeeded");
}

#[test]
fn a_number_of_tasks_is_set_and_what_the_manifest_says_is_told() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    assert_eq!(sandbox.run(&["scale", "local", "app", "2"]).code, Some(1), "there is no service yet");
    well(&sandbox, &["deploy", "local", "--yes"]);
    let up = well(&sandbox, &["scale", "local", "app", "3"]);
    assert!(!up.err.contains("the manifest says"), "{}", up.err);
    assert!(up.err.ends_with("demo-app-local runs 3 tasks\n"), "{}", up.err);
    let down = well(&sandbox, &["scale", "local", "app", "1"]);
    assert!(down.err.ends_with("demo-app-local runs 1 task\n"), "{}", down.err);
    assert!(!down.err.contains("failed"), "tasks that nobody wants any more did not fail:\n{}", down.err);
    assert!(well(&sandbox, &["plan", "local"]).out.contains("nothing to do"), "the count is nobody's");

    sandbox.write(
        "managr.toml",
        &APP.replace("[services.app.ingress]", "[services.app]\ncount = 1\n[services.app.ingress]"),
    );
    let counted = well(&sandbox, &["scale", "local", "app", "2"]);
    assert!(counted.err.contains("the manifest says how many tasks app has"), "{}", counted.err);
    assert!(well(&sandbox, &["plan", "local"]).out.contains("desiredCount: 2 -> 1"));
    insta::assert_snapshot!("scale_unknown", settled(&sandbox.run(&["scale", "local", "ap", "2"])));
    assert_eq!(sandbox.run(&["scale", "local", "app", "5001"]).code, Some(2));
}

#[test]
fn task_definitions_are_shown_compared_and_given_other_images() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    let shown = json(&well(&sandbox, &["taskdef", "show", "local", "app"]));
    assert_eq!((&shown["family"], &shown["revision"]), (&"demo-app-task-local".into(), &1.into()));
    assert_eq!(json(&well(&sandbox, &["taskdef", "show", "demo-app-task-local:1"])), shown, "no manifest is needed");
    assert_eq!(well(&sandbox, &["taskdef", "diff", "local", "app"]).out, "no difference\n");
    sandbox.write("managr.toml", &changed());
    insta::assert_snapshot!("taskdef_diff", settled(&sandbox.run(&["taskdef", "diff", "local", "app"])));

    let update = ["taskdef", "update", "demo-app-task-local", "--image", "web=nginx:9"];
    let printed = json(&well(&sandbox, &update));
    assert_eq!(printed["containerDefinitions"][0]["image"], "nginx:9");
    assert_eq!(printed.get("revision"), None, "it can be registered as it is");
    let run = [&update[..], &["--cluster", "demo-cluster", "--service", "demo-app-local"]].concat();
    assert!(well(&sandbox, &run).out.ends_with("task-definition/demo-app-task-local:2\n"));
    assert!(well(&sandbox, &["status", "local"]).out.contains("nginx:9"));
    let same = well(&sandbox, &[&update[..], &["--register"]].concat());
    assert!(same.out.ends_with(":2\n"), "what is registered already is not registered again: {}", same.transcript());
    insta::assert_snapshot!(
        "taskdef_update_unknown",
        settled(&sandbox.run(&["taskdef", "update", "demo-app-task-local", "--image", "wbe=x:1"]))
    );
    assert_eq!(sandbox.run(&["taskdef", "show", "nothing"]).code, Some(1));
}

#[test]
fn a_hole_in_an_image_and_a_service_that_is_not_there_register_nothing() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    let update = |image: &str, more: &[&str]| {
        let image = format!("web={image}");
        let args = [&["taskdef", "update", "demo-app-task-local", "--image", &image], more].concat();
        sandbox.run(&args)
    };
    let to = |cluster, service| ["--cluster", cluster, "--service", service];
    for (image, words) in [
        (":42", "has no repository"),
        ("nginx:", "has no tag"),
        ("${IMAGE_NAME}", "`${IMAGE_NAME}` was not filled in"),
        ("nginx:$TAG", "`$TAG` was not filled in"),
        ("", "it is empty"),
    ] {
        let run = update(image, &to("demo-cluster", "demo-app-local"));
        assert_eq!(run.code, Some(2), "{}", run.transcript());
        assert!(run.err.contains(words), "{image}: {}", run.err);
    }
    for (cluster, service) in [("demo-cluster", "demo-app-lcoal"), ("nowhere", "demo-app-local")] {
        let run = update("nginx:9", &to(cluster, service));
        assert_eq!(run.code, Some(1), "{}", run.transcript());
        assert!(run.err.contains(service) && run.out.is_empty(), "{}", run.transcript());
    }
    let newest = json(&well(&sandbox, &["taskdef", "show", "demo-app-task-local"]));
    assert_eq!(newest["revision"], 1, "nothing was registered");
    let run = sandbox.run(&["deploy", "local", "--yes", "--tag", ""]);
    assert_eq!(run.code, Some(2), "{}", run.transcript());
    assert!(run.err.contains("was a variable not set?"), "{}", run.err);
}

#[test]
fn a_stage_on_an_endpoint_has_a_status_of_its_own() {
    let sandbox = Sandbox::with_manifest(&format!("{APP}[stages.staging]\nsecret = \"demo/local\"\n"));
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    let staging = sandbox.run(&["status", "staging"]);
    assert_eq!((staging.code, staging.out.as_str()), (Some(1), "demo-app-staging  not running\n"));
    assert!(well(&sandbox, &["status", "local"]).out.starts_with("demo-app-local  demo-app-task-local:1  1 of 1"));
    for verb in ["plan", "status", "history", "wait"] {
        let unknown = sandbox.run(&[verb, "stagin"]);
        assert_eq!(unknown.code, Some(2), "{verb}: {}", unknown.transcript());
        assert!(unknown.err.contains("did you mean `staging`?"), "{verb}: {}", unknown.err);
    }
}

#[tokio::test]
async fn a_revision_that_was_deregistered_comes_back_with_its_tags() {
    let tagged = |text: &str| format!("{text}\n[services.app.aws]\ntags = [{{ key = \"team\", value = \"web\" }}]\n");
    let sandbox = Sandbox::with_manifest(&tagged(APP));
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    sandbox.write("managr.toml", &tagged(&changed()));
    well(&sandbox, &["deploy", "local", "--yes"]);
    let client = aws::Client::new(aws::Options::local(sandbox.endpoint(), "us-east-1")).unwrap();
    let input = |value: serde_json::Value| value.as_object().unwrap().clone();
    let first = input(serde_json::json!({ "taskDefinition": "demo-app-task-local:1" }));
    client.call(&aws::ECS, "DeregisterTaskDefinition", first).await.unwrap();
    well(&sandbox, &["rollback", "local", "--yes"]);
    let third = serde_json::json!({ "taskDefinition": "demo-app-task-local:3", "include": ["TAGS"] });
    let found = client.call(&aws::ECS, "DescribeTaskDefinition", input(third)).await.unwrap();
    assert_eq!(found["tags"], serde_json::json!([{ "key": "team", "value": "web" }]));
}
