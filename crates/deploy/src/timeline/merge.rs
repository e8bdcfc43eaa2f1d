//! Puts what happened in order. No I/O and no clock: [`Facts`] is the whole world.

use aws::items;
use aws_model::{Document, Millis};
use deploy_core::plan::short;
use deploy_core::release::{Release, ReleaseOutcome};
use serde_json::Value;

use super::{TimelineEntry, TimelineSubject};
use crate::ContainerState;
use crate::logs::Line;
use crate::observe::text;
use crate::scaling::ScalingActivity;
use crate::tasks::{Row, millis};
use crate::watch::view::ContainerView;

/// All that is known of a stage.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Its services.
    pub services: Vec<ServiceFacts>,
    /// Its tasks, the stopped ones too.
    pub tasks: Vec<Row>,
    /// What was released.
    pub releases: Vec<Release>,
    /// What containers wrote.
    pub lines: Vec<Line>,
    /// Nothing older is shown, in milliseconds since the epoch.
    pub since: Millis,
    /// Nothing younger is shown.
    pub until: Option<Millis>,
}

/// All that is known of a service.
#[derive(Debug, Clone, Default)]
pub struct ServiceFacts {
    /// Name in the manifest.
    pub name: String,
    /// Its item of DescribeServices; empty if it is gone.
    pub service: Document,
    /// Items of ListServiceDeployments; none where the endpoint knows no such.
    pub deployments: Vec<Document>,
    /// What scaled it, newest first.
    pub activities: Vec<ScalingActivity>,
}

/// Returns what happened between `since` and `until`, in the order of its times.
pub fn merge(facts: Facts) -> Vec<TimelineEntry> {
    let mut entries: Vec<TimelineEntry> = facts.releases.iter().flat_map(release).collect();
    for service in &facts.services {
        entries.extend(deployments(service));
        entries.extend(scaling(service));
        entries.extend(events(service));
    }
    entries.extend(facts.tasks.iter().flat_map(task));
    entries.extend(facts.lines.into_iter().map(line));
    entries.retain(|entry| entry.at >= facts.since && facts.until.is_none_or(|until| entry.at <= until));
    // Stable: lines of one millisecond stay in the order in which they came.
    entries.sort_by_key(|entry| (entry.at, entry.kind));
    entries
}

fn line(line: Line) -> TimelineEntry {
    let Line { at, container, task, message } = line;
    TimelineEntry { at, kind: TimelineSubject::Log, service: String::new(), task, container, message }
}

fn entry(at: Millis, kind: TimelineSubject, service: &str, message: String) -> TimelineEntry {
    let (task, container) = (String::new(), String::new());
    TimelineEntry { at, kind, service: service.to_owned(), task, container, message }
}

fn release(release: &Release) -> Vec<TimelineEntry> {
    let number = release.number;
    let revisions: Vec<&str> = release.services.values().map(|arn| short(arn)).collect();
    let what = match (release.restored, &release.tag) {
        (Some(restored), _) => format!("back to release {restored}: {}", revisions.join(", ")),
        (None, Some(tag)) => format!("{tag}: {}", revisions.join(", ")),
        (None, None) => revisions.join(", "),
    };
    let begun = format!("release {number} begun by {}: {what}", release.by.user);
    let mut told = vec![entry(release.started_at, TimelineSubject::Release, "", begun)];
    if let Some(at) = release.finished_at {
        let cause = release.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let how = if release.outcome == ReleaseOutcome::Unwatched { "left to itself" } else { release.outcome.word() };
        told.push(entry(at, TimelineSubject::Release, "", format!("release {number} {how}{cause}")));
    }
    told
}

/// Service deployments, where the endpoint knows such: they tell of the past, too. Else what the service says
/// of its deployments.
fn deployments(service: &ServiceFacts) -> Vec<TimelineEntry> {
    let name = &service.name;
    let own: Vec<&Document> = objects(&service.service, "deployments").collect();
    let told = |at: Option<Millis>, message: String| at.map(|at| entry(at, TimelineSubject::Deployment, name, message));
    if service.deployments.is_empty() {
        let one = |deployment: &&Document| {
            let (id, revision) = (text(deployment, "id"), short(text(deployment, "taskDefinition")));
            let state = text(deployment, "rolloutState");
            let begun = told(moment(deployment, "createdAt"), format!("{id} begun: {revision}"));
            let is_over = state == "COMPLETED" || state == "FAILED";
            let ended = told(moment(deployment, "updatedAt").filter(|_| is_over), {
                with_reason(format!("{id} {}", state.to_lowercase()), text(deployment, "rolloutStateReason"))
            });
            [begun, ended]
        };
        return own.iter().flat_map(one).flatten().collect();
    }
    let one = |deployment: &Document| {
        // The number of a deployment is the end of its service revision's ARN.
        let id = format!("ecs-svc/{}", short(text(deployment, "targetServiceRevisionArn")));
        let revision = own.iter().find(|own| text(own, "id") == id).map(|own| short(text(own, "taskDefinition")));
        let begun = with_reason(format!("{id} begun"), revision.unwrap_or_default());
        let status = text(deployment, "status").to_lowercase().replace('_', " ");
        let ended = with_reason(format!("{id} {status}"), text(deployment, "statusReason"));
        let at = moment(deployment, "startedAt").or_else(|| moment(deployment, "createdAt"));
        [told(at, begun), told(moment(deployment, "finishedAt"), ended)]
    };
    service.deployments.iter().flat_map(one).flatten().collect()
}

