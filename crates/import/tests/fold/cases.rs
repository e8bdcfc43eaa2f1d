//! Who says a variable, for whom, and in which stage.

use deploy_core::manifest::{Overlap, Seconds};

use super::*;

/// Reads `staging web: A=1 S!KEY F@arn`, a container of a stage a line; a service has the containers that are written
/// `service/container`. Returns what the manifest says of variables and secrets, a line for each name.
fn said(lines: &str) -> String {
    let mut stages: Vec<FoundStage> = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (place, settings) = line.split_once(':').unwrap();
        let (stage, container) = place.split_once(' ').unwrap();
        let (owner, container) = container.split_once('/').unwrap_or(("app", container));
        let secret = format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:shop/{stage}-AbCd12");
        let (mut environment, mut secrets) = (Vec::new(), Vec::new());
        for setting in settings.split_whitespace() {
            if let Some((name, value)) = setting.split_once('=') {
                environment.push(serde_json::json!({ "name": name, "value": value }));
            } else if let Some((name, key)) = setting.split_once('!') {
                secrets.push(serde_json::json!({ "name": name, "valueFrom": format!("{secret}:{key}::") }));
            } else if let Some((name, rest)) = setting.split_once('@') {
                let arn = format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{rest}");
                secrets.push(serde_json::json!({ "name": name, "valueFrom": arn }));
            }
        }
        let definition =
            serde_json::json!({ "name": container, "image": "x:1", "environment": environment, "secrets": secrets });
        let at = stages.iter().position(|known| known.name == stage).unwrap_or_else(|| {
            stages.push(FoundStage { services: Vec::new(), ..super::stage(stage, serde_json::json!({})) });
            stages.len() - 1
        });
        let services = &mut stages[at].services;
        let at = services.iter().position(|known| known.key == owner).unwrap_or_else(|| {
            let task = serde_json::json!({ "family": format!("{owner}-{stage}"), "containerDefinitions": [] });
            services.push(service(owner, task));
            services.len() - 1
        });
        services[at].task_definition["containerDefinitions"].as_array_mut().unwrap().push(definition);
    }
    let (folded, text) = proved(&app(stages));
    assert!(!text.contains("environment = [") && !text.contains("valueFrom"), "{text}");
    let mut lines = Vec::new();
    let value = serde_json::to_value(&folded.manifest).unwrap();
    collect(&value, &mut Vec::new(), &mut lines);
    lines.join("\n")
}

fn collect(value: &Value, path: &mut Vec<String>, lines: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        path.push(name.clone());
        match name.as_str() {
            "variables" | "secrets" => {
                lines.extend(
                    value.as_object().unwrap().iter().map(|(name, value)| {
                        format!("{}.{name} {}", path.join("."), value.to_string().replace('"', ""))
                    }),
                )
            }
            "inherit" => lines.push(format!("{} {}", path.join("."), value.to_string().replace('"', ""))),
            _ => collect(value, path, lines),
        }
        path.pop();
    }
}

fn check(found: &str, manifest: &str) {
    let wanted: Vec<&str> = manifest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(said(found), wanted.join("\n"), "{found}");
}

#[test]
fn a_value_that_all_have_is_one_line() {
    check("prod web: A=1", "variables.A 1");
    check("prod web: A=1\nprod worker: A=1\nprod mail/mail: A=1", "variables.A 1");
    check("staging web: A=1\nprod web: A=1", "variables.A 1");
}

#[test]
fn what_differs_by_stage_is_said_in_the_stage() {
    check("staging web: A=1\nprod web: A=2", "variables.A 2\nstages.staging.variables.A 1");
    check("prod web: A=2\nstaging web: A=1", "variables.A 2\nstages.staging.variables.A 1");
    check("a web: A=1\nb web: A=1\nprod web: A=2", "variables.A 1\nstages.prod.variables.A 2");
}

#[test]
fn what_only_one_stage_has_is_said_there() {
    check("staging web: A=1 B=1\nprod web: A=1", "variables.A 1\nstages.staging.variables.B 1");
    check("staging web: A=1\nprod web: A!A", "stages.staging.variables.A 1\nstages.prod.secrets.A {}");
}

#[test]
fn what_some_containers_have_is_restricted_to_them() {
    check(
        "prod web: A=1 B=2 C=3\nprod worker: A=1 B=2 C=3\nprod agent: D=4",
        "variables.A 1
         variables.B 2
         variables.C 3
         variables.D {value:4,containers:[agent]}
         services.app.containers.agent.inherit false",
    );
    check(
        "prod web: A=1 B=2\nprod worker: A=1",
        "variables.A 1
         variables.B {value:2,containers:[web]}",
    );
}

