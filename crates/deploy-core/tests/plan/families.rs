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
