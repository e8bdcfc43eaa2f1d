//! What a source holds, in AWS's own words: the one value that every source is turned into.
//!
//! Documents are kept as they were found (a request of RegisterTaskDefinition or an answer of DescribeTaskDefinition,
//! whichever): what is not understood here is still carried.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_model::Document;
use deploy_core::manifest::{Via, check_discover};
use deploy_core::plan::{Observed, ObservedSchedule};
use serde::Serialize;
use serde_json::Value;

use crate::ledger::Ledger;

/// Text files by their path from the folder's root, with `/` between names.
pub type Folder = BTreeMap<String, String>;

/// An application as a source shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Name of the application, if the source tells.
    pub app: Option<String>,
    /// Its stages, in the order of the source; each has a name of its own.
    pub stages: Vec<FoundStage>,
    /// Repositories of images that are built for it, without host and tag, such as `thinknimble/managr/server`.
    /// An image of another repository counts as foreign.
    pub repositories: Vec<String>,
    /// What could not be carried so far.
    pub left: Vec<Left>,
}

/// A stage as a source shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundStage {
    /// Name of the stage, such as `staging`.
    pub name: String,
    /// AWS region, if the source tells.
    pub region: Option<String>,
    /// AWS account, if the source tells.
    pub account: Option<String>,
    /// Name of the ECS cluster, if the source tells.
    pub cluster: Option<String>,
    /// Name of the load balancer that its services share.
    pub load_balancer: Option<String>,
    /// ARN of the listener that its services share, where it is known.
    pub listener_arn: Option<String>,
    /// Its JSON secrets; a secret that no task definition names is carried too if there is only one.
    pub secrets: Vec<FoundSecret>,
    /// Its services.
    pub services: Vec<FoundService>,
    /// Its schedules.
    pub schedules: Vec<FoundSchedule>,
    /// Task definitions that neither a service nor a schedule runs: commands that users start by hand.
    pub one_offs: Vec<FoundOneOff>,
    /// What services stand on and requests go through, as AWS's own documents.
    pub objects: Vec<FoundObject>,
    /// Kinds of objects that could not be looked at: what a deploy would do to them is unknown.
    pub unseen: BTreeSet<Kind>,
    /// Everything that the source says of this stage, and what its reader made of it.
    pub ledger: Ledger,
}

impl FoundStage {
    /// Returns the priority of a rule: its own, or the next behind those of its listener, as the provider takes it
    /// where none is set. A rule without any would be taken for the default.
    pub fn priority(&self, rule: &FoundObject) -> u32 {
        let said = |one: &FoundObject| {
            let value = one.document.get("Priority")?;
            value.as_u64().or_else(|| value.as_str()?.parse().ok()).and_then(|number| u32::try_from(number).ok())
        };
        let listener = |one: &FoundObject| one.document.get("ListenerArn").cloned();
        let others = || self.objects.iter().filter(|one| one.kind == Kind::Rule && listener(one) == listener(rule));
        let next = || {
            let last = others().filter_map(said).max().unwrap_or(0);
            let before = others().take_while(|one| one.id != rule.id).filter(|one| said(one).is_none()).count();
            last.saturating_add(1).saturating_add(u32::try_from(before).unwrap_or(u32::MAX))
        };
        said(rule).unwrap_or_else(next)
    }
}

/// A task definition that nothing runs by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundOneOff {
    /// What it could be called in a manifest: the same in every stage.
    pub key: String,
    /// The task definition.
    pub task_definition: Document,
    /// Where it was found.
    pub place: Place,
}

/// What kind of object it is: which call makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `CreateCluster` of ECS.
    Cluster,
    /// `CreateLoadBalancer` of ELBv2, with `Attributes` of ModifyLoadBalancerAttributes.
    LoadBalancer,
    /// `CreateTargetGroup`, with `Attributes` of ModifyTargetGroupAttributes.
    TargetGroup,
    /// `CreateListener`, with `Attributes`; certificates of AddListenerCertificates come after the default one.
    Listener,
    /// `CreateRule`; `Priority` is left out where AWS would choose it.
    Rule,
    /// `CreateLogGroup` of CloudWatch Logs, with `retentionInDays` of PutRetentionPolicy.
    LogGroup,
    /// `RegisterScalableTarget` of Application Auto Scaling.
    ScalableTarget,
    /// `PutScalingPolicy`.
    ScalingPolicy,
    /// `PutScheduledAction`.
    ScheduledAction,
}

/// An object of AWS beside task definitions, services and schedules: what a deploy touches, or must leave alone.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundObject {
    /// Which call makes it.
    pub kind: Kind,
    /// How the source names it, such as `aws_lb_target_group.web["prod"]` or an ARN: one for each document, and never
    /// the name in AWS, which two may share and which may be unknown.
    pub id: String,
    /// The request that would make it. Where it names another found object it holds [`reference()`] of its id.
    pub document: Document,
    /// Members whose value only AWS (or the user) can tell, and why: a question, never a default.
    pub unknown: Vec<(String, String)>,
    /// Where it was found.
    pub place: Place,
}

/// Returns what stands in a document for the ARN (or the name, where the member wants one) of a found object. An ARN stands
/// for itself.
pub fn reference(id: &str) -> String {
    if id.starts_with("arn:") { id.to_owned() } else { format!("found:{id}") }
}

