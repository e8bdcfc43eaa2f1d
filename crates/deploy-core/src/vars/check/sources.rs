//! Is everything there that task definitions name as the source of a value?

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::DesiredError;
use crate::lint::secret::is_secret;
use crate::manifest::Manifest;

use super::finding::{Finding, Rule};
use super::live::running;
use super::scene::{Given, Scene, StageScene, containers_of, listed, shown};
use super::seen::{Seen, Source, SourceSeen, StageSeen};
use super::values::without_value;

/// One use of a source: the variable, the text of `valueFrom`, the container, and where it was written.
struct Use {
    name: String,
    value_from: String,
    container: String,
    path: Option<String>,
}

/// Returns the sources that the manifest names for a stage, or that its running task definitions do,
/// beside the stage's own secret.
///
/// # Errors
/// The stage does not exist.
pub fn sources(manifest: &Manifest, stage: &str, known: &StageSeen) -> Result<BTreeSet<Source>, DesiredError> {
    let scene = Scene::new(manifest, &[stage.to_owned()])?;
    let uses = scene.asked().flat_map(|stage| uses(stage, known));
    Ok(uses.filter_map(|one| Some(Source::read(&one.value_from)?.0)).collect())
}

fn uses(stage: &StageScene, known: &StageSeen) -> Vec<Use> {
    let wanted = stage.containers.iter().flat_map(|container| {
        container.gets.iter().filter_map(|(name, gets)| match &gets.what {
            // A database's own secret comes with the database, at the first deploy; `managr verify` looks at it.
            Given::From(_) if gets.path.starts_with("databases.") => None,
            Given::From(value_from) => Some(Use {
                name: name.clone(),
                value_from: value_from.clone(),
                container: container.shown(),
                path: Some(gets.path.clone()),
            }),
            _ => None,
        })
    });
    let live = known.live.iter().flat_map(|(owner, document)| {
        containers_of(document).into_iter().flat_map(move |container| {
            let container_shown = shown(owner, &container.name);
            container.secrets.into_iter().map(move |secret| Use {
                name: secret.name,
                value_from: secret.value_from,
                container: container_shown.clone(),
                path: None,
            })
        })
    });
    wanted.chain(live).collect()
}

pub(super) fn check(scene: &Scene<'_>, seen: &Seen, found: &mut Vec<Finding>) {
    for stage in scene.asked() {
        let Some(known) = seen.stages.get(&stage.name) else { continue };
        let told = without_value(stage, known);
        let own = stage.desired.secret.as_ref().map(|secret| secret.name.as_str());
        // The same variable of the same source is one finding, however many containers get it.
        let mut gone: BTreeMap<(String, String), (Option<String>, Vec<String>)> = BTreeMap::new();
        for one in uses(stage, known) {
            let Some((source, key)) = Source::read(&one.value_from) else { continue };
            let is_own = matches!(&source, Source::Secret { arn, .. } if own.is_some_and(|name| is_secret(arn, name)));
            if is_own && key.as_deref().is_some_and(|key| told.contains(key)) {
                continue;
            }
            let Some(words) = seen.sources.get(&source).and_then(|what| absent(&source, key.as_deref(), what)) else {
                continue;
            };
            let (path, containers) = gone.entry((one.name, words)).or_default();
            *path = path.take().or(one.path);
            if !containers.contains(&one.container) {
                containers.push(one.container);
            }
        }
        for ((name, words), (path, containers)) in gone {
            let is_live = running(stage, known).iter().any(|one| containers.contains(&one.shown()));
            let verb = if is_live { "cannot start again" } else { "cannot start" };
            let reason = format!("has a source that is not there: {words}; {} {verb}", listed(&containers));
            let next = match path {
                Some(_) => "make it, or correct `from`".to_owned(),
                None => format!("make it, or `managr deploy {}`: the manifest does not name it", stage.name),
            };
            let finding = Finding::new(Rule::AbsentSource, name, reason, next).stage(&stage.name);
            found.push(finding.of(containers).at(path));
        }
    }
}

fn absent(source: &Source, key: Option<&str>, what: &SourceSeen) -> Option<String> {
    let name = match source {
        Source::Secret { arn, .. } => arn.split_once(":secret:").map_or(arn.as_str(), |(_, name)| name),
        Source::Parameter { name, .. } => name,
    };
    match (source, what, key) {
        (Source::Secret { .. }, SourceSeen::Absent, _) => Some(format!("there is no secret `{name}`")),
        (Source::Parameter { .. }, SourceSeen::Absent, _) => Some(format!("there is no parameter `{name}`")),
        (_, SourceSeen::Keys(keys), Some(key)) if !keys.contains(key) => {
            Some(format!("secret `{name}` has no key `{key}`"))
        }
        _ => None,
    }
}
