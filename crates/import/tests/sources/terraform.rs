//! Are the task definitions of a Terraform folder those that Terraform makes?
//!
//! `fixtures/terraform/expected` was written by `oracle.py`: Terraform itself, with a mocked provider. What only AWS
//! knows is `ONLY-AWS-KNOWS` there, and sensitive values are as they are.

#![allow(clippy::unwrap_used)] // helpers of tests

use crate::folder;
use std::collections::BTreeMap;
use std::path::Path;

use import::terraform::{Options, read};
use import::{Folder, Found, FoundStage};
use serde_json::{Value, json};

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terraform")
}

fn files(name: &str) -> Folder {
    folder::read(&fixtures().join(name))
}

fn options() -> Options {
    Options { account: Some("111122223333".to_owned()), ..Options::default() }
}

/// Returns Terraform's task definitions by their families.
fn expected(path: &str) -> BTreeMap<String, Value> {
    let files = files(&format!("expected/{path}"));
    files
        .values()
        .map(|text| {
            let document: Value = serde_json::from_str(text).unwrap();
            (document["family"].as_str().unwrap().to_owned(), document)
        })
        .collect()
}

fn definitions(stage: &FoundStage) -> BTreeMap<String, Value> {
    let services = stage.services.iter().map(|one| &one.task_definition);
    let all = services.chain(stage.schedules.iter().map(|one| &one.task_definition));
    let all = all.chain(stage.one_offs.iter().map(|one| &one.task_definition));
    all.map(|one| (one["family"].as_str().unwrap().to_owned(), Value::Object(one.clone()))).collect()
}

/// Returns Terraform's document as a request, with what must not or cannot be carried taken out, by these rules
/// alone: a text with `ONLY-AWS-KNOWS` goes, and a variable of `hidden` is a secret of the stage.
fn as_request(document: &Value, hidden: &[&str], secret: &str) -> Value {
    let mut request = json!({
        "family": document["family"], "cpu": document["cpu"], "memory": document["memory"],
        "networkMode": document["network_mode"], "requiresCompatibilities": document["requires_compatibilities"],
        "executionRoleArn": document["execution_role_arn"],
    });
    if document["task_role_arn"].is_string() {
        request["taskRoleArn"] = document["task_role_arn"].clone();
    }
    let mut containers = document["container_definitions"].clone();
    for container in containers.as_array_mut().unwrap() {
        let Some(environment) = container.get_mut("environment") else { continue };
        let environment = environment.as_array_mut().unwrap();
        environment.retain(|one| one["value"] != "ONLY-AWS-KNOWS");
        let named = |one: &Value| hidden.contains(&one["name"].as_str().unwrap());
        let moved: Vec<Value> = environment.extract_if(.., |one| named(one)).collect();
        for one in moved {
            let name = one["name"].as_str().unwrap();
            let entry = json!({ "name": name, "valueFrom": format!("{secret}:{name}::") });
            container["secrets"].as_array_mut().unwrap().push(entry);
        }
    }
    request["containerDefinitions"] = containers;
    sorted(request)
}

/// Order of variables aside.
fn sorted(mut document: Value) -> Value {
    for container in document["containerDefinitions"].as_array_mut().unwrap() {
        for list in ["environment", "secrets"] {
            if let Some(list) = container.get_mut(list) {
                list.as_array_mut().unwrap().sort_by_key(|one| one["name"].as_str().unwrap().to_owned());
            }
        }
    }
    document
}

fn check(stage: &FoundStage, path: &str, hidden: &[&str], without: &[&str]) {
    let secret = stage.secrets[0].arn.clone().unwrap();
    let expected = expected(path);
    let mut seen = 0;
    for (family, mut document) in definitions(stage) {
        for name in without {
            document.as_object_mut().unwrap().remove(*name);
        }
        let wanted = as_request(&expected[&family], hidden, &secret);
        assert_eq!(
            serde_json::to_string_pretty(&sorted(document)).unwrap(),
            serde_json::to_string_pretty(&key_order(&wanted, stage, &family, without)).unwrap(),
            "{family}"
        );
        seen += 1;
    }
    assert!(seen > 0);
}

/// Returns a value with the keys of its objects in the order of what was found, so that texts can be compared.
fn key_order(wanted: &Value, stage: &FoundStage, family: &str, without: &[&str]) -> Value {
    let mut like = definitions(stage)[family].clone();
    for name in without {
        like.as_object_mut().unwrap().remove(*name);
    }
    reorder(wanted, &sorted(like))
}

fn reorder(value: &Value, like: &Value) -> Value {
    match (value, like) {
        (Value::Object(values), Value::Object(like)) => {
            let mut keys: Vec<&String> = values.keys().collect();
            keys.sort_by_key(|key| like.keys().position(|other| other == *key).unwrap_or(usize::MAX));
            let none = Value::Null;
            let pairs =
                keys.into_iter().map(|key| (key.clone(), reorder(&values[key], like.get(key).unwrap_or(&none))));
            Value::Object(pairs.collect())
        }
        (Value::Array(values), Value::Array(like)) => {
            let none = Value::Null;
            let pairs = values.iter().enumerate();
            Value::Array(pairs.map(|(at, value)| reorder(value, like.get(at).unwrap_or(&none))).collect())
        }
        (value, _) => value.clone(),
    }
}

fn stage<'f>(found: &'f Found, name: &str) -> &'f FoundStage {
    found.stages.iter().find(|stage| stage.name == name).unwrap()
}

