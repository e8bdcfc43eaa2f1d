//! What becomes of rules and schedules that start tasks by the clock, and of what nothing runs.

use deploy_core::manifest::Via;

use super::*;

#[test]
fn tasks_by_the_clock_and_tasks_that_nothing_runs() {
    let read = accounted(&fixture("jobs"), &[]);
    let stage = &read.found.stages[0];
    assert_eq!(stage.services.len(), 1, "a definition that nothing runs is no service");
    assert_eq!(stage.one_offs[0].key, "migrate");
    let entry = read.of("aws_ecs_task_definition.migrate", "container_definitions.migrate.command");
    assert!(!matches!(entry.account, Account::Default(_) | Account::Owner(_)), "{entry:?}");
    read.check("aws_appautoscaling_target.app", "max_capacity", "Carried(\"services.app.scaling.max");
    // `{app}/{image}` is what managr calls it, too.
    read.check("aws_ecr_repository.app", "name", "Default(\"managr's own");
    read.check("aws_cloudwatch_log_group.app", "retention_in_days", "Owner(\"Terraform");
    read.check("aws_secretsmanager_secret_version.app", "secret_string", "Owner(\"Terraform: values of secrets");
    let cluster = stage.objects.iter().find(|one| one.kind == Kind::Cluster).unwrap();
    assert_eq!(cluster.document["capacityProviders"], serde_json::json!(["FARGATE", "FARGATE_SPOT"]));
    assert!(!format!("{:?} {:?}", read.found, read.entries).contains("hush-"));
}

