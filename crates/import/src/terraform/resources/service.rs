//! `aws_ecs_service`: which services run which task definitions, and how?

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::super::names;
use super::super::scope::Instance;
use super::super::value::Value;
use super::book::Book;
use super::document::{Notes, Spot, unknown_member};
use super::table::{self, Made};
use super::{Estate, discover, ingress, renamed, tables, task_definition};
use crate::{FoundObject, FoundOneOff, FoundSecret, FoundService, Kind, Untold, ledger};

/// What runs in a stage without a clock, and what does not.
pub(super) struct Services {
    pub(super) services: Vec<FoundService>,
    pub(super) one_offs: Vec<FoundOneOff>,
}

/// Returns the services of a stage, and the task definitions that no service and no schedule is known to run.
pub(super) fn services(
    estate: &Estate<'_>,
    secrets: &[FoundSecret],
    objects: &[FoundObject],
    book: &mut Book,
    notes: &mut Notes,
) -> Services {
    let mut found: Vec<FoundService> = Vec::new();
    for instance in estate.of(&["aws_ecs_service"]) {
        let address = instance.address();
        let place = instance.item.place.clone();
        let runs = instance.attribute("task_definition");
        let Some(definition) = estate.meant(instance, &runs, &["aws_ecs_task_definition"]) else {
            let why = "the task definition that it runs is not in the folder: not carried";
            notes.push(format!("{address} in stage {}", estate.stage), &place, why);
            book.list(&address, "", why);
            continue;
        };
        let name = instance.attribute("name").shown();
        let named = name.as_deref().and_then(|name| names::key(name, estate.app.as_deref(), &estate.stage));
        let key = pick(named, instance, estate, |key| found.iter().any(|one| one.key == key));
        let object = ledger::service_task(&key);
        let made = task_definition::task_definition(estate, definition, secrets, &object, book, notes);
        let Some((task_definition, task)) = made else {
            book.list(&address, "", "the containers that it runs cannot be evaluated: not carried");
            continue;
        };
        book.ran.insert(definition.address());
        let mut service = request(estate, instance, definition, &ledger::service(&key), book, notes);
        if let Some(launch_type) = launch_type(&service, &task_definition, objects) {
            service.insert("launchType".to_owned(), launch_type.into());
        }
        let discover = discover::discover(estate, instance, &mut service, notes);
        let untold = Untold { task, own: notes.take_untold() };
        let ingress = ingress::ingress(estate, instance, objects, notes);
        found.push(FoundService { key, ingress, discover, service: Some(service), task_definition, untold, place });
    }
    let mut one_offs: Vec<FoundOneOff> = Vec::new();
    for instance in estate.of(&["aws_ecs_task_definition"]) {
        if book.ran.contains(&instance.address()) {
            continue;
        }
        if let Some(by) = book.started.get(&instance.address()) {
            let why = format!("{by} starts it, and no deploy registers it");
            book.keep(&instance.address(), "", &why);
            continue;
        }
        let known = instance.attribute("family").shown();
        let named = known.as_deref().and_then(|name| names::key(name, estate.app.as_deref(), &estate.stage));
        let taken = |key: &str| {
            found.iter().any(|one| one.key == key) || one_offs.iter().any(|one: &FoundOneOff| one.key == key)
        };
        let key = pick(named, instance, estate, taken);
        let object = ledger::one_off_task(&key);
        let made = task_definition::task_definition(estate, instance, secrets, &object, book, notes);
        let Some((task_definition, _)) = made else { continue };
        one_offs.push(FoundOneOff { key, task_definition, place: instance.item.place.clone() });
    }
    Services { services: found, one_offs }
}

