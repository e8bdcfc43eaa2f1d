//! Which images are the application's own?

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::manifest::Image;

use super::{Draft, objects, text};
use crate::facts::{facts, repository};
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

/// References of the application's own images in a stage, by name.
pub(super) type References = BTreeMap<String, String>;

/// Returns the references of each stage.
pub(super) fn references(found: &Found, manifest: &Manifest) -> Vec<References> {
    found.stages.iter().map(|stage| facts(manifest, stage).images).collect()
}

/// Returns an image as a container of a stage names it; none if the manifest has no word for the reference.
pub(super) fn word(images: &References, reference: &str) -> Option<String> {
    let own = images.iter().find(|(_, known)| *known == reference);
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
