//! What scales a service: which bounds, values and times are Terraform's, and does a deploy set them otherwise?

use deploy_core::desired::{PolicySpec, ServiceDoc};
use serde_json::Value as Json;

use super::{AttributeFound, Looking, shown};

const HELD: &str = "target_tracking_scaling_policy_configuration";

/// What a policy says beside what it holds, in Terraform's and in AWS's words, and what AWS makes of nothing.
const PARTS: [(&str, &str, &str); 4] = [
    ("target_value", "TargetValue", ""),
    ("scale_out_cooldown", "ScaleOutCooldown", "300"),
    ("scale_in_cooldown", "ScaleInCooldown", "300"),
    ("disable_scale_in", "DisableScaleIn", "false"),
];

impl Looking<'_> {
    pub(super) fn scaling(&mut self, doc: &ServiceDoc) {
        let Some(spec) = &doc.scaling else { return };
        let resource = format!("service/{}/{}", self.deploy.desired.cluster, doc.name);
        let is_of = |looking: &Self, address: &str| looking.text(address, "resource_id").as_ref() == Some(&resource);
        if let Some(address) = self.find(&["aws_appautoscaling_target"], |address| is_of(self, address)) {
            self.seam.resources.insert(address.clone());
            for (attribute, deploy) in [("min_capacity", spec.min), ("max_capacity", spec.max)] {
                self.differ(&address, attribute, attribute, Some(deploy.to_string()), "");
            }
        }
        for policy in &spec.policies {
            let kind = format!("{HELD}.0.predefined_metric_specification.0.predefined_metric_type");
            let name = format!("{HELD}.0.customized_metric_specification.0.metric_name");
            let is_it = |address: &str| {
                let is_same = self.text(address, "name").as_deref() == Some(&policy.name)
                    || self.text(address, &kind).is_some_and(|kind| Some(kind.as_str()) == predefined(policy))
                    || self.text(address, &name).is_some_and(|name| Some(name.as_str()) == customized(policy));
                is_same && is_of(self, address)
            };
            let Some(address) = self.find(&["aws_appautoscaling_policy"], is_it) else { continue };
            self.seam.resources.insert(address.clone());
            for (attribute, member, usual) in PARTS {
                let deploy = policy.configuration.get(member).and_then(shown);
                self.differ(&address, &format!("{HELD}.0.{attribute}"), HELD, deploy, usual);
            }
        }
        for action in &spec.scheduled {
            let text = |member: &str| action.get(member).and_then(shown);
            let bound =
                |member: &str| action.get("ScalableTargetAction").and_then(|one| one.get(member)).and_then(shown);
            let is_it =
                |address: &str| self.text(address, "name") == text("ScheduledActionName") && is_of(self, address);
            let Some(address) = self.find(&["aws_appautoscaling_scheduled_action"], is_it) else { continue };
            self.seam.resources.insert(address.clone());
            self.differ(&address, "schedule", "schedule", text("Schedule"), "");
            self.differ(&address, "timezone", "timezone", text("Timezone"), "UTC");
            for (attribute, member) in [("min_capacity", "MinCapacity"), ("max_capacity", "MaxCapacity")] {
                let path = format!("scalable_target_action.0.{attribute}");
                self.differ(&address, &path, "scalable_target_action", bound(member), "");
            }
        }
    }

    /// Tells an attribute that a deploy sets otherwise; what neither says is `usual`.
    fn differ(&mut self, address: &str, path: &str, ignored_as: &str, deploy: Option<String>, usual: &str) {
        let terraform = self.text(address, path);
        let said = |text: &Option<String>| text.clone().unwrap_or_else(|| usual.to_owned());
        let number = |text: &str| text.parse::<f64>().ok();
        let (one, other) = (said(&terraform), said(&deploy));
        if one == other || number(&one).is_some() && number(&one) == number(&other) {
            return;
        }
        let attribute = path.replace(".0.", ".");
        self.push(address, AttributeFound { attribute: &attribute, ignored_as, terraform, deploy, differs: true });
    }
}

fn predefined(policy: &PolicySpec) -> Option<&str> {
    member(policy, "PredefinedMetricSpecification", "PredefinedMetricType")
}

fn customized(policy: &PolicySpec) -> Option<&str> {
    member(policy, "CustomizedMetricSpecification", "MetricName")
}

fn member<'a>(policy: &'a PolicySpec, specification: &str, name: &str) -> Option<&'a str> {
    policy.configuration.get(specification)?.get(name).and_then(Json::as_str)
}
