//! What services stand on and requests go through: what a deploy would change of it, and what it leaves alone.

use deploy_core::desired::{IngressSpec, ServiceDoc};
use deploy_core::plan::ingress::{DELAY, checks, forwards_to, is_given};
use deploy_core::plan::{Action, Mark, Step};
use serde_json::Value;

use super::memo::way_to;
use super::observed::{has_ways, listener, named, rules};
use super::{Asked, Told, told};
use crate::found::{reference, referred};
use crate::ledger::{self, Account};
use crate::{FoundObject, Kind};

impl Asked<'_> {
    /// Tells what a deploy would make or change beside services.
    pub(super) fn way_changes(&self, all: &mut Vec<Told>) {
        if self.stage.objects.is_empty() {
            return;
        }
        for step in &self.plan.steps {
            match (&step.action, step.kind.as_str()) {
                (Action::Route { .. }, _) if !has_ways(self.stage) => {}
                (Action::Route { service, spec, .. }, _) => self.of_route(service, spec, step, all),
                (Action::CreateCluster { .. } | Action::CreateLogGroup, kind) => {
                    let why = format!("{kind} {} is not among what was found, and a deploy would make it", step.name);
                    all.push(Told {
                        of: String::new(),
                        object: format!("{kind} {}", step.name),
                        member: String::new(),
                        kept: Vec::new(),
                        place: self.stage.services.first().map(|one| one.place.clone()).unwrap_or_default(),
                        why,
                    });
                }
                _ => {}
            }
        }
    }

    fn of_route(&self, service: &str, spec: &IngressSpec, step: &Step, all: &mut Vec<Told>) {
        let place = self.stage.services.iter().find(|one| one.key == service).map(|one| one.place.clone());
        let object = match step.kind.as_str() {
            "load balancer" => {
                named(self.stage, Kind::LoadBalancer, "Name").find(|(name, _)| *name == spec.load_balancer)
            }
            "target group" => named(self.stage, Kind::TargetGroup, "Name").find(|(name, _)| *name == spec.target_group),
            "listener" => listener(self.stage, spec).map(|one| (one.id.clone(), one)),
            "rule" => self.rule(spec).map(|one| (one.id.clone(), one)),
            _ => None,
        };
        let object = object.map(|(_, object)| object).filter(|_| step.mark != Mark::Create);
        let Some(object) = object else {
            let what = if step.mark == Mark::Create { "would make" } else { "would change" };
            let why = format!("a deploy {what} {} {}, which was not found", step.kind, step.name);
            all.push(Told {
                of: ledger::service(service),
                object: ledger::service(service),
                member: format!("loadBalancers.{}", step.kind),
                kept: Vec::new(),
                place: place.unwrap_or_default(),
                why,
            });
            return;
        };
        for change in &step.difference.changes {
            let path = change.path.join(".");
            let member = if path == DELAY { format!("Attributes.{path}") } else { path };
            let kept = match &change.after {
                Some(after) if member == "Conditions" => kept_conditions(object, after),
                _ => Vec::new(),
            };
            let place = object.place.clone();
            let why = match &change.after {
                Some(after) if member == "Conditions" => {
                    format!(
                        "a deploy would take it away: requests that it keeps out get in; what is left is {}",
                        said(after)
                    )
                }
                _ => told(change),
            };
            let (of, object) = (ledger::service(service), object.id.clone());
            all.push(Told { of, object, member, kept, place, why });
        }
    }

    /// Returns the rule that sends requests to a service: the one that a deploy would look at.
    pub(super) fn rule(&self, spec: &IngressSpec) -> Option<&FoundObject> {
        let group = self.group(spec)?;
        let listener = match &spec.listener_arn {
            Some(arn) => arn.clone(),
            None => reference(&listener(self.stage, spec)?.id),
        };
        let to_it = |rule: &&FoundObject| forwards_to(&rule.document, "Actions", &group) || is_weighted(rule, &group);
        let found = rules(self.stage, &listener).into_iter().find(to_it).map(|rule| rule.id.clone())?;
        self.objects(Kind::Rule).find(|rule| rule.id == found)
    }

    pub(super) fn group(&self, spec: &IngressSpec) -> Option<String> {
        let named = named(self.stage, Kind::TargetGroup, "Name").find(|(name, _)| *name == spec.target_group);
        spec.target_group_arn.clone().or_else(|| named.map(|(_, group)| reference(&group.id)))
    }

    /// Returns the account of a member of an object that a deploy leaves as it is.
    pub(super) fn of_object(&self, object: &FoundObject, member: &str) -> Account {
        if let Some((_, why)) = object.unknown.iter().find(|(name, _)| name == member) {
            return match is_asked_for(object.kind, member) {
                true => Account::Listed(why.clone()),
                false => self.theirs("only AWS can tell it here, and a deploy does not touch it"),
            };
        }
        match object.kind {
            Kind::Cluster if member == "clusterName" => match self.name_of(object, member) {
                Some(name) if *name == self.desired.cluster => self.said(self.words.stage("cluster")),
                _ => self.theirs("no service of the manifest runs in it"),
            },
            Kind::LogGroup if member == "logGroupName" => match self.name_of(object, member) {
                Some(name) if self.desired.log_groups.iter().any(|group| group == name) => {
                    self.said(self.words.stage("log-group").or_else(|| self.words.log_group()))
                }
                _ => self.theirs("no container of the manifest writes to it"),
            },
            Kind::LoadBalancer if member == "Name" => {
                let name = self.name_of(object, member).map(str::to_owned);
                match self.ways().find(|(_, spec)| Some(&spec.load_balancer) == name.as_ref()) {
                    Some(_) => self.said(self.words.stage("load-balancer")),
                    None => self.theirs("no service of the manifest is behind it by its name"),
                }
            }
            Kind::TargetGroup => self.of_group(object, member),
            Kind::Listener => self.of_listener(object, member),
            Kind::Rule => self.of_rule(object, member),
            Kind::ScalableTarget | Kind::ScalingPolicy | Kind::ScheduledAction => self.of_scaling(object, member),
            _ => self.theirs("a deploy does not touch it"),
        }
    }

    fn name_of<'o>(&self, object: &'o FoundObject, member: &str) -> Option<&'o str> {
        object.document.get(member)?.as_str()
    }

    fn ways(&self) -> impl Iterator<Item = (&ServiceDoc, &IngressSpec)> {
        self.desired.services.iter().filter_map(|doc| Some((doc, doc.ingress.as_ref()?)))
    }

    fn of_group(&self, object: &FoundObject, member: &str) -> Account {
        let Some((doc, spec)) = way_to(self, object) else {
            return self.theirs("no ingress of the manifest names it: a deploy does not touch it");
        };
        let service = &doc.service;
        match member {
            "Name" => self.said(self.words.in_service(service, "target-group")),
            _ if is_given(spec) || spec.target_group_arn.is_some() => self.theirs("a deploy does not touch it"),
            "HealthCheckProtocol" if checks(spec).contains_key(member) => Account::Default("managr's HTTP".to_owned()),
            // gRPC's codes have no word, and are left alone.
            member if member.starts_with("Matcher") && is_grpc(object) => {
                self.theirs("a deploy leaves codes of gRPC as they are")
            }
            member if member == format!("Attributes.{DELAY}") => {
                self.said(self.words.in_service(service, "ingress.deregistration-delay"))
            }
            member if checks(spec).contains_key(member.split('.').next().unwrap_or(member)) => {
                let word = HEALTH.iter().find(|(aws, _)| member.starts_with(aws)).map_or("path", |(_, word)| word);
                self.said(self.words.in_service(service, &format!("ingress.health-check.{word}")))
            }
            _ => self.theirs("a deploy leaves it as it is; a target group that managr made anew would not have it"),
        }
    }

    fn of_listener(&self, object: &FoundObject, member: &str) -> Account {
        let Some((doc, spec)) = way_to(self, object) else {
            return self.theirs("a deploy does not touch it");
        };
        match member {
            "Port" => self.said(self.words.in_service(&doc.service, "ingress.listener")),
            member if member.starts_with("DefaultActions") && spec.is_default() => {
                Account::Carried(format!("services.{}.ingress", doc.service))
            }
            _ => self.theirs("a deploy leaves it as it is; a listener that managr made anew would not have it"),
        }
    }

    fn of_rule(&self, object: &FoundObject, member: &str) -> Account {
        let Some((doc, _)) = way_to(self, object) else {
            return self.theirs("a deploy does not touch it");
        };
        let service = &doc.service;
        if let Some(rest) = member.strip_prefix("Conditions.") {
            let index: Option<usize> = rest.split('.').next().and_then(|index| index.parse().ok());
            let field = index.and_then(|index| {
                let condition = object.document.get("Conditions")?.get(index)?;
                condition.get("Field")?.as_str().map(str::to_owned)
            });
            let word = match field.as_deref() {
                Some("host-header") => {
                    self.words.in_service(service, "ingress.host").or_else(|| self.words.stage("host"))
                }
                Some("path-pattern") => self.words.in_service(service, "ingress.path"),
                _ => None,
            };
            return match word {
                Some(word) => Account::Carried(word),
                None => self.theirs("a deploy leaves this condition as it is"),
            };
        }
        let forwards = member.starts_with("Actions") && member.ends_with("TargetGroupArn");
        if forwards {
            return Account::Carried(format!("services.{service}.ingress"));
        }
        self.theirs("a deploy leaves it as it is; a rule that managr made anew would not have it")
    }
}