#[test]
fn a_restriction_is_kept_by_a_stage_that_differs() {
    check(
        "staging web: A=1 B=2\nstaging worker: A=1\nprod web: A=1 B=3\nprod worker: A=1",
        "variables.A 1
         variables.B {value:3,containers:[web]}
         stages.staging.variables.B 2",
    );
    check(
        "staging web: A=1 B=2\nstaging worker: A=1\nprod web: A=1 B=2\nprod worker: A=1 B=2",
        "variables.A 1
         variables.B {value:2,containers:[web,worker]}
         stages.staging.variables.B {value:2,containers:[web]}",
    );
}

#[test]
fn a_container_that_has_none_of_it_opts_out() {
    check(
        "prod web: A=1 B=2 S!S\nprod proxy:\nprod worker: A=1 B=2 S!S",
        "variables.A 1
         variables.B 2
         secrets.S {}
         services.app.containers.proxy.inherit false",
    );
    check(
        "prod web: A=1 B=2 C=3 S!S T!T\nprod agent: B=2 S!S\nprod worker: A=1 B=2 C=3 S!S T!T",
        "variables.A 1
         variables.B 2
         variables.C 3
         secrets.S {}
         secrets.T {}
         services.app.containers.agent.inherit {variables:[B],secrets:[S]}",
    );
}

#[test]
fn what_differs_between_containers_they_say_themselves() {
    check(
        "prod web: A=1 R=web\nprod worker: A=1 R=worker",
        "variables.A 1
         services.app.containers.web.variables.R web
         services.app.containers.worker.variables.R worker",
    );
    check(
        "prod a: R=1\nprod b: R=1\nprod c: R=2",
        "variables.R 1
         services.app.containers.c.variables.R 2",
    );
    check(
        "staging a: R=1\nstaging b: R=2\nprod a: R=1\nprod b: R=3",
        "services.app.containers.a.variables.R 1
         services.app.containers.b.variables.R 3
         stages.staging.services.app.containers.b.variables.R 2",
    );
    check(
        "staging a: R=1\nstaging b: R=1\nprod a: R=1\nprod b: R=2",
        "variables.R 1
         stages.prod.services.app.containers.b.variables.R 2",
    );
}

#[test]
fn containers_of_one_name_in_two_services_are_told_apart() {
    check(
        "prod one/web: A=1 B=2\nprod two/web: A=1\nprod two/side: A=1 B=2",
        "variables.A 1
         variables.B {value:2,containers:[side]}
         services.one.containers.web.variables.B 2",
    );
}

#[test]
fn a_secret_is_a_key_of_the_stages_secret_or_an_arn() {
    check("staging web: S!S\nprod web: S!S", "secrets.S {}");
    check("prod web: S!OTHER", "secrets.S {key:OTHER}");
    check("staging web: S!S\nprod web: S!OTHER", "secrets.S {}\nstages.prod.secrets.S {key:OTHER}");
    let arn = |name: &str| format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{name}");
    check("prod web: S@x", &format!("secrets.S {{from:{}}}", arn("x")));
    check("staging web: S@x\nprod web: S@x", &format!("secrets.S {{from:{}}}", arn("x")));
    check(
        "staging web: S@x\nprod web: S@y",
        &format!(
            "secrets.S {{}}\nstages.staging.secrets.S {{from:{}}}\nstages.prod.secrets.S {{from:{}}}",
            arn("x"),
            arn("y")
        ),
    );
    check("staging web: S!S\nprod web: S@y", &format!("secrets.S {{}}\nstages.prod.secrets.S {{from:{}}}", arn("y")));
    check(
        "prod web: A=1 S!S\nprod agent: S@y A=1\nprod worker: A=1 S!S",
        &format!("variables.A 1\nsecrets.S {{}}\nservices.app.containers.agent.secrets.S {{from:{}}}", arn("y")),
    );
}

#[test]
fn a_plain_value_and_a_secret_of_one_name_are_both_kept() {
    check(
        "prod a: T=1\nprod b: T!T\nprod c: T!T",
        "secrets.T {}
         services.app.containers.a.variables.T 1",
    );
}

#[test]
fn a_stages_secret_is_named_where_it_is_not_called_like_the_stage() {
    let container = |arn: &str| {
        serde_json::json!({ "family": "f", "containerDefinitions": [{ "name": "web", "image": "x:1",
            "secrets": [{ "name": "K", "valueFrom": format!("{arn}:K::") }] }] })
    };
    for (name, secret) in [
        ("shop/prod-AbCd12", None),
        ("shop/prod", None),
        ("legacy-AbCd12", Some("legacy")),
        ("my-secret", Some("my-secret")),
    ] {
        let arn = format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}");
        let (folded, _) = proved(&app(vec![stage("prod", container(&arn))]));
        assert_eq!(folded.manifest.stages.get("prod").unwrap().secret.as_deref(), secret, "{name}");
    }
}

