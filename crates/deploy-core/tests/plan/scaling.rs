//! What scales services: made once, changed where it differs, removed where it is ours, and never in the way of a count.

use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::desired::PolicySpec;
use deploy_core::plan::scaling::{ObservedScaling, ScaledService, with_label};
use deploy_core::plan::{Action, ScalingCall};
use deploy_core::{Desired, plan};
use serde_json::{Value, json};

use crate::world::{World, manifest, object, text, told};

/// Application Auto Scaling in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scalings {
    pub(crate) services: BTreeMap<String, ScaledService>,
    /// Why it may not be looked at.
    pub(crate) unseen: Option<String>,
}

const TRACKING: &str = "TargetTrackingScalingPolicyConfiguration";

impl Scalings {
    pub(crate) fn look(&self, outline: &Desired, has_group: impl Fn(&str) -> bool) -> ObservedScaling {
        let counting = outline.services.iter().filter(|service| {
            service.scaling.as_ref().is_some_and(|one| one.policies.iter().any(PolicySpec::counts_requests))
        });
        let labels = counting.filter_map(|service| {
            let spec = service.ingress.as_ref()?;
            has_group(&spec.target_group).then(|| (service.service.clone(), label(&spec.target_group)))
        });
        ObservedScaling {
            services: if self.unseen.is_some() { BTreeMap::new() } else { self.services.clone() },
            labels: labels.collect(),
            unseen: self.unseen.clone(),
        }
    }

    /// Does what AWS does, and refuses what AWS refuses.
    pub(crate) fn perform(&mut self, call: ScalingCall, request: &Document, group: Option<&str>) {
        let id = text(request, "ResourceId");
        assert!(id.starts_with("service/") && text(request, "ServiceNamespace") == "ecs", "{request:?}");
        let name = id.rsplit('/').next().unwrap().to_owned();
        let members = |names: &[&str]| -> Document {
            names.iter().filter_map(|name| Some(((*name).to_owned(), request.get(*name)?.clone()))).collect()
        };
        if call == ScalingCall::RegisterScalableTarget {
            let bounds = members(&["MinCapacity", "MaxCapacity"]);
            assert!(bounds["MinCapacity"].as_u64() <= bounds["MaxCapacity"].as_u64());
            self.services.entry(name).or_default().target.extend(bounds);
            return;
        }
        let own = self.services.get_mut(&name).unwrap_or_else(|| panic!("{name} has no scalable target"));
        match call {
            ScalingCall::PutScalingPolicy => {
                let request = match group {
                    Some(group) => with_label(request.clone(), &label(group.rsplit('/').next().unwrap())),
                    None => request.clone(),
                };
                let policy = text(&request, "PolicyName").to_owned();
                let measure = |policy: &Document| {
                    let part = |member: &str| policy.get(TRACKING).map(|own| own.get(member).cloned());
                    (part("PredefinedMetricSpecification"), part("CustomizedMetricSpecification"))
                };
                own.policies.retain(|known| text(known, "PolicyName") != policy);
                assert!(own.policies.iter().all(|known| measure(known) != measure(&request)), "one for each metric");
                own.policies.push(object(json!({ "PolicyName": policy, TRACKING: request[TRACKING] })));
            }
            ScalingCall::PutScheduledAction => {
                let action = text(request, "ScheduledActionName");
                own.actions.retain(|known| text(known, "ScheduledActionName") != action);
                let kept = ["Schedule", "Timezone", "ScalableTargetAction", "StartTime", "EndTime"];
                let mut made = members(&kept);
                made.insert("ScheduledActionName".into(), action.into());
                own.actions.push(made);
            }
            ScalingCall::DeleteScalingPolicy => {
                own.policies.retain(|known| text(known, "PolicyName") != text(request, "PolicyName"));
            }
            ScalingCall::DeleteScheduledAction => {
                let action = text(request, "ScheduledActionName");
                own.actions.retain(|known| text(known, "ScheduledActionName") != action);
            }
            _ => drop(self.services.remove(&name)),
        }
    }
}

fn label(group: &str) -> String {
    format!("app/lb/1/targetgroup/{group}/1")
}

const WORKER: &str = "app = \"shop\"\n[services.worker]\nCOUNT\n[services.worker.containers.worker]\nimage = \"w:1\"\n\
                      SCALING\n[stages.prod]\nsubnets = [\"subnet-1\"]\n";

