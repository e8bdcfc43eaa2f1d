//! An application as people have it becomes a manifest as a person would have written it.

use import::{FoundIngress, FoundSchedule, FoundSecret};
use serde_json::json;

use super::*;

const COMMON: [(&str, &str); 4] =
    [("DB_HOST", "db.internal"), ("DD_ENV", "{stage}"), ("DEBUG", "False"), ("REDIS_URL", "redis://cache:6379")];

fn environment(stage: &str, more: &[(&str, &str)]) -> Value {
    let value = |value: &str| value.replace("{stage}", stage);
    let all = COMMON.iter().chain(more);
    all.map(|(name, text)| json!({ "name": name, "value": value(text) })).collect()
}

fn secrets(stage: &str, names: &[&str]) -> Value {
    let arn = format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:shop/{stage}-AbCd12");
    names.iter().map(|name| json!({ "name": name, "valueFrom": format!("{arn}:{name}::") })).collect()
}

fn log(stage: &str) -> Value {
    json!({ "logDriver": "awslogs", "options": { "awslogs-group": format!("/ecs/shop-{stage}"),
        "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs" } })
}

fn definition(family: &str, stage: &str, cpu: u32, containers: Value) -> Value {
    json!({
        "family": format!("shop-{family}-{stage}"),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": cpu.to_string(),
        "memory": (cpu * 2).to_string(),
        "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole"),
        "taskRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/shop-{stage}-task"),
        "containerDefinitions": containers,
    })
}

fn one(stage: &str, count: u32, cpu: u32) -> FoundStage {
    let server = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/thinknimble/shop/server:{stage}-1a2b3c4");
    let environment = |more: &[(&str, &str)]| environment(stage, more);
    let task = definition(
        "app",
        stage,
        cpu,
        json!([
            { "name": "app", "image": server, "essential": true, "portMappings": [{ "containerPort": 8000 }],
              "environment": environment(&[("ROLE", "web")]), "secrets": secrets(stage, &["SECRET_KEY", "DATABASE_URL"]),
              "healthCheck": { "command": ["CMD-SHELL", "curl -f http://127.0.0.1:8000/up || exit 1"], "interval": 15 },
              "logConfiguration": log(stage) },
            { "name": "proxy", "image": "nginx:1.27", "essential": true, "portMappings": [{ "containerPort": 80, "hostPort": 80 }],
              "dependsOn": [{ "containerName": "app", "condition": "HEALTHY" }, { "containerName": "nginx-config", "condition": "COMPLETE" }],
              "mountPoints": [{ "sourceVolume": "nginx-conf", "containerPath": "/etc/nginx", "readOnly": true }],
              "logConfiguration": log(stage) },
            { "name": "worker", "image": server, "essential": false, "command": ["python3", "manage.py", "worker"],
              "environment": environment(&[("ROLE", "worker")]), "secrets": secrets(stage, &["SECRET_KEY", "DATABASE_URL"]),
              "logConfiguration": log(stage) },
            { "name": "nginx-config", "image": server, "essential": false, "command": ["write-nginx-conf"],
              "mountPoints": [{ "sourceVolume": "nginx-conf", "containerPath": "/etc/nginx" }], "logConfiguration": log(stage) },
            { "name": "datadog-agent", "image": "public.ecr.aws/datadog/agent:7", "essential": false,
              "portMappings": [{ "containerPort": 8125, "protocol": "udp" }],
              "environment": [{ "name": "ECS_FARGATE", "value": "true" }, { "name": "DD_ENV", "value": stage }],
              "secrets": secrets(stage, &["DD_API_KEY"]), "logConfiguration": log(stage) },
        ]),
    );
    let mut task = document(task);
    task.insert("volumes".to_owned(), json!([{ "name": "nginx-conf" }]));
    let tick = definition(
        "tasks",
        stage,
        256,
        json!([
            { "name": "scheduled-tasks", "image": server, "essential": true, "command": ["process_tasks"],
              "environment": environment(&[("ROLE", "tick")]), "secrets": secrets(stage, &["SECRET_KEY", "DATABASE_URL"]),
              "logConfiguration": log(stage) },
        ]),
    );
    let network = json!({ "awsvpcConfiguration": { "subnets": [format!("subnet-{stage}")],
        "securityGroups": [format!("sg-{stage}")], "assignPublicIp": "ENABLED" } });
    let group =
        format!("arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/shop-{stage}-tg/0123456789abcdef");
    let service = json!({
        "serviceName": format!("shop-app-{stage}"), "serviceArn": "arn", "status": "ACTIVE", "events": [{}],
        "desiredCount": count, "launchType": "FARGATE", "schedulingStrategy": "REPLICA", "platformVersion": "LATEST",
        "networkConfiguration": network, "enableExecuteCommand": true, "healthCheckGracePeriodSeconds": 60,
        "propagateTags": "SERVICE", "enableECSManagedTags": false, "taskDefinition": "arn",
        "deploymentConfiguration": { "maximumPercent": 200, "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
        "loadBalancers": [{ "containerName": "proxy", "containerPort": 80, "targetGroupArn": group }],
    });
    let rule = json!({ "Name": format!("shop-tick-{stage}"), "ScheduleExpression": "cron(*/20 * * * ? *)",
        "State": if stage == "staging" { "DISABLED" } else { "ENABLED" } });
    let target = json!({ "Id": "ecs", "Arn": "cluster", "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/ecsEventsRole"),
        "EcsParameters": { "TaskCount": 1, "LaunchType": "FARGATE", "TaskDefinitionArn": "x",
            "NetworkConfiguration": { "awsvpcConfiguration": { "Subnets": [format!("subnet-{stage}")],
                "SecurityGroups": [format!("sg-{stage}")], "AssignPublicIp": "ENABLED" } } },
        "Input": "{\"containerOverrides\":[{\"name\":\"scheduled-tasks\",\"command\":[\"process_tasks\",\"--queue\",\"DEFAULT\"]}]}" });
    let host = if stage == "prod" { "shop.example.com".to_owned() } else { format!("{stage}.example.com") };
    FoundStage {
        name: stage.to_owned(),
        region: Some("us-east-1".to_owned()),
        account: Some(ACCOUNT.to_owned()),
        cluster: Some("shop-cluster".to_owned()),
        load_balancer: Some(format!("shop-lb-{stage}")),
        secrets: vec![FoundSecret { name: format!("shop/{stage}"), ..FoundSecret::default() }],
        services: vec![FoundService {
            service: Some(document(service)),
            ingress: Some(FoundIngress {
                container: "proxy".to_owned(),
                port: 80,
                target_group_arn: Some(group.clone()),
                hosts: vec![host],
                health: document(json!({ "HealthCheckPath": "/up", "HealthCheckIntervalSeconds": 30,
                    "HealthyThresholdCount": 2, "Matcher": { "HttpCode": "200" } })),
                deregistration_delay: Some(15),
                ..FoundIngress::default()
            }),
            ..super::service("app", Value::Object(task))
        }],
        schedules: vec![FoundSchedule {
            via: Default::default(),
            key: "tick".to_owned(),
            task_definition: document(tick),
            rule: document(rule),
            target: document(target),
            ..FoundSchedule::default()
        }],
        ..FoundStage::default()
    }
}