/// Returns whether a deploy finds an object by a member, or sets it: then it must be known.
fn is_asked_for(kind: Kind, member: &str) -> bool {
    let first = member.split('.').next().unwrap_or(member);
    match kind {
        Kind::TargetGroup => {
            matches!(first, "Name" | "Matcher" | "HealthyThresholdCount" | "UnhealthyThresholdCount")
                || first.starts_with("HealthCheck")
                || member == format!("Attributes.{DELAY}")
        }
        Kind::Listener => matches!(first, "Port" | "LoadBalancerArn"),
        Kind::Rule => matches!(first, "Conditions" | "ListenerArn"),
        Kind::Cluster => first == "clusterName",
        Kind::LoadBalancer => first == "Name",
        Kind::LogGroup => first == "logGroupName",
        Kind::ScalableTarget => matches!(first, "MinCapacity" | "MaxCapacity" | "ResourceId"),
        Kind::ScalingPolicy => member.ends_with("TargetValue") || first == "ResourceId",
        Kind::ScheduledAction => {
            matches!(first, "Schedule" | "Timezone" | "ScalableTargetAction" | "ScheduledActionName" | "ResourceId")
        }
    }
}

/// Members of a target group and the words of a health check.
const HEALTH: [(&str, &str); 6] = [
    ("HealthCheckPath", "path"),
    ("HealthCheckIntervalSeconds", "interval"),
    ("HealthCheckTimeoutSeconds", "timeout"),
    ("HealthyThresholdCount", "healthy-threshold"),
    ("UnhealthyThresholdCount", "unhealthy-threshold"),
    ("Matcher", "matcher"),
];

