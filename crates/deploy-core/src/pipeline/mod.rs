//! Which CI file carries an application from a commit to its stages? Text out of the manifest, and nothing else.
//!
//! One shape for every service: tests (the user's), images built once, staging on the main branch, production on a tag
//! after a person agreed to the plan that is then carried out, a plan and a preview for each pull request.

mod bitbucket;
mod github;
mod gitlab;
mod kept;
pub mod lines;
mod options;
mod shell;
mod taskdef;
pub mod variables;
mod yaml;

use crate::desired::tag;
use crate::manifest::{LOCAL, Manifest, Previews};

use self::options::Words;

pub use self::kept::{KeptError, is_edited};
pub use self::options::{Auth, Options, Purpose};

/// Whose pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Bitbucket Pipelines.
    Bitbucket,
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
}

impl Provider {
    /// Returns the word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bitbucket => "bitbucket",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// Returns where its file is, from the top of the repository.
    pub fn file(self) -> &'static str {
        match self {
            Self::Bitbucket => "bitbucket-pipelines.yml",
            Self::Github => ".github/workflows/managr.yml",
            Self::Gitlab => ".gitlab-ci.yml",
        }
    }
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// A stage that was named is not in the manifest.
    #[error("the manifest has no stage `{stage}`{}", known(stages))]
    NoStage {
        /// The stage.
        stage: String,
        /// Those that there are.
        stages: Vec<String>,
    },
    /// There is nothing to deploy to.
    #[error("the manifest has neither a stage for the main branch nor one for tags{}", known(stages))]
    NoStages {
        /// Those that there are.
        stages: Vec<String>,
    },
    /// Only Bitbucket's people have the variables that this is for.
    #[error("a pipeline for a task definition without a manifest is written for bitbucket only, not for {provider}")]
    NoTaskdef {
        /// The provider asked for.
        provider: &'static str,
    },
    /// The command line and the manifest say two things.
    #[error("`--{word} {asked}` contradicts the manifest, whose [pipeline] says `{said}`")]
    Contradicts {
        /// The word.
        word: &'static str,
        /// What was asked for.
        asked: String,
        /// What the manifest says.
        said: String,
    },
    /// The user's own lines cannot be told from ours.
    #[error(transparent)]
    Kept(#[from] KeptError),
}

fn known(stages: &[String]) -> String {
    if stages.is_empty() { String::new() } else { format!("; there are {}", stages.join(", ")) }
}

/// What a file is made from, settled.
struct Plan<'a> {
    options: &'a Options,
    words: Words,
    staging: Option<&'a str>,
    production: Option<Production<'a>>,
    previews: Option<&'a Previews>,
}

/// What goes to production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Tags,
    /// A branch of its own.
    Branch,
    /// The branch that goes to staging, after it.
    SameBranch,
}

/// The stage that tags, or a branch, go to.
struct Production<'a> {
    stage: &'a str,
    way: Way,
    /// Stage whose images are taken over; none when its tags do not name the commit.
    from: Option<&'a str>,
}

/// Returns the text of a provider's file. `existing` is the file as it is: what is the user's own in it stays.
///
/// # Errors
/// See [`PipelineError`].
pub fn write(
    provider: Provider,
    manifest: Option<&Manifest>,
    options: &Options,
    existing: Option<&str>,
) -> Result<String, PipelineError> {
    let fresh = match (options.purpose, provider, manifest) {
        (Purpose::Taskdef, Provider::Bitbucket, _) | (Purpose::Manifest, Provider::Bitbucket, None) => {
            taskdef::bitbucket(options)
        }
        (Purpose::Taskdef, other, _) | (Purpose::Manifest, other, None) => {
            return Err(PipelineError::NoTaskdef { provider: other.word() });
        }
        (Purpose::Manifest, Provider::Bitbucket, Some(manifest)) => bitbucket(manifest, options)?,
        (Purpose::Manifest, Provider::Github, Some(manifest)) => github(manifest, options)?,
        (Purpose::Manifest, Provider::Gitlab, Some(manifest)) => gitlab(manifest, options)?,
    };
    Ok(match existing {
        Some(existing) => kept::keep(&fresh, existing)?,
        None => kept::signed(&fresh),
    })
}

/// Returns `bitbucket-pipelines.yml`.
///
/// # Errors
/// A stage is not there.
pub fn bitbucket(manifest: &Manifest, options: &Options) -> Result<String, PipelineError> {
    Ok(bitbucket::text(&settle(manifest, options)?))
}

/// Returns `.github/workflows/managr.yml`.
///
/// # Errors
/// A stage is not there.
pub fn github(manifest: &Manifest, options: &Options) -> Result<String, PipelineError> {
    Ok(github::text(&settle(manifest, options)?))
}

/// Returns `.gitlab-ci.yml`.
///
/// # Errors
/// A stage is not there.
pub fn gitlab(manifest: &Manifest, options: &Options) -> Result<String, PipelineError> {
    Ok(gitlab::text(&settle(manifest, options)?))
}

/// Returns whether a branch, or a pattern of tags, means nothing else in YAML or in a shell.
pub fn is_pattern(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "._/*?+-".contains(c);
    !text.is_empty() && text.chars().all(is_good)
}

/// Returns whether a text was written here.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(options::MADE_BY)
}

fn settle<'a>(manifest: &'a Manifest, options: &'a Options) -> Result<Plan<'a>, PipelineError> {
    let words = options.words(manifest.pipeline.as_ref());
    let names = || manifest.stages.names().filter(|name| *name != LOCAL).map(str::to_owned).collect::<Vec<_>>();
    let find = |named: &Option<String>, usual: &[&str]| match named {
        Some(stage) => match manifest.stages.names().find(|name| name == stage && *name != LOCAL) {
            Some(found) => Ok(Some(found)),
            None => Err(PipelineError::NoStage { stage: stage.clone(), stages: names() }),
        },
        None => Ok(manifest.stages.names().find(|name| usual.contains(name))),
    };
    let staging = find(&words.staging, &["staging", "stage"])?;
    let production = find(&words.production, &["prod", "production"])?;
    if staging.is_none() && production.is_none() {
        return Err(PipelineError::NoStages { stages: names() });
    }
    let production = production.map(|stage| Production {
        stage,
        way: match &words.production_branch {
            None => Way::Tags,
            Some(branch) if staging.is_some() && *branch == words.branch => Way::SameBranch,
            Some(_) => Way::Branch,
        },
        from: staging.filter(|from| takes_over(manifest, from, stage)),
    });
    Ok(Plan { options, words, staging, production, previews: manifest.previews.as_ref() })
}

/// Whether production's images are those of staging, and found by the tags that staging gives them.
fn takes_over(manifest: &Manifest, staging: &str, production: &str) -> bool {
    let template = manifest.stages.get(staging).and_then(|stage| stage.tag.as_deref()).unwrap_or("{stage}-{commit}");
    let built = |stage: &str, image: &str| {
        let differs = manifest.stages.get(stage)?.images.get(image)?;
        (!differs.args.is_empty() || differs.target.is_some()).then(|| (differs.args.clone(), differs.target.clone()))
    };
    let mut images = manifest.images.names().peekable();
    let is_any_alike = images.peek().is_none() || images.any(|image| built(staging, image) == built(production, image));
    tag::is_of_commit(template) && is_any_alike
}
