//! `AWS/ECS`: how much of what their tasks reserve do services use? (Developer guide, "Amazon ECS CloudWatch metrics" and
//! "Amazon ECS service utilization metrics".)
//!
//! Of services alone: "The cluster level metrics are only supported for tasks hosted on Amazon EC2 instances."

use std::collections::BTreeMap;

use super::{EVERY, Measured, Reading, begun, memory, monitoring, name_of, region_of, task_units};
use crate::World;
use crate::ecs::effective_size;
use crate::world::TaskStatus;

/// CPU and memory of a service's tasks, in percent of what each reserves.
#[derive(Default)]
struct Shares {
    cpu: Vec<f64>,
    memory: Vec<f64>,
}

/// Returns the utilization of each service that has running tasks, from two readings that follow each other.
pub fn usage(world: &World, before: &Reading, now: &Reading) -> Vec<Measured> {
    let millis = now.at - before.at;
    // After a pause what was used would be spread over all of it: that is no useful value.
    let before = (millis <= 2 * EVERY).then_some(before);
    let mut services: BTreeMap<&str, Shares> = BTreeMap::new();
    for (arn, reading) in &now.tasks {
        let Some(task) = world.tasks.get(arn).filter(|task| task.last_status == TaskStatus::Running) else { continue };
        let Some(service) = &task.service_arn else { continue };
        let Some(revision) = world.revisions.get(&task.task_definition_arn) else { continue };
        let (cpu, mib) = effective_size(&revision.spec, task);
        let shares = services.entry(service).or_default();
        let used = before.and_then(|before| task_units(before.tasks.get(arn), reading, millis));
        shares.cpu.extend(used.zip(cpu).filter(|(_, cpu)| *cpu > 0).map(|(used, cpu)| used / cpu as f64 * 100.0));
        let share = |mib: i64| memory(reading) as f64 / (mib as f64 * 1_048_576.0) * 100.0;
        shares.memory.extend(mib.filter(|mib| *mib > 0).map(share));
    }
    let mut all = Vec::new();
    for (arn, shares) in services {
        let Some(service) = world.services.get(arn) else { continue };
        for (name, values) in [("CPUUtilization", shares.cpu), ("MemoryUtilization", shares.memory)] {
            if values.is_empty() {
                continue;
            }
            let cluster = name_of(&service.cluster_arn).to_owned();
            all.push(Measured {
                region: region_of(arn),
                namespace: "AWS/ECS",
                name,
                dimensions: vec![("ClusterName", cluster), ("ServiceName", service.name.clone())],
                unit: "Percent",
                at: begun(now.at, EVERY),
                is_fine: monitoring::is_fine(service, name),
                values: values.into_iter().map(|value| (value, 1.0)).collect(),
                sum: None,
            });
        }
    }
    all
}
