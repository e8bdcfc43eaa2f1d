//! Containers on this host: tasks (a network namespace, limits, volumes) and
//! the containers in them. Knows nothing of ECS.
//!
//! Each task has one small **supervisor process** that outlives the platform. It
//! lives in the task's network namespace and in a mount namespace of its own,
//! so when a task ends the kernel itself takes back its mounts, its namespace
//! and its link; only cgroups and directories are ours to remove.
//!
//! Who owns what:
//! - the platform ([`Runtime`]): bridge, firewall, addresses, cgroup of the task;
//! - the supervisor ([`supervise`]): root filesystems, processes, logs, exit codes.
//!
//! What a container may do is Docker's default: its capabilities, its filter of kernel calls, its masked paths
//! (`supervisor/{capabilities,seccomp,oci}`). No caller can ask for more (`supervisor/refusals`).

mod cgroups;
mod client;
mod config;
mod devices;
mod host;
mod logs;
mod network;
mod passing;
mod process;
mod remove;
mod spec;
mod stats;
mod storage;
mod supervisor;
#[allow(unsafe_code)]
mod sys;
mod wire;

pub use client::{
    Attached, Event, Examined, ExecError, OpenError, Resizer, Runtime, StartError, TaskError, purge_debris,
    reserve_bridge,
};
pub use config::{Config, Redirect, Transport};
pub use host::{Check, HostReport, examine_host};
pub use logs::{LogEntry, LogError, LogLine, LogPosition, LogRead, LogStream};
pub use network::machine::MachineLock;
pub use network::obstacles::Obstacle;
pub use network::{NetworkError, TaskNetwork};
pub use remove::remove_tree;
pub use spec::{ContainerSpec, Mount, MountSource, RunAs, TaskSpec, TerminalCommand, Ulimit};
pub use stats::{ContainerStats, ContainerUsage, InterfaceStats, TaskUsage};
pub use supervisor::supervise;
pub use wire::{ContainerReport, ContainerState, ExecOutcome, FaultKind, Loss, Started, TaskReport};
