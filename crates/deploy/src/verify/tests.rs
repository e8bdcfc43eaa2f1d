//! What answers of the world mean, and that the tree asks each question once.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use deploy_core::desired::Git;
use deploy_core::lint::target::Target;
use deploy_core::lint::trust;
use deploy_core::plan::{Observed, PlannedImage, plan, token};
use deploy_core::vars::check::{Seen, Subject, check as check_variables};
use deploy_core::{Facts, desired, parse};
use serde_json::json;

use super::draft::Scene;
use super::judge::{Want, judge};
use super::topic::{Fact, Topic};
use super::{CheckOutcome, Expected, VerifyOptions};
use crate::observe::object;

fn words(outcome: &CheckOutcome) -> String {
    let word = match outcome {
        CheckOutcome::Ok => return "ok".to_owned(),
        CheckOutcome::Skipped { .. } => "skip",
        CheckOutcome::Warning { .. } => "warn",
        CheckOutcome::Failed { .. } => "FAIL",
    };
    format!("{word} {}", outcome.reason())
}

fn check(topic: &Topic, want: &Want, fact: Fact, expected: bool, outcome: &str) {
    let found: Vec<String> = judge(topic, want, &fact, expected).iter().map(words).collect();
    assert_eq!(found.join("; "), outcome);
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn what_is_not_there_fails_unless_the_deploy_makes_it() {
    let topic = Topic::Cluster("c".into());
    let absent = || Fact::absent("there is no cluster `c`");
    check(&topic, &Want::Present, absent(), false, "FAIL there is no cluster `c`");
    check(&topic, &Want::Present, absent(), true, "skip there is no cluster `c`; this deploy makes it");
    check(&topic, &Want::Present, Fact::Cluster("ACTIVE".into()), false, "ok");
    check(&topic, &Want::Present, Fact::Cluster("PROVISIONING".into()), true, "FAIL the cluster is PROVISIONING");
    check(&topic, &Want::Present, Fact::unknown("ecs is not served"), false, "skip ecs is not served");
}

#[test]
fn an_alarm_that_could_end_no_deployment_is_warned_of() {
    let topic = Topic::Alarm("errors".into());
    let check = |state: Option<&str>, outcome: &str| {
        super::tests::check(&topic, &Want::Present, Fact::Alarm(state.map(str::to_owned)), false, outcome);
    };
    check(Some("OK"), "ok");
    check(Some("INSUFFICIENT_DATA"), "ok");
    check(None, "warn there is no alarm `errors`: nothing ends a deployment under this name");
    check(Some("ALARM"), "warn alarm `errors` is in ALARM: ECS watches no alarms during a deployment that begins so");
}

#[test]
fn the_account_is_the_one_that_the_manifest_is_for() {
    let account = |wanted: Option<&str>, expected: &str| {
        let want = Want::Account(wanted.map(str::to_owned));
        check(&Topic::Account, &want, Fact::Account("1".into()), false, expected);
    };
    account(None, "ok");
    account(Some("1"), "ok");
    account(Some("2"), "FAIL these are credentials of account 1, and the manifest is for 2");
    let unusable = Fact::Unusable { reason: "no credentials".into(), hint: None };
    check(&Topic::Account, &Want::Account(None), unusable, false, "FAIL no credentials");
}

#[test]
fn a_command_that_an_entrypoint_loses_is_told() {
    let image = |entrypoint: &[&str], command: &[&str], expected: &str| {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let want = Want::Image { architecture: "arm64".into(), command: words(command) };
        let fact = Fact::Image { architectures: Ok(set(&["arm64"])), entrypoint: Some(words(entrypoint)) };
        check(&Topic::Image("a/b:1".into()), &want, fact, false, expected);
    };
    image(&["/bin/sh", "-c", "/start"], &[], "ok");
    image(&["/start"], &["work"], "ok");
    image(&["/bin/sh", "-c", "exec /start \"$@\"", "--"], &["work"], "ok");
    let told = "warn its `command` never runs: the image's ENTRYPOINT is `/bin/sh -c /start`, which does not look at arguments";
    image(&["/bin/sh", "-c", "/start"], &["work"], told);
}

#[test]
fn an_image_is_for_the_processor_of_its_task() {
    let image = |architectures: Result<BTreeSet<String>, String>, expected: &str| {
        let topic = Topic::Image("a/b:1".into());
        let want = Want::Image { architecture: "arm64".into(), command: vec![] };
        check(&topic, &want, Fact::Image { architectures, entrypoint: None }, false, expected);
    };
    image(Ok(set(&["amd64", "arm64"])), "ok");
    image(Ok(set(&["amd64"])), "FAIL `a/b:1` is for amd64, and the task definition asks for arm64");
    image(Ok(set(&[])), "FAIL `a/b:1` is for nothing that Linux runs, and the task definition asks for arm64");
    image(Err("no".into()), "skip it is there; for which processors is not known: no");
}

#[test]
fn a_secret_has_its_key_and_stays() {
    let secret = |keys: Result<BTreeSet<String>, String>, is_doomed: bool, key: &str, expected: bool, outcome: &str| {
        let topic = Topic::Secret { arn: "arn:aws:secretsmanager:r:1:secret:s".into(), region: "r".into() };
        let want = Want::Secret { key: Some(key.into()).filter(|k: &String| !k.is_empty()), is_current: true };
        check(&topic, &want, Fact::Secret { is_doomed, keys }, expected, outcome);
    };
    secret(Ok(set(&["A"])), false, "A", false, "ok");
    secret(Ok(set(&["A"])), false, "B", false, "FAIL secret `s` has no key `B`");
    secret(Ok(set(&["A"])), false, "B", true, "skip secret `s` has no key `B` yet; this deploy writes it");
    secret(Err("not read".into()), false, "B", false, "skip not read");
    secret(Err("not read".into()), false, "", false, "ok");
    secret(Ok(set(&["A"])), true, "A", false, "FAIL secret `s` is scheduled for deletion");
}

#[test]
fn a_role_trusts_tasks_and_has_the_arn_that_is_named() {
    let role = |arn: &str, trust: &str, expected: &str| {
        let topic = Topic::Role("arn:aws:iam::1:role/r".into());
        check(&topic, &Want::Trust(trust::TASKS), Fact::Role { arn: arn.into(), trust: trust.into() }, false, expected);
    };
    let trusts = |service: &str| {
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}});
        json!({"Statement": [statement]}).to_string()
    };
    role("arn:aws:iam::1:role/r", &trusts("ecs-tasks.amazonaws.com"), "ok");
    role(
        "arn:aws:iam::1:role/r",
        &trusts("ec2.amazonaws.com"),
        "FAIL role `r` does not trust ecs-tasks.amazonaws.com: no task could start with it",
    );
    role(
        "arn:aws:iam::1:role/path/r",
        &trusts("ecs-tasks.amazonaws.com"),
        "FAIL there is no role `arn:aws:iam::1:role/r`, but `arn:aws:iam::1:role/path/r`",
    );
    role(
        "",
        "{",
        "skip its trust policy could not be read: it is not JSON: EOF while parsing an object at line 1 column 1",
    );
}

