//! A task's life: what has to happen next to one task, given the world.
//!
//! States are ECS's (developer guide, "Task lifecycle"); transitions here, facts in [`event`].
//! An action's intent is in the task's stored state, so that repeating [`decide`] after a crash
//! asks for the same actions again; each is safe to repeat.

pub mod event;
pub mod health;
pub mod order;
mod registry;
pub mod restart;

#[cfg(test)]
mod tests;

use aws_model::Millis;
use aws_model::task_definition::TaskDefinition;

pub(crate) use event::INFRASTRUCTURE;
pub use event::{Event, HOST_RESTARTED, absorb, cut};

use crate::world::{
    Change, ContainerPhase, DesiredStatus, StopCause, Target, TargetKey, TargetState, Task, TaskStatus, World,
};
use order::Readiness;

/// How long a stopped task is still described. ECS promises at least one hour (DescribeTasks).
pub const KEPT_STOPPED: Millis = 3_600_000;
/// Seconds between SIGTERM and SIGKILL where the container does not say.
const STOP_TIMEOUT: i64 = 30;

/// Work for the engine; safe to repeat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Makes network, secrets and log groups ready.
    Prepare,
    /// Makes a container's image ready.
    Pull(String),
    /// Starts a container.
    Start(String),
    /// Checks a container's health once.
    Probe(String),
    /// Sends a container its stop signal.
    Terminate(String),
    /// Kills a container.
    Kill(String),
    /// Removes what is left of the task.
    TearDown,
}

/// What to do about a task now.
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// Stored before any action begins.
    pub changes: Vec<Change>,
    /// Begun after that, unless under way already.
    pub actions: Vec<Action>,
    /// When to look again though nothing happened.
    pub look_again_at: Option<Millis>,
}

/// Decides a task's next step; the empty decision means that nothing is to be done now.
pub fn decide(world: &World, task: &Task, spec: &TaskDefinition, now: Millis) -> Decision {
    let mut step = Step { world, spec, now, task: task.clone(), decision: Decision::default() };
    while step.advance() {}
    let Step { task: next, mut decision, .. } = step;
    if next != *task {
        decision.changes.insert(0, Change::Task(next));
    }
    decision
}

pub(crate) fn earliest(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

struct Step<'a> {
    world: &'a World,
    spec: &'a TaskDefinition,
    now: Millis,
    task: Task,
    decision: Decision,
}