/// Several rules start one definition that no service runs, each with words of its own: a deploy registers nothing for
/// them, and changes no rule and no target.
#[test]
fn rules_that_share_a_task_stay_as_they_are() {
    for (folder, rules) in [("infra", 6), ("crons", 3), ("jobs", 2), ("one-family", 1)] {
        let read = accounted(&fixture(folder), &[]);
        let names: Vec<String> = read
            .found
            .stages
            .iter()
            .flat_map(|stage| &stage.schedules)
            .map(|one| one.rule["Name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names.len(), rules, "{folder}");
        for proof in read.proofs.iter().filter(|proof| names.contains(&proof.family)) {
            // Subnets that only AWS knows are on neither side, and never equal for that; nothing else differs.
            let is_told = |line: &&String| !line.starts_with("nobody tells here");
            assert_eq!(proof.differences.iter().find(is_told), None, "{folder}: {proof:#?}");
            assert_eq!(proof.equal, folder != "infra", "{folder}: {proof:#?}");
        }
        let of_rules = |line: &&String| line.contains("aws_cloudwatch_event");
        let changed = read.changed();
        assert_eq!(changed.iter().find(of_rules), None, "{folder}");
    }
    let read = accounted(&fixture("infra"), &[]);
    let rule = "aws_cloudwatch_event_target.scheduled[\"sync-crm\"]";
    read.check(rule, "input", "Carried(\"schedules.sync-crm.command\")");
    read.check(rule, "ecs_target.task_definition_arn", "Carried(\"schedules.sync-crm.service\")");
}

/// A rule whose name Terraform makes up is a question: a deploy that made up another would make a second one.
#[test]
fn a_rule_whose_name_nobody_knows_is_not_carried() {
    let mut files = fixture("jobs");
    let main = files.get_mut("main.tf").unwrap();
    *main = main
        .replace("name                = \"ledger-${each.key}-prod\"", "name_prefix         = \"ledger-${each.key}-\"");
    let read = accounted(&files, &[]);
    assert_eq!(read.found.stages[0].schedules, []);
    let asked: Vec<&String> = read.left.iter().filter(|line| line.contains("only AWS can tell its name")).collect();
    assert_eq!(asked.len(), 2, "{:#?}", read.left);
    assert!(asked[0].contains("--name 'aws_cloudwatch_event_rule.job["), "{asked:?}");
    assert!(read.of("aws_cloudwatch_event_rule.job[\"sweep\"]", "name_prefix").account.why().is_some());
    let (rule, name) = ("aws_cloudwatch_event_rule.job[\"sweep\"]", "ledger-sweep-2026");
    let told = accounted(&files, &[(rule, name)]);
    let [sweep] = &told.found.stages[0].schedules[..] else { panic!("one schedule") };
    assert_eq!(sweep.rule["Name"], name);
    told.check(rule, "name_prefix", "Carried(\"");
    assert!(told.proofs.iter().all(|proof| proof.equal), "{:#?}", told.proofs);
}

/// The network and the role of a target stay as they are, and are the stage's words only where they are the same.
#[test]
fn what_a_target_has_of_its_own_is_not_claimed() {
    let mut files = fixture("jobs");
    let main = files.get_mut("main.tf").unwrap();
    let (before, after) = main.split_once("aws_cloudwatch_event_target\" \"job\"").unwrap();
    let own = "each.key == \"sweep\" ? \"subnet-99998888777766665\" : \"subnet-11112222333344445\"";
    let after = after.replacen("\"subnet-11112222333344445\"", own, 1);
    *main = format!("{before}aws_cloudwatch_event_target\" \"job\"{after}");
    let read = accounted(&files, &[]);
    let rule = "aws_cloudwatch_event_target.job[\"sweep\"]";
    let path = "ecs_target.network_configuration.subnets.0";
    let entry = read.entries.iter().find(|one| one.line.subject == rule && one.line.path.contains("subnets")).unwrap();
    assert!(entry.line.path.starts_with(path.trim_end_matches(".0")), "{entry:?}");
    assert!(matches!(&entry.account, Account::Owner(why) if why.contains("its target keeps its network")), "{entry:?}");
    read.check(rule, "role_arn", "Carried(\"stages.prod.schedule-role\")");
    let same = accounted(&fixture("jobs"), &[]);
    same.check(rule, &entry.line.path, "Carried(\"stages.prod.subnets\")");
}

const CLOCKS: &str = r#"
provider "aws" { region = "eu-north-1" }
resource "aws_ecs_cluster" "main" { name = "owl-prod" }
resource "aws_ecs_task_definition" "web" {
  family                = "owl-web-prod"
  container_definitions = jsonencode([{ name = "web", image = "owl/web:1" }])
}
resource "aws_ecs_task_definition" "report" {
  family                = "owl-report-prod"
  container_definitions = jsonencode([{ name = "report", image = "owl/report:1" }])
}
resource "aws_ecs_task_definition" "second" {
  family                = "owl-second-prod"
  container_definitions = jsonencode([{ name = "second", image = "owl/second:1" }])
}
resource "aws_ecs_service" "web" {
  name            = "owl-web-prod"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 1
  launch_type     = "FARGATE"
  network_configuration { subnets = ["subnet-1"] }
}
resource "aws_cloudwatch_event_rule" "r" {
  for_each            = toset(["told", "made", "twice"])
  name                = "owl-${each.key}-prod"
  schedule_expression = "rate(1 hour)"
}
resource "aws_cloudwatch_event_target" "told" {
  rule     = aws_cloudwatch_event_rule.r["told"].name
  arn      = aws_ecs_cluster.main.arn
  role_arn = "arn:aws:iam::210987654321:role/events"
  input    = jsonencode({ containerOverrides = [{ name = "web", command = ["at", aws_db_instance.main.address] }] })
  ecs_target {
    task_definition_arn = aws_ecs_task_definition.web.arn_without_revision
    capacity_provider_strategy {
      capacity_provider = "FARGATE_SPOT"
      weight            = 1
    }
    network_configuration { subnets = ["subnet-1"] }
  }
}
resource "aws_cloudwatch_event_target" "made" {
  rule     = aws_cloudwatch_event_rule.r["made"].name
  arn      = aws_ecs_cluster.main.arn
  role_arn = "arn:aws:iam::210987654321:role/events"
  input_transformer {
    input_paths    = { at = "$.time" }
    input_template = "{\"containerOverrides\":[{\"name\":\"web\",\"command\":[<at>]}]}"
  }
  ecs_target {
    task_definition_arn = aws_ecs_task_definition.web.arn
    network_configuration { subnets = ["subnet-1"] }
  }
}
resource "aws_cloudwatch_event_target" "first" {
  rule     = aws_cloudwatch_event_rule.r["twice"].name
  arn      = aws_ecs_cluster.main.arn
  role_arn = "arn:aws:iam::210987654321:role/events"
  ecs_target {
    task_definition_arn = aws_ecs_task_definition.web.arn
    network_configuration { subnets = ["subnet-1"] }
  }
}
resource "aws_cloudwatch_event_target" "second" {
  rule     = aws_cloudwatch_event_rule.r["twice"].name
  arn      = aws_ecs_cluster.main.arn
  role_arn = "arn:aws:iam::210987654321:role/events"
  ecs_target {
    task_definition_arn = aws_ecs_task_definition.second.arn
    network_configuration { subnets = ["subnet-1"] }
  }
}
resource "aws_scheduler_schedule" "s" {
  for_each            = { own = aws_ecs_task_definition.report.arn, shared = aws_ecs_task_definition.web.arn }
  name                = "owl-${each.key}"
  schedule_expression = "rate(1 day)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_ecs_cluster.main.arn
    role_arn = "arn:aws:iam::210987654321:role/events"
    ecs_parameters { task_definition_arn = each.value }
  }
}
resource "aws_scheduler_schedule" "newest" {
  schedule_expression = "rate(1 day)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_ecs_cluster.main.arn
    role_arn = "arn:aws:iam::210987654321:role/events"
    ecs_parameters { task_definition_arn = aws_ecs_task_definition.web.arn_without_revision }
  }
}
resource "aws_scheduler_schedule" "queue" {
  schedule_expression = "rate(1 day)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = "arn:aws:sqs:eu-north-1:210987654321:owl"
    role_arn = "arn:aws:iam::210987654321:role/events"
  }
}
"#;

