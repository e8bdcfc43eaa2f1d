//! Services as CreateService takes them, and how requests reach them.

use aws_model::Document;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::container::put;
use super::spec::Patch;
use super::{Owner, ScalingSpec, Scope};
use crate::manifest::{CircuitBreaker, Deployment, Ingress, IngressHealth, OneOrMany, Raw, Seconds, Service};

/// Subnets that the local stage names, since a load balancer spans two: the embedded platform has one network for all.
const LOCAL_SUBNETS: [&str; 2] = ["subnet-00000000000000001", "subnet-00000000000000002"];

/// Listener of the local stage, and of the others.
const LISTENER: (u16, u16) = (8080, 80);

/// A service to create or update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceDoc {
    /// Name in the manifest.
    pub service: String,
    /// Name in ECS.
    pub name: String,
    /// Task definition family.
    pub family: String,
    /// Request of CreateService. Its `taskDefinition` is the family: put the registered ARN there.
    pub document: Document,
    /// Whether the manifest says how many tasks there are. If it does not, a running service keeps its count.
    pub is_counted: bool,
    /// How its number of tasks is moved; none if it is not, or if it is none of the manifest's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingSpec>,
    /// How requests reach it; none when they do not.
    pub ingress: Option<IngressSpec>,
    /// Name that its tasks are found by; none when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discover: Option<DiscoverSpec>,
    /// What runs once before tasks are replaced.
    pub release: Option<ReleaseSpec>,
}

/// Name that a service's tasks are found by, in the words of Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoverSpec {
    /// The whole name, such as `api.shop.local`.
    pub name: String,
    /// What follows its first dot: a private DNS namespace.
    pub namespace: String,
    /// What stands before it: a Cloud Map service.
    pub service: String,
}

impl DiscoverSpec {
    /// Returns a name in its two parts; none if it has no dot.
    pub fn read(name: &str) -> Option<Self> {
        let (service, namespace) = name.split_once('.')?;
        Some(Self { name: name.to_owned(), namespace: namespace.to_owned(), service: service.to_owned() })
    }
}

/// What runs once before tasks are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSpec {
    /// Container whose image, variables and secrets it gets.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// What stands in front of it, instead of what the container has; an empty one is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Seconds that it may take.
    pub timeout: u32,
}

/// The load balancer's side of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressSpec {
    /// Container that takes the requests.
    pub container: String,
    /// Port that it listens on.
    pub port: u16,
    /// Name of the load balancer; services of a stage share it.
    pub load_balancer: String,
    /// ARN of a listener that exists already.
    pub listener_arn: Option<String>,
    /// Port of the listener.
    pub listener_port: u16,
    /// Name of the target group.
    pub target_group: String,
    /// ARN of a target group that exists already, as the manifest says.
    pub target_group_arn: Option<String>,
    /// Host names routed here; empty is any.
    pub hosts: Vec<String>,
    /// Paths routed here; empty is any.
    pub paths: Vec<String>,
    /// Health checks of the target group.
    pub health: IngressHealthSpec,
    /// Seconds that a task being replaced may take to finish its requests.
    pub deregistration_delay: u32,
}

impl IngressSpec {
    /// Returns whether the service takes whatever no other rule takes: the listener's default action.
    pub fn is_default(&self) -> bool {
        self.hosts.is_empty() && self.paths.is_empty()
    }
}

/// Health checks of a target group, settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressHealthSpec {
    /// Path that is asked for.
    pub path: String,
    /// Seconds between checks.
    pub interval: u32,
    /// Seconds that a check may take.
    pub timeout: u32,
    /// Passes in a row that make a target healthy.
    pub healthy_threshold: u32,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Status codes that pass.
    pub matcher: String,
}

