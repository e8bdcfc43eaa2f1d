//! What was found, as AWS would show it if it were made: what a plan is made against.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use deploy_core::desired::{Facts, IngressSpec};
use deploy_core::plan::Observed;
use deploy_core::plan::ingress::{DELAY, ObservedIngress};
use deploy_core::{Desired, Manifest};
use serde_json::{Value, json};

use crate::found::reference;
use crate::{Found, FoundObject, FoundStage, Kind};

/// What ECS makes of a service that does not say it (API reference, CreateService).
const OF_A_SERVICE: [(&str, &str); 8] = [
    ("/deploymentConfiguration/maximumPercent", "200"),
    ("/deploymentConfiguration/minimumHealthyPercent", "100"),
    ("/deploymentConfiguration/deploymentCircuitBreaker/enable", "false"),
    ("/deploymentConfiguration/deploymentCircuitBreaker/rollback", "false"),
    ("/schedulingStrategy", "\"REPLICA\""),
    ("/networkConfiguration/awsvpcConfiguration/assignPublicIp", "\"DISABLED\""),
    ("/enableExecuteCommand", "false"),
    ("/enableECSManagedTags", "false"),
];

/// Returns what documents of a stage depend on, as it was found: target groups too.
pub(super) fn facts(manifest: &Manifest, stage: &FoundStage) -> Facts {
    let mut facts = crate::facts::facts(manifest, stage);
    for service in &stage.services {
        if let Some(arn) = service.service.as_ref().and_then(balanced) {
            facts.target_groups.insert(service.key.clone(), arn.unwrap_or_else(|| nobody(&service.key)));
        }
    }
    facts
}

/// Returns the target group of a service's first load balancer; it may have no name here.
fn balanced(service: &Document) -> Option<Option<String>> {
    let first = service.get("loadBalancers")?.get(0)?;
    Some(first.get("targetGroupArn").and_then(Value::as_str).map(str::to_owned))
}

/// Stands for a target group that nothing names.
fn nobody(service: &str) -> String {
    reference(&format!("services.{service}.target-group"))
}

/// Returns what there would be in a stage if all that was found were made, and nothing else.
pub(super) fn observed(found: &Found, stage: &FoundStage, desired: &Desired) -> Observed {
    let mut seen = Observed {
        has_cluster: true,
        log_groups: desired.log_groups.iter().cloned().collect(),
        scaled: scaled(stage),
        schedules: Some(BTreeMap::new()),
        scheduler: Some(BTreeMap::new()),
        ..Observed::default()
    };
    if !stage.objects.is_empty() {
        let names: BTreeSet<String> = named(stage, Kind::LogGroup, "logGroupName").map(|(name, _)| name).collect();
        let is_unseen = stage.unseen.contains(&Kind::LogGroup);
        seen.log_groups.retain(|group| is_unseen || names.contains(group));
        let named_elsewhere = stage.cluster.as_ref().is_some_and(|cluster| *cluster == desired.cluster);
        seen.has_cluster =
            named_elsewhere || named(stage, Kind::Cluster, "clusterName").any(|(name, _)| name == desired.cluster);
    }
    let mut revisions = Revisions::default();
    for service in &stage.services {
        let arn = revisions.of(&service.task_definition, &mut seen);
        let Some(document) = &service.service else { continue };
        let mut document = with_defaults(document);
        document.insert("taskDefinition".to_owned(), arn.into());
        if let Some(first) = document.get_mut("loadBalancers").and_then(|list| list.get_mut(0)?.as_object_mut()) {
            first.entry("targetGroupArn").or_insert_with(|| nobody(&service.key).into());
        }
        let name = document.get("serviceName").and_then(Value::as_str).unwrap_or_default().to_owned();
        seen.services.insert(name, document);
    }
    for schedule in &stage.schedules {
        let arn = revisions.of(&schedule.task_definition, &mut seen);
        let mut target = schedule.target.clone();
        let parameters = target.entry("EcsParameters").or_insert_with(|| json!({}));
        if let Some(parameters) = parameters.as_object_mut() {
            parameters.insert("TaskDefinitionArn".to_owned(), arn.into());
        }
        schedule.observe(target, &mut seen);
    }
    for one in &stage.one_offs {
        revisions.of(&one.task_definition, &mut seen);
    }
    debug_assert!(found.stages.iter().any(|one| one.name == stage.name), "a stage of what was found");
    if has_ways(stage) {
        for service in &desired.services {
            let way = service.ingress.as_ref().map(|spec| way(stage, spec));
            seen.ingress.extend(way.map(|way| (service.service.clone(), way)));
        }
    }
    seen
}

