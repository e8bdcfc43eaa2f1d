//! What a stage looks like now.

use aws::{CallError, Client};
use deploy_core::desired::Desired;
use deploy_core::manifest::LOCAL;
use deploy_core::plan::RiskKind;
use deploy_core::plan::discovery::{registries_of, wanted};
use deploy_core::top::Usage;
use serde::Serialize;
use serde_json::Value;

use crate::databases::{self, DatabaseStatus};
use crate::discovery;
use crate::event::ContainerState;
use crate::routes;
use crate::scaling::{self, ScalingStatus};
use crate::schedules::{self, Run, RunOutcome};
use crate::stage::{self, url};
use crate::top;
use crate::vars::stale::{self, Stale};
use crate::watch::{self, Cause, Goal, ServiceView, TargetView, TaskView, verdict};

/// What a stage looks like now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// Cluster.
    pub cluster: String,
    /// Services, in the order of the manifest.
    pub services: Vec<ServiceStatus>,
    /// Databases, in the order of the manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseStatus>,
    /// Schedules whose last run failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_schedules: Vec<FailedSchedule>,
    /// What could not be told, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A schedule whose last run failed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedSchedule {
    /// Name in the manifest.
    pub schedule: String,
    /// The run.
    pub run: Run,
}

/// A name that tasks are found by.
#[derive(Debug, Clone, Serialize)]
pub struct FoundBy {
    /// The name.
    pub name: String,
    /// How many are registered under it; none if the service is not.
    pub registered: Option<u64>,
}

/// What a service looks like now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Name in the manifest.
    pub service: String,
    /// Name in ECS.
    pub name: String,
    /// Whether it is there.
    pub exists: bool,
    /// Where requests reach it, on this machine.
    pub url: Option<String>,
    /// Name that its tasks are found by, if the manifest says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discover: Option<FoundBy>,
    /// Revision that it runs, `family:revision`.
    pub revision: String,
    /// IN_PROGRESS, COMPLETED or FAILED.
    pub rollout: String,
    /// Tasks wanted.
    pub desired: i64,
    /// Tasks running.
    pub running: i64,
    /// Tasks that run or are about to.
    pub tasks: Vec<TaskView>,
    /// Tasks that are stopping.
    pub stopping: usize,
    /// Why tasks of the current deployment stopped, the most frequent cause first.
    pub failures: Vec<Cause>,
    /// Targets of the load balancer.
    pub targets: Vec<TargetView>,
    /// Why no request gets to them; none if one does, or if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreached: Option<String>,
    /// How it is scaled, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
    /// What it uses, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Tasks that read a secret before it got the value that it has now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<Stale>,
}

impl ServiceStatus {
    /// Returns whether everything that should run does.
    pub fn is_steady(&self) -> bool {
        let up = |task: &TaskView| !task.containers.iter().any(|c| c.state == ContainerState::Unhealthy);
        self.exists && self.running == self.desired && self.rollout != "FAILED" && self.tasks.iter().all(up)
    }
}

