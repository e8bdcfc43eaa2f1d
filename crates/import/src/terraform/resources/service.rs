//! `aws_ecs_service`: which services run which task definitions, and how?

use std::collections::{BTreeMap, BTreeSet};

use super::super::names;
use super::super::scope::Instance;
use super::super::value::Value;
use super::document::{Notes, Spot, document};
use super::{Estate, ingress, renamed, task_definition};
use crate::{FoundSchedule, FoundSecret, FoundService};

/// Arguments that become a member of the request as they are.
const PLAIN: [(&str, &str); 14] = [
    ("name", "serviceName"),
    ("cluster", "cluster"),
    ("task_definition", "taskDefinition"),
    ("desired_count", "desiredCount"),
    ("launch_type", "launchType"),
    ("platform_version", "platformVersion"),
    ("enable_execute_command", "enableExecuteCommand"),
    ("health_check_grace_period_seconds", "healthCheckGracePeriodSeconds"),
    ("scheduling_strategy", "schedulingStrategy"),
    ("propagate_tags", "propagateTags"),
    ("enable_ecs_managed_tags", "enableECSManagedTags"),
    ("iam_role", "role"),
    ("availability_zone_rebalancing", "availabilityZoneRebalancing"),
    ("sigint_rollback", "sigintRollback"),
];

/// Returns the services of a stage, and the task definitions that no service and no schedule is known to run.
pub(super) fn services(
    estate: &Estate<'_>,
    secrets: &[FoundSecret],
    schedules: &mut [FoundSchedule],
    notes: &mut Notes,
) -> Vec<FoundService> {
    let mut found: Vec<FoundService> = Vec::new();
    let mut ran: BTreeSet<String> = schedules.iter().filter_map(|one| family(&one.task_definition)).collect();
    for instance in estate.of(&["aws_ecs_service"]) {
        let address = instance.address();
        let place = instance.item.place.clone();
        let runs = instance.attribute("task_definition");
        let Some(definition) = estate.referred(&runs, &["aws_ecs_task_definition"]) else {
            let why = "the task definition that it runs is not in the folder: not carried";
            notes.push(format!("{address} in stage {}", estate.stage), &place, why);
            continue;
        };
        let Some(task_definition) = task_definition::task_definition(estate, definition, secrets, notes) else {
            continue;
        };
        ran.extend(family(&task_definition));
        let name = instance.attribute("name").shown();
        let named = name.as_deref().and_then(|name| names::key(name, estate.app.as_deref(), &estate.stage));
        let key = pick(named, instance, estate, |key| found.iter().any(|one| one.key == key));
        found.push(FoundService {
            key,
            ingress: ingress::ingress(estate, instance, notes),
            service: Some(request(estate, instance, definition, notes)),
            task_definition,
            place,
        });
    }
    for instance in estate.of(&["aws_ecs_task_definition"]) {
        let known = instance.attribute("family").shown();
        if known.as_ref().is_some_and(|family| ran.contains(family)) {
            continue;
        }
        let Some(task_definition) = task_definition::task_definition(estate, instance, secrets, notes) else {
            continue;
        };
        if family(&task_definition).is_some_and(|family| !ran.insert(family)) {
            continue;
        }
        let named = known.as_deref().and_then(|name| names::key(name, estate.app.as_deref(), &estate.stage));
        let key = pick(named, instance, estate, |key| found.iter().any(|one| one.key == key));
        let place = instance.item.place.clone();
        found.push(FoundService { key, task_definition, service: None, ingress: None, place });
    }
    found
}

fn family(task_definition: &ecs_model::Document) -> Option<String> {
    task_definition.get("family")?.as_str().map(str::to_owned)
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
    let choices = named.into_iter().chain(call).chain(label);
    let mut choices = choices.filter(|key| !taken(key));
    choices.next().unwrap_or_else(|| {
        let base = names::key(&instance.address(), None, &estate.stage).unwrap_or_else(|| "app".to_owned());
        (2..).map(|n| format!("{base}-{n}")).chain([base.clone()]).find(|key| !taken(key)).unwrap_or(base)
    })
}

