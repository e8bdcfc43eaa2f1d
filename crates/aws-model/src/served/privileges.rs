//! What may a container have here? What one on Fargate may, whatever its task definition says (or
//! does not say) that it is for. No I/O.
//!
//! A task definition without `requiresCompatibilities` may name what only EC2 instances grant; ECS
//! registers it, and here there is no instance to run it on. The runtime refuses the same once more
//! by rules of its own (`runtime/src/supervisor`), so that a mistake here opens nothing.

use serde_json::Value;

use super::table::{Excess, list, text};

/// "Tasks launched on Fargate only support adding the SYS_PTRACE kernel capability" (API reference,
/// KernelCapabilities).
const ADDABLE: [&str; 1] = ["SYS_PTRACE"];
/// Kernel settings of the container's own (API reference, SystemControl); `net.` and `fs.mqueue.` too.
const OWN_SETTINGS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];
/// Options of a tmpfs that lift no protection. ECS knows more (API reference, Tmpfs): `dev` and `suid`
/// would, and `bind` or `remount` would make it something else.
const TMPFS_FLAGS: [&str; 20] = [
    "defaults",
    "ro",
    "rw",
    "nosuid",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
];
const TMPFS_VALUES: [&str; 6] = ["mode", "uid", "gid", "nr_inodes", "nr_blocks", "size"];

/// Returns the capabilities that are added and cannot be.
pub(super) fn capabilities(value: &Value, _: Option<&str>) -> Vec<Excess> {
    let added = list(value, "add").iter().filter_map(Value::as_str);
    let refused = added.filter(|name| !ADDABLE.contains(name));
    refused.map(|name| Excess::of(format!(".add {name}"), "only SYS_PTRACE can be added")).collect()
}

/// Returns what a tmpfs asks for that it may not have.
pub(super) fn tmpfs(value: &Value, _: Option<&str>) -> Vec<Excess> {
    let of_one = |tmpfs: &Value| {
        let options = list(tmpfs, "mountOptions").iter().filter_map(Value::as_str);
        let refused = options.filter(|option| !is_harmless(option));
        let mut found: Vec<Excess> = refused.map(|option| Excess::plain(format!(".mountOptions {option}"))).collect();
        let path = text(tmpfs, "containerPath");
        if is_the_systems(path) {
            found.push(Excess::plain(format!(".containerPath {path}")));
        }
        found
    };
    value.as_array().into_iter().flatten().flat_map(of_one).collect()
}

/// Returns the kernel settings that are not a container's own.
pub(super) fn settings(value: &Value, _: Option<&str>) -> Vec<Excess> {
    let named = value.as_array().into_iter().flatten().map(|control| text(control, "namespace"));
    named.filter(|name| !is_own_setting(name)).map(|name| Excess::plain(format!(" {name}"))).collect()
}

/// Returns the mount points that lie over the kernel's own trees.
pub(super) fn mount_points(value: &Value, _: Option<&str>) -> Vec<Excess> {
    let paths = value.as_array().into_iter().flatten().map(|point| text(point, "containerPath"));
    paths.filter(|path| is_the_systems(path)).map(|path| Excess::plain(format!(".containerPath {path}"))).collect()
}

fn is_harmless(option: &str) -> bool {
    match option.split_once('=') {
        // A comma would begin another option.
        Some((name, value)) => TMPFS_VALUES.contains(&name) && value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        None => TMPFS_FLAGS.contains(&option),
    }
}

fn is_own_setting(name: &str) -> bool {
    let name = name.replace('/', ".");
    OWN_SETTINGS.contains(&name.as_str()) || name.starts_with("net.") || name.starts_with("fs.mqueue.")
}

/// Whether a path is the root, or of the kernel's own trees, over which nothing may be mounted.
fn is_the_systems(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    match (parts.next(), parts.next()) {
        (None, _) | (Some("proc" | "sys"), _) => true,
        (Some("dev"), below) => matches!(below, None | Some("pts" | "mqueue")),
        (Some(first), _) => first == ".." || path.split('/').any(|part| part == ".."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn check(container: Value, expected: &str) {
        let document = json!({"family": "f", "networkMode": "awsvpc", "containerDefinitions": [container]});
        let refused = super::super::task_refusals(document.as_object().unwrap(), None);
        let members: Vec<String> = refused.into_iter().map(|refusal| refusal.member).collect();
        assert_eq!(members.join(", "), expected, "{document}");
    }

    fn linux(parameters: Value, expected: &str) {
        check(json!({"name": "c", "linuxParameters": parameters}), expected);
    }

    #[test]
    fn only_sys_ptrace_may_be_added_and_everything_may_be_dropped() {
        linux(json!({"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL", "CHOWN"]}}), "");
        for other in ["ALL", "all", "SYS_ADMIN", "CAP_SYS_ADMIN", "sys_ptrace", "NET_ADMIN", "CHOWN", ""] {
            linux(
                json!({"capabilities": {"add": ["SYS_PTRACE", other]}}),
                &format!("linuxParameters.capabilities.add {other}"),
            );
        }
    }

    #[test]
    fn options_of_a_tmpfs_lift_no_protection() {
        let tmpfs = |option: &str| json!({"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": [option]}]});
        for option in ["noexec", "mode=1777", "uid=1000", "nosuid"] {
            linux(tmpfs(option), "");
        }
        for option in ["suid", "dev", "bind", "rbind", "remount", "rshared", "mode=1777,suid", "mpol=x", "idmap", ""] {
            linux(tmpfs(option), &format!("linuxParameters.tmpfs.mountOptions {option}"));
        }
    }

    #[test]
    fn kernel_settings_are_the_containers_own() {
        let control = |name: &str| json!({"name": "c", "systemControls": [{"namespace": name, "value": "1"}]});
        for name in ["net.core.somaxconn", "net/ipv4/tcp_syncookies", "kernel.sem", "fs.mqueue.msg_max"] {
            check(control(name), "");
        }
        for name in
            ["kernel.core_pattern", "kernel/core_pattern", "fs.suid_dumpable", "vm.swappiness", "kernel.sem.x", ""]
        {
            check(control(name), &format!("systemControls {name}"));
        }
    }

    #[test]
    fn nothing_is_mounted_over_the_kernels_own_trees() {
        let point = |path: &str| json!({"name": "c", "mountPoints": [{"sourceVolume": "v", "containerPath": path}]});
        for path in ["/data", "/processes", "/system/proc", "/dev/shm", "/etc/hosts"] {
            check(point(path), "");
        }
        for path in [
            "/",
            "",
            "//",
            "/.",
            "/proc",
            "/proc/sys",
            "//proc/",
            "/./proc/1",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/pts",
            "/a/../proc",
        ] {
            check(point(path), &format!("mountPoints.containerPath {path}"));
        }
    }
}
