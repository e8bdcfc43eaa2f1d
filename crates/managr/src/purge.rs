//! Leaves nothing of the platform behind: no process, mount, namespace, bridge, rule, cgroup
//! or file.

use std::path::Path;

use platform::{EngineKind, ServeOptions};

use crate::daemon;
use crate::failure::Failure;

/// Stops the platform of a data directory and removes all that it made on this machine.
///
/// # Errors
/// Says what could not be removed.
pub(crate) async fn purge(data_dir: &Path) -> Result<(), Failure> {
    daemon::stop(data_dir).await?;
    // The supervisor's command is only for starting tasks, of which there will be none.
    let options = ServeOptions::new(EngineKind::Native, Some(data_dir.to_owned()), Vec::new());
    platform::purge(&options).await.map_err(Failure::from_error)
}
