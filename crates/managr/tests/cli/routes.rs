//! What a deploy would do to requests is seen first: situations of load balancers that managr did not make,
//! on the simulated platform.

use aws::{ECS, ELB};
use serde_json::{Value, json};

use crate::deploy::{json, well};
use crate::pty::Pty;
use crate::sandbox::{Platform, Sandbox};
use crate::verify::call;

/// A service as a user's Terraform made it: `app` in the group `group`, with one task.
fn service(sandbox: &Sandbox, name: &str, group: &str) {
    let definition = json!({ "family": name, "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [{ "name": "web", "image": "127.0.0.1:9/nginx:1.27",
        "essential": true, "portMappings": [{ "containerPort": 8080 }] }] });
    let service = json!({ "cluster": "shop", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "loadBalancers": [{ "targetGroupArn": group, "containerName": "web", "containerPort": 8080 }] });
    let cluster = json!({ "clusterName": "shop" });
    call(
        sandbox,
        &[
            (&ECS, "CreateCluster", cluster),
            (&ECS, "RegisterTaskDefinition", definition),
            (&ECS, "CreateService", service),
        ],
    );
}

fn made(answer: &Value, list: &str, member: &str) -> String {
    answer[list][0][member].as_str().unwrap().to_owned()
}

fn group(sandbox: &Sandbox, name: &str) -> String {
    let input = json!({ "Name": name, "Protocol": "HTTP", "Port": 8080, "TargetType": "ip", "VpcId": "vpc-1", "HealthCheckPath": "/up" });
    made(&call(sandbox, &[(&ELB, "CreateTargetGroup", input)])[0], "TargetGroups", "TargetGroupArn")
}

fn balancer(sandbox: &Sandbox, name: &str) -> String {
    let input = json!({ "Name": name, "Subnets": ["subnet-1", "subnet-2"] });
    made(&call(sandbox, &[(&ELB, "CreateLoadBalancer", input)])[0], "LoadBalancers", "LoadBalancerArn")
}

fn listener(sandbox: &Sandbox, input: Value) -> String {
    made(&call(sandbox, &[(&ELB, "CreateListener", input)])[0], "Listeners", "ListenerArn")
}

fn forward(group: &str) -> Value {
    json!([{ "Type": "forward", "TargetGroupArn": group }])
}

/// Everything that a deploy could change, and nothing that moves by itself.
fn everything(sandbox: &Sandbox) -> Value {
    let balancers = call(sandbox, &[(&ELB, "DescribeLoadBalancers", json!({}))]);
    let mut seen = call(
        sandbox,
        &[
            (&ELB, "DescribeTargetGroups", json!({})),
            (&ECS, "ListTaskDefinitions", json!({})),
            (&ECS, "ListServices", json!({ "cluster": "shop" })),
            (&ECS, "ListClusters", json!({})),
            (&aws::ECR, "DescribeRepositories", json!({})),
            (&aws::SSM, "DescribeParameters", json!({})),
            (&aws::LOGS, "DescribeLogGroups", json!({})),
        ],
    );
    // The lease is a parameter: it is what keeps two deploys apart, and says who had it.
    seen[5]["Parameters"].as_array_mut().unwrap().retain(|one| !one["Name"].as_str().unwrap().contains("/lease/"));
    for balancer in balancers[0]["LoadBalancers"].as_array().unwrap() {
        let arn = &balancer["LoadBalancerArn"];
        let listeners = call(sandbox, &[(&ELB, "DescribeListeners", json!({ "LoadBalancerArn": arn }))]).remove(0);
        for listener in listeners["Listeners"].as_array().unwrap() {
            let input = json!({ "ListenerArn": listener["ListenerArn"] });
            seen.extend(call(
                sandbox,
                &[(&ELB, "DescribeRules", input.clone()), (&ELB, "DescribeListenerAttributes", input)],
            ));
        }
        seen.push(listeners);
    }
    let services: Vec<Value> = seen[2]["serviceArns"].as_array().unwrap().clone();
    for service in services {
        let described =
            call(sandbox, &[(&ECS, "DescribeServices", json!({ "cluster": "shop", "services": [service] }))]);
        let live = &described[0]["services"][0];
        seen.push(json!([
            live["taskDefinition"],
            live["loadBalancers"],
            live["desiredCount"],
            live["deployments"][0]["id"]
        ]));
    }
    seen.into()
}