fn scaling(service: &ServiceFacts) -> Vec<TimelineEntry> {
    let one = |activity: &ScalingActivity| {
        let told = |at: Millis, message: String| entry(at, TimelineSubject::Scaling, &service.name, message);
        let begun = told(activity.at, with_reason(activity.what.clone(), &activity.cause));
        let ended =
            activity.ended_at.map(|at| told(at, with_reason(activity.status.to_lowercase(), &activity.message)));
        [Some(begun), ended]
    };
    // The newest comes first.
    service.activities.iter().rev().flat_map(one).flatten().collect()
}

fn events(service: &ServiceFacts) -> Vec<TimelineEntry> {
    let one = |event: &Document| {
        let at = moment(event, "createdAt")?;
        // The service's name is beside it already.
        let message = text(event, "message");
        let own = format!("(service {}) ", text(&service.service, "serviceName"));
        Some(entry(
            at,
            TimelineSubject::Service,
            &service.name,
            message.strip_prefix(&own).unwrap_or(message).to_owned(),
        ))
    };
    // ECS tells the newest first.
    let mut told: Vec<TimelineEntry> = objects(&service.service, "events").filter_map(one).collect();
    told.reverse();
    told
}

fn task(row: &Row) -> Vec<TimelineEntry> {
    let (view, times) = (&row.task, &row.times);
    let by = if view.started_by.is_empty() { String::new() } else { format!(" for {}", view.started_by) };
    let why = [view.stop_code.as_str(), &view.stopped_reason];
    let why = why.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ");
    let ends: Vec<String> = view.containers.iter().filter_map(end).collect();
    let stopped = with_reason("stopped".to_owned(), &why);
    let stopped = if ends.is_empty() { stopped } else { format!("{stopped}; {}", ends.join(", ")) };
    let moments = [
        (times.created, format!("created{by}: {}", row.revision)),
        (times.pull_started, "pulls its images".to_owned()),
        (times.pull_stopped, "has its images".to_owned()),
        (times.started, "running".to_owned()),
        (times.stopping, with_reason("stopping".to_owned(), &why)),
        (times.stopped, stopped),
    ];
    let one = |(at, message): (Option<Millis>, String)| {
        Some(TimelineEntry { task: view.id.clone(), ..entry(at?, TimelineSubject::Task, &row.owner, message) })
    };
    moments.into_iter().filter_map(one).collect()
}

/// How a container ended: `web exited (137): OutOfMemoryError`.
fn end(container: &ContainerView) -> Option<String> {
    match &container.state {
        ContainerState::Exited { code: None, reason } if reason.is_empty() => None,
        ContainerState::Exited { reason, .. } => {
            Some(with_reason(format!("{} {}", container.name, container.state.word()), reason))
        }
        _ => None,
    }
}

/// Returns a time of ECS in milliseconds since the epoch.
fn moment(document: &Document, name: &str) -> Option<Millis> {
    millis(document.get(name)?)
}

fn with_reason(what: String, reason: &str) -> String {
    if reason.is_empty() { what } else { format!("{what}: {reason}") }
}

