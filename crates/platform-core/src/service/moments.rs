//! Which of ECS's service action events is a line of a service's story? (developer guide, "Amazon ECS service action
//! events")

use super::words;
use crate::world::Service;

/// Returns the type and the name of the event; none for lines that appear in the story alone.
pub(crate) fn of(service: &Service, message: &str) -> Option<(&'static str, &'static str)> {
    let name = &service.name;
    let launch = words::cannot_launch(name, "");
    let launch = launch.trim_end_matches(").");
    Some(match message {
        told if told == words::steady(name) => ("INFO", "SERVICE_STEADY_STATE"),
        told if told == words::cannot_start(name) => ("WARN", "SERVICE_TASK_START_IMPAIRED"),
        told if told.starts_with(launch) => ("ERROR", "SERVICE_TASK_CONFIGURATION_FAILURE"),
        _ => return None,
    })
}
