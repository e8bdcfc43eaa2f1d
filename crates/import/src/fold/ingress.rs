//! How requests reach a service, in words; a stage can name its host and its target group, and no more.

use deploy_core::Manifest;
use deploy_core::manifest::{Ingress, IngressHealth, OneOrMany, Seconds};
use ecs_model::Document;
use serde_json::Value;

use super::names::{is_elb_name, last};
use super::{Draft, common, number, objects, text};
use crate::{Found, FoundIngress, FoundService, Left};

/// Listener that a manifest has without saying.
const LISTENER: u16 = 80;

/// Puts the ingress of a service into words.
pub(super) fn words(found: &Found, draft: &mut Draft, manifest: &mut Manifest, left: &mut Vec<Left>) {
    if draft.is_schedule {
        return;
    }
    let mut all: Vec<(usize, FoundIngress)> = Vec::new();
    for version in &draft.versions {
        let service = found.stages[version.stage].services.iter().find(|service| service.key == draft.key);
        let way = service.and_then(ingress);
        if way.as_ref().is_some_and(|way| !is_named(way)) {
            let why = nameless(&found.stages[version.stage].name);
            left.push(Left::new(format!("services.{}.ingress", draft.key), version.place.clone(), why));
        }
        all.extend(way.filter(is_named).map(|ingress| (version.stage, ingress)));
        let balancers = service.and_then(|s| s.service.as_ref()).map_or(0, |s| objects(s, "loadBalancers").count());
        if balancers > 1 {
            let why = "managr has one load balancer for a service: the first is carried, and a deployment would take \
                       the others from it";
            left.push(Left::new(format!("services.{}.ingress", draft.key), version.place.clone(), why));
        }
    }
    let Some(place) = draft.versions.first().map(|version| version.place.clone()) else { return };
    let mut leave = |what: &str, why: &str| {
        left.push(Left::new(format!("services.{}.ingress{what}", draft.key), place.clone(), why));
    };
    let said = |read: fn(&FoundIngress) -> String| -> Vec<(usize, String)> {
        all.iter().map(|(stage, ingress)| (*stage, read(ingress))).collect()
    };
    let Some(container) = common(manifest, &said(|i| i.container.clone())) else { return };
    let Some(port) = common(manifest, &ports(&all)).filter(|port| *port > 0) else { return };
    if draft.container(&container).len() != draft.versions.len() {
        return leave("", "its container is not there in every stage: a manifest's ingress is");
    }
    if all.len() != draft.versions.len() {
        leave("", "it is not there in every stage, and a manifest's ingress is: check what a deployment would do");
    }
    let mut healths = Vec::new();
    for (stage, ingress) in &all {
        let (health, rest) = health(&ingress.health);
        healths.push((*stage, health));
        if !rest.is_empty() {
            leave(".health-check", &format!("managr has no word for {}", rest.join(", ")));
        }
    }
    let listeners: Vec<_> =
        all.iter().map(|(stage, i)| (*stage, i.listener_port.filter(|p| *p != LISTENER && *p > 0))).collect();
    let paths: Vec<_> = all.iter().map(|(stage, i)| (*stage, i.paths.clone())).collect();
    let delays: Vec<_> =
        all.iter().map(|(stage, i)| (*stage, i.deregistration_delay.filter(|d| *d != 30 && *d <= 3600))).collect();
    let graces = graces(found, draft);
    let health = common(manifest, &healths).flatten();
    let parts = [
        ("container", differ(&said(|i| i.container.clone()))),
        ("port", differ(&ports(&all))),
        ("listener", differ(&listeners)),
        ("path", differ(&paths)),
        ("deregistration-delay", differ(&delays)),
        ("health-check", differ(&healths)),
        ("grace-period", differ(&graces)),
    ];
    for (part, _) in parts.iter().filter(|(_, differs)| *differs) {
        leave(&format!(".{part}"), "it differs by stage, which a manifest cannot say: the most common is written");
    }
    let host = hosts(found, draft, manifest, &all, &mut leave);
    draft.service.ingress = Some(Ingress {
        container,
        port,
        health_check: health,
        listener: common(manifest, &listeners).flatten(),
        host,
        path: common(manifest, &paths).filter(|paths| !paths.is_empty()).map(one_or_many),
        deregistration_delay: common(manifest, &delays).flatten().map(Seconds),
        grace_period: common(manifest, &graces).flatten().map(Seconds),
    });
    target_groups(draft, manifest, &all);
}

