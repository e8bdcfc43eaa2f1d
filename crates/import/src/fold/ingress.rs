//! How requests reach a service, in words.
//!
//! Hosts and listeners are a stage's own, whatever the other stages have: nothing of them is said for all stages, so
//! that no stage that comes later, `local` first of all, answers for what belongs to another owner.

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::manifest::{Ingress, IngressDiffers, IngressHealth, LOCAL, OneOrMany, Seconds, Service, StageIngress};
use serde_json::Value;

use super::names::{is_elb_name, last};
use super::{Draft, assemble, common, number, objects, text};
use crate::{Found, FoundIngress, FoundService, Left};

/// Listener that a manifest has without saying.
const LISTENER: u16 = 80;

/// Deregistration delay that a manifest has without saying.
const DELAY: u32 = 30;

/// What was found of a service's way in one stage, for what the stage itself may say.
pub(super) struct Way {
    stage: usize,
    hosts: Vec<String>,
    listener: Option<u16>,
}

/// Puts the ingress of a service into words; hosts and listeners are each stage's own, and returned.
pub(super) fn words(found: &Found, draft: &mut Draft, manifest: &Manifest, left: &mut Vec<Left>) -> Vec<Way> {
    if draft.is_schedule {
        return Vec::new();
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
            let why = "managr has one load balancer for a service: the first is carried, and a deploy leaves the others \
                       as they are; a service that is made anew has none of them";
            left.push(Left::new(format!("services.{}.ingress", draft.key), version.place.clone(), why));
        }
    }
    let Some(place) = draft.versions.first().map(|version| version.place.clone()) else { return Vec::new() };
    let mut leave = |what: &str, why: &str| {
        left.push(Left::new(format!("services.{}.ingress{what}", draft.key), place.clone(), why));
    };
    let is_there = |(stage, ingress): &(usize, FoundIngress)| {
        ingress.port > 0 && draft.container(&ingress.container).iter().any(|(there, _)| there == stage)
    };
    if !all.iter().all(is_there) {
        leave("", "what takes its requests is no port of a container that is there: write the `ingress` yourself");
        all.retain(is_there);
    }
    let graces = graces(found, draft);
    let grace = |stage: usize| graces.iter().find(|(other, _)| *other == stage).and_then(|(_, grace)| *grace);
    let mut said: Vec<(usize, Ingress)> = Vec::new();
    for (stage, ingress) in &all {
        let (health, rest) = health(&ingress.health);
        if !rest.is_empty() {
            leave(".health-check", &format!("managr has no word for {}", rest.join(", ")));
        }
        let delay = ingress.deregistration_delay.filter(|delay| *delay != DELAY && *delay <= 3600);
        let ingress = Ingress {
            container: ingress.container.clone(),
            port: ingress.port,
            health_check: health,
            listener: None,
            host: None,
            path: (!ingress.paths.is_empty()).then(|| one_or_many(ingress.paths.clone())),
            deregistration_delay: delay.map(Seconds),
            grace_period: grace(*stage).map(Seconds),
        };
        said.push((*stage, ingress));
    }
    let base = base(draft, manifest, &said);
    for version in &draft.versions {
        let own = said.iter().find(|(stage, _)| *stage == version.stage).map(|(_, ingress)| ingress);
        let differs = match (own, &base) {
            (None, None) => None,
            (None, Some(_)) => Some(StageIngress::There(false)),
            (Some(own), base) => {
                let differs = differs(base.as_ref(), own);
                (differs != IngressDiffers::default()).then_some(StageIngress::Differs(differs))
            }
        };
        if differs.is_some() {
            draft.differs.entry(version.stage).or_default().ingress = differs;
        }
    }
    draft.service.ingress = base;
    target_groups(draft, manifest, &all);
    let way = |(stage, ingress): (usize, FoundIngress)| Way {
        stage,
        hosts: ingress.hosts,
        listener: ingress.listener_port.filter(|port| *port != LISTENER && *port > 0),
    };
    all.into_iter().map(way).collect()
}

