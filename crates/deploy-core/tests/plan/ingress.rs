//! The way to a service: made, changed where it differs, taken away.

use deploy_core::plan::Action;
use serde_json::json;

use crate::cases::{SHOP, deployed};
use crate::world::{manifest, told};

fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SHOP.contains(from), "{from}");
    let (mut world, changed) = (deployed(SHOP), manifest(&SHOP.replace(from, to)));
    let plan = world.plan(&changed, "local");
    assert_eq!(told(&plan), expected, "{from} -> {to}");
    world.apply(&plan);
    assert!(world.plan(&changed, "local").is_empty(), "{:?}", told(&world.plan(&changed, "local")));
}

#[test]
fn a_check_that_changes_is_one_step_of_the_target_group() {
    let health = "port = 80\nhealth-check = { path = \"/up\", interval = \"20s\" }";
    check("port = 80", health, &["~ target group shop-web-local [HealthCheckPath HealthCheckIntervalSeconds]"]);
    let delay = "port = 80\nderegistration-delay = \"5s\"";
    check("port = 80", delay, &["~ target group shop-web-local [deregistration_delay.timeout_seconds]"]);
}

#[test]
fn hosts_and_paths_become_a_rule() {
    check("port = 80", "port = 80\nhost = \"shop.test\"", &["+ rule shop-web-local"]);
    let text = SHOP.replace("port = 80", "port = 80\npath = \"/a/*\"");
    let world = deployed(&text);
    assert!(world.plan(&manifest(&text), "local").is_empty());
    let plan = world.plan(&manifest(&text.replace("/a/*", "/b/*")), "local");
    assert_eq!(told(&plan), ["~ rule shop-web-local [Conditions]"]);
}

#[test]
fn a_grace_period_is_the_services_own() {
    let grace = "port = 80\ngrace-period = \"1m\"";
    check("port = 80", grace, &["~ service shop-web-local [healthCheckGracePeriodSeconds]"]);
}

#[test]
fn what_somebody_changed_by_hand_is_put_right() {
    let mut world = deployed(SHOP);
    world.change_groups(|group, delay| {
        group.insert("HealthCheckPath".into(), "/theirs".into());
        delay.clear();
    });
    let plan = world.plan(&manifest(SHOP), "local");
    let expected = "~ target group shop-web-local [HealthCheckPath deregistration_delay.timeout_seconds]";
    assert_eq!(told(&plan), [expected]);
}

#[test]
fn a_service_without_an_ingress_leaves_its_load_balancer() {
    let text = SHOP.replace("[services.web.ingress]\ncontainer = \"web\"\nport = 80\n", "");
    let mut world = deployed(SHOP);
    let plan = world.plan(&manifest(&text), "local");
    assert_eq!(told(&plan), ["~ service shop-web-local [loadBalancers]"]);
    let Action::UpdateService { request } = &plan.steps[0].action else { panic!("{:?}", plan.steps[0]) };
    assert_eq!(request["loadBalancers"], json!([]));
    world.apply(&plan);
    assert!(world.plan(&manifest(&text), "local").is_empty());
}

#[test]
fn a_target_group_of_somebody_else_is_not_touched() {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/theirs/1";
    let text = format!("{SHOP}[stages.local.services.web]\ntarget-group = \"{arn}\"\n");
    let steps = told(&crate::world::World::new().plan(&manifest(&text), "local"));
    assert!(!steps.iter().any(|step| step.contains("target group") || step.contains("listener")), "{steps:?}");
}
