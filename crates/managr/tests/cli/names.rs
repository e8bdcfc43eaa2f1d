//! Names that services are found by, against the simulated platform: planned, made, shown, verified, refused, removed.

use crate::deploy::{json, well};
use crate::sandbox::Sandbox;
use crate::told::settled;

const APP: &str = r#"app = "demo"

[services.api]
discover = "api.demo.local"
containers.api.image = "127.0.0.1:9/api:1"

[services.web]
discover = "web.{stage}.demo.local"
containers.web.image = "127.0.0.1:9/web:1"

[stages.prod]
cluster = "demo-prod"
subnets = ["subnet-1", "subnet-2"]
"#;

/// What was done: lines that begin with a mark, behind the plan.
fn steps(text: &str) -> Vec<&str> {
    let kinds = ["namespace", "registry", "service "];
    let done = text.split_once(" · ").map_or(text, |(_, done)| done);
    done.lines()
        .filter(|line| !line.starts_with('!'))
        .filter(|line| kinds.iter().any(|kind| line.get(2..).is_some_and(|rest| rest.starts_with(kind))))
        .collect()
}

#[test]
fn a_name_is_planned_made_shown_and_removed() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    let plan = well(&sandbox, &["plan", "local"]);
    insta::assert_snapshot!("plan_of_names", settled(&plan));
    well(&sandbox, &["up", "-d"]);
    let status = well(&sandbox, &["status"]).out;
    assert!(status.contains("api.demo.local  1 task is found by it"), "{status}");
    let found = json(&well(&sandbox, &["status", "--json"]));
    assert_eq!(found["services"][1]["discover"]["name"], "web.local.demo.local");
    assert_eq!(found["services"][1]["discover"]["registered"], 1);
    assert_eq!(well(&sandbox, &["plan", "local", "--detailed-exitcode"]).code, Some(0), "nothing is left to do");

    // The name goes, from the status too.
    sandbox.write("managr.toml", &APP.replace("discover = \"api.demo.local\"\n", ""));
    let up = well(&sandbox, &["deploy", "local", "--yes"]);
    assert_eq!(steps(&up.err), ["~ service demo-api-local"], "{}", up.err);
    let status = well(&sandbox, &["status"]).out;
    assert!(!status.contains("api.demo.local"), "{status}");
    sandbox.write("managr.toml", APP);
    let up = well(&sandbox, &["deploy", "local", "--yes"]);
    assert_eq!(steps(&up.err), ["~ service demo-api-local"], "the registry is there already: {}", up.err);

    let down = well(&sandbox, &["down"]);
    let expected = [
        "- service demo-api-local",
        "- service demo-web-local",
        "- registry api.demo.local",
        "- registry web.local.demo.local",
        "- namespace demo.local",
        "- namespace local.demo.local",
    ];
    assert_eq!(steps(&down.err), expected, "{}", down.err);
    well(&sandbox, &["up", "-d"]);
}

#[test]
fn a_name_of_another_stage_in_the_same_network_is_refused() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["up", "-d"]);
    let refused = sandbox.run(&["deploy", "prod", "--yes", "--no-verify", "--no-build"]);
    insta::assert_snapshot!(refused.transcript(), @r#"
    exit 5
    --- out
    --- err
    error: `api.demo.local` is the name of demo, stage local in the same network: who asks for it would reach the tasks of both
      hint: put the stage into the name: `discover = "NAME.{stage}.shop.local"`, or say another under the stage
    "#);
    let verified = sandbox.run(&["verify", "prod"]);
    let told = "FAIL Name[api.demo.local]: `api.demo.local` is the name of demo, stage local in the same network";
    assert!(verified.out.contains(told) || verified.err.contains(told), "{}", verified.transcript());
    // What another stage needs stays when one goes down.
    sandbox.write("managr.toml", &APP.replace("api.demo.local", "api-{stage}.demo.local"));
    well(&sandbox, &["deploy", "prod", "--yes", "--no-verify"]);
    sandbox.write("managr.toml", APP);
    let down = well(&sandbox, &["down"]);
    assert!(!steps(&down.err).contains(&"- namespace demo.local"), "prod is found in it: {}", down.err);
}

const TERRAFORM: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
resource "aws_service_discovery_private_dns_namespace" "main" {
  name = "shop.local"
  vpc  = "vpc-1"
}
resource "aws_service_discovery_service" "api" {
  name = "api"
  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.main.id
    dns_records {
      type = "A"
      ttl  = 60
    }
  }
}
resource "aws_ecs_task_definition" "api" {
  family                   = "shop-api-prod"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  container_definitions    = jsonencode([{ name = "api", image = "api:1", essential = true }])
}
resource "aws_ecs_service" "api" {
  name            = "shop-api-prod"
  cluster         = "shop"
  launch_type     = "FARGATE"
  desired_count   = 2
  task_definition = aws_ecs_task_definition.api.arn
  network_configuration {
    subnets = ["subnet-1"]
  }
  service_registries {
    registry_arn = aws_service_discovery_service.api.arn
  }
}
"#;

#[test]
fn what_is_found_by_a_name_is_imported_with_it_and_a_deploy_changes_nothing() {
    // Terraform's, rehearsed.
    let sandbox = Sandbox::new();
    sandbox.write("infra/main.tf", TERRAFORM);
    let told = json(&sandbox.run(&["import", "terraform", "infra", "--account", "210987654321", "--json"]));
    let manifest = told["manifest"].as_str().unwrap();
    assert!(manifest.contains("discover = \"api.shop.local\""), "{manifest}");
    let rehearsal = &told["rehearsals"][0];
    assert_eq!((rehearsal["plan"]["steps"].to_string(), rehearsal["unmade"].to_string()), ("[]".into(), "[]".into()));
    // What runs.
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["up", "-d"]);
    let found = well(&sandbox, &["import", "service", "prod=demo-cluster", "--stdout"]).out;
    assert!(found.contains("discover = \"api.demo.local\"") && !found.contains("serviceRegistries"), "{found}");
}