/// Returns a key that is not taken: of the name, of the label, or the label with what tells its instance.
pub(super) fn pick(
    named: Option<String>,
    instance: &Instance<'_>,
    estate: &Estate<'_>,
    taken: impl Fn(&str) -> bool,
) -> String {
    let label = names::key(instance.item.label(1), estate.app.as_deref(), &estate.stage);
    let call = instance.scope.calls.last().and_then(|(label, key)| {
        let key = format!("{label}{}", key.suffix());
        names::key(&key, estate.app.as_deref(), &estate.stage)
    });
    // One that is called like the application is called that.
    let whole = names::key(instance.item.label(1), None, &estate.stage);
    let choices = named.into_iter().chain(call).chain(label).chain(whole);
    let mut choices = choices.filter(|key| !taken(key));
    choices.next().unwrap_or_else(|| {
        let base = names::key(&instance.address(), None, &estate.stage).unwrap_or_else(|| "app".to_owned());
        let numbered = (2..).map(|n| format!("{base}-{n}"));
        [base.clone()].into_iter().chain(numbered).find(|key| !taken(key)).unwrap_or(base)
    })
}

fn request(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    definition: &Instance<'_>,
    object: &str,
    book: &mut Book,
    notes: &mut Notes,
) -> aws_model::Document {
    let address = instance.address();
    let place = &instance.item.place;
    let spot = Spot { what: &address, place, stage: &estate.stage };
    let leaves = book.leaves(instance);
    let made = table::made(estate, instance, &leaves, &[tables::SERVICE, tables::ANY], object, &mut book.ledger);
    let Made { document: mut request, unknown, unread } = made;
    // What no row names is in no document.
    unread.into_iter().for_each(|path| notes.untold(path));
    aws_model::shape::retype("CreateService", &mut request);
    for one in unknown {
        if matches!(one.member.as_str(), "taskDefinition" | "cluster") || one.member.ends_with("targetGroupArn") {
            continue; // told by what it refers to
        }
        let why = unknown_member(&one.member, &one.why, &spot, notes);
        book.list(&address, &one.path, why);
    }
    request.insert("taskDefinition".to_owned(), definition.attribute("family").shown().unwrap_or_default().into());
    // Without a region there is no ARN; the name will do.
    let cluster = instance.attribute("cluster");
    if let Some(known) = estate.referred(&cluster, &["aws_ecs_cluster"]).filter(|_| cluster.is_unknown().is_some())
        && let Some(name) = known.attribute("name").shown()
    {
        request.insert("cluster".to_owned(), name.into());
    }
    if !instance.blocks("network_configuration").is_empty() {
        // Whatever of it is known: there is one.
        let network = request.entry("networkConfiguration").or_insert_with(|| json!({}));
        network.as_object_mut().map(|network| network.entry("awsvpcConfiguration").or_insert_with(|| json!({})));
    }
    // "If you do not specify a cluster, the default cluster is assumed." (API reference, CreateService)
    if instance.given("cluster").is_none() {
        request.insert("cluster".to_owned(), "default".into());
    }
    let vpc =
        request.get_mut("networkConfiguration").and_then(|network| network["awsvpcConfiguration"].as_object_mut());
    if let Some(vpc) = vpc {
        vpc.entry("assignPublicIp").or_insert_with(|| "DISABLED".into());
    }
    if let Some(tags) = request.get_mut("tags") {
        *tags = as_tags(tags);
    }
    if !request.contains_key("desiredCount") {
        // The provider asks for no tasks if the folder does not say how many.
        let none = super::defaults::default("aws_ecs_service", "desired_count").filter(|_| !is_daemon(&request));
        request.extend(none.map(|none| ("desiredCount".to_owned(), none)));
    }
    // `launch_type`: "The valid values are EC2, FARGATE, and EXTERNAL. Defaults to EC2", unless the cluster has a strategy.
    let has_strategy = || {
        let kinds = ["aws_ecs_cluster_capacity_providers", "aws_ecs_cluster"];
        estate.of(&kinds).any(|one| !one.blocks("default_capacity_provider_strategy").is_empty())
    };
    let is_said = ["launchType", "capacityProviderStrategy"].iter().any(|member| request.contains_key(*member));
    let body = &instance.item.block.body;
    let is_dynamic =
        body.get_blocks("dynamic").any(|one| one.labels.first().is_some_and(|label| label.as_str() == STRATEGY));
    let needs_fargate = definition.given("requires_compatibilities").and_then(|value| match value {
        Value::List(values) => Some(values.iter().any(|one| one.shown().as_deref() == Some("FARGATE"))),
        _ => None,
    });
    if !is_said
        && !body.has_blocks(STRATEGY)
        && !is_dynamic
        && !has_strategy()
        && !needs_fargate.unwrap_or(false)
        && instance.item.attribute("launch_type").is_none()
    {
        request.insert("launchType".to_owned(), "EC2".into());
    }
    scaled(estate, instance, &mut request);
    request
}

