//! Is everything that a Terraform folder says accounted for, and would a deploy of what is made of it change nothing?
//!
//! `fixtures/terraform/accounts` was written by `oracle.py`: the attributes of every resource as Terraform itself plans
//! them, with a mocked provider.

#![allow(clippy::unwrap_used)] // helpers of tests

mod clocks;
mod names;
mod scaling;

use crate::folder;
use std::collections::BTreeMap;
use std::path::Path;

use import::account::{Reckoning, reckon};
use import::fold::fold;
use import::ledger::{Account, Entry, listed, summary};
use import::prove::{Proof, prove};
use import::terraform::{Options, read};
use import::{Folder, Found, Kind, write};

fn fixture(name: &str) -> Folder {
    folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terraform").join(name))
}

/// A folder, read and accounted for.
struct Read {
    files: Folder,
    found: Found,
    text: String,
    left: Vec<String>,
    entries: Vec<Entry>,
    proofs: Vec<Proof>,
}

fn accounted(files: &Folder, names: &[(&str, &str)]) -> Read {
    let names = names.iter().map(|(address, name)| ((*address).to_owned(), (*name).to_owned())).collect();
    let options = Options { account: Some("210987654321".to_owned()), names, ..Options::default() };
    let found = read(files, &options).unwrap();
    let folded = fold(&found);
    let text = write::text(&folded.manifest, &[]);
    let Reckoning { entries, services } = reckon(&text, &found, "Terraform").unwrap();
    let proofs = prove(&text, &found).unwrap().into_iter().chain(services).collect();
    let left = folded.left.iter().map(|one| format!("{} {}: {}", one.place, one.what, one.why)).collect();
    Read { files: files.clone(), found, text, left, entries, proofs }
}

impl Read {
    fn of(&self, subject: &str, path: &str) -> &Entry {
        let found = self.entries.iter().find(|entry| entry.line.subject == subject && entry.line.path == path);
        found.unwrap_or_else(|| panic!("no line {path} of {subject}"))
    }

    fn check(&self, subject: &str, path: &str, account: &str) {
        let entry = self.of(subject, path);
        let said = format!("{:?}", entry.account);
        assert!(said.starts_with(account), "{path} of {subject}: {said}");
        let place = &entry.line.place;
        let line = self.files[&place.source].lines().nth(place.line.unwrap() - 1).unwrap().trim();
        assert!(line.starts_with(path.rsplit('.').next().unwrap()), "{path} of {subject} is not at {place}: {line}");
    }

    fn changed(&self) -> Vec<String> {
        let changed = self.entries.iter().filter(|entry| matches!(entry.account, Account::Changed(_)));
        changed.map(|one| format!("{} of {}: {:?}", one.line.path, one.line.subject, one.account)).collect()
    }
}

/// Returns a path without the numbers of blocks.
fn unnumbered(path: &str) -> String {
    path.split('.').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}

#[test]
fn every_attribute_that_terraform_plans_is_accounted_for() {
    let mut seen = 0;
    let folders = ["infra", "language", "modules", "protection", "generated", "jobs", "platform"];
    for name in folders {
        let read = accounted(&fixture(name), &[]);
        let plans = fixture("accounts");
        for (file, plan) in plans.iter().filter(|(file, _)| file.starts_with(name)) {
            let stage = file.trim_end_matches(".json").strip_prefix(name).unwrap().trim_start_matches('-');
            let plan: BTreeMap<String, BTreeMap<String, usize>> = serde_json::from_str(plan).unwrap();
            for (address, attributes) in &plan {
                let ours =
                    |entry: &&Entry| entry.line.subject == *address && (stage.is_empty() || entry.stage == stage);
                // A folder of several stages has each instance in one, and what they share in all.
                let stages: std::collections::BTreeSet<&str> =
                    read.entries.iter().filter(ours).map(|entry| entry.stage.as_str()).collect();
                assert!(!stages.is_empty(), "{name}: nothing of {address}");
                for stage in stages {
                    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
                    for entry in read.entries.iter().filter(ours).filter(|entry| entry.stage == stage) {
                        *counts.entry(unnumbered(&entry.line.path)).or_default() += 1;
                    }
                    for (path, count) in attributes {
                        // Its text is a document: every member has a line of its own.
                        if path == "container_definitions" {
                            assert!(counts.keys().any(|own| own.starts_with(path)), "{name}: {path} of {address}");
                        } else {
                            assert!(
                                counts.get(path) >= Some(count),
                                "{name}: {count} {path} of {address}: {counts:#?}"
                            );
                        }
                        seen += count;
                    }
                }
            }
        }
    }
    assert!(seen > 600, "{seen}");
}

