//! What scales services: what a deploy would change of it, which word says it, and what is left alone.

use deploy_core::plan::{Action, Mark};

use super::{Asked, Told, told};
use crate::fold::scaling::{service_of, word_of};
use crate::ledger::{self, Account};
use crate::{FoundObject, Kind};

impl Asked<'_> {
    /// Tells what a deploy would change of what scales services.
    pub(super) fn scaling_changes(&self, all: &mut Vec<Told>) {
        for step in &self.plan.steps {
            let Action::Scaling { request, .. } = &step.action else { continue };
            let member = |name: &str| request.get(name).and_then(|value| value.as_str()).unwrap_or_default();
            let name = member("ResourceId").rsplit('/').next().unwrap_or_default();
            let service = self.desired.services.iter().find(|doc| doc.name == name);
            let Some(service) = service else { continue };
            let named = ["PolicyName", "ScheduledActionName"].iter().find(|key| !member(key).is_empty());
            let kind = match named {
                Some(&"PolicyName") => Kind::ScalingPolicy,
                Some(_) => Kind::ScheduledAction,
                None => Kind::ScalableTarget,
            };
            let is_it = |object: &&FoundObject| {
                service_of(object) == Some(name)
                    && named.is_none_or(|key| object.document.get(*key).is_some_and(|own| *own == member(key)))
            };
            let of = ledger::service(&service.service);
            let place = self.stage.services.iter().find(|one| one.key == service.service).map(|one| one.place.clone());
            let Some(object) = self.objects(kind).find(is_it) else {
                let why = format!("a deploy would make {} {}", step.kind, step.name);
                let place = place.unwrap_or_default();
                all.push(Told { object: of.clone(), of, member: String::new(), kept: Vec::new(), place, why });
                continue;
            };
            let mut tell = |member: String, why: String| {
                let (object, place) = (object.id.clone(), object.place.clone());
                all.push(Told { of: of.clone(), object, member, kept: Vec::new(), place, why });
            };
            if step.mark == Mark::Delete {
                tell(String::new(), "a deploy would remove it: the manifest does not say it".to_owned());
            }
            for change in &step.difference.changes {
                let path = change.path.first().map(String::as_str).unwrap_or_default();
                tell(member_of(kind, path).to_owned(), told(change));
            }
        }
    }

    /// Returns the account of a member of what scales a service, which a deploy leaves as it is.
    pub(super) fn of_scaling(&self, object: &FoundObject, member: &str) -> Account {
        let service = service_of(object).and_then(|name| self.desired.services.iter().find(|doc| doc.name == name));
        let Some(service) = service.filter(|doc| doc.scaling.is_some()) else {
            return self.theirs("it scales by itself, and a deploy leaves the number of tasks as it is");
        };
        let Some(word) = word_of(self.manifest, &self.stage.name, &service.service, object) else {
            return self
                .theirs("the manifest does not say it: a deploy leaves it alone, and it scales the service too");
        };
        let own = match (object.kind, member) {
            (Kind::ScalableTarget, "MinCapacity") => "min",
            (Kind::ScalableTarget, "MaxCapacity") => "max",
            (Kind::ScalableTarget, "ResourceId" | "ServiceNamespace" | "ScalableDimension") => "",
            (Kind::ScalableTarget, _) | (Kind::ScheduledAction, "StartTime" | "EndTime") => {
                return self.theirs("a deploy leaves it as it is");
            }
            _ => word.as_str(),
        };
        let all = |word: &str| {
            let word = if word.is_empty() { "scaling".to_owned() } else { format!("scaling.{word}") };
            self.words.in_service(&service.service, &word)
        };
        // How it is held may be said once for all.
        let shared = match member.rsplit('.').next() {
            Some("ScaleOutCooldown") => all("cooldown.out"),
            Some("ScaleInCooldown") => all("cooldown.in"),
            Some("DisableScaleIn") => all("scale-in"),
            _ => None,
        };
        self.said(shared.or_else(|| all(own)).or_else(|| all("")))
    }
}

/// Returns the member that a change of a plan is of.
fn member_of(kind: Kind, path: &str) -> &'static str {
    match (kind, path) {
        (Kind::ScalableTarget, "min") => "MinCapacity",
        (Kind::ScalableTarget, "max") => "MaxCapacity",
        (Kind::ScheduledAction, "min") => "ScalableTargetAction.MinCapacity",
        (Kind::ScheduledAction, "max") => "ScalableTargetAction.MaxCapacity",
        (Kind::ScheduledAction, "schedule") => "Schedule",
        (Kind::ScheduledAction, "timezone") => "Timezone",
        (Kind::ScalingPolicy, "target") => "TargetTrackingScalingPolicyConfiguration.TargetValue",
        (Kind::ScalingPolicy, "cooldown out") => "TargetTrackingScalingPolicyConfiguration.ScaleOutCooldown",
        (Kind::ScalingPolicy, "cooldown in") => "TargetTrackingScalingPolicyConfiguration.ScaleInCooldown",
        (Kind::ScalingPolicy, "scale-in") => "TargetTrackingScalingPolicyConfiguration.DisableScaleIn",
        _ => "",
    }
}
