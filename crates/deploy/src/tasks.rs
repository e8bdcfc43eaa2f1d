//! Which tasks are there of a stage: those of its services, and one-off ones of their families?

use aws::{CallError, Client};
use deploy_core::Desired;
use ecs_model::{Document, Millis};
use futures_util::future::try_join_all;
use serde::Serialize;

use crate::observe::{self, moment, text};
use crate::watch::TaskView;

/// The tasks of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTasks {
    /// Name in the manifest.
    pub service: String,
    /// Name in ECS.
    pub name: String,
    /// Newest first.
    pub tasks: Vec<Task>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What a deployment is watched by, too.
    #[serde(flatten)]
    pub view: TaskView,
    /// `family:revision`.
    pub revision: String,
    /// HEALTHY, UNHEALTHY or UNKNOWN.
    pub health: String,
    /// Whether it runs once and belongs to no service.
    pub one_off: bool,
    /// When ECS took it on; times are in milliseconds since the epoch.
    pub created_at: Option<Millis>,
    /// When all of its containers ran.
    pub started_at: Option<Millis>,
    /// When the last of its containers had ended.
    pub stopped_at: Option<Millis>,
}

impl Task {
    /// Reads a task of DescribeTasks.
    pub fn read(document: &Document) -> Self {
        let view = TaskView::read(document);
        Self {
            revision: view.task_definition.rsplit('/').next().unwrap_or_default().to_owned(),
            health: text(document, "healthStatus").to_owned(),
            one_off: !text(document, "group").starts_with("service:"),
            created_at: moment(document, "createdAt"),
            started_at: moment(document, "startedAt"),
            stopped_at: moment(document, "stoppedAt"),
            view,
        }
    }
}

/// Returns the tasks of the services that are named, or of every one; stopped ones only with `all`,
/// as long as ECS remembers them.
///
/// # Errors
/// See [`CallError`].
pub async fn tasks(
    client: &Client,
    desired: &Desired,
    service: Option<&str>,
    all: bool,
) -> Result<Vec<ServiceTasks>, CallError> {
    let services = desired.services.iter().filter(|known| service.is_none_or(|name| known.service == name));
    let asked = services.map(async |known| {
        let found = observe::all_tasks(client, &desired.cluster, &known.name, &known.family).await?;
        let tasks = newest_first(found.iter().map(Task::read).filter(|task| all || !task.view.is_stopped()));
        Ok::<_, CallError>(ServiceTasks { service: known.service.clone(), name: known.name.clone(), tasks })
    });
    try_join_all(asked).await
}

fn newest_first(tasks: impl Iterator<Item = Task>) -> Vec<Task> {
    let mut tasks: Vec<Task> = tasks.collect();
    tasks.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.view.id.cmp(&b.view.id)));
    tasks
}

/// Returns how many characters of their ids tell tasks apart, eight at least.
pub fn telling<'a>(ids: impl IntoIterator<Item = &'a str>) -> usize {
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let common = |pair: &[&str]| pair[0].chars().zip(pair[1].chars()).take_while(|(a, b)| a == b).count();
    // In order, nobody has more in common with an id than its neighbours.
    ids.windows(2).map(common).max().map_or(8, |common| (common + 1).max(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::object;
    use serde_json::json;

    #[test]
    fn eight_characters_tell_tasks_apart_unless_more_are_needed() {
        assert_eq!(telling([]), 8);
        assert_eq!(telling(["0123456789ab"]), 8);
        assert_eq!(telling(["0123456789ab", "a123456789ab", "0123456789ab"]), 8);
        assert_eq!(telling(["0123456789ab", "ffff", "01234567xxxx"]), 9);
        assert_eq!(telling(["0123456789ab", "0123456789ac"]), 12);
    }

    #[test]
    fn a_task_of_no_service_runs_once() {
        let task = |group: &str| {
            Task::read(&object(json!({"taskArn": "arn:t/c/abc", "group": group,
            "taskDefinitionArn": "arn:x:task-definition/f:3", "createdAt": 1.5})))
        };
        assert!(!task("service:web").one_off);
        let found = task("family:f-run");
        assert!(found.one_off);
        assert_eq!((found.revision.as_str(), found.created_at, found.stopped_at), ("f:3", Some(1500), None));
    }

    #[test]
    fn the_newest_comes_first() {
        let task =
            |id: &str, at: f64| Task::read(&object(json!({"taskArn": format!("arn:t/c/{id}"), "createdAt": at})));
        let found = newest_first([task("a", 1.0), task("b", 3.0), task("c", 2.0)].into_iter());
        assert_eq!(found.iter().map(|task| task.view.id.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
    }
}