#[test]
fn what_stands_between_a_request_and_a_service_is_carried_kept_or_listed() {
    let read = accounted(&fixture("protection"), &[]);
    for (subject, path, account) in [
        ("aws_lb.main", "internal", "Owner(\"Terraform"),
        ("aws_lb.main", "idle_timeout", "Owner(\"Terraform"),
        ("aws_lb.main", "drop_invalid_header_fields", "Owner(\"Terraform"),
        ("aws_lb.main", "security_groups", "Owner(\"Terraform"),
        ("aws_lb_target_group.desk", "protocol_version", "Owner(\"Terraform"),
        ("aws_lb_target_group.desk", "slow_start", "Owner(\"Terraform"),
        ("aws_lb_target_group.desk", "stickiness.cookie_name", "Owner(\"Terraform"),
        ("aws_lb_target_group.desk", "deregistration_delay", "Carried(\"services.desk.ingress.deregistration-delay"),
        ("aws_lb_target_group.desk", "health_check.port", "Owner(\"Terraform"),
        ("aws_lb_target_group.desk", "health_check.matcher", "Carried(\"services.desk.ingress.health-check.matcher"),
        ("aws_lb_target_group.desk", "health_check.timeout", "Carried(\"services.desk.ingress.health-check.timeout"),
        ("aws_lb_listener.http", "default_action.redirect.status_code", "Owner(\"Terraform"),
        ("aws_lb_listener.https", "certificate_arn", "Owner(\"Terraform"),
        ("aws_lb_listener.https", "ssl_policy", "Owner(\"Terraform"),
        ("aws_lb_listener_rule.desk", "action.authenticate_oidc.client_secret", "Owner(\"a credential"),
        ("aws_lb_listener_rule.desk", "condition.host_header.values", "Carried(\"stages.prod.host"),
        ("aws_lb_listener_certificate.extra", "certificate_arn", "Owner(\"Terraform"),
        ("aws_ecs_service.desk", "propagate_tags", "Carried(\"services.desk.aws-service"),
        ("aws_ecs_service.desk", "service_connect_configuration.namespace", "Carried(\"services.desk.aws-service"),
        ("aws_ecs_service.desk", "alarms.alarm_names", "Carried(\"services.desk.deployment.alarms"),
    ] {
        read.check(subject, path, account);
    }
    // A condition that the manifest has no word for stays as it is, or its loss is marked: never silent.
    for path in ["condition.1.http_header.values", "condition.2.source_ip.values", "condition.3.query_string.key"] {
        let entry = read.of("aws_lb_listener_rule.desk", path);
        assert!(matches!(entry.account, Account::Owner(_) | Account::Changed(_)), "{entry:?}");
    }
    assert!(summary(&read.entries).carried > 15, "{:?}", summary(&read.entries));
    let all = format!("{:?} {} {:?} {:?}", read.found, read.text, read.left, read.entries);
    assert!(!all.contains("hush-"), "a secret value is written somewhere");
}

