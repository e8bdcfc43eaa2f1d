//! What whole inputs are said in: patterns, shared tasks, places, doubles, and how long it gets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::folder;
use std::fmt::Write as _;
use std::path::Path;

use deploy_core::{Facts, desired, parse};
use import::account::reckon;
use import::fold::{Folded, fold};
use import::prove::{Proof, prove};
use import::taskdef::{File, read};
use import::terraform::{self, Options};
use import::{Folder, Found, FoundOneOff, FoundStage, Place, write};
use serde_json::json;

const ACCOUNT: &str = "123456789012";

fn terraform(name: &str) -> Found {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terraform");
    evaluated(&folder::read(&fixtures.join(name)))
}

fn evaluated(folder: &Folder) -> Found {
    terraform::read(folder, &Options { account: Some(ACCOUNT.to_owned()), ..Options::default() }).unwrap()
}

fn taskdef(name: &str, text: &str) -> Found {
    let file = File { name: name.to_owned(), text: text.to_owned(), stage: Some("prod".to_owned()) };
    read(&[file], None).unwrap()
}

/// Returns the manifest, its text, and what was held against it.
fn said(found: &Found) -> (Folded, String, Vec<Proof>) {
    let folded = fold(found);
    let text = write::text(&folded.manifest, &[]);
    let mut proofs = prove(&text, found).unwrap_or_else(|errors| panic!("{:#?}\n{text}", errors.errors()));
    proofs.extend(reckon(&text, found, "nobody").unwrap().services);
    (folded, text, proofs)
}

fn left(folded: &Folded) -> Vec<String> {
    folded.left.iter().map(|left| format!("{}: {}", left.what, left.why)).collect()
}

fn lines(text: &str) -> usize {
    text.lines().filter(|line| !line.is_empty()).count()
}

/// Two stages whose hosts and listeners are their own, and whose names are one pattern: `local` has none of theirs.
#[test]
fn two_stages_are_one_pattern_and_two_ways() {
    let found = terraform("stages");
    let (folded, text, proofs) = said(&found);
    assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}\n{text}");
    assert!(text.lines().count() < 60, "{text}");
    for line in [
        "cluster = \"shop-{stage}\"\n",
        "log-group = \"/shop/{stage}/web\"\n",
        "ENVIRONMENT = \"{stage}\"\n",
        "name = \"shop-{stage}-web\"\nfamily = \"shop-{stage}-web\"\ntarget-group = \"shop-{stage}-web\"\n",
        "[stages.prod]\nhost = [\"shop.example\", \"www.shop.example\"]\nlistener = 8443\n",
        "[stages.staging]\nhost = \"staging.shop.example\"\nlistener = 8444\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let facts = Facts { tag: Some("t".to_owned()), ..Facts::local("r") };
    for (stage, hosts, listener, count) in [
        ("prod", &["shop.example", "www.shop.example"][..], 8443, 3),
        ("staging", &["staging.shop.example"], 8444, 1),
        ("local", &[], 8080, 1),
    ] {
        let made = desired(&folded.manifest, stage, &facts).unwrap();
        let (service, spec) = (&made.services[0], made.services[0].ingress.clone().unwrap());
        assert_eq!(
            (spec.hosts, spec.listener_port),
            (hosts.iter().map(|h| (*h).to_owned()).collect(), listener),
            "{stage}"
        );
        assert_eq!(service.document["desiredCount"], count, "{stage}");
        assert_eq!(made.log_groups, [format!("/shop/{stage}/web")]);
        assert_eq!((made.cluster, service.family.clone()), (format!("shop-{stage}"), format!("shop-{stage}-web")));
        let container = &made.task_definitions[0].document["containerDefinitions"][0];
        assert_eq!(container["environment"], json!([{ "name": "ENVIRONMENT", "value": stage }]));
    }
}

/// A service and a schedule of one definition: the schedule is an override, and no second definition.
#[test]
fn a_schedule_of_a_services_definition_is_an_override_of_it() {
    let found = terraform("one-family");
    let (folded, text, proofs) = said(&found);
    assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}\n{text}");
    let clear = folded.manifest.schedules.get("clear").unwrap();
    assert_eq!(clear.service.as_deref(), Some("worker"));
    assert_eq!(clear.command.as_deref(), Some(&["manage.py".to_owned(), "clearsessions".to_owned()][..]));
    assert!(clear.containers.is_empty() && clear.image.is_empty(), "{text}");
    let made = desired(&folded.manifest, "prod", &Facts::local("r")).unwrap();
    assert_eq!(made.task_definitions.len(), 1, "{text}");
    let over = json!({ "containerOverrides": [{ "name": "worker", "command": ["manage.py", "clearsessions"] }] });
    assert_eq!(serde_json::Value::Object(made.schedules[0].overrides.clone()), over);
}