fn objects<'a>(document: &'a Document, name: &str) -> impl Iterator<Item = &'a Document> {
    items(document, name).iter().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::object;
    use deploy_core::release::Actor;
    use serde_json::json;

    /// A release whose new revision ends for want of memory, and is taken back.
    fn bad_day() -> Facts {
        let release = json!({"number": 7, "tag": "v2", "services": {"demo": "arn:x:task-definition/demo:4"},
            "by": {"user": "ann", "host": "h"}, "startedAt": 1_000, "finishedAt": 9_500, "outcome": "rolled-back",
            "cause": "web: exit code 137"});
        let release = serde_json::from_value::<Release>(release.clone()).unwrap_or_else(|_| panic!("{release}"));
        let service = object(
            json!({"serviceName": "demo-web", "deployments": [{"id": "ecs-svc/2", "taskDefinition": "arn:d/demo:4", "createdAt": 2.0}],
            "events": [{"createdAt": 9.4, "message": "(service demo-web) rolling back to deployment ecs-svc/1."},
                {"createdAt": 3.0, "message": "(service demo-web) has started 1 tasks: (task abc)."}]}),
        );
        let deployment =
            object(json!({"targetServiceRevisionArn": "arn:r/demo/2", "startedAt": 2.0, "finishedAt": 9.4,
            "status": "ROLLBACK_SUCCESSFUL", "statusReason": "deployment circuit breaker"}));
        let task = object(
            json!({"taskArn": "arn:t/c/abc", "taskDefinitionArn": "arn:d/demo:4", "startedBy": "ecs-svc/2",
            "createdAt": 3.0, "pullStartedAt": 3.5, "pullStoppedAt": 4.25, "startedAt": 5.0, "stoppingAt": 6.0,
            "stoppedAt": 8.0, "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "web", "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemoryError"},
                {"name": "proxy", "lastStatus": "STOPPED", "exitCode": 0}]}),
        );
        let line =
            |at, message: &str| Line { at, container: "web".into(), task: "abc".into(), message: message.into() };
        Facts {
            services: vec![ServiceFacts {
                name: "demo".into(),
                service,
                deployments: vec![deployment],
                activities: Vec::new(),
            }],
            tasks: vec![Row::read("demo", &task)],
            releases: vec![release],
            lines: vec![line(5_000, "zzz"), line(5_000, "aaa"), line(5_900, "allocating")],
            since: 0,
            until: None,
        }
    }

    fn told(facts: Facts) -> Vec<String> {
        let one = |e: TimelineEntry| format!("{} {} {}{} {}", e.at, e.kind.word(), e.service, e.container, e.message);
        merge(facts).into_iter().map(one).collect()
    }

    #[test]
    fn a_bad_day_reads_from_its_cause_to_its_end() {
        assert_eq!(
            told(bad_day()),
            [
                "1000 release  release 7 begun by ann: v2: demo:4",
                "2000 deployment demo ecs-svc/2 begun: demo:4",
                "3000 service demo has started 1 tasks: (task abc).",
                "3000 task demo created for ecs-svc/2: demo:4",
                "3500 task demo pulls its images",
                "4250 task demo has its images",
                "5000 task demo running",
                "5000 log web zzz",
                "5000 log web aaa",
                "5900 log web allocating",
                "6000 task demo stopping: EssentialContainerExited: Essential container in task exited",
                "8000 task demo stopped: EssentialContainerExited: Essential container in task exited; \
                 web exited (137): OutOfMemoryError, proxy exited (0)",
                "9400 deployment demo ecs-svc/2 rollback successful: deployment circuit breaker",
                "9400 service demo rolling back to deployment ecs-svc/1.",
                "9500 release  release 7 rolled back: web: exit code 137",
            ]
        );
    }

    #[test]
    fn what_scaled_a_service_is_told_before_its_tasks() {
        let activity = |at: f64, end: Option<f64>, count: u32, status: &str| {
            let mut told = json!({"StartTime": at, "Description": format!("Setting desired count to {count}."),
                "Cause": "monitor alarm a in state ALARM triggered policy cpu", "StatusCode": status,
                "StatusMessage": "Successfully set desired count."});
            end.into_iter().for_each(|end| told["EndTime"] = json!(end));
            ScalingActivity::read(&object(told)).unwrap()
        };
        let mut facts = bad_day();
        facts.services[0].activities =
            vec![activity(3.0, None, 3, "InProgress"), activity(1.5, Some(2.5), 2, "Successful")];
        let told: Vec<String> = told(facts).into_iter().filter(|line| line.contains(" scaling ")).collect();
        assert_eq!(
            told,
            [
                "1500 scaling demo Setting desired count to 2: monitor alarm a in state ALARM triggered policy cpu",
                "2500 scaling demo successful: Successfully set desired count.",
                "3000 scaling demo Setting desired count to 3: monitor alarm a in state ALARM triggered policy cpu",
            ]
        );
    }

    #[test]
    fn nothing_outside_of_the_span_is_told() {
        let facts = Facts { since: 3_500, until: Some(4_250), ..bad_day() };
        assert_eq!(told(facts), ["3500 task demo pulls its images", "4250 task demo has its images"]);
    }

    #[test]
    fn without_service_deployments_the_service_tells_of_its_own() {
        let service = object(json!({"deployments": [
            {"id": "ecs-svc/2", "taskDefinition": "arn:d/demo:4", "createdAt": 2.0, "updatedAt": 3.0,
             "rolloutState": "IN_PROGRESS"},
            {"id": "ecs-svc/1", "taskDefinition": "arn:d/demo:3", "createdAt": 1.0, "updatedAt": 1.5,
             "rolloutState": "COMPLETED", "rolloutStateReason": "deployment completed"}]}));
        let services = vec![ServiceFacts { name: "demo".into(), service, ..ServiceFacts::default() }];
        assert_eq!(
            told(Facts { services, ..Facts::default() }),
            [
                "1000 deployment demo ecs-svc/1 begun: demo:3",
                "1500 deployment demo ecs-svc/1 completed: deployment completed",
                "2000 deployment demo ecs-svc/2 begun: demo:4",
            ]
        );
    }

    #[test]
    fn a_release_that_still_goes_on_has_no_end() {
        let mut facts = bad_day();
        facts.releases[0].finished_at = None;
        facts.releases[0].by = Actor { user: "bob".into(), ..facts.releases[0].by.clone() };
        let releases: Vec<String> = told(facts).into_iter().filter(|line| line.contains(" release ")).collect();
        assert_eq!(releases, ["1000 release  release 7 begun by bob: v2: demo:4"]);
    }
}
