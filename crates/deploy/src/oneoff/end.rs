//! How did it end? Read out of one look at the task. Pure.

use crate::event::ContainerState;
use crate::watch::TaskView;

/// How the watched container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It ran, and ended with a code.
    Exited {
        /// The code; 128 and a signal's number when that killed it.
        code: i64,
        /// Why, where the runtime or ECS say more than the code does; else empty.
        reason: String,
    },
    /// It never ran, or its end is unknown.
    Lost {
        /// All that is known.
        reason: String,
    },
}

/// Returns how a container ended; none while it may go on.
pub fn ended(task: &TaskView, container: &str) -> Option<Ended> {
    let state = task.containers.iter().find(|found| found.name == container).map(|found| &found.state);
    if let Some(ContainerState::Exited { code: Some(code), reason }) = state {
        // That a container's end ends its task says nothing new.
        let others =
            Some(&task.stopped_reason).filter(|_| task.is_ending() && task.stop_code != "EssentialContainerExited");
        return Some(Ended::Exited { code: *code, reason: joined([Some(reason), others]) });
    }
    if !task.is_stopped() {
        return None;
    }
    let own = match state {
        Some(ContainerState::Exited { reason, .. }) => Some(reason),
        _ => None,
    };
    let others =
        task.containers.iter().filter(|other| other.name != container).filter_map(|other| match &other.state {
            ContainerState::Exited { code, reason } if *code != Some(0) => {
                let code = code.map(|code| format!("exit code {code}"));
                let words = joined([code.as_ref(), Some(reason)]);
                (!words.is_empty()).then(|| format!("container `{}`: {words}", other.name))
            }
            _ => None,
        });
    let others: Vec<String> = others.collect();
    let words = [Some(&task.stop_code), Some(&task.stopped_reason), own].into_iter().chain(others.iter().map(Some));
    let reason = joined(words);
    Some(Ended::Lost {
        reason: if reason.is_empty() { "the task stopped without a reason".to_owned() } else { reason },
    })
}

/// Joins what is there, without saying anything twice.
fn joined<'a>(words: impl IntoIterator<Item = Option<&'a String>>) -> String {
    let mut said: Vec<&str> = Vec::new();
    for word in words.into_iter().flatten().filter(|word| !word.is_empty()) {
        if !said.contains(&word.as_str()) {
            said.push(word);
        }
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::object;
    use serde_json::{Value, json};

    fn end(task: Value) -> Option<Ended> {
        ended(&TaskView::read(&object(task)), "web")
    }

    #[test]
    fn a_task_that_goes_on_has_no_end() {
        let running = json!({"lastStatus": "RUNNING", "desiredStatus": "RUNNING",
            "containers": [{"name": "db", "lastStatus": "STOPPED", "exitCode": 0}, {"name": "web", "lastStatus": "RUNNING"}]});
        assert_eq!(end(running), None);
        // Its code may still come.
        let stopping = json!({"lastStatus": "DEPROVISIONING", "desiredStatus": "STOPPED",
            "containers": [{"name": "web", "lastStatus": "STOPPED"}]});
        assert_eq!(end(stopping), None);
    }

    #[test]
    fn the_code_is_the_containers_whatever_the_others_do() {
        let task = json!({"lastStatus": "RUNNING", "desiredStatus": "RUNNING", "containers": [
            {"name": "web", "lastStatus": "STOPPED", "exitCode": 3}, {"name": "db", "lastStatus": "RUNNING"}]});
        assert_eq!(end(task), Some(Ended::Exited { code: 3, reason: String::new() }));
        let task = json!({"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited", "containers": [
            {"name": "db", "lastStatus": "STOPPED", "exitCode": 1}, {"name": "web", "lastStatus": "STOPPED", "exitCode": 0}]});
        assert_eq!(end(task), Some(Ended::Exited { code: 0, reason: String::new() }));
    }

    #[test]
    fn who_killed_it_is_said() {
        let task = json!({"lastStatus": "STOPPED", "stopCode": "UserInitiated", "stoppedReason": "Task stopped by user",
            "containers": [{"name": "web", "lastStatus": "STOPPED", "exitCode": 137}]});
        assert_eq!(end(task), Some(Ended::Exited { code: 137, reason: "Task stopped by user".into() }));
        let task = json!({"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "containers": [
            {"name": "web", "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemoryError: killed"}]});
        assert_eq!(end(task), Some(Ended::Exited { code: 137, reason: "OutOfMemoryError: killed".into() }));
    }

    #[test]
    fn what_never_ran_is_explained_in_full() {
        let task = json!({"lastStatus": "STOPPED", "stopCode": "TaskFailedToStart", "stoppedReason": "dependency failed",
            "containers": [{"name": "web", "lastStatus": "STOPPED"},
                {"name": "init", "lastStatus": "STOPPED", "exitCode": 2, "reason": "no database"}]});
        let reason = "TaskFailedToStart: dependency failed: container `init`: exit code 2: no database";
        assert_eq!(end(task), Some(Ended::Lost { reason: reason.into() }));
        let silent = end(json!({"lastStatus": "STOPPED"}));
        assert_eq!(silent, Some(Ended::Lost { reason: "the task stopped without a reason".into() }));
    }
}