fn shop(scaling: &str) -> String {
    let (count, scaling) = match scaling.strip_prefix("count") {
        Some(_) => (scaling, ""),
        None => ("", scaling),
    };
    WORKER.replace("COUNT", count).replace("SCALING", scaling)
}

fn written(body: &str) -> String {
    format!("[services.worker.scaling]\nmin = 2\nmax = 6\n{body}")
}

/// Deploys one text, changes the account, and tells what a deploy of the other would do; a second one must do nothing.
fn check_in(before: &str, change: impl Fn(&mut World), after: &str, expected: &[&str]) -> World {
    let mut world = World::new();
    let first = manifest(&shop(before));
    let plan = world.plan(&first, "prod");
    world.apply(&plan);
    assert_eq!(told(&world.plan(&first, "prod")), [""; 0], "what was done needs not be done again");
    change(&mut world);
    let second = manifest(&shop(after));
    let plan = world.plan(&second, "prod");
    assert_eq!(told(&plan), expected, "{before}\n{after}");
    world.apply(&plan);
    assert_eq!(told(&world.plan(&second, "prod")), [""; 0], "what was done needs not be done again");
    world
}

fn check(before: &str, after: &str, expected: &[&str]) -> World {
    check_in(before, |_| {}, after, expected)
}

fn scaled(world: &mut World) -> &mut ScaledService {
    world.scaling.services.get_mut("shop-worker-prod").unwrap()
}

#[test]
fn a_service_begins_with_its_least_and_is_not_counted_again() {
    let mut world = World::new();
    let text = shop(&written("cpu = 60\ncooldown.out = \"1m\""));
    let plan = world.plan(&manifest(&text), "prod");
    let told = told(&plan);
    assert_eq!(
        told[told.len() - 3..],
        ["+ service shop-worker-prod", "+ scaling shop-worker-prod", "+ scaling policy managr-cpu of shop-worker-prod"]
    );
    let create = plan.steps.iter().find_map(|step| match &step.action {
        Action::CreateService { request } => Some(request["desiredCount"].clone()),
        _ => None,
    });
    assert_eq!(create, Some(json!(2)));
    world.apply(&plan);
    // It was scaled out meanwhile, and gets a new image.
    world.service("shop-worker-prod").insert("desiredCount".into(), 5.into());
    world.scaled.insert("shop-worker-prod".into());
    let next = world.plan(&manifest(&text.replace("w:1", "w:2")), "prod");
    let update = next.steps.iter().find_map(|step| match &step.action {
        Action::UpdateService { request } => Some(request.clone()),
        _ => None,
    });
    assert!(!update.unwrap().contains_key("desiredCount"), "scaling decides how many there are");
}

#[test]
fn only_what_differs_of_scaling_is_touched() {
    let all = "cpu = 60\nmemory = { target = 80, cooldown.in = \"10m\" }\nmetric = { namespace = \"Shop\", name = \"Queue\", \
               target = 10, dimensions = { Stage = \"{stage}\" } }\nscheduled.night = { schedule = \"cron(0 20 * * ? *)\", \
               until = \"cron(0 6 * * ? *)\", timezone = \"Europe/Vienna\", min = 0, max = 0 }";
    let all = written(all);
    check(&all, &all, &[]);
    check(&all, &all.replace("cpu = 60", "cpu = 70"), &["~ scaling policy managr-cpu of shop-worker-prod [target]"]);
    check(
        &all,
        &all.replace("cpu = 60", "scale-in = false\ncpu = 60"),
        &[
            "~ scaling policy managr-cpu of shop-worker-prod [scale-in]",
            "~ scaling policy managr-memory of shop-worker-prod [scale-in]",
            "~ scaling policy managr-metric of shop-worker-prod [scale-in]",
        ],
    );
    check(
        &all,
        &all.replace("max = 6", "max = 8"),
        &["~ scaling shop-worker-prod [max]", "~ scheduled scaling managr-night-until of shop-worker-prod [max]"],
    );
    check(
        &all,
        &all.replace("\"Queue\"", "\"Other\""),
        &["~ scaling policy managr-metric of shop-worker-prod [metric]"],
    );
    check(
        &all,
        &all.replace("timezone = \"Europe/Vienna\", ", ""),
        &[
            "~ scheduled scaling managr-night of shop-worker-prod [timezone]",
            "~ scheduled scaling managr-night-until of shop-worker-prod [timezone]",
        ],
    );
    check(
        &all,
        &written("cpu = 60"),
        &[
            "- scaling policy managr-memory of shop-worker-prod",
            "- scaling policy managr-metric of shop-worker-prod",
            "- scheduled scaling managr-night of shop-worker-prod",
            "- scheduled scaling managr-night-until of shop-worker-prod",
        ],
    );
}

