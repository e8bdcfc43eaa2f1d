//! A manifest from what there is, and the proof.

use std::path::Path;

use serde_json::Value;

use crate::deploy::{json, well};
use crate::sandbox::Sandbox;

/// What a user without a manifest runs: made by one here, which is then thrown away.
const RUNNING: &str = r#"app = "shop"

[variables]
LOG_LEVEL = "info"
[secrets]
TOKEN = { generate = true, containers = ["web"] }

[services.web]
cpu = 512
memory = 1024
count = 2
[services.web.ingress]
container = "web"
port = 3000
host = "shop.example.com"
health-check = { path = "/health", interval = "7s", timeout = "3s", healthy-threshold = 3, matcher = "200" }
deregistration-delay = "12s"
[services.web.containers.web]
image = "127.0.0.1:9/shop-web:1"
ports = [3000]
variables = { PORT = 3000 }
[services.web.containers.agent]
image = "127.0.0.1:9/agent:7"
essential = false
inherit = false

[services.jobs.containers.jobs]
image = "127.0.0.1:9/shop-web:1"
command = ["node", "jobs.js"]
stop-timeout = "90s"

[stages.staging]
cluster = "old-cluster"
subnets = ["subnet-1", "subnet-2"]
secrets-file = "values.env"
"#;