#[test]
fn what_is_left_out_of_a_target_group_is_the_providers_and_not_ours() {
    let read = accounted(
        &fixture("generated"),
        &[("aws_lb_target_group.kiosk", "kiosk-2026"), ("aws_lb_target_group.admin", "admin-1")],
    );
    for line in [
        "interval = \"30s\"",
        "healthy-threshold = 3",
        "matcher = \"200\"",
        "deregistration-delay = \"300s\"",
        "target-group = \"kiosk-2026\"",
    ] {
        assert!(read.text.contains(line), "{line}\n{}", read.text);
    }
    assert_eq!(read.changed(), Vec::<String>::new());
    assert!(read.proofs.iter().all(|proof| proof.equal), "{:#?}", read.proofs);
    let group = read.found.stages[0].objects.iter().find(|one| one.id == "aws_lb_target_group.admin").unwrap();
    for (member, value) in
        [("HealthCheckIntervalSeconds", "30"), ("HealthCheckTimeoutSeconds", "5"), ("HealthyThresholdCount", "3")]
    {
        assert_eq!(group.document[member].to_string(), value, "{member}");
    }
    read.check("aws_lb_listener.http", "default_action.target_group_arn", "Carried(\"services.kiosk.ingress");
}

#[test]
fn a_name_that_only_aws_can_tell_is_a_question_and_never_a_default() {
    let read = accounted(&fixture("generated"), &[]);
    for (address, path) in [("kiosk", "name_prefix"), ("admin", "name")] {
        let subject = format!("aws_lb_target_group.{address}");
        read.check(&subject, path, "Listed(\"only AWS can tell its name");
        assert!(format!("{:?}", read.of(&subject, path)).contains(&format!("--name '{subject}=NAME'")));
        let object = read.found.stages[0].objects.iter().find(|one| one.id == subject).unwrap();
        assert!(!object.document.contains_key("Name") && object.unknown[0].0 == "Name", "{object:?}");
    }
    assert!(!read.text.contains("ingress") && !read.text.contains("target-group"), "{}", read.text);
    assert!(read.left.iter().any(|left| left.contains("do not deploy it")), "{:#?}", read.left);
    // A deploy would take the service off its load balancer: that is marked, and nothing is called equal.
    read.check("aws_ecs_service.kiosk", "load_balancer.target_group_arn", "Changed(");
    assert!(!read.proofs.last().unwrap().equal, "{:#?}", read.proofs);
}

#[test]
fn what_defaults_say_is_no_difference() {
    // The provider's and ECS's own defaults: 200 percent, no circuit breaker, REPLICA, no address of its own.
    let read = accounted(&fixture("jobs"), &[]);
    let service = read.proofs.iter().find(|proof| proof.family == "ledger-app-prod" && proof.equal);
    assert!(service.is_some(), "{:#?}", read.proofs);
    let read = accounted(&fixture("platform"), &[]);
    assert!(!read.changed().iter().any(|one| one.contains("maximumPercent")), "{:#?}", read.changed());
}

#[test]
fn blocks_that_a_deploy_changes_behind_terraforms_back_are_named_with_the_lines_to_paste() {
    let left = |name: &str| accounted(&fixture(name), &[]).left.join("\n");
    let jobs = left("jobs");
    for said in [
        "main.tf:84 lifecycle of aws_ecs_service.app: put `lifecycle { ignore_changes = [task_definition, desired_count] }`",
        "lifecycle of aws_cloudwatch_event_target.job: put `lifecycle { ignore_changes = [ecs_target[0].task_definition_arn, input] }`",
        "main.tf:49 lifecycle of aws_secretsmanager_secret_version.app: put `lifecycle { ignore_changes = [secret_string] }`",
    ] {
        assert!(jobs.contains(said), "{said}\n{jobs}");
    }
    assert_eq!(jobs.matches("lifecycle of aws_cloudwatch_event_target.job").count(), 1, "once for all instances");
    let generated = left("generated");
    assert!(
        generated.contains("ignore_changes = [task_definition, desired_count]"),
        "what it has already stays: {generated}"
    );
    let platform = left("platform");
    assert!(!platform.contains("lifecycle of aws_ecs_service"), "it has them already: {platform}");
    assert!(platform.contains("take `track_latest` out of it"), "{platform}");
}