#[test]
fn everything_that_does_not_fit_about_a_target_group_is_said() {
    let target = Target::of(&Document::new(), "web", 80);
    let group = object(json!({"TargetType": "instance", "Protocol": "HTTP", "LoadBalancerArns": []}));
    check(
        &Topic::TargetGroup("g".into()),
        &Want::Target { target, will_be_attached: false },
        Fact::TargetGroup(group),
        false,
        "FAIL its target type is instance; tasks with a network of their own need ip; \
         FAIL it is not attached to a load balancer: ECS refuses such a service",
    );
}

const MANIFEST: &str = r#"
app = "demo"
[secrets]
A = {}
B = {}
[services.app.containers.web]
image = "nginx:1"
[services.app.containers.worker]
image = "nginx:1"
[services.app.containers.worker.aws]
environment = [{ name = "DB_PASSWORD", value = "hunter2" }]
[stages.prod]
subnets = ["subnet-1"]
"#;

#[test]
fn a_thing_that_is_used_twice_is_asked_about_once_and_told_in_both_places() {
    let manifest = parse("managr.toml", MANIFEST).unwrap();
    let desired = desired(&manifest, "prod", &Facts::local("registry")).unwrap();
    let stages = ["prod".to_owned()];
    let subject = Subject { manifest: &manifest, text: MANIFEST, stages: &stages };
    let variables = check_variables(subject, &Seen::default()).unwrap();
    let options = VerifyOptions { expected: Expected::of(&desired), variables, ..VerifyOptions::default() };
    let scene = Scene {
        desired: &desired,
        options: &options,
        default_architecture: "X86_64",
        is_platform: false,
        needs_roles: true,
    };
    let topics = scene.draft().topics();
    // Account, cluster, image, secret, two roles.
    assert_eq!(topics.len(), 6, "{topics:?}");

    let facts: BTreeMap<Topic, Fact> =
        topics.into_iter().map(|topic| (topic, Fact::absent("there is nothing"))).collect();
    let report = super::Report::new("demo", "prod", scene.draft().settle(&facts));
    let failures = report.failures();
    let hints: BTreeSet<&str> = failures.iter().filter_map(|failure| failure.outcome.hint()).collect();
    assert_eq!(failures.len(), hints.len(), "one for each cause: {failures:?}");
    let images = failures.iter().find(|failure| failure.places[0].last() == Some(&"Image[nginx:1]")).unwrap();
    assert_eq!(images.places.len(), 2);
    assert!(!format!("{report:?}").contains("hunter2"), "a value is never shown");
    let variable = failures.iter().find(|failure| failure.places[0] == ["Variables", "Variable[DB_PASSWORD]"]).unwrap();
    assert!(variable.outcome.reason().contains("looks like a credential"), "{variable:?}");
    assert!(variable.outcome.reason().ends_with("(line 10 of the manifest)"), "{variable:?}");
}

