//! What scales services that the manifest does not say? It is left alone, and told.

use serde::Serialize;

use super::{ACTION, POLICY, is_ours, kept};
use crate::desired::Desired;
use crate::plan::Observed;
use crate::plan::service::text;

/// Something that scales a service and that the manifest does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignScaling {
    /// Service in ECS.
    pub service: String,
    /// What it is, such as `scaling policy night-shift`.
    pub what: String,
    /// What removes it.
    pub remedy: String,
}

/// Returns what scales services and is not the manifest's: it is left alone.
pub fn foreign(desired: &Desired, observed: &Observed) -> Vec<ForeignScaling> {
    let mut all = Vec::new();
    for service in &desired.services {
        let Some(live) = observed.scaling.services.get(&service.name) else { continue };
        let label = observed.scaling.labels.get(&service.service).map(String::as_str);
        let kept = service.scaling.as_ref().map(|spec| kept(spec, live, label)).unwrap_or_default();
        let is_foreign = |name: &str| !is_ours(name) && !kept.contains(name);
        let mut add = |what: String, operation: &str, rest: String| {
            let remedy = format!(
                "`aws application-autoscaling {operation} --service-namespace ecs --scalable-dimension \
                 ecs:service:DesiredCount --resource-id service/{}/{}{rest}` removes it",
                desired.cluster, service.name
            );
            all.push(ForeignScaling { service: service.name.clone(), what, remedy });
        };
        for policy in &live.policies {
            let name = text(policy, "PolicyName");
            if is_foreign(name) {
                add(format!("{POLICY} {name}"), "delete-scaling-policy", format!(" --policy-name '{name}'"));
            }
        }
        for action in &live.actions {
            let name = text(action, "ScheduledActionName");
            if is_foreign(name) {
                let rest = format!(" --scheduled-action-name '{name}'");
                add(format!("{ACTION} {name}"), "delete-scheduled-action", rest);
            }
        }
        if service.scaling.is_none() && live.names().next().is_none() {
            add("scalable target".to_owned(), "deregister-scalable-target", String::new());
        }
    }
    all
}

/// Returns what people should know of scaling.
pub(in crate::plan) fn notes(desired: &Desired, observed: &Observed) -> Vec<String> {
    let scaled: Vec<&str> =
        desired.services.iter().filter(|one| one.scaling.is_some()).map(|one| one.name.as_str()).collect();
    if let Some(why) = observed.scaling.unseen.as_ref().filter(|_| !scaled.is_empty()) {
        return vec![format!("scaling of {} is left as it is: {why}", scaled.join(", "))];
    }
    let told = |one: ForeignScaling| {
        format!("{} of service {} is not in the manifest and is left alone: {}", one.what, one.service, one.remedy)
    };
    foreign(desired, observed).into_iter().map(told).collect()
}
