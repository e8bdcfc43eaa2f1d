//! A task at Cloud Map: it registers when it runs, its health is reported, and it leaves before it is stopped.
//!
//! Attributes and health as ECS tells them (developer guide, "Service discovery concepts"; terraform-provider-aws #4853
//! for `AWS_INIT_HEALTH_STATUS`).

use std::collections::BTreeMap;

use aws_model::Millis;
use aws_model::arn::Arn;

use super::{Step, health, task_health};
use crate::ecs::connect;
use crate::servicediscovery::{self, Instance};
use crate::world::{HealthState, RegistryBinding, ServiceStatus};

/// The longest that a stop waits for resolvers to forget an address.
const LONGEST_WAIT: Millis = 60_000;

impl Step<'_> {
    /// Registers the task, where its service says.
    pub(super) fn enter_registries(&mut self) {
        for binding in self.task.registries.clone() {
            let Some(service) = self.registry(&binding) else { continue };
            let attributes = self.attributes(&binding, &service);
            let instance = Instance::new(&service, &self.task.id, attributes);
            let changes = servicediscovery::thing::register(self.world, &service, &instance, self.now);
            self.decision.changes.extend(changes);
        }
    }

    /// Tells Cloud Map what the health checks found.
    pub(super) fn tell_registries(&mut self) {
        for binding in self.task.registries.clone() {
            let Some(service) = self.registry(&binding) else { continue };
            let Some(mut instance) = self.instance(&binding) else { continue };
            let well = self.is_well();
            if instance.is_healthy.is_some_and(|told| told != well) {
                instance.is_healthy = Some(well);
                let changes = servicediscovery::thing::register(self.world, &service, &instance, self.now);
                self.decision.changes.extend(changes);
            }
        }
    }

    /// Takes the task out of Cloud Map; returns until when a client that asked for its name before may still come. ECS
    /// stops a task at once then (containers-roadmap #343, #1639); here it gets the time that its records may be kept,
    /// so that a rolling deployment fails no request of a client that respects it. No wait if the whole service goes.
    pub(super) fn leave_registries(&mut self) -> Option<Millis> {
        let mut until = None;
        for binding in self.task.registries.clone() {
            let (Some(service), Some(_)) = (self.registry(&binding), self.instance(&binding)) else { continue };
            let ttl = service.dns.iter().flat_map(|dns| &dns.records).map(|(_, ttl)| Millis::from(*ttl) * 1000).max();
            until = until.max(ttl.map(|ttl| self.now + ttl.min(LONGEST_WAIT)));
            let changes = servicediscovery::thing::deregister(self.world, &service, &self.task.id, self.now);
            self.decision.changes.extend(changes);
        }
        let service = self.task.service_arn.as_ref().and_then(|arn| self.world.services.get(arn));
        if service.is_some_and(|service| connect::is_offered(service)) {
            until = until.max(Some(self.now + Millis::from(connect::TTL) * 1000));
        }
        until.filter(|_| service.is_some_and(|service| service.status == ServiceStatus::Active))
    }

    fn registry(&self, binding: &RegistryBinding) -> Option<servicediscovery::Service> {
        self.world.records.get(&binding.region, &binding.service)
    }

    fn instance(&self, binding: &RegistryBinding) -> Option<Instance> {
        let key = servicediscovery::thing::key(&binding.service, &self.task.id);
        self.world.records.get(&binding.region, &key)
    }

    /// Whether nothing speaks against the task. One whose checks have not passed yet is not answered while others are.
    fn is_well(&self) -> bool {
        let checked = self.spec.container_definitions.iter().any(|c| c.essential && health::check_of(c).is_some());
        !checked || task_health(&self.task, self.spec) == HealthState::Healthy
    }

    fn attributes(&self, binding: &RegistryBinding, service: &servicediscovery::Service) -> BTreeMap<String, String> {
        let arn = Arn::parse(&self.task.arn);
        let (region, account) = arn.map_or((binding.region.as_str(), ""), |arn| (arn.region, arn.account));
        let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let network = self.task.network.as_ref();
        let subnet = network.map_or("", |network| network.subnet_id.as_str());
        let told = || if self.is_well() { "HEALTHY" } else { "UNHEALTHY" }.to_owned();
        let found = [
            ("AWS_INSTANCE_IPV4", network.map(|network| network.address.to_string())),
            ("AWS_INSTANCE_PORT", binding.port.map(|port| port.to_string())),
            ("AWS_INIT_HEALTH_STATUS", service.told_health.map(|_| told())),
            ("AVAILABILITY_ZONE", Some(crate::ec2::zone_of_subnet(self.world, region, account, subnet))),
            ("REGION", Some(region.to_owned())),
            ("ECS_CLUSTER_NAME", Some(name(&self.task.cluster_arn))),
            ("ECS_SERVICE_NAME", self.task.service_arn.as_deref().map(name)),
            ("ECS_TASK_DEFINITION_FAMILY", Some(self.task.family.clone())),
        ];
        found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
