//! The table of tasks: a row for each, and its containers below. Pure.

use deploy::ContainerState;
use deploy::tasks::{Row, TaskRole};

use super::Paint;
use super::progress::{painted_as, short};
use super::report::image;
use super::table::{Cell, Table};

/// Returns the table; `now` is in milliseconds since the epoch.
pub(crate) fn table(rows: &[Row], now: i64, paint: Paint) -> String {
    let headings = ["TASK", "SERVICE", "REVISION", "STATE", "AGE", "ADDRESS", "STARTED BY"];
    let mut table = Table::new(headings, |text| paint.dim(text));
    for row in rows {
        let task = &row.task;
        table.row([
            Cell::painted(short(&task.id), |text| paint.bold(text)),
            row.owner.as_str().into(),
            row.revision.as_str().into(),
            Cell::painted(&state(row), |text| coloured(row, text, paint)),
            row.times.created.map(|at| age(now - at)).unwrap_or_default().into(),
            task.address.as_str().into(),
            started_by(row).into(),
        ]);
        for container in &task.containers {
            let state = &container.state;
            let words = match state {
                ContainerState::Exited { reason, .. } if !reason.is_empty() => format!("{}: {reason}", state.word()),
                _ => state.word(),
            };
            table.row([
                format!("  {}", container.name).into(),
                "".into(),
                image(&container.image).into(),
                Cell::painted(&words, |text| painted_as(state, text, paint)),
                "".into(),
                "".into(),
                "".into(),
            ]);
        }
        if !task.stopped_reason.is_empty() || !task.stop_code.is_empty() {
            let words = [task.stop_code.as_str(), task.stopped_reason.as_str()];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            table.note(&format!("  {}", words.join(": ")), |text| paint.dim(text));
        }
    }
    table.render()
}

fn state(row: &Row) -> String {
    let state = row.task.last_status.to_lowercase();
    let ends = row.task.is_ending() && !row.task.is_stopped();
    match row.health.as_str() {
        _ if ends && state == "running" => "stopping".to_owned(),
        "HEALTHY" | "UNHEALTHY" if state == "running" => format!("{state}, {}", row.health.to_lowercase()),
        _ => state,
    }
}

fn coloured(row: &Row, text: &str, paint: Paint) -> String {
    match (row.task.last_status.as_str(), row.health.as_str()) {
        ("RUNNING", "UNHEALTHY") => paint.red(text),
        ("RUNNING", _) if !row.task.is_ending() => paint.green(text),
        ("STOPPED", _) => paint.dim(text),
        _ => paint.yellow(text),
    }
}

fn started_by(row: &Row) -> String {
    match row.kind {
        TaskRole::Service => row.task.started_by.clone(),
        TaskRole::Schedule if row.task.started_by.starts_with("managr-schedule/") => "schedule, by hand".to_owned(),
        TaskRole::Schedule => "schedule".to_owned(),
        TaskRole::Release => "one-off: release".to_owned(),
        TaskRole::OneOff if row.task.started_by.is_empty() => "one-off".to_owned(),
        TaskRole::OneOff => format!("one-off: {}", row.task.started_by),
    }
}

/// Returns a span as people read it: the two largest units, and seconds alone under two minutes.
pub(crate) fn age(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match (seconds, seconds / 60, seconds / 3600, seconds / 86_400) {
        (..120, ..) => format!("{seconds}s"),
        (_, ..60, ..) => format!("{}m {}s", seconds / 60, seconds % 60),
        (_, minutes, ..24, _) => format!("{}h {}m", minutes / 60, minutes % 60),
        (_, _, hours, days) => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row(owner: &str, task: Value) -> Row {
        Row::read(owner, task.as_object().expect("an object"))
    }

    #[test]
    fn containers_are_below_their_task_and_reasons_below_them() {
        let rows = [
            row(
                "web",
                json!({"taskArn": "a/c/0123456789abcdef", "taskDefinitionArn": "a/web-local:7", "createdAt": 1000.0,
                "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "healthStatus": "HEALTHY", "startedBy": "ecs-svc/1",
                "containers": [{"name": "nginx", "image": "nginx:1.27", "lastStatus": "RUNNING",
                    "networkInterfaces": [{"privateIpv4Address": "10.0.0.2"}]},
                    {"name": "init", "image": "busybox:1", "lastStatus": "STOPPED", "exitCode": 0}]}),
            ),
            row(
                "web",
                json!({"taskArn": "a/c/fedcba9876543210", "taskDefinitionArn": "a/web-local-run:1", "createdAt": 1060.0,
                "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "startedBy": "managr-run",
                "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
                "containers": [{"name": "nginx", "image": "nginx:1.27", "lastStatus": "STOPPED", "exitCode": 137,
                    "reason": "OutOfMemoryError: killed"}]}),
            ),
        ];
        insta::assert_snapshot!(table(&rows, 1_100_000, Paint::Plain), @r"
        TASK      SERVICE  REVISION         STATE                                   AGE   ADDRESS   STARTED BY
        01234567  web      web-local:7      running, healthy                        100s  10.0.0.2  ecs-svc/1
          nginx            nginx:1.27       running
          init             busybox:1        exited (0)
        fedcba98  web      web-local-run:1  stopped                                 40s             one-off: managr-run
          nginx            nginx:1.27       exited (137): OutOfMemoryError: killed
          EssentialContainerExited: Essential container in task exited
        ");
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        let ages = [-5, 119_000, 120_000, 3_599_000, 3_600_000, 90_061_000].map(age);
        assert_eq!(ages, ["0s", "119s", "2m 0s", "59m 59s", "1h 0m", "1d 1h"]);
    }
}
