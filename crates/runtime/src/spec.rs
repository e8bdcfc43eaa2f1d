//! What to run: the requests for a task and for a container.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A task: the network, limits and volumes that its containers share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Name of the task: letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// Host name of its containers; the task id's first 12 characters when absent.
    pub hostname: Option<String>,
    /// Hard limit on processor time, in thousandths of a processor.
    pub cpu_millis: Option<u32>,
    /// Hard limit on memory, in bytes. Nothing of it is swapped.
    pub memory_bytes: Option<u64>,
    /// Most processes and threads of all its containers; 8,192 when absent.
    pub pids_limit: Option<u64>,
    /// Most bytes of disk for its containers' writable layers and volumes; no limit
    /// when absent. A task that takes more causes [`crate::Event::StorageExceeded`].
    pub storage_bytes: Option<u64>,
    /// Name servers in place of the host's.
    pub dns_servers: Vec<Ipv4Addr>,
    /// Search domains in place of the host's.
    pub dns_search: Vec<String>,
    /// More lines for `/etc/hosts`: name and address.
    pub extra_hosts: Vec<(String, Ipv4Addr)>,
}

/// A container of a task.
///
/// Has no `Debug` on purpose: `env` carries secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Name within the task: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Unpacked image layers, the **topmost first** (the order overlayfs wants).
    pub lower_dirs: Vec<PathBuf>,
    /// Program and arguments (the image's entry point and command, merged).
    pub argv: Vec<String>,
    /// Environment: `NAME`, value. `PATH`, `HOME` and `HOSTNAME` are added when absent.
    pub env: Vec<(String, String)>,
    /// Working directory, made when missing; `/` when empty.
    pub cwd: String,
    /// User as Docker writes it: `name`, `uid`, with `:group` or `:gid`; root when empty.
    pub user: String,
    /// Volumes, host directories and tmpfs.
    pub mounts: Vec<Mount>,
    /// Targets of volumes that, while empty, first get what the image has there, with owners.
    #[serde(default)]
    pub seeded: Vec<String>,
    /// Whether the root filesystem is read-only.
    pub readonly_rootfs: bool,
    /// Capabilities on top of Docker's fourteen. Only `SYS_PTRACE` is granted; others are refused.
    pub cap_add: Vec<String>,
    /// Capabilities taken away, such as `NET_RAW` or `ALL`.
    pub cap_drop: Vec<String>,
    /// Resource limits; clamped to the platform's own hard limits.
    pub ulimits: Vec<Ulimit>,
    /// Whether a small init runs as process 1, reaps and forwards signals.
    pub init: bool,
    /// Hard limit on memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory that the kernel tries to leave to the container, in bytes.
    pub memory_reservation_bytes: Option<u64>,
    /// Relative weight of processor time against the task's other containers.
    pub cpu_shares: Option<u64>,
    /// Kernel settings of the container's own, such as `net.core.somaxconn`; others are refused.
    pub sysctls: BTreeMap<String, String>,
    /// Host name in place of the task's.
    pub hostname: Option<String>,
    /// Size of `/dev/shm` in bytes; 64 MiB when absent.
    pub shm_bytes: Option<u64>,
    /// Whether the container may gain no privileges, such as by setuid programs.
    pub no_new_privileges: bool,
}

/// Something mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// What is mounted.
    pub source: MountSource,
    /// Whether the container may not write to it.
    pub readonly: bool,
}

/// What a [`Mount`] shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountSource {
    /// A directory of the task, shared by name, made when missing: root's, of mode 0755.
    /// See [`ContainerSpec::seeded`].
    Volume(String),
    /// A path of the host.
    Bind(PathBuf),
    /// Memory.
    Tmpfs {
        /// Size in bytes; half of the memory when absent.
        size_bytes: Option<u64>,
        /// More mount options, such as `mode=1777` or `noexec`. What would lift a protection is refused.
        options: Vec<String>,
    },
}

/// A resource limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// Name as Docker writes it, such as `nofile`.
    pub name: String,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// A command on a terminal of its own in a container.
///
/// Has no `Debug` on purpose: `env` may carry secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct TerminalCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Comes on top of the container's environment. `TERM` is `xterm-256color`
    /// and `LANG` is `C.UTF-8` when neither has them.
    pub env: Vec<(String, String)>,
    /// Who it runs as.
    pub run_as: RunAs,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
}

/// Who a command on a terminal runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunAs {
    /// The container's own user.
    Container,
    /// Root, with the capabilities that root has in the container.
    Root,
}
