//! What is in the data directory of a platform that does not run.

use std::path::Path;
use std::sync::Arc;

use orchestrator::Clock;

use crate::{Contents, EngineKind, ServeOptions};

/// Why the contents are unknown.
#[derive(Debug, thiserror::Error)]
#[error("could not read what the platform of {} keeps", directory.display())]
pub struct ContentsError {
    directory: std::path::PathBuf,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Returns what a data directory keeps, by name; nothing when there is no platform's. No platform may be running on it.
///
/// # Errors
/// When it cannot be read.
pub fn contents(data: &Path) -> Result<Contents, ContentsError> {
    if !data.join("managr.db").exists() {
        return Ok(Contents::default());
    }
    read(data).map_err(|source| ContentsError { directory: data.to_owned(), source })
}

fn read(data: &Path) -> Result<Contents, Box<dyn std::error::Error + Send + Sync>> {
    let account = ServeOptions::new(EngineKind::Native, None).account;
    let store = store::Store::open(data)?;
    let world = orchestrator::load(&store)?;
    let clock: secrets::Now = Arc::new(|| Clock::System.now());
    let secrets = secrets::Secrets::open(store.clone(), Some(data), &account, clock.clone())?;
    let parameters = parameters::Parameters::open(store.clone(), &secrets, &account, clock.clone())?;
    let logs = logs::Logs::open(store.clone(), &account, clock)?;
    let images = images::ImageStore::open(&data.join("images"))?;
    let options = registry::Options { host: String::new(), account, anonymous: false };
    let registry = registry::Registry::open(store, images, options)?;
    Ok(Contents::of(&world, &registry, &secrets, &parameters, &logs))
}