#[test]
fn what_the_clock_has_set_is_left_to_the_clock() {
    let night = |rest: &str| {
        written(&format!(
            "{rest}\nscheduled.night = {{ schedule = \"cron(0 20 * * ? *)\", until = \"cron(0 6 * * ? *)\", min = 0, max = 0 }}"
        ))
    };
    let at_night = |world: &mut World| scaled(world).target = object(json!({ "MinCapacity": 0, "MaxCapacity": 0 }));
    let text = night("cpu = 60");
    check_in(&text, at_night, &text, &[]);
    // The day's bounds change in the night: no task is woken.
    let until = "~ scheduled scaling managr-night-until of shop-worker-prod [max]";
    check_in(&text, at_night, &text.replace("max = 6", "max = 8"), &[until]);
    let night_of_one = text.replace("min = 0, max = 0", "min = 1, max = 1");
    let expected =
        ["~ scaling shop-worker-prod [min max]", "~ scheduled scaling managr-night of shop-worker-prod [min max]"];
    let world = check_in(&text, at_night, &night_of_one, &expected);
    assert_eq!(world.scaling.services["shop-worker-prod"].bounds(), (1, 1));
    // Without the action nothing else claims its bounds.
    let world = check_in(
        &text,
        at_night,
        &written("cpu = 60"),
        &[
            "~ scaling shop-worker-prod [min max]",
            "- scheduled scaling managr-night of shop-worker-prod",
            "- scheduled scaling managr-night-until of shop-worker-prod",
        ],
    );
    assert_eq!(world.scaling.services["shop-worker-prod"].bounds(), (2, 6));
}

#[test]
fn what_somebody_else_made_is_used_or_left_alone() {
    let theirs = |name: &str, kind: &str| {
        let tracking = json!({ "TargetValue": 60.0, "PredefinedMetricSpecification": { "PredefinedMetricType": kind },
            "ScaleInCooldown": 300, "ScaleOutCooldown": 300, "DisableScaleIn": false });
        object(json!({ "PolicyName": name, TRACKING: tracking }))
    };
    let add = |world: &mut World| {
        let own = scaled(world);
        own.policies.push(theirs("terraform-cpu", "ECSServiceAverageCPUUtilization"));
        own.policies.push(object(json!({ "PolicyName": "steps", "StepScalingPolicyConfiguration": {} })));
        let night = json!({ "ScheduledActionName": "night", "Schedule": "cron(0 20 * * ? *)",
            "ScalableTargetAction": { "MinCapacity": 0 }, "EndTime": 1.0 });
        own.actions.push(object(night));
    };
    // A policy of the same metric is the manifest's, whatever it is called.
    check_in(&written(""), add, &written("cpu = 60"), &[]);
    let changed = ["~ scaling policy terraform-cpu of shop-worker-prod [target]"];
    check_in(&written(""), add, &written("cpu = 50"), &changed);
    // So is an action that the manifest names; when it ends stays.
    let named = "cpu = 60\nscheduled.night = { name = \"night\", schedule = \"cron(0 21 * * ? *)\", min = 0 }";
    let changed = ["~ scheduled scaling night of shop-worker-prod [schedule]"];
    let world = check_in(&written(""), add, &written(named), &changed);
    assert_eq!(world.scaling.services["shop-worker-prod"].actions[0]["EndTime"], 1.0);
    // What the manifest does not say stays, and the plan reports it.
    let world =
        check_in(&written("memory = 50"), add, &written(""), &["- scaling policy managr-memory of shop-worker-prod"]);
    let text = manifest(&shop(&written("")));
    let (desired, observed) = world.drafted(&text, "prod");
    let foreign: Vec<String> =
        plan::scaling::foreign(&desired, &observed).into_iter().map(|foreign| foreign.what).collect();
    assert_eq!(foreign, ["scaling policy terraform-cpu", "scaling policy steps", "scheduled scaling night"]);
    let notes = world.plan(&text, "prod").notes;
    assert!(
        notes
            .iter()
            .any(|note| note.contains("scaling policy steps of service shop-worker-prod is not in the manifest"))
    );
}

