//! Promises about requests, whatever load balancers there are: checked request by request, with the rules read by
//! the balancer's own code.

use deploy_core::plan::RiskKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Answer, Request, World, manifest, object};

const SERVICE: &str = "shop-web-prod";
const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "c.other.com"];
const PATHS: [&str; 3] = ["/", "/x/1", "/y"];
const PORTS: [u16; 2] = [80, 443];

fn requests() -> impl Iterator<Item = Request> {
    let bools = [false, true];
    let places = HOSTS.into_iter().flat_map(|host| PATHS.into_iter().map(move |path| (host, path)));
    places.flat_map(move |(host, path)| {
        let marks = bools.into_iter().flat_map(move |key| bools.into_iter().map(move |inside| (key, inside)));
        marks.map(move |(key, inside)| Request { host, path, key, inside })
    })
}

fn listener(port: u16) -> String {
    format!("arn:listener/shop-prod:{port}")
}

/// Groups by number: the manifest's own, and others'.
fn group(number: u8) -> String {
    format!("arn:group/{}", [SERVICE, "theirs", "more"][usize::from(number)])
}

#[derive(Debug, Clone)]
struct Made {
    conditions: Vec<Value>,
    actions: Value,
}

fn actions() -> impl Strategy<Value = Value> {
    let forward = |number: u8| json!({ "Type": "forward", "TargetGroupArn": group(number) });
    let guard = json!({ "Type": "authenticate-oidc", "AuthenticateOidcConfig": { "ClientId": "c" } });
    prop_oneof![
        4 => (0..3_u8).prop_map(move |number| json!([forward(number)])),
        2 => (0..3_u8).prop_map(move |number| json!([guard, forward(number)])),
        1 => Just(json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "403" } }])),
        1 => Just(json!([{ "Type": "redirect", "RedirectConfig": { "Protocol": "HTTPS" } }])),
        1 => Just(json!([{ "Type": "fixed-response",
            "FixedResponseConfig": { "StatusCode": "404", "MessageBody": "no such application" } }])),
    ]
}

