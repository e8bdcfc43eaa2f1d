//! Services, ingresses and schedules: words where there are, AWS's own where not, and nothing lost in silence.

use import::account::reckon;
use import::{FoundIngress, FoundSchedule};
use serde_json::json;

use super::readable::shop;
use super::*;

fn task(family: &str) -> Value {
    json!({ "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{ "name": "web", "image": "x:1", "portMappings": [{ "containerPort": 80 }] }] })
}

fn network() -> Value {
    json!({ "awsvpcConfiguration": { "subnets": ["b", "a"], "securityGroups": [], "assignPublicIp": "DISABLED" } })
}

/// Folds, proves the task definitions and the services too.
fn all_proved(found: &Found) -> (Folded, String) {
    let (folded, text) = proved(found);
    for proof in reckon(&text, found, "nobody").unwrap().services {
        // A schedule of a task of its own says in its definition what its target overrides: a deploy registers that.
        let is_other = |line: &&String| !line.starts_with("Target.Input: it starts this revision");
        assert!(!proof.differences.iter().any(|line| is_other(&line)), "{proof:#?}\n{text}");
    }
    (folded, text)
}

fn with_service(stages: &[(&str, Value)]) -> Found {
    let one = |(name, service): &(&str, Value)| {
        let mut stage = stage(name, task(&format!("shop-app-task-{name}")));
        stage.services[0].service = Some(document(service.clone()));
        stage
    };
    app(stages.iter().map(one).collect())
}

fn left(folded: &Folded) -> Vec<String> {
    folded.left.iter().map(|left| format!("{}: {}", left.what, left.why)).collect()
}

#[test]
fn a_running_application_is_what_would_be_deployed() {
    let found = shop();
    let (_, text) = all_proved(&found);
    let proofs = reckon(&text, &found, "nobody").unwrap().services;
    let names: Vec<&str> = proofs.iter().map(|proof| proof.family.as_str()).collect();
    assert_eq!(names, ["shop-app-staging", "shop-tick-staging", "shop-app-prod", "shop-tick-prod"]);
}

#[test]
fn what_has_no_word_is_said_in_awss_words() {
    let found = with_service(&[
        (
            "staging",
            json!({ "serviceName": "old-name", "desiredCount": 3, "networkConfiguration": network(),
                "capacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }],
                "platformVersion": "1.4.0", "futureMember": { "a": 1 },
                "deployments": [{ "status": "PRIMARY", "serviceConnectConfiguration": { "enabled": true } }] }),
        ),
        (
            "prod",
            json!({ "serviceName": "shop-app-prod", "desiredCount": 3, "networkConfiguration": network(), "launchType": "FARGATE", "platformVersion": "LATEST",
                "futureMember": { "a": 1 }, "deploymentConfiguration": { "maximumPercent": 100, "minimumHealthyPercent": 100 } }),
        ),
    ]);
    let (_, text) = all_proved(&found);
    for line in [
        "count = 3\n",
        "aws-service = { futureMember = { a = 1 } }",
        "[stages.staging.services.app.aws-service]\n",
        "platformVersion = \"1.4.0\"\n",
        "serviceConnectConfiguration = { enabled = true }\n",
        "capacityProviderStrategy = [{ capacityProvider = \"FARGATE_SPOT\", weight = 1, base = 0 }]\n",
        "name = \"old-name\"\n",
        "deployment = { circuit-breaker = false }\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("deployments"), "{text}");
}

#[test]
fn a_service_tells_its_ingress_without_its_load_balancer() {
    let arn = format!("arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/old/0123");
    let balancer = json!([{ "containerName": "web", "containerPort": 80, "targetGroupArn": arn }]);
    let service = json!({ "serviceName": "shop-app-prod", "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": network(), "loadBalancers": balancer,
        "healthCheckGracePeriodSeconds": 30 });
    let (folded, _) = all_proved(&with_service(&[("prod", service)]));
    let ingress = folded.manifest.services.get("app").unwrap().ingress.clone().unwrap();
    assert_eq!((ingress.container.as_str(), ingress.port, ingress.grace_period.unwrap().0), ("web", 80, 30));
    let differs = folded.manifest.stages.get("prod").unwrap().services.get("app").unwrap().clone();
    assert_eq!(differs.target_group.as_deref(), Some("old"));
}

#[test]
fn what_an_ingress_cannot_say_is_left() {
    let mut found = app(vec![stage("staging", task("a")), stage("prod", task("a"))]);
    for (stage, hosts, listener) in [(0, ["a", "b"], 80), (1, ["c", "d"], 8443)] {
        found.stages[stage].services[0].ingress = Some(FoundIngress {
            container: "web".to_owned(),
            port: 80,
            listener_port: Some(listener),
            hosts: hosts.map(str::to_owned).to_vec(),
            target_group: Some("web".to_owned()),
            health: document(json!({ "HealthCheckPort": "9000", "HealthCheckPath": "/up" })),
            ..FoundIngress::default()
        });
    }
    let (folded, _) = proved(&found);
    let told = left(&folded);
    let wanted = "ingress.health-check: managr has no word for `HealthCheckPort`";
    assert!(told.iter().any(|left| left.contains(wanted)), "{told:#?}");
    assert!(!told.iter().any(|left| left.contains("differs")), "each stage has words of its own: {told:#?}");
}

/// Every part of a way may differ by stage, and its being there.
#[test]
fn a_way_of_one_stage_is_no_other_stages() {
    let way = |path: &str, hosts: &[&str], listener: u16, delay: u32| FoundIngress {
        container: "web".to_owned(),
        port: 80,
        listener_port: Some(listener),
        target_group: Some("web".to_owned()),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        paths: if path.is_empty() { Vec::new() } else { vec![path.to_owned(), format!("{path}/*")] },
        health: document(json!({ "HealthCheckPath": "/up", "HealthCheckIntervalSeconds": delay })),
        deregistration_delay: Some(delay),
        ..FoundIngress::default()
    };
    let mut found = app(vec![stage("staging", task("a")), stage("qa", task("a")), stage("prod", task("a"))]);
    let ways =
        [way("", &["staging.shop.example"], 8444, 30), way("/api", &["shop.example", "www.shop.example"], 443, 60)];
    for (at, way) in [(0, &ways[0]), (2, &ways[1])] {
        found.stages[at].services[0].ingress = Some(way.clone());
    }
    let (folded, text) = all_proved(&found);
    assert_eq!(left(&folded), [] as [String; 0]);
    let facts = deploy_core::Facts::local("r");
    for (stage, way) in [("staging", Some(&ways[0])), ("qa", None), ("prod", Some(&ways[1]))] {
        let made = deploy_core::desired(&folded.manifest, stage, &facts_of(&facts)).unwrap();
        let made = made.services[0].ingress.clone();
        assert_eq!(made.is_some(), way.is_some(), "{stage}\n{text}");
        let (Some(made), Some(way)) = (made, way) else { continue };
        assert_eq!(
            (&made.hosts, &made.paths, Some(made.listener_port)),
            (&way.hosts, &way.paths, way.listener_port),
            "{text}"
        );
        assert_eq!(
            (made.health.interval, Some(made.deregistration_delay)),
            (way.deregistration_delay.unwrap(), way.deregistration_delay)
        );
    }
    let local = deploy_core::desired(&folded.manifest, "local", &facts_of(&facts)).unwrap();
    let made = local.services[0].ingress.clone().unwrap();
    assert_eq!((made.hosts, made.listener_port), (Vec::<String>::new(), 8080), "{text}");
}

/// Two services that only their hosts tell apart are told apart on this machine too, by names of it.
#[test]
fn local_has_names_of_its_own_where_it_needs_some() {
    let mut found = app(vec![stage("staging", task("a")), stage("prod", task("a"))]);
    for (at, host) in [(0, "staging.shop.example"), (1, "shop.example")] {
        let way = |host: String| FoundIngress {
            container: "web".to_owned(),
            port: 80,
            target_group: Some(host.replace('.', "-")),
            hosts: vec![host],
            ..FoundIngress::default()
        };
        found.stages[at].services[0].ingress = Some(way(host.to_owned()));
        found.stages[at].services.push(service("admin", task("b")));
        found.stages[at].services[1].ingress = Some(way(format!("admin-{host}")));
    }
    let (folded, text) = all_proved(&found);
    assert!(text.contains("[stages.local.services.admin.ingress]\nhost = \"admin.localhost\"\n"), "{text}");
    let local = deploy_core::desired(&folded.manifest, "local", &facts_of(&deploy_core::Facts::local("r"))).unwrap();
    let hosts: Vec<Vec<String>> = local.services.iter().map(|s| s.ingress.clone().unwrap().hosts).collect();
    assert_eq!(hosts, [vec![], vec!["admin.localhost".to_owned()]], "{text}");
}

/// A tag that only git knows is not what is asked here.
fn facts_of(facts: &deploy_core::Facts) -> deploy_core::Facts {
    deploy_core::Facts { tag: Some("t".to_owned()), ..facts.clone() }
}

fn schedule(stage: &str, rule: Value, target: Value) -> FoundSchedule {
    FoundSchedule {
        via: Default::default(),
        key: "tick".to_owned(),
        task_definition: document(task(&format!("tick-{stage}"))),
        rule: document(rule),
        target: document(target),
        place: Place { source: "rules".to_owned(), line: Some(3) },
        ..FoundSchedule::default()
    }
}

fn with_schedule(schedules: Vec<(&str, FoundSchedule)>) -> Found {
    let one =
        |(name, schedule): (&str, FoundSchedule)| FoundStage { schedules: vec![schedule], ..stage(name, task("a")) };
    app(schedules.into_iter().map(one).collect())
}

#[test]
fn a_schedule_differs_by_stage() {
    let rule =
        |name: &str, when: &str, state: &str| json!({ "Name": name, "ScheduleExpression": when, "State": state });
    let role = |name: &str| json!({ "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/{name}") });
    let (folded, text) = all_proved(&with_schedule(vec![
        ("staging", schedule("staging", rule("old", "rate(1 day)", "DISABLED"), role("shop-staging-schedule"))),
        ("prod", schedule("prod", rule("shop-tick-prod", "rate(5 minutes)", "ENABLED"), role("events"))),
    ]));
    assert_eq!(left(&folded), [] as [String; 0]);
    let tick = folded.manifest.schedules.get("tick").unwrap();
    assert_eq!(
        (tick.schedule.0.as_str(), tick.enabled, tick.container.as_deref()),
        ("rate(5 minutes)", None, Some("web"))
    );
    let staging = folded.manifest.stages.get("staging").unwrap();
    let differs = staging.schedules.get("tick").unwrap();
    assert_eq!(differs.schedule.as_ref().unwrap().0, "rate(1 day)");
    assert_eq!((differs.enabled, differs.name.as_deref()), (Some(false), Some("old")), "{text}");
    assert_eq!(folded.manifest.stages.get("prod").unwrap().schedule_role.as_deref(), Some("events"));
}

#[test]
fn what_a_target_overrides_is_said_by_the_schedule() {
    let input = json!({ "containerOverrides": [{ "name": "web", "command": ["tick"],
        "environment": [{ "name": "A", "value": "1" }] }] });
    let rule = json!({ "Name": "shop-tick-prod", "ScheduleExpression": "rate(1 day)" });
    let (folded, _) =
        all_proved(&with_schedule(vec![("prod", schedule("prod", rule, json!({ "Input": input.to_string() })))]));
    let tick = folded.manifest.schedules.get("tick").unwrap();
    assert_eq!(tick.command.as_deref(), Some(&["tick".to_owned()][..]));
    assert_eq!(left(&folded), [] as [String; 0]);
    // What the target says over it stays apart from the task: a deploy registers that as it was found.
    let task = folded.manifest.services.get(tick.service.as_deref().unwrap()).unwrap();
    assert!(task.is_standalone());
    assert_eq!(task.containers.get("web").unwrap().command, None);
}

#[test]
fn what_a_rule_has_beside_is_left_by_name() {
    let rule = json!({ "Name": "shop-tick-prod", "ScheduleExpression": "rate(1 day)" });
    let target = json!({ "DeadLetterConfig": { "Arn": "q" }, "InputTransformer": {},
        "EcsParameters": { "TaskCount": 2, "Group": "g", "LaunchType": "FARGATE", "TaskDefinitionArn": "x" },
        "Input": "{\"containerOverrides\":[{\"name\":\"nobody\",\"command\":[]},{\"name\":\"web\",\"resourceRequirements\":[]}],\"x\":1}" });
    let (folded, _) = proved(&with_schedule(vec![("prod", schedule("prod", rule, target))]));
    let [only] = &folded.left[..] else { panic!("{:#?}", folded.left) };
    for word in [
        "`DeadLetterConfig`",
        "`InputTransformer`",
        "`TaskCount`",
        "`Group`",
        "container `nobody`",
        "`resourceRequirements`",
        "`x`",
    ] {
        assert!(only.why.contains(word), "{word}: {}", only.why);
    }
    assert_eq!((only.what.as_str(), only.place.to_string().as_str()), ("schedules.tick", "rules:3"));
}

#[test]
fn a_rule_that_managr_cannot_make_is_left() {
    let rule = json!({ "Name": "on-push", "EventPattern": "{}" });
    let found = with_schedule(vec![("prod", schedule("prod", rule, json!({})))]);
    let folded = fold(&found);
    assert!(folded.manifest.schedules.is_empty());
    assert_eq!(folded.left[0].what, "schedules.tick");
    let proofs = prove(&import::write::text(&folded.manifest, &[]), &found).unwrap();
    assert_eq!(proofs.iter().map(|proof| proof.equal).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_schedule_called_like_a_service_gets_another_name() {
    let rule = json!({ "Name": "r", "ScheduleExpression": "rate(1 day)" });
    let mut tick = schedule("prod", rule, json!({}));
    tick.key = "app".to_owned();
    let (folded, _) = all_proved(&with_schedule(vec![("prod", tick)]));
    assert_eq!(folded.manifest.schedules.names().collect::<Vec<_>>(), ["app-schedule"]);
}

#[test]
fn two_that_are_called_alike_in_a_stage_are_told() {
    let mut found = app(vec![stage("prod", task("a"))]);
    found.stages[0].services.push(service("app", task("b")));
    let folded = fold(&found);
    assert!(left(&folded).iter().any(|left| left.contains("`app` is there already")), "{:?}", folded.left);
}

#[test]
fn a_text_that_is_changed_is_not_proved() {
    let (_, text) = proved(&shop());
    for (from, to, differs) in [
        ("DEBUG = \"False\"", "DEBUG = \"True\"", "containers.app.environment.DEBUG: found False, rendered True"),
        (
            "image = \"nginx:1.27\"",
            "image = \"nginx:1.28\"",
            "containers.proxy.image: found nginx:1.27, rendered nginx:1.28",
        ),
        ("cpu = 2048", "cpu = 1024", "cpu: found 2048, rendered 1024"),
    ] {
        let proofs = prove(&text.replacen(from, to, 1), &shop()).unwrap();
        let told: Vec<&String> = proofs.iter().flat_map(|proof| &proof.differences).collect();
        assert!(told.iter().any(|line| line.starts_with(differs)), "{differs}: {told:#?}");
    }
    assert!(prove(&text.replacen("app = ", "ap = ", 1), &shop()).is_err());
}