#[test]
fn a_service_that_scales_no_more_has_its_count_again() {
    let with = written("cpu = 60");
    let is_scaled = |world: &mut World| {
        world.scaled.insert("shop-worker-prod".into());
        world.service("shop-worker-prod").insert("desiredCount".into(), 5.into());
    };
    let gone = ["~ service shop-worker-prod [desiredCount]", "- scaling shop-worker-prod"];
    let mut world = World::new();
    let first = manifest(&shop(&with));
    let made = world.plan(&first, "prod");
    world.apply(&made);
    is_scaled(&mut world);
    let plan = world.plan(&manifest(&shop("count = 3")), "prod");
    assert_eq!(told(&plan), gone);
    // A foreign policy keeps it: then the count is not ours.
    scaled(&mut world).policies.push(object(json!({ "PolicyName": "steps" })));
    let plan = world.plan(&manifest(&shop("count = 3")), "prod");
    assert_eq!(told(&plan), ["- scaling policy managr-cpu of shop-worker-prod"]);
    // Who may not look changes nothing, and says so.
    world.scaling.unseen = Some("denied".into());
    let plan = world.plan(&manifest(&shop(&with.replace("60", "70"))), "prod");
    assert_eq!(told(&plan), [""; 0]);
    assert_eq!(plan.notes, ["scaling of shop-worker-prod is left as it is: denied"]);
}

#[test]
fn requests_are_counted_behind_a_load_balancer_that_may_not_be_there_yet() {
    let text = "app = \"shop\"\n[services.web.containers.web]\nimage = \"w:1\"\nports = [80]\n[services.web.ingress]\n\
                container = \"web\"\nport = 80\n[services.web.scaling]\nmin = 1\nmax = 3\nrequests = 500\n";
    let text = manifest(text);
    let mut world = World::new();
    let plan = world.plan(&text, "local");
    let asked = plan.steps.iter().find_map(|step| match &step.action {
        Action::Scaling { call: ScalingCall::PutScalingPolicy, group, .. } => group.clone(),
        _ => None,
    });
    assert_eq!(asked.as_deref(), Some("managr:target-group:web"));
    world.apply(&plan);
    let policy = Value::Object(world.scaling.services["shop-web-local"].policies[0].clone());
    let label = policy.pointer(&format!("/{TRACKING}/PredefinedMetricSpecification/ResourceLabel"));
    assert_eq!(label, Some(&json!("app/lb/1/targetgroup/shop-web-local/1")));
    assert_eq!(told(&world.plan(&text, "local")), [""; 0]);
}

#[test]
fn math_is_sent_as_aws_has_it() {
    let math = "[services.worker.scaling.metric]\ntarget = 2.5\n[[services.worker.scaling.metric.math]]\nid = \"backlog\"\n\
                namespace = \"Shop\"\nname = \"Queue\"\nstatistic = \"Sum\"\n[[services.worker.scaling.metric.math]]\nid = \
                \"each\"\nexpression = \"backlog / 2\"\nlabel = \"left for each\"\n";
    let world = check(&written(math), &written(math), &[]);
    let policy = &world.scaling.services["shop-worker-prod"].policies[0][TRACKING];
    assert_eq!(
        *policy,
        json!({ "TargetValue": 2.5, "CustomizedMetricSpecification": { "Metrics": [
            { "Id": "backlog", "ReturnData": false,
              "MetricStat": { "Metric": { "Namespace": "Shop", "MetricName": "Queue" }, "Stat": "Sum" } },
            { "Id": "each", "ReturnData": true, "Label": "left for each", "Expression": "backlog / 2" },
        ] } })
    );
    // In another order it says the same.
    let turned = |world: &mut World| {
        let list = &mut scaled(world).policies[0][TRACKING]["CustomizedMetricSpecification"]["Metrics"];
        list.as_array_mut().unwrap().reverse();
    };
    check_in(&written(math), turned, &written(math), &[]);
}
