//! Turns a container's request into an OCI configuration. No I/O. The
//! environment is left out on purpose: see `payload`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::credentials::Credentials;
use super::limits::Limit;
use crate::spec::{ContainerSpec, MountSource};

/// What Docker hides (`daemon/pkg/oci/defaults.go`); each processor's `thermal_throttle` comes on top
/// ([`masked`]).
const MASKED: [&str; 13] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    // Not Docker's: a container has no reason to see who holds which key either.
    "/proc/key-users",
];
/// What Docker makes read-only, and the control groups: their mount's own
/// `ro` is not looked at by libcontainer on cgroup v1.
const READONLY: [&str; 6] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys/fs/cgroup"];
const DEFAULT_SHM: u64 = 64 << 20;

/// What the request does not say: found or made by the supervisor.
pub(crate) struct Surroundings<'a> {
    pub(crate) rootfs: &'a Path,
    pub(crate) hostname: &'a str,
    pub(crate) cgroups_path: String,
    pub(crate) cgroup_namespace: bool,
    /// On cgroup v1 the container's own groups, by controller.
    pub(crate) cgroups_v1: BTreeMap<String, PathBuf>,
    /// What the container's own process becomes.
    pub(crate) credentials: &'a Credentials,
    pub(crate) limits: &'a [Limit],
    /// How many processors the host has.
    pub(crate) processors: usize,
    /// Directory of a volume by name.
    pub(crate) volume: &'a dyn Fn(&str) -> PathBuf,
    /// Files of the task that every container gets: host path and target.
    pub(crate) files: Vec<(PathBuf, &'static str)>,
}

/// Returns the configuration of a container.
pub(crate) fn config(spec: &ContainerSpec, around: &Surroundings<'_>) -> Value {
    let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
    if around.cgroup_namespace {
        namespaces.push("cgroup");
    }
    let namespaces: Vec<Value> = namespaces.iter().map(|kind| json!({ "type": kind })).collect();
    let mut memory = serde_json::Map::new();
    if let Some(bytes) = spec.memory_bytes {
        memory.insert("limit".to_owned(), json!(bytes));
    }
    if let Some(bytes) = spec.memory_reservation_bytes {
        memory.insert("reservation".to_owned(), json!(bytes));
    }
    let mut resources = json!({
        "devices": [{ "allow": false, "access": "rwm" }],
        "memory": memory,
    });
    if let Some(shares) = spec.cpu_shares {
        resources["cpu"] = json!({ "shares": shares.max(2) });
    }
    json!({
        "ociVersion": "1.0.2",
        "process": process(spec, around),
        "root": { "path": around.rootfs, "readonly": spec.readonly_rootfs },
        "hostname": around.hostname,
        "mounts": mounts(spec, around),
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": around.cgroups_path,
            "resources": resources,
            "sysctl": spec.sysctls.iter().filter(|(key, _)| !is_network(key)).collect::<std::collections::BTreeMap<_, _>>(),
            "maskedPaths": masked(around.processors),
            "readonlyPaths": READONLY,
        },
    })
}

