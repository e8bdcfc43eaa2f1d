//! Are the variables and secrets of a manifest consistent, with themselves and with what there is?
//!
//! Every rule is about a mistake that people made: a key added in one place and forgotten in the
//! other, a name misspelt, a credential in plain sight. A finding says what is wrong, where it was
//! written and what to do next; it never holds the value of a variable. [`Seen`] is the world; without
//! it the rules that need nothing but the manifest still work.

mod accepted;
mod credentials;
mod finding;
mod live;
mod repeated;
mod scene;
mod seen;
mod sources;
mod spelling;
mod stages;
mod values;

use crate::desired::DesiredError;
use crate::manifest::Manifest;

pub use accepted::AcceptedFinding;
pub use finding::{Finding, ManifestPlace, Rule, Severity};
use scene::Scene;
pub use seen::{Keys, Seen, Source, SourceSeen, StageSeen};
pub use sources::sources;

/// What is checked.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The manifest.
    pub manifest: &'a Manifest,
    /// Its text, to tell lines.
    pub text: &'a str,
    /// Stages that are asked about; none is every stage.
    pub stages: &'a [String],
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What is not consistent: the worst first, then in the order of the manifest.
    pub findings: Vec<Finding>,
    /// What the manifest accepts.
    pub accepted: Vec<AcceptedFinding>,
}

/// Returns everything that is not consistent, and not accepted.
///
/// # Errors
/// A stage does not exist.
pub fn check(subject: Subject<'_>, seen: &Seen) -> Result<Vec<Finding>, DesiredError> {
    Ok(judge(subject, seen)?.findings)
}

/// Returns everything that is not consistent, and what of it is accepted.
///
/// # Errors
/// A stage does not exist.
pub fn judge(subject: Subject<'_>, seen: &Seen) -> Result<Checked, DesiredError> {
    let scene = Scene::new(subject.manifest, subject.stages)?;
    let mut found = Vec::new();
    values::check(&scene, seen, &mut found);
    sources::check(&scene, seen, &mut found);
    live::check(&scene, seen, &mut found);
    credentials::check(&scene, seen, &mut found);
    stages::check(&scene, &mut found);
    repeated::check(&scene, &mut found);
    spelling::check(&scene, &mut found);
    let mut accepted = accepted::apply(&scene, seen, subject.stages.is_empty(), &mut found);
    accepted.iter_mut().for_each(|accepted| accepted.finding.locate(subject.text));
    for finding in &mut found {
        finding.locate(subject.text);
    }
    found.sort_by_key(|finding| (finding.severity, finding.place.as_ref().map_or(0, |place| place.line)));
    Ok(Checked { findings: found, accepted })
}
