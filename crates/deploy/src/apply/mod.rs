//! Does what a plan says, in its order. Every step may be repeated; none decides anything.

mod release;
pub(crate) mod route;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws::{Client, ECS};
use aws_model::Document;
use deploy_core::plan::discovery::{NAMESPACE, REGISTRY};
use deploy_core::plan::{Action, Mark, Plan, ScheduleCall, Step, schedule_calls, short, token};
use deploy_core::release::Release;
use serde_json::{Value, json};

use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::observe::{self, object, text};
use crate::schedules;
use crate::stage;
use crate::watch::{self, Goal, ServiceView};
use crate::{databases, discovery, scaling};

/// How far it got, for the clean-up when it is cut off.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Phase>>);

/// How far it got.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Phase {
    /// The release, once it was written down.
    pub record: Option<Release>,
    /// Cluster and ARN of the release command's task, while it runs.
    pub release: Option<(String, String)>,
    /// Services that were created or updated.
    pub services: Vec<String>,
}

impl Progress {
    /// Returns how far it got.
    pub fn phase(&self) -> Phase {
        self.0.lock().map(|phase| phase.clone()).unwrap_or_default()
    }

    pub(crate) fn begun(&self, release: &Release) {
        self.note(|phase| phase.record = Some(release.clone()));
    }

    pub(crate) fn ended(&self) {
        self.note(|phase| *phase = Phase::default());
    }

    fn note(&self, change: impl FnOnce(&mut Phase)) {
        if let Ok(mut phase) = self.0.lock() {
            change(&mut phase);
        }
    }
}

