//! New tasks of a service, and the pause between them when they keep failing.

use aws_model::Millis;

use super::{Step, tell, words};
use crate::Cx;
use crate::world::{Change, Service, World};

/// The longest pause.
const LONGEST: Millis = 60_000;

/// Returns when the next launch is allowed; none at once.
///
/// ECS restarts failing tasks "with growing back-off" and does not publish the numbers (developer
/// guide, "Service throttle logic"). Here: the first failure costs nothing, then 1, 2, 4 ... 60 s.
pub fn backoff(service: &Service) -> Option<Millis> {
    let doublings = service.failures_in_a_row.checked_sub(2)?;
    let pause = 1000_i64.checked_shl(doublings.min(16)).unwrap_or(LONGEST).min(LONGEST);
    Some(service.last_failure_at? + pause)
}

impl Step {
    pub(super) fn launch(&mut self, world: &World, cx: &mut Cx<'_>, count: usize) {
        let Some(deployment) = self.next.deployments.first().cloned() else { return };
        let mut ids = Vec::new();
        for _ in 0..count {
            match crate::ecs::new_service_task(world, cx, &self.next, &deployment) {
                Ok(task) => {
                    ids.push(task.id.clone());
                    self.decision.changes.push(Change::Task(task));
                }
                Err(error) => {
                    let message = words::cannot_launch(&self.next.name, &error.message);
                    self.next.failures_in_a_row += 1;
                    self.next.last_failure_at = Some(cx.now);
                    self.count_failure(&deployment.id());
                    if self.next.events.first().is_none_or(|e| e.message != message) {
                        tell(&mut self.next, cx, message);
                    }
                    let at = super::backoff(&self.next).unwrap_or(cx.now + 1000);
                    self.look(Some(at));
                    break;
                }
            }
        }
        if !ids.is_empty() {
            let message = words::started(&self.next.name, &ids);
            tell(&mut self.next, cx, message);
        }
    }
}
