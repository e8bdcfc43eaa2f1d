//! Leaves nothing: every process, mount, link, rule, control group and file.

use std::fs;
use std::io;
use std::path::Path;

use super::{OpenError, Runtime, lock, spawn};
use crate::cgroups::{Cgroups, Layout};
use crate::config::{Config, is_safe_name};
use crate::network::firewall;
use crate::network::link::remove_host_link;
use crate::remove::remove_tree;

impl Runtime {
    /// Removes every task, the bridge, the firewall table, the control groups
    /// and the directories. The runtime can make no more tasks afterwards.
    pub async fn purge(&self) -> Result<(), OpenError> {
        let ids: Vec<String> = lock(&self.inner.tasks).keys().cloned().collect();
        let ends = ids.iter().map(|id| self.remove_task(id));
        for end in futures_util::future::join_all(ends).await {
            // What a removal could not do is done by force below.
            if let Err(error) = end {
                tracing::warn!(%error, "A task resisted removal.");
            }
        }
        purge_debris(&self.inner.config).await
    }
}

/// Removes all that runtimes with this configuration have left, when none runs.
pub async fn purge_debris(config: &Config) -> Result<(), OpenError> {
    let tasks = task_ids(&config.tasks_dir());
    let ends = tasks.iter().map(|id| {
        let paths = config.task(id);
        async move { spawn::end_supervisor(&paths).await }
    });
    futures_util::future::join_all(ends).await;
    if let Some(layout) = Layout::of_host() {
        let cgroups = Cgroups::new(layout, &config.cgroup_parent);
        tokio::task::spawn_blocking(move || cgroups.destroy_all())
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(OpenError::Cgroups)?;
    }
    for id in &tasks {
        remove_host_link(&config.link_name(id)).await?;
    }
    remove_host_link(&config.bridge).await?;
    firewall::remove(config)?;
    for dir in [&config.run_dir, &config.tasks_dir()] {
        remove_tree(dir).map_err(|source| OpenError::Directory { path: dir.clone(), source })?;
    }
    Ok(())
}

fn task_ids(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|id| is_safe_name(id))
        .collect()
}