/// Returns the id of the object that a value of a document refers to.
pub fn referred(value: &str) -> Option<&str> {
    value.strip_prefix("found:").or_else(|| value.starts_with("arn:").then_some(value))
}

/// A secret of Secrets Manager that holds a JSON object: names only, never a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundSecret {
    /// Name, such as `managr/staging`.
    pub name: String,
    /// ARN as task definitions name it (with or without the random suffix), where it is known.
    pub arn: Option<String>,
    /// Keys of the object, as far as the source tells.
    pub keys: Vec<String>,
}

/// A service as a source shows it, or a task definition that no service is known to run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundService {
    /// What it is called in the manifest: the same in every stage, such as `app`.
    pub key: String,
    /// Its task definition: a request of RegisterTaskDefinition or an answer of DescribeTaskDefinition.
    pub task_definition: Document,
    /// The service: a request of CreateService or an answer of DescribeServices. Its `loadBalancers` may name
    /// target groups by ARN or not at all.
    pub service: Option<Document>,
    /// How requests reach it.
    pub ingress: Option<FoundIngress>,
    /// Name that its tasks are found by, if its registry is one that a manifest has a word for.
    pub discover: Option<FoundDiscover>,
    /// What the source sets, with a value that is unknown here.
    pub untold: Untold,
    /// Where it was found.
    pub place: Place,
}

/// What a source sets with a value that is unknown here, so that no document has it: members, each named once. Such a
/// thing is never equal to what is made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untold {
    /// Of the task definition.
    pub task: Vec<String>,
    /// Of the service, or of the rule and its target.
    pub own: Vec<String>,
}

/// Name that a service's tasks are found by: addresses (A records) in a private namespace of Cloud Map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundDiscover {
    /// The whole name, such as `api.shop.local`.
    pub name: String,
    /// What stands for the registry in the service's document: its ARN, or [`reference()`] of it.
    pub registry: String,
}

impl FoundDiscover {
    /// Returns the name of a service's registry, if the service says no more of it than which it is: `name_of` tells the
    /// name of a registry with addresses.
    pub fn read(service: &Document, name_of: impl FnOnce(&str) -> Option<String>) -> Option<Self> {
        let [only] = service.get("serviceRegistries")?.as_array()?.as_slice() else { return None };
        let members = only.as_object().filter(|members| members.len() == 1)?;
        let registry = members.get("registryArn")?.as_str()?;
        let name = name_of(registry).filter(|name| check_discover(name).is_ok())?;
        Some(Self { name, registry: registry.to_owned() })
    }
}

/// The load balancer's side of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundIngress {
    /// Container that takes the requests.
    pub container: String,
    /// Port that it listens on.
    pub port: u16,
    /// Port of the listener, where it is known.
    pub listener_port: Option<u16>,
    /// Name of the target group, where it is known.
    pub target_group: Option<String>,
    /// ARN of the target group, where it is known.
    pub target_group_arn: Option<String>,
    /// Host names that a rule sends here.
    pub hosts: Vec<String>,
    /// Paths that a rule sends here.
    pub paths: Vec<String>,
    /// Health check: members of CreateTargetGroup (`HealthCheckPath`, `HealthCheckIntervalSeconds`, `Matcher`, ...).
    pub health: Document,
    /// `deregistration_delay.timeout_seconds`, where it is known.
    pub deregistration_delay: Option<u32>,
}

/// A schedule: a rule of EventBridge, or a schedule of EventBridge Scheduler, that starts tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundSchedule {
    /// What it is called in the manifest: the same in every stage, such as `process-all-tasks`.
    pub key: String,
    /// Its task definition.
    pub task_definition: Document,
    /// What fires it.
    pub via: Via,
    /// The rule: a request of PutRule or an answer of DescribeRule (`Name`, `ScheduleExpression`, `State`). Of
    /// EventBridge Scheduler: a request of CreateSchedule or an answer of GetSchedule, without its `Target`.
    pub rule: Document,
    /// The rule's or schedule's target that starts tasks (`RoleArn`, `EcsParameters`, `Input`).
    pub target: Document,
    /// What the source sets, with a value that is unknown here.
    pub untold: Untold,
    /// Where it was found.
    pub place: Place,
}

impl FoundSchedule {
    /// Returns what is observed of it where `target` is what it starts: a rule, or a schedule of EventBridge Scheduler.
    pub fn observe(&self, target: Document, seen: &mut Observed) {
        let name = self.rule.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
        match self.via {
            Via::Rule => {
                let one = ObservedSchedule { rule: self.rule.clone(), target: Some(target) };
                seen.schedules.get_or_insert_default().insert(name, one);
            }
            Via::Scheduler => {
                let mut one = self.rule.clone();
                one.insert("Target".to_owned(), Value::Object(target));
                seen.scheduler.get_or_insert_default().insert(name, one);
            }
        }
    }
}

/// A place in a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// File, or the ARN or name of what was asked for.
    pub source: String,
    /// Line from 1, where there is one.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// Something that could not be carried, or that the user must decide. It never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What it is, such as `aws_db_instance.main` or `services.db.ports`.
    pub what: String,
    /// Where it is.
    pub place: Place,
    /// Why it was not carried, and what to do about it: a fragment, without a full stop.
    pub why: String,
}

impl Left {
    /// Returns what was left at a place, and why.
    pub fn new(what: impl Into<String>, place: Place, why: impl Into<String>) -> Self {
        Self { what: what.into(), place, why: why.into() }
    }
}