fn request(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    definition: &Instance<'_>,
    notes: &mut Notes,
) -> ecs_model::Document {
    let address = instance.address();
    let place = &instance.item.place;
    let spot = Spot { what: &address, place, stage: &estate.stage };
    let mut values = BTreeMap::new();
    for (terraform, aws) in PLAIN {
        values.extend(instance.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    values.insert("taskDefinition".to_owned(), definition.attribute("family"));
    // Without a region there is no ARN; the name will do.
    if let Some(cluster) = values.get_mut("cluster").filter(|cluster| cluster.is_unknown().is_some())
        && let Some(known) = estate.referred(cluster, &["aws_ecs_cluster"])
    {
        *cluster = known.attribute("name");
    }
    let deployment = deployment(instance);
    if !deployment.is_empty() {
        values.insert("deploymentConfiguration".to_owned(), Value::Map(deployment));
    }
    for block in instance.blocks("deployment_controller") {
        values.insert("deploymentController".to_owned(), Value::Map(renamed(&block, &[("type", "type")])));
    }
    for block in instance.blocks("network_configuration") {
        values.insert("networkConfiguration".to_owned(), network(&block, false));
    }
    let balancers: Vec<Value> = instance
        .blocks("load_balancer")
        .iter()
        .map(|block| {
            // The target group is told by `ingress`: its ARN is not known here.
            let names = [("container_name", "containerName"), ("container_port", "containerPort")];
            Value::Map(renamed(block, &names))
        })
        .collect();
    if !balancers.is_empty() {
        values.insert("loadBalancers".to_owned(), Value::List(balancers));
    }
    let strategy: Vec<Value> = instance
        .blocks("capacity_provider_strategy")
        .iter()
        .map(|block| {
            let names = [("capacity_provider", "capacityProvider"), ("base", "base"), ("weight", "weight")];
            Value::Map(renamed(block, &names))
        })
        .collect();
    if !strategy.is_empty() {
        values.insert("capacityProviderStrategy".to_owned(), Value::List(strategy));
    }
    if let Some(Value::Map(given)) = instance.given("tags") {
        values.insert("tags".to_owned(), tags(given));
    }
    scaled(estate, instance, &mut values, notes);
    for name in [
        "service_registries",
        "service_connect_configuration",
        "alarms",
        "ordered_placement_strategy",
        "placement_constraints",
        "volume_configuration",
        "vpc_lattice_configurations",
    ] {
        if !instance.blocks(name).is_empty() {
            notes.push(format!("{name} of {address}"), place, "is not read: add it under `aws-service` by hand");
        }
    }
    if ignores(instance, "task_definition") {
        let why = "`ignore_changes` has its task definition: what runs may be newer than this folder; import from the live cluster to compare";
        notes.push(address.clone(), place, why);
    }
    document(&values, &spot, notes)
}

/// A scalable target owns the number of tasks: the manifest must not fix it.
fn scaled(estate: &Estate<'_>, instance: &Instance<'_>, values: &mut BTreeMap<String, Value>, notes: &mut Notes) {
    let Some(name) = instance.attribute("name").shown() else { return };
    let target = estate.of(&["aws_appautoscaling_target"]).find(|target| {
        target.attribute("resource_id").shown().is_some_and(|id| id.rsplit('/').next() == Some(name.as_str()))
    });
    let Some(target) = target else { return };
    values.remove("desiredCount");
    let bound = |name: &str| target.given(name).and_then(|value| value.shown()).unwrap_or_else(|| "?".to_owned());
    let policies: Vec<String> = estate
        .of(&["aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action"])
        .filter(|policy| {
            policy.attribute("resource_id").shown().is_some_and(|id| id.rsplit('/').next() == Some(name.as_str()))
        })
        .map(Instance::address)
        .collect();
    let with = if policies.is_empty() { String::new() } else { format!(" with {}", policies.join(", ")) };
    let why = format!(
        "scales {name} between {} and {} tasks{with}: managr has no word for it, it stays in Terraform; `count` is left out so that a deployment does not fight it",
        bound("min_capacity"),
        bound("max_capacity"),
    );
    notes.push(target.address(), &target.item.place, why);
}

fn deployment(instance: &Instance<'_>) -> BTreeMap<String, Value> {
    let mut made = BTreeMap::new();
    for (terraform, aws) in [
        ("deployment_minimum_healthy_percent", "minimumHealthyPercent"),
        ("deployment_maximum_percent", "maximumPercent"),
    ] {
        made.extend(instance.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    for block in instance.blocks("deployment_circuit_breaker") {
        let names = [("enable", "enable"), ("rollback", "rollback")];
        made.insert("deploymentCircuitBreaker".to_owned(), Value::Map(renamed(&block, &names)));
    }
    made
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

fn ignores(instance: &Instance<'_>, name: &str) -> bool {
    instance.item.block.body.get_blocks("lifecycle").any(|block| {
        block.body.get_attribute("ignore_changes").is_some_and(|ignored| {
            let text = ignored.value.to_string();
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        })
    })
}

/// Returns the name of the cluster that most services are in, or of the only cluster.
pub(super) fn cluster(estate: &Estate<'_>, services: &[FoundService]) -> Option<String> {
    let of_services = services.iter().find_map(|one| one.service.as_ref()?.get("cluster")?.as_str().map(names::last));
    of_services.or_else(|| estate.of(&["aws_ecs_cluster"]).find_map(|one| one.attribute("name").shown()))
}