#[test]
fn a_type_that_nobody_knows_is_listed_with_its_lines() {
    let read = accounted(&fixture("platform"), &[]);
    let listed = listed(&read.entries);
    let waf = listed.iter().find(|one| one.what.contains("aws_wafv2_web_acl_association.main")).unwrap();
    assert_eq!(
        (waf.what.as_str(), waf.place.line),
        ("resource_arn, web_acl_arn of aws_wafv2_web_acl_association.main", Some(189))
    );
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Types of which every attribute is read one by one.
    const READ: [&str; 14] = [
        "aws_ecs_service",
        "aws_ecs_task_definition",
        "aws_ecs_cluster",
        "aws_ecs_cluster_capacity_providers",
        "aws_lb",
        "aws_alb",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_event_rule",
        "aws_cloudwatch_event_target",
        "aws_appautoscaling_target",
        "aws_appautoscaling_policy",
        "aws_ecr_repository",
        "aws_secretsmanager_secret",
        "aws_wafv2_web_acl_association",
    ];
    /// Blocks that stay with Terraform, with all that is in them.
    const KEPT: [&str; 2] = ["image_scanning_configuration", "lifecycle"];

    /// Returns the places behind which an attribute may stand: file and line from 0, and whether it is read there.
    fn places(files: &Folder) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".tf")) {
            let mut open: Vec<String> = Vec::new();
            for (number, line) in text.lines().enumerate() {
                let line = line.trim();
                if let Some(header) = line.strip_suffix('{') {
                    open.push(header.trim().to_owned());
                    let is_block = !header.contains(['=', '(', '[']);
                    let kind = open[0].strip_prefix("resource \"").and_then(|rest| rest.split('"').next());
                    let is_read = kind.is_some_and(|kind| {
                        READ.contains(&kind) || kind.starts_with("aws_lb_") || kind.starts_with("aws_alb_")
                    });
                    let is_kept = open.iter().any(|block| KEPT.contains(&block.as_str()));
                    let is_plain = open.iter().all(|block| !block.contains(['=', '(']));
                    if is_block && is_read && is_plain && !is_kept && !header.starts_with("dynamic") {
                        found.push((path.clone(), number));
                    }
                } else if line.ends_with(['}', ')']) && !line.contains('{') && line.starts_with(['}', ')', ']']) {
                    open.pop();
                }
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

        /// An unknown attribute or block, anywhere in a resource, is in the list with its line.
        #[test]
        fn an_unknown_attribute_is_listed_wherever_it_stands(
            name in prop::sample::select(vec!["protection", "generated", "jobs", "platform", "modules"]),
            at: prop::sample::Index,
            is_block: bool,
        ) {
            let mut files = fixture(name);
            let places = places(&files);
            let (path, line) = places[at.index(places.len())].clone();
            let text = files.get_mut(&path).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            let unheard = if is_block { "of_tomorrow {\n unheard_of = \"x\"\n}" } else { "unheard_of = \"x\"" };
            lines.insert(line + 1, unheard);
            *text = lines.join("\n");
            let read = accounted(&files, &[]);
            let at = line + if is_block { 3 } else { 2 };
            let ours = |entry: &&Entry| entry.line.path.ends_with("unheard_of");
            let entries: Vec<&Entry> = read.entries.iter().filter(ours).collect();
            prop_assert!(!entries.is_empty(), "{name} {path}:{at}: no line of it");
            for entry in entries {
                prop_assert!(matches!(entry.account, Account::Listed(_)), "{name} {path}:{at}: {entry:?}");
                prop_assert_eq!((entry.line.place.source.as_str(), entry.line.place.line), (path.as_str(), Some(at)));
            }
            let told = listed(&read.entries).into_iter().any(|one| one.what.contains("unheard_of") || one.what.contains("more of"));
            prop_assert!(told);
        }
    }

    /// No line without an account, and none twice.
    #[test]
    fn every_line_has_one_account() {
        for name in ["infra", "modules", "protection", "generated", "jobs", "platform"] {
            let read = accounted(&fixture(name), &[]);
            let mut seen = std::collections::BTreeSet::new();
            for Entry { stage, line, .. } in &read.entries {
                assert!(seen.insert((stage, &line.subject, &line.path)), "{name}: {line:?} twice in {stage}");
                assert!(line.place.line.is_some() || line.place.source.is_empty(), "{name}: {line:?} has no line");
            }
        }
    }
}