const MANIFEST: &str = r#"app = "shop"
region = "us-east-1"

[services.web]
count = 1

[services.web.ingress]
container = "web"
port = 8080
INGRESS
health-check = { path = "/up", interval = 30, timeout = 5, healthy-threshold = 5, unhealthy-threshold = 2, matcher = "200" }
deregistration-delay = 300

[services.web.containers.web]
image = "127.0.0.1:9/nginx:1.28"
ports = [8080]

[stages.prod]
cluster = "shop"
load-balancer = "shop-prod"
subnets = ["subnet-1", "subnet-2"]

[stages.prod.services.web]
name = "shop-prod-web"
family = "shop-prod-web"
"#;

fn write(sandbox: &Sandbox, ingress: &str, group: &str) {
    let group = if group.is_empty() { String::new() } else { format!("target-group = \"{group}\"\n") };
    sandbox.write("managr.toml", &(MANIFEST.replace("INGRESS", ingress) + &group));
}

fn kinds(plan: &Value) -> Vec<&str> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let risks = steps.filter_map(|step| step["risks"].as_array()).flatten();
    risks.map(|risk| risk["kind"].as_str().unwrap()).collect()
}

/// The listener forwards to a group whose name cannot be guessed, and the service is in it.
const MADE_UP: &str = "web-2026011208330177820000";

fn with_a_made_up_name() -> (Sandbox, Platform) {
    let sandbox = Sandbox::new();
    let platform = sandbox.platform();
    let (group, balancer) = (group(&sandbox, MADE_UP), balancer(&sandbox, "shop-prod"));
    listener(
        &sandbox,
        json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": forward(&group) }),
    );
    service(&sandbox, "shop-prod-web", &group);
    (sandbox, platform)
}

#[test]
fn a_deploy_that_would_take_a_service_out_of_the_group_that_requests_reach_is_refused() {
    let (sandbox, _platform) = with_a_made_up_name();
    for ingress in ["", "host = \"shop.example.com\"", "path = \"/*\""] {
        write(&sandbox, ingress, "");
        let before = everything(&sandbox);
        let plan = json(&well(&sandbox, &["plan", "prod", "--json"]));
        assert!(kinds(&plan).contains(&"traffic-moves"), "{plan:#}");
        let shown = well(&sandbox, &["plan", "prod"]).out;
        for words in ["! traffic-moves: ", "shop-prod:80", MADE_UP, "target-group = "] {
            assert!(shown.contains(words), "{words}:\n{shown}");
        }
        for args in [
            &["deploy", "prod", "--yes"][..],
            &["deploy", "prod", "--yes", "--json"],
            &["up", "--detach", "--stage", "prod"],
        ] {
            let refused = sandbox.run(args);
            assert_eq!(refused.code, Some(5), "{args:?} {}", refused.transcript());
            assert!(refused.err.contains("--allow-risk traffic-moves"), "{}", refused.err);
            assert!(refused.err.contains("nothing was changed"), "{}", refused.err);
        }
        well(&sandbox, &["plan", "prod", "--out", "plan.json"]);
        let kept = sandbox.run(&["deploy", "prod", "--plan", "plan.json", "--yes"]);
        assert_eq!(kept.code, Some(5), "a plan that was kept allows nothing: {}", kept.transcript());
        let other = sandbox.run(&["deploy", "prod", "--yes", "--allow-risk", "rule-shadowed"]);
        assert_eq!(other.code, Some(5), "another word is not enough: {}", other.transcript());
        assert_eq!(everything(&sandbox), before, "{ingress}");
    }
    assert_eq!(sandbox.run(&["deploy", "prod", "--yes", "--allow-risk", "all"]).code, Some(2), "names, not a blanket");
}

