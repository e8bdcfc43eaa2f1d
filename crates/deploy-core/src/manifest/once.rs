//! What is said once for several services: settings that all of them share, and containers that some of them have.
//!
//! A manifest is spread out when it is read ([`Manifest::spread`]): each service then says it all itself, and nothing
//! else needs to know where it was written. [`Manifest::said_once`] is the way back, for who writes a manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Container, Deployment, Log, Manifest, Named, Raw, Service};

/// What stands for a service's name.
pub(crate) const SERVICE: &str = "{service}";
/// What stands for a schedule's name.
pub(crate) const SCHEDULE: &str = "{schedule}";
/// What stands for a container's name.
const CONTAINER: &str = "{container}";

/// What every service says that does not say it itself; `{service}` is the service's name. What a service has no place for
/// (a name, where it stands alone) it does not get.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Defaults {
    /// Name of the ECS service, such as `shop-{stage}-{service}`. Default: `{app}-{service}-{stage}`.
    #[schemars(extend("format" = "managr-ecs-each"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Task definition family. Default: `{app}-{service}-task-{stage}`.
    #[schemars(extend("format" = "managr-ecs-each"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Name of the target group of a service with an `ingress`. Default: `{app}-{service}-{stage}`.
    #[schemars(extend("format" = "managr-elb-each"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group: Option<String>,
    /// Name of a schedule's rule; `{schedule}` is the schedule's name. Default: `{app}-{schedule}-{stage}`.
    #[schemars(extend("format" = "managr-rule-each"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether one can get into tasks with `managr connect` and `managr forward`: `exec` of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<bool>,
    /// CPU architecture: `linux/amd64` or `linux/arm64`.
    #[schemars(extend("enum" = ["linux/amd64", "linux/arm64"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// How running tasks are replaced by new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// Where the output goes, key by key. In `group` and `prefix` `{service}` is the service's name, and in `prefix`
    /// `{container}` the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Fields of CreateService, in AWS's own JSON names, merged over what is rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_service: Option<Raw>,
}

/// A text of a service that all may say, and its pattern.
type Text = (fn(&mut Service) -> &mut Option<String>, fn(&mut Defaults) -> &mut Option<String>);

const TEXTS: [Text; 4] = [
    (|service| &mut service.name, |all| &mut all.name),
    (|service| &mut service.family, |all| &mut all.family),
    (|service| &mut service.target_group, |all| &mut all.target_group),
    (|service| &mut service.platform, |all| &mut all.platform),
];

/// Returns whether a service can have a text of [`TEXTS`], by its number: what stands alone has no name, and only what
/// has an ingress a target group.
fn has_text(service: &Service, number: usize) -> bool {
    match number {
        0 => !service.is_standalone(),
        2 => !service.is_standalone() && service.ingress.is_some(),
        _ => true,
    }
}

impl Manifest {
    /// Returns the manifest with everything in the services that is said once for several of them.
    #[must_use]
    pub(crate) fn spread(mut self) -> Self {
        let sidecars = std::mem::take(&mut self.sidecars);
        let all = self.defaults.take();
        if let Some(rule) = all.as_ref().and_then(|all| all.rule.as_ref()) {
            let names: Vec<String> = self.schedules.names().map(str::to_owned).collect();
            for (name, schedule) in names.iter().zip(self.schedules.values_mut()) {
                schedule.name.get_or_insert_with(|| rule.replace(SCHEDULE, name));
            }
        }
        let names: Vec<String> = self.services.names().map(str::to_owned).collect();
        for (name, service) in names.iter().zip(self.services.values_mut()) {
            for sidecar in std::mem::take(&mut service.sidecars) {
                match sidecars.get(&sidecar) {
                    Some(spec) if !service.containers.contains(&sidecar) => {
                        service.containers.insert(sidecar, spec.clone());
                    }
                    // Its own of that name counts; the check of the text reports one that is not described.
                    _ => {}
                }
            }
            if let Some(all) = &all {
                all.clone().into_service(name, service);
            }
        }
        self
    }

