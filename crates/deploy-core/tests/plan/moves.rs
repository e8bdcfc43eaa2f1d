//! A schedule that changes what fires it: wherever a deploy is cut off, at most one of the two fires, and the next deploy
//! leaves exactly one.

use deploy_core::plan::{Action, Plan, ScheduleCall, schedule_calls};
use serde_json::Value;

use crate::cases::{SHOP, deployed};
use crate::world::{World, manifest, text, told};

const RULE: &str = "shop-tick-local";

fn by_scheduler() -> String {
    SHOP.replace("schedule = \"rate(5 minutes)\"", "schedule = \"cron(0 6 * * ? *)\"\ntimezone = \"Europe/Berlin\"")
}

fn calls(plan: &Plan) -> Vec<ScheduleCall> {
    let step = plan.steps.iter().find(|step| step.kind == "schedule").expect("a step about the schedule");
    assert!(matches!(step.action, Action::PutSchedule { .. } | Action::SetSchedule { .. }));
    schedule_calls(&step.action)
}

/// What fires the task.
fn firing(world: &World) -> Vec<&'static str> {
    let rule = world.schedules.get(RULE).filter(|seen| seen.target.is_some()).map(|seen| &seen.rule);
    let is_on = |document: &&aws_model::Document| document.get("State").is_none_or(|state| state == "ENABLED");
    let rule = rule.filter(is_on).map(|_| "rule");
    rule.into_iter().chain(world.scheduler.get(RULE).filter(is_on).map(|_| "scheduler")).collect()
}

/// Cuts the move from one text to another after each of its calls, and deploys again.
fn check(from: &str, to: &str, off: bool, after: &str) {
    let mut before = deployed(from);
    if off {
        let states = before.schedules.values_mut().map(|seen| &mut seen.rule).chain(before.scheduler.values_mut());
        states.for_each(|document| drop(document.insert("State".into(), "DISABLED".into())));
    }
    let all = calls(&before.plan(&manifest(to), "local"));
    assert!(all.len() >= 2, "{all:?}");
    for cut in 0..=all.len() {
        let mut world = before.clone();
        for call in all.iter().take(cut) {
            world.call(call.clone(), &|document| document.clone());
            assert!(firing(&world).len() <= 1, "{cut}: {:?}", firing(&world));
            assert!(!off || firing(&world).is_empty(), "{cut}: {:?}", firing(&world));
        }
        let again = world.plan(&manifest(to), "local");
        world.apply(&again);
        assert_eq!(firing(&world).join(" "), if off { "" } else { after }, "cut after {cut} of {all:?}");
        assert_eq!(
            (world.schedules.contains_key(RULE), world.scheduler.contains_key(RULE)),
            match after {
                "rule" => (true, false),
                _ => (false, true),
            }
        );
        let described = |document: &aws_model::Document| text(document, "Description").to_owned();
        assert!(world.schedules.values().all(|seen| described(&seen.rule).is_empty()));
        assert!(world.scheduler.values().all(|seen| described(seen).is_empty()));
        let left = world.plan(&manifest(to), "local");
        assert!(left.is_empty(), "{:?}", told(&left));
    }
}

#[test]
fn wherever_a_move_is_cut_off_one_fires_at_most_and_the_next_deploy_leaves_one() {
    for off in [false, true] {
        check(SHOP, &by_scheduler(), off, "scheduler");
        check(&by_scheduler(), SHOP, off, "rule");
    }
}

#[test]
fn a_plan_says_what_fires_it() {
    let plan = deployed(SHOP).plan(&manifest(&by_scheduler()), "local");
    assert_eq!(told(&plan), ["~ schedule shop-tick-local [via schedule timezone]"]);
    let world = deployed(&by_scheduler());
    let target = &world.scheduler[RULE]["Target"];
    assert_eq!(target["EcsParameters"]["TaskCount"], 1);
    assert!(
        matches!(&target["EcsParameters"]["TaskDefinitionArn"], Value::String(arn) if arn.contains("shop-tick-task-local:1"))
    );
    let later = world.plan(&manifest(&by_scheduler().replace("tick:1", "tick:2").replace("Berlin", "Paris")), "local");
    assert_eq!(told(&later).last().unwrap(), "~ schedule shop-tick-local [timezone taskDefinition]");
}

#[test]
fn a_rollback_brings_the_revision_back_whatever_fires_it() {
    let mut world = World::new();
    let first = world.plan(&manifest(&by_scheduler()), "local");
    let first = world.apply(&first);
    let plan = world.plan(&manifest(&by_scheduler().replace("tick:1", "tick:2")), "local");
    world.apply(&plan);
    let back = world.plan_restore(&manifest(&by_scheduler()), "local", &first);
    assert_eq!(told(&back), ["~ schedule shop-tick-local [taskDefinition]"]);
    world.apply(&back);
    assert_eq!(world.scheduler[RULE]["Target"]["EcsParameters"]["TaskDefinitionArn"], first.schedules[RULE].as_str());
    assert!(world.plan_restore(&manifest(&by_scheduler()), "local", &first).is_empty());
}
