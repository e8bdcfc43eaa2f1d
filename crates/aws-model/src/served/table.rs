//! The table: what becomes of every member of a task definition, and of a request that runs one.
//!
//! Facts about this platform, nothing of ECS's. Every member of the official model has its row here, or lies below one
//! that speaks for all of it (a test holds the two against each other), so that none is forgotten in silence.

use serde_json::Value;

use super::{Owner, Refusal, awslogs, privileges};

/// What becomes of a member.
#[derive(Debug, Clone, Copy)]
pub(super) enum Treatment {
    /// It does what it does on Fargate.
    Served,
    /// It is kept and answered, and has no effect; the words say why that is well.
    Kept(&'static str),
    /// Some of its values cannot be done: which, in words and as a function of the member's value (null: it is not
    /// there) and the machine's architecture.
    Partly {
        /// What is served of it, for people.
        words: &'static str,
        /// What is asked for and cannot be done.
        excess: fn(&Value, Option<&str>) -> Vec<Excess>,
    },
    /// It cannot be done; the words, if there are any, say what to do instead.
    Refused(&'static str),
}

/// What is asked for and cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excess {
    /// What follows the member's name: `.options.tag`, ` fluentd`.
    pub(super) value: String,
    /// What to do instead.
    pub(super) note: Option<String>,
}

impl Excess {
    pub(super) fn plain(value: impl Into<String>) -> Self {
        Self { value: value.into(), note: None }
    }

    pub(super) fn of(value: impl Into<String>, note: impl Into<String>) -> Self {
        Self { value: value.into(), note: Some(note.into()) }
    }

    pub(super) fn refusal(self, member: &str, owner: Owner) -> Refusal {
        Refusal { member: format!("{}{}", member.replace("[]", ""), self.value), owner, note: self.note }
    }
}

/// Members that are treated alike.
pub(super) struct Row {
    /// Path of the object or list that they are in, `""` for the document itself.
    below: &'static str,
    /// Their names, with blanks between them.
    names: &'static str,
    treatment: Treatment,
}

pub(super) struct Member {
    /// Path in the model, such as `containerDefinitions[].image`.
    pub(super) path: String,
    pub(super) treatment: Treatment,
}

impl Row {
    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        let Self { below, names, treatment } = *self;
        let path = move |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}.{name}") };
        names.split_whitespace().map(move |name| Member { path: path(name), treatment })
    }
}

const fn row(below: &'static str, names: &'static str, treatment: Treatment) -> Row {
    Row { below, names, treatment }
}

const SERVED: Treatment = Treatment::Served;
const REFUSED: Treatment = Treatment::Refused("");
/// What awsvpc, the only network mode here, does not have: registering refuses it already.
const NOT_WITH_AWSVPC: Treatment = Treatment::Refused("awsvpc has none");

