//! Are images what stages take them for, and is each one what its tag says?

use super::meant;
use crate::desired::tag;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Image, LOCAL, Manifest, StageImage};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (image, spec) in manifest.images.iter() {
        extra_tags(&spec.extra_tags, &["images", image, "extra-tags"], tree, report);
        same_tag(manifest, image, spec, tree, report);
    }
    let known: Vec<&str> = tree.keys(&["images"]);
    for (stage, settings) in manifest.stages.iter() {
        for (image, differs) in settings.images.iter() {
            let path = ["stages", stage, "images", image];
            if !known.contains(&image) {
                let fault = Fault::UnknownValue { path: path.join("."), found: image.to_owned() };
                report.add(fault, tree.key(&path), "no such image", meant(image, known.iter().copied(), "images"));
            }
            let tags = differs.extra_tags.as_deref().unwrap_or_default();
            extra_tags(tags, &[&path[..], &["extra-tags"]].concat(), tree, report);
        }
    }
}

fn extra_tags(tags: &[String], path: &[&str], tree: &Tree<'_>, report: &mut Report) {
    for template in tags {
        if let Err(why) = tag::check_template(template) {
            let fault = Fault::BadText { path: path.join("."), what: "a tag template".to_owned(), why };
            report.add(fault, tree.value(path), "here", None);
        }
    }
}

/// Two stages that build an image in different ways must not give it one tag: the second would run the first's.
fn same_tag(manifest: &Manifest, image: &str, spec: &Image, tree: &Tree<'_>, report: &mut Report) {
    let template = |stage: &str| {
        let written = manifest.stages.get(stage).and_then(|stage| stage.tag.as_deref());
        written.unwrap_or(if stage == LOCAL { LOCAL } else { "{stage}-{commit}" })
    };
    // A tag that names no commit gets the ingredients of the image in it.
    let is_shared = |tag: &str| tag::names_a_commit(tag) && !tag.contains("{stage}");
    let all: Vec<(&str, &str, Option<&StageImage>)> = manifest
        .stages
        .iter()
        .map(|(name, stage)| (name, template(name), stage.images.get(image)))
        .filter(|(_, tag, _)| is_shared(tag))
        .collect();
    for (index, (second, its_tag, its)) in all.iter().enumerate() {
        let other = all[..index].iter().find(|(_, tag, differs)| tag == its_tag && !is_same(spec, *differs, *its));
        let Some((first, ..)) = other else { continue };
        let path = ["stages", second, "tag"];
        let why = format!("image `{image}` is built differently in `{first}`, which gives it the same tag");
        let fault = Fault::BadText { path: path.join("."), what: "a tag of its own".to_owned(), why };
        let help = format!("put {{stage}} in it: \"{{stage}}-{}\"", its_tag);
        report.add(fault, tree.value(&path), "here", Some(help));
    }
}

/// Whether an image is built alike with what two stages say of it.
fn is_same(spec: &Image, one: Option<&StageImage>, other: Option<&StageImage>) -> bool {
    let made = |differs: Option<&StageImage>| {
        let mut args = spec.args.clone();
        for (name, value) in differs.into_iter().flat_map(|differs| differs.args.iter()) {
            args.insert(name, value.clone());
        }
        (args, differs.and_then(|differs| differs.target.clone()).or_else(|| spec.target.clone()))
    };
    made(one) == made(other)
}
