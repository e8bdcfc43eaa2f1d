//! Is every member of every answer about what runs accounted for, and would a deploy of the manifest change nothing?

#![allow(clippy::unwrap_used)] // helpers of tests

use aws_model::model::{self, Member, Model, ShapeId};
use aws_model::{Document, Service};
use import::account::{Reckoning, reckon};
use import::fold::fold;
use import::ledger::{Account, Entry, listed, summary};
use import::live::{OWNER, Seen, SeenSchedule, stage};
use import::prove::{Proof, prove};
use import::{Found, Kind, write};
use proptest::prelude::*;
use serde_json::{Value, json};

const SHOP: &str = include_str!("../fixtures/live/shop.json");

fn answers() -> Value {
    serde_json::from_str(SHOP).unwrap()
}

fn one(value: &Value) -> Document {
    value.as_object().unwrap().clone()
}

fn all(value: &Value) -> Vec<Document> {
    value.as_array().unwrap().iter().map(one).collect()
}

fn seen(answers: &Value) -> Seen {
    let services = answers["services"].as_array().unwrap();
    let schedules = answers["schedules"].as_array().unwrap();
    let schedule = |answers: &Value| SeenSchedule {
        via: if answers["via"] == "scheduler" { deploy_core::manifest::Via::Scheduler } else { Default::default() },
        rule: one(&answers["rule"]),
        target: one(&answers["target"]),
        others: all(&answers["others"]),
        task_definition: one(&answers["task"]),
    };
    Seen {
        stage: "prod".to_owned(),
        cluster_name: "shop".to_owned(),
        cluster: one(&answers["cluster"]),
        services: services.iter().map(|pair| (one(&pair["service"]), Some(one(&pair["task"])))).collect(),
        groups: all(&answers["groups"]),
        balancers: all(&answers["balancers"]),
        listeners: all(&answers["listeners"]),
        rules: all(&answers["rules"]),
        log_groups: all(&answers["log_groups"]),
        schedules: schedules.iter().map(schedule).collect(),
        scalable: all(&answers["scalable"]),
        policies: all(&answers["policies"]),
        scheduled_actions: all(&answers["scheduled_actions"]),
        secrets: all(&answers["secrets"]),
        names: Default::default(),
        unseen: Default::default(),
    }
}

/// What is made of answers.
struct Read {
    found: Found,
    text: String,
    left: Vec<String>,
    entries: Vec<Entry>,
    services: Vec<Proof>,
}

fn read(seen: &Seen) -> Read {
    let (found, text, left) = folded(seen);
    let Reckoning { entries, services } = reckon(&text, &found, OWNER).unwrap();
    Read { found, text, left, entries, services }
}

/// Returns what was found, the manifest that it makes, and what was left.
fn folded(seen: &Seen) -> (Found, String, Vec<String>) {
    let mut found = Found { app: Some("shop".to_owned()), ..Found::default() };
    found.repositories.push("shop/web".to_owned());
    let mut left = Vec::new();
    found.stages.push(stage(seen, "shop", &mut left));
    found.left = left;
    let folded = fold(&found);
    let text = write::text(&folded.manifest, &[]);
    let left = folded.left.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
    (found, text, left)
}

impl Read {
    fn check(&self, subject: &str, path: &str, account: &str) {
        let found = self.entries.iter().find(|entry| entry.line.subject == subject && entry.line.path == path);
        let found = found.unwrap_or_else(|| panic!("no line {path} of {subject}"));
        let said = format!("{:?}", found.account);
        assert!(said.starts_with(account), "{path} of {subject}: {said}");
    }

    fn listed(&self) -> Vec<String> {
        listed(&self.entries).into_iter().map(|one| format!("{}: {}", one.what, one.why)).collect()
    }
}

#[test]
fn a_service_that_is_found_by_a_name_says_so() {
    let arn = "arn:aws:servicediscovery:eu-west-1:210987654321:service/srv-1";
    let answers: Value = serde_json::from_str(SHOP).unwrap();
    let mut seen = seen(&answers);
    seen.services[0].0.insert("serviceRegistries".into(), serde_json::json!([{ "registryArn": arn }]));
    // Its name is unknown: its ARN is in AWS's own words.
    let unnamed = read(&seen);
    assert!(unnamed.text.contains(arn) && !unnamed.text.contains("discover = "), "{}", unnamed.text);
    seen.names.insert(arn.to_owned(), "web.shop.local".to_owned());
    let named = read(&seen);
    assert!(named.text.contains("discover = \"web.shop.local\"") && !named.text.contains(arn), "{}", named.text);
    assert!(named.services.iter().all(|proof| proof.equal), "{:#?}", named.services);
}