/// Members of RegisterTaskDefinition.
pub(super) const TASK: &[Row] = &[
    row("", "networkMode", Treatment::Partly { words: "`awsvpc` only", excess: network_mode }),
    row(
        "",
        "runtimePlatform",
        Treatment::Partly { words: "`LINUX` on the machine's own architecture", excess: runtime_platform },
    ),
    row("", "family taskRoleArn executionRoleArn containerDefinitions volumes cpu memory tags", SERVED),
    row("tags[]", "key value", SERVED),
    row("", "requiresCompatibilities", Treatment::Kept("what runs here runs as on Fargate, whatever it says")),
    row("", "ephemeralStorage", SERVED),
    row("ephemeralStorage", "sizeInGiB", SERVED),
    row("", "proxyConfiguration pidMode ipcMode placementConstraints inferenceAccelerators", REFUSED),
    row("", "enableFaultInjection trustedExecutionConfiguration", REFUSED),
    row("volumes[]", "name", SERVED),
    row("volumes[]", "host", Treatment::Partly { words: "without `sourcePath`", excess: host_volume }),
    row("volumes[]", "efsVolumeConfiguration dockerVolumeConfiguration s3filesVolumeConfiguration", REFUSED),
    row("volumes[]", "fsxWindowsFileServerVolumeConfiguration configuredAtLaunch", REFUSED),
    row("containerDefinitions[]", "environmentFiles", Treatment::Refused("no S3 is served: write `environment`")),
    row("containerDefinitions[]", "resourceRequirements firelensConfiguration", REFUSED),
    row(
        "containerDefinitions[]",
        "repositoryCredentials",
        Treatment::Refused("other registries are asked without a login: push the image to the platform's own"),
    ),
    row("containerDefinitions[]", "privileged credentialSpecs dockerSecurityOptions disableNetworking", REFUSED),
    row("containerDefinitions[]", "interactive pseudoTerminal", REFUSED),
    row("containerDefinitions[]", "links hostname dnsServers dnsSearchDomains extraHosts", NOT_WITH_AWSVPC),
    row("containerDefinitions[]", "name image cpu memory memoryReservation essential user workingDirectory", SERVED),
    row("containerDefinitions[]", "entryPoint command startTimeout stopTimeout readonlyRootFilesystem", SERVED),
    row("containerDefinitions[]", "dockerLabels portMappings environment secrets volumesFrom dependsOn", SERVED),
    row("containerDefinitions[]", "ulimits healthCheck restartPolicy linuxParameters", SERVED),
    row(
        "containerDefinitions[]",
        "versionConsistency",
        Treatment::Kept("each task runs the image that its tag names when it starts"),
    ),
    row("containerDefinitions[].portMappings[]", "containerPortRange", REFUSED),
    row("containerDefinitions[].portMappings[]", "containerPort hostPort protocol", SERVED),
    row(
        "containerDefinitions[].portMappings[]",
        "name appProtocol",
        Treatment::Kept("it is for Service Connect, which is refused where it is asked for"),
    ),
    row("containerDefinitions[].restartPolicy", "enabled ignoredExitCodes restartAttemptPeriod", SERVED),
    row("containerDefinitions[].environment[]", "name value", SERVED),
    row("containerDefinitions[].secrets[]", "name valueFrom", SERVED),
    row("containerDefinitions[].volumesFrom[]", "sourceContainer readOnly", SERVED),
    row("containerDefinitions[].dependsOn[]", "containerName condition", SERVED),
    row("containerDefinitions[].ulimits[]", "name softLimit hardLimit", SERVED),
    row("containerDefinitions[].healthCheck", "command interval timeout retries startPeriod", SERVED),
    row(
        "containerDefinitions[]",
        "mountPoints",
        Treatment::Partly { words: "not over the kernel's own trees", excess: privileges::mount_points },
    ),
    row("containerDefinitions[].linuxParameters", "devices sharedMemorySize maxSwap swappiness", REFUSED),
    row("containerDefinitions[].linuxParameters", "initProcessEnabled", SERVED),
    row(
        "containerDefinitions[].linuxParameters",
        "capabilities",
        Treatment::Partly { words: "`drop` any, `add` SYS_PTRACE only", excess: privileges::capabilities },
    ),
    row(
        "containerDefinitions[].linuxParameters",
        "tmpfs",
        Treatment::Partly {
            words: "options that lift no protection, not over the kernel's own trees",
            excess: privileges::tmpfs,
        },
    ),
    row(
        "containerDefinitions[]",
        "systemControls",
        Treatment::Partly { words: "settings of the container's own", excess: privileges::settings },
    ),
    row(
        "containerDefinitions[]",
        "logConfiguration",
        Treatment::Partly { words: "`awslogs`, with the options below", excess: awslogs::excess },
    ),
];

