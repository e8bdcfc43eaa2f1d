//! Watches the disk, and removes what is past its time: each when its time has come, all at once when
//! the disk is full.

use std::time::Duration;

use aws_model::chain;
use store::Disk;
use tokio::time::Instant;

/// How often the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often secrets and images are looked for that nobody wants any more.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How often log events are looked for: a group that was deleted gives its room back soon.
const SWEEP_LOGS_EVERY: Duration = Duration::from_secs(60);

/// How often points of metrics are packed, and those deleted that are too old.
const SWEEP_METRICS_EVERY: Duration = Duration::from_secs(600);
/// How often images are looked for that a lifecycle policy expires; AWS does so within a day.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);

/// Whose remains are swept.
pub(crate) struct Swept {
    pub(crate) registry: registry::Registry,
    pub(crate) logs: logs::Logs,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) secrets: secrets::Secrets,
}

/// Goes on for as long as the platform runs. `disk` is none where everything is in memory.
pub(crate) async fn keep(swept: Swept, disk: Option<Disk>) {
    // Not at once: adopted tasks first take hold of their images' layers.
    let mut sweep_at = Instant::now() + SWEEP_EVERY;
    let mut sweep_logs_at = Instant::now() + SWEEP_LOGS_EVERY;
    let mut sweep_metrics_at = Instant::now() + SWEEP_METRICS_EVERY;
    let mut expire_at = Instant::now() + EXPIRE_EVERY;
    let begun = Instant::now();
    let mut was_full = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = Instant::now();
        if let Some(disk) = &disk {
            let is_full = look(disk, was_full);
            if is_full && !was_full && now - begun >= SWEEP_LOGS_EVERY {
                (sweep_at, sweep_logs_at, sweep_metrics_at) = (now, now, now);
            }
            was_full = is_full;
        }
        if sweep_logs_at <= now {
            sweep_logs_at = now + SWEEP_LOGS_EVERY;
            told("expired log events", swept.logs.sweep().await);
        }
        if sweep_metrics_at <= now {
            sweep_metrics_at = now + SWEEP_METRICS_EVERY;
            told("points of metrics past their time", swept.metrics.sweep().await);
        }
        if expire_at <= now {
            expire_at = now + EXPIRE_EVERY;
            told("images past their lifecycle", swept.registry.expire_images().await);
        }
        if sweep_at <= now {
            sweep_at = now + SWEEP_EVERY;
            told("secrets past their recovery window", swept.secrets.sweep().await);
            told("unreferenced blobs", swept.registry.sweep().await);
        }
    }
}

/// Says once that the disk is full, and once that it is not any more; returns whether it is.
fn look(disk: &Disk, was_full: bool) -> bool {
    if let Err(error) = disk.balance() {
        tracing::warn!(%error, "the room that is held back on the disk could not be kept");
    }
    let is_full = disk.is_full();
    let (free, directory) = (disk.free() >> 20, disk.dir().display());
    if is_full && !was_full {
        tracing::error!(
            "the disk is full: {free} MiB are left on the disk of {directory}; logs and new images are refused, \
             stopping and deleting work (said once)"
        );
    } else if was_full && !is_full {
        tracing::info!("the disk has room again: {free} MiB on the disk of {directory}");
    }
    is_full
}

fn told<R, E: std::error::Error>(what: &'static str, outcome: Result<R, E>) {
    if let Err(error) = outcome {
        tracing::warn!(error = chain(&error), "{what} could not be removed");
    }
}
