//! What does their work afterwards? Their jobs beside ours.

use deploy_core::pipeline::Provider;
use serde::Serialize;

use super::analyse::Seen;
use super::decide::Decided;
use super::model::Job;

/// A job of theirs, and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// When it runs, in words.
    pub when: String,
    /// What it is called.
    pub job: String,
    /// What it does.
    pub does: String,
    /// What does it afterwards.
    pub ours: String,
}

/// Returns a row for each job.
pub(super) fn rows(jobs: &[Job], seen: &[Seen], decided: &Decided, provider: Provider) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, (job, seen)) in jobs.iter().zip(seen).enumerate() {
        let mut does = Vec::new();
        if !seen.builds.is_empty() {
            does.push("builds");
        }
        if !seen.pushes.is_empty() || seen.builds.iter().any(|build| build.pushes) {
            does.push("pushes");
        }
        if !seen.deploys.is_empty() {
            does.push("deploys");
        }
        if seen.parts.iter().any(|part| part.is_own) {
            does.push("commands of its own");
        }
        let row = Row {
            when: job.when.words(),
            job: job.name.clone(),
            does: if does.is_empty() { "commands of its own".to_owned() } else { does.join(", ") },
            ours: ours(index, job, seen, decided, provider),
        };
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn ours(index: usize, job: &Job, seen: &Seen, decided: &Decided, provider: Provider) -> String {
    if !seen.is_ours() {
        return match provider {
            Provider::Bitbucket => "kept between the marks, as it is".to_owned(),
            Provider::Github | Provider::Gitlab => "kept as a job of yours, between the marks".to_owned(),
        };
    }
    if job.when.is_pull_request && job.when.branches.is_empty() {
        return match decided.has_previews && !seen.deploys.is_empty() {
            true => "managr deploy pr-NUMBER".to_owned(),
            false => "managr plan, for pull requests".to_owned(),
        };
    }
    let mut parts = Vec::new();
    for target in decided.of(index, job) {
        let stage = &decided.targets[target].stage;
        let has_place = Some(target) == decided.staging || Some(target) == decided.production;
        if !has_place {
            parts.push(format!("nothing: {stage} has no place in the file"));
            continue;
        }
        if !seen.builds.is_empty() || !seen.pushes.is_empty() {
            parts.push(format!("managr push {stage}"));
        }
        if !seen.deploys.is_empty() {
            parts.push(match decided.is_production(target) {
                true => format!("managr plan {stage}, then managr deploy {stage} --plan"),
                false => format!("managr deploy {stage} --no-build"),
            });
        }
    }
    if parts.is_empty() { "nothing: no deploy follows it".to_owned() } else { parts.join("; ") }
}
