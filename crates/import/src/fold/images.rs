//! Which images are the application's own?

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::manifest::Image;

use super::{Draft, objects, text};
use crate::facts::{facts, repository};
use crate::places::is_no_image;
use crate::{Found, Left, Place};

/// Declares an image for each repository that a container names.
pub(super) fn declare(found: &Found, drafts: &[Draft], manifest: &mut Manifest, left: &mut Vec<Left>) {
    for name in &found.repositories {
        let place = first_use(drafts, name);
        let Some(place) = place else {
            let why = "no container uses an image of it: nothing was written for it";
            left.push(Left::new(format!("repository {name}"), Place::default(), why));
            continue;
        };
        let image = short(name, manifest);
        let is_default = *name == format!("{}/{image}", manifest.app);
        let spec = Image { repository: (!is_default).then(|| name.clone()), ..Image::default() };
        manifest.images.insert(image.as_str(), spec);
        let why = "nobody tells how it is built: set its `dockerfile` and `context`, and the `tag` of the stages";
        left.push(Left::new(format!("images.{image}"), place, why));
    }
}

/// Images of containers whose reference is none, stage by stage: what stands there, and the image's name.
pub(super) type Places = Vec<BTreeMap<String, String>>;

/// Declares an image for each container whose reference is a place to be filled in, or nothing: called like it.
pub(super) fn places(found: &Found, drafts: &[Draft], manifest: &mut Manifest, left: &mut Vec<Left>) -> Places {
    let mut places: Places = found.stages.iter().map(|_| BTreeMap::new()).collect();
    for draft in drafts.iter().filter(|draft| draft.runs.is_none()) {
        for name in draft.names() {
            let images: Vec<(usize, &str)> = draft
                .container(&name)
                .into_iter()
                .map(|(stage, container)| (stage, text(container, "image")))
                .collect();
            let mut image: Option<String> = None;
            for (stage, reference) in images.into_iter().filter(|(_, reference)| is_no_image(reference)) {
                if places[stage].contains_key(reference) && !reference.is_empty() {
                    continue;
                }
                // A place in the tag alone is of an image that is known already.
                let known = manifest.images.iter().find(|(image, spec)| {
                    let default = format!("{}/{image}", manifest.app);
                    repository(reference) == spec.repository.as_deref().unwrap_or(&default)
                });
                let known = known.map(|(image, _)| image.to_owned()).filter(|_| !reference.is_empty());
                let name = known.or_else(|| image.clone()).unwrap_or_else(|| free(manifest, &draft.key, &name));
                if !manifest.images.contains(&name) {
                    manifest.images.insert(name.as_str(), Image::default());
                    let place = draft.versions.first().map(|version| version.place.clone()).unwrap_or_default();
                    let why = "nobody tells which image it is: set its `dockerfile` and `context`, and the `tag` of the \
                               stages, or write a reference into the container";
                    left.push(Left::new(format!("images.{name}"), place, why));
                }
                image = Some(name.clone());
                places[stage].insert(reference.to_owned(), name);
            }
        }
    }
    places
}

/// Returns a name for a container's image that no other has.
fn free(manifest: &Manifest, service: &str, container: &str) -> String {
    let names = [container.to_owned(), format!("{service}-{container}")];
    let numbered = (2..).map(|number| format!("{container}-{number}"));
    let mut all = names.into_iter().chain(numbered);
    all.find(|name| !manifest.images.contains(name)).unwrap_or_else(|| container.to_owned())
}

fn first_use(drafts: &[Draft], wanted: &str) -> Option<Place> {
    let versions = drafts.iter().flat_map(|draft| &draft.versions);
    let mut using = versions.filter(|version| {
        let mut all = objects(&version.normal, "containerDefinitions");
        all.any(|container| repository(text(container, "image")) == wanted)
    });
    using.next().map(|version| version.place.clone())
}

/// Returns a name that no other image has: the last part of the repository, or more of it.
fn short(repository: &str, manifest: &Manifest) -> String {
    let mut at = repository.len();
    loop {
        at = repository[..at].rfind('/').unwrap_or(0);
        let name = repository[at..].trim_start_matches('/').replace(['/', '.'], "-");
        if at == 0 || !manifest.images.contains(&name) {
            return name;
        }
    }
}

/// What containers of a stage name where the application's own images are meant.
pub(super) struct References {
    /// References, by the image's name.
    known: BTreeMap<String, String>,
    /// Images' names, by what stands in the place of a reference.
    places: BTreeMap<String, String>,
}

/// Returns the references of each stage, and what stands in their place.
pub(super) fn references(found: &Found, manifest: &Manifest, places: &Places) -> Vec<References> {
    // That of the gates of schedules has no name there.
    let of_manifest = |images: BTreeMap<String, String>| {
        images.into_iter().filter(|(image, _)| manifest.images.contains(image)).collect()
    };
    let of_stage = |(stage, places): (&crate::FoundStage, &BTreeMap<String, String>)| References {
        known: of_manifest(facts(manifest, stage).images),
        places: places.clone(),
    };
    found.stages.iter().zip(places).map(of_stage).collect()
}

/// Returns an image as a container of a stage names it; none if the manifest has no word for the reference.
pub(super) fn word(images: &References, reference: &str) -> Option<String> {
    if let Some(name) = images.places.get(reference) {
        return Some(name.clone());
    }
    let own = images.known.iter().find(|(_, known)| *known == reference);
    // A word alone would be a name from [images].
    let is_reference =
        reference.contains([':', '/', '@']) && !reference.contains(|c: char| c.is_whitespace() || c.is_control());
    own.map(|(name, _)| name.clone()).or_else(|| is_reference.then(|| reference.to_owned()))
}

/// Returns a reference that means what a name without a tag means: what was found stands in `aws` beside it.
pub(super) fn tagged(reference: &str) -> Option<String> {
    let is_name = !reference.is_empty() && reference.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    is_name.then(|| format!("{reference}:latest"))
}