/// Members of RunTask, CreateService and UpdateService.
pub(super) const REQUEST: &[Row] = &[
    row("", "deploymentController", Treatment::Partly { words: "`type` ECS", excess: controller }),
    row("deploymentConfiguration", "strategy", Treatment::Partly { words: "`ROLLING`", excess: strategy }),
    row("", "schedulingStrategy", Treatment::Partly { words: "`REPLICA`", excess: scheduling }),
    row("deploymentConfiguration", "lifecycleHooks", REFUSED),
    row("deploymentConfiguration", "bakeTimeInMinutes", Treatment::Partly { words: "0", excess: if_above_0 }),
    row("deploymentConfiguration", "minimumHealthyPercent maximumPercent deploymentCircuitBreaker alarms", SERVED),
    row(
        "deploymentConfiguration",
        "canaryConfiguration linearConfiguration",
        Treatment::Kept("it is for a strategy that is refused"),
    ),
    row(
        "deploymentConfiguration",
        "earlySuccessCriteria",
        Treatment::Partly { words: "not enabled", excess: if_enable },
    ),
    row("", "serviceRegistries", SERVED),
    row("serviceRegistries[]", "registryArn port containerName containerPort", SERVED),
    row("", "serviceConnectConfiguration", SERVED),
    row("serviceConnectConfiguration", "enabled namespace services", SERVED),
    row(
        "serviceConnectConfiguration",
        "logConfiguration accessLogConfiguration containerConfigurations",
        Treatment::Kept("there is no proxy: names lead to the tasks themselves"),
    ),
    row("serviceConnectConfiguration.services[]", "portName discoveryName clientAliases", SERVED),
    row(
        "serviceConnectConfiguration.services[]",
        "ingressPortOverride",
        Treatment::Kept("it must be the container's port"),
    ),
    row("serviceConnectConfiguration.services[]", "timeout", Treatment::Kept("no proxy ends a request")),
    row("serviceConnectConfiguration.services[]", "tls", REFUSED),
    row("serviceConnectConfiguration.services[].clientAliases[]", "port dnsName", SERVED),
    row(
        "serviceConnectConfiguration.services[].clientAliases[]",
        "testTrafficRules",
        Treatment::Kept("it is for a strategy that is refused"),
    ),
    row("", "volumeConfigurations vpcLatticeConfigurations gatewayConnectors", REFUSED),
    row("", "monitoring", SERVED),
    row("", "placementConstraints placementStrategy", REFUSED),
    row("loadBalancers[]", "loadBalancerName", Treatment::Refused("use targetGroupArn")),
    row("loadBalancers[]", "advancedConfiguration", REFUSED),
    row("loadBalancers[]", "targetGroupArn containerName containerPort", SERVED),
    row("overrides.containerOverrides[]", "environmentFiles resourceRequirements", REFUSED),
    row("overrides.containerOverrides[]", "name command environment cpu memory memoryReservation", SERVED),
    row("overrides", "cpu memory executionRoleArn taskRoleArn ephemeralStorage containerOverrides", SERVED),
    row("overrides", "inferenceAcceleratorOverrides", REFUSED),
    row("", "cluster service serviceName taskDefinition desiredCount count clientToken group startedBy", SERVED),
    row("", "tags propagateTags enableECSManagedTags enableExecuteCommand forceNewDeployment overrides", SERVED),
    row("", "loadBalancers deploymentConfiguration healthCheckGracePeriodSeconds", SERVED),
    row("", "launchType capacityProviderStrategy", SERVED),
    row("", "networkConfiguration", Treatment::Kept("tasks have a network of the platform's own")),
    row("", "platformVersion availabilityZoneRebalancing", Treatment::Kept("there is one version and one zone")),
    row("", "role referenceId", Treatment::Kept("nothing here asks for it")),
];

pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn network_mode(value: &Value, _: Option<&str>) -> Vec<Excess> {
    match value.as_str().unwrap_or("bridge") {
        "awsvpc" => Vec::new(),
        other => vec![Excess::of(format!(" {other}"), "use awsvpc")],
    }
}

fn runtime_platform(value: &Value, architecture: Option<&str>) -> Vec<Excess> {
    let mut found = Vec::new();
    // Not said is X86_64 (API reference, RuntimePlatform), and then the image decides.
    if let (Some(wanted), Some(machine)) = (value.get("cpuArchitecture").and_then(Value::as_str), architecture)
        && wanted != machine
    {
        found.push(Excess::of(format!(".cpuArchitecture {wanted}"), format!("this machine is {machine}")));
    }
    if let Some(other) = value.get("operatingSystemFamily").and_then(Value::as_str).filter(|os| *os != "LINUX") {
        found.push(Excess::plain(format!(".operatingSystemFamily {other}")));
    }
    found
}

fn host_volume(value: &Value, _: Option<&str>) -> Vec<Excess> {
    let asked = !text(value, "sourcePath").is_empty();
    asked.then(|| Excess::plain(".sourcePath")).into_iter().collect()
}

fn other_than(value: Option<&str>, served: &str, member: &str) -> Vec<Excess> {
    let other = value.filter(|value| *value != served);
    other.map(|other| Excess::plain(format!("{member} {other}"))).into_iter().collect()
}

fn controller(value: &Value, _: Option<&str>) -> Vec<Excess> {
    other_than(value.get("type").and_then(Value::as_str), "ECS", ".type")
}

fn strategy(value: &Value, _: Option<&str>) -> Vec<Excess> {
    other_than(value.as_str(), "ROLLING", "")
}

fn scheduling(value: &Value, _: Option<&str>) -> Vec<Excess> {
    other_than(value.as_str(), "REPLICA", "")
}

fn if_flag(value: &Value, flag: &str) -> Vec<Excess> {
    let is_set = value.get(flag).and_then(Value::as_bool) == Some(true);
    is_set.then(|| Excess::plain("")).into_iter().collect()
}

fn if_enable(value: &Value, _: Option<&str>) -> Vec<Excess> {
    if_flag(value, "enable")
}

fn if_above_0(value: &Value, _: Option<&str>) -> Vec<Excess> {
    (value.as_i64() > Some(0)).then(|| Excess::plain("")).into_iter().collect()
}