/// What a target says beside a command is exact too, in words or in AWS's own; and by stage.
#[test]
fn overrides_are_exact_in_every_stage() {
    let mut found = Found { app: Some("shop".to_owned()), ..Found::default() };
    let inputs = [
        (
            "staging",
            json!({ "containerOverrides": [{ "name": "web", "command": ["tick", "staging"], "cpu": 128,
            "environment": [{ "name": "B", "value": "{stage}" }, { "name": "A", "value": "1" }] }], "cpu": "512", "memory": "1024" }),
        ),
        (
            "prod",
            json!({ "containerOverrides": [{ "name": "web", "command": ["tick", "prod"],
            "environment": [{ "name": "A", "value": "1" }] }, { "name": "agent", "command": ["off"] }], "taskRoleArn": "arn:x" }),
        ),
        ("qa", json!({})),
    ];
    for (stage, input) in &inputs {
        let task = json!({ "family": format!("shop-{stage}"), "containerDefinitions": [
            { "name": "web", "image": "x:1" }, { "name": "agent", "image": "y:1" }] });
        let task = task.as_object().unwrap().clone();
        let place = Place { source: "t".to_owned(), line: None };
        let service =
            import::FoundService { key: "web".to_owned(), task_definition: task.clone(), place, ..Default::default() };
        let rule = json!({ "Name": format!("tick-{stage}"), "ScheduleExpression": "rate(1 day)" });
        let target = if input == &json!({}) { json!({}) } else { json!({ "Input": input.to_string() }) };
        let schedule = import::FoundSchedule {
            via: Default::default(),
            key: "tick".to_owned(),
            task_definition: task,
            rule: rule.as_object().unwrap().clone(),
            target: target.as_object().unwrap().clone(),
            ..Default::default()
        };
        found.stages.push(FoundStage {
            name: (*stage).to_owned(),
            services: vec![service],
            schedules: vec![schedule],
            ..FoundStage::default()
        });
    }
    let (folded, text, proofs) = said(&found);
    assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}\n{text}");
    assert_eq!(folded.manifest.schedules.get("tick").unwrap().service.as_deref(), Some("web"), "{text}");
    for (stage, input) in inputs {
        let made = desired(&folded.manifest, stage, &Facts::local("r")).unwrap();
        let over = &made.schedules[0].overrides;
        assert!(deploy_core::plan::same_overrides(over, input.as_object().unwrap()), "{stage}: {over:?}\n{text}");
    }
    assert!(!text.contains("[\"tick\", \"prod\"]\n\n[stages.staging"), "{text}");
}

/// A name that two definitions share does not make them one: the list says so.
#[test]
fn one_family_with_two_definitions_is_told() {
    let mut found = terraform("one-family");
    let schedule = &mut found.stages[0].schedules[0];
    schedule.task_definition["containerDefinitions"][0]["image"] = json!("nginx:1.26");
    let (folded, text, proofs) = said(&found);
    assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}\n{text}");
    let runs = folded.manifest.schedules.get("clear").unwrap().service.as_deref().unwrap();
    assert!(folded.manifest.services.get(runs).unwrap().is_standalone(), "{text}");
    let told = left(&folded);
    assert!(told.iter().any(|line| line.contains("two of one family, `shop-prod-worker`")), "{told:#?}");
}

#[test]
fn a_member_that_ecs_does_not_have_is_left_out_and_told() {
    let text = r#"{"family":"nm-prod","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
        "fargate_cpu":256,"executionRoleArn":"arn:aws:iam::111122223333:role/x",
        "containerDefinitions":[{"name":"web","image":"nginx:1.27","networkMode":"awsvpc","portMappings":[{"containerPort":80,"fargate_memory":1}]}]}"#;
    let found = taskdef("td.json", text);
    let (folded, manifest, proofs) = said(&found);
    assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}");
    assert!(!manifest.contains("networkMode") && !manifest.contains("fargate"), "{manifest}");
    let told = left(&folded);
    for path in
        ["fargate_cpu", "containerDefinitions[0].networkMode", "containerDefinitions[0].portMappings[0].fargate_memory"]
    {
        assert!(
            told.iter().any(|line| line.starts_with(&format!("{path}: it is no member of ECS's model (botocore "))),
            "{path}: {told:#?}"
        );
    }
    // What is registered without it is what the manifest makes: a plan has nothing to do.
    let live = r#"{"family":"nm-prod","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
        "executionRoleArn":"arn:aws:iam::111122223333:role/x",
        "containerDefinitions":[{"name":"web","image":"nginx:1.27","portMappings":[{"containerPort":80}]}]}"#;
    let live = aws_model::register::as_registered(serde_json::from_str(live).unwrap());
    let facts = Facts { account: "111122223333".to_owned(), ..Facts::local("r") };
    let made = desired(&folded.manifest, "prod", &facts).unwrap();
    assert!(deploy_core::diff::same_task_definition(&made.task_definitions[0].document, &live), "{manifest}");
}

