//! A container of the manifest as a container definition of ECS.

use aws_model::Document;
use serde_json::{Value, json};

use super::Scope;
use super::spec::{Patch, Placed, TaskSpec};
use super::variables::{Setting, Wishes};
use crate::manifest::{
    CommandLine, Condition, Container, ContainerHealth, Log, Mount, Port, Protocol, Raw, Restart, Service, Tmpfs,
    Ulimit,
};

/// Puts a member in unless it is null, an empty list or an empty object.
pub(super) fn put(document: &mut Document, key: &str, value: impl Into<Value>) {
    let value = value.into();
    let empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if !empty {
        document.insert(key.to_owned(), value);
    }
}

impl Scope<'_> {
    pub(super) fn container(&self, task: &TaskSpec, placed: &Placed<'_>) -> Document {
        let service = &task.service;
        let Placed { name, spec, differs, .. } = placed;
        let image = differs.and_then(|d| d.image.as_deref()).unwrap_or(&spec.image);
        let command = differs.and_then(|d| d.command.as_ref()).or(spec.command.as_ref());
        let patch = Patch {
            over: [spec.aws.as_ref(), differs.and_then(|differs| differs.aws.as_ref())],
            without: [&spec.aws_without, differs.map_or(&[], |differs| &differs.aws_without)],
        };

        let mut document = Document::new();
        put(&mut document, "name", *name);
        put(&mut document, "image", self.image(image));
        put(&mut document, "essential", is_essential(service, name, spec));
        put(&mut document, "cpu", spec.cpu);
        put(&mut document, "memory", spec.memory);
        put(&mut document, "memoryReservation", spec.memory_reservation);
        put(&mut document, "entryPoint", spec.entrypoint.clone());
        put(&mut document, "command", command.cloned());
        put(&mut document, "workingDirectory", spec.working_directory.clone());
        put(&mut document, "user", spec.user.clone());
        put(&mut document, "portMappings", ports(service, name, spec));
        self.put_settings(&mut document, &Wishes::of(placed));
        put(&mut document, "mountPoints", spec.volumes.iter().map(mount_point).collect::<Vec<_>>());
        put(&mut document, "dependsOn", spec.depends_on.iter().map(dependency).collect::<Vec<_>>());
        put(&mut document, "healthCheck", spec.health_check.as_ref().map(health_check));
        put(&mut document, "startTimeout", spec.start_timeout.map(|time| time.0));
        put(&mut document, "stopTimeout", spec.stop_timeout.map(|time| time.0));
        put(&mut document, "restartPolicy", spec.restart.as_ref().and_then(restart_policy));
        put(&mut document, "ulimits", spec.ulimits.iter().map(ulimit).collect::<Vec<_>>());
        put(&mut document, "readonlyRootFilesystem", spec.readonly_root);
        put(&mut document, "linuxParameters", linux_parameters(spec));
        let labels: Document =
            spec.labels.iter().map(|(key, text)| (key.to_owned(), Value::from(text.as_str()))).collect();
        put(&mut document, "dockerLabels", labels);
        if !patch.over.into_iter().flatten().any(has_log_driver) {
            put(&mut document, "logConfiguration", self.log_configuration(task, spec.log.as_ref()));
        }
        patch.apply(&mut document);
        document
    }

    /// Returns the reference of an image: a name from `[images]` resolved, anything else as it is.
    pub(super) fn image(&self, image: &str) -> String {
        let own = self.images.iter().find(|spec| spec.name == image);
        own.map_or_else(|| image.to_owned(), |spec| spec.reference.clone())
    }

    /// Puts `environment` and `secrets` in, both by name.
    pub(super) fn put_settings(&self, document: &mut Document, wishes: &Wishes<'_>) {
        let (mut environment, mut secrets) = (Vec::new(), Vec::new());
        for (name, setting) in self.settings(wishes) {
            match setting {
                Setting::Plain(value) => environment.push(json!({ "name": name, "value": value })),
                Setting::From(arn) => secrets.push(json!({ "name": name, "valueFrom": arn })),
                Setting::Part { database, part } => {
                    let arn = self.database_secret_arn(&database);
                    secrets.push(json!({ "name": name, "valueFrom": format!("{arn}:{part}::") }));
                }
                Setting::Key(key) => {
                    secrets.push(json!({ "name": name, "valueFrom": format!("{}:{key}::", self.secret_arn()) }));
                }
            }
        }
        put(document, "environment", environment);
        put(document, "secrets", secrets);
    }

    pub(super) fn log_configuration(&self, task: &TaskSpec, own: Option<&Log>) -> Value {
        let said = || own.into_iter().chain(task.service.log.as_ref());
        let group = said().find_map(|log| log.group.clone()).unwrap_or_else(|| self.log_group());
        let prefix = said().find_map(|log| log.prefix.as_deref()).unwrap_or_else(|| task.name());
        // Previews share the group of another stage, and must be told apart in it.
        let prefix = if self.is_preview { format!("{}/{prefix}", self.name) } else { prefix.to_owned() };
        let mut options = json!({
            "awslogs-group": group,
            "awslogs-region": self.region,
            "awslogs-stream-prefix": prefix,
        });
        if said().find_map(|log| log.create_group).unwrap_or(true) {
            options["awslogs-create-group"] = "true".into();
        }
        json!({ "logDriver": "awslogs", "options": options })
    }
}

