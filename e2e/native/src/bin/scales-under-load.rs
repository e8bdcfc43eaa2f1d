//! `cargo xtask scaling`: target tracking alone, by CPU and by requests per target, out under load and back after it.
//! AWS's alarms are below their threshold for 15 periods before they bring anything back: five minutes for periods of
//! 20 s, a quarter of an hour for minutes.
//!
//! The load goes to this machine only and ends by itself whatever happens.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use e2e_native::platform::{Platform, get};
use e2e_native::scaled::{self, BUSY, MOST, SLOW, Scaled};
use e2e_native::traffic::Traffic;

/// How often a request comes when the load is over: "A target tracking scaling policy ... does not scale in because it
/// does not interpret insufficient data as low utilization" (Application Auto Scaling's user guide), and a group
/// without requests has no metric at all.
const NOW_AND_THEN: Duration = Duration::from_secs(10);

/// Fifteen minutes, and one before and after.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let platform = Platform::start().await;
    let image = scaled::prepare(&platform).await;
    let mut is_good = true;
    let services = [("cpu", BUSY, 4), ("requests", SLOW, 2)];
    let mut loads = Vec::new();
    for (name, page, clients) in services {
        let service = Scaled::start(&platform, &image, name).await;
        service.put(&platform, &[name]).await;
        loads.push((Traffic::kept_and_fresh(service.address, &[page], clients), service));
    }
    let began = Instant::now();
    for (_, service) in &loads {
        is_good &= becomes(&platform, service, MOST, began).await;
    }
    let mut services = Vec::new();
    for (load, service) in loads {
        println!("{}: {}", service.name, load.end());
        services.push(service);
    }
    let began = Instant::now();
    for service in &services {
        is_good &= becomes(&platform, service, 1, began).await;
        service.causes(&platform).await.iter().rev().for_each(|cause| println!("  {cause}"));
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn becomes(platform: &Platform, service: &Scaled, count: u64, began: Instant) -> bool {
    let (page, mut asked) = (format!("http://{}/", service.address), Instant::now());
    while service.counts(platform).await != (count, count) {
        if asked.elapsed() > NOW_AND_THEN {
            let _ = get(&page).await;
            asked = Instant::now();
        }
        if began.elapsed() > PATIENCE {
            println!("{}: not {count} tasks within {PATIENCE:?}", service.name);
            return false;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("{}: {count} tasks after {:.0} s", service.name, began.elapsed().as_secs_f64());
    true
}
