//! What a plan would do to requests is said before it is done: whom they reach, and past what.

use deploy_core::plan::{Plan, RiskKind, RiskKind::*};
use serde_json::{Value, json};

use crate::world::{World, manifest, told};

/// One service behind a load balancer; `WORDS` is what a case puts there.
const SHOP: &str = r#"app = "shop"
region = "us-east-1"
[services.web]
count = 1
[services.web.ingress]
container = "web"
port = 8080
INGRESS
[services.web.containers.web]
image = "web:1"
ports = [8080]
[stages.prod]
subnets = ["subnet-1"]
load-balancer = "shop-prod"
STAGE
"#;

fn shop(ingress: &str, stage: &str) -> String {
    SHOP.replace("INGRESS", ingress).replace("STAGE", stage)
}

fn forward(group: &str) -> Value {
    json!([{ "Type": "forward", "TargetGroupArn": group }])
}

fn host(name: &str) -> Value {
    json!({ "Field": "host-header", "Values": [name], "HostHeaderConfig": { "Values": [name] } })
}

fn guarded(group: &str) -> Value {
    json!([{ "Type": "authenticate-oidc", "Order": "1", "AuthenticateOidcConfig": { "ClientId": "abc" } },
           { "Type": "forward", "Order": "2", "TargetGroupArn": group }])
}

