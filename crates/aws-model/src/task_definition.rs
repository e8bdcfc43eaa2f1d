//! A task definition as we read it: typed where we decide by it, the document kept beside it.
//!
//! Every field is optional on the wire; [`TaskDefinition::read`] fills the defaults that ECS documents (API reference,
//! RegisterTaskDefinition), so that nothing past it asks twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Document;

/// The fields of a registered task definition that the platform acts on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinition {
    /// Family name.
    pub family: String,
    /// Task-level CPU units (1024 = one vCPU), as the string that ECS takes: `"256"` or `".25 vcpu"`.
    pub cpu: Option<String>,
    /// Task-level memory in MiB, as the string that ECS takes.
    pub memory: Option<String>,
    /// `awsvpc`, `bridge`, `host` or `none`.
    pub network_mode: Option<String>,
    /// Launch types the definition was validated against.
    pub requires_compatibilities: Vec<String>,
    /// Containers, in the order registered.
    pub container_definitions: Vec<ContainerDefinition>,
    /// Volumes that containers may mount.
    pub volumes: Vec<Volume>,
    /// Role that the application's calls use.
    pub task_role_arn: Option<String>,
    /// Role that pulls, reads secrets and writes logs.
    pub execution_role_arn: Option<String>,
    /// `host` or `task`.
    pub pid_mode: Option<String>,
    /// `host`, `task` or `none`.
    pub ipc_mode: Option<String>,
    /// Fargate scratch space.
    pub ephemeral_storage: Option<EphemeralStorage>,
    /// Operating system and CPU architecture.
    pub runtime_platform: Option<RuntimePlatform>,
    /// App Mesh proxy; refused at run time by the native engine.
    pub proxy_configuration: Option<Document>,
    /// Placement on container instances; refused at run time.
    pub placement_constraints: Vec<Document>,
    /// Elastic Inference; refused at run time.
    pub inference_accelerators: Vec<Document>,
    /// Fault injection; refused at run time.
    pub enable_fault_injection: Option<bool>,
    /// Trusted execution; refused at run time.
    pub trusted_execution_configuration: Option<Document>,
}

/// Fargate scratch space.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EphemeralStorage {
    /// Size in GiB.
    pub size_in_gi_b: i64,
}

/// Operating system and CPU architecture.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuntimePlatform {
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: Option<String>,
    /// `LINUX` or a Windows family.
    pub operating_system_family: Option<String>,
}