/// Returns whether a group's health check expects codes of gRPC.
fn is_grpc(group: &FoundObject) -> bool {
    group.document.get("Matcher").is_some_and(|matcher| matcher.get("GrpcCode").is_some())
}

/// Returns whether a rule sends a share of its requests to a group.
fn is_weighted(rule: &FoundObject, group: &str) -> bool {
    let actions = rule.document.get("Actions").and_then(Value::as_array).into_iter().flatten();
    let groups = actions.filter_map(|action| action.pointer("/ForwardConfig/TargetGroups")?.as_array()).flatten();
    groups.filter_map(|one| one.get("TargetGroupArn")?.as_str()).any(|arn| arn == group && referred(arn).is_some())
}

/// Says conditions in a line.
fn said(conditions: &Value) -> String {
    let one = |condition: &Value| {
        let values = condition.get("Values").and_then(Value::as_array).into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        format!("{} {}", condition.get("Field").and_then(Value::as_str).unwrap_or_default(), values.join(" or "))
    };
    conditions.as_array().into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns the conditions of a rule that it has after a change, too.
fn kept_conditions(rule: &FoundObject, after: &Value) -> Vec<String> {
    let values = |condition: &Value| {
        let config = ["HostHeaderConfig", "PathPatternConfig"]
            .iter()
            .find_map(|config| condition.get(*config).and_then(|config| config.get("Values")));
        condition.get("Values").or(config).cloned()
    };
    let found = rule.document.get("Conditions").and_then(Value::as_array).into_iter().flatten();
    let stays = |condition: &Value| {
        after.as_array().into_iter().flatten().any(|wanted| {
            wanted.get("Field") == condition.get("Field")
                && values(wanted) == values(condition)
                && values(wanted).is_some()
        })
    };
    let stays = found.enumerate().filter(|(_, condition)| stays(condition));
    stays.map(|(index, _)| format!("Conditions.{index}")).collect()
}
