//! What a container uses now, in the numbers that Docker's stats are made of.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::cgroups::{Cgroups, keyed};

/// Resources used by a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStats {
    /// Processor time used since the start, in nanoseconds.
    pub cpu_total_ns: u64,
    /// Part of it spent in the program, in nanoseconds.
    pub cpu_user_ns: u64,
    /// Part of it spent in the kernel, in nanoseconds.
    pub cpu_system_ns: u64,
    /// Processor time used by the whole host, in nanoseconds.
    pub host_cpu_ns: u64,
    /// Processors of the host.
    pub online_cpus: u32,
    /// Times that the limit on processor time held the container back.
    pub throttled_periods: u64,
    /// Memory used, in bytes.
    pub memory_usage: u64,
    /// Most memory used so far, in bytes.
    pub memory_max_usage: u64,
    /// Part of the memory that is file cache which can be given back, in bytes.
    pub memory_inactive_file: u64,
    /// Limit on memory, in bytes; absent when only the task or the host limits it.
    pub memory_limit: Option<u64>,
    /// Processes and threads.
    pub pids: u64,
    /// The task's interfaces (all containers of a task share them).
    pub interfaces: Vec<InterfaceStats>,
}

/// Traffic of an interface since the task began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStats {
    /// Name in the task, such as `eth0`.
    pub name: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Received packets dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Send errors.
    pub tx_errors: u64,
    /// Sent packets dropped.
    pub tx_dropped: u64,
}

/// What a task has used since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskUsage {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Its containers that run, by name.
    pub containers: Vec<(String, ContainerUsage)>,
}

/// What a container has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Processor time since its start, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory used now, in bytes, without the file cache that can be given back (as Docker's `stats` shows it).
    pub memory: u64,
}

/// A limit above this is the kernel's way to say "none".
const NO_LIMIT: u64 = 1 << 62;
/// Length of the kernel's user clock tick, in nanoseconds.
const TICK_NS: u64 = 10_000_000;

/// Reads what a task has used: of each container's files only those that tell this.
pub(crate) fn usage<'c>(
    cgroups: &Cgroups,
    task: &str,
    containers: impl Iterator<Item = &'c str>,
    supervisor: i32,
) -> TaskUsage {
    let interfaces = interfaces(&fs::read_to_string(format!("/proc/{supervisor}/net/dev")).unwrap_or_default());
    TaskUsage {
        rx_bytes: interfaces.iter().map(|interface| interface.rx_bytes).sum(),
        tx_bytes: interfaces.iter().map(|interface| interface.tx_bytes).sum(),
        containers: containers.filter_map(|name| Some((name.to_owned(), container(cgroups, task, name)?))).collect(),
    }
}

fn container(cgroups: &Cgroups, task: &str, container: &str) -> Option<ContainerUsage> {
    let read = |controller, file| cgroups.read(controller, task, Some(container), file);
    let number = |controller, file| read(controller, file)?.trim().parse::<u64>().ok();
    let (cpu_ns, memory, inactive) = if cgroups.is_v2() {
        let cpu_ns = keyed(&read("cpu", "cpu.stat")?, "usage_usec")? * 1000;
        (cpu_ns, number("memory", "memory.current")?, "inactive_file")
    } else {
        (number("cpuacct", "cpuacct.usage")?, number("memory", "memory.usage_in_bytes")?, "total_inactive_file")
    };
    let inactive = read("memory", "memory.stat").and_then(|stat| keyed(&stat, inactive)).unwrap_or(0);
    Some(ContainerUsage { cpu_ns, memory: memory.saturating_sub(inactive) })
}