impl Step<'_> {
    /// Moves the task one state on; false when it stays where it is.
    fn advance(&mut self) -> bool {
        match self.task.last_status {
            TaskStatus::Provisioning => self.provisioning(),
            TaskStatus::Pending => self.pending(),
            TaskStatus::Activating => self.activating(),
            TaskStatus::Running => self.running(),
            TaskStatus::Deactivating => self.deactivating(),
            TaskStatus::Stopping => self.stopping(),
            TaskStatus::Deprovisioning => self.deprovisioning(),
            TaskStatus::Stopped => self.stopped(),
        }
    }

    fn to(&mut self, status: TaskStatus) -> bool {
        self.task.last_status = status;
        // ACTIVATING and the like do not count (docs/notes/ecs-behaviour.md 7.4).
        if !matches!(status, TaskStatus::Activating | TaskStatus::Deactivating) {
            self.task.version += 1;
        }
        true
    }

    fn look(&mut self, at: Option<Millis>) {
        self.decision.look_again_at = earliest(self.decision.look_again_at, at);
    }

    fn ask(&mut self, action: Action) {
        if !self.decision.actions.contains(&action) {
            self.decision.actions.push(action);
        }
    }

    fn stop_wanted(&self) -> bool {
        self.task.desired_status == DesiredStatus::Stopped
    }

    fn stop(&mut self, code: &str, reason: &str) {
        self.task.desired_status = DesiredStatus::Stopped;
        self.task.stop.get_or_insert_with(|| StopCause { code: code.to_owned(), reason: reason.to_owned() });
    }

    fn provisioning(&mut self) -> bool {
        if self.stop_wanted() {
            return self.begin_stopping();
        }
        if self.task.network.is_some() {
            return self.to(TaskStatus::Pending);
        }
        self.ask(Action::Prepare);
        false
    }

    fn pending(&mut self) -> bool {
        self.restart_ended();
        self.note_essential_exit();
        if self.stop_wanted() {
            return self.begin_stopping();
        }
        for index in 0..self.task.containers.len() {
            if self.raise(index) {
                return true;
            }
        }
        self.probe_health();
        let pulled = self.task.containers.iter().all(|c| c.phase >= ContainerPhase::Pulled);
        if pulled && self.task.pull_stopped_at.is_none() {
            self.task.pull_stopped_at = Some(self.now);
        }
        let up = self.task.containers.iter().all(|c| c.phase >= ContainerPhase::Running);
        up && self.to(TaskStatus::Activating)
    }

    /// Brings one container nearer to running; true when the task must be looked at anew.
    fn raise(&mut self, index: usize) -> bool {
        let container = &self.task.containers[index];
        let name = container.name.clone();
        match container.phase {
            ContainerPhase::Waiting => {
                self.task.pull_started_at.get_or_insert(self.now);
                self.task.containers[index].phase = ContainerPhase::Pulling;
                self.ask(Action::Pull(name));
            }
            ContainerPhase::Pulling => self.ask(Action::Pull(name)),
            ContainerPhase::Pulled => {
                let Some(definition) = self.spec.container(&name) else {
                    event::fail_start(
                        &mut self.task,
                        "CannotCreateContainerError: container is not in the task definition",
                    );
                    return true;
                };
                match order::readiness(&self.task, self.spec, definition, self.now) {
                    Readiness::Ready => {
                        self.task.containers[index].phase = ContainerPhase::Starting;
                        self.task.containers[index].wanted_at = Some(self.now);
                        self.ask(Action::Start(name));
                    }
                    Readiness::Waits(at) => self.look(at),
                    Readiness::Never(why) => {
                        let reason = format!("CannotStartContainerError: {why}");
                        self.task.containers[index].reason = Some(reason.clone());
                        event::fail_start(&mut self.task, &reason);
                        return true;
                    }
                }
            }
            ContainerPhase::Starting => self.ask(Action::Start(name)),
            ContainerPhase::Running | ContainerPhase::Restarting | ContainerPhase::Stopped => {}
        }
        false
    }

    fn activating(&mut self) -> bool {
        for binding in self.task.targets.clone() {
            if let Some(key) = target_key(&self.task, &binding.group_arn, binding.port)
                && !self.world.targets.contains_key(&key)
            {
                self.decision.changes.push(Change::Target(Target {
                    key,
                    state: TargetState::Initial,
                    reason: Some("Elb.RegistrationInProgress".to_owned()),
                    description: Some("Target registration is in progress".to_owned()),
                    registered_at: self.now,
                    draining_since: None,
                }));
            }
        }
        self.enter_registries();
        self.task.started_at.get_or_insert(self.now);
        self.to(TaskStatus::Running)
    }

    fn running(&mut self) -> bool {
        self.restart_ended();
        self.note_essential_exit();
        if self.stop_wanted() {
            return self.begin_stopping();
        }
        self.probe_health();
        self.tell_registries();
        false
    }

    /// Leaves the load balancers and Cloud Map; a task whose own container ended does not wait for them.
    fn begin_stopping(&mut self) -> bool {
        self.task.stopping_at.get_or_insert(self.now);
        // What had all started has run, though it ended before we looked: a start and an end may arrive together.
        let starts: Option<Vec<Millis>> = self.task.containers.iter().map(|c| c.started_at).collect();
        if self.task.started_at.is_none() {
            self.task.started_at = starts.and_then(|starts| starts.into_iter().max());
        }
        let draining = self.drain_targets();
        let named_until = self.leave_registries();
        let by_choice =
            self.task.stop.as_ref().is_some_and(|s| s.code == "UserInitiated" || s.code == "ServiceSchedulerInitiated");
        if !by_choice {
            return self.to(TaskStatus::Stopping);
        }
        self.task.named_until = named_until;
        let waits = draining || named_until.is_some();
        self.to(if waits { TaskStatus::Deactivating } else { TaskStatus::Stopping })
    }

    /// Marks this task's targets as draining; returns whether there are any left.
    fn drain_targets(&mut self) -> bool {
        let mut any = false;
        for target in own_targets(self.world, &self.task) {
            any = true;
            if target.state != TargetState::Draining {
                self.decision.changes.push(Change::Target(Target {
                    state: TargetState::Draining,
                    reason: Some("Target.DeregistrationInProgress".to_owned()),
                    description: Some("Target deregistration is in progress".to_owned()),
                    draining_since: Some(self.now),
                    ..(*target).clone()
                }));
            }
        }
        any
    }

    fn deactivating(&mut self) -> bool {
        let open = own_targets(self.world, &self.task).next().is_some();
        // Entered in this very step: the targets that are being marked are not gone yet.
        let marking = self.decision.changes.iter().any(|c| matches!(c, Change::Target(_)));
        let broken = self.task.containers.iter().all(|c| c.phase == ContainerPhase::Stopped);
        let named = self.task.named_until.filter(|until| *until > self.now);
        if (open || marking || named.is_some()) && !broken {
            self.look(named);
            return false;
        }
        self.to(TaskStatus::Stopping)
    }

    fn stopping(&mut self) -> bool {
        // First those that never ran: nothing need wait for their end.
        for container in self.task.containers.iter_mut().filter(|c| c.phase <= ContainerPhase::Pulled) {
            container.phase = ContainerPhase::Stopped;
        }
        for index in 0..self.task.containers.len() {
            self.lower(index);
        }
        if self.task.containers.iter().any(|c| c.phase != ContainerPhase::Stopped) {
            return false;
        }
        self.task.execution_stopped_at.get_or_insert(self.now);
        self.to(TaskStatus::Deprovisioning)
    }

    /// Brings one container nearer to its end.
    fn lower(&mut self, index: usize) {
        let name = self.task.containers[index].name.clone();
        match self.task.containers[index].phase {
            // Whether it started is not known: ask again, the answer is the same.
            ContainerPhase::Starting | ContainerPhase::Restarting => self.ask(Action::Start(name)),
            ContainerPhase::Running if order::may_stop(&self.task, self.spec, &name) => {
                let seconds = self.spec.container(&name).and_then(|c| c.stop_timeout).unwrap_or(STOP_TIMEOUT);
                let asked = *self.task.containers[index].stop_asked_at.get_or_insert(self.now);
                let deadline = asked + seconds * 1000;
                if self.now < deadline {
                    self.ask(Action::Terminate(name));
                    self.look(Some(deadline));
                } else {
                    self.task.containers[index].kill_asked_at.get_or_insert(self.now);
                    self.ask(Action::Kill(name));
                }
            }
            _ => {}
        }
    }

    fn deprovisioning(&mut self) -> bool {
        if self.task.stopped_at.is_some() {
            return self.to(TaskStatus::Stopped);
        }
        self.ask(Action::TearDown);
        false
    }

    fn stopped(&mut self) -> bool {
        let stopped = self.task.stopped_at.unwrap_or(self.task.created_at);
        if self.now >= stopped + KEPT_STOPPED {
            self.decision.changes.push(Change::ForgetTask(self.task.arn.clone()));
        } else {
            self.look(Some(stopped + KEPT_STOPPED));
        }
        false
    }

    /// Starts again what ended and is to go on, before its end is noted.
    fn restart_ended(&mut self) {
        if self.stop_wanted() {
            return;
        }
        for index in 0..self.task.containers.len() {
            let container = &self.task.containers[index];
            let policy = self.spec.container(&container.name).and_then(|c| c.restart_policy.as_ref());
            if policy.is_some_and(|policy| restart::is_due(policy, container)) {
                restart::begin(&mut self.task.containers[index], self.now);
            }
            if self.task.containers[index].phase == ContainerPhase::Restarting {
                self.ask(Action::Start(self.task.containers[index].name.clone()));
            }
        }
    }

    fn note_essential_exit(&mut self) {
        let ended =
            self.task.containers.iter().find(|c| {
                c.phase == ContainerPhase::Stopped && self.spec.container(&c.name).is_none_or(|d| d.essential)
            });
        if ended.is_some() && !self.stop_wanted() {
            self.stop("EssentialContainerExited", "Essential container in task exited");
        }
    }

    fn probe_health(&mut self) {
        for container in &self.task.containers {
            let Some(check) = self.spec.container(&container.name).and_then(health::check_of) else { continue };
            match health::due_at(check, container) {
                Some(at) if at <= self.now => self.decision.actions.push(Action::Probe(container.name.clone())),
                at => self.decision.look_again_at = earliest(self.decision.look_again_at, at),
            }
        }
    }
}