#[test]
fn an_image_that_will_be_pushed_is_not_looked_for() {
    let manifest = parse("managr.toml", MANIFEST).unwrap();
    let desired = desired(&manifest, "prod", &Facts::local("registry")).unwrap();
    let expected = Expected { images: BTreeSet::from(["nginx:1".to_owned()]), ..Expected::of(&desired) };
    let options = VerifyOptions { expected, ..VerifyOptions::default() };
    let scene = Scene {
        desired: &desired,
        options: &options,
        default_architecture: "X86_64",
        is_platform: false,
        needs_roles: true,
    };
    assert!(!scene.draft().topics().iter().any(|topic| matches!(topic, Topic::Image(_))));
}

const ROUTED: &str = r#"
app = "demo"
[secrets]
A = {}
[services.app.ingress]
container = "web"
port = 80
[services.app.containers.web]
image = "nginx:1"
[stages.prod]
subnets = ["subnet-1"]
"#;

#[test]
fn what_a_plan_makes_is_expected() {
    let manifest = parse("managr.toml", ROUTED).unwrap();
    let mut facts = Facts::local("registry");
    facts.secret_arn = Some(token::secret());
    facts.target_groups.insert("app".to_owned(), token::target_group("app"));
    let desired = desired(&manifest, "prod", &facts).unwrap();
    let image = PlannedImage { name: "x".into(), tag: "x:1".into(), reference: "nginx:1".into(), missing: true };
    let plan = plan(&desired, &Observed::default(), "123456789012", &Git::default(), vec![image]);
    let expected = Expected::of_plan(&plan);
    assert_eq!(expected.clusters, set(&["demo-cluster"]));
    assert_eq!(expected.log_groups, set(&["/demo/prod"]));
    assert_eq!(expected.target_groups, set(&["demo-app-prod"]));

    let options = VerifyOptions { expected, ..VerifyOptions::default() };
    let scene = Scene {
        desired: &desired,
        options: &options,
        default_architecture: "X86_64",
        is_platform: false,
        needs_roles: true,
    };
    // What is not there yet has no name to ask for.
    let topics = scene.draft().topics();
    let asked = |topic: &Topic| matches!(topic, Topic::Account | Topic::Cluster(_) | Topic::Role(_));
    assert!(topics.iter().all(asked), "{topics:?}");
    let report = super::Report::new("demo", "prod", scene.draft().settle(&BTreeMap::new()));
    assert!(report.is_ok(), "{report:?}");
}

const CLOCKS: &str = r#"
app = "demo"
[services.web.containers.web]
image = "nginx:1"
[services.jobs]
standalone = true
containers.jobs.image = "jobs:1"
[schedules.own]
schedule = "rate(1 day)"
image = "own:1"
[schedules.shared]
schedule = "cron(0 6 * * ? *)"
timezone = "Europe/Berlin"
service = "jobs"
[schedules.of-service]
schedule = "rate(1 day)"
service = "web"
[stages.prod]
subnets = ["subnet-1"]
"#;

/// Whatever a schedule starts, its own role is looked at; a task that several start is looked at once.
#[test]
fn every_schedule_and_every_standalone_task_is_looked_at() {
    let manifest = parse("managr.toml", CLOCKS).unwrap();
    let desired = desired(&manifest, "prod", &Facts::local("registry")).unwrap();
    let options = VerifyOptions::default();
    let scene = Scene {
        desired: &desired,
        options: &options,
        default_architecture: "X86_64",
        is_platform: false,
        needs_roles: true,
    };
    let report = super::Report::new("demo", "prod", scene.draft().settle(&BTreeMap::new()));
    let shown: Vec<String> = report
        .root
        .nodes
        .iter()
        .map(|node| {
            let inner: Vec<&str> = node.nodes.iter().map(|inner| inner.name.as_str()).collect();
            let roles = node.checks.iter().filter_map(|check| check.name.strip_prefix("Role[")?.split(':').next());
            format!("{} {inner:?} {}", node.name, roles.collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Service[demo-web-prod] [\"TaskDefinition[demo-web-task-prod]\"] ",
            "Task[jobs] [\"TaskDefinition[demo-jobs-task-prod]\"] ",
            "Schedule[own] [\"TaskDefinition[demo-own-task-prod]\"] events",
            "Schedule[shared] [] scheduler",
            "Schedule[of-service] [] events",
        ]
    );
}