/// Returns what most stages say, part by part; none if its container is not there in every stage: then each says its
/// own, and a stage that was not found has no way to a container that it does not have.
fn base(draft: &Draft, manifest: &Manifest, said: &[(usize, Ingress)]) -> Option<Ingress> {
    fn most<T: PartialEq + Clone>(
        manifest: &Manifest,
        said: &[(usize, Ingress)],
        read: impl Fn(&Ingress) -> T,
    ) -> Option<T> {
        let all: Vec<(usize, T)> = said.iter().map(|(stage, ingress)| (*stage, read(ingress))).collect();
        common(manifest, &all)
    }
    let (container, port) = most(manifest, said, |i| (i.container.clone(), i.port))?;
    if draft.container(&container).len() != draft.versions.len() {
        return None;
    }
    Some(Ingress {
        container,
        port,
        health_check: most(manifest, said, |i| i.health_check.clone()).flatten(),
        listener: None,
        host: None,
        path: most(manifest, said, |i| i.path.clone()).flatten(),
        deregistration_delay: most(manifest, said, |i| i.deregistration_delay).flatten(),
        grace_period: most(manifest, said, |i| i.grace_period).flatten(),
    })
}

/// Returns what a stage says in place of what all say.
fn differs(base: Option<&Ingress>, own: &Ingress) -> IngressDiffers {
    let base = base.cloned().unwrap_or_default();
    // What is not said is taken from the base: a default must be written out there.
    fn part<T: PartialEq + Clone>(base: Option<T>, own: Option<T>, default: T) -> Option<T> {
        if base == own { None } else { Some(own.unwrap_or(default)) }
    }
    IngressDiffers {
        container: (base.container != own.container).then(|| own.container.clone()),
        port: (base.port != own.port).then_some(own.port),
        health_check: part(base.health_check, own.health_check.clone(), IngressHealth::default()),
        listener: None,
        host: None,
        path: part(base.path, own.path.clone(), OneOrMany::Many(Vec::new())),
        deregistration_delay: part(base.deregistration_delay, own.deregistration_delay, Seconds(DELAY)),
        grace_period: part(base.grace_period, own.grace_period, Seconds(0)),
    }
}