#[test]
fn nothing_of_what_runs_is_listed_and_a_deploy_would_change_nothing() {
    let read = read(&seen(&answers()));
    assert_eq!(read.listed(), Vec::<String>::new(), "{}", read.text);
    let proofs = prove(&read.text, &read.found).unwrap().into_iter().chain(read.services);
    assert!(proofs.clone().all(|proof| proof.equal), "{:#?}", proofs.collect::<Vec<_>>());
    let kinds: std::collections::BTreeSet<Kind> = read.found.stages[0].objects.iter().map(|one| one.kind).collect();
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    let summary = summary(&read.entries);
    assert!(summary.carried > 40 && summary.state > 40 && summary.owner > 40, "{summary:?}");
}

#[test]
fn a_setting_is_carried_or_left_to_its_owner_and_what_aws_counts_is_neither() {
    let read = read(&seen(&answers()));
    for (subject, path, account) in [
        ("service shop-web-prod", "desiredCount", "Carried(\"services.web.count"),
        ("service shop-web-prod", "runningCount", "State("),
        ("service shop-web-prod", "deployments.0.rolloutState", "State("),
        ("service shop-web-prod", "events.0.message", "State("),
        ("service shop-web-prod", "clusterArn", "Carried(\"stages.prod.cluster"),
        ("service shop-web-prod", "propagateTags", "Carried(\"services.web.aws-service"),
        // The primary deployment alone shows it.
        (
            "service shop-web-prod",
            "deployments.0.serviceConnectConfiguration.namespace",
            "Carried(\"services.web.aws-service",
        ),
        ("service shop-jobs-prod", "desiredCount", "Owner(\"whoever scales it"),
        ("cluster shop", "clusterName", "Carried(\"stages.prod.cluster"),
        ("cluster shop", "settings.0.value", "Owner("),
        ("cluster shop", "runningTasksCount", "State("),
        ("log group /ecs/shop/prod", "retentionInDays", "Owner("),
        ("log group /ecs/shop/prod", "storedBytes", "State("),
        ("target group shop-web", "TargetGroupName", "Carried(\"stages.prod.services.web.target-group"),
        (
            "target group shop-web",
            "HealthyThresholdCount",
            "Carried(\"services.web.ingress.health-check.healthy-threshold",
        ),
        ("target group shop-web", "Attributes.deregistration_delay.timeout_seconds", "Carried("),
        ("target group shop-web", "Attributes.stickiness.enabled", "Owner("),
        ("target group shop-web", "LoadBalancerArns", "State("),
        ("load balancer shop", "Scheme", "Owner("),
        ("load balancer shop", "DNSName", "State("),
        ("listener shop:443", "Certificates.0.CertificateArn", "Owner("),
        ("listener shop:80", "DefaultActions.0.RedirectConfig.StatusCode", "Owner("),
        ("rule 10 of listener shop:443", "Conditions.0.HostHeaderConfig.Values", "Carried(\"stages.prod.host"),
        ("rule 10 of listener shop:443", "Conditions.1.HttpHeaderConfig.Values", "Owner("),
        ("rule 10 of listener shop:443", "Actions.0.AuthenticateOidcConfig.ClientId", "Owner("),
        ("rule 10 of listener shop:443", "Actions.1.TargetGroupArn", "Carried(\"services.web.ingress"),
        ("rule 20 of listener shop:443", "Actions.0.FixedResponseConfig.StatusCode", "Owner("),
        ("rule default of listener shop:443", "Actions.0.FixedResponseConfig.StatusCode", "Owner("),
        ("rule shop-nightly-prod", "ScheduleExpression", "Carried(\"schedules.nightly.schedule"),
        ("rule shop-nightly-prod", "Description", "Owner("),
        (
            "target nightly of rule shop-nightly-prod",
            "RetryPolicy.MaximumRetryAttempts",
            "Carried(\"schedules.nightly.retries",
        ),
        ("target nightly of rule shop-nightly-prod", "RetryPolicy.MaximumEventAgeInSeconds", "Owner("),
        ("target mail of rule shop-nightly-prod", "Arn", "Owner("),
        ("scaling of service/shop/shop-jobs-prod", "MaxCapacity", "Carried(\"services.jobs.scaling.max"),
        ("scaling of service/shop/shop-jobs-prod", "RoleARN", "Owner("),
        (
            "scaling policy jobs-cpu of service/shop/shop-jobs-prod",
            "TargetTrackingScalingPolicyConfiguration.TargetValue",
            "Carried(\"services.jobs.scaling.cpu",
        ),
        (
            "scheduled scaling night of service/shop/shop-jobs-prod",
            "Schedule",
            "Carried(\"services.jobs.scaling.scheduled.night",
        ),
        ("secret shop/prod", "RotationEnabled", "Owner("),
        ("secret shop/prod", "VersionIdsToStages.v-1", "State("),
    ] {
        read.check(subject, path, account);
    }
    assert!(read.left.iter().any(|left| left.contains("no word for a rule's `http-header`")), "{:#?}", read.left);
}

