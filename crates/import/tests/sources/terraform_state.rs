//! Is what Terraform itself found out the truth, and does no secret of a state get anywhere?

#![allow(clippy::unwrap_used)] // helpers of tests

use import::terraform::{GivenFile, Options, TerraformError, read};
use import::{Folder, Found};
use serde_json::{Value, json};

const FILES: &str = r#"
provider "aws" { region = "eu-west-1" }
variable "image" {}
variable "api_password" { sensitive = true }
resource "random_id" "run" { byte_length = 4 }
resource "random_password" "db" { length = 20 }
resource "aws_db_instance" "main" { password = random_password.db.result }
resource "aws_lb_target_group" "web" {
  name_prefix = "web-"
  port        = 80
}
resource "aws_ecs_task_definition" "web" {
  family = "web-${random_id.run.hex}"
  container_definitions = jsonencode([{
    name  = "web"
    image = var.image
    environment = [
      { name = "DB_HOST", value = aws_db_instance.main.address },
      { name = "DATABASE_URL", value = "postgres://app:${random_password.db.result}@${aws_db_instance.main.address}/app" },
      { name = "CACHE_URL", value = var.cache_url },
      { name = "API_PASSWORD", value = var.api_password },
      { name = "MODE", value = "live" },
    ]
  }])
}
resource "aws_ecs_service" "web" {
  name            = "web"
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 2
  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 80
  }
  network_configuration {
    subnets = data.aws_subnets.own.ids
  }
}
data "aws_subnets" "own" {}
variable "cache_url" {}
"#;

fn document() -> String {
    json!([{
        "name": "web", "image": "nginx:1.27.3", "essential": true,
        "environment": [
            { "name": "API_PASSWORD", "value": "hush-api" },
            { "name": "CACHE_URL", "value": "redis://:hush-cache@cache.internal:6379" },
            { "name": "DATABASE_URL", "value": "postgres://app:hush-db@db.internal/app" },
            { "name": "DB_HOST", "value": "db.internal" },
            { "name": "MODE", "value": "live" },
        ],
    }])
    .to_string()
}

fn resources() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let arn = |rest: &str| format!("arn:aws:elasticloadbalancing:eu-west-1:444455556666:{rest}");
    vec![
        ("managed", "random_id", "run", json!({ "hex": "0badcafe" })),
        ("managed", "random_password", "db", json!({ "result": "hush-db", "length": 20, "bcrypt_hash": "hush-hash" })),
        ("managed", "aws_db_instance", "main", json!({ "address": "db.internal", "password": "hush-db" })),
        (
            "managed",
            "aws_lb_target_group",
            "web",
            json!({ "arn": arn("targetgroup/web-2026/0123456789abcdef"), "name": "web-2026", "port": 80 }),
        ),
        (
            "managed",
            "aws_ecs_task_definition",
            "web",
            json!({
                "arn": "arn:aws:ecs:eu-west-1:444455556666:task-definition/web-0badcafe:7", "family": "web-0badcafe",
                "container_definitions": document(), "revision": 7,
            }),
        ),
        (
            "managed",
            "aws_ecs_service",
            "web",
            json!({
                "name": "web", "desired_count": 5,
                "task_definition": "arn:aws:ecs:eu-west-1:444455556666:task-definition/web-0badcafe:6",
            }),
        ),
        ("managed", "aws_secretsmanager_secret_version", "api", json!({ "secret_string": "hush-version" })),
        ("data", "aws_subnets", "own", json!({ "ids": ["subnet-2", "subnet-1"] })),
    ]
}

