//! Which findings were accepted, and which of those no longer exist?

use crate::manifest::{Accepted, Manifest};

use super::finding::{Finding, Rule};
use super::scene::Scene;
use super::seen::Seen;

/// A finding that the manifest accepts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AcceptedFinding {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is meant to be so, as the manifest has it.
    pub because: String,
}

/// Takes accepted findings out, and adds one for each entry that accepts nothing.
pub(super) fn apply(
    scene: &Scene<'_>,
    seen: &Seen,
    everything: bool,
    findings: &mut Vec<Finding>,
) -> Vec<AcceptedFinding> {
    let manifest: &Manifest = scene.manifest;
    let mut used = vec![false; manifest.accepted.len()];
    let mut accepted = Vec::new();
    let mut rest = Vec::new();
    for finding in std::mem::take(findings) {
        match manifest.accepted.iter().position(|entry| accepts(entry, &finding)) {
            Some(at) => {
                used[at] = true;
                accepted.push(AcceptedFinding { finding, because: manifest.accepted[at].reason.clone() });
            }
            None => rest.push(finding),
        }
    }
    *findings = rest;
    for (at, entry) in manifest.accepted.iter().enumerate().filter(|(at, _)| !used[*at]) {
        if was_looked_for(entry, scene, seen, everything) {
            let reason = format!("is accepted for `{}`, which is not found any more", entry.finding);
            let finding = Finding::new(Rule::AcceptedNothing, &entry.name, reason, "take the entry out");
            findings.push(finding.at(Some(format!("accepted.{at}"))));
        }
    }
    accepted
}

fn accepts(entry: &Accepted, finding: &Finding) -> bool {
    let is_stage = entry.stage.is_none() || entry.stage == finding.stage;
    finding.rule.can_be_accepted() && entry.finding == finding.rule.code() && entry.name == finding.name && is_stage
}

/// Whether the finding would have been found if it were there: not every question was asked everywhere.
fn was_looked_for(entry: &Accepted, scene: &Scene<'_>, seen: &Seen, everything: bool) -> bool {
    let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.code() == entry.finding) else { return false };
    let stages: Vec<&str> = match &entry.stage {
        Some(stage) => vec![stage],
        None => scene.stages.iter().map(|stage| stage.name.as_str()).collect(),
    };
    let known = |stage: &&str| seen.stages.get(*stage);
    match rule {
        Rule::NoValue | Rule::UnusedValue => {
            stages.iter().all(|stage| known(stage).is_some_and(|known| known.keys.is_some() || known.file.is_some()))
        }
        Rule::TrackedFile => stages.iter().all(|stage| known(stage).is_some_and(|known| known.file.is_some())),
        Rule::AbsentSource => false,
        Rule::LiveMissing | Rule::NotDeployed | Rule::LiveExtra | Rule::Sibling | Rule::LiveKind => {
            stages.iter().all(|stage| known(stage).is_some_and(|known| !known.live.is_empty()))
        }
        // It may have been added where the service runs, which only that tells.
        Rule::PlainCredential if !is_written(&entry.name, scene) => {
            stages.iter().all(|stage| known(stage).is_some_and(|known| !known.live.is_empty()))
        }
        // The manifest alone tells.
        _ => everything || entry.stage.as_deref().is_some_and(|stage| scene.asked().any(|asked| asked.name == stage)),
    }
}

fn is_written(name: &str, scene: &Scene<'_>) -> bool {
    scene.stages.iter().flat_map(|stage| &stage.containers).any(|container| container.gets.contains_key(name))
}
