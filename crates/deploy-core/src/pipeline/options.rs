//! How was a file asked for? Kept in its head, so that it can be written again without being told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PipelineError, Provider, kept};
use crate::manifest::Pipeline;

/// How every file of ours begins.
pub(super) const MADE_BY: &str = "# Made by `managr pipeline ";

/// What precedes the options.
const OPTIONS: &str = "# managr-options: ";

/// How a pipeline proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// By a token of its own for each run: no long-lived key.
    #[default]
    Oidc,
    /// By `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    Keys,
}

impl Auth {
    /// Returns the word of the manifest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Keys => "keys",
        }
    }
}

/// What is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The manifest.
    #[default]
    Manifest,
    /// Another image in a task definition that no manifest describes.
    Taskdef,
}

/// How a file is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Options {
    /// How the pipeline proves who it is.
    pub auth: Auth,
    /// Branch that goes to staging.
    pub branch: String,
    /// Tags that go to production.
    pub tags: String,
    /// Stage of the branch; none: the one called `staging`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging: Option<String>,
    /// Stage of tags; none: the one called `prod` or `production`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production: Option<String>,
    /// Branch that goes to production, in place of tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production_branch: Option<String>,
    /// Command that puts `managr` on the PATH; none: downloads it if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// The manifest, from the top of the repository; none: `managr.toml` there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What is deployed.
    #[serde(rename = "for")]
    pub purpose: Purpose,
    /// Container whose image is another one, for [`Purpose::Taskdef`]; none: `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auth: Auth::default(),
            branch: "main".to_owned(),
            tags: "v*".to_owned(),
            staging: None,
            production: None,
            production_branch: None,
            install: None,
            file: None,
            purpose: Purpose::default(),
            container: None,
        }
    }
}

impl Options {
    /// Returns the options that a file was written with; none when it does not say, or says what is none.
    pub fn of(text: &str) -> Option<Self> {
        let said = text.lines().take(12).find_map(|line| line.strip_prefix(OPTIONS))?;
        serde_json::from_str(said).ok()
    }

    /// Returns what a file is written from: the manifest's words, and where it has none, what was asked for.
    pub(super) fn words(&self, said: Option<&Pipeline>) -> Words {
        let said = said.cloned().unwrap_or_default();
        Words {
            auth: said.auth.unwrap_or(self.auth),
            branch: said.branch.unwrap_or_else(|| self.branch.clone()),
            tags: said.tags.unwrap_or_else(|| self.tags.clone()),
            staging: said.staging.or_else(|| self.staging.clone()),
            production: said.production.or_else(|| self.production.clone()),
            production_branch: said.production_branch.or_else(|| self.production_branch.clone()),
            approval: said.approval.unwrap_or(true),
            image: said.image,
            runners: said.runners,
            size: said.size,
            minutes: said.timeout.map(|timeout| timeout.0.div_ceil(60).max(1)),
            install: said.install.or_else(|| self.install.clone()),
            file: self.file.clone(),
        }
    }

    /// Returns the options without those that the manifest decides: a file keeps what only the file knows.
    #[must_use]
    pub fn beside(self, said: Option<&Pipeline>) -> Self {
        let (Some(said), none) = (said, Self::default()) else { return self };
        Self {
            auth: if said.auth.is_some() { none.auth } else { self.auth },
            branch: if said.branch.is_some() { none.branch } else { self.branch },
            tags: if said.tags.is_some() { none.tags } else { self.tags },
            staging: self.staging.filter(|_| said.staging.is_none()),
            production: self.production.filter(|_| said.production.is_none()),
            production_branch: self.production_branch.filter(|_| said.production_branch.is_none()),
            install: self.install.filter(|_| said.install.is_none()),
            ..self
        }
    }

    /// Refuses what contradicts the manifest: the file would say one thing today, and another after the next writing.
    ///
    /// # Errors
    /// [`PipelineError::Contradicts`].
    pub fn agree(&self, asked: &Pipeline, said: Option<&Pipeline>) -> Result<(), PipelineError> {
        let Some(said) = said else { return Ok(()) };
        let auth = |auth: Option<Auth>| auth.map(|auth| auth.word().to_owned());
        let pairs = [
            ("auth", auth(asked.auth), auth(said.auth)),
            ("branch", asked.branch.clone(), said.branch.clone()),
            ("tags", asked.tags.clone(), said.tags.clone()),
            ("staging", asked.staging.clone(), said.staging.clone()),
            ("production", asked.production.clone(), said.production.clone()),
            ("production-branch", asked.production_branch.clone(), said.production_branch.clone()),
            ("install", asked.install.clone(), said.install.clone()),
        ];
        for (word, asked, said) in pairs {
            if let (Some(asked), Some(said)) = (asked, said)
                && asked != said
            {
                return Err(PipelineError::Contradicts { word, asked, said });
            }
        }
        Ok(())
    }

    /// Returns the head of a file.
    pub(super) fn head(&self, provider: Provider) -> String {
        let said = serde_json::to_string(self).expect("options have text keys");
        let word = provider.word();
        format!(
            "{MADE_BY}{word}`. Change managr.toml and run it again; with `--check` it says whether that is due.\n\
             # What is between a mark `# managr: your ...` and its end is yours and stays; other edits are not kept.\n\
             {OPTIONS}{said}\n{}\n",
            kept::DIGEST
        )
    }
}

/// What a file is written from.
pub(super) struct Words {
    pub(super) auth: Auth,
    pub(super) branch: String,
    pub(super) tags: String,
    pub(super) staging: Option<String>,
    pub(super) production: Option<String>,
    pub(super) production_branch: Option<String>,
    pub(super) approval: bool,
    pub(super) image: Option<String>,
    pub(super) runners: Vec<String>,
    pub(super) size: Option<String>,
    /// How long a step may take.
    pub(super) minutes: Option<u32>,
    pub(super) install: Option<String>,
    pub(super) file: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_how_it_was_asked_for() {
        let options = Options { auth: Auth::Keys, install: Some("curl -f \"$X\"".to_owned()), ..Options::default() };
        let head = options.head(Provider::Bitbucket);
        assert_eq!(Options::of(&head), Some(options));
        assert!(super::super::is_ours(&head) && !super::super::is_ours("image: x\n"));
        assert_eq!(Options::of("# managr-options: {\"auth\":\"magic\"}"), None);
    }
}