/// Returns the pointers of every object in a value.
fn objects(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            all.push(at.to_owned());
            members.iter().for_each(|(name, value)| objects(value, &format!("{at}/{name}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| objects(item, &format!("{at}/{number}"), all));
        }
        _ => {}
    }
}

/// Whether an object is of ours: the envelope around the answers, or a table whose keys are the user's own.
fn is_no_structure(at: &str) -> bool {
    let parts: Vec<&str> = at.split('/').skip(1).collect();
    let is_pair = matches!(parts[..], ["services" | "schedules", _]) || parts.is_empty();
    is_pair || at.ends_with("AuthenticationRequestExtraParams") || at.ends_with("VersionIdsToStages")
}

/// This holds at every place by construction, not by a rule for each.
#[test]
fn a_member_that_nobody_has_heard_of_is_in_the_list_wherever_it_stands() {
    let answers = answers();
    let mut places = Vec::new();
    objects(&answers, "", &mut places);
    places.retain(|at| !is_no_structure(at) && !at.contains("/task"));
    assert!(places.len() > 60, "{}", places.len());
    // A value and a table in turn.
    let unheard = [json!("x"), json!({ "inner": [{ "deep": 1 }] })];
    for (at, value) in places.iter().zip(unheard.iter().cycle()) {
        let mut added = answers.clone();
        added.pointer_mut(at).unwrap()["unheardOf"] = value.clone();
        let read = read(&seen(&added));
        let ours: Vec<&Entry> = read.entries.iter().filter(|entry| entry.line.path.contains("unheardOf")).collect();
        assert!(!ours.is_empty(), "no line of it: {at}");
        for entry in ours {
            assert!(matches!(entry.account, Account::Listed(_)), "{at}: {entry:?}");
        }
        assert!(read.listed().iter().any(|line| line.contains("unheardOf")), "{at}: {:#?}", read.listed());
        // Whether a request takes it is unknown.
        assert!(!read.text.contains("unheardOf"), "{at}\n{}", read.text);
    }
}

/// Everything that a shape of a model can hold; a structure within itself is left out.
fn whole(model: &'static Model, id: ShapeId, within: &[ShapeId]) -> Option<Value> {
    Some(match &model.shape(id).kind {
        model::Kind::Structure(_) if within.contains(&id) => return None,
        model::Kind::Structure(structure) => {
            let within = [within, &[id]].concat();
            let member = |member: &Member| Some((member.name.to_owned(), whole(model, member.shape, &within)?));
            Value::Object(structure.members.iter().filter_map(member).collect())
        }
        model::Kind::List { item, .. } => json!([whole(model, *item, within)?]),
        model::Kind::Map { item, .. } => json!({"key": whole(model, *item, within)?}),
        _ => json!("x"),
    })
}

/// What AWS's model has is known: the list does not fill with what every answer holds.
#[test]
fn no_member_of_the_model_is_listed() {
    let modelled = |service: Service, shape: &str| {
        let model = service.model();
        let mut document = whole(model, model.shape_id(shape).unwrap(), &[]).unwrap();
        if model.shape_id(&format!("{shape}Attribute")).is_some() {
            document["Attributes"] = json!([{"Key": "x", "Value": "x"}]);
        }
        one(&document)
    };
    let mut everything = seen(&answers());
    everything.groups.push(modelled(Service::ElbV2, "TargetGroup"));
    everything.balancers.push(modelled(Service::ElbV2, "LoadBalancer"));
    everything.listeners.push(modelled(Service::ElbV2, "Listener"));
    everything.rules.push(modelled(Service::ElbV2, "Rule"));
    everything.log_groups.push(modelled(Service::Logs, "LogGroup"));
    everything.schedules[0].others = vec![modelled(Service::Events, "Target")];
    everything.schedules[0]
        .rule
        .extend(modelled(Service::Events, "Rule").into_iter().filter(|(name, _)| name == "ManagedBy"));
    everything.scalable.push(modelled(Service::ApplicationAutoScaling, "ScalableTarget"));
    everything.policies.push(modelled(Service::ApplicationAutoScaling, "ScalingPolicy"));
    everything.scheduled_actions.push(modelled(Service::ApplicationAutoScaling, "ScheduledAction"));
    let secret = modelled(Service::SecretsManager, "DescribeSecretResponse");
    everything.secrets[0].extend(secret.into_iter().filter(|(name, _)| !matches!(name.as_str(), "ARN" | "Name")));
    let read = read(&everything);
    assert_eq!(read.listed(), Vec::<String>::new());
}

/// A stage has one listener by its ARN; two services behind two listeners of one load balancer say theirs by their ports.
#[test]
fn services_behind_several_listeners_stay_behind_them() {
    let mut answers = answers();
    let arn = |name: &str, id: char| {
        let id = id.to_string().repeat(16);
        json!(format!("arn:aws:elasticloadbalancing:eu-central-1:210987654321:targetgroup/{name}/{id}"))
    };
    let mut group = answers["groups"][0].clone();
    group["TargetGroupName"] = json!("shop-jobs");
    group["TargetGroupArn"] = arn("shop-jobs", '5');
    answers["groups"].as_array_mut().unwrap().push(group);
    let mut rule = answers["rules"][1].clone();
    rule["ListenerArn"] = answers["listeners"][1]["ListenerArn"].clone();
    rule["RuleArn"] = json!("arn:aws:elasticloadbalancing:eu-central-1:210987654321:listener-rule/app/shop/2/4/7");
    rule["Actions"] = json!([{ "Type": "forward", "TargetGroupArn": arn("shop-jobs", '5') }]);
    answers["rules"].as_array_mut().unwrap().push(rule);
    let jobs = &mut answers["services"][1];
    jobs["service"]["loadBalancers"] =
        json!([{ "targetGroupArn": arn("shop-jobs", '5'), "containerName": "jobs", "containerPort": 9000 }]);
    jobs["task"]["containerDefinitions"][0]["portMappings"] = json!([{ "containerPort": 9000, "protocol": "tcp" }]);
    let read = read(&seen(&answers));
    assert_eq!(read.listed(), Vec::<String>::new(), "{}", read.text);
    assert!(!read.text.contains("listener-arn"), "{}", read.text);
    read.check("listener shop:443", "Port", "Carried(");
}

/// ELBv2's XML has an empty text where a list is empty.
#[test]
fn what_is_empty_is_known_by_what_it_would_hold() {
    let mut answers = answers();
    answers["rules"][2]["Conditions"] = json!("");
    answers["balancers"][0]["AvailabilityZones"][0]["LoadBalancerAddresses"] = json!("");
    assert_eq!(read(&seen(&answers)).listed(), Vec::<String>::new());
}

#[test]
fn what_could_not_be_looked_at_is_no_change() {
    let mut blind = seen(&answers());
    blind.groups.clear();
    blind.balancers.clear();
    blind.listeners.clear();
    blind.rules.clear();
    blind.log_groups.clear();
    blind.unseen.extend([Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener, Kind::Rule, Kind::LogGroup]);
    let read = read(&blind);
    let changed: Vec<&Entry> = read.entries.iter().filter(|one| matches!(one.account, Account::Changed(_))).collect();
    assert_eq!(changed, Vec::<&Entry>::new(), "{}", read.text);
    assert!(read.left.iter().any(|left| left.contains("could not be looked at")), "{:#?}", read.left);
}

/// Returns the pointers of every value.
fn values(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(name, one)| values(one, &format!("{at}/{name}"), all)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| values(item, &format!("{at}/{number}"), all));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// Whatever stands anywhere in an answer, and whatever is missing: it is read, and every line has an account.
    #[test]
    fn no_answer_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize), 1..6),
    ) {
        let mut answers = answers();
        for (at, what) in changes {
            let mut places = Vec::new();
            // The envelope is ours.
            for (name, value) in answers.as_object().unwrap() {
                let inner = |one: &Value, at: &str, all: &mut Vec<String>| values(one, at, all);
                match value {
                    Value::Array(items) if matches!(name.as_str(), "services" | "schedules") => {
                        for (number, item) in items.iter().enumerate() {
                            let parts = item.as_object().unwrap().keys().filter(|part| *part != "others");
                            parts.for_each(|part| inner(&item[part], &format!("/{name}/{number}/{part}"), &mut places));
                        }
                    }
                    Value::Array(items) => items
                        .iter()
                        .enumerate()
                        .for_each(|(number, item)| inner(item, &format!("/{name}/{number}"), &mut places)),
                    one => inner(one, &format!("/{name}"), &mut places),
                }
            }
            let depth = |at: &str| at.matches('/').count();
            places.retain(|at| depth(at) > 3 || depth(at) > 2 && !at.starts_with("/services") && !at.starts_with("/schedules"));
            let at = places[at.index(places.len())].clone();
            let values = [json!(null), json!(""), json!("x"), json!(-1), json!([]), json!({}), json!([{ "x": [1] }]), json!(true)];
            *answers.pointer_mut(&at).unwrap() = values[what].clone();
        }
        let (found, text, _) = folded(&seen(&answers));
        // A container without an image is no answer of ECS: no manifest takes it, and that is said.
        if let Ok(Reckoning { entries, .. }) = reckon(&text, &found, OWNER) {
            prop_assert!(entries.len() > 100);
        }
    }
}
