//! Whether a deployment is done, still going, or lost; and why. Pure.
//!
//! It tells the truth: done means that the deployment which we started is the primary one and
//! completed **and** that the service is to run the revision which we registered.

use std::collections::BTreeMap;

use serde::Serialize;

use super::view::{DeploymentView, ServiceView, TaskView};
use crate::event::ContainerState;

/// Stopped tasks with one cause that make a crash loop.
pub const CRASH_LOOP: usize = 3;

/// What is being waited for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Goal {
    /// ARN of the revision that must run.
    pub task_definition: String,
    /// The deployment to follow, `ecs-svc/N`.
    pub deployment: String,
    /// ARN of the revision that ran before, if one did.
    pub previous: Option<String>,
}

/// Where the deployment is.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Not there yet.
    Going,
    /// It failed, and the service is on its way back to what it ran before.
    GoingBack,
    /// It completed and runs what we registered.
    Done,
    /// It will not get there.
    Lost {
        /// Why the wait ends.
        end: End,
        /// Why tasks stopped, the most frequent cause first.
        causes: Vec<Cause>,
    },
}

/// Why a wait ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Tasks stop again and again for one reason.
    CrashLoop,
    /// ECS gave the deployment up.
    Failed,
    /// It was undone: the service runs again what it ran before.
    RolledBack,
    /// Another deployment took its place.
    Superseded,
    /// The service is gone.
    Gone,
    /// It took too long.
    TimedOut,
}

/// Why tasks stopped; tasks with the same cause are one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The container to blame, if one is.
    pub container: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i64>,
    /// ECS's code.
    pub stop_code: String,
    /// In ECS's words, the container's where it has some.
    pub reason: String,
    /// Tasks that stopped for it, newest last.
    pub tasks: Vec<String>,
}

impl Cause {
    /// Returns the cause in a line, for people.
    pub fn words(&self) -> String {
        let why = self.why();
        if why.is_empty() { self.what() } else { format!("{} ({why})", self.what()) }
    }

    /// Returns what happened to whom.
    pub fn what(&self) -> String {
        let never_ran = self.stop_code == "TaskFailedToStart";
        match (&self.container, self.exit_code) {
            (Some(name), Some(code)) => format!("container {name} exited with code {code}"),
            (Some(name), None) if never_ran => format!("container {name} could not start"),
            (Some(name), None) => format!("container {name} failed"),
            (None, _) if never_ran => "the task could not start".to_owned(),
            (None, _) => "the task was stopped".to_owned(),
        }
    }

