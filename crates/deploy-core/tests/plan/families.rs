//! A family is a name: several documents may have it, and several users may have one document.

use deploy_core::plan::Plan;
use serde_json::{Value, json};

use crate::cases::deployed;
use crate::world::{World, manifest, object, text, told};

const WORKER: &str = r#"app = "shop"
[services.worker.containers.worker]
image = "worker:1"
command = ["celery", "worker"]
[schedules.clear]
schedule = "rate(1 day)"
service = "worker"
command = ["manage.py", "clearsessions"]
[schedules.plain]
schedule = "rate(2 days)"
service = "worker"
"#;

fn registered(plan: &Plan) -> Vec<String> {
    told(plan).into_iter().filter(|step| step.contains(" task definition ")).collect()
}

fn newest<'a>(world: &'a World, family: &str) -> &'a aws_model::Document {
    let all = world.revisions.values().filter(|document| text(document, "family") == family);
    all.max_by_key(|document| document["revision"].as_u64()).unwrap()
}

#[test]
fn a_schedule_that_runs_a_services_task_registers_nothing() {
    let plan = World::new().plan(&manifest(WORKER), "local");
    assert_eq!(registered(&plan), ["+ task definition shop-worker-task-local"]);
    let mut world = deployed(WORKER);
    assert!(world.plan(&manifest(WORKER), "local").is_empty());

    let plan = world.plan(&manifest(&WORKER.replace("worker:1", "worker:2")), "local");
    assert_eq!(registered(&plan).len(), 1);
    world.apply(&plan);
    let newest = newest(&world, "shop-worker-task-local");
    assert_eq!(newest["containerDefinitions"][0]["command"], json!(["celery", "worker"]));
    let arn = &newest["taskDefinitionArn"];
    assert_eq!(&world.services["shop-worker-local"]["taskDefinition"], arn);
    for (rule, input) in [
        (
            "shop-clear-local",
            Some(json!({"containerOverrides": [{"name": "worker", "command": ["manage.py", "clearsessions"]}]})),
        ),
        ("shop-plain-local", None),
    ] {
        let target = world.schedules[rule].target.as_ref().unwrap();
        assert_eq!(&target["EcsParameters"]["TaskDefinitionArn"], arn, "{rule}");
        let said: Option<Value> =
            target.get("Input").map(|input| serde_json::from_str(input.as_str().unwrap()).unwrap());
        assert_eq!(said, input, "{rule}");
    }
}

#[test]
fn what_is_said_over_the_task_is_only_the_schedules() {
    let world = deployed(WORKER);
    let more = WORKER.replace("\"clearsessions\"]", "\"prune\"]\ncpu = 512\nmemory = 1024\nvariables = { DEEP = 1 }");
    let plan = world.plan(&manifest(&more), "local");
    assert_eq!(told(&plan), ["~ schedule shop-clear-local [overrides]"]);
    let mut world = world;
    world.apply(&plan);
    let target = world.schedules["shop-clear-local"].target.clone().unwrap();
    let said: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    let environment = json!([{ "name": "DEEP", "value": "1" }]);
    let over = json!({ "cpu": "512", "memory": "1024", "containerOverrides": [
        { "name": "worker", "command": ["manage.py", "prune"], "environment": environment }] });
    assert_eq!(said, over);
    // Whoever changed it by hand changed what the manifest says.
    world
        .schedules
        .get_mut("shop-clear-local")
        .unwrap()
        .target
        .as_mut()
        .unwrap()
        .extend(object(json!({ "Input": "{}" })));
    assert_eq!(told(&world.plan(&manifest(&more), "local")), ["~ schedule shop-clear-local [overrides]"]);
}

