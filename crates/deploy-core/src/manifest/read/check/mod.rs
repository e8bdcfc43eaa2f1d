//! What the schema cannot say: references, cycles, sizes, clashes.
//!
//! Asks the tree whether something was written, because the types lack what was not sound.

mod accepted;
mod clocks;
mod containers;
mod databases;
mod graph;
mod images;
mod limits;
mod names;
mod once;
mod presence;
mod previews;
mod runs;
mod scaling;
mod sizes;
mod stages;
mod standalone;
mod task;
mod variables;

use super::report::Report;
use super::tree::Tree;
use crate::manifest::Manifest;
use crate::suggest::nearest;

/// Records what is wrong with a manifest whose single values are sound.
pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    accepted::check(manifest, tree, report);
    clocks::check(manifest, tree, report);
    containers::check(manifest, tree, report);
    databases::check(manifest, tree, report);
    graph::check(manifest, tree, report);
    images::check(manifest, tree, report);
    limits::check(manifest, tree, report);
    names::check(manifest, tree, report);
    once::check(manifest, tree, report);
    presence::check(manifest, tree, report);
    previews::check(manifest, tree, report);
    runs::check(manifest, tree, report);
    scaling::check(manifest, tree, report);
    sizes::check(manifest, tree, report);
    stages::check(manifest, tree, report);
    standalone::check(manifest, tree, report);
    variables::check(manifest, tree, report);
}

/// Returns help for a reference to something that does not exist.
fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> Option<String> {
    if let Some(near) = nearest(name, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<&str> = known.into_iter().collect();
    if all.is_empty() { None } else { Some(format!("{what}: {}", all.join(", "))) }
}