    /// Returns the same manifest with what services share said once: `spread` makes the one of the other.
    #[must_use]
    pub fn said_once(&self) -> Self {
        // One that is not spread out says it once already.
        if self.defaults.is_some() || !self.sidecars.is_empty() {
            return self.clone();
        }
        let mut short = self.clone();
        let mut all = shared(&mut short.services);
        let rules =
            short.schedules.iter().map(|(name, one)| one.name.as_ref().map(|rule| rule.replace(name, SCHEDULE)));
        all.rule = same(&rules.collect::<Vec<_>>());
        short.schedules.values_mut().for_each(|one| drop(one.name.take_if(|_| all.rule.is_some())));
        short.defaults = Some(all).filter(|all| *all != Defaults::default());
        share_sidecars(&mut short);
        if short.clone().spread() == *self { short } else { self.clone() }
    }
}

impl Defaults {
    /// Says in a service what it does not say itself.
    fn into_service(mut self, name: &str, service: &mut Service) {
        for (number, (own, all)) in TEXTS.into_iter().enumerate() {
            if has_text(service, number) && own(service).is_none() {
                *own(service) = all(&mut self).take().map(|text| text.replace(SERVICE, name));
            }
        }
        if !service.is_standalone() {
            service.exec = service.exec.or(self.exec);
            service.deployment = service.deployment.take().or(self.deployment);
            service.aws_service = service.aws_service.take().or(self.aws_service);
        }
        let Some(log) = self.log else { return };
        let text = |text: &Option<String>| text.as_ref().map(|text| text.replace(SERVICE, name));
        let own = service.log.take().unwrap_or_default();
        let of_containers = log.prefix.as_ref().filter(|prefix| prefix.contains(CONTAINER) && own.prefix.is_none());
        let said = Log {
            group: own.group.or_else(|| text(&log.group)),
            prefix: own.prefix.or_else(|| text(&log.prefix).filter(|_| of_containers.is_none())),
            create_group: own.create_group.or(log.create_group),
        };
        service.log = (said != Log::default()).then_some(said);
        let Some(prefix) = of_containers else { return };
        let prefix = prefix.replace(SERVICE, name);
        let containers: Vec<String> = service.containers.names().map(str::to_owned).collect();
        for (container, spec) in containers.iter().zip(service.containers.values_mut()) {
            let prefix = prefix.replace(CONTAINER, container);
            // A prefix that is the service's name is what it has anyhow.
            if prefix != name && spec.log.as_ref().is_none_or(|log| log.prefix.is_none()) {
                spec.log.get_or_insert_default().prefix = Some(prefix);
            }
        }
    }
}

/// Takes out of services what all of those say that can say it, if that are two at least.
fn shared(services: &mut Named<Service>) -> Defaults {
    let mut all = Defaults::default();
    let names: Vec<String> = services.names().map(str::to_owned).collect();
    for (number, (own, of_all)) in TEXTS.into_iter().enumerate() {
        let pattern = |(name, service): (&String, &mut Service)| {
            has_text(service, number).then(|| own(service).as_ref().map(|text| text.replace(name.as_str(), SERVICE)))
        };
        let said: Vec<Option<String>> = names.iter().zip(services.values_mut()).filter_map(pattern).collect();
        if let Some(text) = same(&said) {
            *of_all(&mut all) = Some(text);
            let mut can = services.values_mut().filter(|service| has_text(service, number));
            can.by_ref().for_each(|service| *own(service) = None);
        }
    }
    let runs = || services.iter().map(|(_, service)| service).filter(|service| !service.is_standalone());
    all.exec = same(&runs().map(|service| service.exec).collect::<Vec<_>>());
    all.deployment = same(&runs().map(|service| service.deployment.clone()).collect::<Vec<_>>());
    all.aws_service = same(&runs().map(|service| service.aws_service.clone()).collect::<Vec<_>>());
    for service in services.values_mut().filter(|service| !service.is_standalone()) {
        service.exec.take_if(|_| all.exec.is_some());
        service.deployment.take_if(|_| all.deployment.is_some());
        service.aws_service.take_if(|_| all.aws_service.is_some());
    }
    let log = shared_log(&names, services);
    all.log = (log != Log::default()).then_some(log);
    all
}