#[test]
fn a_place_that_somebody_fills_in_is_no_value() {
    for (image, variable) in
        [("${IMAGE_NAME}", "$PORT"), ("<IMAGE1_NAME>", "<PORT>"), ("{{ image }}", "{{port}}"), ("", "${PORT}")]
    {
        let text = json!({ "family": "shop", "containerDefinitions": [{ "name": "app", "image": image,
            "command": ["sh", "-c", "echo ${HOME}"], "environment": [{ "name": "PORT", "value": variable }] }] });
        let (folded, manifest, proofs) = said(&taskdef("task.json", &text.to_string()));
        assert!(manifest.contains("[images.app]") && !manifest.contains("none:none"), "{manifest}");
        assert_eq!(folded.manifest.services.get("shop").unwrap().containers.get("app").unwrap().image, "app");
        let [proof] = &proofs[..] else { panic!("{proofs:#?}") };
        assert!(!proof.equal && proof.differences[0].contains("image"), "{image}: {proofs:#?}");
        // The image, and the variable that nothing fills in here.
        assert_eq!(proof.differences.len(), 2, "{proofs:#?}");
        assert!(proof.differences[1].ends_with("containerDefinitions.app.environment.PORT.value"), "{proofs:#?}");
        let told = left(&folded);
        assert!(
            told.iter().any(|line| line.starts_with("containerDefinitions.app.environment.PORT.value: ")),
            "{told:#?}"
        );
        assert!(!told.iter().any(|line| line.contains("command")), "{told:#?}");
    }
}

#[test]
fn a_place_in_a_tag_is_of_a_known_image() {
    let image = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/shop/web:${{TAG}}");
    let text = json!({ "family": "shop", "containerDefinitions": [{ "name": "app", "image": image }] });
    let (folded, manifest, proofs) = said(&taskdef("task.json", &text.to_string()));
    assert_eq!(folded.manifest.images.names().collect::<Vec<_>>(), ["web"], "{manifest}");
    assert!(!proofs[0].equal, "{proofs:#?}");
}

#[test]
fn a_variable_that_is_written_twice_is_carried_once_and_told() {
    for (first, why) in [("prod", "always the same"), ("other", "the last one counts")] {
        let text = json!({ "family": "shop-prod", "containerDefinitions": [{ "name": "api", "image": "x:1", "environment": [
            { "name": "LEVEL", "value": first }, { "name": "KEY", "value": "k-1" }, { "name": "LEVEL", "value": "prod" }] }] });
        let found = taskdef("task.json", &text.to_string());
        let (folded, manifest, proofs) = said(&found);
        assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}");
        assert!(!manifest.contains("environment") && manifest.contains("KEY = \"k-1\""), "{manifest}");
        let told = left(&folded);
        let wanted = "services.shop.containers.api.variables.LEVEL: it is written more than once";
        assert!(told.iter().any(|line| line.starts_with(wanted) && line.contains(why)), "{told:#?}");
        let made = desired(&folded.manifest, "prod", &Facts::local("r")).unwrap();
        let original = &found.stages[0].services[0].task_definition;
        assert!(deploy_core::diff::same_task_definition(&made.task_definitions[0].document, original), "{manifest}");
        assert!(manifest.contains("LEVEL = \"prod\""), "{manifest}");
    }
}

