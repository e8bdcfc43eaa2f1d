//! What holds for a service whatever its operator, its containers and its host do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::rc::Rc;

use aws_model::Millis;
use platform_core::service::{health, rollout};
use platform_core::world::{DesiredStatus, RolloutState, Service, ServiceStatus, TargetState, Task, TaskStatus, World};
use platform_core::{Change, Cx, Ids, service};
use proptest::prelude::*;
use serde_json::json;
use testkit::fixtures::{ACCOUNT, REGION, SERVICE};
use testkit::scenario::Settings;
use testkit::{Behaviour, Stage};

/// Something that a user does, or that goes wrong.
#[derive(Debug, Clone)]
enum Act {
    Deploy(Behaviour),
    Force,
    Scale(u32),
    Stop(&'static str),
    Bounds(u32, u32),
    StopTask(usize),
    Exit(usize),
    Unwell(usize),
    Restart,
    Wait(Millis),
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let well = Behaviour::default();
    prop_oneof![
        Just(well.clone()),
        Just(Behaviour { starts_after: 7_000, healthy_after: Some(3_000), ..well.clone() }),
        Just(Behaviour { healthy_after: None, ..well.clone() }),
        Just(Behaviour { exits: Some((1, 2_000)), ..well.clone() }),
        Just(Behaviour { exits: Some((1, 45_000)), ..well.clone() }),
        Just(Behaviour { image_missing: true, ..well.clone() }),
        Just(Behaviour { secret_missing: true, ..well.clone() }),
        Just(Behaviour { ignores_term: true, ..well }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => behaviour().prop_map(Act::Deploy),
        1 => Just(Act::Force),
        2 => (0..4u32).prop_map(Act::Scale),
        2 => prop_oneof![Just("ROLLBACK"), Just("ABORT")].prop_map(Act::Stop),
        1 => prop_oneof![Just((100, 200)), Just((0, 100)), Just((50, 150))].prop_map(|(a, b)| Act::Bounds(a, b)),
        1 => any::<usize>().prop_map(Act::StopTask),
        2 => any::<usize>().prop_map(Act::Exit),
        1 => any::<usize>().prop_map(Act::Unwell),
        1 => Just(Act::Restart),
        8 => prop_oneof![Just(0), 1..3_000i64, 3_000..90_000i64].prop_map(Act::Wait),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let breaker = (any::<bool>(), any::<bool>(), any::<bool>());
    (any::<bool>(), any::<bool>(), 0..3u32, breaker).prop_map(
        |(checked, balanced, desired, (enable, rollback, resets))| {
            let breaker = json!({"enable": enable, "rollback": rollback, "resetOnHealthyTask": resets});
            Settings {
                desired,
                checked,
                balanced: balanced.then_some(10),
                grace: balanced.then_some(5),
                configuration: json!({"deploymentCircuitBreaker": breaker}),
            }
        },
    )
}

fn perform(stage: &mut Stage, settings: &Settings, act: &Act, revisions: &mut u32) {
    let update = |stage: &mut Stage, mut members: serde_json::Value| {
        members["cluster"] = "c".into();
        members["service"] = "web".into();
        stage.call("UpdateService", members).unwrap();
    };
    let picked = |stage: &Stage, n: usize| {
        let wanted = stage.wanted();
        (!wanted.is_empty()).then(|| wanted[n % wanted.len()].clone())
    };
    match act {
        Act::Deploy(behaviour) => {
            *revisions += 1;
            settings.register(stage);
            stage.host.does.insert(*revisions, behaviour.clone());
            update(stage, json!({"taskDefinition": format!("web:{revisions}")}));
        }
        Act::Force => update(stage, json!({"forceNewDeployment": true})),
        Act::Scale(n) => update(stage, json!({"desiredCount": n})),
        Act::Bounds(floor, ceiling) => {
            let bounds = json!({"minimumHealthyPercent": floor, "maximumPercent": ceiling});
            update(stage, json!({"deploymentConfiguration": bounds}));
        }
        Act::Stop(kind) => {
            let arn = stage.world.deployments_of(SERVICE)[0].arn.clone();
            // Refused when it is over; that is all right.
            let _ = stage.call("StopServiceDeployment", json!({"serviceDeploymentArn": arn, "stopType": kind}));
        }
        Act::StopTask(n) => {
            if let Some(task) = picked(stage, *n) {
                stage.call("StopTask", json!({"cluster": "c", "task": task.arn})).unwrap();
            }
        }
        Act::Exit(n) => {
            if let Some(task) = picked(stage, *n) {
                stage.host.exit(&task, 1, stage.now);
            }
        }
        Act::Unwell(n) => {
            let targets: Vec<_> = stage.world.targets.keys().cloned().collect();
            if !targets.is_empty() {
                stage.host.probe(targets[n % targets.len()].clone(), TargetState::Unhealthy, stage.now);
            }
        }
        Act::Restart => stage.restart(),
        Act::Wait(time) => stage.run(*time),
    }
}

fn healthy(world: &World, service: &Service, now: Millis) -> usize {
    let grace = service.health_check_grace_period.unwrap_or(0);
    let is_healthy = |task: &&std::sync::Arc<Task>| {
        let spec = &world.revisions[&task.task_definition_arn].spec;
        task.desired_status == DesiredStatus::Running && health::of_task(world, task, spec, grace, now).healthy
    };
    world.service_tasks(SERVICE).filter(is_healthy).count()
}

fn running(world: &World) -> Vec<&Task> {
    let runs = |t: &&Task| t.desired_status == DesiredStatus::Running && t.last_status == TaskStatus::Running;
    world.service_tasks(SERVICE).map(|t| &**t).filter(runs).collect()
}

fn wanted(world: &World) -> usize {
    world.service_tasks(SERVICE).filter(|t| t.desired_status == DesiredStatus::Running).count()
}

/// Holds one decision against what is promised of every decision.
fn judge(before: &World, service: &Service, changes: &[Change], now: Millis) {
    let mut after = before.clone();
    for change in changes {
        after.apply(change.clone());
    }
    let Some(next) = after.services.get(SERVICE).filter(|s| s.status == ServiceStatus::Active) else { return };
    let desired = service.desired_count as usize;
    let floor = rollout::floor(desired, service.minimum_healthy_percent as usize);
    let ceiling = rollout::ceiling(desired, service.maximum_percent as usize);
    let was = healthy(before, service, now);
    assert!(healthy(&after, service, now) >= was.min(floor), "below the floor of {floor}: {changes:#?}");
    let launched = after.tasks.len() > before.tasks.len();
    // What runs is worth as much: only a sick task goes below the floor, and only to make room for another.
    let left = running(&after);
    if left.len() < running(before).len().min(floor) {
        let gone: Vec<&Task> =
            running(before).into_iter().filter(|old| left.iter().all(|task| task.arn != old.arn)).collect();
        let sick = |task: &Task| after.tasks[&task.arn].failed_checks;
        assert!(gone.len() == 1 && sick(gone[0]), "running below the floor of {floor}: {changes:#?}");
        let full = wanted(before) >= ceiling;
        assert!(launched && full, "a sick task made room that was there, or for nothing: {changes:#?}");
    }
    assert!(!launched || wanted(&after) <= ceiling, "above the ceiling of {ceiling}: {changes:#?}");

    let mut numbers: Vec<_> = next.deployments.iter().map(|d| d.number.clone()).collect();
    assert!(!numbers.is_empty(), "no PRIMARY");
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), next.deployments.len(), "a deployment is in the list twice");
    let ongoing = after.deployments_of(SERVICE).into_iter().filter(|row| !row.status.is_final()).count();
    assert!(ongoing <= 1, "two deployments under way");
    for row in before.service_deployments.values().filter(|row| row.status.is_final()) {
        let same = after.service_deployments.get(&row.arn).is_none_or(|now| now.status == row.status);
        assert!(same, "{:?} was over", row.status);
    }
    let gone_back = next.deployments[0].number != service.deployments[0].number;
    for done in service.deployments.iter().filter(|d| d.rollout_state == RolloutState::Completed) {
        let mut kept = next.deployments.iter().filter(|d| d.number == done.number);
        let is_back = gone_back && next.deployments[0].number == done.number;
        assert!(is_back || kept.all(|d| d.rollout_state == RolloutState::Completed), "COMPLETED did not stay");
    }
}

fn is_settled(stage: &mut Stage) {
    let mut ids = Ids::new(1);
    let mut cx = Cx {
        now: stage.now,
        region: REGION,
        account: ACCOUNT,
        access_key: "",
        architecture: Some("X86_64"),
        ids: &mut ids,
    };
    let decision = service::decide(&stage.world, &mut cx, &stage.service());
    assert_eq!(decision.changes, Vec::new(), "deciding again changes something");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_service_keeps_its_bounds_and_converges_when_the_faults_end(
        settings in settings(), acts in proptest::collection::vec(act(), 1..24),
    ) {
        let mut stage = Stage::default();
        stage.watch = Some(Box::new(judge));
        settings.create(&mut stage);
        let mut revisions = 1;
        for act in &acts {
            perform(&mut stage, &settings, act, &mut revisions);
            if matches!(act, Act::Wait(_)) {
                is_settled(&mut stage);
            }
        }
        stage.host.does.clear();
        // A deployment that was given up needs a new one, as on ECS; and one task more or less must be allowed.
        perform(&mut stage, &settings, &Act::Scale(2), &mut revisions);
        perform(&mut stage, &settings, &Act::Force, &mut revisions);
        stage.run(20 * 60_000);
        is_settled(&mut stage);
        let service = stage.service();
        prop_assert_eq!(service.deployments.len(), 1, "{}", stage.transcript());
        prop_assert_eq!(service.deployments[0].rollout_state, RolloutState::Completed);
        prop_assert_eq!(wanted(&stage.world), 2);
        prop_assert_eq!(healthy(&stage.world, &service, stage.now), 2);
        prop_assert!(stage.world.deployments_of(SERVICE).iter().all(|row| row.status.is_final()));
        prop_assert!(service.steady);
    }

    /// Whatever is deployed, and at whatever instant, what ran goes on until what is new is healthy.
    #[test]
    fn an_update_at_any_instant_leaves_the_floor_running(
        settings in settings(), first in 0..12_000i64, then in proptest::option::of(0..12_000i64),
        kinds in (0..3u8, behaviour(), behaviour()),
        bounds in prop_oneof![Just((100, 200)), Just((50, 100)), Just((50, 150))],
    ) {
        let settings = Settings { desired: settings.desired.max(1) + 1, ..settings };
        let floor = rollout::floor(settings.desired as usize, bounds.0 as usize);
        let mut stage = Stage::default();
        let fell = Rc::new(Cell::new(false));
        let (mut seen, told) = (0, Rc::clone(&fell));
        stage.watch = Some(Box::new(move |before, service, changes, now| {
            judge(before, service, changes, now);
            // The tasks of revision 1 do nothing by themselves, so that all that ends, ends through us.
            let count = before.service_tasks(SERVICE).filter(|t| t.last_status == TaskStatus::Running).count();
            seen = seen.max(count);
            told.set(told.get() || count < seen.min(floor));
        }));
        settings.create(&mut stage);
        let mut revisions = 1;
        perform(&mut stage, &settings, &Act::Bounds(bounds.0, bounds.1), &mut revisions);
        // From the instant at which the first task runs.
        while running(&stage.world).is_empty() {
            stage.run(10);
        }
        // What was healthy and then ends by itself is not our doing: here it fails before it is healthy.
        let of_us = |does: Behaviour| match does.exits {
            Some((code, _)) => Behaviour { exits: Some((code, 2_000)), healthy_after: None, ..does },
            None => does,
        };
        let (kind, second, third) = (kinds.0, of_us(kinds.1), of_us(kinds.2));
        stage.run(first);
        let act = match kind {
            0 => Act::Deploy(second),
            1 => Act::Force,
            _ => Act::Deploy(Behaviour { image_missing: true, ..second }),
        };
        perform(&mut stage, &settings, &act, &mut revisions);
        if let Some(then) = then {
            stage.run(then);
            perform(&mut stage, &settings, &Act::Deploy(third), &mut revisions);
        }
        stage.run(3 * 60_000);
        prop_assert!(!fell.get(), "{}", stage.transcript());
    }

    /// A restart in the middle of anything leaves what was stored, and so the same end.
    #[test]
    fn what_was_stored_is_all_there_is(settings in settings(), acts in proptest::collection::vec(act(), 1..16)) {
        let mut stage = Stage::default();
        settings.create(&mut stage);
        let mut revisions = 1;
        for act in &acts {
            perform(&mut stage, &settings, act, &mut revisions);
        }
        let before = stage.world.clone();
        stage.restart();
        prop_assert_eq!(before.services, stage.world.services.clone());
        prop_assert_eq!(before.service_deployments, stage.world.service_deployments.clone());
        prop_assert_eq!(before.tasks, stage.world.tasks.clone());
        prop_assert_eq!(before.targets, stage.world.targets.clone());
    }
}
