//! A service's life: what has to happen next to one service, given the world.
//!
//! [`rollout`] decides which tasks start and stop; this module reads the world for it, keeps the
//! deployments' books and tells the story in ECS's words (docs/notes/ecs-behaviour.md 7.2, 7.3).

mod alarmed;
mod books;
mod breaker;
pub mod health;
mod history;
mod launch;
pub(crate) mod moments;
mod rollback;
pub mod rollout;
mod words;

use std::sync::Arc;

use aws_model::Millis;

use crate::Cx;
use crate::task::earliest;
use crate::world::{Change, DesiredStatus, RolloutState, Service, ServiceStatus, StopCause, Task, TaskStatus, World};
use health::TaskHealth;
use history::History;
use rollout::{Facts, Move, View};

pub(crate) use alarmed::alarmed;
pub use breaker::threshold as breaker_threshold;
pub use history::{KEPT as DEPLOYMENTS_KEPT, KEPT_FOR as DEPLOYMENTS_KEPT_FOR, record, rollback_candidate};
pub use launch::backoff;
pub use words::tell;

/// How long an inactive service is still described.
const KEPT_INACTIVE: Millis = 3_600_000;

/// What to do about a service now.
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// What becomes different: the service, its tasks, its deployments.
    pub changes: Vec<Change>,
    /// When to look again though nothing happened.
    pub look_again_at: Option<Millis>,
}

/// Decides a service's next step; the empty decision means that nothing is to be done now.
pub fn decide(world: &World, cx: &mut Cx<'_>, service: &Service) -> Decision {
    let mut step = Step {
        next: service.clone(),
        tasks: live_and_kept(world, service),
        history: History::of(world, service),
        went_back: false,
        decision: Decision::default(),
    };
    match service.status {
        ServiceStatus::Active => step.run(world, cx),
        ServiceStatus::Draining => step.drain(cx),
        ServiceStatus::Inactive => step.forget(cx.now),
    }
    let Step { next, tasks, history, mut decision, .. } = step;
    let changed = tasks.into_iter().filter(|t| t.changed).map(|t| Change::Task(t.task));
    decision.changes.extend(changed);
    if next != *service {
        decision.changes.push(Change::Service(next));
    }
    decision.changes.extend(history.changes(world));
    decision
}

/// A task under decision.
struct Seen {
    task: Task,
    changed: bool,
    health: TaskHealth,
}

struct Step {
    next: Service,
    tasks: Vec<Seen>,
    history: History,
    /// Whether this very decision goes back to another deployment: nothing is complete yet.
    went_back: bool,
    decision: Decision,
}

fn live_and_kept(world: &World, service: &Service) -> Vec<Seen> {
    let mut tasks: Vec<Arc<Task>> = world.service_tasks(&service.arn).cloned().collect();
    tasks.sort_by(|a, b| (a.created_at, &a.arn).cmp(&(b.created_at, &b.arn)));
    tasks.into_iter().map(|t| Seen { task: (*t).clone(), changed: false, health: TaskHealth::default() }).collect()
}

impl Seen {
    fn wanted(&self) -> bool {
        self.task.desired_status == DesiredStatus::Running
    }

    fn of(&self, deployment: &str) -> bool {
        self.task.started_by.as_deref() == Some(deployment)
    }

    fn stop(&mut self, reason: String) {
        self.task.desired_status = DesiredStatus::Stopped;
        self.task.stop.get_or_insert(StopCause { code: "ServiceSchedulerInitiated".to_owned(), reason });
        self.changed = true;
    }
}

impl Step {
    fn look(&mut self, at: Option<Millis>) {
        self.decision.look_again_at = earliest(self.decision.look_again_at, at);
    }

    /// Decides for an active service. The gates stand in an order that each of them relies on.
    fn run(&mut self, world: &World, cx: &mut Cx<'_>) {
        // 1. Health comes first: every later gate counts, judges or moves tasks by it.
        self.judge_health(world, cx.now);
        // 2. From here on, the deployment under way has a record: gates 5 and 6 write their reasons into it.
        self.history.make_missing(&self.next);
        // 3. Failures are counted while their deployment is still the primary one. Gates 5 and 6 may put another in its
        //    place, and a failure that is counted afterwards would be lost: each task is counted once.
        self.count_healthy_and_failed(cx);
        // 4. Records of overtaken deployments are ended. From here on one record is open, and no gate has to ask which
        //    one it reads a request from or writes to.
        self.begin_and_end_records(cx.now);
        self.watch_alarms(world, cx);
        // 5. The user comes before the breaker. A deployment that was stopped or left by request is not in progress
        //    any more, and the breaker lets it be.
        self.carry_out_request(cx);
        // 6. The breaker comes before the tasks: a deployment that is given up starts no further one, and a way back
        //    starts tasks of the revision that it goes back to.
        //    So do alarms. Whichever is first ends the deployment; the other finds it ended.
        self.trip_breaker(cx);
        self.trip_alarms(cx);
        // 7. Tasks move by the deployment that is the primary one now, and only by it.
        self.move_tasks(world, cx);
        // 8. A deployment is complete when gate 7 found nothing left to start or stop. Asked earlier, a service that is
        //    about to start a task would be steady.
        self.complete_deployments(world, cx);
        // 9. The record repeats what the gates before it decided, and only an ended one can be forgotten.
        self.update_record(cx.now);
        self.history.prune(&self.next, cx.now);
    }

