//! Which key of the stage's secret holds a variable's value? The manifest names it: `SMTP_USER = { key = "smtpUser" }`.
//! `set`, `import` and `copy` all ask here.

use deploy_core::vars::listing::{self, Given};

use super::manifest;
use crate::context::Project;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where the value of a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// Under this key of the stage's secret, or of its `secrets-file`.
    Key(String),
    /// In a secret or parameter of its own, which the manifest names with `from` at a place.
    Elsewhere {
        /// Its ARN.
        arn: String,
        /// Path in the manifest.
        place: String,
    },
}

/// Returns where a variable's value is kept in a stage; `text` is the manifest's. A name that is not declared is
/// its own key.
///
/// # Errors
/// Containers get it from several keys, and none was said.
pub(super) fn of(
    project: &Project,
    text: &str,
    stage: &str,
    name: &str,
    containers: &[String],
) -> Result<Kept, Failure> {
    let listed = listing::list(&project.manifest, text, stage, None)?;
    let settings = listed.into_iter().find(|listed| listed.name == name).map(|listed| listed.settings);
    let mut keys = Vec::new();
    for given in settings.unwrap_or_default() {
        if !is_for(&given, containers) {
            continue;
        }
        if let Some(arn) = given.arn {
            return Ok(Kept::Elsewhere { arn, place: given.from });
        }
        keys.extend(given.key);
    }
    keys.sort();
    keys.dedup();
    match &keys[..] {
        [key] => Ok(Kept::Key(key.clone())),
        [] => Ok(Kept::Key(name.to_owned())),
        several => Err(Failure::new(format!("{name} is several keys of the secret: {}", several.join(", ")))
            .hint(format!("say whose: `managr vars set {stage} {name} --secret --container CONTAINER`"))
            .exit(Exit::Usage)),
    }
}

/// Returns whether a setting is for one of the containers; none are all.
pub(super) fn is_for(given: &Given, containers: &[String]) -> bool {
    let is_one = |container: &String| {
        containers.iter().any(|wanted| container == wanted || container.ends_with(&format!("/{wanted}")))
    };
    containers.is_empty() || given.containers.iter().any(is_one)
}

/// Returns the failure for a value that is not this stage's secret to hold.
pub(super) fn elsewhere(project: &Project, text: &str, name: &str, arn: &str, place: &str) -> Failure {
    let at = manifest::shown(&project.shown_path(), text, place);
    Failure::new(format!("the value of {name} is kept elsewhere: {arn}"))
        .hint(format!("see {at}; change it there, or take `from` away"))
        .exit(Exit::Usage)
}

/// Returns the variables of a stage whose values are keys of its secret, each with its key.
///
/// # Errors
/// There is no such stage.
pub(super) fn all(project: &Project, text: &str, stage: &str) -> Result<Vec<(String, String)>, Failure> {
    let listed = listing::list(&project.manifest, text, stage, None)?;
    let pairs = listed.into_iter().flat_map(|listed| {
        let keys = listed.settings.into_iter().filter_map(|given| given.key);
        keys.map(|key| (listed.name.clone(), key)).collect::<Vec<_>>()
    });
    Ok(pairs.collect())
}
