//! Turns a container's request into an OCI configuration. No I/O. The
//! environment is left out on purpose: see `payload`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::users::User;
use crate::spec::{ContainerSpec, MountSource, Ulimit};
use crate::wire::{Fault, FaultKind};

/// What Docker gives to every container.
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// Every capability, at the place of its number in the kernel.
const ALL_CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

const MASKED: [&str; 11] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
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
    pub(crate) user: &'a User,
    pub(crate) cgroups_path: String,
    pub(crate) cgroup_namespace: bool,
    /// On cgroup v1 the container's own groups, by controller.
    pub(crate) cgroups_v1: BTreeMap<String, PathBuf>,
    /// The capabilities that we may hand out, as the kernel's bit set.
    pub(crate) bounding: u64,
    /// Our own hard limit by the OCI name of a resource.
    pub(crate) hard_limit: &'a dyn Fn(&str) -> Option<u64>,
    /// Directory of a volume by name.
    pub(crate) volume: &'a dyn Fn(&str) -> PathBuf,
    /// Files of the task that every container gets: host path and target.
    pub(crate) files: Vec<(PathBuf, &'static str)>,
}

fn bad(text: String) -> Fault {
    Fault::new(FaultKind::BadRequest, text)
}

/// Returns the configuration of a container.
pub(crate) fn config(spec: &ContainerSpec, around: &Surroundings<'_>) -> Result<Value, Fault> {
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
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": process(spec, around)?,
        "root": { "path": around.rootfs, "readonly": spec.readonly_rootfs },
        "hostname": around.hostname,
        "mounts": mounts(spec, around)?,
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": around.cgroups_path,
            "resources": resources,
            "sysctl": spec.sysctls.iter().filter(|(key, _)| !is_network(key)).collect::<std::collections::BTreeMap<_, _>>(),
            "maskedPaths": MASKED,
            "readonlyPaths": READONLY,
        },
    }))
}

/// Returns the process part, which a command run in the container shares.
pub(crate) fn process(spec: &ContainerSpec, around: &Surroundings<'_>) -> Result<Value, Fault> {
    let rlimits: Vec<Value> =
        spec.ulimits.iter().map(|limit| rlimit(limit, around.hard_limit)).collect::<Result<_, _>>()?;
    let User { uid, gid, groups, .. } = around.user;
    Ok(json!({
        "terminal": false,
        "user": { "uid": uid, "gid": gid, "additionalGids": groups, "umask": 0o022 },
        "args": spec.argv,
        "cwd": working_directory(spec),
        "capabilities": capabilities(spec, *uid, around.bounding)?,
        "rlimits": rlimits,
        "noNewPrivileges": spec.no_new_privileges,
    }))
}

