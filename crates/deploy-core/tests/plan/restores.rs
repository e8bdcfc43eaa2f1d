//! An earlier release again: its revisions, and nothing else.

use deploy_core::plan::{Action, RiskKind};
use deploy_core::release::Release;
use serde_json::json;

use crate::cases::SHOP;
use crate::world::{World, manifest, object, told};

/// Deploys texts one after the other.
fn deployed(texts: &[String]) -> (World, Vec<Release>) {
    let mut world = World::new();
    let one = |text: &String| {
        let plan = world.plan(&manifest(text), "local");
        world.apply(&plan)
    };
    let releases = texts.iter().map(one).collect();
    (world, releases)
}

fn two() -> (World, Vec<Release>) {
    deployed(&[
        SHOP.to_owned(),
        SHOP.replace("web:1", "web:2").replace("tick:1", "tick:2").replace("count = 2", "count = 5"),
    ])
}

#[test]
fn a_release_is_its_revisions() {
    let (mut world, releases) = two();
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    let expected = [
        "~ service shop-web-local [taskDefinition containers.web.image]",
        "~ schedule shop-tick-local [taskDefinition]",
    ];
    assert_eq!(told(&plan), expected, "no build, no release command, no count");
    assert_eq!(plan.restores, Some(releases[0].number));
    world.apply(&plan);
    assert_eq!(world.services["shop-web-local"]["desiredCount"], 5);
    assert!(world.plan_restore(&manifest(SHOP), "local", &releases[0]).is_empty());
    let left = world.plan(&manifest(SHOP), "local");
    assert_eq!(told(&left), ["~ service shop-web-local [desiredCount]"], "but for the count it is release 1");
}

#[test]
fn moving_back_is_no_risk_but_losing_something_is() {
    let (mut world, releases) = two();
    world.pushed.extend([("web:1".to_owned(), 100.0), ("web:2".to_owned(), 200.0)]);
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    assert_eq!(plan.risks().count(), 0);
    let more = SHOP.replace("[schedules", "[services.worker.containers.two]\nimage = \"two:1\"\n[schedules");
    let (world, releases) = deployed(&[SHOP.to_owned(), more]);
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    let kinds: Vec<RiskKind> = plan.risks().map(|(_, risk)| risk.kind).collect();
    assert_eq!(kinds, [RiskKind::ContainerRemoved]);
}

#[test]
fn a_rollback_of_what_another_controller_replaces_is_a_risk_that_is_refused() {
    let (mut world, releases) = two();
    world.service("shop-web-local").insert("deploymentController".to_owned(), json!({ "type": "CODE_DEPLOY" }));
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    assert_eq!(plan.risks().map(|(_, risk)| risk.kind).collect::<Vec<_>>(), [RiskKind::Replacement]);
}

#[test]
fn deregistered_revisions_are_registered_again() {
    let (mut world, releases) = two();
    for arn in releases[0].services.values().chain(releases[0].schedules.values()) {
        if releases[1].services.values().all(|now| now != arn) {
            world.revisions.get_mut(arn).unwrap().insert("status".into(), "INACTIVE".into());
        }
    }
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    let expected = [
        "+ task definition shop-web-task-local",
        "+ task definition shop-tick-task-local",
        "~ service shop-web-local [taskDefinition containers.web.image]",
        "~ schedule shop-tick-local [taskDefinition]",
    ];
    assert_eq!(told(&plan), expected);
    let Action::Register { document } = &plan.steps[0].action else { panic!("{:?}", plan.steps[0]) };
    assert!(aws_model::register::COMPUTED.iter().all(|key| !document.contains_key(*key)), "{document:?}");
    let again = world.apply(&plan);
    assert_ne!(again.services["shop-web-local"], releases[0].services["shop-web-local"]);
    assert!(world.plan_restore(&manifest(SHOP), "local", &again).is_empty());
}

#[test]
fn what_is_not_there_any_more_is_said() {
    let (mut world, releases) = two();
    world.services.remove("shop-worker-local");
    world.schedules.clear();
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    assert_eq!(told(&plan), ["~ service shop-web-local [taskDefinition containers.web.image]"]);
    let number = releases[0].number;
    let expected = [
        format!("service shop-worker-local of release {number} is not there any more"),
        format!("schedule shop-tick-local of release {number} is not there any more"),
    ];
    assert_eq!(plan.notes, expected);
}

#[test]
fn a_schedule_keeps_its_times_and_what_others_put_into_it() {
    let (mut world, releases) = two();
    let seen = world.schedules.get_mut("shop-tick-local").unwrap();
    seen.rule
        .extend(object(json!({ "ScheduleExpression": "rate(1 day)", "State": "DISABLED", "Arn": "answered only" })));
    seen.target.as_mut().unwrap().insert("Input".into(), "{}".into());
    let plan = world.plan_restore(&manifest(SHOP), "local", &releases[0]);
    let step = plan.steps.iter().find(|step| step.kind == "schedule").unwrap();
    let Action::PutSchedule { rule, target, .. } = &step.action else { panic!("{step:?}") };
    let kept = json!({ "Name": "shop-tick-local", "ScheduleExpression": "rate(1 day)", "State": "DISABLED" });
    assert_eq!(json!(rule), kept, "PutRule takes no ARN");
    assert_eq!(target["Input"], "{}");
    assert_eq!(target["EcsParameters"]["TaskDefinitionArn"], releases[0].schedules["shop-tick-local"].as_str());
}
