//! What is a manifest of a service or of a job in the words of ours?

use deploy_core::manifest::size::{is_fargate, settle};
use deploy_core::manifest::{Log, Service, Volume};

use super::container::{COPILOT, Reading, mount};
use super::said::{Said, Value};
use super::times::expression;

/// What a manifest is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkloadKind {
    LoadBalanced,
    Backend,
    Worker,
    Job,
}

impl WorkloadKind {
    /// Returns the kind by Copilot's name of it.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "Load Balanced Web Service" => Self::LoadBalanced,
            "Backend Service" => Self::Backend,
            "Worker Service" => Self::Worker,
            "Scheduled Job" => Self::Job,
            _ => return None,
        })
    }
}

/// A service or job as a manifest of ours would have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Workload {
    /// A job is a service that is started at set times.
    pub(super) service: Service,
    pub(super) schedule: Option<String>,
    pub(super) is_off: bool,
    /// Whether its tasks have public addresses.
    pub(super) is_public: bool,
}

/// Keys whose absence says nothing.
const KNOWN: [&str; 20] = [
    "image",
    "http",
    "nlb",
    "cpu",
    "memory",
    "count",
    "exec",
    "command",
    "entrypoint",
    "variables",
    "secrets",
    "sidecars",
    "storage",
    "logging",
    "network",
    "platform",
    "deployment",
    "on",
    "environments",
    "env_file",
];