/// Says hosts and listeners: once for a stage if all of its services have the same, or else of each service.
pub(super) fn stages(drafts: &mut [Draft], ways: &[Vec<Way>], manifest: &mut Manifest) {
    let stages: Vec<String> = manifest.stages.names().map(str::to_owned).collect();
    for (number, name) in stages.iter().enumerate() {
        let here: Vec<(usize, &Way)> = ways
            .iter()
            .enumerate()
            .filter_map(|(draft, ways)| Some((draft, ways.iter().find(|way| way.stage == number)?)))
            .collect();
        let Some((_, first)) = here.first() else { continue };
        let settings = manifest.stages.entry(name);
        let one_host = here.iter().all(|(_, way)| way.hosts == first.hosts);
        if one_host && !first.hosts.is_empty() {
            settings.host = Some(one_or_many(first.hosts.clone()));
        }
        let one_listener = here.iter().all(|(_, way)| way.listener == first.listener);
        if one_listener {
            settings.listener = first.listener;
        }
        for (draft, way) in here {
            let host = (!one_host && !way.hosts.is_empty()).then(|| one_or_many(way.hosts.clone()));
            let listener = way.listener.filter(|_| !one_listener);
            if host.is_some() || listener.is_some() {
                let own = &mut drafts[draft].differs.entry(number).or_default().ingress;
                let mut differs = match own.take() {
                    Some(StageIngress::Differs(differs)) => differs,
                    _ => IngressDiffers::default(),
                };
                (differs.host, differs.listener) = (host, listener);
                *own = Some(StageIngress::Differs(differs));
            }
        }
    }
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

/// How a request comes to a service: listener, hosts and paths.
type Door = (Option<u16>, Vec<String>, Vec<String>);

/// Returns the doors of a stage's services, by service.
fn doors(manifest: &Manifest, stage: &str) -> Vec<(String, Door)> {
    let settings = manifest.stages.get(stage);
    let there = manifest.in_stage(stage);
    let list = |texts: Option<&OneOrMany>| {
        let mut texts = texts.map(OneOrMany::items).unwrap_or_default().to_vec();
        texts.sort();
        texts
    };
    let one = |(name, service): (&str, &Service)| {
        let ingress = service.ingress.as_ref()?;
        let listener = ingress.listener.or(settings.and_then(|settings| settings.listener));
        let host = ingress.host.as_ref().or(settings.and_then(|settings| settings.host.as_ref()));
        Some((name.to_owned(), (listener, list(host), list(ingress.path.as_ref()))))
    };
    there.services.iter().filter_map(one).collect()
}

/// Returns the pairs of services that take the same requests in a stage.
pub(crate) fn clashes(manifest: &Manifest, stage: &str) -> Vec<(String, String)> {
    let doors = doors(manifest, stage);
    let first = |(index, (second, door)): (usize, &(String, Door))| {
        let (first, _) = doors[..index].iter().find(|(_, other)| other == door)?;
        Some((first.clone(), second.clone()))
    };
    doors.iter().enumerate().filter_map(first).collect()
}

/// One listener sends a request to one service: of two that would take the same ones the first keeps it.
pub(super) fn untangle(drafts: &mut [Draft], names: &Manifest, left: &mut Vec<Left>) {
    let stages: Vec<String> = names.stages.names().map(str::to_owned).collect();
    for (number, stage) in stages.iter().enumerate() {
        for (first, second) in clashes(&assemble(drafts, names), stage) {
            let Some(draft) = drafts.iter_mut().find(|draft| !draft.is_schedule && draft.key == second) else {
                continue;
            };
            draft.differs.entry(number).or_default().ingress = Some(StageIngress::There(false));
            let place = draft.versions.first().map(|version| version.place.clone()).unwrap_or_default();
            let why = format!(
                "service `{first}` takes the same requests in stage `{stage}`, as far as was found: write an ingress \
                 with a `host`, a `path` or a `listener` of its own"
            );
            left.push(Left::new(format!("services.{second}.ingress"), place, why));
        }
    }
    for draft in drafts.iter_mut().filter(|draft| draft.service.ingress.is_some()) {
        let is_off = |version: &super::Version| {
            let differs = draft.differs.get(&version.stage).and_then(|differs| differs.ingress.as_ref());
            differs == Some(&StageIngress::There(false))
        };
        if draft.versions.iter().all(is_off) {
            draft.service.ingress = None;
            draft.differs.values_mut().for_each(|differs| differs.ingress = None);
        }
    }
}

/// Where only hosts and listeners tell services apart in the stages that were found, `local`, which has neither, gets
/// names of this machine for it.
pub(crate) fn local(manifest: &mut Manifest) {
    if manifest.stages.contains(LOCAL) {
        return;
    }
    for (_, second) in clashes(manifest, LOCAL) {
        let host = Some(OneOrMany::One(format!("{}.localhost", second.to_lowercase().replace('_', "-"))));
        let differs = IngressDiffers { host, ..IngressDiffers::default() };
        manifest.stages.entry(LOCAL).services.entry(&second).ingress = Some(StageIngress::Differs(differs));
    }
}

/// Without the name of its target group a deploy would make a second one, and move the service there.
fn is_named(ingress: &FoundIngress) -> bool {
    ingress.target_group.is_some() || ingress.target_group_arn.is_some()
}

/// Returns whether the manifest says how requests reach a service.
pub(super) fn is_said(service: &FoundService) -> bool {
    ingress(service).is_some_and(|way| is_named(&way))
}

fn nameless(stage: &str) -> String {
    format!(
        "the name of its target group in stage {stage} cannot be known, and none is made up: tell it and import again; \
         until then the manifest has no ingress for it, and a deploy would take it off its load balancer: do not deploy it"
    )
}