/// People put the stage in names of containers; a schedule's own one is then another in each stage.
#[test]
fn containers_that_are_called_otherwise_in_each_stage_are_there_in_one() {
    let mut found = app(Vec::new());
    for name in ["staging", "prod"] {
        let container = serde_json::json!([{ "name": format!("tick-{name}"), "image": "x:1" }]);
        let task = serde_json::json!({ "family": name, "containerDefinitions": container });
        let rule = serde_json::json!({ "Name": name, "ScheduleExpression": "rate(1 day)" });
        let mut of_service = task.clone();
        of_service["family"] = serde_json::json!(format!("app-{name}"));
        let mut stage = stage(name, of_service);
        stage.schedules = vec![import::FoundSchedule {
            via: Default::default(),
            key: "tick".to_owned(),
            task_definition: document(task),
            rule: document(rule),
            ..Default::default()
        }];
        found.stages.push(stage);
    }
    let (folded, _) = proved(&found);
    let tick = folded.manifest.schedules.get("tick").unwrap();
    let there = |name: &str| tick.containers.get(name).unwrap().stages.clone();
    assert_eq!((there("tick-staging"), there("tick-prod")), (vec!["staging".to_owned()], vec!["prod".to_owned()]));
    assert_eq!(tick.stages, ["staging", "prod"]);
}

#[test]
fn an_image_without_a_tag_stays_one() {
    let task = serde_json::json!({ "family": "f", "containerDefinitions": [{ "name": "web", "image": "nginx" }] });
    let (folded, _) = proved(&app(vec![stage("prod", task)]));
    let web = folded.manifest.services.get("app").unwrap().containers.get("web").unwrap().clone();
    assert_eq!((web.image.as_str(), web.aws.unwrap().0["image"].as_str()), ("nginx:latest", Some("nginx")));
}

/// What managr itself put into a task becomes words again, not containers that no user wrote.
#[test]
fn what_keeps_overlap_and_timeout_are_words_again() {
    let text = r#"
        app = "shop"
        [images.web]
        [services.app.containers.web]
        image = "web"
        [schedules.tick]
        schedule = "rate(5 minutes)"
        image = "web"
        command = ["tick"]
        overlap = "skip"
        timeout = "90m"
        [schedules.tock]
        schedule = "rate(1 hour)"
        image = "web"
        command = ["tock"]
        timeout = "1h"
        [stages.staging]
        subnets = ["subnet-1"]
        [stages.staging.schedules.tick]
        overlap = "replace"
        timeout = "5m"
        [stages.prod]
        subnets = ["subnet-1"]
    "#;
    let manifest = parse("managr.toml", text).unwrap();
    let mut found = app(Vec::new());
    for name in ["staging", "prod"] {
        let mut facts = deploy_core::Facts { tag: Some("1".to_owned()), ..deploy_core::Facts::local("r.io") };
        let gate = format!("r.io/shop/web@sha256:{}", "a".repeat(64));
        facts.images.insert(deploy_core::gate::IMAGE.to_owned(), gate);
        let desired = deploy_core::desired(&manifest, name, &facts).unwrap();
        let mut stage = stage(name, Value::Object(desired.task_definitions[0].document.clone()));
        for doc in &desired.schedules {
            stage.schedules.push(import::FoundSchedule {
                key: doc.name.clone(),
                task_definition: desired.schedule_task(&doc.name).unwrap().document.clone(),
                rule: document(serde_json::json!({ "Name": doc.rule, "ScheduleExpression": doc.expression })),
                ..Default::default()
            });
        }
        found.stages.push(stage);
    }
    let (folded, text) = proved(&found);
    let (tick, tock) = (folded.manifest.schedules.get("tick").unwrap(), folded.manifest.schedules.get("tock").unwrap());
    assert!(tick.containers.is_empty() && tock.containers.is_empty(), "{text}");
    assert_eq!((tock.overlap, tock.timeout), (None, Some(Seconds(3600))), "{text}");
    let in_stage = |stage: &str| {
        let differs = folded.manifest.stages.get(stage).unwrap().schedules.get("tick").cloned().unwrap_or_default();
        (differs.overlap.or(tick.overlap), differs.timeout.or(tick.timeout))
    };
    assert_eq!(in_stage("prod"), (Some(Overlap::Skip), Some(Seconds(5400))), "{text}");
    assert_eq!(in_stage("staging"), (Some(Overlap::Replace), Some(Seconds(300))), "{text}");
    assert!(!text.contains("managr-"), "{text}");

    // One that a user changed is a container like others, and nothing of it is lost.
    let containers = found.stages[0].schedules[0].task_definition.get_mut("containerDefinitions").unwrap();
    containers[1]["command"] = serde_json::json!(["gate", "--overlap", "other"]);
    let (folded, text) = proved(&found);
    assert!(folded.manifest.schedules.get("tick").unwrap().containers.contains("managr-gate"), "{text}");
}
