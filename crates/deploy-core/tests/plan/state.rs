//! When is a kept plan out of date? When what it rests on was changed, and not when the world
//! merely went on.

use deploy_core::plan::Observed;
use serde_json::{Value, json};

use crate::cases::{SHOP, deployed};
use crate::world::{manifest, object};

fn observed() -> Observed {
    let mut world = deployed(SHOP);
    world.service("shop-web-local").extend(object(json!({
        "runningCount": 2, "pendingCount": 0, "events": [{ "id": "1" }], "createdAt": 1.5,
    })));
    world.drafted(&manifest(SHOP), "local").1
}

/// Returns whether a change makes plans out of date.
fn shows(change: impl Fn(&mut Observed)) -> bool {
    let before = observed();
    let mut after = before.clone();
    change(&mut after);
    assert_ne!(after, before, "the change changes something");
    before.state() != after.state()
}

fn service(change: impl Fn(&mut Value)) -> impl Fn(&mut Observed) {
    move |observed| {
        let mut service = Value::Object(observed.services.remove("shop-web-local").unwrap());
        change(&mut service);
        observed.services.insert("shop-web-local".into(), object(service));
    }
}

#[test]
fn the_same_world_has_the_same_state() {
    assert_eq!(observed().state(), observed().state());
    let mut turned = observed();
    let service = turned.services.get_mut("shop-web-local").unwrap();
    let reversed: Vec<_> = service.clone().into_iter().rev().collect();
    *service = reversed.into_iter().collect();
    assert_eq!(turned.state(), observed().state(), "the order of an answer's members says nothing");
}

#[test]
fn what_moves_by_itself_makes_no_plan_out_of_date() {
    assert!(!shows(service(|s| s["events"] = json!([{ "id": "2" }]))));
    assert!(!shows(service(|s| s["runningCount"] = json!(1))));
    assert!(!shows(service(|s| s["pendingCount"] = json!(1))));
    assert!(!shows(service(|s| s["createdAt"] = json!(2.5))));
    assert!(!shows(service(|s| s["deployments"][0]["runningCount"] = json!(1))));
    assert!(!shows(service(|s| s["deployments"][0]["rolloutState"] = json!("IN_PROGRESS"))));
    assert!(!shows(|o| o.pushed = [("web:1".to_owned(), 1.0)].into()));
    assert!(!shows(|o| o.strangers.push("shop-old-local".into())));
    let balancer = json!({ "LoadBalancerName": "shop-local", "State": { "Code": "provisioning" } });
    assert!(!shows(|o| o.ingress.get_mut("web").unwrap().balancer = Some(object(balancer.clone()))));
}

#[test]
fn a_count_that_an_autoscaler_moves_is_not_a_change() {
    let scaled = |count: i64| {
        let mut observed = observed();
        observed.scaled.insert("shop-web-local".into());
        observed.services.get_mut("shop-web-local").unwrap().insert("desiredCount".into(), count.into());
        observed.state()
    };
    assert_eq!(scaled(2), scaled(9));
}

#[test]
fn every_real_change_makes_a_plan_out_of_date() {
    assert!(shows(|o| o.has_cluster = false));
    assert!(shows(|o| o.log_groups.clear()));
    assert!(shows(|o| drop(o.services.remove("shop-web-local"))));
    assert!(shows(|o| o.schedules = None));
    assert!(shows(|o| o.schedules.as_mut().unwrap().clear()));
    assert!(shows(|o| o.secret.arn = None));
    assert!(shows(|o| o.secret.changes.push("KEY".into())));
    assert!(shows(|o| o.scaled = ["shop-web-local".to_owned()].into()));
    for (pointer, value) in [
        ("/taskDefinition", json!("other:1")),
        ("/desiredCount", json!(3)),
        ("/status", json!("DRAINING")),
        ("/launchType", json!("EC2")),
        ("/networkConfiguration/awsvpcConfiguration/subnets", json!([])),
        ("/deploymentConfiguration/maximumPercent", json!(150)),
        ("/loadBalancers", json!([])),
        ("/healthCheckGracePeriodSeconds", json!(7)),
        ("/deployments/0/id", json!("ecs-svc/999")),
        ("/deployments/0/rolloutState", json!("FAILED")),
    ] {
        let change = service(|s| *s.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone());
        assert!(shows(change), "{pointer}");
    }
    // Members that a raw table of the manifest may ask for.
    for member in ["enableECSManagedTags", "capacityProviderStrategy", "serviceRegistries", "something-new"] {
        assert!(shows(service(|s| s[member] = json!([1]))), "{member}");
    }
    assert!(shows(service(|s| s["deployments"][0]["serviceConnectConfiguration"] = json!({ "enabled": true }))));
}

#[test]
fn a_way_that_somebody_changed_makes_a_plan_out_of_date() {
    fn way(o: &mut Observed) -> &mut deploy_core::plan::ingress::ObservedIngress {
        o.ingress.get_mut("web").unwrap()
    }
    assert!(shows(|o| way(o).balancer = None));
    assert!(shows(|o| way(o).group = None));
    assert!(shows(|o| way(o).delay = Some("1".into())));
    assert!(shows(|o| way(o).listener = None));
    assert!(shows(|o| drop(way(o).group.as_mut().unwrap().insert("HealthCheckPath".into(), "/x".into()))));
    assert!(shows(|o| drop(way(o).listener.as_mut().unwrap().insert("DefaultActions".into(), json!([])))));
    assert!(shows(|o| way(o).rules.push(object(json!({ "IsDefault": "false" })))));
}

#[test]
fn revisions_that_come_or_go_make_a_plan_out_of_date() {
    let family = "shop-web-task-local";
    assert!(shows(|o| drop(o.newest.remove(family))));
    assert!(shows(|o| {
        let arn = json!("arn:aws:ecs:us-east-1:1:task-definition/shop-web-task-local:9");
        o.newest.get_mut(family).unwrap().insert("taskDefinitionArn".into(), arn);
    }));
    assert!(shows(|o| {
        let running = o.revisions.values_mut().next().unwrap();
        running.insert("status".into(), "INACTIVE".into());
    }));
}