/// A release is what its schedules said over a task as well: the command belongs to the image.
#[test]
fn a_rollback_brings_back_what_was_said_over_the_task() {
    let mut world = World::new();
    let first = world.plan(&manifest(WORKER), "local");
    let first = world.apply(&first);
    let more = WORKER.replace("worker:1", "worker:2").replace("clearsessions", "prune");
    let plan = world.plan(&manifest(&more), "local");
    let second = world.apply(&plan);
    let input = |world: &World| world.schedules["shop-clear-local"].target.as_ref().unwrap()["Input"].clone();
    let before = input(&world);
    let back = world.plan_restore(&manifest(&more), "local", &first);
    assert!(
        told(&back).contains(&"~ schedule shop-clear-local [taskDefinition overrides]".to_owned()),
        "{:?}",
        told(&back)
    );
    let restored = world.apply(&back);
    assert!(input(&world).as_str().unwrap().contains("clearsessions"));
    assert!(world.plan_restore(&manifest(&more), "local", &first).is_empty());
    // And forward again, from the record of the rollback too.
    assert_eq!(restored.overrides, first.overrides);
    let again = world.plan_restore(&manifest(&more), "local", &second);
    world.apply(&again);
    assert_eq!(input(&world), before);
    // What was recorded without it says nothing of it.
    let old = deploy_core::release::Release { overrides: Default::default(), ..first };
    let back = world.plan_restore(&manifest(&more), "local", &old);
    assert!(told(&back).contains(&"~ schedule shop-clear-local [taskDefinition]".to_owned()), "{:?}", told(&back));
}

/// Two documents of one family are two revisions, and each user runs its own.
#[test]
fn a_family_may_have_two_documents() {
    let two = r#"app = "shop"
[services.web]
family = "shop-{stage}"
[services.web.containers.app]
image = "app:1"
[services.worker]
family = "shop-{stage}"
[services.worker.containers.app]
image = "app:1"
command = ["work"]
[schedules.tick]
family = "shop-{stage}"
schedule = "rate(1 day)"
image = "app:1"
command = ["tick"]
"#;
    let plan = World::new().plan(&manifest(two), "local");
    assert_eq!(registered(&plan).len(), 3);
    let mut world = deployed(two);
    assert!(world.plan(&manifest(two), "local").is_empty());
    world.apply(&world.clone().plan(&manifest(&two.replace("app:1", "app:2")), "local"));
    let command =
        |arn: &Value| world.revisions[arn.as_str().unwrap()]["containerDefinitions"][0].get("command").cloned();
    assert_eq!(command(&world.services["shop-web-local"]["taskDefinition"]), None);
    assert_eq!(command(&world.services["shop-worker-local"]["taskDefinition"]), Some(json!(["work"])));
    let target = world.schedules["shop-tick-local"].target.as_ref().unwrap();
    assert_eq!(command(&target["EcsParameters"]["TaskDefinitionArn"]), Some(json!(["tick"])));
    // Whoever takes the latest of the family takes a service's.
    assert_ne!(newest(&world, "shop-local")["containerDefinitions"][0].get("command"), Some(&json!(["tick"])));
}

/// Two users of one document share its revision.
#[test]
fn two_services_of_one_document_register_it_once() {
    let one = |name: &str| {
        format!(
            "[services.{name}]\nfamily = \"shop-{{stage}}\"\nlog = {{ prefix = \"p\" }}\n[services.{name}.containers.app]\nimage = \"app:1\"\n"
        )
    };
    let two = format!("app = \"shop\"\n{}{}", one("a"), one("b"));
    let plan = World::new().plan(&manifest(&two), "local");
    assert_eq!(registered(&plan), ["+ task definition shop-local"]);
    let world = deployed(&two);
    assert_eq!(world.services["shop-a-local"]["taskDefinition"], world.services["shop-b-local"]["taskDefinition"]);
}

const REPORTS: &str = r#"app = "shop"
[services.reports]
standalone = true
[services.reports.containers.reports]
image = "reports:1"
[schedules.daily]
schedule = "rate(1 day)"
service = "reports"
command = ["report", "day"]
[schedules.weekly]
schedule = "rate(7 days)"
service = "reports"
variables = { SPAN = 7 }
"#;

