//! How was a file asked for? Kept in its head, so that it can be written again without being told.

use serde::{Deserialize, Serialize};

use super::Provider;

/// How every file of ours begins.
pub(super) const MADE_BY: &str = "# Made by `managr pipeline ";

/// What precedes the options.
const OPTIONS: &str = "# managr-options: ";

/// How a pipeline proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// By a token of its own for each run: no long-lived key.
    #[default]
    Oidc,
    /// By `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    Keys,
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

    /// Returns the head of a file.
    pub(super) fn head(&self, provider: Provider, marks: &[&str]) -> String {
        let said = serde_json::to_string(self).expect("options have text keys");
        let marks: Vec<String> = marks.iter().map(|mark| format!("\"{mark}\"")).collect();
        let word = provider.word();
        format!(
            "{MADE_BY}{word}`. Change managr.toml and run it again; with `--check` it says whether that is due.\n\
             # What is between the marks {} is yours and stays.\n\
             {OPTIONS}{said}\n",
            marks.join(" and ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_how_it_was_asked_for() {
        let options = Options { auth: Auth::Keys, install: Some("curl -f \"$X\"".to_owned()), ..Options::default() };
        let head = options.head(Provider::Bitbucket, &["your tests"]);
        assert_eq!(Options::of(&head), Some(options));
        assert!(super::super::is_ours(&head) && !super::super::is_ours("image: x\n"));
        assert_eq!(Options::of("# managr-options: {\"auth\":\"magic\"}"), None);
    }
}