/// One container of a task definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerDefinition {
    /// Name, unique in the task definition.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// CPU units reserved (a share; a hard limit only at the task's level).
    pub cpu: i64,
    /// Hard memory limit in MiB.
    pub memory: Option<i64>,
    /// Soft memory limit in MiB.
    pub memory_reservation: Option<i64>,
    /// Whether the task stops with this container. Default true.
    pub essential: bool,
    /// Overrides the image's CMD.
    pub command: Option<Vec<String>>,
    /// Overrides the image's ENTRYPOINT.
    pub entry_point: Option<Vec<String>>,
    /// Plain variables.
    pub environment: Vec<KeyValue>,
    /// Variables from files in S3; refused clearly at run time.
    pub environment_files: Vec<Document>,
    /// Variables from Secrets Manager or SSM.
    pub secrets: Vec<Secret>,
    /// Ports that the container listens on.
    pub port_mappings: Vec<PortMapping>,
    /// Volumes mounted.
    pub mount_points: Vec<MountPoint>,
    /// Containers whose mounts are taken over.
    pub volumes_from: Vec<VolumeFrom>,
    /// What must have happened to other containers before this one starts.
    pub depends_on: Vec<Dependency>,
    /// Command that tells whether the container is healthy.
    pub health_check: Option<HealthCheck>,
    /// Seconds that a dependency on this container may take to be met.
    pub start_timeout: Option<i64>,
    /// Seconds between SIGTERM and SIGKILL. Default 30, at most 120 on Fargate.
    pub stop_timeout: Option<i64>,
    /// `user`, `uid`, `user:group`, `uid:gid`.
    pub user: Option<String>,
    /// Overrides the image's WORKDIR.
    pub working_directory: Option<String>,
    /// Resource limits.
    pub ulimits: Vec<Ulimit>,
    /// Whether the root file system is mounted read-only.
    pub readonly_root_filesystem: bool,
    /// Linux-specific settings.
    pub linux_parameters: Option<LinuxParameters>,
    /// Labels.
    pub docker_labels: BTreeMap<String, String>,
    /// Where output goes.
    pub log_configuration: Option<LogConfiguration>,
    /// Host name; not allowed with awsvpc.
    pub hostname: Option<String>,
    /// Extra lines for /etc/hosts; not allowed with awsvpc.
    pub extra_hosts: Vec<Document>,
    /// DNS servers; not supported with awsvpc on Fargate.
    pub dns_servers: Vec<String>,
    /// DNS search domains; not supported with awsvpc on Fargate.
    pub dns_search_domains: Vec<String>,
    /// Keeps standard input open.
    pub interactive: bool,
    /// Allocates a terminal.
    pub pseudo_terminal: bool,
    /// Elevated privileges; refused on Fargate.
    pub privileged: bool,
    /// Kernel parameters.
    pub system_controls: Vec<SystemControl>,
    /// GPUs; refused on Fargate.
    pub resource_requirements: Vec<Document>,
    /// Credentials of a private registry.
    pub repository_credentials: Option<Document>,
    /// FireLens; refused at run time by the native engine.
    pub firelens_configuration: Option<Document>,
    /// Security options; refused on Fargate.
    pub docker_security_options: Vec<String>,
    /// Links; not allowed with awsvpc.
    pub links: Vec<String>,
    /// Restart of the container inside its task.
    pub restart_policy: Option<RestartPolicy>,
    /// Disables networking; not allowed on Fargate.
    pub disable_networking: Option<bool>,
    /// Active Directory credentials; refused at run time.
    pub credential_specs: Vec<String>,
}

impl Default for ContainerDefinition {
    fn default() -> Self {
        Self {
            essential: true,
            name: String::new(),
            image: String::new(),
            cpu: 0,
            memory: None,
            memory_reservation: None,
            command: None,
            entry_point: None,
            environment: Vec::new(),
            environment_files: Vec::new(),
            secrets: Vec::new(),
            port_mappings: Vec::new(),
            mount_points: Vec::new(),
            volumes_from: Vec::new(),
            depends_on: Vec::new(),
            health_check: None,
            start_timeout: None,
            stop_timeout: None,
            user: None,
            working_directory: None,
            ulimits: Vec::new(),
            readonly_root_filesystem: false,
            linux_parameters: None,
            docker_labels: BTreeMap::new(),
            log_configuration: None,
            hostname: None,
            extra_hosts: Vec::new(),
            dns_servers: Vec::new(),
            dns_search_domains: Vec::new(),
            interactive: false,
            pseudo_terminal: false,
            privileged: false,
            system_controls: Vec::new(),
            resource_requirements: Vec::new(),
            repository_credentials: None,
            firelens_configuration: None,
            docker_security_options: Vec::new(),
            links: Vec::new(),
            restart_policy: None,
            disable_networking: None,
            credential_specs: Vec::new(),
        }
    }
}

/// A plain variable.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyValue {
    /// Variable name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A variable whose value is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Variable name.
    pub name: String,
    /// Secrets Manager ARN with optional `:key:stage:version`, or an SSM parameter.
    pub value_from: String,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortMapping {
    /// Port inside the task.
    pub container_port: Option<u16>,
    /// With awsvpc, empty or the same as the container's.
    pub host_port: Option<u16>,
    /// `tcp` or `udp`. Default `tcp`.
    pub protocol: Option<String>,
    /// A range of ports in place of one; not supported by the native engine.
    pub container_port_range: Option<String>,
    /// Name, for Service Connect.
    pub name: Option<String>,
}

/// A volume mounted in a container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MountPoint {
    /// Name of a volume of the task definition.
    pub source_volume: String,
    /// Absolute path inside the container.
    pub container_path: String,
    /// Whether the container may only read.
    pub read_only: bool,
}

