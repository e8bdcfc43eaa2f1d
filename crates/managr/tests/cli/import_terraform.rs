//! A folder of Terraform as people have it: what lies beside it, what is given by name, what Terraform knows.

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};

const MAIN: &str = r#"
provider "aws" { region = "eu-west-1" }
variable "image" { type = string }
resource "random_id" "name" { byte_length = 2 }
module "api" {
  source = "../modules/api"
  image  = var.image
  name   = "shop-${random_id.name.hex}"
}
"#;
const MODULE: &str = r#"
variable "image" {}
variable "name" {}
resource "aws_ecs_task_definition" "api" {
  family                = var.name
  container_definitions = templatefile("${path.module}/../../../templates/task.json.tpl", { image = var.image })
}
resource "aws_ecs_service" "api" {
  name            = var.name
  task_definition = aws_ecs_task_definition.api.arn
}
"#;
const TEMPLATE: &str = r#"[{"name": "api", "image": "${image}", "environment": [{"name": "A", "value": "1"}]}]"#;
const STATE: &str = r#"{"version": 4, "resources": [{"mode": "managed", "type": "random_id", "name": "name",
  "instances": [{"attributes": {"hex": "beef"}}]}]}"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (path, text) in [
        ("repo/.git/HEAD", "ref: refs/heads/main\n"),
        ("repo/live/app/main.tf", MAIN),
        ("repo/live/modules/api/main.tf", MODULE),
        ("repo/templates/task.json.tpl", TEMPLATE),
        ("elsewhere/prod.tfvars", "image = \"nginx:1.27\"\n"),
        ("elsewhere/terraform.tfstate", STATE),
    ] {
        std::fs::create_dir_all(sandbox.path().join(path).parent().unwrap()).unwrap();
        sandbox.write(path, text);
    }
    sandbox
}

/// Returns the answer's left things as text, and the answer.
fn told(run: &Run) -> (String, Value) {
    let answer: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}", run.transcript()));
    (answer["left"].to_string(), answer)
}

#[test]
fn a_folder_with_templates_and_modules_beside_it_is_read_and_asks_for_what_is_missing() {
    let sandbox = sandbox();
    let (left, answer) = told(&sandbox.run(&["import", "terraform", "repo/live/app", "--json"]));
    let manifest = answer["manifest"].as_str().unwrap();
    assert!(manifest.contains("set-me:${var.image}"), "{manifest}");
    assert!(left.contains("variable image") && left.contains("--var-file FILE"), "{left}");

    let given = ["--var-file", "elsewhere/prod.tfvars", "--state", "elsewhere/terraform.tfstate", "--json"];
    let (left, answer) = told(&sandbox.run(&[&["import", "terraform", "repo/live/app"][..], &given].concat()));
    let manifest = answer["manifest"].as_str().unwrap();
    assert!(manifest.contains("nginx:1.27") && manifest.contains("shop-beef"), "{manifest}\n{left}");
    assert!(!left.contains("variable image"), "{left}");
}

#[test]
fn a_mark_for_an_image_is_not_deployed() {
    let sandbox = sandbox();
    let _platform = sandbox.platform();
    let run = sandbox.run(&["import", "terraform", "repo/live/app", "--stage", "local"]);
    assert!(std::fs::exists(sandbox.path().join("managr.toml")).unwrap(), "{}", run.transcript());
    let deploy = sandbox.run(&["deploy", "local", "--yes"]);
    assert_ne!(deploy.code, Some(0), "{}", deploy.transcript());
    assert!(deploy.err.contains("Container.image contains invalid characters"), "{}", deploy.transcript());
}

#[test]
fn nothing_is_read_through_a_link_or_from_outside_of_the_repository() {
    let sandbox = sandbox();
    let templates = sandbox.path().join("repo/templates");
    std::fs::rename(&templates, sandbox.path().join("secret")).unwrap();
    std::os::unix::fs::symlink(sandbox.path().join("secret"), &templates).unwrap();
    let (left, answer) = told(&sandbox.run(&["import", "terraform", "repo/live/app", "--json"]));
    assert!(left.contains("../../templates/task.json.tpl") && left.contains("--within DIR"), "{left} {answer}");

    std::fs::remove_file(&templates).unwrap();
    let module = MODULE.replace("../../../templates", "../../../../secret");
    sandbox.write("repo/live/modules/api/main.tf", &module);
    let (left, _) = told(&sandbox.run(&["import", "terraform", "repo/live/app", "--json"]));
    assert!(left.contains("../../../secret/task.json.tpl") && left.contains("lies outside of"), "{left}");
    let within = ["import", "terraform", "repo/live/app", "--within", ".", "--json"];
    let (left, answer) = told(&sandbox.run(&within));
    assert!(answer["manifest"].as_str().unwrap().contains("[services."), "{left} {answer}");
}