/// Numbers of revisions: equal documents are one, as Terraform's one resource is.
#[derive(Default)]
struct Revisions(Vec<(Document, String)>);

impl Revisions {
    fn of(&mut self, document: &Document, seen: &mut Observed) -> String {
        if let Some((_, arn)) = self.0.iter().find(|(known, _)| known == document) {
            return arn.clone();
        }
        let family = document.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();
        let arn = format!("arn:aws:ecs:found:000000000000:task-definition/{family}:{}", self.0.len() + 1);
        self.0.push((document.clone(), arn.clone()));
        let mut described = document.clone();
        described.insert("taskDefinitionArn".to_owned(), arn.as_str().into());
        seen.newest.insert(family, described.clone());
        seen.revisions.insert(arn.clone(), described);
        arn
    }
}

/// Returns a service with what ECS makes of one that does not say it.
pub(crate) fn with_defaults(service: &Document) -> Document {
    let mut value = Value::Object(service.clone());
    for (path, default) in OF_A_SERVICE {
        let names: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        // A service without a network of its own has no address to decide about.
        if names[0] == "networkConfiguration" && value.get("networkConfiguration").is_none() {
            continue;
        }
        let mut place = &mut value;
        for name in &names {
            if !place.is_object() {
                break;
            }
            place = &mut place[*name];
            if place.is_null() && Some(name) != names.last() {
                *place = json!({});
            }
        }
        if place.is_null() {
            *place = serde_json::from_str(default).unwrap_or_default();
        }
    }
    match value {
        Value::Object(service) => service,
        _ => Document::new(),
    }
}

/// Returns the names of services whose number of tasks an autoscaler owns.
fn scaled(stage: &FoundStage) -> BTreeSet<String> {
    let named = stage.objects.iter().filter(|object| object.kind == Kind::ScalableTarget);
    named
        .filter_map(|target| target.document.get("ResourceId")?.as_str()?.rsplit('/').next().map(str::to_owned))
        .collect()
}

/// Returns objects of a kind with the name that they are known to have.
pub(super) fn named<'a>(
    stage: &'a FoundStage,
    kind: Kind,
    member: &'a str,
) -> impl Iterator<Item = (String, &'a FoundObject)> {
    let of_kind = stage.objects.iter().filter(move |object| object.kind == kind);
    of_kind.filter_map(move |object| Some((object.document.get(member)?.as_str()?.to_owned(), object)))
}

/// Returns the listener that a deploy would look at for a service.
pub(super) fn listener<'a>(stage: &'a FoundStage, spec: &IngressSpec) -> Option<&'a FoundObject> {
    let of_balancer = |listener: &&FoundObject| {
        let balancer = named(stage, Kind::LoadBalancer, "Name").find(|(name, _)| *name == spec.load_balancer);
        let arn = listener.document.get("LoadBalancerArn").and_then(Value::as_str);
        balancer.is_some_and(|(_, balancer)| arn == Some(&reference(&balancer.id)))
    };
    let port = |listener: &FoundObject| listener.document.get("Port").map(text);
    let listeners = stage.objects.iter().filter(|object| object.kind == Kind::Listener);
    let mut here = listeners.filter(of_balancer);
    here.find(|listener| port(listener) == Some(spec.listener_port.to_string()))
}

/// Returns the rules of a listener: an object here, or an ARN.
pub(super) fn rules<'a>(stage: &'a FoundStage, listener: &str) -> Vec<&'a FoundObject> {
    let rules = stage.objects.iter().filter(|object| object.kind == Kind::Rule);
    rules.filter(|rule| rule.document.get("ListenerArn").and_then(Value::as_str) == Some(listener)).collect()
}