fn ports(all: &[(usize, FoundIngress)]) -> Vec<(usize, u16)> {
    all.iter().map(|(stage, ingress)| (*stage, ingress.port)).collect()
}

fn differ<T: PartialEq>(values: &[(usize, T)]) -> bool {
    values.windows(2).any(|pair| pair[0].1 != pair[1].1)
}

fn one_or_many(mut list: Vec<String>) -> OneOrMany {
    if list.len() == 1 { OneOrMany::One(list.remove(0)) } else { OneOrMany::Many(list) }
}

/// Returns the load balancer's side; a service alone tells the container, its port and the target group.
fn ingress(service: &FoundService) -> Option<FoundIngress> {
    if let Some(ingress) = &service.ingress {
        return Some(ingress.clone());
    }
    let balancer = objects(service.service.as_ref()?, "loadBalancers").next()?;
    Some(FoundIngress {
        container: text(balancer, "containerName").to_owned(),
        port: number(balancer.get("containerPort")?)?,
        target_group_arn: balancer.get("targetGroupArn").and_then(Value::as_str).map(str::to_owned),
        ..FoundIngress::default()
    })
}

fn graces(found: &Found, draft: &Draft) -> Vec<(usize, Option<u32>)> {
    let grace = |stage: usize| {
        let mut services = found.stages[stage].services.iter();
        let service = services.find(|service| service.key == draft.key)?.service.as_ref()?;
        number::<u32>(service.get("healthCheckGracePeriodSeconds")?).filter(|seconds| *seconds > 0)
    };
    draft.versions.iter().map(|version| (version.stage, grace(version.stage))).collect()
}

/// Reads members of CreateTargetGroup; those without a word are named.
fn health(members: &Document) -> (Option<IngressHealth>, Vec<String>) {
    let (mut health, mut rest) = (IngressHealth::default(), Vec::new());
    let within = |value: &Value, low: u32, high: u32| number::<u32>(value).filter(|n| (low..=high).contains(n));
    for (name, value) in members {
        let is_said = match name.as_str() {
            "HealthCheckPath" => {
                health.path = value.as_str().filter(|path| path.starts_with('/')).map(str::to_owned);
                health.path.is_some()
            }
            "HealthCheckIntervalSeconds" => {
                health.interval = within(value, 5, 300).map(Seconds);
                health.interval.is_some()
            }
            "HealthCheckTimeoutSeconds" => {
                health.timeout = within(value, 2, 120).map(Seconds);
                health.timeout.is_some()
            }
            "HealthyThresholdCount" => {
                health.healthy_threshold = within(value, 2, 10);
                health.healthy_threshold.is_some()
            }
            "UnhealthyThresholdCount" => {
                health.unhealthy_threshold = within(value, 2, 10);
                health.unhealthy_threshold.is_some()
            }
            "Matcher" => {
                let codes = value.get("HttpCode").and_then(Value::as_str).filter(|codes| is_matcher(codes));
                health.matcher = codes.map(str::to_owned);
                health.matcher.is_some()
            }
            "HealthCheckPort" => value == "traffic-port",
            "HealthCheckProtocol" => value == "HTTP",
            "HealthCheckEnabled" => *value == Value::Bool(true),
            _ => false,
        };
        if !is_said && !value.is_null() {
            rest.push(format!("`{name}` {value}"));
        }
    }
    // The manifest's interval is 10 seconds where none is said, and ELBv2 wants the timeout below it.
    if health.timeout.is_some_and(|timeout| timeout.0 >= health.interval.map_or(10, |interval| interval.0)) {
        rest.push("a timeout that is not below the interval".to_owned());
        health.timeout = None;
    }
    without_defaults(&mut health);
    ((health != IngressHealth::default()).then_some(health), rest)
}

/// What a manifest has without saying is left out.
fn without_defaults(health: &mut IngressHealth) {
    health.path = health.path.take().filter(|path| path != "/");
    health.interval = health.interval.filter(|interval| interval.0 != 10);
    let interval = health.interval.map_or(10, |interval| interval.0);
    health.timeout = health.timeout.filter(|timeout| timeout.0 != 5.min(interval.saturating_sub(1)));
    health.healthy_threshold = health.healthy_threshold.filter(|count| *count != 2);
    health.unhealthy_threshold = health.unhealthy_threshold.filter(|count| *count != 3);
    health.matcher = health.matcher.take().filter(|codes| codes != "200-399");
}

