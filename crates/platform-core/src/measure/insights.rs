//! `ECS/ContainerInsights`: what is reported each minute about the clusters that ask for it? (CloudWatch user guide,
//! "Amazon ECS Container Insights metrics", and the same "with enhanced observability".)
//!
//! Storage is not measured, so it is not reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    MINUTE, Measured, Reading, TaskReading, begun, container_ns, grown, memory, name_of, region_of, task_units, units,
};
use crate::World;
use crate::ecs::effective_size;
use crate::world::{Cluster, HealthState, Revision, Service, ServiceStatus, Task, TaskStatus};

const NAMESPACE: &str = "ECS/ContainerInsights";
const MIB: f64 = 1_048_576.0;

/// How much a cluster wants to have reported.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Services,
    /// Tasks and containers, too.
    Enhanced,
}

/// Returns the values of one minute, from readings at its ends. Readings without tasks yield counts alone.
pub fn insights(world: &World, before: &Reading, now: &Reading) -> Vec<Measured> {
    let mut told = Told { all: BTreeMap::new(), at: begun(now.at, MINUTE) };
    for cluster in world.clusters.values().filter(|cluster| cluster.active) {
        let Some(extent) = extent_of(cluster) else { continue };
        counts(&mut told, world, cluster);
        let tasks = world.cluster_tasks(&cluster.arn).filter(|task| task.last_status == TaskStatus::Running);
        for task in tasks {
            let Some(revision) = world.revisions.get(&task.task_definition_arn) else { continue };
            let of = Of::new(task, revision, extent);
            told.task(&of, before.tasks.get(&task.arn), now.tasks.get(&task.arn), now.at - before.at);
            if extent == Extent::Enhanced {
                told.containers(&of, before.tasks.get(&task.arn), now.tasks.get(&task.arn), now.at - before.at);
            }
        }
    }
    told.all.into_values().collect()
}

fn extent_of(cluster: &Cluster) -> Option<Extent> {
    let settings = cluster.document.get("settings")?.as_array()?;
    let setting =
        settings.iter().find(|setting| setting.get("name").and_then(Value::as_str) == Some("containerInsights"))?;
    match setting.get("value")?.as_str()? {
        "enabled" => Some(Extent::Services),
        "enhanced" => Some(Extent::Enhanced),
        _ => None,
    }
}

type Dimensions = Vec<(&'static str, String)>;

/// A running task, and the dimensions under which it is reported.
struct Of<'w> {
    task: &'w Task,
    revision: &'w Revision,
    /// Its cluster's, its service's, its family's, and its own where they are wanted.
    sets: Vec<Dimensions>,
    /// Its service's and its family's: those of containers hang on them.
    parents: Vec<Dimensions>,
}

impl<'w> Of<'w> {
    fn new(task: &'w Task, revision: &'w Revision, extent: Extent) -> Self {
        let cluster = ("ClusterName", name_of(&task.cluster_arn).to_owned());
        let service = task.service_arn.as_deref().map(|arn| ("ServiceName", name_of(arn).to_owned()));
        let family = ("TaskDefinitionFamily", task.family.clone());
        let parents: Vec<Dimensions> =
            service.into_iter().chain([family]).map(|parent| vec![cluster.clone(), parent]).collect();
        let mut sets = vec![vec![cluster]];
        sets.extend(parents.iter().cloned());
        if extent == Extent::Enhanced {
            sets.extend(parents.iter().map(|parent| with(parent, "TaskId", &task.id)));
        }
        Self { task, revision, sets, parents }
    }
}

fn with(dimensions: &Dimensions, name: &'static str, value: &str) -> Dimensions {
    dimensions.iter().cloned().chain([(name, value.to_owned())]).collect()
}

fn counts(told: &mut Told, world: &World, cluster: &Cluster) {
    let region = region_of(&cluster.arn);
    let whole = vec![("ClusterName", cluster.name.clone())];
    let is_active = |service: &&std::sync::Arc<Service>| service.status == ServiceStatus::Active;
    let services = world.cluster_services(&cluster.arn).filter(is_active);
    let mut number = 0;
    for service in services {
        number += 1;
        let of = with(&whole, "ServiceName", &service.name);
        let counts = world.task_index.counts(&service.arn);
        let mut count = |name, value: u32| told.put(&region, name, &of, "Count", f64::from(value));
        count("DesiredTaskCount", service.desired_count);
        count("RunningTaskCount", counts.running);
        count("PendingTaskCount", counts.pending);
        count("DeploymentCount", service.deployments.len() as u32);
        count("TaskSetCount", 0); // only services of the EXTERNAL controller have any
    }
    told.put(&region, "ServiceCount", &whole, "Count", f64::from(number));
    told.put(&region, "TaskCount", &whole, "Count", f64::from(world.task_index.counts(&cluster.arn).running));
    told.put(&region, "ContainerInstanceCount", &whole, "Count", 0.0);
}