#[test]
fn a_definition_that_nothing_runs_is_never_a_service() {
    let mut found = terraform("one-family");
    let place = Place { source: "main.tf".to_owned(), line: Some(9) };
    let mut same = found.stages[0].services[0].task_definition.clone();
    same.insert("family".to_owned(), "shop-prod-shell".into());
    let other = json!({ "family": "shop-prod-import", "containerDefinitions": [{ "name": "x", "image": "x:1" }] });
    for task in [same, other.as_object().unwrap().clone()] {
        let one = FoundOneOff { key: "x".to_owned(), task_definition: task, place: place.clone() };
        found.stages[0].one_offs.push(one);
    }
    let (folded, text, _) = said(&found);
    assert_eq!((folded.manifest.services.len(), folded.manifest.schedules.len()), (1, 1), "{text}");
    let told = left(&folded);
    for (family, how) in
        [("shop-prod-shell", "`managr run prod --service worker -- COMMAND`"), ("shop-prod-import", "`managr run`")]
    {
        let found = told.iter().find(|line| line.starts_with(&format!("task definition {family}: "))).unwrap();
        assert!(found.contains(how), "{found}");
    }
}

/// Eight task definitions of a web application with everything around them, eighty secrets, three stages.
fn real_sized() -> Folder {
    let mut secrets = String::new();
    for number in 0..80 {
        let group = ["DB", "MAIL", "PAYMENT", "SEARCH", "SSO"][number % 5];
        let _ = writeln!(secrets, "    {group}_SECRET_{number:02},");
    }
    let names: Vec<String> = secrets.lines().map(|line| format!("\"{}\"", line.trim().trim_end_matches(','))).collect();
    let names = names.join(", ");
    let mut text = format!(
        r#"
provider "aws" {{ region = "us-east-1" }}
locals {{
  stages = {{
    dev     = {{ count = 1, host = "dev.shop.example", subnet = "subnet-0a1b2c3d4e5f60701", days = 7 }}
    staging = {{ count = 1, host = "staging.shop.example", subnet = "subnet-0a1b2c3d4e5f60702", days = 14 }}
    prod    = {{ count = 3, host = "shop.example", subnet = "subnet-0a1b2c3d4e5f60703", days = 90 }}
  }}
  secrets = [{names}]
}}
resource "aws_ecs_cluster" "main" {{
  for_each = local.stages
  name     = "shop-${{each.key}}"
}}
resource "aws_secretsmanager_secret" "app" {{
  for_each = local.stages
  name     = "shop/${{each.key}}/app"
}}
"#
    );
    let services = ["web", "api", "admin", "worker", "mailer", "search"];
    for name in services {
        let has_port = ["web", "api", "admin"].contains(&name);
        let port = if has_port { "portMappings = [{ containerPort = 8000 }]" } else { "" };
        let _ = write!(
            text,
            r#"
resource "aws_cloudwatch_log_group" "{name}" {{
  for_each          = local.stages
  name              = "/shop/${{each.key}}/{name}"
  retention_in_days = each.value.days
}}
resource "aws_ecs_task_definition" "{name}" {{
  for_each                 = local.stages
  family                   = "shop-${{each.key}}-{name}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = each.key == "prod" ? 1024 : 512
  memory                   = each.key == "prod" ? 2048 : 1024
  execution_role_arn       = "arn:aws:iam::123456789012:role/shop-${{each.key}}-exec"
  task_role_arn            = "arn:aws:iam::123456789012:role/shop-${{each.key}}-app"
  container_definitions = jsonencode([{{
    name  = "{name}"
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/server:${{each.key}}-42"
    command = ["{name}"]
    {port}
    environment = [
      {{ name = "ENVIRONMENT", value = each.key }},
      {{ name = "ROLE", value = "{name}" }},
      {{ name = "LOG_LEVEL", value = each.key == "prod" ? "warning" : "debug" }},
      {{ name = "BUCKET", value = "shop-${{each.key}}-media" }},
      {{ name = "PAGE_SIZE", value = "50" }},
      {{ name = "DATABASE_HOST", value = "db.${{each.key}}.shop.internal" }},
    ]
    secrets = [for key in local.secrets : {{ name = key, valueFrom = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/${{each.key}}/app:${{key}}::" }}]
    logConfiguration = {{
      logDriver = "awslogs"
      options   = {{ awslogs-group = "/shop/${{each.key}}/{name}", awslogs-region = "us-east-1", awslogs-stream-prefix = "{name}" }}
    }}
  }}, {{
    name  = "agent"
    image = "public.ecr.aws/datadog/agent:7"
    essential = false
    environment = [{{ name = "DD_ENV", value = each.key }}, {{ name = "ECS_FARGATE", value = "true" }}]
    logConfiguration = {{
      logDriver = "awslogs"
      options   = {{ awslogs-group = "/shop/${{each.key}}/{name}", awslogs-region = "us-east-1", awslogs-stream-prefix = "agent" }}
    }}
  }}])
}}
"#
        );
        let _ = write!(
            text,
            r#"
resource "aws_ecs_service" "{name}" {{
  for_each        = local.stages
  name            = "shop-${{each.key}}-{name}"
  cluster         = aws_ecs_cluster.main[each.key].id
  task_definition = aws_ecs_task_definition.{name}[each.key].arn
  desired_count   = each.value.count
  launch_type     = "FARGATE"
  network_configuration {{ subnets = [each.value.subnet] }}
"#
        );
        if has_port {
            let _ = write!(
                text,
                r#"  load_balancer {{
    target_group_arn = aws_lb_target_group.{name}[each.key].arn
    container_name   = "{name}"
    container_port   = 8000
  }}
}}
resource "aws_lb_target_group" "{name}" {{
  for_each    = local.stages
  name        = "shop-${{each.key}}-{name}"
  port        = 8000
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = "vpc-0a1b2c3d4e5f60718"
  health_check {{ path = "/up" }}
}}
resource "aws_lb_listener_rule" "{name}" {{
  for_each     = local.stages
  listener_arn = aws_lb_listener.main[each.key].arn
  action {{
    type             = "forward"
    target_group_arn = aws_lb_target_group.{name}[each.key].arn
  }}
  condition {{
    host_header {{ values = ["{name}.${{each.value.host}}"] }}
  }}
}}
"#
            );
        } else {
            text.push_str("}\n");
        }
    }
    text.push_str(
        r#"
resource "aws_lb" "main" {
  for_each = local.stages
  name     = "shop-${each.key}-lb"
  subnets  = [each.value.subnet, "subnet-0a1b2c3d4e5f60799"]
}
resource "aws_lb_listener" "main" {
  for_each          = local.stages
  load_balancer_arn = aws_lb.main[each.key].arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}
"#,
    );
    for (name, when) in [("report", "rate(1 day)"), ("cleanup", "cron(0 3 * * ? *)")] {
        let _ = write!(
            text,
            r#"
resource "aws_ecs_task_definition" "{name}" {{
  for_each                 = local.stages
  family                   = "shop-${{each.key}}-{name}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = "arn:aws:iam::123456789012:role/shop-${{each.key}}-exec"
  task_role_arn            = "arn:aws:iam::123456789012:role/shop-${{each.key}}-app"
  container_definitions = jsonencode([{{
    name    = "{name}"
    image   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/server:${{each.key}}-42"
    command = ["{name}", "--stage", each.key]
    environment = [
      {{ name = "ENVIRONMENT", value = each.key }},
      {{ name = "DATABASE_HOST", value = "db.${{each.key}}.shop.internal" }},
    ]
    secrets = [for key in slice(local.secrets, 0, 10) : {{ name = key, valueFrom = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/${{each.key}}/app:${{key}}::" }}]
    logConfiguration = {{
      logDriver = "awslogs"
      options   = {{ awslogs-group = "/shop/${{each.key}}/{name}", awslogs-region = "us-east-1", awslogs-stream-prefix = "{name}" }}
    }}
  }}])
}}
resource "aws_cloudwatch_event_rule" "{name}" {{
  for_each            = local.stages
  name                = "shop-${{each.key}}-{name}"
  schedule_expression = "{when}"
}}
resource "aws_cloudwatch_event_target" "{name}" {{
  for_each = local.stages
  rule     = aws_cloudwatch_event_rule.{name}[each.key].name
  arn      = aws_ecs_cluster.main[each.key].arn
  role_arn = "arn:aws:iam::123456789012:role/shop-${{each.key}}-events"
  ecs_target {{
    task_definition_arn = aws_ecs_task_definition.{name}[each.key].arn
    launch_type         = "FARGATE"
    network_configuration {{ subnets = [each.value.subnet] }}
  }}
}}
"#
        );
    }
    Folder::from([("main.tf".to_owned(), text)])
}

#[test]
fn a_real_sized_folder_is_a_manifest_that_one_can_read() {
    let folder = real_sized();
    let found = evaluated(&folder);
    assert_eq!(found.stages.len(), 3);
    assert!(found.stages.iter().all(|stage| stage.services.len() + stage.schedules.len() == 8), "{:#?}", found.left);
    let (_, text, proofs) = said(&found);
    assert!(proofs.iter().all(|proof| proof.equal), "{proofs:#?}\n{text}");
    assert!(text.lines().count() < 400, "{} lines\n{text}", text.lines().count());
    // Eighty of them are the secrets: a line each, whatever the stages.
    assert_eq!(text.matches("_SECRET_").count(), 80 + 2 * 10, "{text}");
    assert!(lines(&text) > 100, "{text}");
    assert!(parse("managr.toml", &text).is_ok());
}
