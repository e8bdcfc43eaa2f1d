//! How far does a target tracking policy go? (User guide, "Target tracking scaling policies".)

use aws_model::{AwsError, Document, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::find::invalid;

/// `TargetTrackingScalingPolicyConfiguration`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tracking {
    /// The value to hold.
    pub(super) target_value: f64,
    pub(super) predefined_metric_specification: Option<Document>,
    pub(super) customized_metric_specification: Option<Document>,
    scale_out_cooldown: Option<u32>,
    scale_in_cooldown: Option<u32>,
    /// Whether it only ever scales out.
    pub(super) disable_scale_in: Option<bool>,
}

/// Metrics that are predefined for services of ECS.
const PREDEFINED: [&str; 5] = [
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageCPUUtilizationHighResolution",
    "ECSServiceAverageMemoryUtilization",
    "ECSServiceAverageMemoryUtilizationHighResolution",
    "ALBRequestCountPerTarget",
];

impl Tracking {
    /// Checks what the model cannot say.
    pub(super) fn check(&self) -> Result<(), AwsError> {
        if self.target_value <= 0.0 || !self.target_value.is_finite() {
            return Err(invalid("TargetValue must be greater than 0"));
        }
        let (predefined, customized) = (&self.predefined_metric_specification, &self.customized_metric_specification);
        match (predefined, customized) {
            (Some(_), Some(_)) | (None, None) => Err(invalid(
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified",
            )),
            (Some(specification), None) => check_predefined(specification),
            (None, Some(specification)) => check_customized(specification),
        }
    }

    /// Returns the capacity that holds the target when the metric is at `value`.
    ///
    /// A metric that is an average over tasks falls as tasks are added: capacity and value are in proportion
    /// ("the metric value ... increases or decreases inversely proportional to the number of capacity units"). A
    /// fraction of a task is a whole one, so that it errs on the side of having enough.
    pub(super) fn wanted(&self, current: u32, value: f64) -> u32 {
        let exact = f64::from(current) * value / self.target_value;
        // A ratio such as 3 * 60 / 60 may come out a hair over 3.
        (exact - 1e-9).ceil().clamp(0.0, f64::from(u32::MAX)) as u32
    }

    /// Returns the cool-downs after scaling out and in; AWS's default for ECS is 300 s.
    pub(super) fn cooldowns(&self) -> (Millis, Millis) {
        let millis = |seconds: Option<u32>| i64::from(seconds.unwrap_or(300)) * 1_000;
        (millis(self.scale_out_cooldown), millis(self.scale_in_cooldown))
    }
}

fn check_predefined(specification: &Document) -> Result<(), AwsError> {
    let kind = specification.get("PredefinedMetricType").and_then(Value::as_str).unwrap_or_default();
    let label = specification.get("ResourceLabel").and_then(Value::as_str);
    if !PREDEFINED.contains(&kind) {
        return Err(invalid(format!(
            "The predefined metric type {kind} is not supported for ecs:service:DesiredCount"
        )));
    }
    match label {
        None if kind == "ALBRequestCountPerTarget" => {
            Err(invalid("ResourceLabel is required for the predefined metric type ALBRequestCountPerTarget"))
        }
        Some(_) if kind != "ALBRequestCountPerTarget" => {
            Err(invalid(format!("ResourceLabel is not supported for the predefined metric type {kind}")))
        }
        Some(label) if label_parts(label).is_none() => {
            Err(invalid(format!("{label} is not app/LOAD-BALANCER/ID/targetgroup/GROUP/ID, the ends of the two ARNs")))
        }
        _ => Ok(()),
    }
}

/// Returns the load balancer's and the group's part of `app/NAME/ID/targetgroup/NAME/ID`.
pub(super) fn label_parts(label: &str) -> Option<(&str, &str)> {
    let at = label.find("/targetgroup/")?;
    let (balancer, group) = (&label[..at], &label[at + 1..]);
    let fits = |text: &str, kind: &str| text.split('/').count() == 3 && text.starts_with(kind);
    (fits(balancer, "app/") && fits(group, "targetgroup/")).then_some((balancer, group))
}

fn check_customized(specification: &Document) -> Result<(), AwsError> {
    let has = |name: &str| specification.contains_key(name);
    if has("Metrics") {
        if ["MetricName", "Namespace", "Statistic", "Dimensions", "Unit"].into_iter().any(has) {
            return Err(invalid("Metrics can't be specified together with a single metric"));
        }
        let queries = specification["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        let returned = queries.iter().filter(|query| query.get("ReturnData").and_then(Value::as_bool).unwrap_or(true));
        return match returned.count() {
            1 => Ok(()),
            _ => Err(invalid("Exactly one of the metrics must have ReturnData set to true")),
        };
    }
    for name in ["MetricName", "Namespace", "Statistic"] {
        if !has(name) {
            return Err(invalid(format!("{name} must be specified in CustomizedMetricSpecification")));
        }
    }
    Ok(())
}