    /// Learns which tasks are healthy and which are to be replaced.
    fn judge_health(&mut self, world: &World, now: Millis) {
        let grace = self.next.health_check_grace_period.unwrap_or(0);
        let mut look = None;
        for seen in self.tasks.iter_mut().filter(|s| s.wanted()) {
            let Some(revision) = world.revisions.get(&seen.task.task_definition_arn) else { continue };
            seen.health = health::of_task(world, &seen.task, &revision.spec, grace, now);
            look = earliest(look, seen.health.look_again_at);
            look = earliest(look, seen.task.protected_until.filter(|until| *until > now));
        }
        self.look(look);
    }

    fn move_tasks(&mut self, world: &World, cx: &mut Cx<'_>) {
        let Some(primary) = self.next.deployments.first().map(|d| d.id()) else { return };
        let live: Vec<usize> = (0..self.tasks.len()).filter(|i| self.tasks[*i].wanted()).collect();
        let views: Vec<View> = live
            .iter()
            .map(|i| {
                let seen = &self.tasks[*i];
                View {
                    fresh: seen.of(&primary),
                    runs: seen.task.last_status == TaskStatus::Running,
                    health: match seen.health {
                        TaskHealth { sick: Some(_), .. } => rollout::Health::Sick,
                        TaskHealth { healthy: true, .. } => rollout::Health::Healthy,
                        _ => rollout::Health::Open,
                    },
                    protected: seen.task.protected_until.is_some_and(|until| until > cx.now),
                }
            })
            .collect();
        let launch_at = backoff(&self.next);
        // A deployment that failed for good starts nothing more (developer guide, circuit breaker).
        let given_up = self.next.deployments.first().is_some_and(|d| d.rollout_state == RolloutState::Failed);
        let facts = Facts {
            desired: self.next.desired_count as usize,
            minimum_healthy_percent: self.next.minimum_healthy_percent as usize,
            maximum_percent: self.next.maximum_percent as usize,
            tasks: &views,
            given_up,
            may_launch: launch_at.is_none_or(|at| at <= cx.now),
        };
        let mut stopped = Vec::new();
        let mut launches = 0;
        for next in rollout::next_moves(&facts) {
            match next {
                Move::Launch => launches += 1,
                Move::Retire(i) => {
                    let reason = format!("Scaling activity initiated by (deployment {primary})");
                    self.tasks[live[i]].stop(reason);
                    stopped.push(self.tasks[live[i]].task.id.clone());
                }
                Move::Replace(i) => {
                    let seen = &mut self.tasks[live[i]];
                    let reason = seen.health.sick.clone().unwrap_or_default();
                    seen.stop(reason);
                }
            }
        }
        if !stopped.is_empty() {
            let message = words::stopped(&self.next.name, &stopped);
            tell(&mut self.next, cx, message);
        }
        if launches > 0 {
            self.launch(world, cx, launches);
        } else if !given_up
            && views.iter().filter(|v| v.fresh && v.health != rollout::Health::Sick).count() < facts.desired
        {
            self.look(launch_at.filter(|at| *at > cx.now));
        }
    }

    fn drain(&mut self, cx: &mut Cx<'_>) {
        for seen in self.tasks.iter_mut().filter(|s| s.wanted()) {
            seen.stop("Service was deleted".to_owned());
        }
        self.history.stop_all(cx.now, words::STOPPED_BY_DELETE);
        if self.tasks.iter().all(|s| s.task.is_stopped()) {
            self.next.status = ServiceStatus::Inactive;
            self.next.deployments.clear();
            self.next.inactive_since = Some(cx.now);
            self.look(Some(cx.now + KEPT_INACTIVE));
        }
    }

    fn forget(&mut self, now: Millis) {
        let at = self.next.inactive_since.unwrap_or(self.next.created_at) + KEPT_INACTIVE;
        if at <= now {
            self.history.forget_all();
            self.decision.changes.push(Change::ForgetService(self.next.arn.clone()));
        } else {
            self.look(Some(at));
        }
    }
}