/// Options of one log driver mean nothing to another: a raw table that names one says all of it.
fn has_log_driver(raw: &Raw) -> bool {
    let log = raw.0.get("logConfiguration");
    log.and_then(|log| log.get("logDriver")).is_some_and(|driver| driver != "awslogs")
}

/// A container that another one waits on to end must not take the task with it when it does.
pub(super) fn is_essential(service: &Service, name: &str, spec: &Container) -> bool {
    let waited_on = || {
        service
            .containers
            .iter()
            .any(|(_, other)| matches!(other.depends_on.get(name), Some(Condition::Complete | Condition::Success)))
    };
    spec.essential.unwrap_or_else(|| !waited_on())
}

/// The ingress port is mapped without being repeated: ECS refuses a load balancer on an unmapped port.
fn ports(service: &Service, name: &str, spec: &Container) -> Vec<Value> {
    let mut ports = spec.ports.clone();
    if let Some(ingress) = service.ingress.as_ref().filter(|ingress| ingress.container == name) {
        let port = Port { number: ingress.port, protocol: Protocol::Tcp };
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    let mapping = |port: &Port| {
        let protocol = match port.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        json!({ "containerPort": port.number, "hostPort": port.number, "protocol": protocol })
    };
    ports.iter().map(mapping).collect()
}

fn mount_point((volume, mount): (&str, &Mount)) -> Value {
    json!({ "sourceVolume": volume, "containerPath": mount.path(), "readOnly": mount.is_read_only() })
}

fn dependency((container, condition): (&str, &Condition)) -> Value {
    let condition = match condition {
        Condition::Start => "START",
        Condition::Complete => "COMPLETE",
        Condition::Success => "SUCCESS",
        Condition::Healthy => "HEALTHY",
    };
    json!({ "containerName": container, "condition": condition })
}

fn health_check(spec: &ContainerHealth) -> Document {
    let command: Vec<String> = match &spec.command {
        CommandLine::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        CommandLine::Words(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
    };
    let mut document = Document::new();
    put(&mut document, "command", command);
    // Said in full, so that a task definition reads the same before and after ECS filled its defaults.
    put(&mut document, "interval", spec.interval.map_or(30, |time| time.0));
    put(&mut document, "timeout", spec.timeout.map_or(5, |time| time.0));
    put(&mut document, "retries", spec.retries.unwrap_or(3));
    put(&mut document, "startPeriod", spec.start_period.map(|time| time.0).filter(|seconds| *seconds > 0));
    document
}

fn restart_policy(spec: &Restart) -> Option<Document> {
    let mut document = Document::new();
    put(&mut document, "enabled", true);
    match spec {
        Restart::Enabled(false) => return None,
        Restart::Enabled(true) => {}
        Restart::Options(options) => {
            put(&mut document, "ignoredExitCodes", options.ignored_exit_codes.clone());
            put(&mut document, "restartAttemptPeriod", options.attempt_period.map(|time| time.0));
        }
    }
    Some(document)
}

fn ulimit((name, limit): (&str, &Ulimit)) -> Value {
    let (soft, hard) = match limit {
        Ulimit::Both(both) => (*both, *both),
        Ulimit::Range(range) => (range.soft, range.hard),
    };
    json!({ "name": name, "softLimit": soft, "hardLimit": hard })
}

fn linux_parameters(spec: &Container) -> Document {
    let mut document = Document::new();
    if let Some(capabilities) = &spec.capabilities {
        let mut lists = Document::new();
        put(&mut lists, "add", capabilities.add.clone());
        put(&mut lists, "drop", capabilities.drop.clone());
        put(&mut document, "capabilities", lists);
    }
    put(&mut document, "initProcessEnabled", spec.init);
    let tmpfs = |(path, tmpfs): (&str, &Tmpfs)| {
        let (size, options) = match tmpfs {
            Tmpfs::Size(size) => (*size, Vec::new()),
            Tmpfs::Options(options) => (options.size, options.options.clone()),
        };
        let mut mount = Document::new();
        put(&mut mount, "containerPath", path);
        put(&mut mount, "size", size);
        put(&mut mount, "mountOptions", options);
        Value::Object(mount)
    };
    put(&mut document, "tmpfs", spec.tmpfs.iter().map(tmpfs).collect::<Vec<_>>());
    document
}
