//! `[databases.X]`: what it becomes in a stage's documents, what is done about it, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use deploy_core::desired::{Desired, Git};
use deploy_core::plan::database::{self, Address};
use deploy_core::plan::{Action, DatabaseCall, Mark, Observed, ObservedDatabase, Plan, plan, token};
use deploy_core::{Facts, desired, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

const APP: &str = r#"
app = "my-shop"
[databases.main]
version = "16"
storage = "20GiB"
backups = "7d"
containers = ["web", "tick"]
variables = { url = "DATABASE_URL", host = "PGHOST" }
[services.web.containers.web]
image = "web:1"
[services.web.containers.agent]
image = "agent:1"
[services.web.release]
container = "web"
command = ["migrate"]
[schedules.tick]
schedule = "rate(1 hour)"
image = "tick:1"
[previews]
from = "staging"
[stages.staging]
[stages.prod.databases.main]
instance = "shop-production"
secret = "shop/prod/db"
[stages.big.databases.main]
storage = "40GiB"
class = "db.r7g.large"
"#;

fn of(stage: &str) -> Desired {
    desired(&parse("managr.toml", APP).unwrap(), stage, &Facts::local("x")).unwrap()
}

/// Secrets of a container by name.
fn secrets(desired: &Desired, container: &str) -> BTreeMap<String, String> {
    let containers = desired.task_definitions.iter().filter_map(|task| task.document["containerDefinitions"].as_array());
    let found = containers.flatten().find(|one| one["name"] == container).unwrap();
    let secrets = found["secrets"].as_array().into_iter().flatten();
    secrets.map(|s| (s["name"].as_str().unwrap().to_owned(), s["valueFrom"].as_str().unwrap().to_owned())).collect()
}

fn seen(instance: Option<Value>) -> ObservedDatabase {
    ObservedDatabase {
        instance: instance.map(|live| live.as_object().unwrap().clone()),
        can_make: true,
        secret_arn: Some("arn:s".to_owned()),
        unfit: Some(Vec::new()),
    }
}

fn live() -> Value {
    json!({
        "DBInstanceIdentifier": "my-shop-main-staging", "Engine": "postgres", "EngineVersion": "16.4",
        "DBInstanceStatus": "available", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20",
        "BackupRetentionPeriod": "7", "DBName": "my_shop", "MasterUsername": "my_shop",
        "Endpoint": { "Address": "db.example.com", "Port": "5432" },
    })
}

fn changed(members: Value) -> Value {
    let mut live = live();
    live.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    live
}

fn planned(stage: &str, seen: ObservedDatabase) -> Plan {
    let observed =
        Observed { has_cluster: true, databases: BTreeMap::from([("main".to_owned(), seen)]), ..Observed::default() };
    plan(&of(stage), &observed, "123456789012", &Git::default(), Vec::new())
}

fn call(plan: &Plan) -> Option<(Mark, DatabaseCall, Value)> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::SetDatabase { call, request, .. } => Some((step.mark, *call, Value::Object(request.clone()))),
        _ => None,
    })
}

#[test]
fn containers_that_are_named_get_its_parts_as_secrets() {
    let desired = of("staging");
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:my-shop/staging/databases/main";
    let expected = BTreeMap::from([
        ("DATABASE_URL".to_owned(), format!("{arn}:url::")),
        ("PGHOST".to_owned(), format!("{arn}:host::")),
    ]);
    assert_eq!(secrets(&desired, "web"), expected);
    assert_eq!(secrets(&desired, "tick"), expected);
    assert_eq!(secrets(&desired, "agent"), BTreeMap::new());
    let spec = &desired.databases[0];
    assert_eq!((spec.instance.as_str(), spec.database.as_str(), spec.exists), ("my-shop-main-staging", "my_shop", false));
    assert_eq!(desired.secret, None, "it has a secret of its own");
}

#[test]
fn a_stage_may_name_an_instance_and_a_secret_that_exist() {
    let desired = of("prod");
    let spec = &desired.databases[0];
    assert_eq!((spec.instance.as_str(), spec.exists, spec.given_secret), ("shop-production", true, true));
    assert_eq!((spec.storage, spec.backup_days), (None, None), "nothing of it is changed");
    assert!(secrets(&desired, "web")["PGHOST"].ends_with(":secret:shop/prod/db:host::"));
}

#[test]
fn a_preview_shares_the_database_of_its_stage_and_changes_nothing_of_it() {
    let spec = of("pr-7").databases[0].clone();
    assert_eq!((spec.instance.as_str(), spec.exists), ("my-shop-main-staging", true));
    assert_eq!((spec.secret.as_str(), spec.given_secret), ("my-shop/staging/databases/main", true));
    assert_eq!(call(&planned("pr-7", seen(Some(live())))), None);
}

#[test]
fn a_missing_one_is_made_before_the_release_command_and_no_plan_has_a_password() {
    let plan = planned("staging", ObservedDatabase { secret_arn: None, unfit: None, ..seen(None) });
    let (mark, made, request) = call(&plan).unwrap();
    assert_eq!((mark, made), (Mark::Create, DatabaseCall::Create));
    assert_eq!(request["EngineVersion"], "16");
    assert_eq!((&request["DBName"], &request["AllocatedStorage"]), (&json!("my_shop"), &json!(20)));
    let at = |kind: &str| plan.steps.iter().position(|step| step.kind == kind).unwrap();
    assert!(at("database") < at("release command") && at("database") < at("task definition"));
    assert!(!serde_json::to_string(&plan).unwrap().contains("MasterUserPassword"));
    let kept: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(kept, plan, "it can be kept in a file");
}

