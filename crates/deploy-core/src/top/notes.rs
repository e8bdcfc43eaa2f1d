//! What is missing in the table, why, and what can be done about it?

use aws_model::Millis;

use super::{Insights, MINUTE, Row, RowKind, Seen};

/// Container Insights has told of a task by then: it tells of whole minutes, and CPU needs readings at both ends.
const PATIENCE: Millis = 4 * MINUTE;

/// Returns what is missing.
pub(super) fn notes(seen: &Seen, services: &[Row], now: Millis) -> Vec<String> {
    let running: Vec<_> = seen.tasks.iter().filter(|task| !task.is_ending).collect();
    if running.is_empty() {
        return Vec::new();
    }
    let switch = format!(
        "aws ecs update-cluster-settings --cluster {} --region {}{} --settings name=containerInsights,value=enhanced",
        seen.cluster,
        seen.region,
        seen.endpoint.as_ref().map(|url| format!(" --endpoint-url {url}")).unwrap_or_default(),
    );
    // Custom metrics, charged by the metric (CloudWatch pricing); the platform charges nothing.
    let costs = if seen.endpoint.is_none() { " (AWS charges for it)" } else { "" };
    match seen.insights {
        Insights::Disabled => vec![format!(
            "Container Insights is off for cluster {}: nothing is told of its tasks, containers and network; switch it \
             on{costs}: {switch}",
            seen.cluster
        )],
        Insights::Enabled => vec![format!(
            "Container Insights tells of services alone in cluster {}; its enhanced form tells of tasks and \
             containers{costs}: {switch}",
            seen.cluster
        )],
        Insights::Enhanced => {
            let is_told = |row: &&Row| row.kind == RowKind::Task && !row.usage.is_unknown();
            if services.iter().flat_map(|row| &row.parts).any(|row| is_told(&row)) {
                return Vec::new();
            }
            let is_old = running.iter().any(|task| task.started.is_some_and(|at| at < now - PATIENCE));
            let words = if is_old {
                "Container Insights is on, and has told nothing of these tasks; tasks that nothing really runs (a \
                 simulated platform) use nothing"
            } else {
                "tasks and containers have numbers from their second or third minute on"
            };
            vec![words.to_owned()]
        }
    }
}
