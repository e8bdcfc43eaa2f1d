//! What does the platform publish in CloudWatch of itself, given what it read and counted?
//!
//! AWS's namespaces, names, dimensions and units. What cannot be measured here is not published: a platform that runs
//! nothing has no CPU, and tasks on Fargate have no container instances whose CPU a cluster could be measured against.
//!
//! - [`usage()`]: `AWS/ECS`, services' CPU and memory.
//! - [`insights()`]: `ECS/ContainerInsights`, where a cluster asks for it.
//! - [`traffic`]: `AWS/ApplicationELB`, what balancers counted. [`hosts()`]: who is well.

mod hosts;
mod insights;
mod monitoring;
#[cfg(test)]
mod tests;
pub mod traffic;
mod usage;

use std::collections::BTreeMap;

use aws_model::Millis;
use aws_model::arn::Arn;

pub use hosts::hosts;
pub use insights::insights;
pub(crate) use monitoring::check as check_monitoring;
pub use usage::usage;

/// How often is measured, in milliseconds: the finest resolution that ECS publishes (`MetricConfiguration`).
pub const EVERY: Millis = 20_000;
/// What is not asked for more finely is published for this long, in milliseconds.
pub const MINUTE: Millis = 60_000;

/// Values of one metric, as CloudWatch receives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Where it belongs.
    pub region: String,
    /// e.g. `AWS/ECS`.
    pub namespace: &'static str,
    /// e.g. `CPUUtilization`.
    pub name: &'static str,
    /// Names and values.
    pub dimensions: Vec<(&'static str, String)>,
    /// One of CloudWatch's units.
    pub unit: &'static str,
    /// When the time began in which it was measured.
    pub at: Millis,
    /// Whether the resolution is 20 seconds, not a minute.
    pub is_fine: bool,
    /// Values, and how often each came. Never empty.
    pub values: Vec<(f64, f64)>,
    /// Their sum, where it is known more exactly than they are.
    pub sum: Option<f64>,
}

/// What containers had used at one instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// When.
    pub at: Millis,
    /// By task ARN.
    pub tasks: BTreeMap<String, TaskReading>,
}

/// What a task had used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskReading {
    /// Bytes that it received since it began.
    pub received: u64,
    /// Bytes that it sent since it began.
    pub sent: u64,
    /// By name; those that run.
    pub containers: BTreeMap<String, ContainerReading>,
}

/// What a container had used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContainerReading {
    /// Processor time since it was started, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory, in bytes: without the file cache that can be given back, as Docker and ECS count it.
    pub memory: u64,
}

/// Returns when the stretch of time began that ended last before an instant: readings are a little late, or later.
fn begun(now: Millis, length: Millis) -> Millis {
    now - now.rem_euclid(length) - length
}

/// Returns how much a counter grew. One that fell was begun anew, by a restart of its container.
fn grown(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// Returns CPU units (1024 of them are a processor) of processor time used within some milliseconds.
fn units(cpu_ns: u64, millis: Millis) -> f64 {
    cpu_ns as f64 / 1e6 / millis as f64 * 1024.0
}

/// Returns the CPU units that a task used on average since it was read before; none for one that was not.
fn task_units(before: Option<&TaskReading>, now: &TaskReading, millis: Millis) -> Option<f64> {
    let before = before.filter(|_| millis > 0)?;
    let used = now.containers.iter().map(|(name, now)| container_ns(before, name, now));
    Some(units(used.sum(), millis))
}

fn container_ns(before: &TaskReading, name: &str, now: &ContainerReading) -> u64 {
    // One that was not there has used all that it has since then.
    grown(before.containers.get(name).map_or(0, |before| before.cpu_ns), now.cpu_ns)
}

/// Returns the memory of a task, in bytes.
fn memory(task: &TaskReading) -> u64 {
    task.containers.values().map(|container| container.memory).sum()
}

/// Returns the region of an ARN.
fn region_of(arn: &str) -> String {
    Arn::parse(arn).map(|arn| arn.region.to_owned()).unwrap_or_default()
}

/// Returns the last part of an ARN: a cluster's or a service's name, a task's id.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