/// Looks at every service of a stage.
///
/// # Errors
/// See [`CallError`].
pub async fn status(client: &Client, desired: &Desired) -> Result<Status, CallError> {
    let looks = desired.services.iter().map(|service| watch::look(client, &desired.cluster, &service.name));
    let looks = futures_util::future::try_join_all(looks);
    let (views, usage) = futures_util::join!(looks, top::of_services(client, desired));
    let views = views?;
    let services = desired.services.iter().zip(views).map(|(service, view)| {
        let exists = view.as_ref().is_some_and(|view| view.status == "ACTIVE");
        // Elsewhere a load balancer's address is its owner's to tell.
        let url = url(service).filter(|_| desired.stage == LOCAL);
        of(service.service.clone(), service.name.clone(), url, exists, view.unwrap_or_default())
    });
    let mut services: Vec<ServiceStatus> = services.collect();
    let mut notes = stale::add(client, desired, &mut services).await;
    match usage {
        Ok(usage) => services.iter_mut().for_each(|service| service.usage = usage.get(&service.name).copied()),
        Err(error) => notes.push(format!("what services use could not be told: {error}")),
    }
    match routes::findings(client, desired).await {
        Ok(found) => {
            for risk in found.into_iter().filter(|risk| risk.kind == RiskKind::Unreached) {
                let its = |service: &&mut ServiceStatus| risk.place == format!("service {}", service.name);
                if let Some(service) = services.iter_mut().find(its) {
                    service.unreached = Some(risk.words);
                }
            }
        }
        Err(error) => notes.push(format!("whether requests get to the services could not be told: {error}")),
    }
    if let Err(error) = names(client, desired, &mut services).await {
        notes.push(format!("by which names services are found could not be told: {error}"));
    }
    let counts = services.iter().map(|one| (one.name.clone(), (one.desired, one.running))).collect();
    match scaling::status(client, desired, &counts).await {
        Ok((mut scaled, why)) => {
            services.iter_mut().for_each(|service| service.scaling = scaled.remove(&service.name));
            notes.extend(why);
        }
        Err(error) => notes.push(format!("how services are scaled could not be told: {error}")),
    }
    let failed_schedules = match failed(client, desired).await {
        Ok(failed) => failed,
        Err(error) => {
            notes.push(format!("how schedules went could not be told: {error}"));
            Vec::new()
        }
    };
    let databases = match databases::status(client, desired).await {
        Ok(databases) => databases,
        Err(error) => {
            notes.push(format!("how databases are could not be told: {error}"));
            Vec::new()
        }
    };
    Ok(Status {
        databases,
        failed_schedules,
        app: desired.app.clone(),
        stage: desired.stage.clone(),
        cluster: desired.cluster.clone(),
        services,
        notes,
    })
}

/// Returns the schedules whose last run that has ended failed, as far as ECS remembers.
async fn failed(client: &Client, desired: &Desired) -> Result<Vec<FailedSchedule>, CallError> {
    let mut runs = schedules::runs(client, desired).await?;
    let last = |schedule: &String| {
        let has_an_end = |run: &Run| matches!(run.outcome, RunOutcome::Succeeded | RunOutcome::Failed { .. });
        let ended = runs.remove(schedule)?.into_iter().rfind(has_an_end);
        ended.filter(Run::has_failed).map(|run| FailedSchedule { schedule: schedule.clone(), run })
    };
    Ok(desired.schedules.iter().map(|schedule| &schedule.name).filter_map(last).collect())
}

/// Adds the names that services are found by.
async fn names(client: &Client, desired: &Desired, services: &mut [ServiceStatus]) -> Result<(), CallError> {
    if wanted(desired).next().is_none() {
        return Ok(());
    }
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let live = stage::services(client, &desired.cluster, &names).await?;
    let seen = discovery::look(client, desired, &live).await?;
    for (doc, status) in desired.services.iter().zip(services) {
        let Some(spec) = &doc.discover else { continue };
        let arn = seen.registry_arn(&spec.name);
        let mut own = live.get(&doc.name).into_iter().flat_map(registries_of);
        let registry = seen.registries.get(&spec.name).filter(|_| own.any(|own| Some(own) == arn));
        let registered = registry.map(|found| found.get("InstanceCount").and_then(Value::as_u64).unwrap_or_default());
        status.discover = Some(FoundBy { name: spec.name.clone(), registered });
    }
    Ok(())
}

fn of(service: String, name: String, url: Option<String>, exists: bool, view: ServiceView) -> ServiceStatus {
    let primary = view.primary().cloned().unwrap_or_default();
    let goal = Goal { task_definition: view.task_definition.clone(), deployment: primary.id, previous: None };
    let failures = verdict::causes(verdict::tasks_of(&goal, &view));
    let stopping = view.tasks.iter().filter(|task| task.is_ending() && !task.is_stopped()).count();
    ServiceStatus {
        service,
        name,
        exists,
        url,
        discover: None,
        revision: view.task_definition.rsplit('/').next().unwrap_or_default().to_owned(),
        rollout: primary.rollout_state,
        desired: view.desired,
        running: view.running,
        tasks: view.tasks.into_iter().filter(|task| !task.is_ending()).collect(),
        stopping,
        failures,
        targets: view.targets,
        unreached: None,
        scaling: None,
        usage: None,
        stale: Vec::new(),
    }
}
