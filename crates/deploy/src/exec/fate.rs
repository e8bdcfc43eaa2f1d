//! What became of a container whose session ended before its command did?

use std::time::Duration;

use aws::{CallError, Client, ECS, items};
use aws_model::Document;
use serde_json::{Value, json};

use crate::observe::object;

/// A session may be lost before the service tells of the stop that ended it.
const LOOKS: u32 = 12;
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Returns in words what happened to a container and its task; none if it still runs.
///
/// # Errors
/// See [`CallError`].
pub async fn fate(client: &Client, cluster: &str, task: &str, container: &str) -> Result<Option<String>, CallError> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let answer = client.call(&ECS, "DescribeTasks", object(json!({ "cluster": cluster, "tasks": [task] }))).await?;
        let Some(task) = items(&answer, "tasks").iter().find_map(Value::as_object) else {
            return Ok(Some("the task is gone".to_owned()));
        };
        if let Some(words) = told(task, container) {
            return Ok(Some(words));
        }
    }
    Ok(None)
}

fn told(task: &Document, container: &str) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let found = items(task, "containers").iter().find(|found| found["name"] == container);
    let is_down = found.is_some_and(|found| found["lastStatus"] == "STOPPED");
    let is_ending = text(task.get("desiredStatus")).is_some_and(|status| status == "STOPPED");
    if !is_down && !is_ending {
        return None;
    }
    let mut parts = Vec::new();
    if let Some(found) = found.filter(|_| is_down) {
        let code = found["exitCode"].as_i64().map(|code| format!(" with {code}")).unwrap_or_default();
        let reason = text(found.get("reason")).map(|reason| format!(" ({reason})")).unwrap_or_default();
        parts.push(format!("container {container} exited{code}{reason}"));
    }
    if is_ending {
        let code = text(task.get("stopCode")).map(|code| format!(" ({code})")).unwrap_or_default();
        let reason = text(task.get("stoppedReason")).map(|reason| format!(": {reason}")).unwrap_or_default();
        parts.push(format!("the task was stopped{reason}{code}"));
    }
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(task: Value, expected: Option<&str>) {
        assert_eq!(told(&object(task), "web").as_deref(), expected);
    }

    #[test]
    fn a_container_that_ended_is_told_of_with_its_code_and_its_tasks_reason() {
        let running = json!([{"name": "web", "lastStatus": "RUNNING"}]);
        check(json!({"desiredStatus": "RUNNING", "containers": running}), None);
        check(
            json!({"desiredStatus": "STOPPED", "stopCode": "UserInitiated", "stoppedReason": "by hand", "containers": running}),
            Some("the task was stopped: by hand (UserInitiated)"),
        );
        let killed = json!([{"name": "web", "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemoryError"}]);
        check(
            json!({"desiredStatus": "STOPPED", "stopCode": "EssentialContainerExited",
                   "stoppedReason": "Essential container in task exited", "containers": killed}),
            Some(
                "container web exited with 137 (OutOfMemoryError); the task was stopped: Essential container in task \
                 exited (EssentialContainerExited)",
            ),
        );
    }
}
