//! Services: how many tasks, where, and how they are replaced.

use aws_model::Document;
use deploy_core::manifest::{CircuitBreaker, CircuitBreakerOptions, Deployment, Raw};
use deploy_core::{Manifest, desired};
use serde_json::{Value, json};

use super::names::{is_ecs_name, named_role};
use super::{Draft, assemble, common, number, raw, text, texts};
use crate::facts::{facts, most, rendering_account};
use crate::{Found, FoundService, FoundStage, Left};

/// Members of DescribeServices that describe what happens to run, or what ECS named itself: no request has them.
/// `role` is the service-linked one wherever tasks have addresses of their own.
const STATE: [&str; 18] = [
    "serviceArn",
    "clusterArn",
    "status",
    "runningCount",
    "pendingCount",
    "deployments",
    "taskSets",
    "events",
    "createdAt",
    "createdBy",
    "roleArn",
    "role",
    "platformFamily",
    "currentServiceDeployment",
    "currentServiceRevisions",
    "resourceManagementType",
    "cluster",
    "clientToken",
];

/// Members that have words of their own, whatever they say.
const WORDS: [&str; 4] = ["serviceName", "taskDefinition", "loadBalancers", "healthCheckGracePeriodSeconds"];

/// What ECS shows of a service that did not ask for it.
pub(crate) fn is_default(path: &[String], value: &Value) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["enableECSManagedTags" | "enableExecuteCommand"] => *value == json!(false),
        ["propagateTags"] => *value == json!("NONE"),
        ["platformVersion"] => *value == json!("LATEST"),
        ["deploymentController", "type"] => *value == json!("ECS"),
        ["deploymentConfiguration", "strategy"] => *value == json!("ROLLING"),
        ["deploymentConfiguration", "bakeTimeInMinutes"] => *value == json!(0),
        ["deploymentConfiguration", "alarms", "enable" | "rollback"] => *value == json!(false),
        ["serviceConnectConfiguration", "enabled"] => *value == json!(false),
        ["availabilityZoneRebalancing"] => *value == json!("DISABLED"),
        _ => value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Document::is_empty),
    }
}

fn of<'a>(found: &'a Found, draft: &Draft, stage: usize) -> Option<&'a FoundService> {
    found.stages.get(stage)?.services.iter().find(|service| service.key == draft.key)
}

/// Where the tasks of a stage run: subnets, security groups, and whether they have public addresses.
type Network = (Vec<String>, Vec<String>, bool);

/// Says once for each stage where tasks run and who starts schedules; what most of them say.
pub(super) fn network(found: &Found, manifest: &mut Manifest, left: &mut Vec<Left>) {
    for stage in &found.stages {
        for service in &stage.services {
            // API reference, UpdateService: with CODE_DEPLOY "only the desired count, deployment configuration, health check
            // grace period, task placement constraints and strategies, enable ECS managed tags, and propagate tags can be
            // updated using this API. If the launch type, load balancer, network configuration, platform version, or task
            // definition need to be updated, create a new AWS CodeDeploy deployment"; EXTERNAL takes task sets.
            let controller =
                service.service.as_ref().and_then(|one| one.get("deploymentController")?.get("type")?.as_str());
            if let Some(controller) = controller.filter(|kind| *kind != "ECS") {
                let why = format!(
                    "{controller} replaces its tasks, and ECS refuses to run another revision for anybody else: `managr \
                     deploy` refuses that too; go on as before, or hand it over to ECS once (`aws ecs update-service \
                     --deployment-controller type=ECS`)"
                );
                let what = format!("deployments of services.{} in stage {}", service.key, stage.name);
                left.push(Left::new(what, service.place.clone(), why));
            }
        }
        let of_services = stage.services.iter().filter_map(|s| Some((&s.key, &s.place, vpc(s.service.as_ref()?)?)));
        let of_schedules = stage.schedules.iter().filter_map(|s| Some((&s.key, &s.place, target_vpc(&s.target)?)));
        let services: Vec<_> = of_services.collect();
        let schedules: Vec<_> = of_schedules.collect();
        let all: Vec<(usize, Network)> =
            services.iter().chain(&schedules).map(|(_, _, network)| (0, network.clone())).collect();
        let usual = common(manifest, &all);
        let account = rendering_account(stage);
        let roles = stage.schedules.iter().map(|schedule| text(&schedule.target, "RoleArn").to_owned());
        let role = most(roles.filter(|role| !role.is_empty()));
        for schedule in &stage.schedules {
            let own = text(&schedule.target, "RoleArn");
            if !own.is_empty() && Some(own) != role.as_deref() {
                let why = "its target has a role of its own; the target keeps it while it is there";
                left.push(Left::new(format!("schedules.{}", schedule.key), schedule.place.clone(), why));
            }
        }
        for (key, place, _) in schedules.iter().filter(|(_, _, network)| Some(network) != usual.as_ref()) {
            let why = "its target runs in other subnets or security groups than the stage; the target keeps them while \
                       it is there";
            left.push(Left::new(format!("schedules.{key}"), (*place).clone(), why));
        }
        let app = manifest.app.clone();
        let settings = manifest.stages.entry(&stage.name);
        settings.schedule_role = role.and_then(|role| named_role(&role, &account, &app, &stage.name, "schedule"));
        if let Some((subnets, groups, public)) = usual {
            settings.subnets = subnets;
            settings.security_groups = groups;
            settings.public_ip = public.then_some(true);
        }
    }
}