/// The list names what starts tasks beside the manifest's schedules, and which tasks it goes on starting.
#[test]
fn what_starts_tasks_and_is_not_carried_says_what_becomes_of_it() {
    let read = accounted(&Folder::from([("main.tf".to_owned(), CLOCKS.to_owned())]), &[]);
    let stage = &read.found.stages[0];
    assert_eq!(stage.one_offs, [], "whatever a clock starts is no command that somebody starts");
    let told = |what: &str| {
        read.left.iter().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {:#?}", read.left))
    };
    let newest = told("aws_scheduler_schedule.newest");
    assert!(newest.contains("only AWS can tell its name"), "{newest}");
    assert!(told("aws_scheduler_schedule.queue").contains("starts no task"));
    assert!(told("aws_cloudwatch_event_target.second").contains("its rule starts another task as well"));
    for (subject, account) in [
        ("aws_scheduler_schedule.newest", "Listed(\"only AWS can tell its name"),
        ("aws_scheduler_schedule.queue", "Owner(\"Terraform: it starts no task"),
        ("aws_ecs_task_definition.second", "Owner(\"Terraform: aws_cloudwatch_event_target.second starts it"),
        ("aws_cloudwatch_event_target.second", "Owner(\"Terraform: its rule starts another"),
    ] {
        let all: Vec<&Entry> = read.entries.iter().filter(|entry| entry.line.subject == subject).collect();
        assert!(!all.is_empty(), "{subject}");
        for entry in all {
            assert!(format!("{:?}", entry.account).starts_with(account), "{entry:?}");
        }
    }
    // Nothing that a target says over its task is taken for nothing: a deploy would take it away.
    let manifest = fold(&read.found).manifest;
    let (rule, scheduler) = (None, Some(Via::Scheduler));
    for (schedule, runs, via) in [
        ("told", None, rule),
        ("made", None, rule),
        ("twice", Some("web"), rule),
        ("own", None, scheduler),
        ("shared", Some("web"), scheduler),
    ] {
        let found = manifest.schedules.get(schedule).unwrap_or_else(|| panic!("{schedule}\n{}", read.text));
        assert_eq!((found.service.as_deref(), found.via), (runs, via), "{schedule}\n{}", read.text);
    }
    assert!(told("schedules.made").contains("`InputTransformer`"));
    assert!(told("schedules.told").contains("`CapacityProviderStrategy`"));
    assert_eq!(read.changed(), [] as [String; 0], "{}", read.text);
    assert!(!told("lifecycle of aws_cloudwatch_event_target.made").is_empty());
    assert!(!read.left.iter().any(|line| line.contains("lifecycle of aws_cloudwatch_event_target.told")), "it follows");
}

const ZONES: &str = r#"
provider "aws" { region = "eu-north-1" }
resource "aws_ecs_cluster" "main" { name = "owl-prod" }
resource "aws_ecs_task_definition" "report" {
  family                = "owl-report-prod"
  container_definitions = jsonencode([{ name = "report", image = "owl/report:1" }])
}
resource "aws_scheduler_schedule" "report" {
  name                         = "owl-report-prod"
  group_name                   = "jobs"
  schedule_expression          = "cron(0 6 * * ? *)"
  schedule_expression_timezone = "Europe/Stockholm"
  state                        = "DISABLED"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 5
  }
  target {
    arn      = aws_ecs_cluster.main.arn
    role_arn = "arn:aws:iam::210987654321:role/scheduler"
    input    = jsonencode({ containerOverrides = [{ name = "report", command = ["go"] }] })
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.report.arn
      launch_type         = "FARGATE"
      network_configuration { subnets = ["subnet-1"] }
    }
    retry_policy {
      maximum_retry_attempts = 2
    }
  }
}
"#;

