//! A container definition in the manifest's words, member by member.
//!
//! A word is read from the form that is compared: members that are not there have ECS's default. A member
//! that a word cannot say in full has none; what is left over is `aws`.

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::manifest::{
    Capabilities, CommandLine, Container, ContainerHealth, Mount, MountOptions, Named, Port, Protocol, Restart,
    RestartOptions, Seconds, Tmpfs, TmpfsOptions, Ulimit, UlimitRange,
};
use serde_json::Value;

use super::names::is_ecs_name;
use super::{common, named, number, objects, only, text, texts};

/// Names of limits (API reference, Ulimit).
pub(crate) const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Returns the words that do not depend on other containers.
pub(super) fn words(manifest: &Manifest, all: &[(usize, &Document)]) -> Container {
    let each = Each { manifest, all };
    let (memory, memory_reservation) = each.member(memory).unwrap_or_default();
    Container {
        ports: each.member(ports).unwrap_or_default(),
        health_check: each.member(|c| health(c.get("healthCheck")?)),
        volumes: each.member(mounts).unwrap_or_default(),
        user: each.member(|c| filled(c, "user")),
        working_directory: each.member(|c| filled(c, "workingDirectory")),
        cpu: each.member(|c| number(c.get("cpu")?).filter(|cpu| *cpu > 0)),
        memory,
        memory_reservation,
        stop_timeout: each.member(|c| seconds(c.get("stopTimeout")?, 2, 120)),
        start_timeout: each.member(|c| seconds(c.get("startTimeout")?, 2, i32::MAX.unsigned_abs())),
        ulimits: each.member(ulimits).unwrap_or_default(),
        init: each.member(|c| c.get("linuxParameters")?.get("initProcessEnabled")?.as_bool()),
        readonly_root: each.member(|c| c.get("readonlyRootFilesystem")?.as_bool()),
        capabilities: each.member(|c| capabilities(c.get("linuxParameters")?.get("capabilities")?)),
        tmpfs: each.member(tmpfs).unwrap_or_default(),
        labels: each.member(labels).unwrap_or_default(),
        restart: each.member(|c| restart(c.get("restartPolicy")?)),
        ..Container::default()
    }
}

/// A container in all of its stages.
struct Each<'a> {
    manifest: &'a Manifest,
    all: &'a [(usize, &'a Document)],
}

impl Each<'_> {
    /// Returns what most stages say, which may be nothing.
    fn member<T: PartialEq + Clone>(&self, read: impl Fn(&Document) -> Option<T>) -> Option<T> {
        let said: Vec<(usize, Option<T>)> = self.all.iter().map(|(stage, c)| (*stage, read(c))).collect();
        common(self.manifest, &said).flatten()
    }
}

