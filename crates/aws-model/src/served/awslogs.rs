//! Which options of a container's log driver are served?
//!
//! ECS's own are those of the API reference, LogConfiguration; the driver has more (docs.docker.com, "Amazon CloudWatch
//! Logs logging driver"), of which ECS says nothing, and each of those is refused by its name.

use serde_json::Value;

use super::table::{Excess, list, text};

/// Options that are served, and how.
pub(super) const OPTIONS: [(&str, &str); 8] = [
    ("awslogs-group", "served"),
    ("awslogs-region", "kept without effect: output goes to the group of the task's own region"),
    ("awslogs-stream-prefix", "served"),
    ("awslogs-create-group", "served"),
    ("awslogs-datetime-format", "served: lines up to the next one with such a time are one event"),
    ("awslogs-multiline-pattern", "served: lines up to the next one that matches are one event"),
    ("mode", "kept without effect: what a container prints goes to a file first, and it waits for nobody"),
    ("max-buffer-size", "kept without effect: the file holds up to 64 MiB that nobody has read yet"),
];

pub(super) fn excess(value: &Value, _: Option<&str>) -> Vec<Excess> {
    let driver = text(value, "logDriver");
    if value.is_null() {
        return Vec::new();
    }
    if driver != "awslogs" {
        return vec![Excess::of(format!(".logDriver {driver}"), "use awslogs")];
    }
    let options = value.get("options").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name);
    let mut found: Vec<Excess> = options
        .filter(|name| OPTIONS.iter().all(|(known, _)| known != name))
        .map(|name| Excess::plain(format!(".options.{name}")))
        .collect();
    if !list(value, "secretOptions").is_empty() {
        found.push(Excess::plain(".secretOptions"));
    }
    found
}
