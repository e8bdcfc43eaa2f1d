//! What do AWS's answers about what runs say, and what becomes of each of their members?
//!
//! Pure: the caller (`deploy::adopt`) hands over a [`Seen`], which holds every document as it was answered; attributes
//! that another call answers stand in the document as `Attributes`. Every leaf of every document gets a line in the
//! stage's ledger, known here or not.

mod claims;
mod model;
mod route;
pub(crate) mod walk;

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use deploy_core::manifest::Via;
use serde_json::Value;

use self::claims::Of;
use crate::names::{key_of, origin};
use crate::{
    FoundDiscover, FoundObject, FoundSchedule, FoundSecret, FoundService, FoundStage, Kind, Left, Place, Untold,
    ledger, lines,
};

/// Who keeps what a deploy does not touch of what runs.
pub const OWNER: &str = "whoever made it";

/// What AWS answered about a stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The stage.
    pub stage: String,
    /// Name of the cluster.
    pub cluster_name: String,
    /// The cluster, as DescribeClusters tells of it.
    pub cluster: Document,
    /// Its services, each with the task definition that it runs; that may be gone.
    pub services: Vec<(Document, Option<Document>)>,
    /// Target groups that services are in.
    pub groups: Vec<Document>,
    /// Load balancers of those groups.
    pub balancers: Vec<Document>,
    /// Their listeners; `Certificates` are all of them.
    pub listeners: Vec<Document>,
    /// Rules of those listeners, each with its listener's ARN as `ListenerArn`.
    pub rules: Vec<Document>,
    /// Log groups that containers write to.
    pub log_groups: Vec<Document>,
    /// Rules of EventBridge that start tasks in the cluster by the clock.
    pub schedules: Vec<SeenSchedule>,
    /// What scales the services' tasks.
    pub scalable: Vec<Document>,
    /// How.
    pub policies: Vec<Document>,
    /// By which clock.
    pub scheduled_actions: Vec<Document>,
    /// Secrets that task definitions name a key of, as far as they may be described.
    pub secrets: Vec<Document>,
    /// Names of the registries that services are in, by ARN: of those with addresses in a private namespace.
    pub names: BTreeMap<String, String>,
    /// Kinds of objects that could not be looked at.
    pub unseen: BTreeSet<Kind>,
}

/// A rule of EventBridge, or a schedule of EventBridge Scheduler, that starts tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenSchedule {
    /// What fires it.
    pub via: Via,
    /// The rule, or the schedule without its target.
    pub rule: Document,
    /// Its target that starts tasks in the cluster.
    pub target: Document,
    /// Its other targets.
    pub others: Vec<Document>,
    /// The task definition.
    pub task_definition: Document,
}

/// Returns a stage as AWS shows it, with a line for everything that it says; the application is called `app`.
pub fn stage(seen: &Seen, app: &str, left: &mut Vec<Left>) -> FoundStage {
    let mut stage = FoundStage {
        name: seen.stage.clone(),
        cluster: Some(seen.cluster_name.clone()),
        unseen: seen.unseen.clone(),
        ..FoundStage::default()
    };
    cluster(seen, &mut stage);
    services(seen, app, &mut stage, left);
    schedules(seen, app, &mut stage);
    ways(seen, &mut stage);
    scaling(seen, &mut stage);
    secrets(seen, &mut stage);
    stage
}

/// Returns the ARNs of secrets of Secrets Manager that task definitions name keys of, each with those keys.
pub fn named_secrets(seen: &Seen) -> BTreeMap<String, BTreeSet<String>> {
    let services = seen.services.iter().filter_map(|(_, definition)| definition.as_ref());
    let definitions = services.chain(seen.schedules.iter().map(|schedule| &schedule.task_definition));
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for secret in definitions.flat_map(|task| items(task, "containerDefinitions")).flat_map(|one| items(one, "secrets"))
    {
        // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY:STAGE:VERSION
        let parts: Vec<&str> = text(secret, "valueFrom").split(':').collect();
        if let (Some("secretsmanager"), [arn @ .., key, _, _]) = (parts.get(2).copied(), parts.as_slice())
            && arn.len() == 7
        {
            keys.entry(arn.join(":")).or_default().insert((*key).to_owned());
        }
    }
    keys
}