fn filled(container: &Document, member: &str) -> Option<String> {
    Some(text(container, member)).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn seconds(value: &Value, low: u32, high: u32) -> Option<Seconds> {
    number::<u32>(value).filter(|seconds| (low..=high).contains(seconds)).map(Seconds)
}

/// The hard limit and what is reserved, if they fit each other.
fn memory(container: &Document) -> Option<(Option<u32>, Option<u32>)> {
    let read = |member: &str| container.get(member).and_then(number::<u32>).filter(|mib| *mib >= 4);
    let (hard, reserved) = (read("memory"), read("memoryReservation"));
    match (hard, reserved) {
        (Some(hard), Some(reserved)) if reserved > hard => None,
        both => Some(both),
    }
}

fn ports(container: &Document) -> Option<Vec<Port>> {
    let one = |mapping: &Value| {
        let mapping = only(mapping, &["containerPort", "protocol"])?;
        let number = number::<u16>(mapping.get("containerPort")?).filter(|port| *port > 0)?;
        let protocol = match mapping.get("protocol").map(Value::as_str) {
            None => Protocol::Tcp,
            Some(Some("udp")) => Protocol::Udp,
            Some(_) => return None,
        };
        Some(Port { number, protocol })
    };
    let ports: Vec<Port> = container.get("portMappings")?.as_array()?.iter().map(one).collect::<Option<_>>()?;
    let is_twice = ports.iter().enumerate().any(|(at, port)| ports[..at].contains(port));
    (!is_twice).then_some(ports)
}

fn health(check: &Value) -> Option<ContainerHealth> {
    let command = match texts(check.get("command")?)?.as_slice() {
        [kind, line] if kind == "CMD-SHELL" => CommandLine::Shell(line.clone()),
        [kind, words @ ..] if kind == "CMD" && !words.is_empty() => CommandLine::Words(words.to_vec()),
        _ => return None,
    };
    let time = |member: &str, low, high| check.get(member).and_then(|value| seconds(value, low, high));
    Some(ContainerHealth {
        command,
        interval: time("interval", 5, 300),
        timeout: time("timeout", 2, 60),
        retries: check.get("retries").and_then(number::<u32>).filter(|n| (1..=10).contains(n)),
        start_period: time("startPeriod", 1, 300),
    })
}

fn mounts(container: &Document) -> Option<Named<Mount>> {
    let mut mounts = Named::default();
    for mount in container.get("mountPoints")?.as_array()? {
        let mount = only(mount, &["sourceVolume", "containerPath", "readOnly"])?;
        let (volume, path) = (text(mount, "sourceVolume"), text(mount, "containerPath").to_owned());
        let is_taken = mounts.contains(volume) || mounts.iter().any(|(_, other): (_, &Mount)| other.path() == path);
        if is_taken || !is_ecs_name(volume) || !is_path(&path) {
            return None;
        }
        let mount = match mount.get("readOnly") {
            None => Mount::Path(path),
            Some(Value::Bool(true)) => Mount::Options(MountOptions { path, read_only: Some(true) }),
            Some(_) => return None,
        };
        mounts.insert(volume, mount);
    }
    Some(mounts)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.contains(char::is_control)
}

fn ulimits(container: &Document) -> Option<Named<Ulimit>> {
    let mut limits = Named::default();
    for limit in container.get("ulimits")?.as_array()? {
        let limit = only(limit, &["name", "softLimit", "hardLimit"])?;
        let name = text(limit, "name");
        let (soft, hard) = (number(limit.get("softLimit")?)?, number(limit.get("hardLimit")?)?);
        if limits.contains(name) || !ULIMITS.contains(&name) || soft > hard {
            return None;
        }
        let limit = if soft == hard { Ulimit::Both(soft) } else { Ulimit::Range(UlimitRange { soft, hard }) };
        limits.insert(name, limit);
    }
    Some(limits)
}

fn capabilities(value: &Value) -> Option<Capabilities> {
    let lists = only(value, &["add", "drop"])?;
    let list = |member: &str| lists.get(member).map_or(Some(Vec::new()), texts);
    Some(Capabilities { add: list("add")?, drop: list("drop")? })
}

fn tmpfs(container: &Document) -> Option<Named<Tmpfs>> {
    let mut all = Named::default();
    for mount in container.get("linuxParameters")?.get("tmpfs")?.as_array()? {
        let mount = only(mount, &["containerPath", "size", "mountOptions"])?;
        let path = text(mount, "containerPath");
        let size = number::<u32>(mount.get("size")?).filter(|size| *size > 0)?;
        let options = mount.get("mountOptions").map_or(Some(Vec::new()), texts)?;
        if all.contains(path) || !is_path(path) {
            return None;
        }
        let tmpfs = if options.is_empty() { Tmpfs::Size(size) } else { Tmpfs::Options(TmpfsOptions { size, options }) };
        all.insert(path, tmpfs);
    }
    Some(all)
}

fn labels(container: &Document) -> Option<Named<String>> {
    let labels = container.get("dockerLabels")?.as_object()?;
    let one = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    labels.iter().map(one).collect::<Option<Vec<_>>>().map(named)
}

fn restart(policy: &Value) -> Option<Restart> {
    if policy.get("enabled")? != &Value::Bool(true) {
        return None;
    }
    let codes = policy.get("ignoredExitCodes").and_then(Value::as_array);
    let codes: Vec<u8> = codes.into_iter().flatten().map(number).collect::<Option<_>>()?;
    let period = policy.get("restartAttemptPeriod").and_then(|value| seconds(value, 60, 1800));
    Some(match (codes.is_empty(), period) {
        (true, None) => Restart::Enabled(true),
        _ => Restart::Options(RestartOptions { ignored_exit_codes: codes, attempt_period: period }),
    })
}

/// Returns the conditions that a container waits for, in ECS's words.
pub(super) fn waits(container: &Document) -> Option<Vec<(String, String)>> {
    let list = container.get("dependsOn")?.as_array()?;
    let count = list.len();
    let waits: Vec<(String, String)> = objects(container, "dependsOn")
        .filter(|wait| wait.len() == 2)
        .map(|wait| (text(wait, "containerName").to_owned(), text(wait, "condition").to_owned()))
        .collect();
    (waits.len() == count).then_some(waits)
}
