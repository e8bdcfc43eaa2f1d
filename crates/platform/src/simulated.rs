//! The engine that runs nothing: tasks move through their states at once, on any system, without root.
//!
//! For tests of deploy tools and of Terraform. Every action succeeds; containers run until they are
//! asked to stop, and then end with 143 (SIGTERM). A container that is not essential and on whose
//! completion another depends ends at once with 0: it is an initialiser, and its dependants would
//! wait for ever. So does an essential container of a task that a rule or a schedule started: it is a job, and
//! nothing would ever stop it. Its exit code is 0, or what its variable [`EXIT_CODE`] says.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_model::Millis;
use aws_model::task_definition::TaskDefinition;
use orchestrator::{Begin, Clock, Engine, Fact, Routes};
use platform_core::World;
use platform_core::task::{Action, Event};
use platform_core::world::{ContainerPhase, Network, TargetState, Task};
use tokio::sync::mpsc::UnboundedSender;

use crate::gate::is_gate;

/// Variable of a container's definition that says how it ends, where it ends by itself: for tests of what fails.
const EXIT_CODE: &str = "SIMULATED_EXIT_CODE";

/// The simulated engine.
pub(crate) struct Simulated {
    facts: UnboundedSender<Fact>,
    clock: Clock,
    /// Counts addresses given; they only have to differ among live tasks.
    addresses: AtomicU32,
    /// What can run here: anything, unless it is [`aws_model::served::NOWHERE`].
    architecture: Option<&'static str>,
}

impl Simulated {
    /// Returns an engine that reports on `facts`.
    pub(crate) fn new(facts: UnboundedSender<Fact>, clock: Clock) -> Self {
        Self { facts, clock, addresses: AtomicU32::new(0), architecture: None }
    }

    /// Returns the same engine for documents that no task could run from here.
    pub(crate) fn of_documents(self) -> Self {
        Self { architecture: Some(aws_model::served::NOWHERE), ..self }
    }

    fn report(&self, arn: &str, event: Event) {
        // This fails only once the driver has gone, and then nothing needs the fact.
        let _ = self.facts.send(Fact::Task { arn: arn.to_owned(), event });
    }

    fn network(&self) -> Network {
        let n = self.addresses.fetch_add(1, Ordering::Relaxed) % 0x00ff_fffd + 2;
        let address = Ipv4Addr::from(0x0a00_0000 | n); // 10.0.0.2 and up
        crate::attachment::network_of(address)
    }

    fn exited(&self, task: &Task, container: String, code: i32) -> Event {
        let restarts = restarts(task, &container);
        Event::Exited { container, code, oom: false, restarts, at: self.clock.now() }
    }
}

/// How often a container has been started before, which is all that this engine has to know of restarts: none of
/// its containers ends by itself, but for those that do so at once, too soon to be restarted.
fn restarts(task: &Task, container: &str) -> u32 {
    task.container(container).map_or(0, |c| c.restarts)
}

/// Whether a container is the work of a task that no service keeps: what a rule or a schedule started. What only
/// watches over the time of a task ends with it.
fn is_job(task: &Task, spec: &TaskDefinition, container: &str) -> bool {
    let by = task.started_by.as_deref().unwrap_or_default();
    let is_fired =
        ["events-rule/", "chronos-schedule/", "managr-schedule/"].iter().any(|prefix| by.starts_with(prefix));
    is_fired && spec.container(container).is_some_and(|c| c.essential && !is_gate(c))
}

/// Returns how a job's container ends.
fn code_of(spec: &TaskDefinition, container: &str) -> i32 {
    let variables = spec.container(container).map(|c| c.environment.as_slice()).unwrap_or_default();
    let said = variables.iter().find(|variable| variable.name == EXIT_CODE);
    said.and_then(|variable| variable.value.parse().ok()).unwrap_or(0)
}

fn is_initialiser(spec: &TaskDefinition, container: &str) -> bool {
    let awaited = |d: &aws_model::task_definition::Dependency| {
        d.container_name == container && matches!(d.condition.as_str(), "COMPLETE" | "SUCCESS")
    };
    spec.container(container).is_some_and(|c| !c.essential)
        && spec.container_definitions.iter().any(|c| c.depends_on.iter().any(awaited))
}

impl Engine for Simulated {
    fn architecture(&self) -> Option<&'static str> {
        self.architecture
    }

    fn begin(&self, begin: Begin) {
        let arn = &begin.task.arn;
        let now: Millis = self.clock.now();
        match begin.action {
            Action::Prepare => self.report(arn, Event::Prepared(self.network())),
            Action::Pull(container) => {
                let image = begin.task.container(&container).map(|c| c.image.clone()).unwrap_or_default();
                let digest = image.split_once('@').map_or_else(
                    || {
                        format!(
                            "sha256:{:064x}",
                            image.bytes().fold(0_u128, |h, b| h.wrapping_mul(131) + u128::from(b))
                        )
                    },
                    |(_, digest)| digest.to_owned(),
                );
                self.report(arn, Event::Pulled { container, digest });
            }
            Action::Start(container) => {
                let restarts = restarts(&begin.task, &container);
                self.report(arn, Event::Started { container: container.clone(), restarts, at: now });
                if is_initialiser(&begin.spec, &container) || is_job(&begin.task, &begin.spec, &container) {
                    let code = code_of(&begin.spec, &container);
                    let ended = self.exited(&begin.task, container, code);
                    self.report(arn, ended);
                }
            }
            Action::Probe(container) => self.report(arn, Event::Probed { container, passed: true, at: now }),
            Action::Terminate(container) => {
                let ended = self.exited(&begin.task, container, 143);
                self.report(arn, ended);
            }
            Action::Kill(container) => {
                let ended = self.exited(&begin.task, container, 137);
                self.report(arn, ended);
            }
            Action::TearDown => self.report(arn, Event::TornDown),
        }
    }

    fn adopt(&self, tasks: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {
        // What is stored is all there is; only addresses must not be given twice.
        let taken = tasks.iter().filter_map(|(t, _)| t.network.as_ref()).map(|n| u32::from(n.address) & 0x00ff_ffff);
        self.addresses.store(taken.max().map_or(0, |highest| highest.saturating_sub(1)), Ordering::Relaxed);
    }

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// Routes that go nowhere: every target whose containers run is healthy.
pub(crate) struct SimulatedRoutes {
    facts: UnboundedSender<Fact>,
}

impl SimulatedRoutes {
    /// Returns routes that report on `facts`.
    pub(crate) fn new(facts: UnboundedSender<Fact>) -> Self {
        Self { facts }
    }
}

impl Routes for SimulatedRoutes {
    fn apply(&self, world: &World) {
        for target in world.targets.values() {
            let fact = match target.state {
                TargetState::Draining => Fact::TargetDrained(target.key.clone()),
                TargetState::Initial if runs(world, &target.key.id) => Fact::TargetHealth {
                    key: target.key.clone(),
                    state: TargetState::Healthy,
                    reason: None,
                    description: None,
                },
                _ => continue,
            };
            let _ = self.facts.send(fact); // the driver has gone when this fails
        }
    }
}

fn runs(world: &World, address: &str) -> bool {
    let task = world.task_of_address.get(address).and_then(|arn| world.tasks.get(arn));
    task.is_none_or(|t| {
        t.containers.iter().any(|c| matches!(c.phase, ContainerPhase::Running | ContainerPhase::Restarting))
    })
}