impl Scope<'_> {
    pub(super) fn service(&self, name: &str, service: &Service, has_network: bool) -> ServiceDoc {
        let differs = self.overrides(name);
        let family = self.family(&Owner::Service(name.to_owned()));
        // A service that scales begins with what it never goes below; a deploy says no number then.
        let scaling = service.scaling.as_ref();
        let count = differs.and_then(|d| d.count).or(service.count).filter(|_| scaling.is_none());

        let mut document = Document::new();
        put(&mut document, "cluster", self.cluster());
        put(&mut document, "serviceName", self.service_name(name));
        put(&mut document, "taskDefinition", family.as_str());
        let first = count.or(scaling.map(|scaling| scaling.min)).unwrap_or(1);
        put(&mut document, "desiredCount", first);
        put(&mut document, "launchType", "FARGATE");
        put(&mut document, "schedulingStrategy", "REPLICA");
        put(&mut document, "deploymentConfiguration", deployment(service.deployment.as_ref()));
        if has_network {
            put(&mut document, "networkConfiguration", self.network());
        }
        // Elsewhere only if the manifest says it: a service that was made by other means keeps what it has.
        let exec = differs.and_then(|d| d.exec).or(service.exec).or(self.is_local().then_some(true));
        if let Some(exec) = exec {
            put(&mut document, "enableExecuteCommand", exec);
        }
        let ingress = service.ingress.as_ref().map(|ingress| self.ingress(name, ingress));
        if let (Some(spec), Some(ingress)) = (&ingress, &service.ingress)
            && let Some(arn) = self.facts.target_groups.get(name).or(spec.target_group_arn.as_ref())
        {
            let target = json!({ "targetGroupArn": arn, "containerName": spec.container, "containerPort": spec.port });
            put(&mut document, "loadBalancers", vec![target]);
            // ECS refuses a grace period on a service without a load balancer.
            put(&mut document, "healthCheckGracePeriodSeconds", ingress.grace_period.map_or(0, |time| time.0));
        }
        let in_stage = differs.and_then(|differs| differs.aws_service.as_ref());
        // A manifest that writes the registry in AWS's own words counts on one that exists.
        let is_written = |raw: &Raw| raw.0.contains_key("serviceRegistries");
        let is_written = [service.aws_service.as_ref(), in_stage].into_iter().flatten().any(is_written);
        let discover = service.discover.as_deref().filter(|_| !is_written).and_then(DiscoverSpec::read);
        if let Some(arn) = discover.as_ref().and_then(|_| self.facts.registries.get(name)) {
            // No port: tasks have addresses of their own, and the records are A (API reference, ServiceRegistry).
            put(&mut document, "serviceRegistries", json!([{ "registryArn": arn }]));
        }
        Patch { over: [service.aws_service.as_ref(), in_stage], without: [&[], &[]] }.apply(&mut document);
        if document.contains_key("capacityProviderStrategy") {
            // API reference, CreateService: "If a capacityProviderStrategy is specified, the launchType parameter
            // must be omitted."
            document.shift_remove("launchType");
        }
        let release = service.release.as_ref().map(|release| ReleaseSpec {
            container: release.container.clone(),
            command: release.command.clone(),
            entrypoint: release.entrypoint.clone(),
            timeout: release.timeout.map_or(600, |time| time.0),
        });
        ServiceDoc {
            service: name.to_owned(),
            name: self.service_name(name),
            family,
            document,
            is_counted: count.is_some(),
            scaling: scaling.map(ScalingSpec::of),
            ingress,
            discover,
            release,
        }
    }

    pub(super) fn network(&self) -> Value {
        let mut subnets = self.stage.subnets.clone();
        if subnets.is_empty() && self.is_local() {
            subnets.extend(LOCAL_SUBNETS.map(str::to_owned));
        }
        let mut configuration = Document::new();
        configuration.insert("subnets".to_owned(), subnets.into());
        put(&mut configuration, "securityGroups", self.stage.security_groups.clone());
        let public = self.stage.public_ip.unwrap_or(false);
        put(&mut configuration, "assignPublicIp", if public { "ENABLED" } else { "DISABLED" });
        json!({ "awsvpcConfiguration": configuration })
    }

    fn ingress(&self, service: &str, ingress: &Ingress) -> IngressSpec {
        let own_group = self.overrides(service).and_then(|service| service.target_group.clone());
        let hosts = ingress.host.as_ref().map(|hosts| hosts.items().to_vec());
        let default_port = if self.is_local() { LISTENER.0 } else { LISTENER.1 };
        IngressSpec {
            container: ingress.container.clone(),
            port: ingress.port,
            load_balancer: self.load_balancer(),
            listener_arn: self.stage.listener_arn.clone(),
            listener_port: ingress.listener.or(self.stage.listener).unwrap_or(default_port),
            target_group: self.target_group(service),
            target_group_arn: own_group.filter(|group| group.starts_with("arn:")),
            hosts: hosts.unwrap_or_else(|| {
                // Previews of several services under one template.
                let hosts = self.stage.host.as_ref().map(OneOrMany::items).unwrap_or_default();
                hosts.iter().map(|host| host.replace("{service}", service)).collect()
            }),
            paths: ingress.path.as_ref().map(OneOrMany::items).unwrap_or_default().to_vec(),
            health: health(ingress.health_check.as_ref()),
            deregistration_delay: ingress.deregistration_delay.map_or(30, |time| time.0),
        }
    }
}

