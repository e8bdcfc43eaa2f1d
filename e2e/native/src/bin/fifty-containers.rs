//! `cargo xtask bench fifty`: how much of a processor the platform and its balancer use for 50 containers.
//!
//! The load goes to this machine only and ends by itself whatever happens.

use std::time::{Duration, Instant};

use e2e_native::platform::Platform;
use e2e_native::scaled::{self, Scaled};
use e2e_native::traffic::Traffic;
use serde_json::json;

const TASKS: u64 = 50;
/// How long each state is looked at.
const LOOK: Duration = Duration::from_secs(120);
/// Clients that ask without pause.
const CLIENTS: usize = 8;

#[tokio::main]
async fn main() {
    let platform = Platform::start().await;
    let image = scaled::prepare(&platform).await;
    let service = Scaled::start(&platform, &image, "web").await;
    let bounds = json!({"MinCapacity": TASKS, "MaxCapacity": TASKS});
    service.scaling(&platform, "RegisterScalableTarget", bounds).await;
    let began = Instant::now();
    while service.counts(&platform).await != (TASKS, TASKS) {
        assert!(began.elapsed() < Duration::from_secs(300), "50 tasks did not come: {}", platform.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("{TASKS} containers run after {:.0} s; each line is {} s", began.elapsed().as_secs_f64(), LOOK.as_secs());
    // What starting them leaves to be done is over then.
    tokio::time::sleep(Duration::from_secs(20)).await;
    look(&platform, "at rest").await;
    let settings = json!([{"name": "containerInsights", "value": "enhanced"}]);
    platform.call(&aws::ECS, "UpdateClusterSettings", json!({"cluster": scaled::CLUSTER, "settings": settings})).await;
    look(&platform, "at rest, with enhanced Container Insights").await;
    let load = Traffic::kept_and_fresh(service.address, &["/"], CLIENTS);
    look(&platform, "while they are asked").await;
    println!("  {}", load.end());
}

async fn look(platform: &Platform, state: &str) {
    let balancer = u32::try_from(platform.balancer().as_raw()).unwrap_or_default();
    let processes = [("platform", platform.pid()), ("balancer", balancer)];
    let (before, began) = (processes.map(|(_, pid)| used(pid)), Instant::now());
    tokio::time::sleep(LOOK).await;
    let took = began.elapsed().as_secs_f64();
    let shares = processes
        .iter()
        .zip(before)
        .map(|((name, pid), before)| format!("{name} {:.2} %", (used(*pid) - before).as_secs_f64() / took * 100.0));
    println!("{state}: {} of a processor", shares.collect::<Vec<_>>().join(", "));
}

/// Returns the processor time that a process has used, with that of children that it waited for.
fn used(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in brackets, may have blanks; the times are the 14th to 17th field, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((11..15).map(ticks).sum::<u64>() * 10)
}
