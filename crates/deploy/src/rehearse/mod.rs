//! If this manifest were deployed onto what those files make, what would change?
//!
//! Makes there what was found, by the calls that whoever owns the files would make (`made`), and asks for the plan of
//! an ordinary deploy. Whoever answers should run nothing and be thrown away afterwards: a simulated platform.

mod made;
mod objects;
mod standin;

use std::path::Path;

use aws::Client;
use deploy_core::Manifest;
use deploy_core::plan::{Plan, PlannedImage};
use import::{FoundStage, Left, Place};
use serde::Serialize;

use crate::error::with_causes;
use crate::stage::{Images, Wanted, draft};

/// What a deploy would do to a stage that its files had just made.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsal {
    /// The stage.
    pub stage: String,
    /// What a deploy would do: no step, if the manifest says what the files say. None if it could not be planned.
    pub plan: Option<Plan>,
    /// What could not be made there, and why. If there is anything, the plan tells less than it seems to.
    pub unmade: Vec<Left>,
    /// Attributes that could not be set there, and scaling that could not be made, and why; no deploy touches them.
    pub unset: Vec<Left>,
    /// Things that are named and not described, and what stood for them: nobody knows what a deploy does to the real ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<Left>,
}

impl Rehearsal {
    /// Returns a rehearsal that did not come about, and why.
    pub fn failed(stage: &str, why: &dyn std::error::Error) -> Self {
        let unmade = vec![Left::new("the rehearsal", Place::default(), with_causes(why))];
        Self { stage: stage.to_owned(), plan: None, unmade, unset: Vec::new(), assumed: Vec::new() }
    }
}

/// Makes a stage as it was found, and returns what a deploy of the manifest would do to it. An import does not fail for want
/// of a rehearsal: what could not be made or planned is told.
pub async fn rehearse(client: &Client, manifest: &Manifest, found: &FoundStage) -> Rehearsal {
    let facts = import::facts(manifest, found);
    let desired = match deploy_core::desired(manifest, &found.name, &facts) {
        Ok(desired) => desired,
        Err(error) => return Rehearsal::failed(&found.name, &error),
    };
    let made::Short { arns, unmade, unset, assumed } = made::make(client, found, &desired).await;
    let image = |spec: &deploy_core::desired::ImageSpec| {
        let reference = facts.images.get(&spec.name).unwrap_or(&spec.reference).clone();
        PlannedImage { name: spec.name.clone(), tag: reference.clone(), reference, missing: false }
    };
    let images = Images { registry: Some(facts.registry.clone()), images: desired.images.iter().map(image).collect() };
    let wanted = Wanted {
        manifest: standin::placed(manifest, &desired, |arn| arns.get(arn).cloned()),
        directory: Path::new(".").to_owned(),
        stage: found.name.clone(),
        git: facts.git.clone(),
        tool: None,
        images: Default::default(),
        force: None,
    };
    match draft(client, &wanted, &images).await {
        Ok(draft) => Rehearsal { stage: found.name.clone(), plan: Some(draft.plan), unmade, unset, assumed },
        Err(error) => {
            let mut failed = Rehearsal::failed(&found.name, &error);
            failed.unmade.splice(0..0, unmade);
            Rehearsal { unset, assumed, ..failed }
        }
    }
}
