//! Who replaces the tasks of a service, and what does ECS still accept in an update if it is not ECS?
//!
//! API reference, UpdateService: with CODE_DEPLOY "only the desired count, deployment configuration, health check grace
//! period, task placement constraints and strategies, enable ECS managed tags option, and propagate tags can be updated using
//! this API", with EXTERNAL the same without the deployment configuration. Everything else is an
//! `InvalidParameterException`, a new deployment by force too, and so is a member that is named and stays as it is
//! (aws-cloudformation/cloudformation-coverage-roadmap#1529).

use aws_model::Document;
use serde_json::Value;

use super::risk::{Risk, RiskKind};
use crate::diff::Difference;

/// The controller that every deploy is for.
const OWN: &str = "ECS";

/// Members that tell ECS which service is meant, and those that may change under any controller.
const TAKEN: [&str; 8] = [
    "cluster",
    "service",
    "desiredCount",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "enableECSManagedTags",
    "propagateTags",
];

/// A controller other than ECS that replaces the tasks of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Controller<'d>(&'d str);

impl<'d> Controller<'d> {
    /// Returns who replaces the tasks of a service instead of ECS, as DescribeServices shows it.
    pub fn of(live: &'d Document) -> Option<Self> {
        kind(live).filter(|kind| *kind != OWN).map(Self)
    }

    /// Returns the same of its name alone.
    pub fn named(kind: &'d str) -> Option<Self> {
        Some(kind).filter(|kind| !kind.is_empty() && *kind != OWN).map(Self)
    }

    /// Returns the same, if a request does not hand the service over to ECS.
    pub(super) fn stays(live: &'d Document, request: &Document) -> Option<Self> {
        Self::of(live).filter(|_| kind(request) != Some(OWN))
    }

    /// Says what ECS refuses to do.
    pub fn refuses(self, what: &str) -> String {
        format!("{} replaces its tasks, and ECS refuses to change {what} for anybody else", self.0)
    }

    /// Says what can be done about it.
    pub fn remedy(self) -> String {
        let before = match self.0 {
            "CODE_DEPLOY" => "go on deploying it with CodeDeploy (`aws deploy create-deployment`)",
            _ => "go on deploying it with what makes its task sets",
        };
        format!(
            "{before}, or hand it over to ECS once: `aws ecs update-service --deployment-controller type=ECS`, as \
             https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-codedeploy-to-ecs-bluegreen.html says"
        )
    }

    /// Returns whether ECS takes another value of a member.
    fn takes(self, member: &str) -> bool {
        TAKEN.contains(&member) || (member == "deploymentConfiguration" && self.0 == "CODE_DEPLOY")
    }

    /// Returns what ECS would refuse of a change.
    pub(super) fn refused(self, difference: &Difference, forces: bool) -> Option<Risk> {
        let mut all: Vec<&str> = Vec::new();
        for member in difference.changes.iter().filter_map(|change| change.path.first()) {
            if !self.takes(member) && !all.contains(&member.as_str()) {
                all.push(member);
            }
        }
        // Whatever starts new tasks besides is refused as well.
        if all.is_empty() && forces {
            all.push("what runs (forceNewDeployment)");
        }
        (!all.is_empty()).then(|| Risk {
            kind: RiskKind::Replacement,
            words: self.refuses(&all.join(", ")),
            place: String::new(),
            remedy: self.remedy(),
        })
    }

    /// Takes out of a request of UpdateService what ECS refuses even where it changes nothing.
    pub(super) fn keep_taken(self, request: &mut Document) {
        request.retain(|member, _| self.takes(member));
    }
}

fn kind(document: &Document) -> Option<&str> {
    document.get("deploymentController")?.get("type").and_then(Value::as_str)
}
