//! Where things are: the runtime's settings and every path derived from them.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

/// Settings of a runtime.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of durable state: one directory per task.
    pub state_dir: PathBuf,
    /// Directory of sockets and mount points; see [`Config::default_run_dir`].
    pub run_dir: PathBuf,
    /// Name of the bridge, at most 15 bytes.
    pub bridge: String,
    /// Network of the tasks and its prefix length; its first address is the gateway.
    pub subnet: (Ipv4Addr, u8),
    /// Name of the cgroup under which every task's cgroup is made, such as `managr`.
    pub cgroup_parent: String,
    /// Addresses that tasks may ask for, answered by the host: see [`Redirect`].
    pub redirects: Vec<Redirect>,
    /// TCP ports of the host that tasks may reach. All others are closed to them.
    pub open_ports: Vec<u16>,
    /// Command that runs [`crate::supervise`] with the arguments appended to it.
    pub supervisor: Vec<OsString>,
}

/// What tasks send to `asked` goes to `port` on the gateway, an address of the host.
///
/// Nothing listens inside the task, so that no container finds a port of its own taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// How it is asked.
    pub transport: Transport,
    /// Address and port that a container asks.
    pub asked: SocketAddrV4,
    /// Port on the gateway where the platform listens.
    pub port: u16,
}

/// How something is asked over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By a connection.
    Tcp,
    /// By a datagram.
    Udp,
}

/// Port at which names are asked for.
pub(crate) const DNS: u16 = 53;

impl Config {
    /// Returns the run directory that belongs to a state directory: short, so
    /// that socket paths fit, and different for every state directory.
    pub fn default_run_dir(state_dir: &Path) -> PathBuf {
        let name = fnv(state_dir.as_os_str().as_encoded_bytes());
        PathBuf::from(format!("/run/managr/{:08x}", name as u32))
    }

    pub(crate) fn tasks_dir(&self) -> PathBuf {
        self.state_dir.join("tasks")
    }

    pub(crate) fn task(&self, id: &str) -> TaskPaths {
        TaskPaths { state: self.tasks_dir().join(id), run: self.run_dir.join(id) }
    }

    /// Returns the tasks' gateway: the network's first address, one of the host's.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.subnet.0) + 1)
    }

    /// Whether the platform answers names at the gateway.
    pub(crate) fn answers_names(&self) -> bool {
        self.redirects.iter().any(|r| r.asked == SocketAddrV4::new(self.gateway(), DNS))
    }

    /// Name of the task's link on the host: derived, so that it needs no record.
    /// It begins with [`Config::link_prefix`].
    pub(crate) fn link_name(&self, task: &str) -> String {
        let hash = fnv(format!("{}/{task}", self.bridge).as_bytes());
        format!("{}{}", self.link_prefix(), digits(hash, 9))
    }

    /// What the names of this bridge's links begin with, and no other bridge's.
    pub(crate) fn link_prefix(&self) -> String {
        format!("mg{}", digits(fnv(self.bridge.as_bytes()), 4))
    }

    /// Name of our firewall table; nft names allow no dash.
    pub(crate) fn table(&self) -> String {
        let name: String = self.bridge.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("managr_{name}")
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TaskPaths {
    pub(crate) state: PathBuf,
    pub(crate) run: PathBuf,
}

impl TaskPaths {
    pub(crate) fn record(&self) -> PathBuf {
        self.state.join("task.json")
    }
    pub(crate) fn supervisor(&self) -> PathBuf {
        self.state.join("supervisor.json")
    }
    pub(crate) fn supervisor_log(&self) -> PathBuf {
        self.state.join("supervisor.log")
    }
    pub(crate) fn socket(&self) -> PathBuf {
        self.run.join("s")
    }
    pub(crate) fn volumes(&self) -> PathBuf {
        self.state.join("volumes")
    }
    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.volumes().join(name)
    }
    pub(crate) fn containers(&self) -> PathBuf {
        self.state.join("containers")
    }
    pub(crate) fn container(&self, name: &str) -> ContainerPaths {
        ContainerPaths { state: self.containers().join(name), run: self.run.join("c").join(name) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ContainerPaths {
    pub(crate) state: PathBuf,
    pub(crate) run: PathBuf,
}

impl ContainerPaths {
    pub(crate) fn facts(&self) -> PathBuf {
        self.state.join("container.json")
    }
    pub(crate) fn exit(&self) -> PathBuf {
        self.state.join("exit.json")
    }
    pub(crate) fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }
    pub(crate) fn upper(&self) -> PathBuf {
        self.state.join("upper")
    }
    pub(crate) fn work(&self) -> PathBuf {
        self.state.join("work")
    }
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.run.join("rootfs")
    }
}

/// Whether a task id or container name is safe as a file name and cgroup name.
pub(crate) fn is_safe_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Returns the lowest `count` digits of a number to the base 32.
fn digits(number: u64, count: u32) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    (0..count).rev().map(|place| char::from(DIGITS[(number >> (5 * place)) as usize % 32])).collect()
}

/// FNV-1a: stable across builds, which the standard hasher does not promise.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_could_leave_their_directory() {
        for name in ["", ".", "..", ".x", "a/b", "a b", "a:b", "é"] {
            assert!(!is_safe_name(name), "{name:?}");
        }
        for name in ["web", "a-b_c.d", "0f"] {
            assert!(is_safe_name(name), "{name:?}");
        }
    }

    #[test]
    fn link_names_fit_the_kernel_and_differ_between_tasks() {
        let config = Config {
            state_dir: "/s".into(),
            run_dir: "/r".into(),
            bridge: "mg-x.0".into(),
            subnet: (Ipv4Addr::new(10, 1, 0, 0), 16),
            cgroup_parent: "p".into(),
            redirects: vec![],
            open_ports: vec![],
            supervisor: vec![],
        };
        assert_eq!(config.link_name("a").len(), 15);
        assert!(config.link_name("a").starts_with(&config.link_prefix()));
        assert_ne!(config.link_name("a"), config.link_name("b"));
        assert_eq!(config.table(), "managr_mg_x_0");
        assert_eq!(config.gateway(), Ipv4Addr::new(10, 1, 0, 1));
    }
}
