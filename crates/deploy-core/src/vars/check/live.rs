//! Does every container run with the names that the manifest gives it, and that its siblings have?

use std::collections::BTreeMap;

use aws_model::task_definition::ContainerDefinition;

use super::finding::{Finding, Rule};
use super::scene::{ContainerScene, Given, Scene, StageScene, containers_of, given, listed, repository, shown};
use super::seen::{Seen, StageSeen};

/// A container that runs.
pub(super) struct Running<'a> {
    pub(super) owner: &'a str,
    pub(super) name: String,
    image: String,
    pub(super) has: BTreeMap<String, Given>,
    /// What the manifest says of it; none if it knows no such container.
    pub(super) wanted: Option<&'a ContainerScene>,
}

impl Running<'_> {
    pub(super) fn shown(&self) -> String {
        shown(self.owner, &self.name)
    }

    fn is_sibling(&self, other: &Running<'_>) -> bool {
        self.image == other.image && (self.owner, &self.name) != (other.owner, &other.name)
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.is_some_and(|wanted| wanted.gets.contains_key(name))
    }
}

/// Returns what runs in a stage.
pub(super) fn running<'a>(stage: &'a StageScene, known: &'a StageSeen) -> Vec<Running<'a>> {
    let secret = stage.desired.secret.as_ref().map(|secret| secret.name.as_str());
    let each = known.live.iter().flat_map(|(owner, document)| {
        containers_of(document).into_iter().map(move |container: ContainerDefinition| Running {
            owner,
            has: given(&container, secret),
            wanted: stage.container(owner, &container.name),
            image: repository(&container.image).to_owned(),
            name: container.name,
        })
    });
    each.collect()
}

pub(super) fn check(scene: &Scene<'_>, seen: &Seen, found: &mut Vec<Finding>) {
    for stage in scene.asked() {
        let Some(known) = seen.stages.get(&stage.name) else { continue };
        let running = running(stage, known);
        missing(stage, &running, found);
        extra(stage, &running, found);
        kinds(stage, &running, found);
    }
}

/// What the manifest gives, and some or all run without.
fn missing(stage: &StageScene, running: &[Running<'_>], found: &mut Vec<Finding>) {
    let mut lacking: BTreeMap<&str, Vec<&Running<'_>>> = BTreeMap::new();
    for one in running {
        let names = one.wanted.into_iter().flat_map(|wanted| wanted.gets.keys());
        for name in names.filter(|name| !one.has.contains_key(*name)) {
            lacking.entry(name).or_default().push(one);
        }
    }
    for (name, lacking) in lacking {
        let having: Vec<String> =
            running.iter().filter(|one| one.has.contains_key(name) && one.wants(name)).map(Running::shown).collect();
        let containers: Vec<String> = lacking.iter().map(|one| one.shown()).collect();
        let path = lacking.first().and_then(|one| Some(one.wanted?.gets.get(name)?.path.clone()));
        let deploy = format!("`managr deploy {}`", stage.name);
        let finding = if having.is_empty() {
            let reason = format!("is in the manifest, and nothing in `{}` runs with it yet", stage.name);
            Finding::new(Rule::NotDeployed, name, reason, format!("{deploy} brings it"))
        } else {
            let have = if having.len() == 1 { "has" } else { "have" };
            let reason = format!(
                "is missing where {} in `{}`, and {} {have} it; the manifest gives it to both",
                runs(&containers),
                stage.name,
                listed(&having)
            );
            Finding::new(Rule::LiveMissing, name, reason, format!("{deploy} brings it"))
        };
        found.push(finding.stage(&stage.name).of(containers).at(path));
    }
}

fn runs(containers: &[String]) -> String {
    let verb = if containers.len() == 1 { "runs" } else { "run" };
    format!("{} {verb}", listed(containers))
}

/// What runs, and the manifest does not give.
fn extra(stage: &StageScene, running: &[Running<'_>], found: &mut Vec<Finding>) {
    let mut by_name: BTreeMap<&str, Vec<&Running<'_>>> = BTreeMap::new();
    for one in running {
        for name in one.has.keys().filter(|name| !one.wants(name)) {
            by_name.entry(name).or_default().push(one);
        }
    }
    for (name, having) in by_name {
        let containers: Vec<String> = having.iter().map(|one| one.shown()).collect();
        let without = running.iter().filter(|other| {
            !other.has.contains_key(name) && !other.wants(name) && having.iter().any(|one| one.is_sibling(other))
        });
        let without: Vec<String> = without.map(Running::shown).collect();
        let known: Vec<&&Running<'_>> = having.iter().filter(|one| one.wanted.is_some()).collect();
        // A container that the manifest does not know is only compared with its siblings.
        if known.is_empty() && without.is_empty() {
            continue;
        }
        let table = if having.iter().any(|one| one.has[name].is_plain()) { "variables" } else { "secrets" };
        let next = format!("put it under [{table}] to keep it; `managr deploy {}` takes it away otherwise", stage.name);
        let next = if known.is_empty() { format!("give it to {} too, or to neither", listed(&without)) } else { next };
        let gives = "the manifest does not give it";
        let finding = if without.is_empty() {
            let reason = format!("is there where {} in `{}`, and {gives}", runs(&containers), stage.name);
            Finding::new(Rule::LiveExtra, name, reason, next)
        } else {
            let reason = format!(
                "is there where {} in `{}` and missing in {} of the same image; {gives}",
                runs(&containers),
                stage.name,
                listed(&without)
            );
            Finding::new(Rule::Sibling, name, reason, next)
        };
        found.push(finding.stage(&stage.name).of(containers));
    }
}

/// What is plain where it runs and a secret in the manifest, or the other way round.
fn kinds(stage: &StageScene, running: &[Running<'_>], found: &mut Vec<Finding>) {
    let mut by_name: BTreeMap<(&str, bool), (String, Vec<String>)> = BTreeMap::new();
    for one in running {
        for (name, gets) in one.wanted.iter().flat_map(|wanted| &wanted.gets) {
            if let Some(has) = one.has.get(name).filter(|has| has.is_plain() != gets.what.is_plain()) {
                let (_, containers) =
                    by_name.entry((name, has.is_plain())).or_insert_with(|| (gets.path.clone(), Vec::new()));
                containers.push(one.shown());
            }
        }
    }
    for ((name, is_plain), (path, containers)) in by_name {
        let (now, then) = if is_plain { ("plain", "a secret") } else { ("a secret", "plain") };
        let reason = format!("is {now} where {} in `{}`, and {then} in the manifest", runs(&containers), stage.name);
        let next = format!("`managr deploy {}` makes it {then}", stage.name);
        found.push(Finding::new(Rule::LiveKind, name, reason, next).stage(&stage.name).of(containers).at(Some(path)));
    }
}