/// The provider drops what ECS's model does not have (case 06, in Terraform): no definition that is there has it.
#[test]
fn a_member_of_a_container_that_ecs_does_not_have_is_left_out_and_listed() {
    let text = r#"
provider "aws" { region = "us-east-1" }
resource "aws_ecs_task_definition" "web" {
  family = "shop-prod-web"
  network_mode = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu = 256
  memory = 512
  execution_role_arn = "arn:aws:iam::123456789012:role/exec"
  container_definitions = jsonencode([{ name = "web", image = "nginx:1.27", networkMode = "awsvpc",
    portMappings = [{ containerPort = 80, deeper = 1 }], environment = [{ name = "A", value = "b", beside = 1 }] }])
}
resource "aws_ecs_service" "web" {
  name = "shop-prod-web"
  task_definition = aws_ecs_task_definition.web.arn
  desired_count = 1
  launch_type = "FARGATE"
  network_configuration { subnets = ["subnet-0a1b2c3d4e5f60718"] }
}
"#;
    let read = accounted(&Folder::from([("main.tf".to_owned(), text.to_owned())]), &[]);
    assert!(!read.text.contains("networkMode"), "{}", read.text);
    let entry = read.of("aws_ecs_task_definition.web", "container_definitions.web.networkMode");
    let Account::Listed(why) = &entry.account else { panic!("{entry:?}") };
    assert!(why.contains("no member of ECS's model"), "{why}");
    for member in ["networkMode", "deeper", "beside"] {
        assert!(read.left.iter().any(|left| left.contains(member)), "{member} is lost: {:#?}", read.left);
    }
}

/// The provider has one attribute for two members: a gRPC group's codes are no HTTP status, and 12 where nothing is written.
#[test]
fn codes_of_grpc_are_its_own() {
    let group = |matcher: &str| {
        let mut files = fixture("beyond");
        let text = files.get_mut("main.tf").unwrap();
        *text = text.replace("    matcher = \"0-12\"\n", matcher);
        let read = accounted(&files, &[]);
        let group = read.found.stages[0].objects.iter().find(|one| one.id == "aws_lb_target_group.api").unwrap();
        (group.document["Matcher"].to_string(), read)
    };
    let (written, read) = group("    matcher = \"0-12\"\n");
    assert_eq!(written, "{\"GrpcCode\":\"0-12\"}");
    read.check("aws_lb_target_group.api", "health_check.matcher", "Owner(\"Terraform");
    assert_eq!(read.changed(), Vec::<String>::new());
    assert_eq!(group("").0, "{\"GrpcCode\":\"12\"}");
}

/// "If you do not specify a cluster, the default cluster is assumed" (API reference, CreateService); and a task of another
/// network mode than awsvpc never ran on Fargate.
#[test]
fn a_service_that_names_no_cluster_and_no_launch_type_stays_where_it_is() {
    let read = accounted(&fixture("workspaces"), &[]);
    assert!(read.text.contains("cluster = \"default\"") && read.text.contains("launchType = \"EC2\""), "{}", read.text);
    assert_eq!(read.changed(), Vec::<String>::new(), "{}", read.text);
}
