//! Applications as nobody would write them, with everything that task definitions may hold.

use aws_model::Document;
use aws_model::register::as_registered;
use deploy_core::manifest::Via;
use import::{Found, FoundIngress, FoundSchedule, FoundService, FoundStage, Place};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ACCOUNT, document};

const NAMES: [&str; 4] = ["web", "proxy", "worker", "agent"];
const VARIABLES: [&str; 8] = ["DEBUG", "PORT", "DD_ENV", "A.B", "lower", "_X", "TOKEN", "QUEUE"];

/// A member with three values, and which of them each stage has.
type Member = (&'static str, [Value; 3], [usize; 3]);

/// Returns a member whose value is often the same in all stages, and often not.
fn of(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Member> {
    let which = prop_oneof![3 => Just([0; 3]), 2 => prop::array::uniform3(0..3_usize)];
    (prop::array::uniform3(value), which).prop_map(move |(values, which)| (name, values, which)).boxed()
}

/// One application in two or three stages (or one), with services and schedules.
pub(crate) fn found() -> impl Strategy<Value = Found> {
    let stages = prop::sample::subsequence(vec!["staging", "prod", "qa"], 1..=3);
    let stages = stages.prop_shuffle();
    (stages, prop::collection::vec(task(), 1..=3), any::<bool>()).prop_map(|(names, tasks, has_images)| {
        let stages = names.iter().enumerate().map(|(number, name)| stage(number, name, &tasks)).collect();
        let repositories = if has_images { vec!["shop/server".to_owned()] } else { Vec::new() };
        Found { app: Some("shop".to_owned()), stages, repositories, ..Found::default() }
    })
}

/// A task definition in up to three stages.
#[derive(Debug, Clone)]
struct Task {
    is_schedule: bool,
    /// Whether it is there, by stage.
    there: [bool; 3],
    base: Version,
    /// What a stage has in place of the base.
    others: [Option<Version>; 3],
    /// Changes of the base, by stage.
    changes: [Vec<Change>; 3],
    /// How requests reach it, by stage.
    ways: [Option<Way>; 3],
    /// What its family is called; `{stage}` is the stage's name.
    family: &'static str,
    /// What it starts if it is a schedule, and if there is such a one.
    starts: Starts,
    /// Whether its target says something over what it starts.
    overrides: bool,
}

/// What a schedule starts.
#[derive(Debug, Clone, Copy)]
enum Starts {
    Own,
    Service,
    /// What the first other schedule starts.
    Shared,
}

/// Hosts, listener, paths, deregistration delay and the health check's interval.
type Way = (Vec<&'static str>, u16, Vec<&'static str>, u32, u32);

fn way() -> impl Strategy<Value = Way> {
    let hosts = prop::sample::select(vec![
        vec![],
        vec!["{stage}.shop.example"],
        vec!["shop.example", "www.shop.example"],
        vec!["shop.example"],
        vec!["*.{stage}.example", "{stage}.example"],
    ]);
    let paths = prop::sample::select(vec![vec![], vec!["/api/*"], vec!["/{stage}"]]);
    let number = prop::sample::select(vec![80, 443, 8443]);
    (hosts, number, paths, prop::sample::select(vec![0, 30, 60]), prop::sample::select(vec![5, 10, 30]))
}

#[derive(Debug, Clone)]
struct Version {
    containers: Vec<(usize, Vec<Member>)>,
    members: Vec<Member>,
    is_answer: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Member(usize, Member),
    NoMember(usize, usize),
    NoContainer(usize),
    Task(Member),
}

fn task() -> impl Strategy<Value = Task> {
    let there = prop::array::uniform3(prop::bool::weighted(0.8));
    let others = prop::array::uniform3(prop::option::weighted(0.2, version()));
    let changes = prop::array::uniform3(prop::collection::vec(change(), 0..4));
    let same = way().prop_map(|way| [Some(way.clone()), Some(way.clone()), Some(way)]);
    let each = prop::array::uniform3(prop::option::weighted(0.7, way()));
    let ways = prop_oneof![1 => Just([None, None, None]), 1 => same, 2 => each];
    let family = prop::sample::select(vec!["", "shop-{stage}-x", "{stage}", "fixed", "{stage}-{stage}"]);
    let starts = prop_oneof![2 => Just(Starts::Own), 1 => Just(Starts::Service), 2 => Just(Starts::Shared)];
    (any::<bool>(), there, version(), others, changes, ways, family, (starts, any::<bool>())).prop_map(
        |(is_schedule, mut there, base, others, changes, ways, family, (starts, overrides))| {
            there[0] |= !there.contains(&true);
            Task { is_schedule, there, base, others, changes, ways, family, starts, overrides }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..4_usize, member()).prop_map(|(at, member)| Change::Member(at, member)),
        2 => (0..4_usize, 0..6_usize).prop_map(|(at, member)| Change::NoMember(at, member)),
        1 => (0..4_usize).prop_map(Change::NoContainer),
        1 => task_member().prop_map(Change::Task),
    ]
}

fn version() -> impl Strategy<Value = Version> {
    let container = prop::collection::vec(member(), 0..8);
    let names = prop::sample::subsequence(vec![0, 1, 2, 3], 1..=4).prop_shuffle();
    (names, prop::collection::vec(container, 4), prop::collection::vec(task_member(), 0..6), any::<bool>()).prop_map(
        |(names, containers, members, is_answer)| Version {
            containers: names.into_iter().zip(containers).collect(),
            members,
            is_answer,
        },
    )
}

fn stage(number: usize, name: &str, tasks: &[Task]) -> FoundStage {
    let mut stage = FoundStage {
        name: name.to_owned(),
        region: Some("us-east-1".to_owned()),
        account: Some(ACCOUNT.to_owned()),
        cluster: Some(format!("cluster-{name}")),
        ..FoundStage::default()
    };
    for (index, task) in tasks.iter().enumerate().filter(|(_, task)| task.there[number]) {
        let (key, place) = (format!("task{index}"), Place { source: format!("task{index}.json"), line: Some(number) });
        let mut version = task.others[number].clone().unwrap_or_else(|| task.base.clone());
        task.changes[number].iter().cloned().for_each(|change| version.change(change));
        let mut document = version.document(&key, name, number);
        if !task.family.is_empty() {
            document.insert("family".to_owned(), task.family.replace("{stage}", name).into());
        }
        let other = match task.starts {
            Starts::Own => None,
            Starts::Service => stage.services.first().map(|service| &service.task_definition),
            Starts::Shared => stage.schedules.first().map(|schedule| &schedule.task_definition),
        };
        if let Some(other) = other.filter(|_| task.is_schedule) {
            document = other.clone();
        }
        if task.is_schedule {
            let main = document["containerDefinitions"][0]["name"].clone();
            let input = json!({ "containerOverrides": [{ "name": main, "command": ["over", name, key] }] });
            let mut rule = json!({ "Name": format!("{key}-{name}"), "ScheduleExpression": "rate(5 minutes)",
                "State": if number == 1 { "DISABLED" } else { "ENABLED" } });
            let mut target = json!({ "Id": "1", "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/events"),
                "EcsParameters": { "TaskCount": 1, "TaskDefinitionArn": "x" } });
            if task.overrides {
                target["Input"] = input.to_string().into();
            }
            // Whatever fires it may be another in each stage, and so may its zone, its group and its retries.
            let via = if (index * 2 + number).is_multiple_of(3) { Via::Rule } else { Via::Scheduler };
            if via == Via::Scheduler {
                rule["ScheduleExpressionTimezone"] =
                    ["Europe/Berlin", "UTC", "Asia/Tokyo"][(index + number) % 3].into();
                rule["GroupName"] = ["default", "jobs"][index % 2].into();
            }
            if index % 2 == 0 {
                target["RetryPolicy"] = json!({ "MaximumRetryAttempts": number });
            }
            let (rule, target) = (self::document(rule), self::document(target));
            stage.schedules.push(FoundSchedule {
                via,
                key,
                task_definition: document,
                rule,
                target,
                place,
                ..FoundSchedule::default()
            });
        } else {
            let of_stage = |texts: &[&str]| texts.iter().map(|text| text.replace("{stage}", name)).collect::<Vec<_>>();
            let ingress = task.ways[number].as_ref().map(|(hosts, listener, paths, delay, interval)| FoundIngress {
                container: document["containerDefinitions"][0]["name"].as_str().unwrap().to_owned(),
                port: 80,
                listener_port: Some(*listener),
                target_group: Some(format!("{name}-{key}")),
                hosts: of_stage(hosts),
                // No two services take the same requests.
                paths: of_stage(paths).into_iter().chain([format!("/{key}/*")]).collect(),
                health: self::document(
                    json!({ "HealthCheckIntervalSeconds": interval, "HealthCheckTimeoutSeconds": 3 }),
                ),
                deregistration_delay: Some(*delay),
                ..FoundIngress::default()
            });
            stage.services.push(FoundService {
                key,
                task_definition: document,
                place,
                ingress,
                ..FoundService::default()
            });
        }
    }
    stage
}

impl Version {
    fn change(&mut self, change: Change) {
        let count = self.containers.len();
        match change {
            Change::Member(at, member) => self.containers[at % count].1.push(member),
            Change::NoMember(at, member) => {
                let members = &mut self.containers[at % count].1;
                if member < members.len() {
                    members.remove(member);
                }
            }
            Change::NoContainer(at) if count > 1 => drop(self.containers.remove(at % count)),
            Change::NoContainer(_) => {}
            Change::Task(member) => self.members.push(member),
        }
    }

    /// Returns the document of a stage; `{stage}` in texts is its name.
    fn document(&self, family: &str, stage: &str, number: usize) -> Document {
        let mut task = json!({ "family": format!("{family}-{stage}"), "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"], "cpu": "1024", "memory": "2048" });
        for (name, values, which) in &self.members {
            task[name] = values[which[number]].clone();
        }
        let names: Vec<&str> = self.containers.iter().map(|(name, _)| NAMES[*name]).collect();
        let mut containers = Vec::new();
        for (index, (name, members)) in self.containers.iter().enumerate() {
            let mut container = json!({ "name": NAMES[*name], "image": format!("{}:1", NAMES[*name]) });
            for (name, values, which) in members {
                let value = &values[which[number]];
                // Waits that end: for those before.
                let value = match (*name, value.as_array()) {
                    ("dependsOn", Some(waits)) => {
                        let here = |wait: &&Value| names[..index].iter().any(|name| wait["containerName"] == *name);
                        waits.iter().filter(here).cloned().collect()
                    }
                    _ => value.clone(),
                };
                container[name] = value;
            }
            if index == 0 {
                container["essential"] = true.into();
            }
            containers.push(container);
        }
        task["containerDefinitions"] = containers.into();
        let text = task.to_string().replace("{stage}", stage);
        let mut document: Document = serde_json::from_str(&text).unwrap();
        if self.is_answer {
            let tags = document.get("tags").cloned();
            document = as_registered(document);
            document.extend(tags.map(|tags| ("tags".to_owned(), tags)));
            document.insert("revision".to_owned(), 7.into());
            document.insert("status".to_owned(), "ACTIVE".into());
            let arn = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/{family}-{stage}:7");
            document.insert("taskDefinitionArn".to_owned(), arn.into());
        }
        document
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z]{1,8}", 1 => "[ -~]{0,20}", 1 => ".{0,8}"]
}