/// Returns the paths that a container finds empty. One that the host has not is no harm.
fn masked(processors: usize) -> Vec<String> {
    let throttles = (0..processors).map(|number| format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle"));
    MASKED.iter().map(|path| (*path).to_owned()).chain(throttles).collect()
}

/// Returns the process part: root, with what it takes to become what the container's process is.
///
/// libcontainer would drop everything before our own last step (`payload`), which then could not install the filter of
/// kernel calls any more. Until that step there is no other process in the container.
fn process(spec: &ContainerSpec, around: &Surroundings<'_>) -> Value {
    let capabilities = around.credentials.needed();
    json!({
        "terminal": false,
        "user": { "uid": 0, "gid": 0, "umask": 0o022 },
        "args": spec.argv,
        "cwd": working_directory(spec),
        "capabilities": {
            "bounding": capabilities,
            "effective": capabilities,
            "permitted": capabilities,
            "inheritable": [],
            "ambient": [],
        },
        "rlimits": around.limits.iter().map(Limit::oci).collect::<Vec<_>>(),
        "noNewPrivileges": false,
    })
}

/// Returns the working directory, `/` when the request has none.
pub(crate) fn working_directory(spec: &ContainerSpec) -> &str {
    if spec.cwd.is_empty() { "/" } else { &spec.cwd }
}

/// Whether a kernel setting belongs to the network namespace, which libcontainer
/// does not see as the container's own; the supervisor writes those itself.
pub(crate) fn is_network(sysctl: &str) -> bool {
    sysctl.replace('/', ".").starts_with("net.")
}

fn mounts(spec: &ContainerSpec, around: &Surroundings<'_>) -> Vec<Value> {
    let shm = spec.shm_bytes.unwrap_or(DEFAULT_SHM);
    let system = |target: &str, kind: &str, source: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": source, "options": options });
    let size = format!("size={shm}");
    let mut mounts = vec![
        system("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        system("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        system(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        system("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", &size]),
        system("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        system("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    ];
    mounts.extend(cgroups(around));
    let access = |readonly: bool| if readonly { "ro" } else { "rw" };
    let bind = |target: &str, source: &Path, readonly: bool| {
        json!({
            "destination": target,
            "type": "bind",
            "source": source,
            // A device node in a volume opens nothing, no matter who put it there.
            "options": ["rbind", "rprivate", "nodev", access(readonly)],
        })
    };
    for (source, target) in &around.files {
        mounts.push(bind(target, source, spec.readonly_rootfs));
    }
    let mut wanted: Vec<_> = spec.mounts.iter().collect();
    // Outer before inner, whatever the order of the request.
    wanted.sort_by_key(|mount| mount.target.split('/').filter(|part| !part.is_empty()).count());
    for mount in wanted {
        let target = mount.target.as_str();
        // A mount of one's own takes the place of ours.
        mounts.retain(|ours| ours["destination"] != target);
        mounts.push(match &mount.source {
            MountSource::Volume(name) => bind(target, &(around.volume)(name), mount.readonly),
            MountSource::Bind(source) => bind(target, source, mount.readonly),
            MountSource::Tmpfs { size_bytes, options } => {
                let mut all = vec!["nosuid".to_owned(), "nodev".to_owned()];
                all.extend(size_bytes.map(|bytes| format!("size={bytes}")));
                all.extend(options.iter().cloned());
                all.push(access(mount.readonly).to_owned());
                json!({ "destination": target, "type": "tmpfs", "source": "tmpfs", "options": all })
            }
        });
    }
    mounts
}

/// Shows the container its own control groups, to read and not to write.
///
/// On cgroup v1 libcontainer's own mount of them is writable, even when asked for read-only
/// (`setup_emulated_subsystem`), so each group is bound here.
fn cgroups(around: &Surroundings<'_>) -> Vec<Value> {
    const AT: &str = "/sys/fs/cgroup";
    let kept = ["nosuid", "noexec", "nodev"];
    if around.cgroups_v1.is_empty() {
        let options: Vec<&str> = kept.into_iter().chain(["relatime", "ro"]).collect();
        return vec![json!({ "destination": AT, "type": "cgroup", "source": "cgroup", "options": options })];
    }
    let top: Vec<&str> = kept.into_iter().chain(["mode=755", "size=64k"]).collect();
    let mut mounts = vec![json!({ "destination": AT, "type": "tmpfs", "source": "tmpfs", "options": top })];
    for (controller, group) in &around.cgroups_v1 {
        let options: Vec<&str> = kept.into_iter().chain(["bind", "rprivate", "ro"]).collect();
        let destination = format!("{AT}/{controller}");
        mounts.push(json!({ "destination": destination, "type": "bind", "source": group, "options": options }));
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::super::users::User;
    use super::*;
    use crate::spec::Mount;

    fn check(change: impl FnOnce(&mut ContainerSpec)) -> Value {
        let mut spec = ContainerSpec { argv: vec!["sh".into()], ..ContainerSpec::default() };
        spec.env = vec![("PASSWORD".into(), "hunter2".into())];
        change(&mut spec);
        let user = User { uid: 1000, gid: 0, groups: vec![], home: "/".into() };
        config(
            &spec,
            &Surroundings {
                rootfs: Path::new("/r"),
                hostname: "h",
                cgroups_path: "/p/t/c".into(),
                cgroup_namespace: false,
                cgroups_v1: BTreeMap::new(),
                credentials: &Credentials::of(&spec, &user, !0).unwrap(),
                limits: &[],
                processors: 2,
                volume: &|name| PathBuf::from("/v").join(name),
                files: vec![("/t/hosts".into(), "/etc/hosts")],
            },
        )
    }

    #[test]
    fn never_writes_the_environment() {
        assert!(!check(|_| {}).to_string().contains("hunter2"));
    }

    #[test]
    fn mounts_outer_paths_first_and_replaces_its_own() {
        let volume =
            |target: &str| Mount { target: target.into(), source: MountSource::Volume("v".into()), readonly: false };
        let made = check(|spec| spec.mounts = vec![volume("/a/b"), volume("/a"), volume("/etc/hosts")]);
        let targets: Vec<&str> =
            made["mounts"].as_array().unwrap().iter().map(|mount| mount["destination"].as_str().unwrap()).collect();
        assert_eq!(targets[targets.len() - 3..], ["/a", "/a/b", "/etc/hosts"]);
        assert_eq!(targets.iter().filter(|target| **target == "/etc/hosts").count(), 1);
    }

    #[test]
    fn keeps_network_settings_from_libcontainer() {
        let made = check(|spec| {
            spec.sysctls.insert("net.core.somaxconn".into(), "9".into());
            spec.sysctls.insert("kernel.shmmax".into(), "9".into());
        });
        assert_eq!(made["linux"]["sysctl"], json!({ "kernel.shmmax": "9" }));
    }
}
