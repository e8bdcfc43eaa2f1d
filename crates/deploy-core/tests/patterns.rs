//! `{stage}` in the words of a manifest, and what a stage says of ways in, waits, programs and logs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::desired::Git;
use deploy_core::{Desired, Facts, desired, parse};
use serde_json::json;

const SHOP: &str = r#"app = "shop"
cluster = "shop-{stage}"
load-balancer = "{stage}-lb"
log-group = "/shop/{stage}/web"
secret = "shop/{stage}/app"
execution-role = "exec-{stage}"
[variables]
ENVIRONMENT = "{stage}"
JSON = '{"a": {}, "b": "{{stage}}"}'
[secrets]
KEY = { from = "arn:aws:ssm:us-east-1:123456789012:parameter/shop/{stage}/KEY" }
[services.web]
name = "web-{stage}"
family = "shop-{stage}-web"
target-group = "shop-{stage}-web"
[services.web.ingress]
container = "web"
port = 80
health-check = { path = "/up", interval = "30s" }
[services.web.containers.web]
image = "web:1"
command = ["serve", "--env={stage}"]
log = { prefix = "{stage}" }
depends-on = { setup = "complete" }
[services.web.containers.setup]
image = "web:1"
[services.web.containers.late]
image = "web:1"
health-check = { command = "true" }
[schedules.tick]
name = "{stage}-tick"
family = "shop-{stage}-tick"
schedule = "rate(1 day)"
image = "web:1"
[stages.prod]
host = ["shop.example", "www.shop.example"]
listener = 443
[stages.prod.services.web.ingress]
health-check = { path = "/up" }
path = ["/a", "/b"]
[stages.staging]
cluster = "old"
[stages.staging.services.web]
ingress = false
log = { group = "/old" }
[stages.staging.services.web.containers.web]
entrypoint = ["/debug"]
depends-on = { late = "healthy" }
log = { create-group = false }
[previews]
from = "prod"
host = "{name}.preview.example"
"#;

fn made(text: &str, stage: &str) -> Desired {
    let manifest = parse("managr.toml", text).unwrap_or_else(|errors| panic!("{:#?}", errors.errors()));
    let git = Git { commit: Some("0123456789abcdef".to_owned()), ..Git::default() };
    desired(&manifest, stage, &Facts { git, ..Facts::local("registry") }).unwrap()
}

fn container<'a>(desired: &'a Desired, name: &str) -> &'a serde_json::Value {
    let all = desired.task_definitions[0].document["containerDefinitions"].as_array().unwrap();
    all.iter().find(|container| container["name"] == name).unwrap()
}

