//! Can this host run containers? Each answer says what is missing, why it is
//! needed and how to get it.

use std::fs;
use std::path::Path;

use crate::cgroups::{self, Layout};
use crate::network::trial;

/// One thing that the runtime needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is examined, such as `overlayfs`.
    pub name: &'static str,
    /// Whether it is there.
    pub ok: bool,
    /// Whether containers cannot run without it.
    pub required: bool,
    /// What was found.
    pub found: String,
    /// Why it is needed.
    pub why: &'static str,
    /// How to get it.
    pub remedy: &'static str,
}

/// What was found on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// Every examined thing, in the order of examination.
    pub checks: Vec<Check>,
}

impl HostReport {
    /// Whether containers can run here.
    pub fn is_able(&self) -> bool {
        self.missing().next().is_none()
    }

    /// Returns what is required and missing.
    pub fn missing(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.required && !check.ok)
    }
}

/// Capabilities without which no container can be made: their bits and names.
const NEEDED: [(u8, &str); 11] = [
    (0, "CHOWN"),
    (1, "DAC_OVERRIDE"),
    (3, "FOWNER"),
    (5, "KILL"),
    (6, "SETGID"),
    (7, "SETUID"),
    (8, "SETPCAP"),
    (12, "NET_ADMIN"),
    (18, "SYS_CHROOT"),
    // Commands in a container that is not root, or has an init, look into its process.
    (19, "SYS_PTRACE"),
    (21, "SYS_ADMIN"),
];

/// Examines this host. Reads only; changes nothing.
pub fn examine_host() -> HostReport {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = nix::unistd::geteuid();
    let lacking = lacking_capabilities(&status);
    let layout = Layout::of_host();
    let controllers: Vec<&str> = cgroups::CONTROLLERS
        .into_iter()
        .filter(|name| !layout.as_ref().is_some_and(|layout| layout.has(name)))
        .collect();
    let readonly = layout.as_ref().and_then(|layout| layout.readonly(&cgroups::CONTROLLERS));
    let devices = refusal_of_devices(layout.as_ref());
    let swap = swap_without_limit(layout.as_ref(), &fs::read_to_string("/proc/swaps").unwrap_or_default());
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let overlay = filesystems.lines().any(|line| line.trim_end().ends_with("\toverlay")) || module_exists("overlay");
    let nft = find_nft();
    let filters = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    let switch = "/proc/sys/net/ipv4/ip_forward";
    let forwards = fs::read_to_string(switch).is_ok_and(|value| value.trim() == "1");
    let can_switch = fs::OpenOptions::new().write(true).open(switch).is_ok();
    let trial = trial::run();
    let check = |name, ok, required, found: String, why, remedy| Check { name, ok, required, found, why, remedy };
    let tried = |name, required, outcome: fn(&trial::Trial) -> &Option<String>, why, remedy| {
        let said = trial.as_ref().map(outcome);
        let found = match said {
            None => "not tried: no network namespace can be made".to_owned(),
            Some(None) => "tried, works".to_owned(),
            Some(Some(refusal)) => refusal.clone(),
        };
        // When it could not be tried, another check reports what is missing.
        check(name, !matches!(said, Some(Some(_))), required, found, why, remedy)
    };
    let mut report = HostReport {
        checks: vec![
            check(
                "root",
                uid.is_root(),
                true,
                format!("effective user id {uid}"),
                "containers need namespaces, mounts and control groups, which only root may make here",
                "run the platform with sudo or as a system service",
            ),
            check(
                "capabilities",
                lacking.is_empty(),
                true,
                if lacking.is_empty() {
                    "all that are needed".to_owned()
                } else {
                    format!("lacks {}", lacking.join(", "))
                },
                "mounting, networking and changing users each need a capability, even for root",
                "run outside of a restricted container, or grant the capabilities to it",
            ),
            check(
                "overlayfs",
                overlay,
                true,
                if overlay { "known to the kernel" } else { "unknown to the kernel" }.to_owned(),
                "a container's root filesystem is its image's layers with a writable one on top",
                "load the kernel module: modprobe overlay",
            ),
            check(
                "cgroups",
                layout.is_some() && controllers.is_empty() && readonly.is_none(),
                true,
                match &layout {
                    None => "not mounted".to_owned(),
                    Some(_) if readonly.is_some() => {
                        format!("read-only at {}", readonly.unwrap_or_default().display())
                    }
                    Some(_) if !controllers.is_empty() => {
                        format!("without {}", controllers.join(", "))
                    }
                    Some(Layout::V1(_)) => "version 1 with cpu, memory and pids".to_owned(),
                    Some(Layout::V2(_)) => "version 2 with cpu, memory and pids".to_owned(),
                },
                "limits on processor time and memory, and finding every process of a task",
                "mount /sys/fs/cgroup for writing; in a systemd service set Delegate=yes, in a container --privileged",
            ),
            check(
                "devices",
                devices.is_none(),
                true,
                devices.unwrap_or_else(|| "can be refused to containers".to_owned()),
                "without it root in a container could open the host's disks",
                "mount the devices controller (cgroup v1), or use a kernel with CONFIG_CGROUP_BPF and grant CAP_SYS_ADMIN \
                 and the call bpf (cgroup v2)",
            ),
            check(
                "swap",
                swap.is_none(),
                false,
                swap.unwrap_or("counted, or not in use").to_owned(),
                "a task over its memory would go on in the swap instead of being ended",
                "boot with swapaccount=1, or swapoff -a",
            ),
            check(
                "nft",
                nft.is_some(),
                true,
                nft.unwrap_or_else(|| "not found in PATH or /usr/sbin".to_owned()),
                "tasks reach other hosts through address translation, which nft sets up",
                "install the package nftables",
            ),
            check(
                "ip_forward",
                forwards || can_switch,
                true,
                match (forwards, can_switch) {
                    (true, _) => "on".to_owned(),
                    (false, true) => "off; it is switched on at start".to_owned(),
                    (false, false) => format!("off, and {switch} cannot be written"),
                },
                "packets of tasks go through this host",
                "sysctl -w net.ipv4.ip_forward=1 (for a container, on the host that runs it)",
            ),
            check(
                "kernel",
                crate::sys::read_only_view(Path::new("/proc/self/exe")).is_ok(),
                true,
                "kernel calls open_tree and mount_setattr".to_owned(),
                "mounts are made by descriptors, and our own program cannot be written to by containers",
                "use a kernel from 5.12 on",
            ),
            check(
                "seccomp",
                filters.split_whitespace().any(|action| action == "errno"),
                true,
                if filters.is_empty() { "the kernel has no filters" } else { "filters of kernel calls" }.to_owned(),
                "every container runs under Docker's default profile, as on Fargate",
                "use a kernel with CONFIG_SECCOMP_FILTER, as every distribution's has",
            ),
        ],
    };
    report.checks.extend([
        tried(
            "bridge",
            true,
            |trial| &trial.bridge,
            "tasks meet each other and this host on a bridge",
            "load the kernel module: modprobe bridge",
        ),
        tried(
            "veth",
            true,
            |trial| &trial.veth,
            "each task is connected by a pair of virtual links",
            "load the kernel module: modprobe veth",
        ),
        tried(
            "nf_tables",
            true,
            |trial| &trial.rules,
            "rules translate the tasks' addresses and keep others out",
            "use a kernel with nf_tables, nft_chain_nat, nft_masq, nft_reject_ipv4 and nf_conntrack",
        ),
        tried(
            "nf_tables on bridges",
            false,
            |trial| &trial.port_rules,
            "without it a task with CAP_NET_RAW can pass for another one, towards other tasks",
            "use a kernel with CONFIG_NF_TABLES_BRIDGE",
        ),
    ]);
    report
}

