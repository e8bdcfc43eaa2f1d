//! Terraform beside a deploy: `plan` and `verify` with a state.

use serde_json::{Value, json as object};

use crate::deploy::{json, well};
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"app = "shop"
[services.web]
count = 2
[services.web.ingress]
container = "web"
port = 3000
health-check = { interval = "12s" }
[services.web.containers.web]
image = "127.0.0.1:9/shop-web:1"
ports = [3000]
[stages.staging]
cluster = "shop"
subnets = ["subnet-1"]
"#;

const FOLDER: &str = r#"resource "aws_ecs_service" "web" {
  lifecycle {
    ignore_changes = [task_definition]
  }
}
resource "aws_lb_target_group" "web" {
}
"#;

fn state() -> String {
    let resource = |kind: &str, attributes: Value| object!({ "mode": "managed", "type": kind, "name": "web", "instances": [{ "attributes": attributes }] });
    let service = object!({ "name": "shop-web-staging", "desired_count": 5, "cluster": "shop", "launch_type": "FARGATE",
        "network_configuration": [{ "subnets": ["subnet-1"] }], "load_balancer": [{ "container_name": "web", "container_port": 3000 }],
        "deployment_circuit_breaker": [{ "enable": true, "rollback": true }],
        "task_definition": "arn:aws:ecs:us-east-1:000000000000:task-definition/shop-web-task-staging:41" });
    let group = object!({ "name": "shop-web-staging", "deregistration_delay": "30",
        "health_check": [{ "path": "/", "interval": 30, "timeout": 5, "healthy_threshold": 2, "unhealthy_threshold": 3, "matcher": "200-399" }] });
    let secret = object!({ "secret_id": "other", "secret_string": "unmistakable-value" });
    let resources = [
        resource("aws_ecs_service", service),
        resource("aws_lb_target_group", group),
        resource("aws_secretsmanager_secret_version", secret),
    ];
    object!({ "version": 4, "resources": resources }).to_string()
}

#[test]
fn what_terraform_takes_back_is_told_where_a_state_is_at_hand() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let _platform = sandbox.platform();
    sandbox.write("terraform.tfstate", &state());
    std::fs::create_dir(sandbox.path().join("infra")).unwrap();
    sandbox.write("infra/main.tf", FOLDER);

    let plan = well(&sandbox, &["plan", "staging", "--state", "terraform.tfstate", "--terraform", "infra"]);
    for line in [
        "ignored task_definition: Terraform has shop-web-task-staging:41, and with this deploy it is a new revision",
        "TAKEN BACK desired_count: Terraform has 5, and with this deploy it is 2",
        "TAKEN BACK health_check.interval: Terraform has 30, and with this deploy it is 12",
        "put into the block of aws_ecs_service.web (main.tf:1):",
        "ignore_changes = [task_definition, desired_count]",
    ] {
        assert!(plan.out.contains(line), "{line}\n{}", plan.transcript());
    }
    let alone = well(&sandbox, &["plan", "staging", "--state", "terraform.tfstate"]);
    assert!(alone.out.contains("taken back unless ignored desired_count"), "{}", alone.transcript());
    assert!(alone.out.contains("give --terraform DIR"), "{}", alone.transcript());

    let told = json(&well(&sandbox, &["plan", "staging", "--state", "terraform.tfstate", "--json"]));
    assert!(told["steps"].is_array() && told["terraform"]["owned"][0]["turn"] == "unknown", "{told:#}");
    assert!(!told.to_string().contains("unmistakable-value"), "{told:#}");
    let quiet = json(&well(&sandbox, &["plan", "staging", "--json"]));
    assert!(quiet.get("terraform").is_none(), "{quiet:#}");

    let verify = sandbox.run(&["verify", "staging", "--state", "terraform.tfstate", "--terraform", "infra", "--json"]);
    let told: Value = serde_json::from_str(&verify.out).unwrap();
    assert_eq!(told["terraform"]["owned"][0]["turn"], "ignored", "{}", verify.transcript());
    assert_eq!(told["terraform"]["paste"][0]["place"], object!({ "source": "main.tf", "line": 1 }), "{told:#}");

    let none = sandbox.run(&["plan", "staging", "--state", "infra/main.tf"]);
    assert_eq!(none.code, Some(2), "{}", none.transcript());
    assert!(none.err.contains("not JSON") && none.err.contains("terraform state pull"), "{}", none.transcript());
    let without = sandbox.run(&["plan", "staging", "--terraform", "infra"]);
    assert_eq!(without.code, Some(2), "{}", without.transcript());
}