fn vpc(service: &Document) -> Option<Network> {
    let vpc = service.get("networkConfiguration")?.get("awsvpcConfiguration")?;
    let list = |member: &str| vpc.get(member).and_then(texts).map(sorted).unwrap_or_default();
    Some((list("subnets"), list("securityGroups"), vpc.get("assignPublicIp").is_some_and(|ip| ip == "ENABLED")))
}

/// EventBridge spells the inner members with capitals (botocore, events 2015-10-07, AwsVpcConfiguration).
fn target_vpc(target: &Document) -> Option<Network> {
    let vpc = target.get("EcsParameters")?.get("NetworkConfiguration")?.get("awsvpcConfiguration")?;
    let list = |member: &str| vpc.get(member).and_then(texts).map(sorted).unwrap_or_default();
    Some((list("Subnets"), list("SecurityGroups"), vpc.get("AssignPublicIp").is_some_and(|ip| ip == "ENABLED")))
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// Puts services into words, and what is left of them into `aws-service`.
pub(super) fn words(found: &Found, drafts: &mut [Draft], manifest: &Manifest) {
    for draft in drafts.iter_mut().filter(|draft| !draft.is_schedule) {
        let all: Vec<(usize, Document)> = draft
            .versions
            .iter()
            .filter_map(|version| Some((version.stage, of(found, draft, version.stage)?.service.clone()?)))
            .collect();
        say(draft, manifest, &all);
    }
    rest(found, drafts, manifest);
}

fn say(draft: &mut Draft, manifest: &Manifest, all: &[(usize, Document)]) {
    let read = |member: fn(&Document) -> Option<u32>| -> Vec<(usize, Option<u32>)> {
        all.iter().map(|(stage, service)| (*stage, member(service))).collect()
    };
    let counts = read(|service| number(service.get("desiredCount")?));
    // How many there are in one stage is nobody else's number.
    let first = counts.first().and_then(|(_, count)| *count);
    draft.service.count = first.filter(|_| counts.iter().all(|(_, count)| *count == first));
    for (stage, count) in counts.into_iter().filter(|(_, count)| *count != draft.service.count) {
        draft.differs.entry(stage).or_default().count = count;
    }
    let exec: Vec<(usize, bool)> = all
        .iter()
        .map(|(stage, service)| (*stage, service.get("enableExecuteCommand") == Some(&Value::Bool(true))))
        .collect();
    let is_reachable = common(manifest, &exec).unwrap_or(false);
    draft.service.exec = is_reachable.then_some(true);
    for (stage, exec) in exec.into_iter().filter(|(_, exec)| *exec != is_reachable) {
        draft.differs.entry(stage).or_default().exec = Some(exec);
    }
    let deployments: Vec<(usize, Option<Deployment>)> =
        all.iter().map(|(stage, service)| (*stage, deployment(service.get("deploymentConfiguration")))).collect();
    draft.service.deployment = common(manifest, &deployments).flatten().filter(|d| *d != Deployment::default());
    for (number, service) in all {
        let Some(stage) = manifest.stages.names().nth(*number) else { continue };
        let name = text(service, "serviceName");
        if is_ecs_name(name) && name != format!("{}-{}-{stage}", manifest.app, draft.key) {
            draft.differs.entry(*number).or_default().name = Some(name.to_owned());
        }
    }
}

/// Said in full: without a circuit breaker ECS has none, and managr would have one.
fn deployment(configuration: Option<&Value>) -> Option<Deployment> {
    let nothing = json!({});
    let configuration = configuration.unwrap_or(&nothing);
    let percent = |member: &str, usual: u32| {
        configuration.get(member).and_then(number::<u32>).filter(|percent| *percent != usual)
    };
    let breaker = configuration.get("deploymentCircuitBreaker");
    let flag = |member: &str| breaker.and_then(|breaker| breaker.get(member)?.as_bool()).unwrap_or(false);
    let circuit_breaker = match (flag("enable"), flag("rollback")) {
        (true, true) => None,
        (true, false) => Some(CircuitBreaker::Options(CircuitBreakerOptions { rollback: Some(false) })),
        (false, _) => Some(CircuitBreaker::Enabled(false)),
    };
    let (min_healthy, max) = (percent("minimumHealthyPercent", 100), percent("maximumPercent", 200));
    let is_sound = min_healthy.is_none_or(|min| min <= 100)
        && max.is_none_or(|max| (100..=2000).contains(&max))
        && !(max == Some(100) && min_healthy.is_none());
    let (min_healthy, max) = if is_sound { (min_healthy, max) } else { (None, None) };
    Some(Deployment { min_healthy, max, circuit_breaker, alarms: alarms(configuration) })
}

/// Alarms that end a deployment and bring the last one back; the manifest has no word for other uses.
fn alarms(configuration: &Value) -> Option<Vec<String>> {
    let alarms = configuration.get("alarms")?;
    let is_on = |member: &str| alarms.get(member).and_then(Value::as_bool) == Some(true);
    (is_on("enable") && is_on("rollback"))
        .then(|| texts(alarms.get("alarmNames")?))
        .flatten()
        .filter(|names| !names.is_empty())
}

/// Puts what the rendered service does not ask for, but the found one has, into `aws-service`.
fn rest(found: &Found, drafts: &mut [Draft], manifest: &Manifest) {
    let manifest = assemble(drafts, manifest);
    let rendered = |stage: &FoundStage| desired(&manifest, &stage.name, &facts(&manifest, stage)).ok();
    let stages: Vec<_> = found.stages.iter().map(rendered).collect();
    for draft in drafts.iter_mut().filter(|draft| !draft.is_schedule) {
        let mut all = Vec::new();
        for version in &draft.versions {
            let service = of(found, draft, version.stage).and_then(|service| service.service.as_ref());
            let rendered = stages[version.stage].as_ref();
            let rendered = rendered.and_then(|d| d.services.iter().find(|service| service.service == draft.key));
            if let (Some(service), Some(rendered)) = (service, rendered) {
                let mut ops = raw::ops(&in_order(&rendered.document), &in_order(&asked(service)));
                ops.retain(|path, value| value.as_ref().is_some_and(|value| !is_default(path, value)));
                all.push((version.stage, ops));
            }
        }
        // A stage of which no service is known shares nothing and contradicts nothing.
        let (base, rest) = raw::shared(&manifest, all);
        let mut without = Vec::new();
        raw::write(base, &mut draft.service.aws_service, &mut without);
        for (stage, ops) in rest.into_iter().filter(|(_, ops)| !ops.is_empty()) {
            let aws: &mut Option<Raw> = &mut draft.differs.entry(stage).or_default().aws_service;
            raw::write(ops, aws, &mut without);
        }
    }
}

/// Returns what a service was asked for: some of it is shown by its primary deployment alone.
fn asked(service: &Document) -> Document {
    let deployments = service.get("deployments").and_then(Value::as_array).into_iter().flatten();
    let primary = deployments.filter_map(Value::as_object).find(|deployment| text(deployment, "status") == "PRIMARY");
    let mut asked = service.clone();
    for member in ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"] {
        if let Some(value) = primary.and_then(|primary| primary.get(member)) {
            asked.entry(member).or_insert_with(|| value.clone());
        }
    }
    asked.retain(|member, value| {
        !STATE.contains(&member.as_str()) && !WORDS.contains(&member.as_str()) && !value.is_null()
    });
    asked
}

/// Lists of a network have no order.
fn in_order(service: &Document) -> Document {
    let mut service = service.clone();
    let vpc = service.get_mut("networkConfiguration").and_then(|network| network.get_mut("awsvpcConfiguration"));
    for list in vpc.into_iter().filter_map(Value::as_object_mut).flat_map(|vpc| vpc.values_mut()) {
        if let Value::Array(items) = list {
            items.sort_by_key(ToString::to_string);
        }
    }
    service
}