/// Returns a container's process part as root has it: all that the container may hold.
pub(crate) fn as_root(process: &Value) -> Value {
    let mut process = process.clone();
    for (name, value) in [("uid", json!(0)), ("gid", json!(0)), ("additionalGids", json!([]))] {
        process["user"][name] = value;
    }
    for set in ["effective", "permitted"] {
        process["capabilities"][set] = process["capabilities"]["bounding"].clone();
    }
    process
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

fn capabilities(spec: &ContainerSpec, uid: u32, bounding: u64) -> Result<Value, Fault> {
    let named = |names: &[String]| -> Result<(bool, Vec<&'static str>), Fault> {
        let mut all = false;
        let mut found = Vec::new();
        for name in names {
            let upper = name.to_ascii_uppercase();
            let full = if upper.starts_with("CAP_") { upper.clone() } else { format!("CAP_{upper}") };
            if upper == "ALL" {
                all = true;
            } else {
                let known = ALL_CAPABILITIES.iter().find(|known| **known == full);
                found.push(*known.ok_or_else(|| bad(format!("unknown capability `{name}`")))?);
            }
        }
        Ok((all, found))
    };
    let (add_all, add) = named(&spec.cap_add)?;
    let (drop_all, drop) = named(&spec.cap_drop)?;
    let granted: Vec<&str> = ALL_CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(bit, _)| bounding >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .filter(|name| {
            let base = add_all || (!drop_all && DEFAULT_CAPABILITIES.contains(name));
            (base && !drop.contains(name)) || add.contains(name)
        })
        .collect();
    // As Docker: a user other than root gets none, but setuid programs may.
    let held = if uid == 0 { granted.clone() } else { Vec::new() };
    Ok(json!({
        "bounding": granted,
        "effective": held,
        "permitted": held,
        "inheritable": [],
        "ambient": [],
    }))
}

fn rlimit(limit: &Ulimit, hard_limit: &dyn Fn(&str) -> Option<u64>) -> Result<Value, Fault> {
    let name = format!("RLIMIT_{}", limit.name.to_ascii_uppercase());
    let own = hard_limit(&name).ok_or_else(|| bad(format!("unknown limit `{}`", limit.name)))?;
    let hard = limit.hard.min(own);
    Ok(json!({ "type": name, "soft": limit.soft.min(hard), "hard": hard }))
}

fn mounts(spec: &ContainerSpec, around: &Surroundings<'_>) -> Result<Vec<Value>, Fault> {
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
            // A device node in a volume, whoever put it there, opens nothing.
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
        if !mount.target.starts_with('/') || mount.target.split('/').any(|part| part == "..") {
            return Err(bad(format!("mount target `{}` is not an absolute path", mount.target)));
        }
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
    Ok(mounts)
}

/// Shows the container its own control groups, to read and not to write.
///
/// On cgroup v1 libcontainer's own mount of them is writable whatever it is told
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
    use super::*;
    use crate::spec::Mount;

    fn check(change: impl FnOnce(&mut ContainerSpec), uid: u32) -> Result<Value, Fault> {
        let mut spec = ContainerSpec { argv: vec!["sh".into()], ..ContainerSpec::default() };
        spec.env = vec![("PASSWORD".into(), "hunter2".into())];
        change(&mut spec);
        let user = User { uid, gid: 0, groups: vec![], home: "/".into() };
        config(
            &spec,
            &Surroundings {
                rootfs: Path::new("/r"),
                hostname: "h",
                user: &user,
                cgroups_path: "/p/t/c".into(),
                cgroup_namespace: false,
                cgroups_v1: BTreeMap::new(),
                bounding: !(1 << 24),
                hard_limit: &|name| (name == "RLIMIT_NOFILE").then_some(1000),
                volume: &|name| PathBuf::from("/v").join(name),
                files: vec![("/t/hosts".into(), "/etc/hosts")],
            },
        )
    }

    fn bounding(add: &[&str], drop: &[&str]) -> Vec<String> {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let made = check(|spec| (spec.cap_add, spec.cap_drop) = (strings(add), strings(drop)), 0);
        serde_json::from_value(made.unwrap()["process"]["capabilities"]["bounding"].clone()).unwrap()
    }

    #[test]
    fn never_writes_the_environment() {
        assert!(!check(|_| {}, 0).unwrap().to_string().contains("hunter2"));
    }

    #[test]
    fn gives_dockers_capabilities_and_those_asked_for() {
        assert_eq!(bounding(&[], &[]).len(), 14);
        assert!(bounding(&["net_admin"], &[]).contains(&"CAP_NET_ADMIN".to_owned()));
        assert!(!bounding(&[], &["CAP_NET_RAW"]).contains(&"CAP_NET_RAW".to_owned()));
        assert_eq!(bounding(&["CHOWN"], &["ALL"]), ["CAP_CHOWN"]);
        assert_eq!(bounding(&["ALL"], &["CHOWN"]).len(), 39, "all, but one dropped and one not ours");
    }

    #[test]
    fn a_plain_user_holds_no_capability() {
        let made = check(|_| {}, 1000).unwrap();
        let held = &made["process"]["capabilities"];
        assert_eq!(held["effective"], json!([]));
        assert_eq!(held["bounding"].as_array().unwrap().len(), 14);
    }

    #[test]
    fn root_holds_what_the_container_may_and_no_more() {
        let plain = check(|spec| spec.cap_drop = vec!["CHOWN".into()], 1000).unwrap()["process"].clone();
        let root = check(|spec| spec.cap_drop = vec!["CHOWN".into()], 0).unwrap()["process"].clone();
        assert_ne!(plain, root);
        assert_eq!(as_root(&plain), root);
    }

    #[test]
    fn clamps_limits_to_our_own() {
        let nofile = |soft, hard| Ulimit { name: "nofile".into(), soft, hard };
        let made = check(|spec| spec.ulimits = vec![nofile(65536, 65536)], 0).unwrap();
        assert_eq!(made["process"]["rlimits"][0]["soft"], 1000);
        let unknown = Ulimit { name: "nofiles".into(), soft: 1, hard: 1 };
        assert!(check(|spec| spec.ulimits = vec![unknown], 0).unwrap_err().message.contains("nofiles"));
    }

    #[test]
    fn mounts_outer_paths_first_and_replaces_its_own() {
        let volume =
            |target: &str| Mount { target: target.into(), source: MountSource::Volume("v".into()), readonly: false };
        let made = check(|spec| spec.mounts = vec![volume("/a/b"), volume("/a"), volume("/etc/hosts")], 0).unwrap();
        let targets: Vec<&str> =
            made["mounts"].as_array().unwrap().iter().map(|mount| mount["destination"].as_str().unwrap()).collect();
        assert_eq!(targets[targets.len() - 3..], ["/a", "/a/b", "/etc/hosts"]);
        assert_eq!(targets.iter().filter(|target| **target == "/etc/hosts").count(), 1);
        assert!(check(|spec| spec.mounts = vec![volume("a")], 0).is_err());
        assert!(check(|spec| spec.mounts = vec![volume("/a/../b")], 0).is_err());
    }

    #[test]
    fn keeps_network_settings_from_libcontainer() {
        let made = check(
            |spec| {
                spec.sysctls.insert("net.core.somaxconn".into(), "9".into());
                spec.sysctls.insert("kernel.shmmax".into(), "9".into());
            },
            0,
        )
        .unwrap();
        assert_eq!(made["linux"]["sysctl"], json!({ "kernel.shmmax": "9" }));
    }
}
