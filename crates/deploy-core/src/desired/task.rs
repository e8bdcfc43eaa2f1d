//! Task definitions of services and schedules, as RegisterTaskDefinition takes them.

use aws_model::Document;
use serde_json::{Value, json};

use super::container::put;
use super::merge::merge;
use super::spec::{Patch, TaskSpec};
use super::{Owner, ScheduleDoc, Scope, TaskDefinitionDoc, main_container};
use crate::manifest::size::settle;
use crate::manifest::{Named, Scalar, Schedule, Service, StageSchedule, Via};

impl Scope<'_> {
    pub(super) fn task(&self, task: &TaskSpec) -> TaskDefinitionDoc {
        let TaskSpec { service, differs, .. } = task;
        let size = settle(differs.cpu.or(service.cpu), differs.memory.or(service.memory));
        let family = self.family(&task.owner);

        let mut document = Document::new();
        put(&mut document, "family", family.as_str());
        put(&mut document, "networkMode", "awsvpc");
        put(&mut document, "requiresCompatibilities", vec!["FARGATE"]);
        put(&mut document, "cpu", size.cpu.to_string());
        put(&mut document, "memory", size.memory.to_string());
        put(&mut document, "executionRoleArn", self.execution_role());
        put(&mut document, "taskRoleArn", self.task_role());
        put(&mut document, "runtimePlatform", service.platform.as_deref().map(runtime_platform));
        put(&mut document, "ephemeralStorage", service.ephemeral_storage.map(|gib| json!({ "sizeInGiB": gib })));
        let containers: Vec<Value> = task.containers().map(|placed| self.container(task, &placed).into()).collect();
        put(&mut document, "containerDefinitions", containers);
        put(&mut document, "volumes", volumes(service));
        Patch {
            over: [service.aws.as_ref(), differs.aws.as_ref()],
            without: [&service.aws_without, &differs.aws_without],
        }
        .apply(&mut document);
        self.put_gate(&mut document, task);
        TaskDefinitionDoc { owner: task.owner.clone(), family, document }
    }

    pub(super) fn schedules(&self) -> Vec<ScheduleDoc> {
        let one = |(name, schedule): (&str, &Schedule)| {
            let differs = self.stage.schedules.get(name);
            let expression = differs.and_then(|differs| differs.schedule.as_ref()).unwrap_or(&schedule.schedule);
            let own = |read: fn(&StageSchedule) -> &Option<String>, all: &Option<String>| {
                differs.and_then(|differs| read(differs).clone()).or_else(|| all.clone())
            };
            let timezone = own(|differs| &differs.timezone, &schedule.timezone);
            let via = differs.and_then(|differs| differs.via).or(schedule.via);
            let owner = match &schedule.service {
                Some(service) => Owner::Service(service.clone()),
                None => Owner::Schedule(name.to_owned()),
            };
            ScheduleDoc {
                name: name.to_owned(),
                rule: self.rule(name),
                family: self.family(&owner),
                service: schedule.service.clone(),
                overrides: schedule
                    .service
                    .as_deref()
                    .map(|s| self.overrides_of(s, schedule, differs))
                    .unwrap_or_default(),
                via: Via::settled(via, &expression.0, timezone.as_deref()),
                timezone,
                group: own(|differs| &differs.group, &schedule.group),
                retries: differs.and_then(|differs| differs.retries).or(schedule.retries),
                expression: expression.0.clone(),
                enabled: differs.and_then(|differs| differs.enabled).or(schedule.enabled),
                container: self.container_of(name, schedule),
                role: self.schedule_role(),
                network: self.network(),
            }
        };
        self.manifest.schedules.iter().map(one).collect()
    }
}

impl Scope<'_> {
    /// Returns the container that a schedule is about; `name` is the schedule's own, or that of its service.
    fn container_of(&self, name: &str, schedule: &Schedule) -> String {
        match (&schedule.container, &schedule.service) {
            (Some(container), _) => container.clone(),
            (None, Some(service)) => main_container(self.manifest, self.name, service).unwrap_or_default().to_owned(),
            (None, None) => schedule.container(name).to_owned(),
        }
    }

    /// Returns what a schedule says over the task of a service, as ECS's `TaskOverride` (API reference): sizes of the
    /// task are text there.
    fn overrides_of(&self, service: &str, schedule: &Schedule, differs: Option<&StageSchedule>) -> Document {
        let container = self.container_of(service, schedule);
        let command = differs.and_then(|differs| differs.command.clone()).or_else(|| schedule.command.clone());
        let mut values: Named<Scalar> = schedule.variables.clone();
        for (name, value) in differs.iter().flat_map(|differs| differs.variables.iter()) {
            values.insert(name, value.clone());
        }
        let environment: Vec<Value> =
            values.iter().map(|(name, value)| json!({ "name": name, "value": value.to_string() })).collect();
        let mut own = Document::new();
        put(&mut own, "command", command);
        put(&mut own, "environment", environment);
        let mut all = Document::new();
        if !own.is_empty() {
            own.insert("name".to_owned(), container.as_str().into());
            put(&mut all, "containerOverrides", vec![Value::Object(own)]);
        }
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        put(&mut all, "cpu", text(differs.and_then(|differs| differs.cpu).or(schedule.cpu)));
        put(&mut all, "memory", text(differs.and_then(|differs| differs.memory).or(schedule.memory)));
        Patch {
            over: [schedule.aws.as_ref(), differs.and_then(|differs| differs.aws.as_ref())],
            without: [&schedule.aws_without, differs.map_or(&[], |differs| &differs.aws_without)],
        }
        .apply(&mut all);
        all
    }
}

fn runtime_platform(platform: &str) -> Value {
    let architecture = if platform == "linux/arm64" { "ARM64" } else { "X86_64" };
    json!({ "operatingSystemFamily": "LINUX", "cpuArchitecture": architecture })
}

/// Declared volumes first, then those that mounts merely name, in the order of the manifest.
fn volumes(service: &Service) -> Vec<Value> {
    let mounted = service.containers.iter().flat_map(|(_, container)| container.volumes.names());
    let mut names: Vec<&str> = Vec::new();
    for name in service.volumes.names().chain(mounted) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let one = |name: &str| {
        let mut volume = Document::new();
        put(&mut volume, "name", name);
        if let Some(raw) = service.volumes.get(name).and_then(|volume| volume.aws.as_ref()) {
            merge(&mut volume, &raw.0);
        }
        Value::Object(volume)
    };
    names.into_iter().map(one).collect()
}