const STRATEGY: &str = "capacity_provider_strategy";

/// Returns where a service runs that does not say it, where that is certain: on machines, if its tasks cannot run on Fargate,
/// or if its cluster is known and has no strategy of its own (API reference, CreateService).
fn launch_type(
    service: &aws_model::Document,
    task: &aws_model::Document,
    objects: &[FoundObject],
) -> Option<&'static str> {
    if service.contains_key("launchType") || service.contains_key("capacityProviderStrategy") {
        return None;
    }
    let on_fargate = task.get("networkMode").is_some_and(|mode| mode == "awsvpc");
    let cluster = service.get("cluster").and_then(Json::as_str).map(names::last);
    let mut clusters = objects.iter().filter(|one| one.kind == Kind::Cluster);
    let known = clusters.find(|one| {
        let name = one.document.get("clusterName").and_then(Json::as_str);
        name.is_some() && name == cluster.as_deref()
    });
    let has_none = known.is_some_and(|one| !one.document.contains_key("defaultCapacityProviderStrategy"));
    (!on_fargate || has_none).then_some("EC2")
}

fn is_daemon(request: &aws_model::Document) -> bool {
    request.get("schedulingStrategy").is_some_and(|strategy| strategy == "DAEMON")
}

/// Returns tags as the API lists them.
fn as_tags(tags: &Json) -> Json {
    let tags = tags.as_object().into_iter().flatten();
    tags.map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// A scalable target owns the number of tasks: the manifest must not fix it.
fn scaled(estate: &Estate<'_>, instance: &Instance<'_>, request: &mut aws_model::Document) {
    let Some(name) = instance.attribute("name").shown() else { return };
    let mut targets = estate.of(&["aws_appautoscaling_target"]);
    let target = targets.find(|target| {
        target.attribute("resource_id").shown().is_some_and(|id| id.rsplit('/').next() == Some(name.as_str()))
    });
    if target.is_some() {
        request.shift_remove("desiredCount");
    }
}

/// Returns `awsvpcConfiguration`, in ECS's casing or in EventBridge's.
pub(super) fn network(block: &BTreeMap<String, Value>, events: bool) -> Value {
    let names = if events {
        [("subnets", "Subnets"), ("security_groups", "SecurityGroups")]
    } else {
        [("subnets", "subnets"), ("security_groups", "securityGroups")]
    };
    let mut made = renamed(block, &names);
    let public = block.get("assign_public_ip").and_then(Value::as_bool).unwrap_or(false);
    let assign = if events { "AssignPublicIp" } else { "assignPublicIp" };
    made.insert(assign.to_owned(), if public { "ENABLED" } else { "DISABLED" }.into());
    Value::Map(BTreeMap::from([("awsvpcConfiguration".to_owned(), Value::Map(made))]))
}

/// Returns tags as the API lists them.
pub(super) fn tags(tags: BTreeMap<String, Value>) -> Value {
    let pair = |(key, value): (String, Value)| {
        Value::Map(BTreeMap::from([("key".to_owned(), key.into()), ("value".to_owned(), value)]))
    };
    Value::List(tags.into_iter().map(pair).collect())
}

/// Returns the name of the cluster that most services are in, or of the only cluster.
pub(super) fn cluster(estate: &Estate<'_>, services: &[FoundService]) -> Option<String> {
    let of_services = services.iter().find_map(|one| one.service.as_ref()?.get("cluster")?.as_str().map(names::last));
    of_services.or_else(|| estate.of(&["aws_ecs_cluster"]).find_map(|one| one.attribute("name").shown()))
}