/// A plan being done.
pub(crate) struct Work<'a> {
    client: &'a Client,
    plan: &'a Plan,
    directory: &'a Path,
    progress: &'a Progress,
    events: &'a Events,
    /// What tokens stand for, as far as it is known by now.
    known: BTreeMap<String, String>,
    /// Deployments to follow, with what the service looked like before.
    pub(crate) started: Vec<(Goal, ServiceView)>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        client: &'a Client,
        plan: &'a Plan,
        directory: &'a Path,
        progress: &'a Progress,
        events: &'a Events,
    ) -> Self {
        Self { client, plan, directory, progress, events, known: BTreeMap::new(), started: Vec::new() }
    }

    /// Does the steps that `is_due` picks, in order. `guard` is asked before each, and stops it when
    /// it says no.
    ///
    /// # Errors
    /// See [`StageError`]; what was done until then stays.
    pub(crate) async fn perform_all(
        &mut self,
        guard: impl Fn() -> Result<(), StageError>,
        is_due: impl Fn(&Action) -> bool,
    ) -> Result<(), StageError> {
        for step in self.plan.steps.iter().filter(|step| is_due(&step.action)) {
            guard()?;
            self.perform(step).await?;
        }
        Ok(())
    }

    /// Returns the ARN of the revision of every service, by its name in ECS.
    pub(crate) fn services(&self) -> Result<BTreeMap<String, String>, StageError> {
        self.filled(&self.plan.services)
    }

    /// Returns the ARN of the revision of every schedule, by its rule.
    pub(crate) fn schedules(&self) -> Result<BTreeMap<String, String>, StageError> {
        self.filled(&self.plan.schedules)
    }

    async fn perform(&mut self, step: &Step) -> Result<(), StageError> {
        let (client, events, cluster) = (self.client, self.events, self.plan.cluster.as_str());
        let outcome = match step.mark {
            Mark::Update => ResourceChange::Updated,
            Mark::Delete => ResourceChange::Deleted,
            Mark::Create | Mark::Run => ResourceChange::Created,
        };
        match &step.action {
            Action::CreateCluster { insights } => {
                let mut input = object(json!({ "clusterName": cluster }));
                if let Some(insights) = insights {
                    input.insert("settings".to_owned(), json!([{ "name": "containerInsights", "value": insights }]));
                }
                client.call(&ECS, "CreateCluster", input).await?;
                events.resource(outcome, "cluster", cluster);
            }
            Action::CreateLogGroup => {
                stage::create_log_group(client, &step.name).await?;
                events.resource(outcome, "log group", &step.name);
            }
            Action::SetSecret { secret, keys, file } => {
                let file = file.as_deref();
                let arn = stage::ensure_secret(client, secret, keys, file, self.directory, events).await?;
                self.known.insert(token::secret(), arn);
            }
            Action::SetDatabase { call, request, spec } => {
                let arn = databases::ensure(client, *call, request, spec, events).await?;
                self.known.insert(token::database_secret(&spec.name), arn);
            }
            Action::CreateNamespace { request } => {
                let id = discovery::create_namespace(client, self.fill(request)?).await?;
                events.resource(outcome, NAMESPACE, &step.name);
                self.known.insert(token::namespace(&step.name), id);
            }
            Action::CreateRegistry { request } => {
                let arn = discovery::create_registry(client, self.fill(request)?).await?;
                events.resource(outcome, REGISTRY, &step.name);
                self.known.insert(token::registry(&step.name), arn);
            }
            Action::Route { service, spec, network } => {
                // Several steps of one service are one action: see `plan::ingress`.
                if let Entry::Vacant(group) = self.known.entry(token::target_group(service)) {
                    group.insert(route::ensure(client, spec, network.as_ref(), events).await?);
                }
            }
            Action::Release { document, release, network, .. } => {
                let document = &self.fill(document)?;
                let release = release::Release { cluster, document, spec: release, network: network.as_ref() };
                let started =
                    |arn: &str| self.progress.note(|p| p.release = Some((cluster.to_owned(), arn.to_owned())));
                let ran = release::run(client, &release, started, events).await;
                self.progress.note(|phase| phase.release = None);
                ran?;
            }
            Action::Register { document } => {
                let arn = register(client, self.fill(document)?).await?;
                events.resource(outcome, "task definition", short(&arn));
                self.known.insert(token::revision(document), arn);
            }
            Action::CreateService { request } => self.start(step, "CreateService", request, outcome).await?,
            Action::UpdateService { request } => self.start(step, "UpdateService", request, outcome).await?,
            action @ (Action::PutSchedule { .. } | Action::SetSchedule { .. }) => {
                for call in schedule_calls(action) {
                    schedules::perform(client, self.filled_call(call)?, &step.name).await?;
                }
                events.resource(outcome, "schedule", &step.name);
            }
            Action::Scaling { call, request, group } => {
                let group = group.as_ref().map(|group| self.one(group)).transpose()?;
                scaling::change(client, *call, request.clone(), group.as_deref()).await?;
                events.resource(outcome, call.kind(), &step.name);
            }
        }
        Ok(())
    }

    async fn start(
        &mut self,
        step: &Step,
        operation: &'static str,
        request: &Document,
        outcome: ResourceChange,
    ) -> Result<(), StageError> {
        let (client, cluster, name) = (self.client, &self.plan.cluster, &step.name);
        let request = self.fill(request)?;
        let before = before(client, cluster, name).await?;
        if operation == "CreateService" {
            wait_until_drained(client, cluster, name).await?;
        }
        // Not what the answer says of it: done is what was asked for, or nothing is.
        let wanted = text(&request, "taskDefinition").to_owned();
        // Before the call: one that is cut off may have arrived.
        self.progress.note(|phase| phase.services.push(name.clone()));
        let mut answer = client.call(&ECS, operation, request).await?;
        self.events.resource(outcome, "service", name);
        let service = match answer.remove("service") {
            Some(Value::Object(service)) => service,
            _ => return Err(StageError::Incomplete { operation, member: "the service" }),
        };
        let view = ServiceView::read(&service, [], []);
        let primary = view.primary().cloned().unwrap_or_default();
        let previous = Some(before.task_definition.clone()).filter(|previous| !previous.is_empty());
        let goal = Goal { task_definition: wanted, deployment: primary.id, previous };
        self.started.push((goal, before));
        Ok(())
    }

    fn fill(&self, document: &Document) -> Result<Document, StageError> {
        let mut value = Value::Object(document.clone());
        token::fill(&mut value, &self.known).map_err(|token| StageError::Token { token })?;
        Ok(object(value))
    }

    fn filled_call(&self, call: ScheduleCall) -> Result<ScheduleCall, StageError> {
        Ok(match call {
            ScheduleCall::PutTargets(input) => ScheduleCall::PutTargets(self.fill(&input)?),
            ScheduleCall::CreateSchedule(request) => ScheduleCall::CreateSchedule(self.fill(&request)?),
            ScheduleCall::UpdateSchedule(request) => ScheduleCall::UpdateSchedule(self.fill(&request)?),
            other => other,
        })
    }

    fn filled(&self, revisions: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, StageError> {
        revisions.iter().map(|(name, revision)| Ok((name.clone(), self.one(revision)?))).collect()
    }

    fn one(&self, text: &str) -> Result<String, StageError> {
        let mut value = Value::String(text.to_owned());
        token::fill(&mut value, &self.known).map_err(|token| StageError::Token { token })?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }
}

/// Returns what a service looks like before it is touched: what was said then is no news.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn before(client: &Client, cluster: &str, name: &str) -> Result<ServiceView, StageError> {
    if let Some(before) = watch::look(client, cluster, name).await? {
        return Ok(before);
    }
    // Tasks of a service of this name that was deleted are still remembered.
    let remembered = observe::tasks(client, cluster, name).await?;
    Ok(ServiceView::read(&object(json!({ "serviceName": name })), &remembered, []))
}

/// Waits out the end of a service of this name that was deleted.
async fn wait_until_drained(client: &Client, cluster: &str, name: &str) -> Result<(), StageError> {
    for _ in 0..600 {
        match observe::service(client, cluster, name).await? {
            Some(service) if text(&service, "status") == "DRAINING" => {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            _ => return Ok(()),
        }
    }
    Err(StageError::Draining { service: name.to_owned() })
}

/// Registers a revision and returns its ARN.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn register(client: &Client, document: Document) -> Result<String, StageError> {
    let answer = client.call(&ECS, "RegisterTaskDefinition", document).await?;
    let found = answer.get("taskDefinition").and_then(Value::as_object).map(|found| text(found, "taskDefinitionArn"));
    let arn = found.filter(|arn| !arn.is_empty());
    Ok(arn
        .ok_or(StageError::Incomplete { operation: "RegisterTaskDefinition", member: "taskDefinitionArn" })?
        .to_owned())
}
