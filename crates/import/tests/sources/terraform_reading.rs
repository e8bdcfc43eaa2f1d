//! Are folders read as people have them? What is unknown is one value and asked for, and takes nothing with it.

#![allow(clippy::unwrap_used)] // helpers of tests

use import::terraform::{GivenFile, Options, TerraformError, read, wanted};
use import::{Folder, Found};
use serde_json::Value;

fn folder(files: &[(&str, &str)]) -> Folder {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn options() -> Options {
    Options { account: Some("111122223333".to_owned()), ..Options::default() }
}

fn left(found: &Found) -> String {
    let lines = found.left.iter().map(|left| format!("{} | {} | {}", left.place, left.what, left.why));
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn says(found: &Found, words: &str) {
    let said = left(found);
    assert!(said.contains(words), "{words}\n{said}");
}

/// Returns the variables of a stage's container as `NAME=VALUE`.
fn environment(found: &Found, stage: usize) -> Vec<String> {
    let stage = &found.stages[stage];
    let definitions = stage.services.iter().map(|one| &one.task_definition);
    let mut all = definitions.chain(stage.one_offs.iter().map(|one| &one.task_definition));
    let containers = all.next().unwrap()["containerDefinitions"].as_array().unwrap();
    let entries = containers[0]["environment"].as_array().unwrap();
    entries.iter().map(|one| format!("{}={}", one["name"].as_str().unwrap(), one["value"].as_str().unwrap())).collect()
}

fn image(found: &Found) -> Value {
    found.stages[0].services[0].task_definition["containerDefinitions"][0]["image"].clone()
}

const PRESS: &str = r#"
provider "aws" { region = "eu-west-1" }
variable "settings" {
  type = map(string)
}
resource "aws_ecs_cluster" "main" { name = "press" }
resource "aws_ecs_task_definition" "press" {
  family                   = "press"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = "arn:aws:iam::111122223333:role/exec"
  container_definitions = jsonencode([{
    name  = "press"
    image = "nginx:1.27"
    environment = [
      { name = "SALT", value = provider::vault::salt("press") },
      { name = "MODE", value = "live" },
      { name = "LIMIT", value = var.settings["limit"] },
    ]
  }])
}
resource "aws_ecs_service" "press" {
  name            = "press"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.press.arn
  desired_count   = "1"
  launch_type     = "FARGATE"
  network_configuration { subnets = ["subnet-0a1b2c3d4e5f60718"] }
}
"#;
const SAMPLE: &str = "settings = {\n  limit = \"10\"\n  limit = \"20\"\n}\n";

#[test]
fn a_function_that_is_not_known_is_one_value_and_a_sample_is_none() {
    let found = read(&folder(&[("main.tf", PRESS), ("sample.tfvars", SAMPLE)]), &options()).unwrap();
    assert_eq!(environment(&found, 0), ["MODE=live"]);
    assert_eq!(found.stages[0].services[0].service.as_ref().unwrap()["desiredCount"], 1);
    says(&found, "variable SALT of press in stage");
    says(&found, "provider::vault::salt()");
    says(&found, "variable LIMIT of press in stage");
    says(&found, "main.tf:3 | variable settings | nothing gives it a value");
    says(&found, "--var-file");
    says(&found, "sample.tfvars | sample.tfvars | a sample");
}

#[test]
fn a_file_that_is_named_is_read_and_the_last_of_two_keys_counts() {
    let named = GivenFile { path: "sample.tfvars".to_owned(), text: SAMPLE.to_owned(), ..GivenFile::default() };
    let with = Options { var_files: vec![named], ..options() };
    let found = read(&folder(&[("main.tf", PRESS)]), &with).unwrap();
    assert_eq!(environment(&found, 0), ["MODE=live", "LIMIT=20"]);
    assert!(!left(&found).contains("variable settings"), "{}", left(&found));

    let by_name = Options { vars: vec![("settings".to_owned(), "{ limit = 1 + 2 }".to_owned())], ..options() };
    let found = read(&folder(&[("main.tf", PRESS)]), &by_name).unwrap();
    assert_eq!(environment(&found, 0), ["MODE=live", "LIMIT=3"]);
}

/// A sample that is no Terraform at all ends nothing, and neither does a directory that no module calls.
#[test]
fn what_nobody_uses_may_be_broken() {
    let files = [
        ("main.tf", PRESS),
        ("prod.example.tfvars", "settings = {{{"),
        ("old/main.tf", "resource \"aws_ecs_service\" {{{"),
        ("terraform.tfvars", SAMPLE),
    ];
    let found = read(&folder(&files), &options()).unwrap();
    assert_eq!(environment(&found, 0), ["MODE=live", "LIMIT=20"]);
    says(&found, "old | old | a file of this directory cannot be read");
    let broken = read(&folder(&[("main.tf", PRESS), ("more.tf", "locals {\n x = \n}")]), &options()).map(drop);
    assert!(matches!(broken, Err(TerraformError::Syntax { place, .. }) if place.to_string() == "more.tf:2"));
}

fn root(key: &str) -> String {
    r#"
provider "aws" {}
variable "stage" { default = "prod" }
variable "image" { type = string }
resource "aws_ecs_task_definition" "api" {
  family                   = "shop-${var.stage}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  container_definitions = templatefile("${path.module}/../templates/task.json.tpl", {
    stage = var.stage
    image = var.image
    KEY = "k-1"
  })
}
resource "aws_secretsmanager_secret" "api" { name = "shop/prod" }
resource "aws_ecs_service" "api" {
  name            = "shop-${var.stage}"
  task_definition = aws_ecs_task_definition.api.arn
}
"#
    .replace("KEY", key)
}