fn shared_log(names: &[String], services: &mut Named<Service>) -> Log {
    let said = |part: fn(&Log) -> Option<&String>| -> Vec<Option<String>> {
        let of_services = names.iter().zip(services.iter().map(|(_, service)| service));
        let text = |(name, service): (&String, &Service)| {
            service.log.as_ref().and_then(part).map(|text| text.replace(name.as_str(), SERVICE))
        };
        of_services.map(text).collect()
    };
    let creates = services.iter().map(|(_, one)| one.log.as_ref().and_then(|log| log.create_group));
    let of_services = Log {
        group: same(&said(|log| log.group.as_ref())),
        prefix: same(&said(|log| log.prefix.as_ref())),
        create_group: same(&creates.collect::<Vec<_>>()),
    };
    let of_containers = of_services.prefix.is_none() && are_called_by_container(names, services);
    for service in services.values_mut() {
        if let Some(log) = &mut service.log {
            log.group.take_if(|_| of_services.group.is_some());
            log.prefix.take_if(|_| of_services.prefix.is_some());
            log.create_group.take_if(|_| of_services.create_group.is_some());
        }
        service.log.take_if(|log| *log == Log::default());
        for spec in service.containers.values_mut().filter(|_| of_containers) {
            spec.log.iter_mut().for_each(|log| log.prefix = None);
            spec.log.take_if(|log| *log == Log::default());
        }
    }
    Log { prefix: of_services.prefix.or_else(|| of_containers.then(|| CONTAINER.to_owned())), ..of_services }
}

/// Returns whether streams are called by their containers, as many say it container by container.
fn are_called_by_container(names: &[String], services: &Named<Service>) -> bool {
    let mut called = 0;
    let is_so = names.iter().zip(services.iter().map(|(_, service)| service)).all(|(name, service)| {
        service.log.as_ref().is_none_or(|log| log.prefix.is_none())
            && service.containers.iter().all(|(container, spec)| {
                let own = spec.log.as_ref().and_then(|log| log.prefix.as_deref());
                called += usize::from(own.is_some());
                own == Some(container).filter(|container| *container != name)
            })
    });
    is_so && called > 1
}

/// Returns what all say, if that are two at least.
fn same<T: PartialEq + Clone>(said: &[Option<T>]) -> Option<T> {
    let (first, rest) = said.split_first()?;
    first.clone().filter(|_| !rest.is_empty() && rest.iter().all(|other| other == first))
}

