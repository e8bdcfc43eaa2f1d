//! What could hurt is said with the step that does it.

use deploy_core::plan::Action;
use deploy_core::plan::RiskKind::{self, *};
use serde_json::json;

use crate::cases::{SHOP, deployed};
use crate::world::{World, manifest};

fn risks(world: &World, text: &str) -> Vec<(String, RiskKind)> {
    let plan = world.plan(&manifest(text), "local");
    plan.risks().map(|(step, risk)| (format!("{} {}", step.kind, step.name), risk.kind)).collect()
}

fn check(changes: &[(&str, &str)], expected: &[(&str, RiskKind)]) {
    let text = changes.iter().fold(SHOP.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let expected: Vec<_> = expected.iter().map(|(step, kind)| ((*step).to_owned(), *kind)).collect();
    assert_eq!(risks(&deployed(SHOP), &text), expected, "{changes:?}");
}

const TASK: &str = "task definition shop-web-task-local";
const SERVICE: &str = "service shop-web-local";

#[test]
fn a_change_that_hurts_nobody_is_no_risk() {
    check(&[("web:1", "web:2"), ("count = 2", "count = 1"), ("DEBUG = \"1\"", "")], &[]);
}

#[test]
fn nobody_may_answer_for_a_while() {
    check(&[("count = 2", "count = 0")], &[(SERVICE, Downtime)]);
    let none_needed = ("count = 2", "count = 2\ndeployment = { min-healthy = 0 }");
    check(&[none_needed, ("web:1", "web:2")], &[(SERVICE, Downtime)]);
    check(&[none_needed], &[]);
}

#[test]
fn a_container_or_a_secret_goes_away() {
    let agent = "[services.web.containers.agent]\nimage = \"agent:1\"\ninherit = false\nessential = false\n";
    check(&[(agent, "")], &[(TASK, ContainerRemoved)]);
    check(&[("KEY = { generate = true }", "")], &[(TASK, SecretRemoved)]);
    let two = SHOP.replace("[services.web]\n", "OTHER = { generate = true }\n[services.web]\n");
    assert_eq!(risks(&deployed(&two), SHOP), [(TASK.to_owned(), SecretRemoved)]);
}

#[test]
fn an_image_that_was_pushed_earlier_is_a_step_back() {
    let mut world = deployed(SHOP);
    world.pushed.extend([("web:1".to_owned(), 200.0), ("web:2".to_owned(), 100.0), ("web:3".to_owned(), 300.0)]);
    assert_eq!(risks(&world, &SHOP.replace("web:1", "web:2")), [(TASK.to_owned(), ImageMovedBack)]);
    assert_eq!(risks(&world, &SHOP.replace("web:1", "web:3")), []);
    assert_eq!(risks(&world, &SHOP.replace("web:1", "web:4")), [], "nobody knows when it was pushed");
}

#[test]
fn what_ecs_cannot_change_in_place_is_a_replacement() {
    let mut world = deployed(SHOP);
    world.service("shop-web-local")["launchType"] = json!("EC2");
    assert_eq!(risks(&world, SHOP), [(SERVICE.to_owned(), Replacement)]);
}

/// What CodeDeploy or an external controller replaces, only that may change: no deploy or rollback tries.
#[test]
fn what_another_controller_replaces_is_refused_with_what_to_do() {
    let of = |kind: &str, changes: &[(&str, &str)]| {
        let mut world = deployed(SHOP);
        world.service("shop-web-local").insert("deploymentController".to_owned(), json!({ "type": kind }));
        let text = changes.iter().fold(SHOP.to_owned(), |text, (from, to)| text.replace(from, to));
        world.plan(&manifest(&text), "local")
    };
    let image = [("web:1", "web:2")];
    for (kind, remedy) in [("CODE_DEPLOY", "aws deploy create-deployment"), ("EXTERNAL", "task sets")] {
        assert!(of(kind, &[]).is_empty(), "{kind}: what changes nothing is no risk");
        let plan = of(kind, &image);
        let [(step, risk)] = plan.risks().collect::<Vec<_>>()[..] else { panic!("{kind}: {plan:#?}") };
        assert_eq!((format!("{} {}", step.kind, step.name).as_str(), risk.kind), (SERVICE, Replacement));
        let words = format!("{kind} replaces its tasks, and ECS refuses to change taskDefinition for anybody else");
        assert_eq!(risk.words, words);
        assert!(risk.remedy.contains(remedy) && risk.remedy.contains("--deployment-controller"), "{}", risk.remedy);
        // What ECS takes is asked for alone: it refuses members that stay as they are, too.
        let plan = of(kind, &[("count = 2", "count = 3")]);
        assert_eq!(plan.risks().count(), 0, "{kind}");
        let [Action::UpdateService { request }] = &plan.steps.iter().map(|step| &step.action).collect::<Vec<_>>()[..]
        else {
            panic!("{plan:#?}")
        };
        assert_eq!(request["desiredCount"], 3);
        for member in ["taskDefinition", "networkConfiguration", "loadBalancers", "forceNewDeployment"] {
            assert!(!request.contains_key(member), "{kind}: {request:?}");
        }
    }
    let percent = [("count = 2", "count = 2\ndeployment = { min-healthy = 50 }")];
    assert_eq!(of("CODE_DEPLOY", &percent).risks().count(), 0);
    assert_eq!(of("EXTERNAL", &percent).risks().count(), 1);
    assert_eq!(of("ECS", &image).risks().count(), 0);
}
