//! Do two configurations of a policy hold the same, in the same way? What AWS fills in is no difference.

use std::collections::BTreeMap;

use aws_model::Document;
use serde_json::{Value, json};

use super::{PREDEFINED, TRACKING};
use crate::diff::Change;
use crate::manifest::Quantity;

const CUSTOMIZED: &str = "CustomizedMetricSpecification";

/// Seconds that AWS waits where the policy sets none, for services of ECS (API reference,
/// TargetTrackingScalingPolicyConfiguration).
const COOLDOWN: f64 = 300.0;

pub(super) fn tracking(policy: &Document) -> Option<&Document> {
    policy.get(TRACKING).and_then(Value::as_object)
}

pub(super) fn labelled(configuration: &Document, label: Option<&str>) -> Document {
    let mut made = configuration.clone();
    if let (Some(predefined), Some(label)) = (made.get_mut(PREDEFINED).and_then(Value::as_object_mut), label)
        && predefined.get("PredefinedMetricType").is_some_and(|kind| kind == "ALBRequestCountPerTarget")
    {
        predefined.insert("ResourceLabel".to_owned(), label.into());
    }
    made
}

/// Returns what a configuration holds, in one form.
pub(super) fn measure(configuration: &Document) -> Value {
    let mut all = json!([configuration.get(PREDEFINED), configuration.get(CUSTOMIZED)]);
    settle(&mut all);
    all
}

/// Brings a value to one form: no nulls and nothing empty, numbers alike, lists without an order sorted, and queries that
/// return their data by default.
fn settle(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(settle);
            let key = |item: &Value| ["Id", "Name"].iter().find_map(|key| Some(item.get(*key)?.as_str()?.to_owned()));
            if items.iter().all(|item| key(item).is_some()) {
                items.sort_by_key(key);
            }
        }
        Value::Object(members) => {
            members.values_mut().for_each(settle);
            let is_query = members.contains_key("Expression") || members.contains_key("MetricStat");
            if is_query {
                members.entry("ReturnData").or_insert(Value::Bool(true));
            }
            members.retain(|_, one| !one.is_null() && one.as_array().is_none_or(|items| !items.is_empty()));
            members.sort_keys();
        }
        Value::Number(number) => *value = json!(number.as_f64()),
        _ => {}
    }
}

/// Returns a configuration as people read it, each part once; what is not said is AWS's.
pub(super) fn parts(configuration: &Document) -> [(&'static str, Value); 5] {
    let number = |name: &str, usual: f64| configuration.get(name).and_then(Value::as_f64).unwrap_or(usual);
    let is_off = configuration.get("DisableScaleIn").and_then(Value::as_bool).unwrap_or(false);
    [
        ("target", json!(Quantity(number("TargetValue", 0.0)))),
        ("metric", measure(configuration)),
        ("cooldown out", json!(Quantity(number("ScaleOutCooldown", COOLDOWN)))),
        ("cooldown in", json!(Quantity(number("ScaleInCooldown", COOLDOWN)))),
        ("scale-in", json!(!is_off)),
    ]
}

pub(super) fn changes<const N: usize>(before: Option<[(&str, Value); N]>, after: [(&str, Value); N]) -> Vec<Change> {
    let before: BTreeMap<&str, Value> = before.into_iter().flatten().collect();
    let one = |(name, after): (&str, Value)| {
        let before = before.get(name).cloned();
        let changes = before.as_ref() != Some(&after) && !(before.is_none() && after.is_null());
        let some = |value: Value| Some(value).filter(|value| !value.is_null());
        changes.then(|| Change { path: vec![name.to_owned()], before: before.and_then(some), after: some(after) })
    };
    after.into_iter().filter_map(one).collect()
}