#[test]
fn two_environments_and_a_hundred_variables_are_what_terraform_makes_of_them() {
    let found = read(&files("infra"), &Options::default()).unwrap();
    let names: Vec<&str> = found.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["prod", "staging"]);
    for stage in &found.stages {
        check(
            stage,
            &format!("infra/{}", stage.name),
            &["STRIPE_WEBHOOK_SIGNING"],
            &["volumes", "runtimePlatform", "tags"],
        );
        let keys: Vec<&str> = stage.services.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, ["app"]);
        let schedules: Vec<&str> = stage.schedules.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(schedules, ["nightly-digest", "process-all-tasks", "sync-crm"]);
    }
    assert_eq!(found.app.as_deref(), Some("managr"));
    assert_eq!(found.repositories, ["thinknimble/managr/server", "thinknimble/managr/server-tasks"]);
    let left: Vec<String> =
        found.left.iter().map(|left| format!("{} | {} | {}", left.place, left.what, left.why)).collect();
    let said = |text: &str| left.iter().any(|left| left.contains(text));
    for stage in &found.stages {
        let (service, name) = (&stage.services[0], &stage.name);
        let ingress = service.ingress.as_ref().unwrap();
        assert_eq!(
            (ingress.container.as_str(), ingress.port, ingress.listener_port),
            ("managr-app-proxy", 80, Some(443))
        );
        assert_eq!(ingress.hosts, [if name == "prod" { "app.managr.ai" } else { "staging.managr.ai" }]);
        assert_eq!(ingress.deregistration_delay, Some(30));
        assert_eq!(
            Value::Object(ingress.health.clone()),
            json!({
                "HealthCheckEnabled": true, "HealthCheckPort": "traffic-port", "HealthCheckProtocol": "HTTP",
                "HealthCheckPath": "/health-check", "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5,
                "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3, "Matcher": { "HttpCode": "200-299" },
            })
        );
        assert_eq!(stage.secrets[0].keys.len(), 36);
        let rule = &stage.schedules[2].rule;
        assert_eq!(rule["ScheduleExpression"], "rate(1 hour)");
        assert_eq!(rule["State"], if name == "prod" { "ENABLED" } else { "DISABLED" });
        // A scalable target owns the number of tasks in production.
        let count = service.service.as_ref().unwrap().get("desiredCount").and_then(Value::as_u64);
        assert_eq!(count, if name == "prod" { None } else { Some(1) });
        assert!(said(&format!(
            "in stage {name} | cannot be evaluated: aws_db_instance.main.address; set it with `managr vars set {name} DB_HOST=...`"
        )));
        assert!(said(&format!(
            "database.tf:1 | aws_db_instance.main in stage {name} | postgres 16.4 `managr-{name}` stays in Terraform; the containers reach it by DB_HOST"
        )));
        assert!(said(&format!(
            "subnets of stage {name} | cannot be evaluated: aws_subnet.private[0].id; write the ids into [stages.{name}] subnets"
        )));
    }
    // What scales it is the manifest's, in the one stage that has it.
    assert!(!said("aws_appautoscaling_target.app[0]"));
    assert!(said("sample.tfvars | sample.tfvars | a sample"));
}

#[test]
fn no_sensitive_value_gets_anywhere() {
    let files = files("infra");
    let found = read(&files, &Options::default()).unwrap();
    let said = format!("{found:?} {}", serde_json::to_string(&found.left).unwrap());
    let mut values = 0;
    for stage in ["staging", "prod"] {
        for line in files[&format!("{stage}.tfvars")].lines() {
            if let Some((_, value)) = line.split_once("= \"hush-") {
                let value = format!("hush-{}", value.trim_end_matches('"'));
                assert!(!said.contains(&value), "{value}");
                values += 1;
            }
        }
    }
    assert_eq!(values, 2 * 37);
    assert!(!said.contains("hush-"));
}

#[test]
fn a_modules_instances_are_stages() {
    let found = read(&files("modules"), &options()).unwrap();
    let names: Vec<&str> = found.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["production", "staging"]);
    assert_eq!(found.app.as_deref(), Some("shop"));
    for stage in &found.stages {
        check(stage, "modules", &[], &[]);
        let keys: Vec<&str> = stage.services.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, if stage.name == "staging" { vec!["web"] } else { vec!["web", "worker"] });
        assert_eq!(stage.cluster.as_deref(), Some("shop"));
    }
    let idle: Vec<&str> = stage(&found, "staging").one_offs.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(idle, ["worker"], "a definition that nothing runs is no service");
}
#[test]
fn the_language_is_evaluated_as_terraform_does() {
    let found = read(&files("language"), &options()).unwrap();
    let cases = |document: &Value| -> BTreeMap<String, Value> {
        let containers = document.get("containerDefinitions").or(document.get("container_definitions")).unwrap();
        let pair = |one: &Value| {
            let value = serde_json::from_str(one["value"].as_str().unwrap()).unwrap();
            (one["name"].as_str().unwrap().to_owned(), value)
        };
        containers[0]["environment"].as_array().unwrap().iter().map(pair).collect()
    };
    let ours = cases(&definitions(&found.stages[0])["language-prod"]);
    let theirs = cases(&expected("language")["language-prod"]);
    let differing: Vec<String> = theirs
        .iter()
        .filter(|(name, value)| ours.get(*name) != Some(*value))
        .map(|(name, value)| {
            format!("{name}: {value} is {}", ours.get(name).map_or("not evaluated".to_owned(), Value::to_string))
        })
        .collect();
    assert!(theirs.len() > 100, "{}", theirs.len());
    assert!(differing.is_empty(), "{differing:#?}\n{:#?}", found.left);
}
