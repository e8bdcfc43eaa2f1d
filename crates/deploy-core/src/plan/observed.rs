//! What there is in a stage, as far as a plan depends on it.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::database::ObservedDatabase;
use super::discovery::ObservedDiscovery;
use super::ingress::ObservedIngress;
use super::scaling::ObservedScaling;
use crate::routes::RouteMap;

/// What there is in a stage.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Whether the cluster is ACTIVE.
    pub has_cluster: bool,
    /// Log groups that there are, of those wanted.
    pub log_groups: BTreeSet<String>,
    /// The newest revision of each family.
    pub newest: BTreeMap<String, Document>,
    /// Revisions by ARN: those that services and schedules run, those that a rollback brings back.
    pub revisions: BTreeMap<String, Document>,
    /// Services by name, unless they are INACTIVE.
    pub services: BTreeMap<String, Document>,
    /// Services whose count belongs to an autoscaler.
    pub scaled: BTreeSet<String>,
    /// What scales services.
    pub scaling: ObservedScaling,
    /// Services with a name of this stage's shape that the manifest does not know.
    pub strangers: Vec<String>,
    /// Schedules by rule; none when the endpoint does not serve them.
    pub schedules: Option<BTreeMap<String, ObservedSchedule>>,
    /// Schedules of EventBridge Scheduler by the name of their rule, as GetSchedule answers; none when the endpoint does
    /// not serve them.
    pub scheduler: Option<BTreeMap<String, Document>>,
    /// The way to each service that has one, by its name in the manifest.
    pub ingress: BTreeMap<String, ObservedIngress>,
    /// What services are found by.
    pub discovery: ObservedDiscovery,
    /// Load balancers as a whole, others' listeners, rules and groups too.
    pub routes: RouteMap,
    /// The stage's secret.
    pub secret: ObservedSecret,
    /// The stage's databases, by their name in the manifest.
    pub databases: BTreeMap<String, ObservedDatabase>,
    /// When images were pushed, in seconds since the epoch, by reference.
    pub pushed: BTreeMap<String, f64>,
    /// ENTRYPOINTs of images that release commands run in, by reference, as far as they could be looked at.
    pub entrypoints: BTreeMap<String, Vec<String>>,
    /// Why tasks are to be replaced although nothing that they run changes; none unless asked for.
    pub force: Option<Force>,
}

/// Why tasks are replaced although nothing that they run changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// The user says so.
    Asked,
    /// A secret has another value: a task reads secrets only when it starts.
    SecretRotated,
}

/// An EventBridge rule and its target.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedSchedule {
    /// As DescribeRule answers.
    pub rule: Document,
    /// The target that starts tasks, as ListTargetsByRule answers.
    pub target: Option<Document>,
}

/// The stage's secret, without its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedSecret {
    /// Its ARN.
    pub arn: Option<String>,
    /// Keys whose value will be set or made up.
    pub changes: Vec<String>,
}

/// Members of a service that move by themselves, or that appear elsewhere in it.
const MOVING: [&str; 9] = [
    "runningCount",
    "pendingCount",
    "events",
    "createdAt",
    "deployments",
    "taskSets",
    "currentServiceDeployment",
    "currentServiceRevisions",
    "tags",
];

/// Members of a deployment that move by themselves.
const MOVING_DEPLOYMENT: [&str; 8] = [
    "desiredCount",
    "runningCount",
    "pendingCount",
    "failedTasks",
    "createdAt",
    "updatedAt",
    "rolloutState",
    "rolloutStateReason",
];

impl Observed {
    /// Returns a hash of everything that a plan depends on and that could change elsewhere.
    ///
    /// What moves by itself (counts of running tasks, events, times, a count that belongs to an
    /// autoscaler) is not in it.
    pub fn state(&self) -> String {
        let arn = |document: &Document| document.get("taskDefinitionArn").cloned().unwrap_or_default();
        let schedules = self
            .schedules
            .as_ref()
            .map(|found| found.iter().map(|(name, s)| (name.clone(), json!([s.rule, s.target]))).collect::<Document>());
        let gone =
            self.revisions.iter().filter(|(_, document)| document.get("status").is_some_and(|s| s == "INACTIVE"));
        let mut state = json!({
            "cluster": self.has_cluster,
            "logGroups": self.log_groups,
            "newest": self.newest.iter().map(|(family, document)| (family.clone(), arn(document))).collect::<Document>(),
            "gone": gone.map(|(arn, _)| arn).collect::<Vec<_>>(),
            "services": self.services.iter().map(|(name, live)| (name.clone(), self.kept(name, live))).collect::<Document>(),
            "schedules": schedules,
            "ingress": self.ingress.iter().map(|(service, seen)| (service.clone(), way(seen))).collect::<Document>(),
            "secret": [json!(self.secret.arn), json!(self.secret.changes)],
        });
        // Only where there are such, for the same reason as below.
        if let (Some(members), Some(found)) = (state.as_object_mut(), &self.scheduler)
            && !found.is_empty()
        {
            members.insert("scheduler".to_owned(), json!(found));
        }
        // Only where names are: a plan that was kept before there were any is as good as it was.
        if let Some(members) = state.as_object_mut().filter(|_| self.discovery != ObservedDiscovery::default()) {
            members.insert("discovery".to_owned(), self.discovery.state());
        }
        // Likewise.
        if let Some(members) = state.as_object_mut().filter(|_| !self.scaling.services.is_empty()) {
            members.insert("scaling".to_owned(), self.scaling.state());
        }
        // Likewise.
        if let Some(members) = state.as_object_mut().filter(|_| !self.databases.is_empty()) {
            let databases = self.databases.iter().map(|(name, seen)| (name.clone(), seen.state()));
            members.insert("databases".to_owned(), Value::Object(databases.collect()));
        }
        state.sort_all_objects();
        hex::encode(Sha256::digest(state.to_string().as_bytes()))
    }

    /// Returns what of a service does not move by itself.
    fn kept(&self, name: &str, live: &Document) -> Value {
        let mut kept = without(live, &MOVING);
        if self.scaled.contains(name) {
            kept.insert("desiredCount".to_owned(), "scaled".into());
        }
        let deployments = live.get("deployments").and_then(Value::as_array).into_iter().flatten();
        let primary =
            deployments.filter_map(Value::as_object).find(|d| d.get("status").is_some_and(|s| s == "PRIMARY"));
        if let Some(primary) = primary {
            let failed = primary.get("rolloutState").is_some_and(|state| state == "FAILED");
            kept.insert("deployment".to_owned(), json!([without(primary, &MOVING_DEPLOYMENT), failed]));
        }
        kept.into()
    }
}

fn way(seen: &ObservedIngress) -> Value {
    // A load balancer that was just made is provisioned for a while.
    let balancer = seen.balancer.as_ref().map(|balancer| without(balancer, &["State"]));
    json!([balancer, seen.group, seen.delay, seen.listener, seen.rules])
}

fn without(document: &Document, names: &[&str]) -> Document {
    document.iter().filter(|(name, _)| !names.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}
