//! Scaling as Application Auto Scaling takes it: bounds, policies that hold a value, actions by the clock.

use aws_model::Document;
use serde::Serialize;
use serde_json::{Value, json};

use super::container::put;
use crate::manifest::{Cooldown, Named, Quantity, Scaling, ScalingMath, ScalingMetric};

/// How what managr makes begins: what begins so and is no longer wanted is removed.
pub const PREFIX: &str = "managr-";

/// What is counted for each target of a load balancer.
const REQUESTS: &str = "ALBRequestCountPerTarget";

/// How a service scales.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScalingSpec {
    /// Fewest tasks.
    pub min: u32,
    /// Most tasks.
    pub max: u32,
    /// What holds a value.
    pub policies: Vec<PolicySpec>,
    /// What changes bounds by the clock: PutScheduledAction, without what it is for.
    pub scheduled: Vec<Document>,
}

/// A policy that holds a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicySpec {
    /// Its word in the manifest.
    pub word: String,
    /// Its name, where there is none for the same yet.
    pub name: String,
    /// `TargetTrackingScalingPolicyConfiguration`. Which targets of which load balancer are counted is not in it.
    pub configuration: Document,
}

impl PolicySpec {
    /// Returns whether a load balancer counts for it.
    pub fn counts_requests(&self) -> bool {
        let predefined = self.configuration.get("PredefinedMetricSpecification");
        predefined.is_some_and(|one| one["PredefinedMetricType"] == REQUESTS)
    }
}

/// How a value is held.
struct Holding<'a> {
    target: Quantity,
    cooldown: Option<&'a Cooldown>,
    scale_in: Option<bool>,
}

impl ScalingSpec {
    /// Returns how a service scales, in AWS's words.
    pub(super) fn of(scaling: &Scaling) -> Self {
        let policy = |word: &str, configuration| PolicySpec {
            word: word.to_owned(),
            name: format!("{PREFIX}{word}"),
            configuration,
        };
        let of_targets = scaling.targets().map(|(word, target)| {
            let (target, cooldown, scale_in) = target.parts();
            let kind = match word {
                "cpu" => "ECSServiceAverageCPUUtilization",
                "memory" => "ECSServiceAverageMemoryUtilization",
                _ => REQUESTS,
            };
            let specification = ("PredefinedMetricSpecification", json!({ "PredefinedMetricType": kind }));
            policy(word, held(scaling, &Holding { target, cooldown, scale_in }, specification))
        });
        let mut policies: Vec<PolicySpec> = of_targets.collect();
        policies.extend(scaling.metric.as_ref().map(|metric| {
            let ScalingMetric { target, scale_in, .. } = *metric;
            let holding = Holding { target, cooldown: metric.cooldown.as_ref(), scale_in };
            policy("metric", held(scaling, &holding, ("CustomizedMetricSpecification", customized(metric).into())))
        }));
        Self { min: scaling.min, max: scaling.max, policies, scheduled: scheduled(scaling) }
    }
}

fn held(all: &Scaling, own: &Holding<'_>, (member, specification): (&str, Value)) -> Document {
    let seconds = |part: fn(&Cooldown) -> Option<crate::manifest::Seconds>| {
        own.cooldown.and_then(part).or_else(|| all.cooldown.as_ref().and_then(part)).map(|time| time.0)
    };
    let mut made = Document::new();
    put(&mut made, "TargetValue", json!(own.target));
    put(&mut made, member, specification);
    if let Some(time) = seconds(|one| one.after_out) {
        put(&mut made, "ScaleOutCooldown", time);
    }
    if let Some(time) = seconds(|one| one.after_in) {
        put(&mut made, "ScaleInCooldown", time);
    }
    if own.scale_in.or(all.scale_in) == Some(false) {
        put(&mut made, "DisableScaleIn", true);
    }
    made
}

fn dimensions(all: &Named<String>) -> Vec<Value> {
    all.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

fn customized(metric: &ScalingMetric) -> Document {
    let mut made = Document::new();
    if !metric.math.is_empty() {
        let tracked = metric.math.iter().position(|one| one.tracked == Some(true)).unwrap_or(metric.math.len() - 1);
        let queries = metric.math.iter().enumerate().map(|(number, one)| query(one, number == tracked));
        put(&mut made, "Metrics", queries.collect::<Vec<Value>>());
        return made;
    }
    put(&mut made, "Namespace", metric.namespace.clone().unwrap_or_default());
    put(&mut made, "MetricName", metric.name.clone().unwrap_or_default());
    put(&mut made, "Dimensions", dimensions(&metric.dimensions));
    put(&mut made, "Statistic", metric.statistic.as_deref().unwrap_or("Average"));
    if let Some(unit) = &metric.unit {
        put(&mut made, "Unit", unit.as_str());
    }
    made
}

/// `TargetTrackingMetricDataQuery`.
fn query(one: &ScalingMath, is_tracked: bool) -> Value {
    let mut made = json!({ "Id": one.id, "ReturnData": is_tracked });
    if let Some(label) = &one.label {
        made["Label"] = label.as_str().into();
    }
    match &one.expression {
        Some(expression) => made["Expression"] = expression.as_str().into(),
        None => {
            let mut metric = json!({ "Namespace": one.namespace, "MetricName": one.name });
            if !one.dimensions.is_empty() {
                metric["Dimensions"] = dimensions(&one.dimensions).into();
            }
            made["MetricStat"] = json!({ "Metric": metric, "Stat": one.statistic.as_deref().unwrap_or("Average") });
            if let Some(unit) = &one.unit {
                made["MetricStat"]["Unit"] = unit.as_str().into();
            }
        }
    }
    made
}

/// An entry with an end is two actions: its own bounds, and then the service's.
fn scheduled(scaling: &Scaling) -> Vec<Document> {
    let mut all = Vec::new();
    for (entry, time) in scaling.scheduled.iter() {
        let name = time.name.clone().unwrap_or_else(|| format!("{PREFIX}{entry}"));
        let action = |name: &str, schedule: &str, min: Option<u32>, max: Option<u32>| {
            let mut made = Document::new();
            put(&mut made, "ScheduledActionName", name);
            put(&mut made, "Schedule", schedule);
            if let Some(zone) = &time.timezone {
                put(&mut made, "Timezone", zone.as_str());
            }
            let mut bounds = Document::new();
            for (member, bound) in [("MinCapacity", min), ("MaxCapacity", max)] {
                if let Some(bound) = bound {
                    put(&mut bounds, member, bound);
                }
            }
            put(&mut made, "ScalableTargetAction", Value::Object(bounds));
            made
        };
        all.push(action(&name, &time.schedule, time.min, time.max));
        if let Some(until) = &time.until {
            let ours = if name.starts_with(PREFIX) { name } else { format!("{PREFIX}{name}") };
            all.push(action(&format!("{ours}-until"), until, Some(scaling.min), Some(scaling.max)));
        }
    }
    all
}