const TEMPLATE: &str = r#"[
  {
    "name": "api",
    "image": "${image}",
    "environment": [
      {"name": "STAGE", "value": "${stage}"},
      {"name": "FEED_KEY", "value": "${feed_key}"}
    ]
  }
]
"#;

#[test]
fn two_roots_side_by_side_are_a_question_and_each_is_read_by_itself() {
    let (app, preview) = (root("feed_key"), root("feedkey"));
    let both = [("app/main.tf", app.as_str()), ("preview/main.tf", &preview), ("templates/task.json.tpl", TEMPLATE)];
    let error = read(&folder(&both), &options()).unwrap_err();
    assert_eq!(error, TerraformError::Roots(vec!["app".to_owned(), "preview".to_owned()]));
    assert!(error.to_string().contains("app, preview"), "{error}");

    let alone = folder(&[("main.tf", &app)]);
    assert_eq!(wanted(&alone, &options()).into_iter().collect::<Vec<_>>(), ["../templates/task.json.tpl"]);
    let found = read(&folder(&[("main.tf", &app), ("../templates/task.json.tpl", TEMPLATE)]), &options()).unwrap();
    assert_eq!(image(&found), "set-me:${var.image}");
    says(&found, "main.tf:4 | variable image | nothing gives it a value");
    // Without a region there are questions, and what depends on it is there.
    says(&found, "the AWS region");
    assert_eq!(found.stages[0].region, None);
    assert_eq!(
        found.stages[0].secrets[0].arn.as_deref(),
        Some("arn:aws:secretsmanager:us-east-1:111122223333:secret:shop/prod")
    );
}

#[test]
fn a_template_that_lacks_a_name_is_told_with_its_line() {
    let app = root("feedkey");
    let found = read(&folder(&[("main.tf", &app), ("../templates/task.json.tpl", TEMPLATE)]), &options()).unwrap();
    says(&found, "../templates/task.json.tpl:7 | `feed_key` of ../templates/task.json.tpl | the template asks for it");
    assert_eq!(environment(&found, 0), ["STAGE=prod"]);
}

/// Only its own names are seen in a template: Terraform's are not.
#[test]
fn a_template_sees_no_name_of_the_module() {
    let template = TEMPLATE.replace("${feed_key}", "${var.stage}");
    let app = root("feed_key");
    let found = read(&folder(&[("main.tf", &app), ("../templates/task.json.tpl", &template)]), &options()).unwrap();
    says(&found, "../templates/task.json.tpl:7 | `var` of ../templates/task.json.tpl | the template asks for it");
}

#[test]
fn an_image_of_others_without_a_tag_is_no_latest() {
    let text = PRESS.replace("\"nginx:1.27\"", "\"nginx:${var.settings.tag}\"");
    let found = read(&folder(&[("main.tf", &text)]), &options()).unwrap();
    assert_eq!(image(&found), "nginx:${var.settings.tag}");
}

