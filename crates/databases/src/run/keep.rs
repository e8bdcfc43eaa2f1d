//! Keeps servers running: finds those of an earlier platform, and starts one again that died.

use std::time::Duration;

use runtime::{ContainerState, Event, TaskReport};

use super::place::{CONTAINER, is_task, task_of};
use super::state::{End, Started};
use super::{Failure, Instance, News, Running, Servers};

/// How long until a server that died is started again, at first; twice as long each time after.
const FIRST: Duration = Duration::from_millis(100);
/// And at most.
const LONGEST: Duration = Duration::from_secs(30);
/// A disk that is full may be emptied any moment, and trying costs little.
const FULL: Duration = Duration::from_secs(5);

impl Servers {
    /// Takes over the servers of an earlier platform: those that should run and do are left alone, those that should
    /// and do not are started, all others are ended. Their files stay.
    pub async fn adopt(&self, instances: Vec<Instance>) {
        let reports = self.inner.runtime.known_tasks().await;
        for stranger in reports.iter().filter(|report| is_task(&report.id)) {
            if instances.iter().any(|instance| task_of(&instance.resource) == stranger.id) {
                continue;
            }
            tracing::info!(task = stranger.id, "ending a database that should not run");
            if let Err(error) = self.inner.runtime.remove_task(&stranger.id).await {
                tracing::warn!(task = stranger.id, %error, "a database could not be ended");
            }
        }
        for instance in instances {
            let task = task_of(&instance.resource);
            let report = reports.iter().find(|report| report.id == task);
            self.inner.state.want(&task, Some(instance.clone()));
            let servers = self.clone();
            let started = report.and_then(|report| start_of(report, &instance));
            tokio::spawn(async move { servers.take_up(instance, started).await });
        }
    }

    /// Passes on what happened to a task; whether it is a database's.
    pub fn hear(&self, event: &Event) -> bool {
        if !self.inner.state.hear(event) {
            return false;
        }
        if let Event::Exited { task, .. } | Event::SupervisorLost { task, .. } = event {
            let (servers, task) = (self.clone(), task.clone());
            tokio::spawn(async move { servers.revive(&task).await });
        }
        true
    }

    /// Goes on trying to start a database that could not be started.
    pub fn keep_trying(&self, instance: Instance, why: String) {
        let (servers, task) = (self.clone(), task_of(&instance.resource));
        self.inner.state.want(&task, Some(instance.clone()));
        tokio::spawn(async move { servers.bring_back(&instance, why).await });
    }

    /// Ends all databases that there are on this machine, and removes their files.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn clear(&self) -> Result<(), Failure> {
        let reports = self.inner.runtime.known_tasks().await;
        for report in reports.iter().filter(|report| is_task(&report.id)) {
            self.inner.state.want(&report.id, None);
            self.inner.runtime.remove_task(&report.id).await?;
            self.inner.state.forget(&report.id);
        }
        let path = self.inner.places.root().to_owned();
        let removed = path.clone();
        let outcome = tokio::task::spawn_blocking(move || runtime::remove_tree(&removed)).await;
        outcome.unwrap_or_else(|error| Err(error.into())).map_err(|source| Failure::Folder { path, source })
    }

    /// Takes up one server that was found, or starts it.
    async fn take_up(&self, instance: Instance, started: Option<(Started, std::net::Ipv4Addr)>) {
        let task = task_of(&instance.resource);
        if let Some((started, address)) = started {
            let found = self.known(&instance, &started, address).await;
            if let Ok(running) = found {
                self.inner.state.runs(&task, Some((started, running.clone())));
                self.tell(&instance, News::Found(running));
                // It may have ended meanwhile.
                self.revive(&task).await;
                return;
            }
        }
        self.bring_back(&instance, "it did not run when the platform was started".to_owned()).await;
    }

    async fn known(
        &self,
        instance: &Instance,
        started: &Started,
        address: std::net::Ipv4Addr,
    ) -> Result<Running, Failure> {
        let (inner, task) = (&self.inner, task_of(&instance.resource));
        let place = inner.places.place(&instance.resource);
        let program = inner.program(instance.major).await?;
        inner.state.hold(&task, program.lease);
        let source = program.source;
        let version = inner.answers(&task, &place, started).await?;
        Ok(Running { version, address, source })
    }

    /// Starts a server again that has ended though it should run.
    async fn revive(&self, task: &str) {
        let inner = &self.inner;
        let (Some(instance), Some((started, _))) = (inner.state.wanted(task), inner.state.running(task)) else {
            return;
        };
        let Some(end) = inner.state.end(task, CONTAINER, started.at_ms) else { return };
        {
            let changing = inner.state.changing(task);
            let _alone = changing.lock().await;
            // Somebody else may have seen to it meanwhile.
            if inner.state.running(task).is_none_or(|(now, _)| now != started) {
                return;
            }
            inner.state.runs(task, None);
        }
        let why = inner.why_ended(task, &inner.places.place(&instance.resource), &end);
        tracing::warn!(database = instance.id, why = %why, lost = end == End::Lost, "a database died");
        self.bring_back(&instance, why.to_string()).await;
    }

    /// Starts a server until it runs or should not run any more.
    async fn bring_back(&self, instance: &Instance, why: String) {
        let (inner, task) = (&self.inner, task_of(&instance.resource));
        self.tell(instance, News::Died { why });
        let mut pause = FIRST;
        let mut told = None;
        loop {
            let attempt = {
                let changing = inner.state.changing(&task);
                let _alone = changing.lock().await;
                // As it should be by now.
                let Some(instance) = inner.state.wanted(&task) else { return };
                inner.start(&instance).await
            };
            let (news, wait) = match attempt {
                Ok(running) => {
                    self.tell(instance, News::Restarted(running));
                    return;
                }
                Err(error) => {
                    let words = chain(&error);
                    tracing::warn!(database = instance.id, error = words, "a database could not be started again");
                    match error {
                        Failure::Full { .. } => (News::StorageFull { why: words }, FULL),
                        _ => (News::CannotStart { why: words }, pause),
                    }
                }
            };
            // Once for each cause: it may go on for days.
            let kind = std::mem::discriminant(&news);
            if told != Some(kind) {
                told = Some(kind);
                self.tell(instance, news);
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // Cancelled without harm: it only looks.
                () = inner.state.unwanted(&task) => return,
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    fn tell(&self, instance: &Instance, news: News) {
        // The listener has gone when this fails: the next process finds out by itself.
        let _ = self.inner.news.send((instance.resource.clone(), news));
    }
}

/// Returns when a server of an earlier platform was started, if it runs.
fn start_of(report: &TaskReport, instance: &Instance) -> Option<(Started, std::net::Ipv4Addr)> {
    if report.lost.is_some() {
        return None;
    }
    let container = report.containers.iter().find(|container| container.name == CONTAINER)?;
    (container.state == ContainerState::Running)
        .then_some((Started { at_ms: container.started_at_ms, port: instance.port }, report.network.address))
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}