/// A schedule of EventBridge Scheduler stays one, with its zone, its group and its retries; what the manifest has no word
/// for is listed, and a deploy changes nothing of it.
#[test]
fn a_schedule_in_a_zone_stays_where_it_is() {
    let read = accounted(&Folder::from([("main.tf".to_owned(), ZONES.to_owned())]), &[]);
    let manifest = fold(&read.found).manifest;
    let report = manifest.schedules.get("report").unwrap_or_else(|| panic!("{}", read.text));
    let said = (report.timezone.as_deref(), report.group.as_deref(), report.retries, report.via, report.enabled);
    assert_eq!(said, (Some("Europe/Stockholm"), Some("jobs"), Some(2), None, Some(false)), "{}", read.text);
    let schedule = "aws_scheduler_schedule.report";
    for (path, account) in [
        ("name", "Default("),
        ("group_name", "Carried(\"schedules.report.group\")"),
        ("schedule_expression", "Carried(\"schedules.report.schedule\")"),
        ("schedule_expression_timezone", "Carried(\"schedules.report.timezone\")"),
        ("state", "Carried(\"schedules.report.enabled\")"),
        ("target.input", "Carried(\"schedules.report.command\")"),
        ("target.role_arn", "Carried(\"stages.prod.schedule-role\")"),
        ("target.retry_policy.maximum_retry_attempts", "Carried(\"schedules.report.retries\")"),
        ("flexible_time_window.maximum_window_in_minutes", "Owner(\"Terraform"),
    ] {
        read.check(schedule, path, account);
    }
    assert!(read.left.iter().any(|line| line.contains("`FlexibleTimeWindow`")), "{:#?}", read.left);
    let seam = "ignore_changes = [target[0].ecs_parameters[0].task_definition_arn, target[0].input]";
    assert!(read.left.iter().any(|line| line.contains(seam)), "{:#?}", read.left);
    let of_it = |line: &&String| line.contains(schedule);
    assert_eq!(read.changed().iter().find(of_it), None);
}
