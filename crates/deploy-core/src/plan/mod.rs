//! What will be done to a stage, as a value: shown, kept in a file, applied, always the same one.
//!
//! A plan leaves no choice to the code that applies it. What cannot be known before it is done (the ARN of a revision
//! about to be registered, of a target group or a secret about to be made) stands in its documents as a [`token`], and
//! is filled in.

pub mod controller;
pub mod database;
mod decide;
pub mod discovery;
mod further;
pub mod ingress;
mod moves;
mod observed;
pub mod reach;
mod restore;
mod risk;
pub mod scaling;
mod schedule;
mod scheduler;
mod service;
pub mod token;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde::{Deserialize, Serialize};

pub use self::database::{DatabaseCall, ObservedDatabase};
pub use self::decide::{plan, release_notes, released_image};
pub use self::moves::{ScheduleCall, schedule_calls};
pub use self::observed::{Force, Observed, ObservedSchedule, ObservedSecret};
pub use self::restore::restore;
pub use self::risk::{Risk, RiskKind};
pub use self::scaling::ScalingCall;
pub use self::schedule::{TARGET_ID, same_overrides};
pub use self::scheduler::{MOVING, said_again};
pub use self::service::short;
pub use self::ways::{groups, live_findings};
use crate::desired::{DatabaseSpec, Git, IngressSpec, ReleaseSpec, SecretKey};
use crate::diff::Difference;
use crate::top::Insights;

/// Version of the file format.
pub const VERSION: u32 = 1;

/// What will be done to a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// Account that was looked at.
    pub account: String,
    /// Region.
    pub region: String,
    /// Cluster.
    pub cluster: String,
    /// What was there when it was made, as a hash: another hash makes it out of date.
    pub state: String,
    /// What git said about the working copy.
    pub git: Git,
    /// Images that the steps name.
    pub images: Vec<PlannedImage>,
    /// Release that it brings back; none if it brings something new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<u64>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What each service will run, by its name in ECS: an ARN or a [`token`].
    pub services: BTreeMap<String, String>,
    /// What each schedule will run, by its rule.
    pub schedules: BTreeMap<String, String>,
    /// What each schedule of a service's task says over it, by its rule: ECS's `TaskOverride`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, Document>,
    /// What people should know and that nothing is done about.
    pub notes: Vec<String>,
    /// What is wrong with the ways to services, and still is when the plan is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Risk>,
}

/// An image of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedImage {
    /// Name in the manifest.
    pub name: String,
    /// `repository:tag`, for people.
    pub tag: String,
    /// What task definitions name.
    pub reference: String,
    /// Whether it must be built and pushed first.
    pub missing: bool,
}

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Whether something comes, changes or runs.
    pub mark: Mark,
    /// Kind of what it is done to, such as `service`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// In a few words, what the difference does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What changes.
    #[serde(default, skip_serializing_if = "Difference::is_empty")]
    pub difference: Difference,
    /// What could hurt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// What is done.
    pub action: Action,
}

/// Whether something comes, changes, runs or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It is not there.
    Create,
    /// It is different.
    Update,
    /// It is done once and leaves nothing.
    Run,
    /// It is not wanted any more.
    Delete,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Action {
    /// CreateCluster.
    CreateCluster {
        /// What Container Insights is to tell of it; without it, what the account's settings say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        insights: Option<Insights>,
    },
    /// CreateLogGroup.
    CreateLogGroup,
    /// Values from the stage's file, or made up, go into its secret. They are in no plan.
    SetSecret {
        /// Name in Secrets Manager.
        secret: String,
        /// Keys that it must have.
        keys: Vec<SecretKey>,
        /// Dotenv file with values, from the manifest's directory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// A database of the stage is made or changed, waited for, and its secret with it. No password is in a plan.
    SetDatabase {
        /// What is called.
        call: DatabaseCall,
        /// Its request.
        request: Document,
        /// What it should be.
        spec: Box<DatabaseSpec>,
    },
    /// CreatePrivateDnsNamespace of Cloud Map.
    CreateNamespace {
        /// The request.
        request: Document,
    },
    /// CreateService of Cloud Map: what a name is registered at.
    CreateRegistry {
        /// The request.
        request: Document,
    },
    /// A part of the way from the listener to the targets is brought to what the manifest says.
    Route {
        /// Service in the manifest.
        service: String,
        /// What the way should be.
        spec: Box<IngressSpec>,
        /// `networkConfiguration` of the service, for a load balancer that is made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        network: Option<serde_json::Value>,
    },
    /// The release command runs.
    Release {
        /// Service in ECS, whose network it uses.
        service: String,
        /// What it runs from: RegisterTaskDefinition of the service.
        document: Document,
        /// The command.
        release: ReleaseSpec,
        /// `networkConfiguration`, in ECS's spelling.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        network: Option<serde_json::Value>,
    },
    /// RegisterTaskDefinition.
    Register {
        /// The request.
        document: Document,
    },
    /// CreateService.
    CreateService {
        /// The request.
        request: Document,
    },
    /// UpdateService.
    UpdateService {
        /// The request.
        request: Document,
    },
    /// PutRule and PutTargets: see [`schedule_calls`].
    PutSchedule {
        /// PutRule's request.
        rule: Document,
        /// The target.
        target: Document,
        /// The schedule of EventBridge Scheduler that it takes the place of: the request of DeleteSchedule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<Document>,
    },
    /// CreateSchedule of EventBridge Scheduler, or UpdateSchedule: see [`schedule_calls`].
    SetSchedule {
        /// The request.
        request: Document,
        /// Whether it is there.
        is_there: bool,
        /// Id of the target of the rule of the same name that it takes the place of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<String>,
    },
    /// What scales a service comes, changes or goes.
    Scaling {
        /// Which call it is.
        call: ScalingCall,
        /// Its request.
        request: Document,
        /// Target group whose requests are counted, where the request does not say yet which of whose load balancer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
    },
}

impl Plan {
    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && !self.needs_images()
    }

    /// Returns whether an image must be built first.
    pub fn needs_images(&self) -> bool {
        self.images.iter().any(|image| image.missing)
    }

    /// Returns what could hurt, with the step that does it.
    pub fn risks(&self) -> impl Iterator<Item = (&Step, &Risk)> {
        self.steps.iter().flat_map(|step| step.risks.iter().map(move |risk| (step, risk)))
    }

    /// Returns the risks that a deploy which cannot ask refuses, unless their names are among `allowed`.
    pub fn unnamed<'a>(&'a self, allowed: &'a BTreeSet<RiskKind>) -> impl Iterator<Item = (&'a Step, &'a Risk)> {
        self.risks().filter(|(_, risk)| risk.kind.must_be_named() && !allowed.contains(&risk.kind))
    }

    /// Returns how many steps create, update, run and delete.
    pub fn totals(&self) -> [usize; 4] {
        let count = |mark| self.steps.iter().filter(|step| step.mark == mark).count();
        [Mark::Create, Mark::Update, Mark::Run, Mark::Delete].map(count)
    }
}