#[test]
fn a_stage_is_called_by_its_name_wherever_that_stands() {
    for stage in ["prod", "local"] {
        let made = made(SHOP, stage);
        let role = format!("arn:aws:iam::123456789012:role/exec-{stage}");
        let service = &made.services[0];
        assert_eq!(
            (made.cluster.as_str(), service.name.as_str(), service.family.as_str()),
            (&*format!("shop-{stage}"), &*format!("web-{stage}"), &*format!("shop-{stage}-web"))
        );
        let spec = service.ingress.as_ref().unwrap();
        assert_eq!((&spec.load_balancer, &spec.target_group), (&format!("{stage}-lb"), &format!("shop-{stage}-web")));
        assert_eq!(made.task_definitions[0].document["executionRoleArn"], role.as_str());
        assert_eq!(
            (made.schedules[0].rule.as_str(), made.schedules[0].family.as_str()),
            (&*format!("{stage}-tick"), &*format!("shop-{stage}-tick"))
        );
        let web = container(&made, "web");
        assert_eq!(web["command"], json!(["serve", format!("--env={stage}")]));
        assert_eq!(web["logConfiguration"]["options"]["awslogs-group"], format!("/shop/{stage}/web"));
        assert_eq!(web["logConfiguration"]["options"]["awslogs-stream-prefix"], stage);
        let environment = json!([{ "name": "ENVIRONMENT", "value": stage }, { "name": "JSON", "value": r#"{"a": {}, "b": "{stage}"}"# }]);
        assert_eq!(web["environment"], environment);
        let from = format!("arn:aws:ssm:us-east-1:123456789012:parameter/shop/{stage}/KEY");
        assert_eq!(web["secrets"], json!([{ "name": "KEY", "valueFrom": from }]));
    }
}

#[test]
fn a_stage_has_a_way_of_its_own_or_none() {
    let prod = made(SHOP, "prod").services[0].ingress.clone().unwrap();
    assert_eq!((prod.hosts, prod.listener_port), (vec!["shop.example".to_owned(), "www.shop.example".to_owned()], 443));
    assert_eq!((prod.paths, prod.health.interval), (vec!["/a".to_owned(), "/b".to_owned()], 10));
    assert_eq!(made(SHOP, "staging").services[0].ingress, None);
    let local = made(SHOP, "local").services[0].ingress.clone().unwrap();
    assert_eq!((local.hosts, local.listener_port, local.paths), (vec![], 8080, vec![]));
    assert_eq!(local.health.interval, 30);
    // A service that has no way elsewhere may have one in a stage.
    let base = SHOP.find("[services.web.ingress]").unwrap();
    let rest = SHOP.find("[services.web.containers.web]").unwrap();
    let none = format!("{}{}", &SHOP[..base], &SHOP[rest..]).replace("ingress = false\n", "");
    let own = none.replace("path = [\"/a\", \"/b\"]", "container = \"web\"\nport = 81");
    assert_eq!(made(&own, "local").services[0].ingress, None);
    assert_eq!(made(&own, "prod").services[0].ingress.clone().unwrap().port, 81);
}

#[test]
fn a_stage_has_waits_programs_and_logs_of_its_own() {
    let staging = made(SHOP, "staging");
    let web = container(&staging, "web");
    assert_eq!(web["dependsOn"], json!([{ "containerName": "late", "condition": "HEALTHY" }]));
    assert_eq!(web["entryPoint"], json!(["/debug"]));
    assert_eq!(container(&staging, "setup")["essential"], true, "nobody waits for its end here");
    let options = &web["logConfiguration"]["options"];
    assert_eq!((options["awslogs-group"].as_str(), options.get("awslogs-create-group")), (Some("/old"), None));
    assert_eq!(options["awslogs-stream-prefix"], "staging");
    let prod = made(SHOP, "prod");
    assert_eq!(container(&prod, "web")["dependsOn"], json!([{ "containerName": "setup", "condition": "COMPLETE" }]));
    assert_eq!(container(&prod, "web").get("entryPoint"), None);
}

/// What is a preview's own has its name; what it shares is called as in the stage that it is a copy of.
#[test]
fn a_preview_is_called_by_its_own_name_and_shares_by_the_other() {
    let made = made(SHOP, "pr-7");
    let service = &made.services[0];
    assert_eq!((service.name.as_str(), service.family.as_str()), ("web-pr-7", "shop-pr-7-web"));
    let spec = service.ingress.as_ref().unwrap();
    assert_eq!((spec.target_group.as_str(), spec.load_balancer.as_str()), ("shop-pr-7-web", "prod-lb"));
    assert_eq!((spec.hosts.as_slice(), spec.listener_port), (&["pr-7.preview.example".to_owned()][..], 443));
    assert_eq!(made.cluster, "shop-prod");
    let web = container(&made, "web");
    assert_eq!(web["environment"][0], json!({ "name": "ENVIRONMENT", "value": "prod" }));
    assert_eq!(web["environment"][1]["value"], r#"{"a": {}, "b": "{stage}"}"#);
    assert_eq!(web["logConfiguration"]["options"]["awslogs-group"], "/shop/prod/web");
    assert_eq!(made.task_definitions[0].document["executionRoleArn"], "arn:aws:iam::123456789012:role/exec-prod");
    // A name without the stage's in it would be the stage's own service.
    let fixed = SHOP
        .replace("name = \"web-{stage}\"", "name = \"web\"")
        .replace("family = \"shop-{stage}-web\"", "family = \"web\"");
    let fixed = self::made(&fixed, "pr-7");
    assert_eq!(
        (fixed.services[0].name.as_str(), fixed.services[0].family.as_str()),
        ("shop-web-pr-7", "shop-web-task-pr-7")
    );
    // Without a host of its own it has a load balancer of its own.
    let alone = SHOP.replace("host = \"{name}.preview.example\"\n", "");
    assert_eq!(self::made(&alone, "pr-7").services[0].ingress.clone().unwrap().load_balancer, "shop-pr-7");
}

#[test]
fn what_means_nothing_is_refused_with_its_place() {
    for (from, to, expected) in [
        ("shop-{stage}-web\"\ntarget", "shop-{stag}-web\"\ntarget", "services.web.family"),
        ("cluster = \"shop-{stage}\"", "cluster = \"shop-{stage\"", "cluster"),
        ("/shop/{stage}/web", "/shop/{env}/web", "log-group"),
        ("www.shop.example", "{name}.shop.example", "stages.prod.host"),
        ("late = \"healthy\"", "nobody = \"start\"", "depends-on of `web` in stage `staging`"),
        ("late = \"healthy\"", "web = \"start\"", "web"),
        ("late = \"healthy\"", "setup = \"healthy\"", "setup"),
        ("ingress = false", "ingress = { container = \"nobody\" }", "ingress in stage `staging`"),
        (
            "[stages.prod.services.web.ingress]\n",
            "[stages.prod.services.web.ingress]\nhealth-check.timeout = \"9m\"\n",
            "health-check",
        ),
        ("schedule = \"rate(1 day)\"\nimage = \"web:1\"", "schedule = \"rate(1 day)\"\nservice = \"wep\"", "`wep`"),
        (
            "schedule = \"rate(1 day)\"",
            "schedule = \"rate(1 day)\"\nservice = \"web\"",
            "says `image`, which service `web` says",
        ),
        ("image = \"web:1\"\n[stages.prod]", "service = \"web\"\ncontainer = \"nobody\"\n[stages.prod]", "`nobody`"),
    ] {
        assert!(SHOP.contains(from), "{from}");
        let text = SHOP.replacen(from, to, 1);
        let errors = parse("managr.toml", &text).expect_err(to);
        let told: Vec<String> = errors.errors().iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|line| line.contains(expected)), "{to}: {told:#?}");
    }
}

/// Two services that take the same requests in one stage are reported, whatever they are elsewhere.
#[test]
fn requests_of_one_stage_have_one_taker() {
    let two = r#"app = "shop"
[services.a.ingress]
container = "a"
port = 80
[services.a.containers.a]
image = "a:1"
[services.b.ingress]
container = "b"
port = 80
[services.b.containers.b]
image = "a:1"
[stages.prod.services.a.ingress]
host = "a.example"
[stages.prod.services.b.ingress]
host = "b.example"
[stages.local.services.b.ingress]
host = "b.localhost"
"#;
    assert!(parse("managr.toml", two).is_ok());
    for (from, to) in [("b.example", "a.example"), ("[stages.local.services.b.ingress]\nhost = \"b.localhost\"\n", "")]
    {
        let errors = parse("managr.toml", &two.replace(from, to)).expect_err(to);
        assert!(errors.errors()[0].to_string().contains("`a`"), "{errors:?}");
    }
}
