//! What there is in a stage, as far as a plan depends on it.

use std::collections::{BTreeMap, BTreeSet};

use ecs_model::Document;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ingress::ObservedIngress;

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
    /// Services with a name of this stage's shape that the manifest does not know.
    pub strangers: Vec<String>,
    /// Schedules by rule; none when the endpoint does not serve them.
    pub schedules: Option<BTreeMap<String, ObservedSchedule>>,
    /// The way to each service that has one, by its name in the manifest.
    pub ingress: BTreeMap<String, ObservedIngress>,
    /// The stage's secret.
    pub secret: ObservedSecret,
    /// When images were pushed, in seconds since the epoch, by reference.
    pub pushed: BTreeMap<String, f64>,
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

/// Members of a service that a plan rests on.
const SERVICE: [&str; 9] = [
    "status",
    "taskDefinition",
    "desiredCount",
    "deploymentConfiguration",
    "networkConfiguration",
    "loadBalancers",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "platformVersion",
];

impl Observed {
    /// Returns a hash of everything that a plan depends on and that somebody else could change.
    ///
    /// What moves by itself (counts of running tasks, events, times, a count that belongs to an
    /// autoscaler) is not in it.
    pub fn state(&self) -> String {
        let service = |(name, live): (&String, &Document)| {
            let mut kept: Document =
                SERVICE.iter().filter_map(|key| Some(((*key).to_owned(), live.get(*key)?.clone()))).collect();
            if self.scaled.contains(name) {
                kept.remove("desiredCount");
            }
            let primary = live.get("deployments").and_then(Value::as_array).into_iter().flatten();
            let primary = primary.into_iter().find(|d| d["status"] == "PRIMARY");
            kept.insert("deployment".to_owned(), primary.map_or(Value::Null, |d| d["id"].clone()));
            (name.clone(), Value::Object(kept))
        };
        let arn = |document: &Document| document.get("taskDefinitionArn").cloned().unwrap_or_default();
        let schedules = self.schedules.iter().flatten();
        let mut state = json!({
            "cluster": self.has_cluster,
            "newest": self.newest.iter().map(|(family, document)| (family.clone(), arn(document))).collect::<Document>(),
            "services": self.services.iter().map(service).collect::<Document>(),
            "schedules": schedules.map(|(name, s)| (name.clone(), json!([s.rule, s.target]))).collect::<Document>(),
            "secret": self.secret.arn,
        });
        state.sort_all_objects();
        hex::encode(Sha256::digest(state.to_string().as_bytes()))
    }
}
