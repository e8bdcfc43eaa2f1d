//! What runs against what the manifest says, and siblings against each other.

use deploy_core::desired::Owner;
use deploy_core::vars::check::{Keys, Seen, Source, SourceSeen, StageSeen};
use deploy_core::{Facts, desired, parse};
use serde_json::{Value, json};

use super::check_lines;

const TEXT: &str = r#"app = "demo"
[images.server]
[variables]
LOG_LEVEL = "INFO"
ONLY_WEB = { value = "1", containers = ["web"] }
[secrets]
API_KEY = {}
[services.app.containers.web]
image = "server"
[services.app.containers.worker]
image = "server"
[services.app.containers.proxy]
image = "nginx:1"
inherit = false
[schedules.nightly]
schedule = "rate(1 day)"
image = "server"
[stages.prod]
"#;

/// What runs after a deploy, with some of it changed by hand.
fn after(change: impl Fn(&str, &str, &mut Value)) -> Seen {
    let manifest = parse("managr.toml", TEXT).unwrap();
    let facts = Facts {
        images: [("server".to_owned(), "1.dkr.ecr/demo/server@sha256:00".to_owned())].into(),
        secret_arn: Some("arn:aws:secretsmanager:us-east-1:1:secret:demo/prod-AbCdEf".to_owned()),
        ..Facts::local("")
    };
    let mut stage = StageSeen::default();
    for task in desired(&manifest, "prod", &facts).unwrap().task_definitions {
        let (Owner::Service(owner) | Owner::Schedule(owner)) = &task.owner;
        let mut document = task.document.clone();
        for container in document["containerDefinitions"].as_array_mut().unwrap() {
            let name = container["name"].as_str().unwrap().to_owned();
            change(owner, &name, container);
        }
        stage.live.insert(owner.clone(), document);
    }
    Seen { stages: [("prod".to_owned(), stage)].into(), ..Seen::default() }
}

fn without(container: &mut Value, name: &str) {
    for list in ["environment", "secrets"] {
        if let Some(list) = container.get_mut(list).and_then(Value::as_array_mut) {
            list.retain(|item| item["name"] != name);
        }
    }
}

fn with(container: &mut Value, list: &str, item: Value) {
    container.as_object_mut().unwrap().entry(list).or_insert_with(|| json!([])).as_array_mut().unwrap().push(item);
}

fn check(change: impl Fn(&str, &str, &mut Value), expected: &[&str]) {
    check_lines(TEXT, &["prod"], &after(change), expected);
}

#[test]
fn what_runs_as_it_should_has_no_findings() {
    check(|_, _, _| {}, &[]);
}

#[test]
fn a_container_that_was_forgotten() {
    check(
        |_, name, container| {
            if name == "nightly" {
                without(container, "API_KEY");
            }
        },
        &["error live-missing API_KEY [prod] 7:1 nightly"],
    );
}

#[test]
fn a_variable_that_was_not_deployed_yet() {
    check(
        |_, _, container| without(container, "LOG_LEVEL"),
        &["warn not-deployed LOG_LEVEL [prod] 4:1 app/web app/worker nightly"],
    );
}

#[test]
fn a_variable_that_was_added_by_hand() {
    let extra = || json!({"name": "BY_HAND", "value": "1"});
    // Nothing else runs the proxy's image.
    check(
        |_, name, container| {
            if name == "proxy" {
                with(container, "environment", extra());
            }
        },
        &["warn live-extra BY_HAND [prod] app/proxy"],
    );
    check(
        |_, name, container| {
            if name == "web" {
                with(container, "environment", extra());
            }
        },
        &["warn sibling BY_HAND [prod] app/web"],
    );
    check(
        |_, _, container| with(container, "environment", json!({"name": "BY_HAND_TOKEN", "value": "hunter2-value"})),
        &[
            "error plain-credential BY_HAND_TOKEN [prod] app/web app/worker app/proxy nightly",
            "warn live-extra BY_HAND_TOKEN [prod] app/web app/worker app/proxy nightly",
        ],
    );
}

#[test]
fn containers_that_the_manifest_does_not_know_are_compared_with_each_other() {
    let mut seen = after(|_, _, _| {});
    let container = |name: &str, variables: Value| json!({"name": name, "image": "x:1", "environment": variables});
    let document = json!({"family": "old", "containerDefinitions": [
        container("one", json!([{"name": "A", "value": "1"}])), container("two", json!([])), ]});
    let live = &mut seen.stages.get_mut("prod").unwrap().live;
    live.insert("old".to_owned(), document.as_object().unwrap().clone());
    check_lines(TEXT, &["prod"], &seen, &["warn sibling A [prod] old/one"]);
}

#[test]
fn a_secret_that_is_plain_where_it_runs() {
    check(
        |_, name, container| {
            if name == "web" {
                without(container, "API_KEY");
                with(container, "environment", json!({"name": "API_KEY", "value": "hunter2-value"}));
            }
        },
        &["error plain-credential API_KEY [prod] app/web", "warn live-kind API_KEY [prod] 7:1 app/web"],
    );
}

#[test]
fn a_source_that_what_runs_names_and_that_is_gone() {
    let gone = "arn:aws:ssm:us-east-1:1:parameter/demo/gone";
    let own = "arn:aws:secretsmanager:us-east-1:1:secret:demo/prod-AbCdEf";
    let mut seen = after(|_, name, container| {
        if name == "proxy" {
            with(container, "secrets", json!({"name": "GONE", "valueFrom": gone}));
            with(container, "secrets", json!({"name": "OLD", "valueFrom": format!("{own}:OLD::")}));
        }
    });
    let keys: std::collections::BTreeSet<String> = ["API_KEY".to_owned()].into();
    seen.stages.get_mut("prod").unwrap().keys = Some(Keys::These(keys.clone()));
    let region = || "us-east-1".to_owned();
    let source = Source::Parameter { name: "/demo/gone".to_owned(), region: Some(region()) };
    seen.sources.insert(source, SourceSeen::Absent);
    seen.sources.insert(Source::Secret { arn: own.to_owned(), region: region() }, SourceSeen::Keys(keys));
    check_lines(
        TEXT,
        &["prod"],
        &seen,
        &[
            "error absent-source GONE [prod] app/proxy",
            "error absent-source OLD [prod] app/proxy",
            "warn live-extra GONE [prod] app/proxy",
            "warn live-extra OLD [prod] app/proxy",
        ],
    );
}
