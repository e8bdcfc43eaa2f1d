//! Task definitions of services and schedules, as RegisterTaskDefinition takes them.

use ecs_model::Document;
use serde_json::{Value, json};

use super::container::put;
use super::merge::merge;
use super::spec::{Patch, TaskSpec};
use super::{Owner, ScheduleDoc, Scope, TaskDefinitionDoc};
use crate::manifest::size::settle;
use crate::manifest::{Schedule, Service};

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
        TaskDefinitionDoc { owner: task.owner.clone(), family, document }
    }

    pub(super) fn schedules(&self) -> Vec<ScheduleDoc> {
        let one = |(name, schedule): (&str, &Schedule)| {
            let differs = self.stage.schedules.get(name);
            let expression = differs.and_then(|differs| differs.schedule.as_ref()).unwrap_or(&schedule.schedule);
            ScheduleDoc {
                name: name.to_owned(),
                rule: self.rule(name),
                family: self.family(&Owner::Schedule(name.to_owned())),
                expression: expression.0.clone(),
                enabled: differs.and_then(|differs| differs.enabled).or(schedule.enabled),
                role: self.schedule_role(),
                network: self.network(),
            }
        };
        self.manifest.schedules.iter().map(one).collect()
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