#[test]
fn no_image_is_built_for_what_is_refused() {
    let (sandbox, _platform) = with_a_made_up_name();
    write(&sandbox, "", "");
    let manifest = std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
    let manifest = manifest.replace("\"127.0.0.1:9/nginx:1.28\"", "\"server\"") + "\n[images.server]\n";
    let manifest = manifest.replace("[stages.prod]\n", "[stages.prod]\ntag = \"prod-1\"\n");
    sandbox.write("managr.toml", &manifest);
    sandbox.write("Dockerfile", "FROM scratch\nCOPY managr.toml /\n");
    let before = everything(&sandbox);
    let refused = sandbox.run(&["deploy", "prod", "--yes"]);
    assert_eq!(refused.code, Some(5), "{}", refused.transcript());
    assert!(refused.err.contains("--allow-risk traffic-moves"), "{}", refused.err);
    assert_eq!(everything(&sandbox), before, "no repository, no image");
}

#[test]
fn told_the_groups_name_the_same_manifest_costs_nothing() {
    let (sandbox, _platform) = with_a_made_up_name();
    write(&sandbox, "", MADE_UP);
    let plan = json(&well(&sandbox, &["plan", "prod", "--json"]));
    assert_eq!((kinds(&plan), &plan["findings"]), (vec![], &Value::Null), "{plan:#}");
    let steps: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap()).collect();
    assert!(!steps.iter().any(|kind| ["target group", "listener", "rule"].contains(kind)), "{steps:?}");
    well(&sandbox, &["deploy", "prod", "--yes", "--no-verify"]);
    let status = json(&well(&sandbox, &["status", "prod", "--json"]));
    assert_eq!(status["services"][0]["unreached"], Value::Null, "{status:#}");
}

#[test]
fn a_risk_that_is_named_is_taken() {
    let (sandbox, _platform) = with_a_made_up_name();
    write(&sandbox, "", "");
    let run = well(&sandbox, &["deploy", "prod", "--yes", "--no-verify", "--allow-risk", "traffic-moves"]);
    assert!(run.err.contains("prod runs release 1"), "{}", run.err);
}

#[test]
fn on_a_terminal_it_is_asked_with_the_risks_name() {
    let (sandbox, _platform) = with_a_made_up_name();
    write(&sandbox, "", "");
    let before = everything(&sandbox);
    let mut pty = Pty::spawn(&sandbox.command(&["deploy", "prod", "--no-verify"]));
    pty.wait_for("and take the risk (traffic-moves)? [y/N]");
    pty.type_in("n\n");
    assert_eq!(pty.end().0.code(), Some(6));
    assert_eq!(everything(&sandbox), before);
}

// Of another account: one of its own the platform wants to have.
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:210987654321:certificate/0000";

