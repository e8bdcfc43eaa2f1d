//! Do numbers that depend on each other fit?

use super::task::tasks;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest, Ulimit};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, service) in manifest.services.iter() {
        let mut refuse = |path: &[&str], range: String, found: String| {
            let path = [&["services", name], path].concat();
            let fault = Fault::OutOfRange { path: path.join("."), range, found };
            report.add(fault, tree.value(&path), "out of range", None);
        };
        // ELBv2 refuses a health check that may still run when the next one begins.
        if let Some(health) = service.ingress.as_ref().and_then(|ingress| ingress.health_check.as_ref())
            && let (Some(timeout), interval) = (health.timeout, health.interval.map_or(10, |time| time.0))
            && timeout.0 >= interval
        {
            let range = format!("less than the interval, {interval}s");
            refuse(&["ingress", "health-check", "timeout"], range, timeout.to_string());
        }
        // ECS: "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
        if let Some(deployment) = &service.deployment
            && deployment.max == Some(100)
            && deployment.min_healthy.unwrap_or(100) == 100
        {
            refuse(
                &["deployment", "max"],
                "more than min-healthy, or no task could be replaced".to_owned(),
                "100".to_owned(),
            );
        }
    }
    for task in &tasks(manifest) {
        let mut refuse = |path: &[&str], range: String, found: String| {
            let path = task.path(path);
            let fault = Fault::OutOfRange { path: path.join("."), range, found };
            report.add(fault, tree.value(&path), "out of range", None);
        };
        for (container, spec) in task.service.containers.iter() {
            for (limit, value) in spec.ulimits.iter() {
                if let Ulimit::Range(range) = value
                    && range.soft > range.hard
                {
                    let words = format!("at most the hard limit, {}", range.hard);
                    refuse(&["containers", container, "ulimits", limit, "soft"], words, range.soft.to_string());
                }
            }
            if let (Some(hard), Some(reserved)) = (spec.memory, spec.memory_reservation)
                && reserved > hard
            {
                let words = format!("at most the container's memory, {hard}");
                refuse(&["containers", container, "memory-reservation"], words, reserved.to_string());
            }
        }
    }
}