fn health(spec: Option<&IngressHealth>) -> IngressHealthSpec {
    let spec = spec.cloned().unwrap_or_default();
    let interval = spec.interval.map_or(10, |Seconds(seconds)| seconds);
    IngressHealthSpec {
        path: spec.path.unwrap_or_else(|| "/".to_owned()),
        interval,
        // ELBv2 wants the timeout below the interval.
        timeout: spec.timeout.map_or(5.min(interval.saturating_sub(1)), |Seconds(seconds)| seconds),
        healthy_threshold: spec.healthy_threshold.unwrap_or(2),
        unhealthy_threshold: spec.unhealthy_threshold.unwrap_or(3),
        matcher: spec.matcher.unwrap_or_else(|| "200-399".to_owned()),
    }
}

fn deployment(spec: Option<&Deployment>) -> Value {
    let breaker = spec.and_then(|spec| spec.circuit_breaker.as_ref());
    let (enable, rollback) = match breaker {
        None => (true, true),
        Some(CircuitBreaker::Enabled(enabled)) => (*enabled, *enabled),
        Some(CircuitBreaker::Options(options)) => (true, options.rollback.unwrap_or(true)),
    };
    let mut document = json!({
        "maximumPercent": spec.and_then(|spec| spec.max).unwrap_or(200),
        "minimumHealthyPercent": spec.and_then(|spec| spec.min_healthy).unwrap_or(100),
        "deploymentCircuitBreaker": { "enable": enable, "rollback": rollback },
    });
    if let Some(names) = spec.and_then(|spec| spec.alarms.as_ref()).filter(|names| !names.is_empty()) {
        document["alarms"] = json!({ "alarmNames": names, "enable": true, "rollback": true });
    }
    document
}

/// Members of CreateService that UpdateService does not take (botocore, ecs 2014-11-13).
const CREATE_ONLY: [&str; 6] = ["serviceName", "launchType", "schedulingStrategy", "clientToken", "role", "tags"];

/// Returns the request of UpdateService that brings an existing service to a CreateService request.
pub fn update_document(create: &Document) -> Document {
    let mut update = Document::new();
    for (key, value) in create {
        match key.as_str() {
            "serviceName" => {
                update.insert("service".to_owned(), value.clone());
            }
            key if CREATE_ONLY.contains(&key) => {}
            _ => {
                update.insert(key.clone(), value.clone());
            }
        }
    }
    // A service without an ingress leaves its load balancers; not naming them would keep them
    // (API reference, UpdateService: an empty list removes).
    update.entry("loadBalancers").or_insert_with(|| json!([]));
    update
}
