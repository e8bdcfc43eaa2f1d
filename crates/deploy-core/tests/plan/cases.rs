//! What is done, in which order, and what is left alone.

use deploy_core::desired::Git;
use deploy_core::plan::{Action, Force, Plan};
use serde_json::{Value, json};

use crate::world::{World, manifest, object, told};

/// A service with everything that a plan has a step for.
pub(crate) const SHOP: &str = r#"app = "shop"
[variables]
DEBUG = "1"
[secrets]
KEY = { generate = true }
[services.web]
count = 2
[services.web.ingress]
container = "web"
port = 80
[services.web.release]
container = "web"
command = ["migrate"]
[services.web.containers.web]
image = "web:1"
ports = [80]
[services.web.containers.agent]
image = "agent:1"
inherit = false
essential = false
[services.worker.containers.worker]
image = "worker:1"
inherit = false
[schedules.tick]
image = "tick:1"
schedule = "rate(5 minutes)"
inherit = false
"#;

/// An account in which a manifest is deployed already.
pub(crate) fn deployed(text: &str) -> World {
    let mut world = World::new();
    let plan = world.plan(&manifest(text), "local");
    world.apply(&plan);
    world
}

/// What is done when one text of a deployed manifest becomes another.
fn check(from: &str, to: &str, expected: &[&str]) -> Plan {
    assert!(from.is_empty() || SHOP.contains(from), "{from}");
    let plan = deployed(SHOP).plan(&manifest(&SHOP.replace(from, to)), "local");
    assert_eq!(told(&plan), expected, "{from} -> {to}");
    plan
}

