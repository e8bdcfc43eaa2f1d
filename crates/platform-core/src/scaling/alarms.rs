//! Which alarms does a target tracking policy want? Those that AWS makes in CloudWatch, under AWS's names.

use serde_json::Value;

use super::track::{Tracking, label_parts};
use super::{Policy, Rule};

/// An alarm that a policy wants to be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// `TargetTracking-RESOURCE-AlarmHigh-UUID`.
    pub name: String,
    /// What it watches.
    pub measure: Measure,
    /// Whether it is the one that is too high.
    pub is_high: bool,
    /// What the metric is held against.
    pub threshold: f64,
    /// Seconds of one data point.
    pub period: u32,
    /// How many of them must be beyond the threshold, one after the other.
    pub periods: u32,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// One metric.
    Metric {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Dimensions.
        dimensions: Vec<(String, String)>,
        /// Statistic.
        statistic: String,
        /// Unit, if it is to be one.
        unit: Option<String>,
    },
    /// CloudWatch's `Metrics`: metrics and a formula over them, as they were sent.
    Formula(Vec<Value>),
}

/// Returns the alarms that a policy wants; a step policy wants none, its user makes them.
///
/// As AWS's: three minutes above the target to scale out, fifteen minutes below nine tenths of it to scale in
/// (containers-roadmap #1208). A metric of 20 seconds has data points of 20 seconds, as many of them.
pub fn wanted(policy: &Policy) -> Vec<Wanted> {
    let Rule::Tracking(tracking) = &policy.rule else { return Vec::new() };
    let Some((measure, period)) = measure(tracking, &policy.resource) else { return Vec::new() };
    let alarm = |is_high: bool| Wanted {
        name: name(policy, is_high),
        measure: measure.clone(),
        is_high,
        threshold: if is_high { tracking.target_value } else { tracking.target_value * 0.9 },
        period,
        periods: if is_high { 3 } else { 15 },
    };
    let lowest = (!tracking.disable_scale_in.unwrap_or_default()).then(|| alarm(false));
    std::iter::once(alarm(true)).chain(lowest).collect()
}

/// Returns the name of one of a policy's alarms.
pub(super) fn name(policy: &Policy, is_high: bool) -> String {
    let (word, id) = if is_high { ("High", &policy.alarm_ids.0) } else { ("Low", &policy.alarm_ids.1) };
    format!("TargetTracking-{}-Alarm{word}-{id}", policy.resource)
}

fn measure(tracking: &Tracking, resource: &str) -> Option<(Measure, u32)> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(custom) = &tracking.customized_metric_specification {
        if let Some(queries) = custom.get("Metrics").and_then(Value::as_array) {
            return Some((Measure::Formula(queries.clone()), 60));
        }
        let dimensions = custom.get("Dimensions").and_then(Value::as_array).into_iter().flatten();
        let measure = Measure::Metric {
            namespace: text(custom.get("Namespace")),
            name: text(custom.get("MetricName")),
            dimensions: dimensions.map(|one| (text(one.get("Name")), text(one.get("Value")))).collect(),
            statistic: text(custom.get("Statistic")),
            unit: custom.get("Unit").and_then(Value::as_str).map(str::to_owned),
        };
        return Some((measure, 60));
    }
    let predefined = tracking.predefined_metric_specification.as_ref()?;
    let kind = predefined.get("PredefinedMetricType").and_then(Value::as_str)?;
    let metric = |namespace: &str, name: &str, statistic: &str, dimensions: [(&str, &str); 2]| Measure::Metric {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dimensions: dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        statistic: statistic.to_owned(),
        unit: None,
    };
    if kind == "ALBRequestCountPerTarget" {
        let (balancer, group) = label_parts(predefined.get("ResourceLabel").and_then(Value::as_str)?)?;
        let dimensions = [("TargetGroup", group), ("LoadBalancer", balancer)];
        return Some((metric("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions), 60));
    }
    let (cluster, service) = resource.strip_prefix("service/")?.split_once('/')?;
    let dimensions = [("ClusterName", cluster), ("ServiceName", service)];
    let name = if kind.contains("Memory") { "MemoryUtilization" } else { "CPUUtilization" };
    let period = if kind.ends_with("HighResolution") { 20 } else { 60 };
    Some((metric("AWS/ECS", name, "Average", dimensions), period))
}