fn secrets(seen: &Seen, stage: &mut FoundStage) {
    for (arn, keys) in named_secrets(seen) {
        let described = seen.secrets.iter().find(|secret| text(secret, "ARN") == arn);
        // Who may not ask takes the name from the ARN, whose last seven characters are Secrets Manager's own.
        let last = arn.rsplit(':').next().unwrap_or_default();
        let cut = last.len().checked_sub(7).filter(|at| last.is_char_boundary(*at)).unwrap_or(last.len());
        let name = described.map_or(&last[..cut], |secret| text(secret, "Name")).to_owned();
        if let Some(secret) = described {
            let place = place(&arn);
            let of = Of { subject: &format!("secret {name}"), object: "", place: &place };
            let why = "the manifest names it, and a deploy writes values of the stage's own alone";
            claims::SECRET.keep(&mut stage.ledger, of, secret, why);
        }
        stage.secrets.push(FoundSecret { name, arn: Some(arn), keys: keys.into_iter().collect() });
    }
}

fn cluster(seen: &Seen, stage: &mut FoundStage) {
    let id = text(&seen.cluster, "clusterArn");
    let place = place(id);
    let of = Of { subject: &format!("cluster {}", seen.cluster_name), object: id, place: &place };
    let document = claims::cluster(&mut stage.ledger, of, &seen.cluster);
    stage.objects.push(object(Kind::Cluster, id, document));
}

fn services(seen: &Seen, app: &str, stage: &mut FoundStage, left: &mut Vec<Left>) {
    let scaled = scaled(seen);
    let mut listeners: BTreeSet<String> = BTreeSet::new();
    for (answer, definition) in &seen.services {
        let (arn, name) = (text(answer, "serviceArn"), text(answer, "serviceName"));
        let place = place(arn);
        let key = key_of(name, app, &stage.name);
        let object = ledger::service(&key);
        let of = Of { subject: &format!("service {name}"), object: &object, place: &place };
        let Some(definition) = definition else {
            left.push(Left::new(name, place, "its task definition is not there any more"));
            continue;
        };
        let mut service = claims::service(&mut stage.ledger, of, answer);
        if let Some((region, account)) = origin(arn) {
            stage.region.get_or_insert(region);
            stage.account.get_or_insert(account);
        }
        let way = route::route(seen, answer, left);
        if let Some(route) = &way {
            stage.load_balancer = stage.load_balancer.take().or_else(|| route.load_balancer.clone());
            stage.listener_arn = stage.listener_arn.take().or_else(|| route.listener_arn.clone());
            listeners.extend(route.listener_arn.clone());
        }
        if scaled.contains(name) {
            // What scales it owns its count.
            service.remove("desiredCount");
        }
        lines::task_definition(&mut stage.ledger, &ledger::service_task(&key), definition, &place);
        let discover = FoundDiscover::read(&service, |arn| seen.names.get(arn).cloned());
        stage.services.push(FoundService {
            key,
            discover,
            task_definition: definition.clone(),
            service: Some(service),
            ingress: way.map(|route| route.ingress),
            untold: Untold::default(),
            place,
        });
    }
    // A stage names one listener by its ARN; of several each service says its own by its port.
    if listeners.len() > 1 {
        stage.listener_arn = None;
    }
}

/// Returns services that an autoscaler scales.
fn scaled(seen: &Seen) -> BTreeSet<&str> {
    seen.scalable.iter().filter_map(|target| text(target, "ResourceId").rsplit('/').next()).collect()
}

fn schedules(seen: &Seen, app: &str, stage: &mut FoundStage) {
    for one in &seen.schedules {
        let name = text(&one.rule, "Name");
        let (key, place) = (key_of(name, app, &stage.name), place(text(&one.rule, "Arn")));
        let object = ledger::schedule(&key);
        let (what, of_rule, of_target) = match one.via {
            Via::Rule => ("rule", &claims::EVENT_RULE, &claims::EVENT_TARGET),
            Via::Scheduler => ("schedule", &claims::SCHEDULE, &claims::SCHEDULE_TARGET),
        };
        let subject = format!("{what} {name}");
        let of = Of { subject: &subject, object: &object, place: &place };
        let rule = of_rule.account(&mut stage.ledger, of, &one.rule);
        let subject = match one.via {
            Via::Rule => format!("target {} of rule {name}", text(&one.target, "Id")),
            Via::Scheduler => format!("target of schedule {name}"),
        };
        of_target.account(&mut stage.ledger, Of { subject: &subject, ..of }, &one.target);
        for other in &one.others {
            let subject = format!("target {} of rule {name}", text(other, "Id"));
            let why = "another target of the rule, which a deploy leaves as it is";
            claims::EVENT_TARGET.keep(&mut stage.ledger, Of { subject: &subject, ..of }, other, why);
        }
        lines::task_definition(&mut stage.ledger, &ledger::schedule_task(&key), &one.task_definition, &place);
        stage.schedules.push(FoundSchedule {
            key,
            task_definition: one.task_definition.clone(),
            via: one.via,
            rule,
            target: one.target.clone(),
            untold: Untold::default(),
            place,
        });
    }
}