#[test]
fn what_differs_is_changed_and_what_is_as_it_should_be_is_left_alone() {
    assert_eq!(call(&planned("staging", seen(Some(live())))), None);
    let (mark, modify, request) = call(&planned("big", seen(Some(live())))).unwrap();
    assert_eq!((mark, modify), (Mark::Update, DatabaseCall::Modify));
    let expected = json!({
        "DBInstanceIdentifier": "my-shop-main-big", "DBInstanceClass": "db.r7g.large", "AllocatedStorage": 40,
        "ApplyImmediately": true,
    });
    assert_eq!(request, expected);
    let stopped = seen(Some(changed(json!({ "DBInstanceStatus": "stopped" }))));
    assert_eq!(call(&planned("staging", stopped)).unwrap().1, DatabaseCall::Start);
    let lost = ObservedDatabase { secret_arn: None, unfit: None, ..seen(Some(live())) };
    assert_eq!(call(&planned("staging", lost)).unwrap().1, DatabaseCall::Secret);
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let refused = |stage: &str, seen: ObservedDatabase| {
        let seen = BTreeMap::from([("main".to_owned(), seen)]);
        database::check(&of(stage), &seen).err().map(|error| error.reasons.join("\n")).unwrap_or_default()
    };
    let check = |members: Value, expected: &str| {
        let found = refused("staging", seen(Some(changed(members.clone()))));
        assert!(found.contains(expected), "{members}: {found}");
    };
    assert_eq!(refused("staging", seen(Some(live()))), "");
    assert_eq!(refused("staging", seen(None)), "");
    check(json!({ "EngineVersion": "17.1" }), "is PostgreSQL 17.1: it cannot become 16, which is older");
    check(json!({ "EngineVersion": "15.4" }), "is PostgreSQL 15.4: a deploy makes no 16 of it");
    check(json!({ "DBName": "other" }), "has the database `other`: RDS cannot rename it to `my_shop`");
    check(json!({ "MasterUsername": "other" }), "has the master user `other`");
    check(json!({ "AllocatedStorage": 100 }), "has a disk of 100 GiB: RDS cannot make it smaller (20 GiB)");
    check(json!({ "Engine": "mysql" }), "is mysql, and the manifest says postgres");
    check(json!({ "DBInstanceStatus": "deleting" }), "is being deleted");
    check(json!({ "DBInstanceStatus": "incompatible-restore" }), "is incompatible-restore");
    let elsewhere = ObservedDatabase { can_make: false, ..seen(None) };
    assert!(refused("staging", elsewhere.clone()).contains("managr makes none on AWS"));
    assert!(refused("prod", elsewhere).contains("RDS has no instance `shop-production`"));
    let unknown = ObservedDatabase { secret_arn: None, unfit: None, can_make: false, ..seen(Some(live())) };
    assert!(refused("prod", unknown).contains("Secrets Manager has no secret `shop/prod/db`"));
}

#[test]
fn what_does_not_fit_in_a_secret_is_told_without_a_value() {
    let spec = of("staging").databases[0].clone();
    let live = live();
    let unfit = |kept: Value| database::unfit(&spec, live.as_object(), &kept.to_string()).join("; ");
    let address = Address::of(live.as_object().unwrap()).unwrap();
    let whole = database::secret_text(&spec, Some(&address), "hunter2", r#"{"other": 1}"#).unwrap();
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["url"], "postgres://my_shop:hunter2@db.example.com:5432/my_shop");
    assert_eq!(whole["other"], 1);
    assert_eq!(unfit(whole.clone()), "");
    let with = |name: &str, value: Value| {
        let mut parts = whole.clone();
        parts[name] = value;
        unfit(parts)
    };
    assert_eq!(with("host", json!("elsewhere")), "has another host than the instance, which has db.example.com");
    assert_eq!(with("port", json!(5432)), "");
    assert_eq!(with("port", json!("5433")), "has another port than the instance, which has 5432");
    assert_eq!(with("url", json!("postgres://my_shop:hunter2@elsewhere/my_shop")), "has a `url` to another place than the instance, which has db.example.com:5432");
    assert_eq!(with("password", json!("hunter3")), "has another `password` than its `url`");
    assert_eq!(with("password", Value::Null), "has no password");
    assert!(!format!("{}{}", with("url", json!("hunter2")), unfit(json!({}))).contains("hunter"));
    assert_eq!(database::unfit(&spec, None, "hunter2"), ["is no JSON object"]);
}

#[test]
fn a_secret_that_will_be_made_stands_in_documents_as_a_token() {
    let manifest = parse("managr.toml", APP).unwrap();
    let database_secrets = BTreeMap::from([("main".to_owned(), token::database_secret("main"))]);
    let desired = desired(&manifest, "staging", &Facts { database_secrets, ..Facts::local("x") }).unwrap();
    let mut document = Value::Object(desired.task_definitions[0].document.clone());
    token::fill(&mut document, &BTreeMap::from([(token::database_secret("main"), "arn:s".to_owned())])).unwrap();
    assert!(document.to_string().contains("arn:s:url::"), "{document}");
}

proptest! {
    /// Whatever a password is, the URL that is made of it has it, and fits.
    #[test]
    fn every_password_fits_into_a_url(password in "\\PC{1,40}") {
        let spec = of("staging").databases[0].clone();
        let live = live();
        let address = Address::of(live.as_object().unwrap()).unwrap();
        let text = database::secret_text(&spec, Some(&address), &password, "{}").unwrap();
        prop_assert_eq!(database::unfit(&spec, live.as_object(), &text), Vec::<String>::new());
        prop_assert_eq!(database::password(&text), Some(password));
    }
}