fn request<'a>(plan: &'a Plan, name: &str) -> &'a aws_model::Document {
    let step = plan.steps.iter().find(|step| step.kind == "service" && step.name == name);
    match &step.unwrap_or_else(|| panic!("{name} is not touched")).action {
        Action::CreateService { request } | Action::UpdateService { request } => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn from_nothing_each_thing_comes_after_what_it_stands_on() {
    let plan = World::new().plan(&manifest(SHOP), "local");
    let expected = [
        "+ cluster shop-cluster",
        "+ log group /shop/local",
        "+ secret shop/local",
        "+ load balancer shop-local",
        "+ target group shop-web-local",
        "+ listener shop-local:8080",
        "> release command web",
        "+ task definition shop-web-task-local",
        "+ task definition shop-worker-task-local",
        "+ task definition shop-tick-task-local",
        "+ service shop-web-local",
        "+ service shop-worker-local",
        "+ schedule shop-tick-local [schedule taskDefinition]",
    ];
    assert_eq!(told(&plan), expected);
    assert_eq!(plan.totals(), [12, 0, 1, 0]);
    assert!(plan.risks().next().is_none());
    assert_eq!(request(&plan, "shop-web-local")["desiredCount"], 2);
    assert_eq!(request(&plan, "shop-worker-local")["desiredCount"], 1, "one task, where nobody says how many");
}

#[test]
fn only_what_differs_is_touched() {
    check("", "", &[]);
    check(
        "worker:1",
        "worker:2",
        &[
            "~ task definition shop-worker-task-local [containers.worker.image]",
            "~ service shop-worker-local [taskDefinition]",
        ],
    );
    check("count = 2", "count = 3", &["~ service shop-web-local [desiredCount]"]);
    check("rate(5 minutes)", "rate(9 minutes)", &["~ schedule shop-tick-local [schedule]"]);
    check(
        "tick:1",
        "tick:2",
        &[
            "~ task definition shop-tick-task-local [containers.tick.image]",
            "~ schedule shop-tick-local [taskDefinition]",
        ],
    );
    check(
        "[services.web.ingress]",
        "[services.web.deployment]\nmin-healthy = 50\n[services.web.ingress]",
        &["~ service shop-web-local [deploymentConfiguration.minimumHealthyPercent]"],
    );
}

#[test]
fn the_release_command_runs_only_with_a_new_revision() {
    check("count = 2", "count = 1", &["~ service shop-web-local [desiredCount]"]);
    check("[\"migrate\"]", "[\"migrate\", \"--all\"]", &[]);
    check(
        "DEBUG = \"1\"",
        "DEBUG = \"0\"",
        &[
            "> release command web",
            "~ task definition shop-web-task-local [containers.web.environment.DEBUG]",
            "~ service shop-web-local [taskDefinition]",
        ],
    );
}

#[test]
fn what_stands_in_front_of_a_release_command_is_told_before_it_runs() {
    let notes = |more: &str, entrypoint: Option<&[&str]>| {
        let text = SHOP.replace("[services.web.release]", &format!("[services.web.release]\n{more}"));
        let (desired, mut observed) = World::new().drafted(&manifest(&text), "local");
        let image = "web:1".to_owned();
        let known = entrypoint.map(|words| (image, words.iter().map(|word| (*word).to_owned()).collect()));
        observed.entrypoints = known.into_iter().collect();
        let plan = deploy_core::plan::plan(&desired, &observed, "123456789012", &Git::default(), Vec::new());
        plan.notes.into_iter().filter(|note| note.contains("release command")).collect::<Vec<_>>()
    };
    assert_eq!(notes("", None), Vec::<String>::new(), "nobody could tell");
    assert_eq!(notes("", Some(&[])), Vec::<String>::new());
    assert_eq!(notes("", Some(&["/sbin/tini", "--"])), Vec::<String>::new());
    assert_eq!(notes("entrypoint = []", Some(&["/start"])), Vec::<String>::new());
    let told = notes("", Some(&["/start"]));
    assert!(told.len() == 1 && told[0].contains("release command of web: its image has an ENTRYPOINT"), "{told:?}");
    assert!(told[0].contains("`/start migrate`") && told[0].contains("`entrypoint = []`"), "{told:?}");
    let told = notes("", Some(&["/bin/sh", "-c", "/start"]));
    assert!(told[0].contains("the command would not"), "{told:?}");
}

#[test]
fn the_order_of_containers_and_of_variables_says_nothing() {
    let swapped = "[services.web.containers.agent]\nimage = \"agent:1\"\ninherit = false\nessential = false\n";
    let text = SHOP
        .replace(swapped, "")
        .replace("[services.web.containers.web]", &format!("{swapped}[services.web.containers.web]"));
    assert_eq!(told(&deployed(SHOP).plan(&manifest(&text), "local")), [""; 0]);
}

#[test]
fn new_values_of_secrets_replace_the_tasks() {
    let mut world = deployed(SHOP);
    world.new_values.insert("KEY".into());
    let plan = world.plan(&manifest(SHOP), "local");
    assert_eq!(told(&plan), ["~ secret shop/local", "~ service shop-web-local", "~ service shop-worker-local"]);
    assert_eq!(plan.steps[0].detail, "keys KEY");
    assert_eq!(request(&plan, "shop-web-local")["forceNewDeployment"], true);
    world.apply(&plan);
    assert!(world.plan(&manifest(SHOP), "local").is_empty());
}

#[test]
fn tasks_are_replaced_when_one_may_connect_to_them_or_no_longer() {
    let off = SHOP.replace("[services.web]\n", "[services.web]\nexec = false\n");
    for (from, to, words) in [(SHOP, &off[..], "accept no connections"), (&off[..], SHOP, "you can connect")] {
        let mut world = deployed(from);
        let plan = world.plan(&manifest(to), "local");
        let [step] = &plan.steps[..] else { panic!("{:?}", told(&plan)) };
        assert!(step.detail.contains(words), "{}", step.detail);
        assert_eq!(request(&plan, "shop-web-local")["forceNewDeployment"], true);
        world.apply(&plan);
        assert_eq!(told(&world.plan(&manifest(to), "local")), [""; 0]);
    }
}

#[test]
fn alarms_that_end_deployments_are_put_changed_and_left() {
    let with = |names: &str| {
        SHOP.replace("[services.web]\n", &format!("[services.web]\ndeployment = {{ alarms = [{names}] }}\n"))
    };
    let alarms = |names: &[&str], is_on: bool| json!({"alarmNames": names, "enable": is_on, "rollback": is_on});
    for (from, to, expected) in [
        (SHOP.to_owned(), with("\"a\""), alarms(&["a"], true)),
        (with("\"a\""), with("\"a\", \"b\""), alarms(&["a", "b"], true)),
        (with("\"a\""), SHOP.to_owned(), alarms(&[], false)),
    ] {
        let mut world = deployed(&from);
        let plan = world.plan(&manifest(&to), "local");
        let [step] = &told(&plan)[..] else { panic!("{:?}", told(&plan)) };
        assert!(step.starts_with("~ service shop-web-local ["), "{step}");
        assert_eq!(request(&plan, "shop-web-local")["deploymentConfiguration"]["alarms"], expected);
        world.apply(&plan);
        assert_eq!(told(&world.plan(&manifest(&to), "local")), [""; 0]);
    }
    // Their order means nothing.
    assert_eq!(told(&deployed(&with("\"a\", \"b\"")).plan(&manifest(&with("\"b\", \"a\"")), "local")), [""; 0]);
}

#[test]
fn what_only_a_new_deployment_brings_is_one() {
    let with = |members: &str| SHOP.replace("[services.web]\n", &format!("[services.web]\n{members}\n"));
    let strategy = |weight: u32| {
        with(&format!(
            "aws-service.capacityProviderStrategy = [{{ capacityProvider = \"FARGATE_SPOT\", weight = {weight} }}]"
        ))
    };
    for (from, to, words) in [
        (with(""), strategy(1), "capacity providers"),
        (strategy(1), strategy(2), "capacity providers"),
        (with(""), with("aws-service.enableECSManagedTags = true"), "other tags"),
        (with(""), with("aws-service.propagateTags = \"SERVICE\""), "other tags"),
    ] {
        let mut world = deployed(&from);
        world.service("shop-web-local").entry("enableECSManagedTags").or_insert(json!(false));
        world.service("shop-web-local").entry("propagateTags").or_insert(json!("NONE"));
        let plan = world.plan(&manifest(&to), "local");
        let [step] = &told(&plan)[..] else { panic!("{:?}", told(&plan)) };
        assert!(step.starts_with("~ service shop-web-local ["), "{step}");
        assert!(plan.steps[0].detail.contains(words), "{}", plan.steps[0].detail);
        assert_eq!(request(&plan, "shop-web-local")["forceNewDeployment"], true, "{to}");
        world.apply(&plan);
        assert_eq!(told(&world.plan(&manifest(&to), "local")), [""; 0]);
    }
}

#[test]
fn a_deployment_that_failed_is_tried_again() {
    let mut world = deployed(SHOP);
    world.service("shop-web-local")["deployments"][0]["rolloutState"] = json!("FAILED");
    let plan = world.plan(&manifest(SHOP), "local");
    assert_eq!(told(&plan), ["~ service shop-web-local"]);
    assert_eq!(plan.steps[0].detail, "its last deployment failed and is tried again");
    assert_eq!(request(&plan, "shop-web-local")["forceNewDeployment"], true);
    world.apply(&plan);
    assert!(world.plan(&manifest(SHOP), "local").is_empty());
}

#[test]
fn a_count_that_the_manifest_does_not_state_is_left_alone() {
    let mut world = deployed(SHOP);
    world.service("shop-worker-local").insert("desiredCount".into(), 7.into());
    assert!(world.plan(&manifest(SHOP), "local").is_empty());
    let plan = world.plan(&manifest(&SHOP.replace("worker:1", "worker:2")), "local");
    assert_eq!(request(&plan, "shop-worker-local").get("desiredCount"), None);
}

#[test]
fn a_count_that_belongs_to_an_autoscaler_is_left_alone() {
    let mut world = deployed(SHOP);
    world.service("shop-web-local").insert("desiredCount".into(), 7.into());
    assert_eq!(told(&world.plan(&manifest(SHOP), "local")), ["~ service shop-web-local [desiredCount]"]);
    world.scaled.insert("shop-web-local".into());
    assert!(world.plan(&manifest(SHOP), "local").is_empty());
    let plan = world.plan(&manifest(&SHOP.replace("web:1", "web:2")), "local");
    assert_eq!(request(&plan, "shop-web-local").get("desiredCount"), None);
}

#[test]
fn a_revision_that_was_deregistered_is_registered_again() {
    let mut world = deployed(SHOP);
    let arn = world.services["shop-worker-local"]["taskDefinition"].as_str().unwrap().to_owned();
    world.revisions.get_mut(&arn).unwrap().insert("status".into(), "INACTIVE".into());
    let plan = world.plan(&manifest(SHOP), "local");
    assert_eq!(
        told(&plan),
        ["~ task definition shop-worker-task-local", "~ service shop-worker-local [taskDefinition]"]
    );
    world.apply(&plan);
    assert!(world.plan(&manifest(SHOP), "local").is_empty());
}

#[test]
fn a_newer_revision_of_somebody_else_is_used_when_it_says_the_same() {
    let mut world = deployed(SHOP);
    let arn = world.services["shop-worker-local"]["taskDefinition"].as_str().unwrap().to_owned();
    let mut theirs = world.revisions[&arn].clone();
    theirs["containerDefinitions"][0]["image"] = json!("worker:2");
    let newer = world.register(theirs);
    assert!(world.plan(&manifest(SHOP), "local").is_empty(), "what runs is what is wanted");
    let plan = world.plan(&manifest(&SHOP.replace("worker:1", "worker:2")), "local");
    assert_eq!(told(&plan), ["~ service shop-worker-local [taskDefinition]"]);
    assert_eq!(request(&plan, "shop-worker-local")["taskDefinition"], newer.as_str());
}

#[test]
fn a_schedule_keeps_what_others_put_into_its_target() {
    let mut world = deployed(SHOP);
    let seen = world.schedules.get_mut("shop-tick-local").unwrap();
    seen.rule.extend(object(json!({ "State": "DISABLED", "Description": "theirs" })));
    let target = seen.target.as_mut().unwrap();
    target.extend(object(json!({ "Id": "terraform", "Input": "{}", "DeadLetterConfig": { "Arn": "q" } })));
    target["EcsParameters"]["Group"] = json!("theirs");
    let before = target.clone();
    assert!(world.plan(&manifest(SHOP), "local").is_empty());
    let plan = world.plan(&manifest(&SHOP.replace("tick:1", "tick:2")), "local");
    world.apply(&plan);
    let seen = &world.schedules["shop-tick-local"];
    let mut after = seen.target.clone().unwrap();
    assert_ne!(after["EcsParameters"]["TaskDefinitionArn"], before["EcsParameters"]["TaskDefinitionArn"]);
    after["EcsParameters"]["TaskDefinitionArn"] = before["EcsParameters"]["TaskDefinitionArn"].clone();
    assert_eq!(after, before);
    assert_eq!((&seen.rule["State"], &seen.rule["Description"]), (&json!("DISABLED"), &json!("theirs")));
}

#[test]
fn schedules_that_nobody_runs_are_said_and_left_out() {
    let mut world = World::new();
    world.serves_schedules = false;
    let plan = world.plan(&manifest(SHOP), "local");
    assert!(!told(&plan).iter().any(|step| step.contains("tick")), "{:?}", told(&plan));
    assert_eq!(plan.notes, ["not made here: schedule tick: the endpoint does not serve EventBridge"]);
}

#[test]
fn a_service_that_the_manifest_no_longer_names_is_said_and_left_alone() {
    let world = deployed(SHOP);
    let (desired, mut observed) = world.drafted(&manifest(SHOP), "local");
    observed.strangers = vec!["shop-old-local".to_owned()];
    let plan = deploy_core::plan::plan(&desired, &observed, "1", &Default::default(), Vec::new());
    assert!(plan.steps.is_empty());
    assert!(plan.notes[0].contains("shop-old-local") && plan.notes[0].contains("left alone"), "{:?}", plan.notes);
}

/// Values are in no plan: what is deployed names keys, and where their values are kept.
#[test]
fn a_plan_names_secrets_by_key_alone() {
    let plan = World::new().plan(&manifest(SHOP), "local");
    let secrets = plan.steps.iter().filter_map(|step| match &step.action {
        Action::SetSecret { .. } => Some(serde_json::to_value(&step.action).unwrap()),
        _ => None,
    });
    let expected = json!({ "do": "set-secret", "secret": "shop/local", "keys": [{ "key": "KEY", "generate": true }] });
    assert_eq!(secrets.collect::<Vec<Value>>(), [expected]);
}

#[test]
fn tasks_that_would_run_the_same_are_replaced_when_somebody_asks() {
    let world = deployed(SHOP);
    let (desired, observed) = world.drafted(&manifest(SHOP), "local");
    let plan = |force| {
        let observed = deploy_core::plan::Observed { force, ..observed.clone() };
        deploy_core::plan::plan(&desired, &observed, "1", &Default::default(), Vec::new())
    };
    assert!(plan(None).is_empty());
    let everybody = plan(Some(Force::Asked));
    assert_eq!(told(&everybody), ["~ service shop-web-local", "~ service shop-worker-local"]);
    // Who reads no secret has nothing to see again.
    let rotated = plan(Some(Force::SecretRotated));
    assert_eq!(told(&rotated), ["~ service shop-web-local"]);
    assert!(rotated.steps[0].detail.starts_with("secret rotated"), "{:?}", rotated.steps);
    assert_eq!(request(&rotated, "shop-web-local")["forceNewDeployment"], json!(true));
    let revision = |plan: &Plan| request(plan, "shop-web-local")["taskDefinition"].clone();
    assert_eq!(revision(&rotated), world.services["shop-web-local"]["taskDefinition"], "the one that runs");
}

/// No user reads a policy twice: it is said when the first gate comes, and never of a machine that needs no permission.
#[test]
fn a_plan_that_brings_a_gate_says_what_the_tasks_role_must_be_allowed() {
    let gated = SHOP.replace("image = \"tick:1\"", "image = \"tick:1\"\noverlap = \"skip\"");
    let stage = "[stages.prod]\nsubnets = [\"subnet-1\"]\ntask-role = \"tasks\"\n";
    let said =
        |plan: &Plan| plan.notes.iter().filter(|note| note.contains("ecs:ListTasks")).cloned().collect::<Vec<_>>();
    let manifest_with = |text: &str| manifest(&format!("{text}{stage}"));
    let mut world = World::new();
    let first = world.plan(&manifest_with(&gated), "prod");
    let notes = said(&first);
    assert_eq!(notes.len(), 1, "{:?}", first.notes);
    for words in [":role/tasks must be allowed", "ecs:StopTask", ":cluster/shop-cluster\""] {
        assert!(notes[0].contains(words), "no `{words}` in {}", notes[0]);
    }
    world.apply(&first);
    let again = world.plan(&manifest_with(&gated.replace("tick:1", "tick:2")), "prod");
    assert!(told(&again).iter().any(|step| step.starts_with("~ task definition")), "{:?}", told(&again));
    assert_eq!(said(&again), Vec::<String>::new());
    assert_eq!(said(&World::new().plan(&manifest(&gated), "local")), Vec::<String>::new());
    assert_eq!(said(&World::new().plan(&manifest_with(SHOP), "prod")), Vec::<String>::new());
}
