//! If this manifest were deployed onto what those files make, what would change?
//!
//! Makes there what was found, by the calls that the owner of the files would make (`made`), and asks for the plan of
//! an ordinary deploy. The endpoint should run nothing and be discarded afterwards: a simulated platform.

mod made;
mod objects;
mod standin;

use std::collections::BTreeMap;
use std::path::Path;

use aws::Client;
use deploy_core::Manifest;
use deploy_core::plan::{Observed, Plan, PlannedImage, plan};
use import::{FoundStage, Left, Place};
use serde::Serialize;
use serde_json::Value;

use crate::error::StageError;
use crate::stage::gather::add_revisions;
use crate::stage::{Images, Wanted, draft};
use aws_model::chain;

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
    /// Things that are named and not described, and what stood for them: what a deploy does to the real ones is not
    /// known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<Left>,
}

impl Rehearsal {
    /// Returns a rehearsal that did not come about, and why.
    pub fn failed(stage: &str, why: &dyn std::error::Error) -> Self {
        let unmade = vec![Left::new("the rehearsal", Place::default(), chain(why))];
        Self { stage: stage.to_owned(), plan: None, unmade, unset: Vec::new(), assumed: Vec::new() }
    }
}

/// Puts what fires schedules, as it was found, into what was seen: with the revisions that it starts here.
fn schedules(found: &FoundStage, started: &[Option<String>], seen: &mut Observed) {
    (seen.schedules, seen.scheduler) = (Some(BTreeMap::new()), Some(BTreeMap::new()));
    for (schedule, arn) in found.schedules.iter().zip(started) {
        let mut target = schedule.target.clone();
        let parameters = target.entry("EcsParameters").or_insert_with(|| Value::Object(Default::default()));
        if let (Some(parameters), Some(arn)) = (parameters.as_object_mut(), arn) {
            parameters.insert("TaskDefinitionArn".to_owned(), arn.as_str().into());
        }
        schedule.observe(target, seen);
    }
}

/// Makes a stage as it was found, and returns what a deploy of the manifest would do to it. An import does not fail for want
/// of a rehearsal: what could not be made or planned is listed.
pub async fn rehearse(client: &Client, manifest: &Manifest, found: &FoundStage) -> Rehearsal {
    let facts = import::facts(manifest, found);
    let desired = match deploy_core::desired(manifest, &found.name, &facts) {
        Ok(desired) => desired,
        Err(error) => return Rehearsal::failed(&found.name, &error),
    };
    // An unknown value is the same on both sides: it is listed as unknown, and is no change.
    let mut manifest = manifest.clone();
    if let Some(stage) = manifest.stages.get_mut(&found.name).filter(|stage| stage.subnets.is_empty()) {
        stage.subnets.push(made::NO_SUBNET.to_owned());
    }
    let made::Short { arns, unmade, unset, assumed, started } = made::make(client, found, &desired).await;
    let image = |spec: &deploy_core::desired::ImageSpec| {
        let reference = facts.images.get(&spec.name).unwrap_or(&spec.reference).clone();
        PlannedImage { name: spec.name.clone(), tag: reference.clone(), reference, missing: false }
    };
    let images = Images { registry: Some(facts.registry.clone()), images: desired.images.iter().map(image).collect() };
    let wanted = Wanted {
        manifest: standin::placed(&manifest, &desired, |arn| arns.get(arn).cloned()),
        directory: Path::new(".").to_owned(),
        stage: found.name.clone(),
        git: facts.git.clone(),
        tool: None,
        images: Default::default(),
        force: None,
    };
    let drafted = async {
        let mut draft = draft(client, &wanted, &images).await?;
        // Rules are reported and not made there: one may have targets of a kind that the platform has not.
        schedules(found, &started, &mut draft.observed);
        add_revisions(client, &mut draft.observed, started.into_iter().flatten().collect()).await?;
        let Plan { account, git, images, .. } = draft.plan;
        Ok::<_, StageError>(plan(&draft.desired, &draft.observed, &account, &git, images))
    };
    match drafted.await {
        Ok(plan) => Rehearsal { stage: found.name.clone(), plan: Some(plan), unmade, unset, assumed },
        Err(error) => {
            let mut failed = Rehearsal::failed(&found.name, &error);
            failed.unmade.splice(0..0, unmade);
            Rehearsal { unset, assumed, ..failed }
        }
    }
}
