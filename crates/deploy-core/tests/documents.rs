//! The documents that a full manifest renders to, held against ECS's own rules.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::desired::Git;
use deploy_core::{Desired, Facts, Manifest, desired, explain, parse};

const FULL: &str = include_str!("fixtures/full.toml");

fn manifest() -> Manifest {
    parse("managr.toml", FULL).unwrap_or_else(|errors| panic!("{:?}", errors.errors()))
}

fn facts() -> Facts {
    Facts {
        git: Git { commit: Some("0123456789abcdef".into()), tag: Some("v1.2".into()), ..Git::default() },
        ..Facts::local("127.0.0.1:4566")
    }
}

fn rendered(stage: &str) -> Desired {
    desired(&manifest(), stage, &facts()).unwrap()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn the_local_stage_renders() {
    insta::assert_snapshot!(json(&rendered("local")));
}

#[test]
fn a_stage_overrides_and_never_repeats() {
    insta::assert_snapshot!(json(&rendered("staging")));
}

#[test]
fn a_tag_that_was_chosen_needs_nothing_from_git() {
    let facts = Facts { tag: Some("v1".into()), git: Git::default(), ..facts() };
    let images = desired(&manifest(), "staging", &facts).unwrap().images;
    assert!(images.iter().all(|image| image.tag.as_deref() == Some("v1") && image.reference.ends_with(":v1")));
    assert!(desired(&manifest(), "staging", &Facts { git: Git::default(), ..self::facts() }).is_err());
}

/// ECS itself would take every task definition of every stage.
#[test]
fn ecs_accepts_every_task_definition() {
    for stage in ["local", "staging", "prod"] {
        assert_eq!(rendered(stage).refusals(), [], "{stage}");
    }
}

/// A raw table is passed through unread, so only ECS's own rules can refuse it.
#[test]
fn what_a_raw_table_breaks_is_told_before_aws_does() {
    let text = "app = \"a\"\n[services.web.containers.web]\nimage = \"x:1\"\naws = { privileged = true }\n";
    let manifest = parse("m", text).unwrap();
    let desired = desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap();
    let refusals = desired.refusals();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].0, "a-web-task-local");
    assert!(refusals[0].1.message.contains("privileged"), "{}", refusals[0].1.message);
}

/// The manifests that newcomers start from stay without fault.
#[test]
fn the_examples_are_accepted() {
    for text in
        [include_str!("../../../examples/managr/managr.toml"), include_str!("../../../examples/hello/managr.toml")]
    {
        let manifest = parse("managr.toml", text).unwrap_or_else(|errors| panic!("{:?}", errors.errors()));
        for stage in manifest.stages.names().chain(["local"]) {
            assert_eq!(desired(&manifest, stage, &facts()).unwrap().refusals(), [], "{stage}");
        }
    }
}

#[test]
fn the_same_input_renders_to_the_same_text() {
    assert_eq!(json(&rendered("staging")), json(&rendered("staging")));
}

#[test]
fn known_facts_replace_guesses() {
    let mut facts = facts();
    facts.images.insert("server".into(), "127.0.0.1:4566/thinknimble/managr/server@sha256:00".into());
    facts.secret_arn = Some("arn:aws:secretsmanager:us-east-1:123456789012:secret:managr/local-AbCdEf".into());
    facts.target_groups.insert("app".into(), "arn:aws:elasticloadbalancing:::targetgroup/app/1".into());
    let desired = desired(&manifest(), "local", &facts).unwrap();
    let task = json(&desired.service_task("app").unwrap().document);
    assert!(task.contains("thinknimble/managr/server@sha256:00"));
    assert!(task.contains("secret:managr/local-AbCdEf:SECRET_KEY::"));
    let service = &desired.services[0].document;
    assert_eq!(service["loadBalancers"][0]["containerName"], "managr-app-proxy");
    assert_eq!(service["loadBalancers"][0]["containerPort"], 80);
    assert_eq!(service["healthCheckGracePeriodSeconds"], 60);
}

#[test]
fn each_stage_may_name_its_own_things() {
    let prod = rendered("prod");
    assert_eq!(prod.services[0].name, "managr-app");
    assert_eq!(prod.services[0].family, "managr-app-task");
    assert_eq!(prod.images[0].tag.as_deref(), Some("prod-v1.2"));
    assert_eq!(prod.services[0].ingress.as_ref().unwrap().hosts, ["app.managr.ai"]);
}

#[test]
fn a_tag_that_git_cannot_make_is_an_error_only_without_a_reference() {
    let mut facts = Facts::local("127.0.0.1:4566");
    let error = desired(&manifest(), "prod", &facts).unwrap_err();
    assert_eq!(error.to_string(), "the tag of image `server` cannot be made");
    for image in ["server", "server-tasks"] {
        facts.images.insert(image.into(), format!("{image}:known"));
    }
    assert_eq!(desired(&manifest(), "prod", &facts).unwrap().images[0].tag, None);
}

#[test]
fn an_unknown_stage_is_an_error_with_the_nearest_one() {
    let error = desired(&manifest(), "stagin", &facts()).unwrap_err();
    assert_eq!(error.to_string(), "the manifest has no stage `stagin` (did you mean `staging`?)");
}

#[test]
fn the_local_stage_needs_not_be_written() {
    let manifest = parse("m", "app = \"a\"\n[services.web.containers.web]\nimage = \"x:1\"\n").unwrap();
    let desired = desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap();
    assert_eq!(desired.services[0].name, "a-web-local");
    assert_eq!(desired.secret, None);
    assert_eq!(desired.service_task("web").unwrap().document["memory"], "512");
}

#[test]
fn every_setting_knows_where_it_came_from() {
    let lines: Vec<String> = explain(&manifest(), "staging")
        .unwrap()
        .iter()
        .map(|e| {
            let over: Vec<String> = e.over.iter().map(ToString::to_string).collect();
            format!("{} {} = {:?} from {} over {over:?}", e.container, e.name, e.setting, e.from)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Neither the documents nor anything beside them has room for a value, so this holds by construction;
/// it is here in case a change adds such room.
#[test]
fn secrets_are_names_and_arns() {
    for stage in ["local", "staging", "prod"] {
        for task in rendered(stage).task_definitions {
            for container in task.document["containerDefinitions"].as_array().unwrap() {
                for secret in container.get("secrets").and_then(|list| list.as_array()).into_iter().flatten() {
                    assert!(secret["valueFrom"].as_str().unwrap().starts_with("arn:aws:secretsmanager:"));
                }
            }
        }
    }
}

/// ECS: "Network Configuration is not valid for the given networkMode of this task definition."
#[test]
fn tasks_without_addresses_of_their_own_have_no_network() {
    let text = "app = \"a\"\n[services.web.containers.web]\nimage = \"i:1\"\n[services.agent]\naws = { networkMode = \"bridge\" }\n\
                [services.agent.containers.agent]\nimage = \"i:1\"\n[stages.prod]\nsubnets = [\"subnet-1\"]\n";
    let desired = desired(&parse("managr.toml", text).unwrap(), "prod", &Facts::local("r")).unwrap();
    let has = |name: &str| {
        let service = desired.services.iter().find(|service| service.service == name).unwrap();
        service.document.contains_key("networkConfiguration")
    };
    assert_eq!((has("web"), has("agent")), (true, false));
}