/// Schedules of a task that no service runs share its revision, and say over it what is theirs.
#[test]
fn schedules_share_a_task_that_no_service_runs() {
    let world = World::new();
    let plan = world.plan(&manifest(REPORTS), "local");
    assert_eq!(registered(&plan), ["+ task definition shop-reports-task-local"]);
    assert!(!told(&plan).iter().any(|step| step.contains(" service ")), "{:?}", told(&plan));
    let mut world = deployed(REPORTS);
    assert!(world.services.is_empty());
    assert!(world.plan(&manifest(REPORTS), "local").is_empty());

    let plan = world.plan(&manifest(&REPORTS.replace("reports:1", "reports:2")), "local");
    assert_eq!(registered(&plan), ["~ task definition shop-reports-task-local [containers.reports.image]"]);
    world.apply(&plan);
    let arn = &newest(&world, "shop-reports-task-local")["taskDefinitionArn"];
    for (rule, over) in [
        ("shop-daily-local", json!({ "name": "reports", "command": ["report", "day"] })),
        ("shop-weekly-local", json!({ "name": "reports", "environment": [{ "name": "SPAN", "value": "7" }] })),
    ] {
        let target = world.schedules[rule].target.as_ref().unwrap();
        assert_eq!(&target["EcsParameters"]["TaskDefinitionArn"], arn, "{rule}");
        let said: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        assert_eq!(said, json!({ "containerOverrides": [over] }), "{rule}");
    }
    // One alone that says something else leaves the other, and the task, as they are.
    let plan =
        world.plan(&manifest(&REPORTS.replace("reports:1", "reports:2").replace("\"day\"", "\"night\"")), "local");
    assert_eq!(told(&plan), ["~ schedule shop-daily-local [overrides]"]);
}

/// Each target that runs a revision which says the same keeps it, whichever of them is the newest.
#[test]
fn a_target_with_an_equal_revision_stays_at_it() {
    let mut world = deployed(REPORTS);
    let mut again = newest(&world, "shop-reports-task-local").clone();
    let arn = text(&again, "taskDefinitionArn").replace(":1", ":2");
    again.extend(object(json!({ "taskDefinitionArn": arn, "revision": 2 })));
    world.revisions.insert(arn.clone(), again);
    let target = world.schedules.get_mut("shop-weekly-local").unwrap().target.as_mut().unwrap();
    target["EcsParameters"]["TaskDefinitionArn"] = arn.into();
    assert!(world.plan(&manifest(REPORTS), "local").is_empty());
}

/// Where nobody serves schedules the task is there all the same: people start it.
#[test]
fn a_standalone_task_needs_no_schedule() {
    let mut world = World::new();
    world.serves_schedules = false;
    let plan = world.plan(&manifest(REPORTS), "local");
    assert_eq!(registered(&plan), ["+ task definition shop-reports-task-local"]);
    world.apply(&plan);
    assert!(world.plan(&manifest(REPORTS), "local").is_empty());
    let alone = REPORTS.split("[schedules").next().unwrap();
    assert_eq!(registered(&World::new().plan(&manifest(alone), "local")).len(), 1);
}

/// A target that names its family alone starts the newest revision, and goes on doing so; a rollback pins it.
#[test]
fn a_target_that_follows_its_family_goes_on_following() {
    let mut world = deployed(REPORTS);
    let target = world.schedules.get_mut("shop-daily-local").unwrap().target.as_mut().unwrap();
    let pinned = target["EcsParameters"]["TaskDefinitionArn"].as_str().unwrap().to_owned();
    let alone = pinned.rsplit_once(':').unwrap().0.to_owned();
    target["EcsParameters"]["TaskDefinitionArn"] = alone.clone().into();
    let document = world.revisions[&pinned].clone();
    world.revisions.insert(alone.clone(), document);
    assert!(world.plan(&manifest(REPORTS), "local").is_empty());
    let plan = world.plan(&manifest(&REPORTS.replace("reports:1", "reports:2")), "local");
    assert_eq!(
        told(&plan),
        [
            "~ task definition shop-reports-task-local [containers.reports.image]",
            "~ schedule shop-weekly-local [taskDefinition]"
        ]
    );
    assert!(plan.schedules.contains_key("shop-daily-local"), "a rollback must know what it ran");
}