/// Load balancers and what belongs to them, and log groups.
fn ways(seen: &Seen, stage: &mut FoundStage) {
    let FoundStage { ledger, objects, .. } = stage;
    let mut add = |kind, structure: &claims::Structure, subject: &str, id: &str, answer: &Document| {
        let place = place(id);
        let document = structure.account(ledger, Of { subject, object: id, place: &place }, answer);
        objects.push(object(kind, id, document));
    };
    for group in &seen.log_groups {
        let name = text(group, "logGroupName");
        let id = [text(group, "arn"), name].into_iter().find(|id| !id.is_empty()).unwrap_or_default();
        add(Kind::LogGroup, &claims::LOG_GROUP, &format!("log group {name}"), id, group);
    }
    for balancer in &seen.balancers {
        let subject = format!("load balancer {}", text(balancer, "LoadBalancerName"));
        add(Kind::LoadBalancer, &claims::LOAD_BALANCER, &subject, text(balancer, "LoadBalancerArn"), balancer);
    }
    for group in &seen.groups {
        let subject = format!("target group {}", text(group, "TargetGroupName"));
        add(Kind::TargetGroup, &claims::TARGET_GROUP, &subject, text(group, "TargetGroupArn"), group);
    }
    for listener in &seen.listeners {
        add(Kind::Listener, &claims::LISTENER, &listener_name(listener), text(listener, "ListenerArn"), listener);
    }
    for rule in &seen.rules {
        let listener = text(rule, "ListenerArn");
        let known = seen.listeners.iter().find(|one| text(one, "ListenerArn") == listener);
        let of_listener = known.map_or_else(|| listener.to_owned(), listener_name);
        let subject = format!("rule {} of {of_listener}", text(rule, "Priority"));
        let place = place(text(rule, "RuleArn"));
        // Which listener it belongs to is how it was asked for, and no part of the answer.
        let mut answer = rule.clone();
        answer.shift_remove("ListenerArn");
        if text(rule, "IsDefault") == "true" || rule.get("IsDefault") == Some(&Value::Bool(true)) {
            let of = Of { subject: &subject, object: listener, place: &place };
            claims::DEFAULT_RULE.account(ledger, of, &answer);
            continue;
        }
        let id = text(rule, "RuleArn");
        let of = Of { subject: &subject, object: id, place: &place };
        let mut document = claims::RULE.account(ledger, of, &answer);
        document.insert("ListenerArn".to_owned(), listener.into());
        objects.push(object(Kind::Rule, id, document));
    }
}

/// Returns a listener's name: that of its load balancer, and its port.
fn listener_name(listener: &Document) -> String {
    let balancer = text(listener, "LoadBalancerArn").split('/').nth(2).unwrap_or_default();
    let port = listener.get("Port").map(|port| port.as_str().map_or_else(|| port.to_string(), str::to_owned));
    format!("listener {balancer}:{}", port.unwrap_or_default())
}

fn scaling(seen: &Seen, stage: &mut FoundStage) {
    let kinds = [
        (Kind::ScalableTarget, claims::SCALABLE_TARGET, &seen.scalable, "ResourceId", "scaling of"),
        (Kind::ScalingPolicy, claims::SCALING_POLICY, &seen.policies, "PolicyName", "scaling policy"),
        (
            Kind::ScheduledAction,
            claims::SCHEDULED_ACTION,
            &seen.scheduled_actions,
            "ScheduledActionName",
            "scheduled scaling",
        ),
    ];
    for (kind, structure, answers, name, what) in kinds {
        for answer in answers {
            let mut subject = format!("{what} {}", text(answer, name));
            if kind != Kind::ScalableTarget {
                // Two services may have one of the same name.
                subject = format!("{subject} of {}", text(answer, "ResourceId"));
            }
            let place = place(text(answer, "ResourceId"));
            let of = Of { subject: &subject, object: &subject, place: &place };
            let document = structure.account(&mut stage.ledger, of, answer);
            stage.objects.push(object(kind, &subject, document));
        }
    }
}

fn object(kind: Kind, id: &str, document: Document) -> FoundObject {
    FoundObject { kind, id: id.to_owned(), document, unknown: Vec::new(), place: place(id) }
}

fn place(source: &str) -> Place {
    Place { source: source.to_owned(), line: None }
}

fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(document: &'a Document, name: &str) -> impl Iterator<Item = &'a Document> {
    document.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}
