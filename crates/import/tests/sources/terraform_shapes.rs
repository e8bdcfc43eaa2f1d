//! Which shapes of Terraform folders are understood, and what is said about the rest?

#![allow(clippy::unwrap_used)] // helpers of tests

use import::terraform::{Options, read};
use import::{Folder, Found};

fn folder(files: &[(&str, &str)]) -> Folder {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Returns stages with their services and schedules, a line each: `STAGE: KEY=FAMILY(variables|secrets)`.
fn summary(found: &Found) -> String {
    let mut lines = Vec::new();
    for stage in &found.stages {
        let services = stage.services.iter().map(|one| (&one.key, &one.task_definition, one.service.is_some()));
        let schedules = stage.schedules.iter().map(|one| (&one.key, &one.task_definition, true));
        let idle = stage.one_offs.iter().map(|one| (&one.key, &one.task_definition, false));
        let one = |(key, document, runs): (&String, &aws_model::Document, bool)| {
            let names = |list: &str| {
                let containers = document["containerDefinitions"].as_array().unwrap();
                let entries = containers.iter().filter_map(|container| container[list].as_array()).flatten();
                let entry = |one: &serde_json::Value| {
                    let value = one["value"].as_str().or(one["valueFrom"].as_str()).unwrap_or("?");
                    format!("{}={value}", one["name"].as_str().unwrap())
                };
                entries.map(entry).collect::<Vec<_>>().join(" ")
            };
            let family = document["family"].as_str().unwrap();
            let idle = if runs { "" } else { " (nothing runs it)" };
            format!("{}: {key} = {family}{idle} [{}] [{}]", stage.name, names("environment"), names("secrets"))
        };
        lines.extend(services.chain(schedules).chain(idle).map(one));
    }
    lines.join("\n")
}

fn left(found: &Found) -> String {
    let lines = found.left.iter().map(|left| format!("{} | {} | {}", left.place, left.what, left.why));
    lines.collect::<Vec<_>>().join("\n")
}

fn check(files: &[(&str, &str)], expected: &str) -> Found {
    let options = Options { account: Some("111122223333".to_owned()), ..Options::default() };
    let found = read(&folder(files), &options).unwrap();
    assert_eq!(summary(&found), expected, "\n{}", left(&found));
    found
}

const WEB: &str = r#"
resource "aws_ecs_task_definition" "web" {
  family                = "shop-${var.environment}-web"
  container_definitions = jsonencode([{
    name        = "web"
    image       = "nginx:1"
    environment = [for name in sort(keys(var.env)) : { name = name, value = var.env[name] }]
  }])
}
"#;
const VARIABLES: &str = r#"
variable "environment" {}
variable "env" { type = map(string) }
"#;

#[test]
fn a_directory_for_each_environment_is_a_stage() {
    let call = |env: &str| {
        format!(
            "module \"web\" {{\n  source = \"../../modules/web\"\n  environment = var.environment\n  env = {{ STAGE = \"{env}\" }}\n}}\nvariable \"environment\" {{}}\n"
        )
    };
    let found = check(
        &[
            ("environments/staging/main.tf", &call("s")),
            ("environments/staging/terraform.tfvars", "environment = \"staging\"\n"),
            ("environments/prod/main.tf", &call("p")),
            ("environments/prod/terraform.tfvars", "environment = \"prod\"\n"),
            ("modules/web/main.tf", WEB),
            ("modules/web/variables.tf", VARIABLES),
            ("bootstrap/main.tf", "resource \"aws_s3_bucket\" \"state\" {\n  bucket = \"state\"\n}\n"),
        ],
        "prod: web = shop-prod-web (nothing runs it) [STAGE=p] []\n\
         staging: web = shop-staging-web (nothing runs it) [STAGE=s] []",
    );
    assert!(left(&found).contains("bootstrap | bootstrap | nothing of ECS"), "{}", left(&found));
}

#[test]
fn files_of_variables_are_stages_and_common_ones_are_not() {
    check(
        &[
            ("main.tf", &format!("{WEB}{VARIABLES}")),
            ("terraform.tfvars", "env = { A = \"common\" }\n"),
            ("env/production.tfvars", "environment = \"production\"\nenv = { A = \"p\" }\n"),
            ("env/qa2.tfvars", "environment = \"qa2\"\n"),
            ("more.auto.tfvars.json", "{\"unused\": 1}"),
        ],
        "production: web = shop-production-web (nothing runs it) [A=p] []\n\
         qa2: web = shop-qa2-web (nothing runs it) [A=common] []",
    );
}

#[test]
fn resources_of_one_state_are_told_apart_by_their_labels() {
    let of = |stage: &str| {
        format!(
            "resource \"aws_ecs_task_definition\" \"app_{stage}\" {{\n  family = \"crm-app-{stage}\"\n  container_definitions = file(\"${{path.module}}/app-{stage}.json\")\n}}\n\
             resource \"aws_ecs_service\" \"app_{stage}\" {{\n  name = \"crm-app-{stage}\"\n  cluster = aws_ecs_cluster.main.id\n  task_definition = aws_ecs_task_definition.app_{stage}.arn\n}}\n"
        )
    };
    let json = r#"[{"name": "app", "image": "x", "environment": [{"name": "N", "value": 1}]}]"#;
    let found = check(
        &[
            ("main.tf", "resource \"aws_ecs_cluster\" \"main\" {\n  name = \"crm\"\n}\n"),
            ("prod.tf", &of("prod")),
            ("staging.tf", &of("staging")),
            ("app-prod.json", json),
            ("app-staging.json", json),
        ],
        "prod: app = crm-app-prod [N=1] []\nstaging: app = crm-app-staging [N=1] []",
    );
    assert_eq!(found.app.as_deref(), Some("crm"));
    for stage in &found.stages {
        assert_eq!(stage.cluster.as_deref(), Some("crm"));
        // The region is unknown, so a placeholder stands for it, and the list asks for it.
        let cluster = stage.services[0].service.as_ref().unwrap()["cluster"].as_str().unwrap();
        assert_eq!(cluster, "arn:aws:ecs:us-east-1:111122223333:cluster/crm");
        assert_eq!(stage.region, None);
    }
}

/// One secret for each value, locals of locals, a module for each worker, an unknown that is cut to pieces.
#[test]
fn a_single_environment_with_a_secret_for_each_value_and_workers() {
    let found = check(
        &[
            (
                "main.tf",
                r#"
provider "aws" {
  region = var.aws_region
}
variable "aws_region" { default = "us-east-1" }
variable "service" { default = "crm" }
variable "environment" { default = "staging" }
variable "playwright_pass" { default = "pw-value" }
variable "db_pass" { default = "db-value" }
locals {
  db_endpoint = aws_db_instance.postgres.endpoint
  db_host     = regex("^(.*):\\d+$", local.db_endpoint)[0]
  is_shared   = var.environment == "development" || can(regex("^pr-", var.environment))
  base        = local.is_shared ? 10 : 1
  env_vars    = [{ name = "BASE", value = tostring(local.base) }, { name = "DB_HOST", value = local.db_host }]
  workers     = { mail = { command = ["mail"] }, sync = { command = ["sync", "--all"] } }
}
resource "aws_db_instance" "postgres" {
  identifier = "db"
  engine     = "postgres"
  password   = var.db_pass
}
resource "aws_secretsmanager_secret" "db_pass" {
  name = "${var.service}-${var.environment}-db_pass"
}
resource "aws_secretsmanager_secret_version" "db_pass" {
  secret_id     = aws_secretsmanager_secret.db_pass.id
  secret_string = var.db_pass != "" ? var.db_pass : "default"
}
resource "aws_ecs_task_definition" "app" {
  family = "task-app-${var.service}-${var.environment}"
  container_definitions = jsonencode([{
    name        = "app"
    image       = "${data.aws_ecr_repository.app.repository_url}:${data.aws_ecr_image.app.image_tag}"
    environment = concat(local.env_vars, [{ name = "PLAYWRIGHT", value = var.playwright_pass }, { name = "DB", value = var.db_pass }])
    secrets     = [{ name = "DB_PASS", valueFrom = aws_secretsmanager_secret_version.db_pass.arn }]
  }])
}
data "aws_ecr_repository" "app" { name = "crm-app" }
data "aws_ecr_image" "app" {
  repository_name = "crm-app"
  most_recent     = true
}
module "workers" {
  source      = "./modules/worker"
  for_each    = local.workers
  name        = each.key
  command     = each.value.command
  environment = local.env_vars
}
output "workers" { value = [for name, worker in module.workers : worker.family] }
"#,
            ),
            (
                "modules/worker/main.tf",
                r#"
variable "name" { type = string }
variable "command" { type = list(string) }
variable "environment" { type = list(object({ name = string, value = string })) }
resource "aws_ecs_task_definition" "worker" {
  family                = "task-${var.name}-crm-staging"
  container_definitions = jsonencode([{ name = var.name, image = "x:1", command = var.command, environment = var.environment }])
}
output "family" { value = aws_ecs_task_definition.worker.family }
"#,
            ),
        ],
        "staging: app = task-app-crm-staging (nothing runs it) [BASE=1] [\
         DB_PASS=arn:aws:secretsmanager:us-east-1:111122223333:secret:crm-staging-db_pass \
         PLAYWRIGHT=arn:aws:secretsmanager:us-east-1:111122223333:secret:crm/staging:PLAYWRIGHT:: \
         DB=arn:aws:secretsmanager:us-east-1:111122223333:secret:crm/staging:DB::]\n\
         staging: mail = task-mail-crm-staging (nothing runs it) [BASE=1] []\n\
         staging: sync = task-sync-crm-staging (nothing runs it) [BASE=1] []",
    );
    let image = &found.stages[0].one_offs[0].task_definition["containerDefinitions"][0]["image"];
    assert_eq!(image, "111122223333.dkr.ecr.us-east-1.amazonaws.com/crm-app:latest");
    let said = left(&found);
    assert!(said.contains("variable DB_HOST of app, mail, sync in stage staging | cannot be evaluated: aws_db_instance.postgres.endpoint[0]; set it with `managr vars set staging DB_HOST=...`"), "{said}");
    assert!(said.contains("postgres `db` stays in Terraform; the containers reach it by DB_HOST"), "{said}");
    assert!(said.contains("its tag cannot be told: data.aws_ecr_image.app.image_tag"), "{said}");
    assert_eq!(found.repositories, ["crm-app"]);
    let all = format!("{found:?}");
    assert!(found.stages[0].secrets.is_empty(), "a secret of one value has no keys");
    assert!(!all.contains("db-value") && !all.contains("pw-value"), "{all}");
}

#[test]
fn workspaces_are_stages_where_a_map_is_asked_by_them() {
    check(
        &[(
            "main.tf",
            r#"
locals {
  env = { default = {}, staging = { level = "debug" }, prod = { level = "info" } }
  settings = local.env[terraform.workspace]
}
resource "aws_ecs_task_definition" "web" {
  family                = "shop-web-${terraform.workspace}"
  container_definitions = jsonencode([{ name = "web", image = "x", environment = [{ name = "LEVEL", value = local.settings.level }] }])
}
"#,
        )],
        "prod: web = shop-web-prod (nothing runs it) [LEVEL=info] []\n\
         staging: web = shop-web-staging (nothing runs it) [LEVEL=debug] []",
    );
}

#[test]
fn an_error_names_its_place_and_never_a_value() {
    let said = |files: &[(&str, &str)]| read(&folder(files), &Options::default()).unwrap_err().to_string();
    let error = said(&[("main.tf", WEB), ("prod.tfvars", "a = 1\ndb_password = \"hunter2\" oops\n")]);
    assert!(error.starts_with("prod.tfvars:2: ") && !error.contains("hunter2"), "{error}");
    // One that is no literal is not known, and takes nothing with it.
    let found =
        read(&folder(&[("main.tf", WEB), ("prod.tfvars", "db_password = \"hunter2-${x}\"\n")]), &Options::default());
    let told = left(&found.unwrap());
    assert!(told.contains("prod.tfvars:1 | variable db_password | it is no literal value"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(said(&[("main.tf", "locals {}\n")]), "there is no aws_ecs_task_definition in the folder");
    assert_eq!(said(&[("README.md", "")]), "there is no .tf file in the folder");
}

#[test]
fn an_account_that_nothing_tells_is_a_placeholder_and_a_question() {
    let files = [(
        "main.tf",
        "provider \"aws\" {\n  region = \"eu-west-1\"\n}\nresource \"aws_iam_role\" \"task\" {\n  name = \"shop-task\"\n}\nresource \"aws_ecs_task_definition\" \"web\" {\n  family = \"shop-prod\"\n  task_role_arn = aws_iam_role.task.arn\n  container_definitions = \"[]\"\n}\n",
    )];
    let found = read(&folder(&files), &Options::default()).unwrap();
    let document = &found.stages[0].one_offs[0].task_definition;
    assert_eq!(document["taskRoleArn"], "arn:aws:iam::000000000000:role/shop-task");
    assert!(left(&found).contains("the AWS account of stage prod"), "{}", left(&found));
}

#[test]
fn a_command_with_a_part_that_cannot_be_told_is_left_whole() {
    let found = check(
        &[(
            "main.tf",
            r#"
variable "admin_password" { default = "hunter2" }
resource "aws_ecs_task_definition" "web" {
  family                = "shop-prod"
  container_definitions = jsonencode([{
    name         = "web"
    image        = "x"
    command      = ["serve", "--db", aws_db_instance.main.address]
    entryPoint   = ["run", "--password=${var.admin_password}"]
    dockerLabels = { known = "yes", owner = data.external.who.result.name }
    environment  = [{ name = "API_TOKEN", value = "written-here" }]
  }])
}
"#,
        )],
        "prod: web = shop-prod (nothing runs it) [] [API_TOKEN=arn:aws:secretsmanager:us-east-1:111122223333:secret:shop/prod:API_TOKEN::]",
    );
    let container = &found.stages[0].one_offs[0].task_definition["containerDefinitions"][0];
    assert!(container.get("command").is_none() && container.get("entryPoint").is_none(), "{container}");
    assert_eq!(container["dockerLabels"], serde_json::json!({ "known": "yes" }));
    let said = left(&found);
    assert!(said.contains("containerDefinitions[web].command of aws_ecs_task_definition.web in stage prod | cannot be evaluated: aws_db_instance.main.address"), "{said}");
    assert!(said.contains("holds the sensitive value of var.admin_password"), "{said}");
    assert!(!format!("{found:?}").contains("hunter2") && !format!("{found:?}").contains("written-here"));
}

#[test]
fn what_flows_into_a_secret_is_hidden_leaf_by_leaf() {
    let found = check(
        &[
            (
                "main.tf",
                r#"
provider "aws" {
  region = "eu-west-1"
}
variable "environments" {}
resource "aws_secretsmanager_secret" "app" {
  for_each = var.environments
  name     = "shop/${each.key}"
}
resource "aws_secretsmanager_secret_version" "app" {
  for_each      = var.environments
  secret_id     = aws_secretsmanager_secret.app[each.key].id
  secret_string = jsonencode({ STRIPE = each.value.stripe, URL = "https://${each.value.user}@${each.key}.example.com" })
}
resource "aws_ecs_task_definition" "web" {
  for_each = var.environments
  family   = "shop-web-${each.key}"
  container_definitions = jsonencode([{
    name  = "web"
    image = "x"
    environment = [
      { name = "DOMAIN", value = each.value.domain },
      { name = "PAY", value = "key:${each.value.stripe}" },
      { name = "USER", value = each.value.user },
    ]
  }])
}
data "aws_ecs_task_definition" "web" {
  for_each        = var.environments
  task_definition = "shop-web-${each.key}"
}
resource "aws_ecs_service" "web" {
  for_each        = var.environments
  name            = "web"
  cluster         = "shop"
  task_definition = "${aws_ecs_task_definition.web[each.key].family}:${max(data.aws_ecs_task_definition.web[each.key].revision, aws_ecs_task_definition.web[each.key].revision)}"
}
"#,
            ),
            (
                "terraform.tfvars",
                "environments = {\n  east = { stripe = \"hush-1\", user = \"hush-2\", domain = \"east.example.com\" }\n  west = { stripe = \"hush-3\", user = \"hush-4\", domain = \"west.example.com\" }\n}\n",
            ),
            ("other.tf.json", "{}"),
        ],
        "east: web = shop-web-east [DOMAIN=east.example.com] [\
         PAY=arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/east:PAY:: \
         USER=arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/east:USER::]\n\
         west: web = shop-web-west [DOMAIN=west.example.com] [\
         PAY=arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/west:PAY:: \
         USER=arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/west:USER::]",
    );
    assert_eq!(found.stages[0].secrets[0].keys, ["STRIPE", "URL"]);
    assert!(!format!("{found:?}").contains("hush"), "{found:?}");
    let said = left(&found);
    assert!(said.contains("holds the sensitive value of var.environments.east.stripe"), "{said}");
    assert!(!said.contains("other.tf.json"), "{said}");
}

mod properties {
    use proptest::prelude::*;

    use super::{Options, folder, read};

    const WORDS: [&str; 40] = [
        "resource",
        "\"aws_ecs_task_definition\"",
        "\"web\"",
        "{",
        "}",
        "\n",
        "family",
        "=",
        "\"x-${",
        "}\"",
        "var.a",
        "local.b",
        "[",
        "]",
        "(",
        ")",
        ",",
        "for",
        "in",
        ":",
        "=>",
        "?",
        "...",
        "jsonencode",
        "format",
        "substr",
        "é",
        "\"%5s\"",
        "0",
        "-1",
        "each.value",
        "for_each",
        "count",
        "locals",
        "[*]",
        ".name",
        "terraform.workspace",
        "<<-E\n  a\nE\n",
        "module",
        "source",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever stands in a folder, reading it answers.
        #[test]
        fn any_text_is_answered(words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..60), raw: String) {
            let base = "resource \"aws_ecs_task_definition\" \"a\" {\n  family = \"a\"\n  container_definitions = ";
            let written = words.join(" ");
            for text in [written.clone(), format!("{base}{written}\n}}\n"), format!("{base}\"{raw}\"\n}}\n")] {
                let _ = read(&folder(&[("main.tf", &text), ("t.tfvars", &written), ("modules/a/main.tf", &raw)]), &Options::default());
            }
        }
    }
}