/// A state as it is stored.
fn state() -> String {
    let one = |(mode, kind, name, values): (&str, &str, &str, Value)| {
        let hidden =
            if kind == "aws_db_instance" { json!([[{ "type": "get_attr", "value": "password" }]]) } else { json!([]) };
        json!({ "mode": mode, "type": kind, "name": name, "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
            "instances": [{ "schema_version": 0, "attributes": values, "sensitive_attributes": hidden }] })
    };
    let resources: Vec<Value> = resources().into_iter().map(one).collect();
    json!({ "version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "outputs": {}, "resources": resources })
        .to_string()
}

/// What `terraform show -json` says of it; with `planned`, of a plan that has still to be applied.
fn shown(planned: bool) -> String {
    let one = |(mode, kind, name, values): (&str, &str, &str, Value)| {
        let address = format!("{}{kind}.{name}", if mode == "data" { "data." } else { "" });
        let hidden = match kind {
            "aws_db_instance" => json!({ "password": true }),
            "random_password" => json!({ "result": true }),
            _ => json!({}),
        };
        json!({ "address": address, "mode": mode, "type": kind, "name": name, "values": values, "sensitive_values": hidden })
    };
    let module = json!({ "resources": resources().into_iter().map(one).collect::<Vec<_>>() });
    if planned {
        let variables = json!({ "image": { "value": "nginx:1.27.3" }, "api_password": { "value": "hush-api" } });
        json!({ "format_version": "1.2", "planned_values": { "root_module": module }, "variables": variables })
            .to_string()
    } else {
        json!({ "format_version": "1.0", "values": { "root_module": module } }).to_string()
    }
}

fn found(files: &[(&str, &str)], state: String) -> Found {
    let folder: Folder = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let given = GivenFile { path: "terraform.tfstate".to_owned(), text: state, ..GivenFile::default() };
    read(&folder, &Options { states: vec![given], ..Options::default() }).unwrap()
}

#[test]
fn what_terraform_found_out_is_taken_and_no_secret_of_it() {
    for (name, state) in [("state", state()), ("show", shown(false)), ("plan", shown(true))] {
        let found = found(&[("main.tf", FILES)], state);
        let said = format!("{found:?} {}", serde_json::to_string(&found.left).unwrap());
        assert!(!said.contains("hush"), "{name}: {said}");
        let stage = &found.stages[0];
        assert_eq!(stage.account.as_deref(), Some("444455556666"), "{name}");
        let service = &stage.services[0];
        let task = &service.task_definition;
        assert_eq!(task["family"], "web-0badcafe", "{name}");
        let container = &task["containerDefinitions"][0];
        assert_eq!(container["image"], "nginx:1.27.3", "{name}");
        let names = |list: &str| -> Vec<&str> {
            container[list].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
        };
        assert_eq!(names("environment"), ["DB_HOST", "MODE"], "{name}");
        let mut secrets = names("secrets");
        secrets.sort_unstable();
        assert_eq!(secrets, ["API_PASSWORD", "CACHE_URL", "DATABASE_URL"], "{name}");
        let request = service.service.as_ref().unwrap();
        assert_eq!(request["desiredCount"], 5, "{name}");
        assert_eq!(
            request["networkConfiguration"]["awsvpcConfiguration"]["subnets"],
            json!(["subnet-1", "subnet-2"]),
            "{name}"
        );
        assert_eq!(service.ingress.as_ref().unwrap().target_group.as_deref(), Some("web-2026"), "{name}");
    }
}

/// A module of the registry is not in the folder; what it made is in the state.
#[test]
fn what_modules_of_others_made_is_known_by_the_state() {
    let files = "module \"ecs\" {\n  source = \"terraform-aws-modules/ecs/aws//modules/service\"\n}\n";
    let of = |kind: &str, key: Value, values: Value| {
        json!({ "module": "module.ecs", "mode": "managed", "type": kind, "name": "this",
            "instances": [{ "index_key": key, "attributes": values }] })
    };
    let resources = [
        of(
            "aws_ecs_task_definition",
            json!(0),
            json!({
                "family": "jobs", "cpu": "256", "arn": "arn:aws:ecs:eu-central-1:444455556666:task-definition/jobs:3",
                "container_definitions": "[{\"name\": \"jobs\", \"image\": \"jobs:$${x}1\", \"environment\": []}]",
            }),
        ),
        of(
            "aws_ecs_service",
            json!("a"),
            json!({
                "name": "jobs", "task_definition": "arn:aws:ecs:eu-central-1:444455556666:task-definition/jobs:3", "desired_count": 1,
                "deployment_circuit_breaker": [{ "enable": true, "rollback": true }],
            }),
        ),
    ];
    let found = found(&[("main.tf", files)], json!({ "version": 4, "resources": resources }).to_string());
    let service = &found.stages[0].services[0];
    assert_eq!(service.task_definition["containerDefinitions"][0]["image"], "jobs:$${x}1");
    assert_eq!(service.place.to_string(), "terraform.tfstate:module.ecs.aws_ecs_service.this[\"a\"]");
    let request = service.service.as_ref().unwrap();
    assert_eq!(request["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"], true);
    assert_eq!(found.stages[0].region.as_deref(), Some("eu-central-1"));
}

#[test]
fn how_many_there_are_is_what_the_state_has() {
    let files = "variable \"zones\" {}\nresource \"aws_ecs_task_definition\" \"w\" {\n  for_each = var.zones\n  family = \"w-${each.key}\"\n  container_definitions = \"[]\"\n}\n";
    let instance = |key: &str| json!({ "index_key": key, "attributes": { "family": format!("w-{key}") } });
    let resource = json!({ "mode": "managed", "type": "aws_ecs_task_definition", "name": "w", "instances": [instance("a"), instance("b")] });
    let found = found(&[("main.tf", files)], json!({ "version": 4, "resources": [resource] }).to_string());
    let stage = &found.stages[0];
    let mut families: Vec<&str> = stage
        .services
        .iter()
        .map(|one| &one.task_definition)
        .chain(stage.one_offs.iter().map(|one| &one.task_definition))
        .map(|one| one["family"].as_str().unwrap())
        .collect();
    families.sort_unstable();
    assert_eq!(families, ["w-a", "w-b"]);
}

#[test]
fn a_state_that_is_none_is_refused_without_a_word_of_it() {
    let folder = Folder::from([("main.tf".to_owned(), FILES.to_owned())]);
    for text in ["{\"version\": 3, \"modules\": \"hush\"}", "hush", "[\"hush\"]", "{\"values\": {\"hush\": 1}}"] {
        let given = GivenFile { path: "x.tfstate".to_owned(), text: text.to_owned(), ..GivenFile::default() };
        let error = read(&folder, &Options { states: vec![given.clone()], ..Options::default() }).unwrap_err();
        assert!(!format!("{error} {error:?} {given:?}").contains("hush"), "{error}");
    }
    let two = Folder::from([
        ("main.tf".to_owned(), FILES.to_owned()),
        ("prod.tfvars".to_owned(), "image = \"a\"\n".to_owned()),
        ("qa.tfvars".to_owned(), "image = \"b\"\n".to_owned()),
    ]);
    let given = GivenFile { path: "x.tfstate".to_owned(), text: state(), ..GivenFile::default() };
    let error = read(&two, &Options { states: vec![given], ..Options::default() }).unwrap_err();
    assert!(matches!(&error, TerraformError::StateOfWhich { stages, .. } if *stages == ["prod", "qa"]), "{error}");
}

/// The line of `PATH of SUBJECT`: where its value stands, and where it is written.
fn told(found: &Found, of: &str) -> (String, Option<String>) {
    let (path, subject) = of.split_once(" of ").unwrap();
    let text = import::write::text(&import::fold::fold(found).manifest, &[]);
    let entries = import::account::reckon(&text, found, "Terraform").unwrap().entries;
    let line = entries.iter().map(|entry| &entry.line).find(|line| line.subject == subject && line.path == path);
    let line = line.unwrap_or_else(|| panic!("no line for {of}"));
    (line.place.to_string(), line.written.as_ref().map(ToString::to_string))
}

#[test]
fn each_fact_says_which_source_it_came_from() {
    for state in [state(), shown(false), shown(true)] {
        let found = found(&[("main.tf", FILES)], state.clone());
        let is_plan = state.contains("planned_values");
        let (definition, containers) = ("aws_ecs_task_definition.web", "container_definitions");
        for (path, subject, place, line) in [
            // What the folder says itself, whatever else says it too.
            ("port", "aws_lb_target_group.web", "main.tf:10", None),
            ("container_definitions.web.environment.MODE", definition, "main.tf:14", None),
            // What it says otherwise.
            ("desired_count", "aws_ecs_service.web", "aws_ecs_service.web.desired_count", Some(29)),
            // What it does not know: by what it does not know of it, or as its own attribute.
            ("family", definition, "random_id.run.hex", Some(13)),
            ("network_configuration.subnets", "aws_ecs_service.web", "data.aws_subnets.own.ids", Some(36)),
            ("container_definitions.web.environment.DB_HOST", definition, "aws_db_instance.main.address", Some(14)),
            ("container_definitions.web.environment.CACHE_URL", definition, containers, Some(14)),
            ("container_definitions.web.image", definition, if is_plan { "var.image" } else { containers }, Some(14)),
        ] {
            let expected = match line {
                None => (place.to_owned(), None),
                Some(line) => {
                    let own = if place == containers { format!("{definition}.{containers}") } else { place.to_owned() };
                    (format!("terraform.tfstate:{own}"), Some(format!("main.tf:{line}")))
                }
            };
            assert_eq!(told(&found, &format!("{path} of {subject}")), expected, "{path} of {subject}");
        }
    }
    // Without one everything is the folder's.
    let folder = Folder::from([("main.tf".to_owned(), FILES.to_owned())]);
    let found = read(&folder, &Options::default()).unwrap();
    let line = ("main.tf:29".to_owned(), None);
    assert_eq!(told(&found, "desired_count of aws_ecs_service.web"), line);
}
