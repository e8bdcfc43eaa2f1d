//! Task definitions of services and schedules, as RegisterTaskDefinition takes them.

use ecs_model::Document;
use serde_json::{Value, json};

use super::container::put;
use super::merge::merge;
use super::variables::Wishes;
use super::{Owner, ScheduleDoc, Scope, TaskDefinitionDoc};
use crate::manifest::size::{Size, settle};
use crate::manifest::{Schedule, Service};

impl Scope<'_> {
    pub(super) fn service_task(&self, name: &str, service: &Service) -> TaskDefinitionDoc {
        let differs = self.overrides(name);
        let cpu = differs.and_then(|d| d.cpu).or(service.cpu);
        let memory = differs.and_then(|d| d.memory).or(service.memory);
        let family = self.family(name);
        let mut document = self.task(&family, settle(cpu, memory));
        put(&mut document, "runtimePlatform", service.platform.as_deref().map(runtime_platform));
        put(&mut document, "ephemeralStorage", service.ephemeral_storage.map(|gib| json!({ "sizeInGiB": gib })));
        let containers: Vec<Value> = service
            .containers
            .iter()
            .map(|(container, spec)| self.container(name, service, container, spec).into())
            .collect();
        put(&mut document, "containerDefinitions", containers);
        put(&mut document, "volumes", volumes(service));
        if let Some(raw) = &service.aws {
            merge(&mut document, &raw.0);
        }
        TaskDefinitionDoc { owner: Owner::Service(name.to_owned()), family, document }
    }

    pub(super) fn schedule_task(&self, name: &str, schedule: &Schedule) -> TaskDefinitionDoc {
        let family = self.family(name);
        let mut container = Document::new();
        put(&mut container, "name", name);
        put(&mut container, "image", self.image(&schedule.image));
        put(&mut container, "essential", true);
        put(&mut container, "entryPoint", schedule.entrypoint.clone());
        put(&mut container, "command", schedule.command.clone());
        put(&mut container, "workingDirectory", schedule.working_directory.clone());
        put(&mut container, "user", schedule.user.clone());
        self.put_settings(
            &mut container,
            Wishes {
                container: name,
                path: &format!("schedules.{name}"),
                variables: &schedule.variables,
                secrets: &schedule.secrets,
                inherit: schedule.inherit.as_ref(),
                in_stage: None,
            },
        );
        put(&mut container, "logConfiguration", self.log_configuration(name, None));

        let mut document = self.task(&family, settle(schedule.cpu, schedule.memory));
        put(&mut document, "containerDefinitions", vec![Value::Object(container)]);
        if let Some(raw) = &schedule.aws {
            merge(&mut document, &raw.0);
        }
        TaskDefinitionDoc { owner: Owner::Schedule(name.to_owned()), family, document }
    }

    pub(super) fn schedules(&self) -> Vec<ScheduleDoc> {
        let one = |(name, schedule): (&str, &Schedule)| ScheduleDoc {
            name: name.to_owned(),
            rule: format!("{}-{name}-{}", self.manifest.app, self.name),
            family: self.family(name),
            expression: schedule.schedule.0.clone(),
            role: self.schedule_role(),
            network: self.network(),
        };
        self.manifest.schedules.iter().map(one).collect()
    }

    fn task(&self, family: &str, size: Size) -> Document {
        let mut document = Document::new();
        put(&mut document, "family", family);
        put(&mut document, "networkMode", "awsvpc");
        put(&mut document, "requiresCompatibilities", vec!["FARGATE"]);
        put(&mut document, "cpu", size.cpu.to_string());
        put(&mut document, "memory", size.memory.to_string());
        put(&mut document, "executionRoleArn", self.execution_role());
        put(&mut document, "taskRoleArn", self.task_role());
        document
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