#[test]
fn terraform_in_json_is_terraform() {
    let text = r#"{
  "variable": {"n": {"type": "number", "default": "2"}},
  "locals": {"name": "press"},
  "provider": {"aws": {"region": "eu-west-1"}},
  "resource": {
    "aws_ecs_task_definition": {
      "web": {
        "family": "${local.name}-prod",
        "container_definitions": "${jsonencode([{name = \"web\", image = \"nginx:1\", environment = [{name = \"N\", value = tostring(var.n + 1)}]}])}"
      }
    },
    "aws_ecs_service": {
      "web": {
        "name": "press",
        "task_definition": "${aws_ecs_task_definition.web.arn}",
        "desired_count": "${var.n}",
        "network_configuration": {"subnets": ["subnet-1"], "assign_public_ip": "true"}
      }
    }
  }
}"#;
    let found = read(&folder(&[("main.tf.json", text)]), &options()).unwrap();
    assert_eq!(environment(&found, 0), ["N=3"]);
    let service = found.stages[0].services[0].service.as_ref().unwrap();
    assert_eq!(service["desiredCount"], 2);
    assert_eq!(service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "ENABLED");
    assert_eq!(found.stages[0].services[0].place.to_string(), "main.tf.json:13");
}

#[test]
fn files_that_override_come_last() {
    let by = "resource \"aws_ecs_service\" \"press\" {\n  desired_count = 3\n  network_configuration { subnets = [\"subnet-2\"] }\n}\n";
    let files = [("main.tf", PRESS), ("a_override.tf", by), ("terraform.tfvars", SAMPLE)];
    let found = read(&folder(&files), &options()).unwrap();
    let service = found.stages[0].services[0].service.as_ref().unwrap();
    assert_eq!(service["desiredCount"], 3);
    assert_eq!(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"], serde_json::json!(["subnet-2"]));
}

/// The provider's types, on every way that a value can take.
#[test]
fn what_is_written_has_the_types_of_the_provider_and_of_its_variables() {
    let text = r#"
provider "aws" { region = "us-east-1" }
variable "n" {
  type = number
  default = "3"
}
variable "env" {
  type = map(string)
  default = { PORT = 8080, ON = true, R = 0.10 }
}
variable "ports" {
  type = list(number)
  default = ["80", "443"]
}
variable "extra" {
  type = set(string)
  default = ["b", "a", "b"]
}
resource "aws_ecs_cluster" "c" { name = "ty-prod" }
resource "aws_ecs_task_definition" "web" {
  family = "ty-prod-web"
  network_mode = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu = "0.5 vCPU"
  memory = "1 GB"
  container_definitions = jsonencode([{ name = "web", image = "nginx:1.27", environment = concat([for k, v in var.env : { name = k, value = v }], [{ name = "X", value = join(",", var.extra) }, { name = "S", value = format("%05d|%s|%.2f|%t|%q|%v", 42, "x", 1.5, true, "q", [1, "a"]) }, {name = "N", value = "${var.n + 1}"}]), portMappings = [for p in var.ports : { containerPort = p }] }])
}
resource "aws_ecs_service" "web" {
  name = "ty-prod-web"
  cluster = aws_ecs_cluster.c.arn
  task_definition = aws_ecs_task_definition.web.arn
  desired_count = "4"
}
"#;
    let found = read(&folder(&[("main.tf", text)]), &options()).unwrap();
    assert_eq!(
        environment(&found, 0),
        ["ON=true", "PORT=8080", "R=0.1", "X=a,b", "S=00042|x|1.50|true|\"q\"|[1,\"a\"]", "N=4"]
    );
    let service = &found.stages[0].services[0];
    assert_eq!(service.service.as_ref().unwrap()["desiredCount"], 4);
    let ports = &service.task_definition["containerDefinitions"][0]["portMappings"];
    assert_eq!(*ports, serde_json::json!([{ "containerPort": 80 }, { "containerPort": 443 }]));
    says(
        &found,
        "main.tf:20 | variable N of web in stage prod | is a number in the JSON, and the provider refuses that",
    );
}