/// Takes the last containers of services out that others have too.
fn share_sidecars(manifest: &mut Manifest) {
    loop {
        let last = |service: &Service| {
            service.containers.iter().next_back().map(|(name, spec)| (name.to_owned(), spec.clone()))
        };
        let all: Vec<(String, Container)> = manifest
            .services
            .iter()
            .filter(|(_, service)| service.containers.len() > 1)
            .filter_map(|(_, s)| last(s))
            .collect();
        let is_free =
            |(name, spec): &&(String, Container)| manifest.sidecars.get(name).is_none_or(|known| known == spec);
        let often = |one: &(String, Container)| all.iter().filter(|other| *other == one).count();
        let Some(found) = all.iter().filter(is_free).find(|one| often(one) > 1).cloned() else { return };
        let (name, spec) = &found;
        for service in manifest.services.values_mut().filter(|service| service.containers.len() > 1) {
            if last(service).as_ref() == Some(&found) {
                service.containers.retain(|container, _| container != name);
                // What comes later in the task was taken out before.
                service.sidecars.insert(0, name.clone());
            }
        }
        manifest.sidecars.insert(name.as_str(), spec.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    const SHORT: &str = r#"
app = "shop"
[defaults]
name = "shop-{stage}-{service}"
target-group = "{service}-{stage}"
rule = "shop-{stage}-{schedule}"
exec = true
log = { group = "/shop/{stage}/{service}", prefix = "{container}" }
deployment = { min-healthy = 50 }
aws-service = { propagateTags = "SERVICE" }
[sidecars.agent]
image = "agent:7"
essential = false
[services.web]
sidecars = ["agent"]
ingress = { container = "app", port = 80 }
containers.app = { image = "web:1", depends-on = { agent = "start" } }
[services.worker]
exec = false
log = { prefix = "w" }
sidecars = ["agent"]
containers.app.image = "worker:1"
[services.tasks]
standalone = true
containers.tasks.image = "worker:1"
[schedules.tick]
schedule = "rate(1 hour)"
service = "tasks"
[stages.prod.services.web.containers.agent.variables]
DEBUG = "1"
"#;
    const LONG: &str = r#"
app = "shop"
[services.web]
name = "shop-{stage}-web"
target-group = "web-{stage}"
exec = true
log = { group = "/shop/{stage}/web" }
deployment = { min-healthy = 50 }
aws-service = { propagateTags = "SERVICE" }
ingress = { container = "app", port = 80 }
containers.app = { image = "web:1", depends-on = { agent = "start" }, log = { prefix = "app" } }
containers.agent = { image = "agent:7", essential = false, log = { prefix = "agent" } }
[services.worker]
name = "shop-{stage}-worker"
exec = false
log = { group = "/shop/{stage}/worker", prefix = "w" }
deployment = { min-healthy = 50 }
aws-service = { propagateTags = "SERVICE" }
containers.app.image = "worker:1"
containers.agent = { image = "agent:7", essential = false }
[services.tasks]
standalone = true
log = { group = "/shop/{stage}/tasks" }
containers.tasks.image = "worker:1"
[schedules.tick]
schedule = "rate(1 hour)"
service = "tasks"
name = "shop-{stage}-tick"
[stages.prod.services.web.containers.agent.variables]
DEBUG = "1"
"#;

    #[test]
    fn what_is_said_once_is_what_each_service_says() {
        let (short, long) = (parse("short.toml", SHORT).unwrap(), parse("long.toml", LONG).unwrap());
        assert_eq!(short, long);
        assert!(
            short.defaults.is_none() && short.sidecars.is_empty(),
            "nobody else needs to know where it was written"
        );
    }

    #[test]
    fn what_services_share_is_said_once_and_means_the_same() {
        let check = |text: &str, expected: &[&str]| {
            let manifest = parse("managr.toml", text).unwrap();
            let short = manifest.said_once();
            assert_eq!(short.clone().spread(), manifest);
            assert_eq!(short.said_once(), short);
            let said = serde_json::to_string(&(&short.defaults, &short.sidecars)).unwrap();
            for word in expected {
                assert!(said.contains(word), "{word}: {said}");
            }
            if expected.is_empty() {
                assert_eq!(short, manifest, "{said}");
            }
        };
        check(LONG, &["shop-{stage}-{service}", "/shop/{stage}/{service}", "propagateTags"]);
        let two = |more: &str| {
            format!(
                "app = \"a\"\n[services.x]\nname = \"a-x\"\ncontainers.x.image = \"x:1\"\ncontainers.agent.image = \"agent:1\"\n\
                 [services.y]\n{more}containers.y.image = \"y:1\"\ncontainers.agent.image = \"agent:1\"\n"
            )
        };
        check(&two("name = \"a-y\"\n"), &["\"a-{service}\"", "\"agent\""]);
        // What one of them does not say is not said for all.
        check(&two(""), &["\"agent\""]);
        check("app = \"a\"\n[services.x]\nname = \"n\"\nexec = true\ncontainers.x.image = \"x:1\"\n", &[]);
    }

    #[test]
    fn a_sidecar_that_is_not_there_and_one_that_nobody_has_are_faults() {
        let faults = |from: &str, to: &str| {
            let errors = parse("managr.toml", &SHORT.replace(from, to)).unwrap_err();
            errors.errors().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert!(faults("[\"agent\"]\ningress", "[\"agnt\"]\ningress").contains("service `web` names container `agnt`"));
        assert_eq!(
            faults("[sidecars.agent]", "[sidecars.other]\nimage = \"x:1\"\n[sidecars.agent]"),
            "no service has sidecar `other`"
        );
        assert!(faults("image = \"agent:7\"", "image = \"nowhere\"").contains("nowhere"));
        assert!(faults("-{service}\"", "-{srvice}\"").contains("{srvice}"));
    }
}