impl Reading<'_> {
    /// Reads a whole manifest, with what an environment says in it already.
    pub(super) fn workload(&mut self, kind: WorkloadKind, root: &Said) -> Workload {
        let mut workload = Workload { is_public: true, ..Workload::default() };
        let name = self.workload.to_owned();
        let main = self.container(&name, &name, root);
        let service = &mut workload.service;
        service.containers.insert(name.as_str(), main);
        let name_in_aws = format!("{}-{{stage}}-{name}", self.app);
        service.log = Some(Log {
            group: Some(format!("/copilot/{name_in_aws}")),
            prefix: Some("copilot".to_owned()),
            create_group: None,
        });
        service.family = Some(name_in_aws);
        for (key, said) in root.entries() {
            if matches!(said.value, Value::Null) && KNOWN.contains(&key.as_str()) {
                self.book.usual(said, "Copilot's own: nothing is said");
                continue;
            }
            self.key(kind, &mut workload, root, key, said);
        }
        let service = &mut workload.service;
        // Copilot's own are the smallest of Fargate, as ours.
        let size = settle(service.cpu, service.memory);
        if !is_fargate(size) {
            (service.cpu, service.memory) = (None, None);
            for said in ["cpu", "memory"].iter().filter_map(|key| root.get(key)) {
                self.list(said, "Fargate has no task of this size: write another");
            }
        }
        workload
    }

    fn key(&mut self, kind: WorkloadKind, workload: &mut Workload, root: &Said, key: &str, said: &Said) {
        let service = &mut workload.service;
        match key {
            "name" | "type" => self.word(said, ""),
            "http" if kind == WorkloadKind::LoadBalanced => service.ingress = self.ingress(root, said),
            "http" if kind == WorkloadKind::Backend => self.list(
                said,
                "Copilot's internal load balancer: managr makes none, so nothing reaches the service through one; its \
                 tasks are reached by their addresses",
            ),
            "nlb" => self.list(said, "managr has no network load balancers: keep it, or take requests through `ingress`"),
            "cpu" | "memory" => match said.number::<u32>() {
                Some(number) if key == "cpu" => {
                    service.cpu = Some(number);
                    self.word(said, "cpu");
                }
                Some(number) => {
                    service.memory = Some(number);
                    self.word(said, "memory");
                }
                None => self.list(said, "it is not a number"),
            },
            "count" => self.count(service, said),
            "exec" if said.is("true") || said.is("false") => {
                service.exec = Some(said.is("true"));
                self.word(said, "exec");
            }
            "platform" => self.platform(service, said),
            "storage" => self.storage(service, said),
            "sidecars" => {
                for (name, said) in said.entries() {
                    let image = format!("{}-{name}", self.workload);
                    let mut container = self.container(name, &image, said);
                    self.of_sidecar(&mut container, name, said);
                    service.containers.insert(name.as_str(), container);
                }
            }
            "network" => self.network(workload, said),
            "deployment" => self.deployment(service, said),
            "logging" => self.list(
                said,
                "Copilot puts a container `firelens_log_router` into the task: write it as a container with \
                 `aws = { firelensConfiguration = ... }`, and `logConfiguration` of the others in their `aws`; until then \
                 output goes to the log group",
            ),
            "observability" => self.list(said, "Copilot adds a collector for traces: write it as a container if you need it"),
            "taskdef_overrides" => self.list(said, "what it changes of the task definition goes into `aws` of the service"),
            "publish" => self.list(
                said,
                "Copilot made topics of SNS and the variable COPILOT_SNS_TOPIC_ARNS: they stay in its stack; write their \
                 ARNs as a variable, and the permission to publish into the task role",
            ),
            "subscribe" => self.list(
                said,
                "Copilot made queues of SQS and the variables COPILOT_QUEUE_URI and COPILOT_TOPIC_QUEUE_URIS: they stay in \
                 its stack; write their URLs as variables, and the permission to receive into the task role",
            ),
            "on" if kind == WorkloadKind::Job => self.on(workload, said),
            "timeout" if kind == WorkloadKind::Job => self.list(
                said,
                "Copilot starts a job through Step Functions, which stops it then: managr's rule starts the task itself, and \
                 nothing stops it; let the command end by itself (`timeout`)",
            ),
            "retries" if kind == WorkloadKind::Job => self.list(
                said,
                "Copilot starts a job through Step Functions, which tries it again: managr's rule starts it once",
            ),
            _ => {}
        }
    }

    fn count(&mut self, service: &mut Service, said: &Said) {
        if let Some(count) = said.number::<u32>() {
            service.count = Some(count);
            return self.word(said, "count");
        }
        if let Some(spot) = said.get("spot") {
            service.count = spot.number();
            self.list(
                spot,
                "tasks on Fargate Spot: write `capacityProviderStrategy` into `aws-service`; `count` is carried",
            );
        }
        if let Some(range) = said.get("range") {
            let least = range.text().and_then(|text| text.split('-').next()?.trim().parse().ok());
            service.count = least.or_else(|| range.get("min")?.number());
        }
        for (_, part) in said.entries().iter().filter(|(key, _)| SCALING.contains(&key.as_str())) {
            self.list(
                part,
                "managr does not scale by itself: `count` is the least of the range; register a scalable target, and \
                 deploys leave the number of tasks to it",
            );
        }
    }

    fn platform(&mut self, service: &mut Service, said: &Said) {
        let text = match said.text() {
            Some(text) => text.to_lowercase(),
            None => {
                let part = |key: &str| said.get(key).and_then(Said::text).unwrap_or_default().to_lowercase();
                format!("{}/{}", part("osfamily"), part("architecture"))
            }
        };
        service.platform = match text.as_str() {
            "linux/amd64" | "linux/x86_64" => Some("linux/amd64".to_owned()),
            "linux/arm64" | "linux/arm" => Some("linux/arm64".to_owned()),
            _ => {
                return self.list(said, "managr runs Linux on amd64 and arm64");
            }
        };
        self.word(said, "platform");
    }

    fn storage(&mut self, service: &mut Service, said: &Said) {
        let name = self.workload.to_owned();
        for (key, said) in said.entries() {
            match key.as_str() {
                "ephemeral" => match said.number::<u32>() {
                    Some(20) => self.book.usual(said, "Fargate's own"),
                    Some(size) => {
                        service.ephemeral_storage = Some(size);
                        self.word(said, "ephemeral-storage");
                    }
                    None => self.list(said, "it is not a number of GiB"),
                },
                "readonly_fs" if said.is("true") || said.is("false") => {
                    service.containers.entry(&name).readonly_root = Some(said.is("true"));
                    self.word(said, format!("containers.{name}.readonly-root"));
                }
                "volumes" => {
                    for (volume, said) in said.entries() {
                        self.volume(service, &name, volume, said);
                    }
                }
                _ => {}
            }
        }
    }

    fn volume(&mut self, service: &mut Service, container: &str, volume: &str, said: &Said) {
        service.volumes.insert(volume, Volume::default());
        if let Some(path) = said.get("path").and_then(Said::text) {
            let mount = mount(path.to_owned(), said.get("read_only"));
            service.containers.entry(container).volumes.insert(volume, mount);
            for said in ["path", "read_only"].iter().filter_map(|key| said.get(key)) {
                self.word(said, format!("containers.{container}.volumes.{volume}"));
            }
        }
        if let Some(efs) = said.get("efs").filter(|efs| !efs.is("false")) {
            self.list(
                efs,
                "DATA IS NOT CARRIED: the volume is scratch space until its file system is written as `aws = { \
                 efsVolumeConfiguration = ... }` of the volume; one that Copilot made stays in its stack",
            );
        } else if let Some(efs) = said.get("efs") {
            self.word(efs, format!("volumes.{volume}"));
        }
    }

    fn network(&mut self, workload: &mut Workload, said: &Said) {
        for (key, said) in said.entries() {
            match key.as_str() {
                "vpc" => {
                    for (key, said) in said.entries() {
                        match key.as_str() {
                            "placement" if said.is("public") => self.book.public(said, true),
                            "placement" if said.is("private") => {
                                workload.is_public = false;
                                self.book.public(said, false);
                            }
                            "placement" => self.list(said, "write these subnets as `subnets` of the stage"),
                            "security_groups" => {
                                self.list(said, "write them as `security-groups` of the stage, beside Copilot's own one");
                            }
                            _ => {}
                        }
                    }
                }
                "connect" if said.is("false") => self.book.usual(said, "ECS's own: no Service Connect"),
                "connect" => self.list(
                    said,
                    "Service Connect: write `serviceConnectConfiguration` into `aws-service`, or let others reach it another \
                     way",
                ),
                _ => {}
            }
        }
    }

    fn deployment(&mut self, service: &mut Service, said: &Said) {
        for (key, said) in said.entries() {
            match (key.as_str(), said.text()) {
                ("rolling", Some("default")) => self.book.usual(said, "managr's own: 100 and 200 percent"),
                ("rolling", Some("recreate")) => {
                    let deployment = service.deployment.get_or_insert_default();
                    (deployment.min_healthy, deployment.max) = (Some(0), Some(100));
                    self.word(said, "deployment");
                }
                ("rollback_alarms", _) => match said.texts().filter(|names| !names.is_empty()) {
                    Some(names) => {
                        let names = names.into_iter().map(str::to_owned).collect();
                        service.deployment.get_or_insert_default().alarms = Some(names);
                        self.word(said, "deployment.alarms");
                    }
                    None => self.list(
                        said,
                        "Copilot makes these alarms itself: make alarms that stay, and name them in `deployment.alarms`",
                    ),
                },
                _ => {}
            }
        }
    }

    fn on(&mut self, workload: &mut Workload, said: &Said) {
        let Some(schedule) = said.get("schedule") else { return };
        match schedule.text().map(expression) {
            Some(Ok(Some(when))) => {
                workload.schedule = Some(when);
                self.word(schedule, "schedule");
            }
            Some(Ok(None)) => {
                workload.is_off = true;
                self.word(schedule, "enabled");
            }
            Some(Err(why)) => self.list(schedule, format!("it is no schedule of EventBridge: {why}")),
            None => self.list(schedule, "it is no text"),
        }
    }

    /// Leaves the whole of a manifest that is not ours to run.
    pub(super) fn leave(&mut self, root: &Said, kind: &str) {
        match kind {
            "Request-Driven Web Service" => self
                .list(root, "it runs on App Runner, which is not ECS: make a service with an `ingress` of it, by hand"),
            "Static Site" => self.book.owner(root, &format!("{COPILOT}: a bucket and CloudFront, no container")),
            _ => self.list(root, "Copilot has no such type of a workload"),
        }
    }
}

/// Keys of a count that scale.
const SCALING: [&str; 8] = [
    "range",
    "cooldown",
    "cpu_percentage",
    "memory_percentage",
    "requests",
    "response_time",
    "queue_delay",
    "acceptable_latency",
];