/// Says why devices could not be refused to a container; `None` when they can be.
fn refusal_of_devices(layout: Option<&Layout>) -> Option<String> {
    match layout? {
        Layout::V1(_) => (!layout?.has("devices")).then(|| "the devices controller is not mounted".to_owned()),
        Layout::V2(_) => {
            let refused = cgroups::try_device_program().err()?;
            Some(format!("the kernel refuses the program that keeps devices away: {refused}"))
        }
    }
}

/// Says that limits on memory do not hold: swap is in use, and the kernel does not count it.
fn swap_without_limit(layout: Option<&Layout>, swaps: &str) -> Option<&'static str> {
    // The first line is a heading.
    let in_use = swaps.lines().nth(1).is_some();
    (in_use && !layout?.counts_swap()).then_some("in use, and not counted by the control groups")
}

/// Returns the path of nft.
pub(crate) fn find_nft() -> Option<String> {
    find_program("nft")
}

/// Returns the path of a program, also where an administrator's are and PATH does not say so.
pub(crate) fn find_program(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|dir| format!("{dir}/{name}"))
        .find(|candidate| Path::new(candidate).is_file())
}

fn module_exists(name: &str) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    fs::read_to_string(format!("/lib/modules/{}/modules.dep", release.trim()))
        .is_ok_and(|list| list.contains(&format!("/{name}.ko")))
}

fn lacking_capabilities(status: &str) -> Vec<&'static str> {
    let held = capability_set(status, "CapEff:").unwrap_or(0);
    NEEDED.iter().filter(|(bit, _)| held >> bit & 1 == 0).map(|(_, name)| *name).collect()
}

/// Returns a set of capabilities from the text of `/proc/PID/status`.
pub(crate) fn capability_set(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_capabilities_that_are_missing() {
        assert_eq!(lacking_capabilities("CapEff:\t000001ffffffffff\n"), Vec::<&str>::new());
        assert_eq!(lacking_capabilities("CapEff:\t000001ffffdfffff\n"), ["SYS_ADMIN"]);
        assert_eq!(lacking_capabilities("").len(), NEEDED.len());
    }

    #[test]
    fn swap_is_a_trouble_only_where_it_is_in_use_and_not_counted() {
        let heading = "Filename\tType\tSize\tUsed\tPriority\n";
        let used = format!("{heading}/swapfile\tfile\t1024\t0\t-2\n");
        let blind = Layout::V2("/nonexistent".into());
        assert_eq!(swap_without_limit(Some(&blind), heading), None);
        assert!(swap_without_limit(Some(&blind), &used).is_some());
        assert_eq!(swap_without_limit(None, &used), None);
    }

    #[test]
    fn every_check_says_why_and_how() {
        for check in examine_host().checks {
            assert!(!check.why.is_empty() && !check.remedy.is_empty() && !check.found.is_empty());
        }
    }
}
