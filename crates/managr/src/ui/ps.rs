//! Tasks and containers as `managr ps` shows them.

use deploy::ContainerState;
use deploy::tasks::{ServiceTasks, Task, telling};

use super::Paint;
use super::progress::painted;
use super::report::image;
use super::table::{Cell, Table};

/// Returns the tasks of every service as one table, each with its containers under it. `now` is in
/// milliseconds since the epoch.
pub(crate) fn table(services: &[ServiceTasks], now: i64, in_full: bool, paint: Paint) -> String {
    let ids = services.iter().flat_map(|service| &service.tasks).map(|task| task.view.id.as_str());
    let digits = if in_full { usize::MAX } else { telling(ids) };
    let headings = ["TASK", "STATE", "AGE", "SERVICE", "REVISION", "ADDRESS", "STARTED BY", "IMAGE"];
    let mut table = Table::new(headings, |text| paint.dim(text));
    let mut reasons = String::new();
    for service in services {
        for task in &service.tasks {
            let id: String = task.view.id.chars().take(digits).collect();
            table.row(row(&id, service, task, now, paint));
            for container in &task.view.containers {
                let state = container.state.clone();
                table.row([
                    format!("  {}", container.name).into(),
                    Cell::painted(&state.word(), |_| painted(&state, paint)),
                    "".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                    image(&container.image).into(),
                ]);
            }
            reasons.extend(why(&id, task).map(|line| format!("{}\n", paint.dim(&line))));
        }
    }
    if services.iter().all(|service| service.tasks.is_empty()) {
        return "no tasks".to_owned();
    }
    table.render() + &reasons
}

fn row(id: &str, service: &ServiceTasks, task: &Task, now: i64, paint: Paint) -> [Cell; 8] {
    let word = state(task);
    let state = match word.as_str() {
        "running" | "running, healthy" => Cell::painted(&word, |word| paint.green(word)),
        "stopped" => Cell::painted(&word, |word| paint.dim(word)),
        "running, unhealthy" => Cell::painted(&word, |word| paint.red(word)),
        _ => Cell::painted(&word, |word| paint.yellow(word)),
    };
    let of = if task.one_off { format!("{} (one-off)", service.service) } else { service.service.clone() };
    [
        Cell::painted(id, |id| paint.bold(id)),
        state,
        task.created_at.map(|at| age(now - at)).unwrap_or_default().into(),
        of.into(),
        task.revision.as_str().into(),
        task.view.address.as_str().into(),
        task.view.started_by.as_str().into(),
        "".into(),
    ]
}

/// Where a task is, in a word or two.
fn state(task: &Task) -> String {
    let status = task.view.last_status.to_lowercase();
    match task.health.as_str() {
        _ if task.view.is_ending() && !task.view.is_stopped() => "stopping".to_owned(),
        "HEALTHY" | "UNHEALTHY" if status == "running" => format!("{status}, {}", task.health.to_lowercase()),
        _ => status,
    }
}

/// Why a task ended, and why containers of it did, as far as there are words; a line each.
fn why<'a>(id: &'a str, task: &'a Task) -> impl Iterator<Item = String> + 'a {
    let words = [&task.view.stop_code, &task.view.stopped_reason].map(String::as_str);
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let own = (!words.is_empty()).then(|| format!("{id}: {}", words.join(": ")));
    let containers = task.view.containers.iter().filter_map(move |container| match &container.state {
        ContainerState::Exited { reason, .. } if !reason.is_empty() => {
            Some(format!("{id} {}: {reason}", container.name))
        }
        _ => None,
    });
    own.into_iter().chain(containers)
}

/// Returns a span of milliseconds in its largest unit.
fn age(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn task(value: Value) -> Task {
        Task::read(value.as_object().expect("an object"))
    }

    #[test]
    fn containers_are_under_their_task_and_reasons_below() {
        let running = json!({"taskArn": "arn:t/c/0123456789abcdef", "taskDefinitionArn": "arn:d/demo-app:3",
            "group": "service:demo", "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "healthStatus": "HEALTHY",
            "createdAt": 1000.0, "startedBy": "ecs-svc/7", "containers": [
            {"name": "web", "image": "127.0.0.1:4566/demo:1", "lastStatus": "RUNNING", "healthStatus": "HEALTHY",
             "networkInterfaces": [{"privateIpv4Address": "10.0.0.2"}]},
            {"name": "worker", "image": "busybox", "lastStatus": "RUNNING"}]});
        let stopped = json!({"taskArn": "arn:t/c/0123456789ffffff", "taskDefinitionArn": "arn:d/demo-app-run:1",
            "group": "family:demo-app-run", "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
            "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
            "createdAt": 0.0, "startedBy": "managr-run", "containers": [
            {"name": "web", "image": "demo:1", "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemoryError"}]});
        let services =
            [ServiceTasks { service: "app".into(), name: "demo".into(), tasks: vec![task(running), task(stopped)] }];
        insta::assert_snapshot!(table(&services, 1_090_000, false, Paint::Plain), @"
        TASK         STATE             AGE  SERVICE        REVISION        ADDRESS   STARTED BY  IMAGE
        0123456789a  running, healthy  90s  app            demo-app:3      10.0.0.2  ecs-svc/7
          web        healthy                                                                     demo:1
          worker     running                                                                     busybox
        0123456789f  stopped           18m  app (one-off)  demo-app-run:1            managr-run
          web        exited (137)                                                                demo:1
        0123456789f: EssentialContainerExited: Essential container in task exited
        0123456789f web: OutOfMemoryError
        ");
        assert!(table(&services, 0, true, Paint::Plain).contains("\n0123456789abcdef  running"));
        assert_eq!(table(&[], 0, false, Paint::Plain), "no tasks");
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let cases = [(-5, "0s"), (119_999, "119s"), (120_000, "2m"), (7_200_000, "2h"), (200_000_000, "2d")];
        for (ms, told) in cases {
            assert_eq!(age(ms), told);
        }
    }
}
