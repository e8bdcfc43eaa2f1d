//! Whatever scales services: the manifest is read, a deploy changes nothing of it, and what has no word is reported.

use import::account::reckon;
use import::{FoundObject, Kind};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What scales a service in a stage.
#[derive(Debug, Clone)]
struct Scaled {
    bounds: (u32, u32),
    /// Value and cool-down.
    cpu: Option<(u32, Option<u32>)>,
    memory: Option<(f64, bool)>,
    /// Name of a metric, whether it is math, and of which stage its dimension is.
    metric: Option<(&'static str, bool, bool)>,
    steps: bool,
    /// Names of actions, and whether they have a zone.
    actions: Vec<(&'static str, bool)>,
}

fn scaled() -> impl Strategy<Value = Scaled> {
    let action = (prop::sample::select(vec!["night", "managr-night", "a b", "night-{stage}", "über"]), any::<bool>());
    (
        (0..3_u32, 0..3_u32),
        prop::option::of((prop::sample::select(vec![50, 60, 120]), prop::option::of(30..32_u32))),
        prop::option::of((prop::sample::select(vec![62.5, 80.0]), any::<bool>())),
        prop::option::of((prop::sample::select(vec!["Queue", "{stage}"]), any::<bool>(), any::<bool>())),
        any::<bool>(),
        prop::collection::vec(action, 0..3),
    )
        .prop_map(|((min, more), cpu, memory, metric, steps, mut actions)| {
            actions.sort_unstable();
            actions.dedup_by_key(|(name, _)| *name);
            Scaled { bounds: (min, min + more), cpu, memory, metric, steps, actions }
        })
}

fn objects(stage: &str, scaled: &Scaled) -> Vec<FoundObject> {
    let name = format!("shop-app-{stage}");
    let object = |kind: Kind, id: &str, rest: Value| {
        let mut all = document(json!({ "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": format!("service/shop/{name}") }));
        all.extend(document(rest));
        FoundObject {
            kind,
            id: format!("{id} of {stage}"),
            document: all,
            unknown: Vec::new(),
            place: Place::default(),
        }
    };
    let held = |name: &str, rest: Value| {
        let tracking = json!({ "PolicyName": name, "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": rest });
        object(Kind::ScalingPolicy, name, tracking)
    };
    let (min, max) = scaled.bounds;
    let mut all = vec![object(Kind::ScalableTarget, "target", json!({ "MinCapacity": min, "MaxCapacity": max }))];
    if let Some((target, cooldown)) = scaled.cpu {
        let kind = json!({ "PredefinedMetricType": "ECSServiceAverageCPUUtilization" });
        let mut rest = json!({ "TargetValue": target, "PredefinedMetricSpecification": kind });
        cooldown.iter().for_each(|time| rest["ScaleInCooldown"] = json!(time));
        all.push(held(&format!("cpu-{stage}"), rest));
    }
    if let Some((target, is_off)) = scaled.memory {
        let kind = json!({ "PredefinedMetricType": "ECSServiceAverageMemoryUtilization" });
        all.push(held(
            "memory",
            json!({ "TargetValue": target, "PredefinedMetricSpecification": kind, "DisableScaleIn": is_off }),
        ));
    }
    if let Some((metric, is_math, is_own)) = scaled.metric {
        let stage = if is_own { stage } else { "all" };
        let dimensions = json!([{ "Name": "B", "Value": metric }, { "Name": "A", "Value": stage }]);
        let custom = match is_math {
            false => json!({ "Namespace": "Shop", "MetricName": "Q", "Statistic": "Sum", "Dimensions": dimensions }),
            true => {
                json!({ "Metrics": [{ "Id": "a", "Expression": "b / 2" }, { "Id": "b", "ReturnData": false, "MetricStat": {
                "Stat": "p99", "Metric": { "Namespace": "Shop", "MetricName": "Q", "Dimensions": dimensions } } }] })
            }
        };
        all.push(held("queue", json!({ "TargetValue": 2.5, "CustomizedMetricSpecification": custom })));
    }
    if scaled.steps {
        let steps = json!({ "PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {} });
        all.push(object(Kind::ScalingPolicy, "steps", steps));
    }
    for (name, has_zone) in &scaled.actions {
        let mut rest = json!({ "ScheduledActionName": name.replace("{stage}", stage), "Schedule": "cron(0 20 * * ? *)",
            "ScalableTargetAction": { "MinCapacity": 0 } });
        if *has_zone {
            rest["Timezone"] = json!("Europe/Vienna");
        }
        all.push(object(Kind::ScheduledAction, name, rest));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_deploy_changes_nothing_of_what_scales_a_service(all in prop::collection::vec(prop::option::of(scaled()), 1..4)) {
        let names = ["staging", "prod", "test"];
        let stages = all.iter().zip(names).map(|(scaled, name)| {
            let task = json!({ "family": format!("shop-app-{name}"), "cpu": "256", "memory": "512",
                "containerDefinitions": [{ "name": "web", "image": "x:1" }] });
            let mut stage = stage(name, task);
            let mut request = json!({ "serviceName": format!("shop-app-{name}"), "launchType": "FARGATE" });
            match scaled {
                Some(scaled) => stage.objects = objects(name, scaled),
                None => request["desiredCount"] = json!(1),
            }
            stage.cluster = Some("shop".to_owned());
            stage.services[0].service = Some(document(request));
            stage
        });
        let found = app(stages.collect());
        let (folded, text) = proved(&found);
        for proof in reckon(&text, &found, "nobody").unwrap().services {
            prop_assert!(proof.equal, "{:#?}\n{}", proof, text);
        }
        let told = |word: &str| folded.left.iter().filter(|left| left.what.contains(word)).count();
        let steps = all.iter().flatten().filter(|one| one.steps).count();
        prop_assert_eq!(told("scaling policy steps"), steps, "{}", text);
        let hot = all.iter().flatten().filter(|one| one.cpu.is_some_and(|(target, _)| target > 100)).count();
        prop_assert_eq!(told("scaling policy cpu-"), hot, "{}", text);
    }
}