fn pick(values: impl IntoIterator<Item = Value>) -> impl Strategy<Value = Value> {
    prop::sample::select(values.into_iter().collect::<Vec<_>>())
}

fn environment() -> impl Strategy<Value = Value> {
    let named = prop::sample::select(vec!["{stage}", "db.{stage}.internal", "{stage}x", "prod", "{{stage}}"]);
    let value = prop_oneof![4 => "[01]", 2 => named.prop_map(str::to_owned), 1 => word()];
    let odd = prop_oneof![8 => Just(None), 1 => Just(Some("9 odd"))];
    let one = (0..VARIABLES.len(), value);
    (prop::collection::btree_map(0..VARIABLES.len(), one, 0..8), odd).prop_map(|(variables, odd)| {
        let plain = |(name, (_, value)): (usize, (usize, String))| json!({ "name": VARIABLES[name], "value": value });
        let mut list: Vec<Value> = variables.into_iter().map(plain).collect();
        list.extend(odd.map(|name| json!({ "name": name, "value": "x" })));
        list.into()
    })
}

fn secrets() -> impl Strategy<Value = Value> {
    let arn = |rest: &str| format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{rest}");
    let from = prop_oneof![
        8 => "(SAME|OTHER)".prop_map(move |key| arn(&format!("shop/{{stage}}-AbCd12:{key}::"))),
        1 => Just(arn("shared-XyZ123:KEY::")),
        1 => Just(arn("{stage}-XyZ123:KEY:AWSPREVIOUS:")),
        1 => Just(arn("whole-{stage}-XyZ123")),
        1 => Just(format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{{stage}}/x")),
        1 => Just("/plain/{stage}/parameter".to_owned()),
    ];
    prop::collection::btree_map(prop::sample::select(&["SAME", "TOKEN", "KEY", "QUEUE"][..]), from, 0..4).prop_map(
        |all| all.into_iter().map(|(name, from)| json!({ "name": name, "valueFrom": from })).collect::<Vec<_>>().into(),
    )
}

/// A setting of a container; some are AWS's alone, some are nobody's.
fn member() -> BoxedStrategy<Member> {
    let named = || prop::sample::select(vec!["{stage}", "--env={stage}", "${{stage}}", "prod"]).prop_map(str::to_owned);
    let text = move || prop_oneof![3 => word(), 1 => named()];
    let texts = move || prop::collection::vec(text(), 0..4).prop_map(Value::from).boxed();
    let number = |low: i64, high: i64| (low..high).prop_map(Value::from).boxed();
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let ulimit = |soft: i64, hard: i64| json!([{ "name": "nofile", "softLimit": soft, "hardLimit": hard }]);
    let names = || NAMES.map(Value::from);
    prop::strategy::Union::new_weighted(vec![
        (6, of("environment", environment().boxed())),
        (4, of("secrets", secrets().boxed())),
        (2, of("image", pick([
            json!("nginx"),
            json!("nginx:1.27"),
            json!(format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/shop/server:{{stage}}-1")),
            json!(format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/shop/server:other")),
            json!("public.ecr.aws/datadog/agent@sha256:0123"),
        ]).boxed())),
        (2, of("command", texts())),
        (1, of("entryPoint", texts())),
        (2, of("essential", flag())),
        (1, of("cpu", number(0, 600))),
        (1, of("memory", number(4, 3000))),
        (1, of("memoryReservation", number(4, 3000))),
        (2, of("portMappings", pick([
            json!([{ "containerPort": 80 }]),
            json!([{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }]),
            json!([{ "containerPort": 8125, "protocol": "udp" }, { "containerPort": 8126 }]),
            json!([{ "containerPort": 80, "name": "http", "appProtocol": "http" }]),
            json!([{ "containerPort": 80, "hostPort": 8080 }]),
            json!([{ "containerPortRange": "80-90" }]),
        ]).boxed())),
        (2, of("healthCheck", pick([
            json!({ "command": ["CMD-SHELL", "curl -f localhost || exit 1"] }),
            json!({ "command": ["CMD", "true", "x"], "interval": 10, "timeout": 60, "retries": 10, "startPeriod": 300 }),
            json!({ "command": ["CMD-SHELL", "a", "b"], "interval": 30 }),
            json!({ "command": ["NONE"] }),
            json!({ "command": ["CMD-SHELL", "x"], "interval": 1, "retries": 99, "future": { "a": [1] } }),
        ]).boxed())),
        (2, of("dependsOn", prop::collection::btree_map(pick_index(), pick_condition(), 0..3)
            .prop_map(|waits| waits.into_iter()
                .map(|(at, condition)| json!({ "containerName": NAMES[at], "condition": condition }))
                .collect::<Vec<_>>().into()).boxed())),
        (2, of("mountPoints", pick([
            json!([{ "sourceVolume": "data", "containerPath": "/data" }]),
            json!([{ "sourceVolume": "data", "containerPath": "/data", "readOnly": true }, { "sourceVolume": "conf", "containerPath": "/etc/conf", "readOnly": false }]),
            json!([{ "sourceVolume": "data", "containerPath": "/a" }, { "sourceVolume": "data", "containerPath": "/b" }]),
            json!([{ "sourceVolume": "unknown", "containerPath": "relative" }]),
        ]).boxed())),
        (2, of("logConfiguration", pick([
            json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/shop/{stage}", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs" } }),
            json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/shop/{stage}", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "task0", "awslogs-create-group": "true" } }),
            json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/{stage}/own", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "{stage}" } }),
            json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/other", "awslogs-region": "eu-west-1", "mode": "non-blocking" } }),
            json!({ "logDriver": "awsfirelens", "options": { "Name": "datadog", "dd.tag": "x" }, "secretOptions": [{ "name": "apikey", "valueFrom": "arn:x" }] }),
            json!({ "logDriver": "json-file" }),
        ]).boxed())),
        (1, of("ulimits", pick([ulimit(1, 1), ulimit(1, 2), ulimit(-1, -1), ulimit(2, 1), json!([])]).boxed())),
        (1, of("linuxParameters", pick([
            json!({ "initProcessEnabled": true }),
            json!({ "capabilities": { "add": ["SYS_PTRACE"], "drop": ["ALL", "NET_RAW"] }, "initProcessEnabled": false }),
            json!({ "tmpfs": [{ "containerPath": "/tmp", "size": 64 }, { "containerPath": "/run", "size": 1, "mountOptions": ["noexec"] }], "sharedMemorySize": 64 }),
            json!({ "devices": [{ "hostPath": "/dev/x" }], "maxSwap": 1 }),
        ]).boxed())),
        (1, of("restartPolicy", pick([
            json!({ "enabled": true }),
            json!({ "enabled": true, "ignoredExitCodes": [0, 143], "restartAttemptPeriod": 60 }),
            json!({ "enabled": true, "ignoredExitCodes": [-1, 256], "restartAttemptPeriod": 1 }),
            json!({ "enabled": false }),
        ]).boxed())),
        (1, of("dockerLabels", pick([json!({ "a.b/c": "1", "": "2" }), json!({ "x": 3 })]).boxed())),
        (1, of("user", pick([json!("1000:1000"), json!("")]).boxed())),
        (1, of("workingDirectory", pick([json!("/app"), json!("")]).boxed())),
        (1, of("readonlyRootFilesystem", flag())),
        (1, of("stopTimeout", number(0, 200))),
        (1, of("startTimeout", number(0, 200))),
        (1, of("volumesFrom", names().into_iter().map(|name| json!([{ "sourceContainer": name }])).collect::<Vec<_>>().pipe(pick).boxed())),
        (1, of("interactive", flag())),
        (1, of("hostname", word().prop_map(Value::from).boxed())),
        (1, of("firelensConfiguration", pick([json!({ "type": "fluentbit", "options": { "enable-ecs-log-metadata": "true" } })]).boxed())),
        (1, of("environmentFiles", pick([json!([{ "value": "arn:aws:s3:::b/{stage}.env", "type": "s3" }])]).boxed())),
        (1, of("futureMember", unknown().boxed())),
    ])
    .boxed()
}