pub(crate) fn shop() -> Found {
    Found {
        repositories: vec!["thinknimble/shop/server".to_owned()],
        ..app(vec![one("staging", 1, 1024), one("prod", 2, 2048)])
    }
}

#[test]
fn an_application_of_two_stages_reads_well() {
    let (folded, text) = proved(&shop());
    insta::assert_snapshot!(text, @r#"
    app = "shop"
    load-balancer = "shop-lb-{stage}"
    log-group = "/ecs/shop-{stage}"
    execution-role = "ecsTaskExecutionRole"
    schedule-role = "ecsEventsRole"

    [images.server]
    repository = "thinknimble/shop/server"

    [variables]
    DB_HOST = "db.internal"
    DD_ENV = "{stage}"
    DEBUG = "False"
    ECS_FARGATE = { value = "true", containers = ["datadog-agent"] }
    REDIS_URL = "redis://cache:6379"

    [secrets]
    DATABASE_URL = {}
    DD_API_KEY = { containers = ["datadog-agent"] }
    SECRET_KEY = {}

    [defaults]
    family = "shop-{service}-{stage}"
    log = { prefix = "ecs", create-group = false }

    [services.app]
    target-group = "shop-{stage}-tg"
    cpu = 2048
    exec = true
    deployment = { min-healthy = 50 }
    aws-service = { propagateTags = "SERVICE" }

    [services.app.ingress]
    container = "proxy"
    port = 80
    health-check = { path = "/up", interval = "30s", matcher = "200" }
    deregistration-delay = "15s"
    grace-period = "60s"

    [services.app.containers.app]
    image = "server"
    ports = [8000]
    health-check = { command = "curl -f http://127.0.0.1:8000/up || exit 1", interval = "15s" }
    variables = { ROLE = "web" }

    [services.app.containers.proxy]
    image = "nginx:1.27"
    depends-on = { app = "healthy", nginx-config = "complete" }
    volumes = { nginx-conf = { path = "/etc/nginx", read-only = true } }
    inherit = false

    [services.app.containers.worker]
    image = "server"
    command = ["python3", "manage.py", "worker"]
    essential = false
    variables = { ROLE = "worker" }

    [services.app.containers.nginx-config]
    image = "server"
    command = ["write-nginx-conf"]
    volumes = { nginx-conf = "/etc/nginx" }
    inherit = false

    [services.app.containers.datadog-agent]
    image = "public.ecr.aws/datadog/agent:7"
    ports = ["8125/udp"]
    essential = false
    inherit = { variables = ["DD_ENV"], secrets = false }

    [services.tasks]
    standalone = true

    [services.tasks.containers.scheduled-tasks]
    image = "server"
    command = ["process_tasks"]
    variables = { ROLE = "tick" }

    [schedules.tick]
    schedule = "cron(*/20 * * * ? *)"
    service = "tasks"
    command = ["process_tasks", "--queue", "DEFAULT"]

    [stages.staging]
    host = "staging.example.com"
    account = "123456789012"
    subnets = ["subnet-staging"]
    security-groups = ["sg-staging"]
    public-ip = true

    [stages.staging.services.app]
    cpu = 1024
    count = 1

    [stages.staging.schedules.tick]
    enabled = false

    [stages.prod]
    host = "shop.example.com"
    account = "123456789012"
    subnets = ["subnet-prod"]
    security-groups = ["sg-prod"]
    public-ip = true

    [stages.prod.services.app]
    count = 2
    "#);
    let left: Vec<String> = folded.left.iter().map(|left| format!("{}: {}", left.what, left.why)).collect();
    assert_eq!(
        left,
        [
            "images.server: nobody tells how it is built: set its `dockerfile` and `context`, and the `tag` of the stages"
        ]
    );
}
