//! Leaves nothing of the platform behind: no process, mount, namespace, bridge, rule, cgroup,
//! unit or file.

use std::path::Path;

use crate::daemon;
use crate::failure::Failure;
use crate::systemd::Unit;

/// Stops the platform of a data directory and removes all that it made on this machine.
///
/// # Errors
/// Says what could not be removed.
pub(crate) async fn purge(data_dir: &Path) -> Result<(), Failure> {
    daemon::stop(data_dir).await?;
    // A unit that stayed would start an empty platform at the next boot.
    if let Some(unit) = Unit::of(data_dir) {
        unit.remove().map_err(Failure::from_error)?;
    }
    platform::purge(data_dir).await.map_err(Failure::from_error)
}