/// Conditions that the manifest has no word for.
fn asked() -> Vec<Value> {
    vec![
        json!({ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-From-CDN", "Values": ["yes"] } }),
        json!({ "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } }),
        json!({ "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["GET"] } }),
    ]
}

/// A world in which the service is deployed as `text` has it, and then moved into a group that managr did not make.
fn in_group(text: &str, group: &str) -> (World, String) {
    let mut world = World::new();
    let arn = world.group(group, 0);
    let given = text
        .replace("[stages.prod]", &format!("[stages.prod.services.web]\ntarget-group = \"{group}\"\n[stages.prod]"));
    let plan = world.plan(&manifest(&given), "prod");
    world.apply(&plan);
    (world, arn)
}

fn kinds(plan: &Plan) -> Vec<(String, RiskKind)> {
    plan.risks().map(|(step, risk)| (step.kind.clone(), risk.kind)).collect()
}

fn check(plan: &Plan, expected: &[(&str, RiskKind)]) {
    let expected: Vec<_> = expected.iter().map(|(step, kind)| ((*step).to_owned(), *kind)).collect();
    assert_eq!(kinds(plan), expected, "{:#?}", plan.risks().collect::<Vec<_>>());
    for (_, risk) in plan.risks() {
        assert!(!risk.place.is_empty() && !risk.remedy.is_empty(), "where, and what to do: {risk:?}");
    }
}

#[test]
fn a_group_with_a_made_up_name_is_not_left_while_requests_go_there() {
    // The default action is taken: requests would go to a group that has no target yet.
    let (world, _) = in_group(&shop("", ""), "web-20260112083301778200000001");
    let plan = world.plan(&manifest(&shop("", "")), "prod");
    check(&plan, &[("listener", TrafficMoves)]);
    // A rule is made: the default action would go on to a group that has no target.
    let (world, _) = in_group(&shop("", ""), "web-20260112083301778200000001");
    let plan = world.plan(&manifest(&shop("host = \"shop.example.com\"", "")), "prod");
    check(&plan, &[("rule", TrafficMoves), ("service", TrafficMoves)]);
    let words = &plan.risks().last().unwrap().1;
    assert!(words.words.contains("web-20260112083301778200000001") && words.words.contains("no target would answer"));
    assert!(
        words.remedy.contains("target-group = \"web-20260112083301778200000001\" under")
            || words.remedy.contains("under [stages.prod.services.web]")
    );
    assert_eq!(words.place, "the default action of listener shop-prod:80");
}

#[test]
fn a_group_that_others_stay_in_is_left_with_a_word_and_no_more() {
    let (mut world, arn) = in_group(&shop("", ""), "theirs");
    let mut other = world.services["shop-web-prod"].clone();
    other.insert("serviceName".into(), "other".into());
    world.services.insert("other".into(), other);
    let plan = world.plan(&manifest(&shop("host = \"shop.example.com\"", "")), "prod");
    check(&plan, &[("rule", RouteMoved), ("service", RouteMoved)]);
    assert!(arn.ends_with("theirs"));
}

#[test]
fn a_service_without_an_ingress_leaves_nobody_behind_it() {
    let (world, _) = in_group(&shop("", ""), "theirs");
    let text = shop("", "").replace("[services.web.ingress]\ncontainer = \"web\"\nport = 8080\n", "");
    check(&world.plan(&manifest(&text), "prod"), &[("service", GroupEmpty)]);
}

/// The service is deployed and reached by a rule for `shop.example.com` that asks for more than the manifest can say.
fn behind_a_guard(ingress: &str, conditions: Vec<Value>) -> World {
    let mut world = World::new();
    let group = world.group("shop-web-prod", 0);
    let refused = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "403" } }]);
    let listener = world.listener("shop-prod", 443, "HTTPS", refused);
    world.rule(&listener, [vec![host("shop.example.com")], conditions].concat().into(), guarded(&group));
    let plan = world.plan(&manifest(&shop(ingress, "")), "prod");
    check(&plan, &[]);
    assert!(!told(&plan).iter().any(|step| step.contains("rule")), "the rule is there: {:?}", told(&plan));
    world.apply(&plan);
    world
}

const SAID: &str = "listener = 443\nhost = \"shop.example.com\"";

#[test]
fn a_rule_keeps_what_the_manifest_has_no_word_for() {
    let mut world = behind_a_guard(SAID, asked());
    assert!(world.plan(&manifest(&shop(SAID, "")), "prod").is_empty());
    let two = "listener = 443\nhost = [\"shop.example.com\", \"www.example.com\"]";
    let plan = world.plan(&manifest(&shop(two, "")), "prod");
    check(&plan, &[]);
    world.apply(&plan);
    let rule = &world.routes().listeners[0].rules[0];
    assert_eq!((rule.when.others.len(), &rule.what.guards[..]), (3, &["authenticate-oidc".to_owned()][..]));
    assert_eq!(rule.when.hosts, Some(vec!["shop.example.com".into(), "www.example.com".into()]));
    assert!(world.plan(&manifest(&shop(two, "")), "prod").is_empty());
}

#[test]
fn a_condition_that_the_manifest_takes_away_is_a_hole() {
    let world = behind_a_guard(SAID, asked());
    let plan = world.plan(&manifest(&shop("listener = 443\npath = \"/api/*\"", "")), "prod");
    check(&plan, &[("rule", RequestsLost), ("rule", ProtectionLost)]);
    let plan = world.plan(&manifest(&shop("listener = 443\nhost = \"other.example.com\"", "")), "prod");
    check(&plan, &[("rule", RequestsLost)]);
}

#[test]
fn a_way_without_what_the_other_ways_ask_for_is_a_hole() {
    // Another group's name, and so a rule of its own; the guard's rule stays, and is gone around.
    let (mut world, group) = in_group(&shop(SAID, ""), "theirs");
    let listener = world.listener("shop-prod", 443, "HTTPS", json!([{ "Type": "fixed-response" }]));
    world.rule(&listener, [vec![host("shop.example.com")], asked()].concat().into(), guarded(&group));
    let plan = world.plan(&manifest(&shop(SAID, "")), "prod");
    assert!(kinds(&plan).contains(&("rule".to_owned(), ProtectionLost)), "{:?}", kinds(&plan));
    let hole = plan.risks().find(|(_, risk)| risk.kind == ProtectionLost).unwrap().1;
    for word in ["authenticate-oidc", "x-from-cdn", "10.0.0.0/8", "GET"] {
        assert!(hole.words.contains(word), "{word}: {}", hole.words);
    }
    // The same requests in the clear.
    let world = behind_a_guard(SAID, Vec::new());
    let plan = world.plan(&manifest(&shop("host = \"shop.example.com\"", "")), "prod");
    check(&plan, &[("rule", ProtectionLost)]);
    assert!(plan.risks().next().unwrap().1.words.contains("HTTPS"));
}

#[test]
fn a_default_action_that_means_something_is_not_taken() {
    let with = |actions: Value| {
        let mut world = World::new();
        world.listener("shop-prod", 80, "HTTP", actions);
        world.plan(&manifest(&shop("", "")), "prod")
    };
    let to_https = json!([{ "Type": "redirect", "RedirectConfig": { "Protocol": "HTTPS", "StatusCode": "HTTP_301" } }]);
    check(&with(to_https.clone()), &[("listener", ProtectionLost)]);
    check(
        &with(json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "403" } }])),
        &[("listener", ProtectionLost)],
    );
    // Ours: the answer of a listener whose services all have a host.
    let ours = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404", "MessageBody": "no such application" } }]);
    check(&with(ours), &[]);
    // A rule for one host beside it takes nothing that a client would miss, but for what was sent to HTTPS.
    let mut world = World::new();
    world.listener(
        "shop-prod",
        80,
        "HTTP",
        json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "403" } }]),
    );
    check(&world.plan(&manifest(&shop("host = \"shop.example.com\"", "")), "prod"), &[]);
    let mut world = World::new();
    world.listener("shop-prod", 80, "HTTP", to_https);
    check(&world.plan(&manifest(&shop("host = \"shop.example.com\"", "")), "prod"), &[("rule", ProtectionLost)]);
}

