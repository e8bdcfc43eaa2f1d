//! A container's use of the host in the shape of Docker's stats, which the endpoint promises.

use platform_core::world::ContainerState;
use runtime::{ContainerStats, Runtime};
use serde_json::{Map, Value, json};

/// Returns a container's statistics; `null` when it does not run, as on Fargate.
pub(super) fn container(runtime: &Runtime, task: &str, state: &ContainerState) -> Value {
    runtime.stats(task, &state.name).map_or(Value::Null, |stats| docker(state, &stats))
}

fn docker(state: &ContainerState, stats: &ContainerStats) -> Value {
    let read = jiff::Timestamp::now().to_string();
    let networks: Map<String, Value> = stats
        .interfaces
        .iter()
        .map(|i| {
            let counts = json!({
                "rx_bytes": i.rx_bytes, "rx_packets": i.rx_packets, "rx_errors": i.rx_errors, "rx_dropped": i.rx_dropped,
                "tx_bytes": i.tx_bytes, "tx_packets": i.tx_packets, "tx_errors": i.tx_errors, "tx_dropped": i.tx_dropped,
            });
            (i.name.clone(), counts)
        })
        .collect();
    json!({
        "read": read,
        "preread": "0001-01-01T00:00:00Z",
        "name": state.name,
        "id": state.runtime_id,
        "num_procs": 0,
        "pids_stats": { "current": stats.pids },
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": stats.cpu_total_ns,
                "usage_in_usermode": stats.cpu_user_ns,
                "usage_in_kernelmode": stats.cpu_system_ns,
            },
            "system_cpu_usage": stats.host_cpu_ns,
            "online_cpus": stats.online_cpus,
            "throttling_data": { "throttled_periods": stats.throttled_periods },
        },
        "precpu_stats": { "cpu_usage": { "total_usage": 0 } },
        "memory_stats": {
            "usage": stats.memory_usage,
            "max_usage": stats.memory_max_usage,
            "limit": stats.memory_limit.unwrap_or(9_223_372_036_854_771_712), // what Docker says for "none"
            "stats": { "total_inactive_file": stats.memory_inactive_file },
        },
        "networks": networks,
    })
}
