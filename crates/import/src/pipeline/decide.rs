//! Which jobs bring the application to which stage, and which stages are staging and production of `managr pipeline`?

use super::analyse::Seen;
use super::model::{Job, When};
use crate::names;

/// Words for the stage that everything else is rehearsed for.
const PRODUCTION: [&str; 5] = ["prod", "production", "prd", "live", "main"];

/// A stage that jobs deploy to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) stage: String,
    pub(super) flow: String,
    pub(super) when: When,
    pub(super) is_manual: bool,
    pub(super) jobs: Vec<usize>,
    /// Whether its name is a guess.
    pub(super) is_guessed: bool,
}

/// What is deployed where.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) targets: Vec<Target>,
    pub(super) staging: Option<usize>,
    pub(super) production: Option<usize>,
    /// Whether pull requests deploy.
    pub(super) has_previews: bool,
}

impl Decided {
    /// Returns the stages that a job works for: those whose deploys it can come before or after.
    pub(super) fn of(&self, index: usize, job: &Job) -> Vec<usize> {
        let all = || self.targets.iter().enumerate();
        let own: Vec<usize> = all().filter(|(_, target)| target.jobs.contains(&index)).map(|(at, _)| at).collect();
        // What is built for a pull request is a preview's, or a test.
        let is_preview = job.when.is_pull_request && job.when.branches.is_empty() && job.when.tags.is_empty();
        if !own.is_empty() || is_preview {
            return own;
        }
        let meets = |target: &Target| target.flow == job.flow && target.when.meets(&job.when);
        all().filter(|(_, target)| meets(target)).map(|(at, _)| at).collect()
    }

    pub(super) fn is_production(&self, target: usize) -> bool {
        self.production == Some(target)
    }
}

/// Decides by what the jobs themselves say: environments, names of clusters and services, branches and tags.
pub(super) fn decide(jobs: &[Job], seen: &[Seen]) -> Decided {
    let mut decided = Decided::default();
    for (index, (job, seen)) in jobs.iter().zip(seen).enumerate() {
        if seen.deploys.is_empty() {
            continue;
        }
        let is_preview = job.when.is_pull_request && job.when.branches.is_empty() && job.when.tags.is_empty();
        if is_preview {
            decided.has_previews = true;
            continue;
        }
        let (stage, is_guessed) = stage(job, seen);
        match decided.targets.iter_mut().find(|target| target.stage == stage) {
            Some(target) => {
                target.jobs.push(index);
                target.is_manual |= job.is_manual;
            }
            None => decided.targets.push(Target {
                stage,
                flow: job.flow.clone(),
                when: job.when.clone(),
                is_manual: job.is_manual,
                jobs: vec![index],
                is_guessed,
            }),
        }
    }
    let is_production = |target: &Target| PRODUCTION.contains(&target.stage.as_str());
    // One that runs by hand only has no branch that the new file could wait for.
    let usable =
        |target: &Target| !target.when.is_apart || !target.when.branches.is_empty() || !target.when.tags.is_empty();
    let find = |wanted: &dyn Fn(&Target) -> bool| {
        decided
            .targets
            .iter()
            .position(|target| wanted(target) && usable(target))
            .or_else(|| decided.targets.iter().position(wanted))
    };
    decided.production = find(&is_production);
    let staging = |name: &'static str| move |target: &Target| target.stage.starts_with(name);
    decided.staging = find(&staging("stag"))
        .or_else(|| find(&|target: &Target| !is_production(target) && !target.when.is_of_tags()))
        .or_else(|| find(&|target: &Target| !is_production(target)));
    decided
}

/// Returns the stage of a job, and whether that is a guess.
fn stage(job: &Job, seen: &Seen) -> (String, bool) {
    let plain = |name: &str| -> Option<String> {
        let lower = name.to_lowercase();
        let is_good = !lower.is_empty() && lower != "local" && lower.len() <= 40;
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (is_good && lower.chars().all(letters) && lower.starts_with(|c: char| c.is_ascii_alphanumeric()))
            .then_some(lower)
    };
    if let Some(name) = job.environment.as_deref().and_then(plain) {
        return (name, false);
    }
    let of = |name: &str| names::stage_of(name).map(str::to_lowercase);
    let named = job.environment.iter().chain(
        seen.deploys.iter().flat_map(|deploy| [&deploy.service, &deploy.cluster, &deploy.family].into_iter().flatten()),
    );
    if let Some(name) = named.filter(|name| !name.contains('$')).find_map(|name| of(name)) {
        return (name, false);
    }
    if let Some(name) = of(&job.key).or_else(|| of(&job.name)) {
        return (name, false);
    }
    if job.when.is_of_tags() {
        return ("prod".to_owned(), true);
    }
    match job.when.branches.iter().find_map(|branch| of(branch)) {
        Some(name) => (name, true),
        None => ("prod".to_owned(), true),
    }
}

/// Returns the placeholder of the manifest for a variable of a vendor; none for what the manifest has no word for.
pub(super) fn placeholder(variable: &str, when: &When) -> Option<&'static str> {
    Some(match variable {
        "BITBUCKET_COMMIT"
        | "CI_COMMIT_SHA"
        | "CI_COMMIT_SHORT_SHA"
        | "CI_BUILD_REF"
        | "github.sha"
        | "GITHUB_SHA"
        | "git.commit"
        | "github.event.pull_request.head.sha"
        | "github.event.workflow_run.head_sha" => "{commit}",
        "BITBUCKET_TAG" | "CI_COMMIT_TAG" | "github.event.release.tag_name" | "git.describe" => "{git-tag}",
        "GITHUB_REF_NAME" | "github.ref_name" | "GITHUB_REF" | "github.ref" | "CI_COMMIT_REF_NAME"
        | "CI_COMMIT_REF_SLUG" => {
            if when.is_of_tags() {
                "{git-tag}"
            } else {
                "{branch}"
            }
        }
        "BITBUCKET_BRANCH" | "CI_COMMIT_BRANCH" | "git.branch" | "github.head_ref" => "{branch}",
        "BITBUCKET_PR_ID" | "CI_MERGE_REQUEST_IID" | "github.event.number" | "github.event.pull_request.number" => {
            "{pr}"
        }
        _ => return None,
    })
}

/// Returns a text with placeholders for its variables.
///
/// # Errors
/// The variable that has none.
pub(super) fn template(text: &str, when: &When) -> Result<String, String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { return Err(after.to_owned()) };
        made.push_str(before);
        made.push_str(placeholder(name, when).ok_or_else(|| name.to_owned())?);
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}

/// Returns the variables in a text.
pub(super) fn variables(text: &str) -> Vec<&str> {
    text.split("${").skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
}