fn conditions() -> impl Strategy<Value = Vec<Value>> {
    let host = prop::sample::subsequence(vec!["a.example.com", "*.example.com", "b.*"], 0..3);
    let path = prop::sample::subsequence(vec!["/*", "/x/*", "/y"], 0..3);
    (host, path, prop::bool::weighted(0.3), prop::bool::weighted(0.3)).prop_filter_map("no condition", |(host, path, key, inside)| {
        let mut list = Vec::new();
        if !host.is_empty() {
            list.push(json!({ "Field": "host-header", "Values": host, "HostHeaderConfig": { "Values": host } }));
        }
        if !path.is_empty() {
            list.push(json!({ "Field": "path-pattern", "Values": path, "PathPatternConfig": { "Values": path } }));
        }
        if key {
            list.push(json!({ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-Key", "Values": ["yes"] } }));
        }
        if inside {
            list.push(json!({ "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } }));
        }
        (!list.is_empty()).then_some(list)
    })
}

fn made() -> impl Strategy<Value = Option<(Value, Vec<Made>)>> {
    let rule = (conditions(), actions()).prop_map(|(conditions, actions)| Made { conditions, actions });
    prop::option::weighted(0.8, (actions(), prop::collection::vec(rule, 0..4)))
}

/// A world with load balancers of another owner, the service in one of the groups, or not there.
fn world() -> impl Strategy<Value = World> {
    let listeners = (made(), made());
    (listeners, prop::option::weighted(0.8, 0..2_u8), 0..2_usize, prop::option::of(1..3_u8)).prop_map(
        |((plain, tls), at, targets, other)| {
            let mut world = World::new();
            world.group(SERVICE, 0);
            world.group("theirs", targets);
            world.group("more", 0);
            for ((port, protocol), made) in [(80, "HTTP"), (443, "HTTPS")].into_iter().zip([plain, tls]) {
                let Some((default, rules)) = made else { continue };
                let arn = world.listener("shop-prod", port, protocol, default);
                for rule in rules {
                    world.rule(&arn, rule.conditions.into(), rule.actions);
                }
            }
            let mut serve = |name: &str, number: u8| {
                let document = json!({ "serviceName": name, "status": "ACTIVE", "desiredCount": 1,
                    "taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/old:1",
                    "loadBalancers": [{ "targetGroupArn": group(number), "containerName": "web", "containerPort": 8080 }] });
                world.services.insert(name.to_owned(), object(document));
            };
            at.into_iter().for_each(|number| serve(SERVICE, number));
            other.into_iter().for_each(|number| serve("other", number));
            world
        },
    )
}

fn text() -> impl Strategy<Value = String> {
    let host =
        prop::sample::select(vec!["", "host = \"a.example.com\"\n", "host = [\"a.example.com\", \"b.example.com\"]\n"]);
    let path = prop::sample::select(vec!["", "path = \"/x/*\"\n", "path = [\"/x/*\", \"/y\"]\n"]);
    (host, path, prop::sample::select(PORTS.to_vec()), any::<bool>()).prop_map(|(host, path, port, theirs)| {
        let group = if theirs { "[stages.prod.services.web]\ntarget-group = \"theirs\"\n" } else { "" };
        format!(
            "app = \"shop\"\nregion = \"us-east-1\"\n[services.web]\ncount = 1\n[services.web.ingress]\ncontainer = \"web\"\n\
             port = 8080\nlistener = {port}\n{host}{path}[services.web.containers.web]\nimage = \"web:1\"\nports = [8080]\n\
             [stages.prod]\nsubnets = [\"subnet-1\"]\nload-balancer = \"shop-prod\"\n{group}"
        )
    })
}

/// Whether a request gets to the service's tasks.
fn reaches(world: &World, answer: Option<&Answer>) -> bool {
    let groups = world.services.get(SERVICE).map(deploy_core::plan::groups).unwrap_or_default();
    answer.and_then(|answer| answer.group.as_deref()).is_some_and(|group| groups.contains(&group))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_without_a_risk_takes_no_request_from_anybody_who_answers(before in world(), text in text()) {
        let manifest = manifest(&text);
        let plan = before.plan(&manifest, "prod");
        if plan.risks().next().is_some() {
            return Ok(());
        }
        let mut after = before.clone();
        after.apply(&plan);
        for port in PORTS {
            for request in requests() {
                let Some(group) = before.answer(&listener(port), &request).and_then(|answer| answer.group) else { continue };
                if !before.is_alive(&group) {
                    continue;
                }
                let then = after.answer(&listener(port), &request).and_then(|answer| answer.group);
                // At once, and not only when new tasks are there.
                let answers = then.as_ref().is_some_and(|then| before.is_alive(then) && after.is_alive(then));
                prop_assert!(answers, "{port} {request:?} reached {group}, and then {then:?}\n{text}");
            }
        }
    }

    #[test]
    fn protection_never_shrinks_unmarked(before in world(), text in text()) {
        let manifest = manifest(&text);
        let plan = before.plan(&manifest, "prod");
        if plan.risks().any(|(_, risk)| risk.kind == RiskKind::ProtectionLost) {
            return Ok(());
        }
        let mut after = before.clone();
        after.apply(&plan);
        for port in PORTS {
            for request in requests() {
                let was = before.answer(&listener(port), &request);
                let then = after.answer(&listener(port), &request);
                let forwards = then.as_ref().is_some_and(|then| then.group.is_some());
                let asked = was.as_ref().is_some_and(|was| was.asks && was.group.is_some());
                prop_assert!(
                    !(asked && forwards) || then.as_ref().is_some_and(|then| then.asks),
                    "{port} {request:?} was asked who it is, and is not any more\n{text}"
                );
                if !reaches(&after, then.as_ref()) || reaches(&before, was.as_ref()) {
                    continue;
                }
                // It did not get to the service before: not because it lacked something that others have.
                for (other_port, key, inside) in [(port, true, request.inside), (port, request.key, true), (port, true, true), (443, request.key, request.inside)] {
                    let better = Request { key, inside, ..request };
                    let answer = before.answer(&listener(other_port), &better);
                    let had_more = reaches(&before, answer.as_ref()) && (better != request || other_port != port);
                    prop_assert!(!had_more, "{port} {request:?} gets in now, and only {other_port} {better:?} did\n{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_left_alone_is_left_alone(before in world(), text in text()) {
        let manifest = manifest(&text);
        let plan = before.plan(&manifest, "prod");
        let mut after = before.clone();
        after.apply(&plan);
        let (was, then) = (before.routes(), after.routes());
        for old in &was.listeners {
            let new = then.listener(&old.arn).unwrap();
            let changed = old.rules.iter().filter(|rule| !new.rules.contains(rule));
            for rule in changed {
                let same = new.rules.iter().find(|other| other.arn == rule.arn && other.priority == rule.priority).unwrap();
                prop_assert_eq!(&same.what.guards, &rule.what.guards, "what is asked for first stays");
                prop_assert_eq!(&same.when.others, &rule.when.others, "what the manifest has no word for stays");
                let ours = plan.services.contains_key(SERVICE) && rule.priority.is_none()
                    || rule.what.groups().any(|group| then.groups[group].services.contains(SERVICE));
                prop_assert!(ours, "{:?} is somebody else's", rule);
            }
        }
    }
}