fn is_matcher(codes: &str) -> bool {
    let is_code = |code: &str| code.parse::<u16>().is_ok_and(|code| (200..=499).contains(&code));
    codes.split(',').all(|range| match range.split_once('-') {
        Some((low, high)) => is_code(low) && is_code(high) && low <= high,
        None => is_code(range),
    })
}

/// A stage has one host for all of its services: a service says its own only if it has it in every stage.
fn hosts(
    found: &Found,
    draft: &Draft,
    manifest: &mut Manifest,
    all: &[(usize, FoundIngress)],
    leave: &mut impl FnMut(&str, &str),
) -> Option<OneOrMany> {
    let others = |stage: usize| {
        let services = found.stages[stage].services.iter().filter(|service| service.key != draft.key);
        services.filter_map(ingress).map(|ingress| ingress.hosts).collect::<Vec<_>>()
    };
    let is_the_stages = |(stage, ingress): &(usize, FoundIngress)| {
        ingress.hosts.len() == 1 && others(*stage).iter().all(|hosts| *hosts == ingress.hosts)
    };
    if all.iter().all(is_the_stages) {
        for (stage, ingress) in all {
            manifest.stages.entry(&found.stages[*stage].name).host = ingress.hosts.first().cloned();
        }
        return None;
    }
    let hosts: Vec<_> = all.iter().map(|(stage, ingress)| (*stage, ingress.hosts.clone())).collect();
    if differ(&hosts) {
        leave(".host", "it differs by stage in a way that a manifest cannot say: the most common is written");
    }
    common(manifest, &hosts).filter(|hosts| !hosts.is_empty()).map(one_or_many)
}

fn target_groups(draft: &mut Draft, manifest: &Manifest, all: &[(usize, FoundIngress)]) {
    for (number, ingress) in all {
        let Some(stage) = manifest.stages.names().nth(*number) else { continue };
        let arn = ingress.target_group_arn.as_deref().filter(|arn| arn.starts_with("arn:"));
        // arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID
        let of_arn = || arn.and_then(|arn| arn.rsplit(':').next()?.split('/').nth(1)).map(str::to_owned);
        let name =
            ingress.target_group.clone().or_else(of_arn).map(|name| last(&name)).filter(|name| is_elb_name(name));
        let word = name.or_else(|| arn.map(str::to_owned));
        let default = format!("{}-{}-{stage}", manifest.app, draft.key);
        if let Some(word) = word.filter(|word| *word != default) {
            draft.differs.entry(*number).or_default().target_group = Some(word);
        }
    }
}

/// One listener sends a request to one service: of two that would take the same ones the first keeps it.
pub(super) fn untangle(drafts: &mut [Draft], left: &mut Vec<Left>) {
    for second in 1..drafts.len() {
        let Some(its) = drafts[second].service.ingress.clone() else { continue };
        let same = |other: &Draft| {
            let other = other.service.ingress.as_ref();
            other.is_some_and(|i| (i.listener, &i.host, &i.path) == (its.listener, &its.host, &its.path))
        };
        let Some(first) = drafts[..second].iter().find(|draft| same(draft)).map(|draft| draft.key.clone()) else {
            continue;
        };
        let draft = &mut drafts[second];
        draft.service.ingress = None;
        let place = draft.versions.first().map(|version| version.place.clone()).unwrap_or_default();
        let why = format!(
            "service `{first}` takes the same requests, as far as was found: write an ingress with a `host`, a `path` or \
             a `listener` of its own"
        );
        left.push(Left::new(format!("services.{}.ingress", draft.key), place, why));
    }
}

/// Without the name of its target group a deploy would make a second one, and move the service there.
fn is_named(ingress: &FoundIngress) -> bool {
    ingress.target_group.is_some() || ingress.target_group_arn.is_some()
}

fn nameless(stage: &str) -> String {
    format!(
        "the name of its target group in stage {stage} cannot be known, and none is made up: tell it and import again; \
         until then the manifest has no ingress for it, and a deploy would take it off its load balancer: do not deploy it"
    )
}