/// Postfix call, so that a long argument stays where it is read.
trait Pipe: Sized {
    fn pipe<T>(self, with: impl FnOnce(Self) -> T) -> T {
        with(self)
    }
}
impl<T> Pipe for T {}

fn pick_index() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn pick_condition() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["START", "COMPLETE", "SUCCESS", "HEALTHY"][..])
}

/// What no model knows yet.
fn unknown() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        word().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let item = inner.clone().prop_filter("TOML has no null", |value| !value.is_null());
        prop_oneof![
            prop::collection::vec(item, 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z.A-Z]{1,5}", inner, 0..3).prop_map(|all| json!(all)),
        ]
    })
}

fn task_member() -> BoxedStrategy<Member> {
    let role = |name: &str| json!(format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
    prop_oneof![
        of("cpu", pick([json!("256"), json!("512"), json!("1 vCPU"), json!("300"), json!(1024), Value::Null]).boxed()),
        of("memory", pick([json!("512"), json!("2048"), json!("2 GB"), json!("100"), Value::Null]).boxed()),
        of("executionRoleArn", pick([role("shop-{stage}-execution"), role("exec"), role("path/exec"), json!("short")]).boxed()),
        of("taskRoleArn", pick([role("shop-{stage}-task"), role("app-{stage}"), Value::Null]).boxed()),
        of("networkMode", pick([json!("awsvpc"), json!("bridge"), json!("host"), Value::Null]).boxed()),
        of("requiresCompatibilities", pick([json!(["EC2"]), json!(["FARGATE", "EC2"]), json!([])]).boxed()),
        of("runtimePlatform", pick([
            json!({ "operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64" }),
            json!({ "operatingSystemFamily": "LINUX" }),
            json!({ "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "X86_64" }),
        ]).boxed()),
        of("ephemeralStorage", pick([json!({ "sizeInGiB": 21 }), json!({ "sizeInGiB": 500 })]).boxed()),
        of("volumes", pick([
            json!([{ "name": "data" }, { "name": "conf", "host": {} }]),
            json!([{ "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-{stage}", "rootDirectory": "/" } }, { "name": "conf" }]),
            json!([{ "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-1", "transitEncryption": "ENABLED", "authorizationConfig": { "iam": "ENABLED" } } }]),
            json!([{ "name": "nobody" }]),
        ]).boxed()),
        of("pidMode", pick([json!("task"), json!("host")]).boxed()),
        of("placementConstraints", pick([json!([]), json!([{ "type": "memberOf", "expression": "x" }])]).boxed()),
        of("tags", pick([json!([]), json!([{ "key": "team", "value": "{stage}" }])]).boxed()),
        of("proxyConfiguration", pick([json!({ "containerName": "proxy", "properties": [{ "name": "a", "value": "b" }] })]).boxed()),
        of("enableFaultInjection", pick([json!(false), json!(true)]).boxed()),
        of("futureTask", unknown().boxed()),
    ]
    .boxed()
}