/// Takes over another container's mounts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeFrom {
    /// The other container's name.
    pub source_container: String,
    /// Whether the container may only read.
    pub read_only: bool,
}

/// A volume of a task definition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Name that mount points refer to.
    pub name: String,
    /// A path of the host (`sourcePath`); not allowed on Fargate.
    pub host: Option<Document>,
    /// EFS; refused at run time by the native engine.
    pub efs_volume_configuration: Option<Document>,
    /// S3 Files; refused at run time.
    pub s3files_volume_configuration: Option<Document>,
    /// Docker volume; not allowed on Fargate.
    pub docker_volume_configuration: Option<Document>,
    /// FSx for Windows; refused at run time by the native engine.
    pub fsx_windows_file_server_volume_configuration: Option<Document>,
    /// Whether an EBS volume is attached at launch.
    pub configured_at_launch: Option<bool>,
}

/// Waits for another container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dependency {
    /// The other container's name.
    pub container_name: String,
    /// `START`, `COMPLETE`, `SUCCESS` or `HEALTHY`.
    pub condition: String,
}

/// Command that tells whether a container is healthy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// `["CMD", ...]`, `["CMD-SHELL", "..."]` or `["NONE"]`.
    pub command: Vec<String>,
    /// Seconds between checks, 5 to 300. Default 30.
    pub interval: Option<i64>,
    /// Seconds a check may take, 2 to 60. Default 5.
    pub timeout: Option<i64>,
    /// Failures in a row before unhealthy, 1 to 10. Default 3.
    pub retries: Option<i64>,
    /// Seconds at the start in which failures do not count, 0 to 300.
    pub start_period: Option<i64>,
}

/// A resource limit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ulimit {
    /// `nofile`, `nproc`, ...
    pub name: String,
    /// Soft limit.
    pub soft_limit: i64,
    /// Hard limit.
    pub hard_limit: i64,
}

/// Linux-specific settings of a container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxParameters {
    /// Capabilities added to and dropped from Docker's default set.
    pub capabilities: Option<Capabilities>,
    /// Host devices; not allowed on Fargate.
    pub devices: Vec<Document>,
    /// Runs an init process that forwards signals and reaps.
    pub init_process_enabled: Option<bool>,
    /// Size of /dev/shm in MiB; not allowed on Fargate.
    pub shared_memory_size: Option<i64>,
    /// tmpfs mounts.
    pub tmpfs: Vec<Tmpfs>,
    /// Swap; not allowed on Fargate.
    pub max_swap: Option<i64>,
    /// Swappiness; not allowed on Fargate.
    pub swappiness: Option<i64>,
}

/// Capabilities added and dropped.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Names without `CAP_`. Fargate allows only `SYS_PTRACE`.
    pub add: Vec<String>,
    /// Names without `CAP_`, or `ALL`.
    pub drop: Vec<String>,
}

/// A tmpfs mount.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tmpfs {
    /// Absolute path inside the container.
    pub container_path: String,
    /// Size in MiB.
    pub size: i64,
    /// Mount options.
    pub mount_options: Vec<String>,
}

/// A kernel parameter.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemControl {
    /// e.g. `net.core.somaxconn`.
    pub namespace: String,
    /// Value.
    pub value: String,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogConfiguration {
    /// `awslogs`, ...
    pub log_driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Options whose values are kept elsewhere.
    pub secret_options: Vec<Secret>,
}

/// Restart of a container inside its task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestartPolicy {
    /// Whether the container is restarted.
    pub enabled: bool,
    /// Exit codes that do not restart.
    pub ignored_exit_codes: Vec<i64>,
    /// Seconds that it must have run. Default 300.
    pub restart_attempt_period: Option<i64>,
}

impl TaskDefinition {
    /// Reads the typed fields out of a document; unknown members are not an error.
    ///
    /// # Errors
    /// The path of the first member whose JSON type is wrong, and what was wrong.
    pub fn read(document: &Document) -> Result<Self, serde_json::Error> {
        <Self as Deserialize>::deserialize(document)
    }

    /// Returns the container of this name.
    pub fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.container_definitions.iter().find(|c| c.name == name)
    }
}