#[test]
fn requests_of_others_are_not_taken() {
    let mut world = World::new();
    let theirs = world.group("theirs", 2);
    world.listener("shop-prod", 80, "HTTP", forward(&theirs));
    check(&world.plan(&manifest(&shop("", "")), "prod"), &[("listener", RouteTaken)]);
    // Some of them, by a host that the manifest names: said, and no more.
    check(&world.plan(&manifest(&shop("host = \"shop.example.com\"", "")), "prod"), &[("rule", RouteMoved)]);
    // A group without targets has nothing to lose.
    let mut world = World::new();
    let theirs = world.group("theirs", 0);
    world.listener("shop-prod", 80, "HTTP", forward(&theirs));
    check(&world.plan(&manifest(&shop("", "")), "prod"), &[]);
    // Who must sign in first must do so still: the default action keeps that.
    let mut world = World::new();
    let theirs = world.group("theirs", 0);
    world.listener("shop-prod", 80, "HTTPS", guarded(&theirs));
    let plan = world.plan(&manifest(&shop("", "")), "prod");
    check(&plan, &[]);
    world.apply(&plan);
    assert_eq!(world.routes().listeners[0].rules[0].what.guards, ["authenticate-oidc"]);
}

#[test]
fn a_rule_that_nothing_would_come_along_is_said() {
    let mut world = World::new();
    let theirs = world.group("theirs", 2);
    let listener = world.listener("shop-prod", 80, "HTTP", json!([{ "Type": "fixed-response" }]));
    world.rule(&listener, json!([{ "Field": "path-pattern", "Values": ["/*"] }]), forward(&theirs));
    let text = shop("host = \"shop.example.com\"", "");
    let plan = world.plan(&manifest(&text), "prod");
    check(&plan, &[("rule", RuleShadowed)]);
    assert_eq!(plan.findings.iter().map(|risk| risk.kind).collect::<Vec<_>>(), [Unreached]);
    // Once it is so, it is no risk of the next plan, but still wrong.
    world.apply(&plan);
    let plan = world.plan(&manifest(&text), "prod");
    assert!(plan.is_empty());
    let [finding] = &plan.findings[..] else { panic!("{:?}", plan.findings) };
    assert!(finding.words.contains("rule 1 (/*) takes the same requests before it"), "{}", finding.words);
}

#[test]
fn a_rule_may_be_shadowed_by_several() {
    let mut world = World::new();
    let theirs = world.group("theirs", 2);
    let listener = world.listener("shop-prod", 80, "HTTP", json!([{ "Type": "fixed-response" }]));
    for name in ["a.example.com", "b.*"] {
        world.rule(&listener, json!([host(name)]), forward(&theirs));
    }
    let both = shop("host = [\"a.example.com\", \"b.example.com\"]", "");
    check(&world.plan(&manifest(&both), "prod"), &[("rule", RuleShadowed)]);
    let one_more = shop("host = [\"a.example.com\", \"c.example.com\"]", "");
    check(&world.plan(&manifest(&one_more), "prod"), &[]);
}

#[test]
fn nothing_is_wrong_with_what_was_deployed() {
    for ingress in ["", "host = \"a.example.com\"", "path = [\"/a/*\", \"/b\"]"] {
        let text = shop(ingress, "");
        let mut world = World::new();
        let plan = world.plan(&manifest(&text), "prod");
        check(&plan, &[]);
        assert_eq!(plan.findings, []);
        world.apply(&plan);
        let plan = world.plan(&manifest(&text), "prod");
        assert!(plan.is_empty() && plan.findings.is_empty(), "{:?} {:?}", told(&plan), plan.findings);
    }
}

#[test]
fn a_listener_that_somebody_turned_away_is_found() {
    let text = shop("host = \"a.example.com\"", "");
    let mut world = World::new();
    world.apply(&world.plan(&manifest(&text), "prod"));
    let group = world.group("theirs", 0);
    world.listener("shop-prod", 80, "HTTP", forward(&group));
    let found: Vec<RiskKind> = world.plan(&manifest(&text), "prod").findings.iter().map(|risk| risk.kind).collect();
    assert_eq!(found, [GroupEmpty], "a default action that goes to nobody");
}