/// Metrics by region, name and dimensions, so that tasks come together in one.
struct Told {
    all: BTreeMap<(String, &'static str, Dimensions), Measured>,
    at: i64,
}

impl Told {
    fn put(&mut self, region: &str, name: &'static str, dimensions: &Dimensions, unit: &'static str, value: f64) {
        let key = (region.to_owned(), name, dimensions.clone());
        let fresh = || Measured {
            region: region.to_owned(),
            namespace: NAMESPACE,
            name,
            dimensions: dimensions.clone(),
            unit,
            at: self.at,
            is_fine: false,
            values: Vec::new(),
            sum: None,
        };
        self.all.entry(key).or_insert_with(fresh).values.push((value, 1.0));
    }

    /// Puts a value under each of the task's dimensions.
    fn everywhere(&mut self, of: &Of<'_>, name: &'static str, unit: &'static str, value: f64) {
        let region = region_of(&of.task.arn);
        of.sets.iter().for_each(|set| self.put(&region, name, set, unit, value));
    }

    fn task(&mut self, of: &Of<'_>, before: Option<&TaskReading>, now: Option<&TaskReading>, millis: i64) {
        let Some(now) = now else { return };
        let is_enhanced = of.sets.iter().any(|set| set.iter().any(|(name, _)| *name == "TaskId"));
        let (cpu, mib) = effective_size(&of.revision.spec, of.task);
        let used = task_units(before, now, millis);
        // "This metric is collected only for tasks that have a defined CPU reservation".
        if let Some(cpu) = cpu.filter(|cpu| *cpu > 0) {
            self.everywhere(of, "CpuReserved", "None", cpu as f64);
            if let Some(used) = used {
                self.everywhere(of, "CpuUtilized", "None", used);
                if is_enhanced {
                    self.everywhere(of, "TaskCpuUtilization", "Percent", used / cpu as f64 * 100.0);
                }
            }
        }
        if let Some(mib) = mib.filter(|mib| *mib > 0) {
            let used = memory(now) as f64 / MIB;
            self.everywhere(of, "MemoryReserved", "Megabytes", mib as f64);
            self.everywhere(of, "MemoryUtilized", "Megabytes", used);
            if is_enhanced {
                self.everywhere(of, "TaskMemoryUtilization", "Percent", used / mib as f64 * 100.0);
            }
        }
        if let Some(before) = before.filter(|_| millis > 0) {
            let rate = |before, now| grown(before, now) as f64 / (millis as f64 / 1000.0);
            self.everywhere(of, "NetworkRxBytes", "Bytes/Second", rate(before.received, now.received));
            self.everywhere(of, "NetworkTxBytes", "Bytes/Second", rate(before.sent, now.sent));
        }
    }

    fn containers(&mut self, of: &Of<'_>, before: Option<&TaskReading>, now: Option<&TaskReading>, millis: i64) {
        let region = region_of(&of.task.arn);
        let (task_cpu, task_mib) = effective_size(&of.revision.spec, of.task);
        for state in &of.task.containers {
            let Some(now) = now.and_then(|now| now.containers.get(&state.name)) else { continue };
            let Some(definition) = of.revision.spec.container(&state.name) else { continue };
            let of_task = of.parents.iter().map(|parent| with(parent, "TaskId", &of.task.id));
            let own = of.parents.iter().cloned().chain(of_task).map(|set| with(&set, "ContainerName", &state.name));
            // Of the whole cluster, too: the first of the task's.
            let sets: Vec<Dimensions> = of.sets.iter().take(1).cloned().chain(own).collect();
            let mut put = |name, unit, value| sets.iter().for_each(|set| self.put(&region, name, set, unit, value));
            // What a container does not reserve it may have of its task's.
            let cpu = Some(definition.cpu).filter(|cpu| *cpu > 0).or(task_cpu).unwrap_or_default() as f64;
            let mib = definition.memory.or(definition.memory_reservation).or(task_mib).unwrap_or_default() as f64;
            let used =
                before.filter(|_| millis > 0).map(|before| units(container_ns(before, &state.name, now), millis));
            let used_mib = now.memory as f64 / MIB;
            if cpu > 0.0 {
                put("ContainerCpuReserved", "None", cpu);
                if let Some(used) = used {
                    put("ContainerCpuUtilized", "None", used);
                    put("ContainerCpuUtilization", "Percent", used / cpu * 100.0);
                }
            }
            if mib > 0.0 {
                put("ContainerMemoryReserved", "Megabytes", mib);
                put("ContainerMemoryUtilized", "Megabytes", used_mib);
                put("ContainerMemoryUtilization", "Percent", used_mib / mib * 100.0);
            }
            if state.health.state != HealthState::Unknown {
                let is_sick = state.health.state == HealthState::Unhealthy;
                put("UnHealthyContainerHealthStatus", "Count", f64::from(u8::from(is_sick)));
            }
            if definition.restart_policy.as_ref().is_some_and(|policy| policy.enabled) {
                put("RestartCount", "Count", f64::from(state.restarts));
                // Of services, families and tasks, too, as no other metric of containers is.
                let restarts = f64::from(state.restarts);
                of.sets.iter().skip(1).for_each(|set| self.put(&region, "RestartCount", set, "Count", restarts));
            }
        }
    }
}