    /// Returns what was said of it; empty when ECS gave no reason.
    pub fn why(&self) -> String {
        let said = [self.stop_code.as_str(), self.reason.as_str()];
        said.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

/// Whether the service is seen to run what was deployed.
fn is_still_ours(goal: &Goal, view: &ServiceView) -> bool {
    view.task_definition == goal.task_definition && view.primary().is_some_and(|primary| primary.id == goal.deployment)
}

/// Returns where a deployment is.
///
/// Where the endpoint tells how the service deployment stands, that is the truth; where it does
/// not (other emulators), the deployments of DescribeServices are.
pub fn judge(goal: &Goal, view: &ServiceView) -> Verdict {
    let causes = causes(tasks_of(goal, view));
    let lost = |end, causes| Verdict::Lost { end, causes };
    if matches!(view.status.as_str(), "DRAINING" | "INACTIVE" | "") {
        return lost(End::Gone, causes);
    }
    let status = view.service_deployment.as_ref().map(|ours| ours.status.as_str());
    match status {
        // The service was asked a moment before its deployment: what it runs now, the next look tells.
        Some("ROLLBACK_SUCCESSFUL") if is_still_ours(goal, view) => return Verdict::GoingBack,
        Some("ROLLBACK_SUCCESSFUL") => return lost(End::RolledBack, causes),
        Some("ROLLBACK_FAILED") => return lost(End::Failed, causes),
        Some("ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS" | "STOP_REQUESTED") => return Verdict::GoingBack,
        _ => {}
    }
    let ours = view.deployments.iter().find(|deployment| deployment.id == goal.deployment);
    let Some(primary) = view.primary() else { return Verdict::Going };
    if !is_still_ours(goal, view) {
        return match goes_back(goal, ours, primary) {
            // The service deployment is about to say how it ended.
            _ if status == Some("IN_PROGRESS") => Verdict::GoingBack,
            false => lost(End::Superseded, causes),
            true if is_settled(primary, view) => lost(End::RolledBack, causes),
            true => Verdict::GoingBack,
        };
    }
    if primary.rollout_state == "FAILED" || status == Some("STOPPED") {
        return lost(End::Failed, causes);
    }
    if is_settled(primary, view) {
        return Verdict::Done;
    }
    if is_crash_loop(&causes) {
        return lost(End::CrashLoop, causes);
    }
    Verdict::Going
}

/// Returns where a deployment is that completed and is watched on: that every task was replaced does
/// not make up for those that stopped.
pub fn judge_on(goal: &Goal, view: &ServiceView) -> Verdict {
    let causes = causes(tasks_of(goal, view));
    match judge(goal, view) {
        Verdict::Done if is_crash_loop(&causes) => Verdict::Lost { end: End::CrashLoop, causes },
        verdict => verdict,
    }
}

fn is_crash_loop(causes: &[Cause]) -> bool {
    causes.iter().any(|cause| cause.tasks.len() >= CRASH_LOOP)
}

/// Whether a deployment that took our place is the one from before.
fn goes_back(goal: &Goal, ours: Option<&DeploymentView>, primary: &DeploymentView) -> bool {
    let is_older = ours.is_some_and(|ours| primary.created_at > 0.0 && primary.created_at < ours.created_at);
    let has_failed = ours.is_some_and(|ours| ours.rollout_state == "FAILED");
    let runs_previous = goal.previous.as_ref() == Some(&primary.task_definition)
        && goal.previous.as_ref() != Some(&goal.task_definition);
    is_older || has_failed || runs_previous
}

/// Whether a deployment got where it wanted. Old tasks may still be finishing their requests.
fn is_settled(deployment: &DeploymentView, view: &ServiceView) -> bool {
    match deployment.rollout_state.as_str() {
        "COMPLETED" => view.running >= view.desired,
        // An endpoint that knows no rollout state is judged by its counts.
        "" => view.deployments.len() == 1 && view.running == view.desired,
        _ => false,
    }
}

/// Returns the tasks of the deployment followed.
pub fn tasks_of<'a>(goal: &'a Goal, view: &'a ServiceView) -> impl Iterator<Item = &'a TaskView> {
    view.tasks.iter().filter(move |task| {
        task.started_by == goal.deployment
            || (task.started_by.is_empty() && task.task_definition == goal.task_definition)
    })
}

/// Returns a text that is the same for tasks that failed alike.
pub(super) fn key(cause: &Cause) -> String {
    let reason = without_identity(&cause.reason);
    format!("{:?} {:?} {} {reason}", cause.container, cause.exit_code, cause.stop_code)
}

/// Returns why tasks stopped, the most frequent cause first.
pub fn causes<'a>(tasks: impl Iterator<Item = &'a TaskView>) -> Vec<Cause> {
    let mut found: Vec<Cause> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for task in tasks.filter(|task| task.is_ending() && is_failure(task)) {
        let cause = cause_of(task);
        let key = key(&cause);
        match known.get(&key) {
            Some(&index) => found[index].tasks.push(task.id.clone()),
            None => {
                known.insert(key, found.len());
                found.push(cause);
            }
        }
    }
    found.sort_by_key(|cause| std::cmp::Reverse(cause.tasks.len()));
    found
}

/// A task that the scheduler or a user stopped on purpose is no failure; one that the
/// scheduler stopped because a health check failed is.
pub(super) fn is_failure(task: &TaskView) -> bool {
    match task.stop_code.as_str() {
        "UserInitiated" => false,
        // Ending, but ECS does not say why yet.
        "" => task.is_stopped(),
        "ServiceSchedulerInitiated" => task.stopped_reason.contains("failed"),
        _ => true,
    }
}

fn cause_of(task: &TaskView) -> Cause {
    let blamed = blamed(task);
    let (exit_code, reason) = match blamed.map(|(_, state)| state) {
        Some(ContainerState::Exited { code, reason }) => (*code, reason.as_str()),
        _ => (None, ""),
    };
    Cause {
        container: blamed.map(|(name, _)| name.to_owned()),
        exit_code,
        stop_code: task.stop_code.clone(),
        reason: if reason.is_empty() { task.stopped_reason.clone() } else { reason.to_owned() },
        tasks: vec![task.id.clone()],
    }
}

/// Returns the container that brought its task down: the others were stopped with it, by
/// SIGTERM (143 or, when they end in order, 0) or SIGKILL (137).
fn blamed(task: &TaskView) -> Option<(&str, &ContainerState)> {
    let rank = |state: &ContainerState| match state {
        ContainerState::Exited { reason, .. } if !reason.is_empty() => Some(0),
        ContainerState::Exited { code: Some(137 | 143), .. } => Some(2),
        ContainerState::Exited { code: Some(0), .. } => Some(3),
        ContainerState::Exited { code: Some(_), .. } | ContainerState::Unhealthy => Some(1),
        _ => None,
    };
    // The scheduler stopped a healthy process (the balancer's check failed): none is to blame.
    if task.stop_code == "ServiceSchedulerInitiated" {
        return None;
    }
    let ranked: Vec<_> = task.containers.iter().filter_map(|c| Some((rank(&c.state)?, c))).collect();
    let (best, container) = ranked.iter().min_by_key(|(rank, _)| *rank)?;
    // Several that ended in order: any of them may have been first.
    let unsure = *best == 3 && ranked.len() > 1;
    (!unsure).then_some((container.name.as_str(), &container.state))
}

/// Returns a reason without what differs between two tasks that failed alike: ids, addresses, counts.
fn without_identity(reason: &str) -> String {
    let mut out = String::new();
    for word in reason.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let body = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = body.len() >= 16 && body.chars().all(|c| c.is_ascii_hexdigit());
        let is_number = !body.is_empty() && body.chars().all(|c| c.is_ascii_digit());
        out.push_str(if is_id || is_number { "#" } else { body });
        out.push_str(&word[body.len()..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::view::{ContainerView, ServiceDeploymentView};

    /// A deployment reads `id:status:revision:rollout`; a stopped task `id:code:stopCode:reason`.
    fn view(counts: (i64, i64), deployments: &str, tasks: &str) -> ServiceView {
        let parts = |text: &str| text.split(':').map(str::to_owned).collect::<Vec<_>>();
        let deployments = deployments.split_whitespace().map(|text| match &parts(text)[..] {
            [id, status, revision, rollout] => DeploymentView {
                id: id.clone(),
                status: status.clone(),
                task_definition: revision.clone(),
                rollout_state: rollout.clone(),
                ..DeploymentView::default()
            },
            other => panic!("{other:?}"),
        });
        let tasks = tasks.split_whitespace().map(|text| match &parts(text)[..] {
            [id, code, stop_code, reason] => TaskView {
                id: id.clone(),
                started_by: "d1".into(),
                last_status: "STOPPED".into(),
                stop_code: stop_code.clone(),
                stopped_reason: reason.replace('_', " "),
                containers: vec![container("proxy", Some(143)), container("web", code.parse().ok())],
                ..TaskView::default()
            },
            other => panic!("{other:?}"),
        });
        ServiceView {
            name: "s".into(),
            status: "ACTIVE".into(),
            // What a service is to run is what its newest deployment brings.
            task_definition: deployments.clone().next().map(|d| d.task_definition).unwrap_or_default(),
            desired: counts.0,
            running: counts.1,
            deployments: deployments.collect(),
            tasks: tasks.collect(),
            ..ServiceView::default()
        }
    }

    fn container(name: &str, code: Option<i64>) -> ContainerView {
        let state = ContainerState::Exited { code, reason: String::new() };
        ContainerView { name: name.into(), image: String::new(), state }
    }

    fn check(counts: (i64, i64), deployments: &str, tasks: &str, expected: &str) {
        let goal = Goal { task_definition: "r2".into(), deployment: "d1".into(), previous: Some("r1".into()) };
        let (status, deployments) = deployments.split_once('|').unwrap_or(("", deployments));
        let mut view = view(counts, deployments, tasks);
        view.service_deployment = (!status.is_empty())
            .then(|| ServiceDeploymentView { status: status.to_owned(), ..ServiceDeploymentView::default() });
        let found = match judge(&goal, &view) {
            Verdict::Going => "going".to_owned(),
            Verdict::GoingBack => "going back".to_owned(),
            Verdict::Done => "done".to_owned(),
            Verdict::Lost { end, causes } => {
                let causes = causes.iter().map(|c| {
                    let name = c.container.as_deref().unwrap_or("-");
                    let code = c.exit_code.map_or("-".to_owned(), |code| code.to_string());
                    format!(" {name}/{code}x{}", c.tasks.len())
                });
                format!("{end:?}{}", causes.collect::<String>())
            }
        };
        assert_eq!(found, expected, "{deployments} {tasks}");
    }

    #[test]
    fn done_only_when_our_deployment_completed_with_our_revision() {
        check((1, 0), "d1:PRIMARY:r2:IN_PROGRESS", "", "going");
        check((1, 1), "d1:PRIMARY:r2:IN_PROGRESS", "", "going");
        check((1, 1), "d1:PRIMARY:r2:COMPLETED", "", "done");
        check((2, 1), "d1:PRIMARY:r2:COMPLETED", "", "going");
        check((1, 2), "d1:PRIMARY:r2:COMPLETED d0:ACTIVE:r1:COMPLETED", "", "done");
        check((1, 1), "d1:PRIMARY:r2:", "", "done");
    }

    #[test]
    fn what_the_service_is_to_run_decides() {
        let goal = Goal { task_definition: "r2".into(), deployment: "d1".into(), previous: Some("r1".into()) };
        // An endpoint may keep one deployment for all time, with the revision that it began with.
        let mut view = view((0, 0), "d1:PRIMARY:r1:COMPLETED", "");
        assert_eq!(judge(&goal, &view), Verdict::Lost { end: End::RolledBack, causes: Vec::new() });
        view.task_definition = "r2".into();
        assert_eq!(judge(&goal, &view), Verdict::Done);
    }

    #[test]
    fn a_cause_of_which_nothing_is_known_has_no_empty_words() {
        let cause = |stop_code: &str, reason: &str| {
            let (stop_code, reason) = (stop_code.to_owned(), reason.to_owned());
            Cause { container: None, exit_code: None, stop_code, reason, tasks: Vec::new() }.words()
        };
        assert_eq!(cause("", ""), "the task was stopped");
        assert_eq!(cause("", "by hand"), "the task was stopped (by hand)");
        assert_eq!(cause("UserInitiated", "by hand"), "the task was stopped (UserInitiated: by hand)");
    }

    #[test]
    fn rolled_back_is_never_done() {
        check((1, 1), "d0:PRIMARY:r1:COMPLETED", "", "RolledBack");
        check((1, 1), "d1:PRIMARY:r1:COMPLETED", "", "RolledBack");
        check((1, 1), "d0:PRIMARY:r1:IN_PROGRESS d1:ACTIVE:r2:FAILED", "", "going back");
        check((1, 1), "d0:PRIMARY:r1:COMPLETED d1:ACTIVE:r2:FAILED", "", "RolledBack");
        check((1, 1), "d1:PRIMARY:r2:FAILED", "", "Failed");
    }

    #[test]
    fn the_service_deployment_is_believed() {
        check((1, 1), "ROLLBACK_IN_PROGRESS|d0:PRIMARY:r1:COMPLETED d1:ACTIVE:r2:FAILED", "", "going back");
        check((1, 1), "ROLLBACK_SUCCESSFUL|d0:PRIMARY:r1:COMPLETED", "", "RolledBack");
        check((1, 1), "ROLLBACK_SUCCESSFUL|d1:PRIMARY:r2:IN_PROGRESS", "", "going back");
        check((1, 1), "ROLLBACK_FAILED|d0:PRIMARY:r1:FAILED", "", "Failed");
        check((1, 1), "STOPPED|d1:PRIMARY:r2:IN_PROGRESS", "", "Failed");
        check((1, 1), "SUCCESSFUL|d1:PRIMARY:r2:COMPLETED", "", "done");
        // Success of the deployment is not enough: another may have taken its place since.
        check((1, 1), "SUCCESSFUL|d9:PRIMARY:r9:COMPLETED", "", "Superseded");
    }

    #[test]
    fn a_deployment_of_somebody_else_is_no_rollback() {
        check((1, 1), "d9:PRIMARY:r9:IN_PROGRESS d1:ACTIVE:r2:IN_PROGRESS", "", "Superseded");
        check((1, 1), "STOPPED|d9:PRIMARY:r9:IN_PROGRESS", "", "Superseded");
    }

    #[test]
    fn three_stops_for_one_cause_are_a_crash_loop() {
        let going = "d1:PRIMARY:r2:IN_PROGRESS";
        let two = "a:1:EssentialContainerExited:exit b:1:EssentialContainerExited:exit";
        check((1, 0), going, two, "going");
        check((1, 0), going, &format!("{two} c:1:EssentialContainerExited:exit"), "CrashLoop web/1x3");
        check((1, 0), going, &format!("{two} c:2:EssentialContainerExited:exit"), "going");
        let more = "c:2:EssentialContainerExited:exit d:1:EssentialContainerExited:exit";
        check((1, 0), going, &format!("{two} {more}"), "CrashLoop web/1x3 web/2x1");
    }

    #[test]
    fn watched_on_a_crash_loop_is_seen_though_every_task_was_replaced() {
        let goal = Goal { task_definition: "r2".into(), deployment: "d1".into(), previous: Some("r1".into()) };
        let stops =
            |count: usize| ["a", "b", "c"][..count].iter().map(|id| format!("{id}:1:EssentialContainerExited:exit "));
        let view = |count| view((3, 3), "d1:PRIMARY:r2:COMPLETED", &stops(count).collect::<String>());
        assert_eq!(judge(&goal, &view(3)), Verdict::Done, "it took some attempts, and runs");
        assert_eq!(judge_on(&goal, &view(2)), Verdict::Done);
        assert!(matches!(judge_on(&goal, &view(3)), Verdict::Lost { end: End::CrashLoop, .. }));
    }

    #[test]
    fn a_task_that_is_ending_counts_before_its_last_container_has_ended() {
        let mut task = view((1, 0), "", "a:3:EssentialContainerExited:exit").tasks.remove(0);
        task.containers[0].state = ContainerState::Running;
        task.last_status = "DEACTIVATING".into();
        assert_eq!(causes(std::iter::once(&task)), [], "its end is not decided");
        task.desired_status = "STOPPED".into();
        let found = causes(std::iter::once(&task));
        assert_eq!((found[0].container.as_deref(), found[0].exit_code), (Some("web"), Some(3)));
    }

    #[test]
    fn an_orderly_end_is_blamed_only_when_it_is_the_only_one() {
        let blame = |codes: [Option<i64>; 2]| {
            let mut task = view((1, 0), "", "a:0:EssentialContainerExited:exit").tasks.remove(0);
            task.containers = vec![container("proxy", codes[0]), container("web", codes[1])];
            causes(std::iter::once(&task))[0].container.clone()
        };
        assert_eq!(blame([Some(143), Some(1)]).as_deref(), Some("web"));
        assert_eq!(blame([Some(0), Some(1)]).as_deref(), Some("web"));
        assert_eq!(blame([Some(0), Some(143)]).as_deref(), Some("web"));
        assert_eq!(blame([Some(0), Some(0)]), None);
    }

    #[test]
    fn a_stop_on_purpose_is_no_failure() {
        let going = "d1:PRIMARY:r2:IN_PROGRESS";
        let scaled = "a:143:ServiceSchedulerInitiated:Scaling_activity";
        check((1, 0), going, &[scaled, scaled, scaled].join(" "), "going");
        let unhealthy = "a:143:ServiceSchedulerInitiated:Task_failed_ELB_health_checks";
        check((1, 0), going, &[unhealthy, unhealthy, unhealthy].join(" "), "CrashLoop -/-x3");
    }

    #[test]
    fn what_never_ran_is_not_said_to_have_stopped() {
        let what = |stop_code: &str, container: Option<&str>, exit_code| {
            let (container, stop_code) = (container.map(str::to_owned), stop_code.to_owned());
            Cause { container, exit_code, stop_code, reason: String::new(), tasks: Vec::new() }.what()
        };
        assert_eq!(what("TaskFailedToStart", None, None), "the task could not start");
        assert_eq!(what("TaskFailedToStart", Some("web"), None), "container web could not start");
        assert_eq!(what("EssentialContainerExited", Some("web"), Some(3)), "container web exited with code 3");
        assert_eq!(what("ServiceSchedulerInitiated", None, None), "the task was stopped");
    }

    #[test]
    fn tasks_that_failed_alike_are_one_cause_whatever_their_ids() {
        let reason = |id: &str, port: u16| format!("could not pull for task {id} from 10.77.0.{port}");
        assert_eq!(
            without_identity(&reason("0123456789abcdef0123456789abcdef", 3)),
            without_identity(&reason("fedcba9876543210fedcba9876543210", 12))
        );
        assert_ne!(without_identity("image a is missing"), without_identity("image b is missing"));
    }
}
