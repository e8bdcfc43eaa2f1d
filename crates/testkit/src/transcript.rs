//! What happened, a line each, with names instead of ids: tasks `t1`, deployments `d1`, the target group `tg`.

use std::collections::BTreeMap;

use aws_model::Millis;
use platform_core::task::Action;
use platform_core::world::{Change, DesiredStatus, HealthState, Service, ServiceDeployment, Task, TaskStatus, World};

use crate::fixtures::GROUP;

#[derive(Debug, Default)]
pub(crate) struct Transcript {
    lines: Vec<String>,
    /// Task ARN → its name.
    tasks: BTreeMap<String, String>,
    /// Id as it appears in texts → its name.
    names: BTreeMap<String, String>,
    deployments: usize,
}

impl Transcript {
    pub(crate) fn say(&mut self, line: &str, now: Millis) {
        let mut line = line.replace(GROUP, "tg");
        for (id, name) in &self.names {
            line = line.replace(id, name);
        }
        self.lines.push(format!("{:>4}.{}  {line}", now / 1000, now % 1000 / 100));
    }

    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    pub(crate) fn task_name(&self, arn: &str) -> Option<&str> {
        self.tasks.get(arn).map(String::as_str)
    }

    pub(crate) fn tell_action(&mut self, task: &Task, action: &Action, now: Millis) {
        let name = self.tasks.get(&task.arn).cloned().unwrap_or_default();
        match action {
            Action::Terminate(_) => self.say(&format!("{name} SIGTERM"), now),
            Action::Kill(_) => self.say(&format!("{name} SIGKILL"), now),
            _ => {}
        }
    }

    /// Tells what a change makes different.
    pub(crate) fn tell(&mut self, world: &World, change: &Change, now: Millis) {
        match change {
            Change::Task(task) => self.task(world.tasks.get(&task.arn).map(|t| &**t), task, now),
            Change::Service(service) => self.service(world.services.get(&service.arn).map(|s| &**s), service, now),
            Change::ServiceDeployment(row) => {
                self.deployment(world.service_deployments.get(&row.arn).map(|r| &**r), row, now);
            }
            Change::Target(target) => {
                let before = world.targets.get(&target.key).map(|t| t.state);
                if before != Some(target.state) {
                    let name = self.owner(world, &target.key.id);
                    self.say(&format!("{name} target {}", target.state.as_str()), now);
                }
            }
            Change::DeleteTarget(key) => {
                let name = self.owner(world, &key.id);
                self.say(&format!("{name} target gone"), now);
            }
            _ => {}
        }
    }

    fn owner(&self, world: &World, address: &str) -> String {
        let arn = world.task_of_address.get(address);
        arn.and_then(|arn| self.tasks.get(arn)).cloned().unwrap_or_else(|| "?".to_owned())
    }

    fn task(&mut self, before: Option<&Task>, task: &Task, now: Millis) {
        let revision = task.task_definition_arn.rsplit(':').next().unwrap_or_default();
        if before.is_none() {
            let name = format!("t{}", self.tasks.len() + 1);
            self.tasks.insert(task.arn.clone(), name.clone());
            self.names.insert(task.id.clone(), name.clone());
            let by = task.started_by.as_deref().unwrap_or("nobody").trim_start_matches("ecs-svc/");
            self.say(&format!("{name} starts: rev{revision} of {by}"), now);
        }
        let name = self.tasks[&task.arn].clone();
        let health = |t: &Task| t.containers.iter().map(|c| c.health.state).max_by_key(|s| *s as u8);
        if health(task) != before.and_then(health) && health(task) != Some(HealthState::Unknown) {
            self.say(&format!("{name} {}", health(task).unwrap_or_default().as_str()), now);
        }
        if task.desired_status == DesiredStatus::Stopped
            && before.is_none_or(|b| b.desired_status == DesiredStatus::Running)
        {
            let why = task.stop.as_ref().map(|s| format!("{}: {}", s.code, s.reason)).unwrap_or_default();
            self.say(&format!("{name} is to stop: {why}"), now);
        }
        let told = [TaskStatus::Running, TaskStatus::Deactivating, TaskStatus::Stopped];
        if before.map(|b| b.last_status) != Some(task.last_status) && told.contains(&task.last_status) {
            let codes: Vec<String> =
                task.containers.iter().filter_map(|c| c.exit_code).map(|c| c.to_string()).collect();
            let exit = match task.last_status == TaskStatus::Stopped && !codes.is_empty() {
                true => format!(" (exit {})", codes.join(", ")),
                false => String::new(),
            };
            self.say(&format!("{name} {}{exit}", task.last_status.as_str()), now);
        }
    }

    fn service(&mut self, before: Option<&Service>, service: &Service, now: Millis) {
        for deployment in service.deployments.iter().rev() {
            self.name_deployment(&deployment.number);
        }
        let list = |s: &Service| {
            let each = s.deployments.iter().enumerate().map(|(i, d)| {
                let status = if i == 0 { "PRIMARY" } else { "ACTIVE" };
                format!("{status} {} {}", d.number, d.rollout_state.as_str())
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let known = before.and_then(|b| b.events.first()).map(|e| e.id.clone());
        let new: Vec<_> = service.events.iter().take_while(|e| Some(&e.id) != known.as_ref()).collect();
        for event in new.into_iter().rev() {
            self.say(&format!("event: {}", event.message), now);
        }
        if before.map(list).as_ref() != Some(&list(service)) {
            self.say(&format!("deployments: {}", list(service)), now);
            for deployment in &service.deployments {
                let mut old = before.iter().flat_map(|b| &b.deployments).filter(|d| d.number == deployment.number);
                if old.all(|d| d.rollout_state_reason != deployment.rollout_state_reason) {
                    self.say(&format!("  {}: {}", deployment.number, deployment.rollout_state_reason), now);
                }
            }
        }
        if before.is_some_and(|b| b.status != service.status) {
            self.say(&format!("service {}", service.status.as_str()), now);
        }
    }

    fn deployment(&mut self, before: Option<&ServiceDeployment>, row: &ServiceDeployment, now: Millis) {
        self.name_deployment(&row.target.number);
        if before.map(|b| b.status) != Some(row.status) {
            let why = row.status_reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
            self.say(&format!("service deployment {} {}{why}", row.target.number, row.status.as_str()), now);
        }
        if before.is_some_and(|b| b.breaker.failures != row.breaker.failures) {
            let (count, of) = (row.breaker.failures, row.breaker.threshold);
            self.say(&format!("breaker of {}: {count} of {of}", row.target.number), now);
        }
    }

    fn name_deployment(&mut self, number: &str) {
        if !self.names.contains_key(number) {
            self.deployments += 1;
            self.names.insert(number.to_owned(), format!("d{}", self.deployments));
        }
    }
}
