//! What does a container never get, no matter who asks for it? No I/O.
//!
//! The platform refuses the same before it asks (`platform-core/src/ecs/privileges.rs`). This is the last place: it
//! trusts no caller, and has a list of its own.

use std::path::{Component, Path};

use crate::spec::{ContainerSpec, MountSource};
use crate::wire::{Fault, FaultKind};

/// Kernel settings that the container's own namespaces have; also `net.` and `fs.mqueue.`. Every
/// other would be the host's (sysctl documentation of Docker's `--sysctl`, and ECS's SystemControl).
const SETTINGS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];
/// Options of a tmpfs. Not `suid` and `dev`, which would lift what every tmpfs has, and not those
/// that make it another kind of mount.
const OPTIONS: [&str; 20] = [
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
const VALUES: [&str; 6] = ["mode", "uid", "gid", "nr_inodes", "nr_blocks", "size"];

fn bad(text: String) -> Fault {
    Fault::new(FaultKind::BadRequest, text)
}

/// Refuses a container that asks for what none may have. Capabilities have a rule of their own.
pub(super) fn check(spec: &ContainerSpec) -> Result<(), Fault> {
    for name in spec.sysctls.keys() {
        if !is_setting(name) {
            return Err(bad(format!("kernel setting `{name}` is not a container's own")));
        }
    }
    for mount in &spec.mounts {
        if !is_target(&mount.target) {
            return Err(bad(format!(
                "nothing can be mounted at `{}`: it is not a path of the container's own",
                mount.target
            )));
        }
        let MountSource::Tmpfs { options, .. } = &mount.source else { continue };
        if let Some(option) = options.iter().find(|option| !is_option(option)) {
            return Err(bad(format!("option `{option}` of the tmpfs at `{}` cannot be given", mount.target)));
        }
    }
    Ok(())
}

/// The kernel takes a slash for a dot; a name must mean the same in both spellings.
fn is_setting(name: &str) -> bool {
    let name = name.replace('/', ".");
    let safe = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let own = SETTINGS.contains(&name.as_str()) || name.starts_with("net.") || name.starts_with("fs.mqueue.");
    own && name.split('.').all(safe)
}

fn is_option(option: &str) -> bool {
    match option.split_once('=') {
        Some((name, value)) => VALUES.contains(&name) && value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        None => OPTIONS.contains(&option),
    }
}

/// Not the root, and nothing of the kernel's: masks and settings there must be what they are taken for.
fn is_target(path: &str) -> bool {
    let path = Path::new(path);
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_string_lossy()),
            Component::ParentDir | Component::Prefix(_) => return false,
        }
    }
    let names: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    path.is_absolute() && !matches!(names[..], [] | ["proc" | "sys", ..] | ["dev"] | ["dev", "pts" | "mqueue", ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Mount;

    fn refused(change: impl FnOnce(&mut ContainerSpec)) -> bool {
        let mut spec = ContainerSpec::default();
        change(&mut spec);
        check(&spec).is_err_and(|fault| fault.kind == FaultKind::BadRequest)
    }

    #[test]
    fn kernel_settings_of_the_host_are_refused() {
        let setting = |name: &str| refused(|spec| drop(spec.sysctls.insert(name.to_owned(), "1".to_owned())));
        for name in [
            "net.core.somaxconn",
            "net/ipv4/ip_forward",
            "net.ipv4.conf.eth0.rp_filter",
            "kernel.sem",
            "fs.mqueue.msg_max",
        ] {
            assert!(!setting(name), "{name}");
        }
        for name in [
            "kernel.core_pattern",
            "kernel/core_pattern",
            "vm.overcommit_memory",
            "net",
            "net..kernel",
            "net/../kernel/core_pattern",
            "net.ipv4/../../kernel/core_pattern",
            "fs.mqueue./../x",
            "kernel.sem.x",
            "",
            "net.a b",
        ] {
            assert!(setting(name), "{name}");
        }
    }

    #[test]
    fn a_tmpfs_keeps_what_protects_the_host() {
        let option = |option: &str| {
            let source = MountSource::Tmpfs { size_bytes: None, options: vec![option.to_owned()] };
            refused(|spec| spec.mounts = vec![Mount { target: "/t".into(), source, readonly: false }])
        };
        for name in ["mode=1777", "noexec", "uid=33", "ro"] {
            assert!(!option(name), "{name}");
        }
        for name in [
            "suid",
            "dev",
            "bind",
            "rbind",
            "remount",
            "rshared",
            "idmap",
            "mode=1,suid",
            "nodev,dev",
            "lowerdir=/",
            "",
        ] {
            assert!(option(name), "{name}");
        }
    }

    #[test]
    fn nothing_is_mounted_over_what_the_kernel_shows() {
        let target = |target: &str| {
            refused(|spec| {
                let source = MountSource::Volume("v".into());
                spec.mounts = vec![Mount { target: target.to_owned(), source, readonly: false }];
            })
        };
        for path in ["/data", "/etc/hosts", "/dev/shm", "/dev/log", "/procs", "/a/proc"] {
            assert!(!target(path), "{path}");
        }
        for path in [
            "",
            "/",
            "//",
            "/./",
            "a",
            "/proc",
            "//proc/sys",
            "/./sys/fs/cgroup",
            "/a/../proc",
            "/dev",
            "/dev/",
            "/dev/pts/x",
        ] {
            assert!(target(path), "{path}");
        }
    }
}