/// The service is reached by a rule that authenticates users, and for more than a manifest can say.
fn behind_a_guard() -> (Sandbox, Platform, String) {
    let sandbox = Sandbox::new();
    let platform = sandbox.platform();
    let (group, balancer) = (group(&sandbox, "shop-prod-web"), balancer(&sandbox, "shop-prod"));
    let refused = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "403", "ContentType": "text/plain" } }]);
    let https = listener(
        &sandbox,
        json!({ "LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443,
        "Certificates": [{ "CertificateArn": CERTIFICATE }], "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "DefaultActions": refused }),
    );
    let to_https = json!([{ "Type": "redirect", "RedirectConfig": { "Port": "443", "Protocol": "HTTPS", "StatusCode": "HTTP_301" } }]);
    listener(
        &sandbox,
        json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": to_https }),
    );
    let oidc = json!({ "Issuer": "https://id.example.com", "AuthorizationEndpoint": "https://id.example.com/a", "ClientId": "abc",
        "TokenEndpoint": "https://id.example.com/t", "UserInfoEndpoint": "https://id.example.com/u", "ClientSecret": "s3cr3t-oidc" });
    let conditions = json!([
        { "Field": "host-header", "HostHeaderConfig": { "Values": ["shop.example.com"] } },
        { "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-From-CDN", "Values": ["yes"] } },
        { "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } },
        { "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["GET"] } }]);
    let actions = json!([{ "Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": oidc },
        { "Type": "forward", "Order": 2, "TargetGroupArn": group }]);
    let rule = json!({ "ListenerArn": https, "Priority": 10, "Conditions": conditions, "Actions": actions });
    call(&sandbox, &[(&ELB, "CreateRule", rule)]);
    service(&sandbox, "shop-prod-web", &group);
    (sandbox, platform, https)
}

fn rules(sandbox: &Sandbox, listener: &str) -> Vec<Value> {
    let answer = call(sandbox, &[(&ELB, "DescribeRules", json!({ "ListenerArn": listener }))]).remove(0);
    answer["Rules"].as_array().unwrap().clone()
}

const SAID: &str = "listener = 443\nhost = \"shop.example.com\"";

#[test]
fn a_rule_keeps_its_conditions_and_its_authentication() {
    let (sandbox, _platform, https) = behind_a_guard();
    write(&sandbox, SAID, "shop-prod-web");
    let before = rules(&sandbox, &https);
    let listeners = json!({ "ListenerArns": [https] });
    let listener = call(&sandbox, &[(&ELB, "DescribeListeners", listeners.clone())]);
    let plan = json(&well(&sandbox, &["plan", "prod", "--json"]));
    assert_eq!(kinds(&plan), Vec::<&str>::new(), "{plan:#}");
    well(&sandbox, &["deploy", "prod", "--yes", "--no-verify"]);
    assert_eq!(rules(&sandbox, &https), before, "it said what there is");

    write(&sandbox, "listener = 443\nhost = [\"shop.example.com\", \"www.example.com\"]", "shop-prod-web");
    well(&sandbox, &["deploy", "prod", "--yes", "--no-verify"]);
    let mut after = rules(&sandbox, &https);
    let hosts = after[0]["Conditions"].as_array().unwrap().iter().find(|one| one["Field"] == "host-header").unwrap();
    assert_eq!(hosts["Values"], json!(["shop.example.com", "www.example.com"]));
    assert_eq!(after[0]["Actions"], before[0]["Actions"], "whoever must sign in must still");
    let others = |rule: &Value| -> Vec<Value> {
        let mut others: Vec<Value> = rule["Conditions"].as_array().unwrap().clone();
        others.retain(|one| one["Field"] != "host-header");
        others.sort_by_key(|one| one["Field"].to_string());
        others
    };
    assert_eq!(others(&after[0]), others(&before[0]));
    assert_eq!((after.len(), after.remove(1)), (2, before[1].clone()), "the default action is somebody else's");
    assert_eq!(call(&sandbox, &[(&ELB, "DescribeListeners", listeners)]), listener, "so is the certificate");
    assert_eq!(json(&well(&sandbox, &["plan", "prod", "--json"]))["steps"], json!([]));
}

#[test]
fn a_way_around_a_guard_is_refused() {
    let (sandbox, _platform, https) = behind_a_guard();
    let before = everything(&sandbox);
    let open = "listener = 443\nhost = \"shop.example.com\"";
    for (ingress, group, words) in [
        // A rule of its own, with what the manifest can say and no more.
        (open, "", vec!["authenticate-oidc", "x-from-cdn", "10.0.0.0/8", "GET"]),
        // The listener that redirects all requests to HTTPS.
        ("host = \"shop.example.com\"", "shop-prod-web", vec!["HTTPS", "authenticate-oidc"]),
        // The default action that says 403.
        ("listener = 443", "shop-prod-web", vec!["403"]),
        // Another port, in the clear.
        ("listener = 8080", "shop-prod-web", vec!["HTTPS", "authenticate-oidc"]),
    ] {
        write(&sandbox, ingress, group);
        let shown = well(&sandbox, &["plan", "prod"]).out;
        assert!(shown.contains("! protection-lost: "), "{ingress}\n{shown}");
        words.iter().for_each(|word| assert!(shown.contains(word), "{word} {ingress}\n{shown}"));
        let refused = sandbox.run(&["deploy", "prod", "--yes", "--allow-risk", "traffic-moves"]);
        assert_eq!(refused.code, Some(5), "{}", refused.transcript());
        assert!(refused.err.contains("--allow-risk protection-lost"), "{}", refused.err);
        assert_eq!(everything(&sandbox), before, "{ingress}");
        let verified = sandbox.run(&["verify", "prod"]);
        assert!(verified.out.contains("Route[protection-lost]"), "{}", verified.transcript());
    }
    assert_eq!(rules(&sandbox, &https).len(), 2);
}

#[test]
fn healthy_targets_that_nothing_leads_to_are_not_up() {
    let sandbox = Sandbox::new();
    let _platform = sandbox.platform();
    write(&sandbox, "host = \"shop.example.com\"", "");
    well(&sandbox, &["deploy", "prod", "--yes", "--no-verify"]);
    assert_eq!(json(&well(&sandbox, &["status", "prod", "--json"]))["services"][0]["unreached"], Value::Null);
    // Another user puts a rule before it that takes every request.
    let balancer = call(&sandbox, &[(&ELB, "DescribeLoadBalancers", json!({ "Names": ["shop-prod"] }))]).remove(0);
    let found = call(
        &sandbox,
        &[(&ELB, "DescribeListeners", json!({ "LoadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"] }))],
    )
    .remove(0);
    let https = made(&found, "Listeners", "ListenerArn");
    let own = rules(&sandbox, &https)[0]["RuleArn"].clone();
    let gone = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "503", "ContentType": "text/plain" } }]);
    let moved = json!({ "RulePriorities": [{ "RuleArn": own, "Priority": 9 }] });
    let shadow = json!({ "ListenerArn": https, "Priority": 5, "Actions": gone,
        "Conditions": [{ "Field": "path-pattern", "Values": ["/*"] }] });
    call(&sandbox, &[(&ELB, "SetRulePriorities", moved), (&ELB, "CreateRule", shadow)]);

    let why = "rule 9 (shop.example.com) of listener shop-prod:80 is never tried: rule 5 (/*) takes the same requests before it";
    let status = json(&well(&sandbox, &["status", "prod", "--json"]));
    assert!(status["services"][0]["unreached"].as_str().unwrap().contains(why), "{status:#}");
    assert!(well(&sandbox, &["status", "prod"]).out.contains("no request reaches it"));
    let plan = json(&well(&sandbox, &["plan", "prod", "--json"]));
    assert_eq!((&plan["steps"], &plan["findings"][0]["kind"]), (&json!([]), &"unreached".into()));
    let verified = sandbox.run(&["verify", "prod"]);
    assert_eq!(verified.code, Some(5), "{}", verified.transcript());
    assert!(verified.out.contains("Route[unreached]") && verified.out.contains(why), "{}", verified.out);

    let manifest = std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
    sandbox.write("managr.toml", &manifest.replace("nginx:1.28", "nginx:1.29"));
    let deployed = sandbox.run(&["deploy", "prod", "--yes", "--no-verify"]);
    assert_eq!(deployed.code, Some(1), "{}", deployed.transcript());
    assert!(deployed.err.contains("service shop-prod-web: no request reaches it"), "{}", deployed.err);
}
