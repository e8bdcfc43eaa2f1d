//! If this manifest were deployed onto what those files make, what would change?
//!
//! Makes there what was found, by the calls that whoever owns the files would make (`made`), and asks for the plan of
//! an ordinary deploy. Whoever answers should run nothing and be thrown away afterwards: a simulated platform.

mod made;
mod objects;

use std::path::Path;

use aws::Client;
use deploy_core::Manifest;
use deploy_core::desired::DesiredError;
use deploy_core::plan::{Plan, PlannedImage};
use import::{FoundStage, Left};
use serde::Serialize;

use crate::error::UpError;
use crate::stage::{Images, Wanted, draft};

/// What a deploy would do to a stage that its files had just made.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsal {
    /// The stage.
    pub stage: String,
    /// What a deploy would do; nothing, if the manifest says what the files say.
    pub plan: Plan,
    /// What could not be made there, and why. If there is anything, the plan tells less than it seems to.
    pub unmade: Vec<Left>,
    /// Attributes that could not be set there, and why; no deploy touches them.
    pub unset: Vec<Left>,
}

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The manifest has no such stage.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// What is there could not be planned against.
    #[error(transparent)]
    Plan(#[from] UpError),
}

/// Makes a stage as it was found, and returns what a deploy of the manifest would do to it.
///
/// # Errors
/// See [`RehearseError`]. What could not be made is no error.
pub async fn rehearse(client: &Client, manifest: &Manifest, found: &FoundStage) -> Result<Rehearsal, RehearseError> {
    let facts = import::facts(manifest, found);
    let desired = deploy_core::desired(manifest, &found.name, &facts)?;
    let made::Short { unmade, unset } = made::make(client, found, &desired).await;
    let image = |spec: &deploy_core::desired::ImageSpec| {
        let reference = facts.images.get(&spec.name).unwrap_or(&spec.reference).clone();
        PlannedImage { name: spec.name.clone(), tag: reference.clone(), reference, missing: false }
    };
    let images = Images { registry: Some(facts.registry.clone()), images: desired.images.iter().map(image).collect() };
    let wanted = Wanted {
        manifest: manifest.clone(),
        directory: Path::new(".").to_owned(),
        stage: found.name.clone(),
        git: facts.git.clone(),
        tool: None,
        images: Default::default(),
        force: None,
    };
    let plan = draft(client, &wanted, &images).await?.plan;
    Ok(Rehearsal { stage: found.name.clone(), plan, unmade, unset })
}