/// Reads a container's use; `None` when it has no control group (any more).
pub(crate) fn read(cgroups: &Cgroups, task: &str, container: &str, supervisor: i32) -> Option<ContainerStats> {
    let read = |controller, file| cgroups.read(controller, task, Some(container), file);
    let number = |controller, file| read(controller, file)?.trim().parse::<u64>().ok();
    let mut stats = ContainerStats {
        pids: number("pids", "pids.current").unwrap_or(0),
        host_cpu_ns: host_cpu(&fs::read_to_string("/proc/stat").unwrap_or_default()),
        online_cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        interfaces: interfaces(&fs::read_to_string(format!("/proc/{supervisor}/net/dev")).unwrap_or_default()),
        ..ContainerStats::default()
    };
    if cgroups.is_v2() {
        let cpu = read("cpu", "cpu.stat")?;
        stats.cpu_total_ns = keyed(&cpu, "usage_usec").unwrap_or(0) * 1000;
        stats.cpu_user_ns = keyed(&cpu, "user_usec").unwrap_or(0) * 1000;
        stats.cpu_system_ns = keyed(&cpu, "system_usec").unwrap_or(0) * 1000;
        stats.throttled_periods = keyed(&cpu, "nr_throttled").unwrap_or(0);
        stats.memory_usage = number("memory", "memory.current").unwrap_or(0);
        stats.memory_max_usage = number("memory", "memory.peak").unwrap_or(stats.memory_usage);
        stats.memory_limit = number("memory", "memory.max");
        let memory = read("memory", "memory.stat").unwrap_or_default();
        stats.memory_inactive_file = keyed(&memory, "inactive_file").unwrap_or(0);
    } else {
        stats.memory_usage = number("memory", "memory.usage_in_bytes")?;
        stats.memory_max_usage = number("memory", "memory.max_usage_in_bytes").unwrap_or(0);
        stats.memory_limit = number("memory", "memory.limit_in_bytes").filter(|limit| *limit < NO_LIMIT);
        let memory = read("memory", "memory.stat").unwrap_or_default();
        stats.memory_inactive_file = keyed(&memory, "total_inactive_file").unwrap_or(0);
        stats.cpu_total_ns = number("cpuacct", "cpuacct.usage").unwrap_or(0);
        let split = read("cpuacct", "cpuacct.stat").unwrap_or_default();
        stats.cpu_user_ns = keyed(&split, "user").unwrap_or(0) * TICK_NS;
        stats.cpu_system_ns = keyed(&split, "system").unwrap_or(0) * TICK_NS;
        let cpu = read("cpu", "cpu.stat").unwrap_or_default();
        stats.throttled_periods = keyed(&cpu, "nr_throttled").unwrap_or(0);
    }
    Some(stats)
}

fn host_cpu(stat: &str) -> u64 {
    let Some(line) = stat.lines().find(|line| line.starts_with("cpu ")) else { return 0 };
    // user, nice, system, idle, iowait, irq, softirq, steal: what Docker adds up.
    line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse::<u64>().ok()).sum::<u64>() * TICK_NS
}

fn interfaces(dev: &str) -> Vec<InterfaceStats> {
    dev.lines()
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(name, counters)| {
            let n: Vec<u64> = counters.split_whitespace().filter_map(|c| c.parse().ok()).collect();
            let [rx_bytes, rx_packets, rx_errors, rx_dropped, .., _, _, _, _] = n[..] else {
                return None;
            };
            let [tx_bytes, tx_packets, tx_errors, tx_dropped] = n.get(8..12)?.try_into().ok()?;
            Some(InterfaceStats {
                name: name.trim().to_owned(),
                rx_bytes,
                rx_packets,
                rx_errors,
                rx_dropped,
                tx_bytes,
                tx_packets,
                tx_errors,
                tx_dropped,
            })
        })
        .filter(|interface| interface.name != "lo")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_interface_and_leaves_out_the_loopback() {
        let dev = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:    1296      16    1    2    0     0          0         0      866      11    3    4    0     0       0          0";
        let found = interfaces(dev);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "eth0");
        assert_eq!((found[0].rx_bytes, found[0].rx_dropped), (1296, 2));
        assert_eq!((found[0].tx_bytes, found[0].tx_dropped), (866, 4));
    }
}