fn target_key(task: &Task, group_arn: &str, port: u16) -> Option<TargetKey> {
    let address = task.network.as_ref()?.address;
    Some(TargetKey { group_arn: group_arn.to_owned(), id: address.to_string(), port })
}

/// Returns the targets that a task has registered.
pub fn own_targets<'w>(world: &'w World, task: &Task) -> impl Iterator<Item = std::sync::Arc<Target>> + use<'w> {
    let keys: Vec<_> = task.targets.iter().filter_map(|b| target_key(task, &b.group_arn, b.port)).collect();
    keys.into_iter().filter_map(move |key| world.targets.get(&key).cloned())
}

/// Returns the health that ECS answers for the whole task: unhealthy if an essential container is,
/// healthy if all that are checked are, else unknown (API reference, Task.healthStatus).
pub fn task_health(task: &Task, spec: &TaskDefinition) -> crate::world::HealthState {
    use crate::world::HealthState;
    let mut checked = task
        .containers
        .iter()
        .filter(|c| spec.container(&c.name).is_some_and(|d| d.essential && health::check_of(d).is_some()))
        .peekable();
    if checked.peek().is_none() {
        return HealthState::Unknown;
    }
    checked.fold(HealthState::Healthy, |all, c| match (all, c.health.state) {
        (HealthState::Unhealthy, _) | (_, HealthState::Unhealthy) => HealthState::Unhealthy,
        (HealthState::Unknown, _) | (_, HealthState::Unknown) => HealthState::Unknown,
        _ => HealthState::Healthy,
    })
}