#[test]
fn what_runs_becomes_a_manifest_whose_plan_is_empty() {
    let sandbox = Sandbox::with_manifest(RUNNING);
    let _platform = sandbox.platform();
    sandbox.write("values.env", "TOKEN=unmistakable-value\n");
    well(&sandbox, &["deploy", "staging", "--yes"]);
    std::fs::remove_file(sandbox.path().join("managr.toml")).unwrap();

    let told = well(&sandbox, &["import", "service", "staging=old-cluster"]);
    assert!(told.err.contains("equal"), "{}", told.transcript());
    let text = std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
    assert!(!text.contains("unmistakable-value"), "{text}");
    well(&sandbox, &["check"]);
    let plan = sandbox.run(&["plan", "staging", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}\n{text}", plan.transcript());

    // Everything that was answered has an account, and a deploy would change none of it.
    let account = json(&well(&sandbox, &["import", "service", "staging=old-cluster", "--json"]));
    assert_eq!((&account["summary"]["listed"], &account["summary"]["changed"]), (&0.into(), &0.into()), "{account:#}");
    let entries = account["account"].as_array().unwrap();
    for (beginning, path) in [
        ("cluster old-cluster", "clusterName"),
        ("service shop-web-staging", "runningCount"),
        ("target group shop-web-staging", "HealthCheckPath"),
        ("load balancer ", "Scheme"),
        ("listener ", "DefaultActions.0.Type"),
        ("rule ", "Conditions.0.Field"),
        ("log group ", "logGroupName"),
    ] {
        let is_it = |one: &&Value| one["subject"].as_str().unwrap().starts_with(beginning) && one["path"] == path;
        assert!(entries.iter().any(|one| is_it(&one)), "{beginning} {path}: {account:#}");
    }
    let twice = sandbox.run(&["import", "service", "staging=old-cluster/a", "staging=old-cluster/b", "--stdout"]);
    assert_eq!(twice.code, Some(2), "{}", twice.transcript());
    assert!(twice.err.contains("stage `staging` was asked for twice"), "{}", twice.transcript());

    let again = sandbox.run(&["import", "service", "staging=old-cluster"]);
    assert_eq!(again.code, Some(2), "{}", again.transcript());
    assert!(again.err.contains("managr.toml is there already"), "{}", again.err);
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let sandbox = Sandbox::with_manifest(RUNNING);
    let _platform = sandbox.platform();
    sandbox.write("values.env", "TOKEN=v\n");
    let run = sandbox.run(&["import", "service", "old-cluster", "--stdout"]);
    assert!(run.err.contains("there is no cluster `old-cluster`"), "{}", run.transcript());
    well(&sandbox, &["deploy", "staging", "--yes"]);
    let run = sandbox.run(&["import", "service", "old-cluster/shop-wep-staging", "--stdout"]);
    assert!(run.err.contains("has no service `shop-wep-staging`"), "{}", run.transcript());
    assert!(run.err.contains("did you mean `shop-web-staging`?"), "{}", run.transcript());
}

#[test]
fn files_and_json_for_programs() {
    let sandbox = Sandbox::new();
    let definition = r#"{"family":"shop-web-prod","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],
        "cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"nginx:1.27","ofTomorrow":[1]}]}"#;
    sandbox.write("web.json", definition);
    let told = json(&well(&sandbox, &["import", "taskdef", "web.json", "--json"]));
    assert_eq!(told["proofs"][0]["equal"], Value::Bool(true), "{told:#}");
    // A file written by hand may have a slip; what ECS answers is so, whether its model is known or not.
    assert!(!told["manifest"].as_str().unwrap().contains("ofTomorrow"), "{told:#}");
    assert_eq!(told["left"][0]["what"], "containerDefinitions[0].ofTomorrow", "{told:#}");
    let answer = definition.replacen(
        '{',
        r#"{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/shop-web-prod:3","revision":3,"status":"ACTIVE","#,
        1,
    );
    sandbox.write("web.json", &format!(r#"{{"taskDefinition":{answer},"tags":[]}}"#));
    let told = json(&well(&sandbox, &["import", "taskdef", "web.json", "--json"]));
    assert_eq!(told["proofs"][0]["equal"], Value::Bool(true), "{told:#}");
    assert!(told["manifest"].as_str().unwrap().contains("ofTomorrow"), "{told:#}");
    assert!(!sandbox.path().join("managr.toml").exists());
    sandbox.write("web.json", "{ \"family\": 1 ");
    let run = sandbox.run(&["import", "taskdef", "web.json"]);
    assert_eq!(run.code, Some(2), "{}", run.transcript());
    assert!(run.err.contains("web.json is not JSON"), "{}", run.transcript());
}

#[test]
fn a_slip_between_a_variable_and_its_key_is_told_without_a_stage() {
    let sandbox = Sandbox::new();
    let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:shop/prod-AbCdEf";
    let secret = |name: &str, key: &str| serde_json::json!({"name": name, "valueFrom": format!("{arn}:{key}::")});
    let document = serde_json::json!({"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512", "executionRoleArn": "arn:aws:iam::111122223333:role/exec",
        "containerDefinitions": [{"name": "web", "image": "nginx:1.27", "secrets": [
            secret("SMTP_USR", "SMTP_USER"), secret("SMTP_HOST", "smtpHost")]}]});
    sandbox.write("web.json", &document.to_string());
    let run = well(&sandbox, &["import", "taskdef", "prod=web.json"]);
    assert!(run.err.contains("SMTP_USR is the key `SMTP_USER` of the secret"), "{}", run.err);
    assert!(!run.err.contains("smtpHost"), "{}", run.err);
}

const PIPELINE: &str = "pipelines:\n  branches:\n    develop:\n      - step:\n          name: Tests\n          script: [make test]\n      \
    - step:\n          name: Out\n          deployment: staging\n          services: [docker]\n          script:\n            \
    - docker build -t 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:$BITBUCKET_COMMIT .\n            \
    - docker push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:$BITBUCKET_COMMIT\n            \
    - aws ecs update-service --cluster shop-staging --service shop-web-staging --force-new-deployment\n            \
    - ./tell.sh hunter2\n";

#[test]
fn a_pipeline_becomes_a_manifest_and_a_file_that_managr_keeps_current() {
    let sandbox = Sandbox::new();
    sandbox.write("bitbucket-pipelines.yml", PIPELINE);
    let told = json(&well(&sandbox, &["import", "pipeline", "--json"]));
    assert_eq!(told["provider"], "bitbucket");
    assert!(told["accounts"].as_array().unwrap().iter().any(|account| account["fate"] == "kept"), "{told:#}");
    assert!(!sandbox.path().join("managr.toml").exists());
    let run = well(&sandbox, &["import", "pipeline"]);
    for words in [
        "managr deploy staging --no-build",
        "`./tell.sh` is nothing that managr does",
        "wrote managr.toml",
        "bitbucket-pipelines.yml.new",
    ] {
        assert!(run.err.contains(words), "{words}: {}", run.transcript());
    }
    assert!(!run.transcript().contains("hunter2"), "{}", run.transcript());
    let new = std::fs::read_to_string(sandbox.path().join("bitbucket-pipelines.yml.new")).unwrap();
    assert!(new.contains("- make test") && new.contains("    develop:\n"), "{new}");
    assert_eq!(std::fs::read_to_string(sandbox.path().join("bitbucket-pipelines.yml")).unwrap(), PIPELINE);
    // Put in the place of theirs it is current, and stays so.
    sandbox.write("bitbucket-pipelines.yml", &new);
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
    assert_eq!(sandbox.run(&["import", "pipeline", "--stdout"]).code, Some(2), "it is managr's now");
    let again = sandbox.run(&["import", "pipeline"]);
    assert_eq!(again.code, Some(2), "{}", again.transcript());
}

#[test]
fn a_folder_of_copilot_becomes_a_manifest_that_can_be_checked() {
    let sandbox = Sandbox::new();
    sandbox.write("copilot/.workspace", "application: shop\n");
    sandbox.write(
        "copilot/web/manifest.yml",
        "name: web\ntype: Load Balanced Web Service\nimage: {build: Dockerfile, port: 80}\nhttp: {path: /}\nshoe_size: 43\n\
         secrets: {TOKEN: /shop/token}\nenvironments:\n  prod: {count: 3}\n",
    );
    sandbox.write("Dockerfile", "FROM scratch\n");
    let told = json(&well(&sandbox, &["import", "copilot", "--json"]));
    let entries = told["account"].as_array().unwrap();
    let of = |path: &str| entries.iter().find(|entry| entry["line"]["path"] == path || entry["path"] == path).unwrap();
    assert!(of("environments.prod.count").to_string().contains("stages.prod.services.web.count"), "{told:#}");
    assert!(of("shoe_size")["account"]["listed"].is_string(), "{told:#}");
    assert_eq!(told["summary"]["listed"], 1, "{told:#}");
    assert!(!sandbox.path().join("managr.toml").exists());
    let shown = well(&sandbox, &["import", "copilot", "--stdout", "--account", "111122223333"]);
    assert!(shown.out.contains("arn:aws:ssm:us-east-1:111122223333:parameter/shop/token"), "{}", shown.transcript());
    let run = well(&sandbox, &["import", "copilot", "copilot"]);
    for words in ["shoe_size", "the names in AWS of stage prod", "000000000000", "wrote managr.toml"] {
        assert!(run.err.contains(words), "{words}: {}", run.transcript());
    }
    well(&sandbox, &["check"]);
    assert_eq!(sandbox.run(&["import", "copilot"]).code, Some(2), "it is there already");
    let empty = sandbox.run(&["import", "copilot", "--stdout", "crates"]);
    assert_eq!(empty.code, Some(2), "{}", empty.transcript());
}

/// What a folder of Terraform says is accounted for, in a line for people and in full for programs.
#[test]
fn everything_that_a_folder_says_has_an_account() {
    let sandbox = Sandbox::new();
    let folder = include_str!("../../../import/tests/fixtures/terraform/generated/main.tf");
    sandbox.write("infra/main.tf", folder);
    let told = sandbox.run(&["import", "terraform", "infra", "--stdout"]);
    for said in [
        "account of all ",
        "would change with a deploy",
        "differs  service or rule kiosk-prod in prod",
        "a deploy would take the service off its load balancer",
        "--name 'aws_lb_target_group.kiosk=NAME'",
        "aws_lb_target_group.kiosk: port :46",
    ] {
        assert!(told.err.contains(said), "{said}\n{}", told.transcript());
    }
    let named = ["--name", "aws_lb_target_group.kiosk=kiosk-1", "--name", "aws_lb_target_group.admin=admin-1"];
    let told = json(&well(&sandbox, &[&["import", "terraform", "infra", "--json"], &named[..]].concat()));
    let account = told["account"].as_array().unwrap();
    assert_eq!(told["summary"]["changed"], 0, "{told:#}");
    let count = |kind: &str| account.iter().filter(|entry| entry["account"].get(kind).is_some()).count();
    assert_eq!(told["summary"]["carried"], count("carried"), "{told:#}");
    assert_eq!(told["summary"]["owner"], count("owner"), "{told:#}");
    let name = account.iter().find(|entry| entry["path"] == "name_prefix").unwrap();
    assert_eq!(name["account"]["carried"], "stages.prod.services.kiosk.target-group", "{name:#}");
    assert_eq!((&name["subject"], &name["place"]["line"]), (&"aws_lb_target_group.kiosk".into(), &45.into()));
    assert!(told["services"].as_array().unwrap().iter().all(|proof| proof["equal"] == true), "{told:#}");
}

/// What a folder makes is made on a platform of the import's own, and a deploy planned against it: nothing changes in any
/// stage, or what would is shown with its risks and ends the import with 5.
#[test]
fn a_deploy_is_rehearsed_on_what_a_folder_makes() {
    let sandbox = Sandbox::new();
    let fixture = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures/terraform").join(name);
        std::fs::read_to_string(path.join("main.tf")).unwrap()
    };
    for (folder, stages) in [("one-family", &["prod"][..]), ("stages", &["staging", "prod"])] {
        sandbox.write(&format!("{folder}/main.tf"), &fixture(folder));
        let told = json(&well(&sandbox, &["import", "terraform", folder, "--json"]));
        let rehearsals = told["rehearsals"].as_array().unwrap();
        assert_eq!(rehearsals.len(), stages.len(), "{folder}");
        for rehearsal in rehearsals {
            assert_eq!(rehearsal["plan"]["steps"], serde_json::json!([]), "{folder}: {rehearsal:#}");
            assert_eq!(rehearsal["unmade"], serde_json::json!([]), "{folder}: {rehearsal:#}");
            assert!(stages.iter().any(|stage| rehearsal["stage"] == *stage), "{folder}: {rehearsal:#}");
        }
    }
    sandbox.write("generated/main.tf", &fixture("generated"));
    let run = sandbox.run(&["import", "terraform", "generated", "--stdout"]);
    assert_eq!(run.code, Some(5), "{}", run.transcript());
    for said in ["CHANGES  a deploy of this manifest", "- loadBalancers", "! group-empty"] {
        assert!(run.err.contains(said), "{said}: {}", run.err);
    }
}

/// Cases 07: a compose file's numbers, its missing files, and the account of its keys.
#[test]
fn a_compose_file_has_an_account_and_is_told_of_files_that_are_not_there() {
    let sandbox = Sandbox::new();
    let file = "services:\n  web:\n    image: nginx:1.27\n    volumes:\n      - ./there.conf:/a.conf\n      - ./gone.conf:/b.conf\n    environment:\n      UMASK: 022\n    unheard_of: 1\n";
    sandbox.write("docker-compose.yml", file);
    sandbox.write("there.conf", "");
    let told = json(&well(&sandbox, &["import", "compose", "docker-compose.yml", "--json"]));
    assert!(told["manifest"].as_str().unwrap().contains("UMASK = \"18\""), "{told}");
    let of = |line: u64| told["account"].as_array().unwrap().iter().find(|one| one["place"]["line"] == line).unwrap();
    assert_eq!(of(5)["account"]["carried"], "images.web");
    assert!(of(6)["account"]["listed"].as_str().unwrap().starts_with("`./gone.conf` is not there"));
    assert_eq!(of(8)["account"]["carried"], "variables.UMASK");
    assert!(of(9)["account"]["listed"].is_string());
    assert_eq!((&told["summary"]["carried"], &told["summary"]["listed"]), (&Value::from(3), &Value::from(2)));
}

/// Whatever cannot be made where a deploy is rehearsed, no import fails for it: the corpus has services that ECS
/// itself would refuse: containers without memory, a grace period without a load balancer.
#[test]
fn no_import_fails_for_want_of_a_rehearsal() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures/terraform");
    let not_rehearsed = |folder: &str| {
        let folder = corpus.join(folder);
        let run = Sandbox::new().run(&["import", "terraform", folder.to_str().unwrap(), "--json"]);
        assert!(matches!(run.code, Some(0 | 5)), "{}", run.transcript());
        let told: Value = serde_json::from_str(&run.out).unwrap();
        told["rehearsals"].as_array().unwrap().iter().any(|one| one["unmade"] != serde_json::json!([]))
    };
    let folders =
        ["modules", "workspaces", "sidecars", "env-dirs", "language", "json-syntax", "infra", "alb-rules", "crons"];
    let without: Vec<&str> = folders.into_iter().filter(|folder| not_rehearsed(folder)).collect();
    assert_eq!(without, ["env-dirs", "language", "json-syntax"]);
}