/// Returns whether it is known what requests go through: then what is not there would be made.
pub(super) fn has_ways(stage: &FoundStage) -> bool {
    let of_ways = [Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener, Kind::Rule];
    !stage.objects.is_empty() && of_ways.iter().all(|kind| !stage.unseen.contains(kind))
}

/// Returns the way to a service, as far as a deploy would look at it.
fn way(stage: &FoundStage, spec: &IngressSpec) -> ObservedIngress {
    let balancer = named(stage, Kind::LoadBalancer, "Name").find(|(name, _)| *name == spec.load_balancer);
    let group = named(stage, Kind::TargetGroup, "Name").find(|(name, _)| *name == spec.target_group);
    let delay = group.as_ref().and_then(|(_, group)| attribute(&group.document, DELAY));
    let (listener, rules) = match &spec.listener_arn {
        Some(arn) => (stage.objects.iter().find(|one| one.id == *arn), rules(stage, arn)),
        None => {
            let listener = listener(stage, spec);
            let rules = listener.map(|one| self::rules(stage, &reference(&one.id))).unwrap_or_default();
            (listener, rules)
        }
    };
    let mut shown_rules: Vec<Document> = rules.into_iter().map(|one| rule(one, stage.priority(one))).collect();
    if let Some(listener) = listener {
        let actions = shown(listener).get("DefaultActions").cloned().unwrap_or_default();
        let default = json!({ "IsDefault": "true", "Priority": "default", "Conditions": [], "Actions": actions });
        shown_rules.extend(default.as_object().cloned());
    }
    let described = |object: &FoundObject, arn: &str| {
        let mut described = shown(object);
        described.insert(arn.to_owned(), reference(&object.id).into());
        described
    };
    ObservedIngress {
        balancer: balancer.map(|(_, balancer)| described(balancer, "LoadBalancerArn")),
        group: group.map(|(_, group)| described(group, "TargetGroupArn")),
        delay,
        // A listener that is given is not looked at as a whole.
        listener: listener.filter(|_| spec.listener_arn.is_none()).map(|one| described(one, "ListenerArn")),
        rules: shown_rules,
    }
}

/// Returns a member of `Attributes`.
pub(super) fn attribute(document: &Document, key: &str) -> Option<String> {
    let all = document.get("Attributes")?.as_array()?;
    all.iter().find(|one| one.get("Key").is_some_and(|one| one == key))?.get("Value").map(text)
}

/// The Query protocol knows texts only.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value.clone(),
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(members) => Value::Object(members.iter().map(|(name, one)| (name.clone(), texts(one))).collect()),
    }
}

/// Returns an object as ELBv2 describes it. A forward to one group is shown in both of its forms (API reference,
/// Action).
fn shown(object: &FoundObject) -> Document {
    let Value::Object(mut document) = texts(&Value::Object(object.document.clone())) else { return Document::new() };
    for member in ["Actions", "DefaultActions"] {
        for action in document.get_mut(member).and_then(Value::as_array_mut).into_iter().flatten() {
            let groups = action.pointer("/ForwardConfig/TargetGroups").and_then(Value::as_array);
            let only = groups.filter(|groups| groups.len() == 1).and_then(|groups| groups[0].get("TargetGroupArn"));
            if let Some(only) = only.cloned() {
                action["TargetGroupArn"] = only;
            }
        }
    }
    document
}

/// Returns a rule as it is described: what its oldest conditions ask for is shown in `Values` too.
fn rule(object: &FoundObject, priority: u32) -> Document {
    let mut document = shown(object);
    document.insert("Priority".to_owned(), priority.to_string().into());
    document.insert("RuleArn".to_owned(), reference(&object.id).into());
    document.insert("IsDefault".to_owned(), "false".into());
    for condition in document.get_mut("Conditions").and_then(Value::as_array_mut).into_iter().flatten() {
        for config in ["HostHeaderConfig", "PathPatternConfig"] {
            if let Some(values) = condition.get(config).and_then(|config| config.get("Values")).cloned() {
                condition["Values"] = values;
            }
        }
    }
    document
}
