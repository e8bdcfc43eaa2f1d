//! Which containers does a value that was just written reach? One that reaches none has no effect, whatever was written
//! where.

use deploy_core::manifest::LOCAL;
use deploy_core::vars::listing::{self, Given};
use deploy_core::vars::near;

use super::keys;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// A value that was written.
pub(super) struct Written<'a> {
    /// Stage, or `all`.
    pub(super) stage: &'a str,
    /// Name of the variable.
    pub(super) name: &'a str,
    /// Containers that were asked for; none are all.
    pub(super) containers: &'a [String],
}

/// Refuses to call it done when no container gets the value in any stage that it is for; `is_it` tells the value.
///
/// # Errors
/// It reaches no container: says why, as far as the manifest tells.
pub(super) fn check(
    project: &Project,
    text: &str,
    written: &Written<'_>,
    is_it: impl Fn(&Given) -> bool,
) -> Result<(), Failure> {
    let Written { stage, name, containers } = written;
    let others = project.manifest.stages.names().filter(|stage| *stage != LOCAL);
    let stages: Vec<&str> = if *stage == "all" { [LOCAL].into_iter().chain(others).collect() } else { vec![stage] };
    let mut instead = Vec::new();
    for stage in stages {
        let listed = listing::list(&project.manifest, text, stage, None)?;
        let settings = listed.into_iter().find(|listed| listed.name == *name).map(|listed| listed.settings);
        for given in settings.unwrap_or_default() {
            if given.containers.is_empty() || !keys::is_for(&given, containers) {
                continue;
            }
            if is_it(&given) {
                return Ok(());
            }
            instead.push(given.from);
        }
    }
    let place = if *stage == "all" { "any stage".to_owned() } else { (*stage).to_owned() };
    let failure = Failure::new(format!("{name} was written, and no container of {place} gets it")).exit(Exit::Refused);
    instead.sort();
    instead.dedup();
    Err(match instead.first() {
        Some(first) => {
            let at = super::manifest::shown(&project.shown_path(), text, first);
            failure.hint(format!("what {at} says wins everywhere ({first})"))
        }
        None => failure.hint(format!(
            "containers get what `inherit` and `containers = [...]` let them have: `managr vars list {}` shows who gets what",
            if *stage == "all" { "STAGE" } else { stage }
        )),
    })
}

/// Says which names that are declared already a new one may mean.
pub(super) fn tell_near(cx: &Context, project: &Project, name: &str) {
    let manifest = &project.manifest;
    let top = manifest.variables.names().chain(manifest.secrets.names());
    let staged = manifest.stages.iter().flat_map(|(_, stage)| stage.variables.names().chain(stage.secrets.names()));
    let mut known: Vec<&str> = top.chain(staged).collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&name) {
        return;
    }
    for other in known {
        if let Some(how) = near::how_near(name, other) {
            cx.ui.say(&format!("{name} is new, and {other} is declared: the two {}", how.words()));
        }
    }
}
