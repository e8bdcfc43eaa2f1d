//! Names that services are found by: a registry with addresses has a word, another one is listed.

use super::*;

fn folder(records: &str, registries: &str) -> Folder {
    let text = format!(
        r#"
provider "aws" {{
  region = "eu-west-1"
}}
resource "aws_service_discovery_private_dns_namespace" "main" {{
  name = "prod.shop.local"
  vpc  = "vpc-1"
}}
resource "aws_service_discovery_service" "api" {{
  name = "api"
  dns_config {{
    namespace_id   = aws_service_discovery_private_dns_namespace.main.id
    routing_policy = "MULTIVALUE"
    dns_records {{
      {records}
      ttl = 60
    }}
  }}
}}
resource "aws_ecs_task_definition" "api" {{
  family                   = "shop-api-prod"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  container_definitions    = jsonencode([{{ name = "api", image = "api:1", essential = true }}])
}}
resource "aws_ecs_service" "api" {{
  name            = "shop-api-prod"
  cluster         = "shop"
  launch_type     = "FARGATE"
  desired_count   = 2
  task_definition = aws_ecs_task_definition.api.arn
  network_configuration {{
    subnets = ["subnet-1"]
  }}
  service_registries {{
    {registries}
  }}
}}
"#
    );
    Folder::from([("main.tf".to_owned(), text)])
}

const REGISTRY: &str = "registry_arn = aws_service_discovery_service.api.arn";

#[test]
fn a_registry_with_addresses_becomes_a_word() {
    let read = accounted(&folder("type = \"A\"", REGISTRY), &[]);
    assert!(read.text.contains("discover = \"api.prod.shop.local\""), "{}", read.text);
    assert!(!read.text.contains("serviceRegistries"), "{}", read.text);
    read.check("aws_ecs_service.api", "service_registries.registry_arn", "Carried(\"services.api.discover");
    read.check("aws_service_discovery_service.api", "name", "Owner(\"Terraform");
    assert!(read.proofs.iter().all(|proof| proof.equal), "{:#?}\n{}", read.proofs, read.text);
    assert_eq!(read.changed(), Vec::<String>::new());
}

#[test]
fn another_registry_is_told_and_never_called_equal() {
    let with_port = format!("{REGISTRY}\n    port = 80");
    for (records, registries) in [("type = \"SRV\"", with_port.as_str()), ("type = \"SRV\"", REGISTRY)] {
        let read = accounted(&folder(records, registries), &[]);
        assert!(!read.text.contains("discover") && !read.text.contains("found:"), "{}", read.text);
        let entry = read.of("aws_ecs_service.api", "service_registries.registry_arn");
        assert!(!matches!(entry.account, Account::Carried(_)), "{entry:?}");
        let told = read.left.iter().any(|left| left.contains("`discover` has no word for this registry"));
        assert!(told, "{:#?}", read.left);
        assert!(!read.proofs.last().unwrap().equal, "{:#?}", read.proofs);
    }
    // One that is written down is written down.
    let arn = "registry_arn = \"arn:aws:servicediscovery:eu-west-1:210987654321:service/srv-1\"\n    port = 80";
    let read = accounted(&folder("type = \"SRV\"", arn), &[]);
    assert!(read.text.contains("serviceRegistries"), "{}", read.text);
    read.check("aws_ecs_service.api", "service_registries.registry_arn", "Carried(\"services.api.aws-service");
    assert!(read.proofs.iter().all(|proof| proof.equal), "{:#?}", read.proofs);
}
