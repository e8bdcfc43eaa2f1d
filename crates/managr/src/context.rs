//! What every verb needs: how to talk, where the manifest is, where the platform is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aws::{Client, Options};
use deploy::Wanted;
use deploy::build::Tool;
use deploy_core::desired::{Git, region};
use deploy_core::manifest::LOCAL;
use deploy_core::{Desired, Facts, Manifest};

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Name of the manifest.
const FILE: &str = "managr.toml";

/// What every verb needs.
#[derive(Debug)]
pub(crate) struct Context {
    /// How this run talks.
    pub(crate) ui: Ui,
    /// What was said for every verb.
    pub(crate) global: Global,
}

/// A manifest and where it was found.
#[derive(Debug)]
pub(crate) struct Project {
    /// The file.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) manifest: Manifest,
}

impl Project {
    /// Returns the directory that paths in the manifest start from.
    pub(crate) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// Returns the path as the user knows it.
    pub(crate) fn shown_path(&self) -> String {
        shown(&self.path)
    }

    /// Returns the region of a stage.
    pub(crate) fn region(&self, stage: &str) -> String {
        region(&self.manifest, stage).to_owned()
    }

    /// Returns what should be in a stage, as far as it can be told without asking anybody.
    ///
    /// # Errors
    /// When there is no such stage, or its tags ask for something that git does not tell.
    pub(crate) fn outline(&self, stage: &str, registry: &str) -> Result<Desired, Failure> {
        let facts = Facts { git: self.git(stage), ..Facts::local(registry) };
        Ok(deploy_core::desired(&self.manifest, stage, &facts)?)
    }

    /// Returns what is to be brought up.
    pub(crate) fn wanted(&self, stage: &str, tool: Option<Tool>) -> Wanted {
        Wanted {
            manifest: self.manifest.clone(),
            directory: self.directory().to_owned(),
            stage: stage.to_owned(),
            git: self.git(stage),
            tool,
            limit: Duration::from_secs(300),
        }
    }

    /// Asks git about the working copy. The local stage's tags do not depend on it unless
    /// its manifest says so.
    fn git(&self, stage: &str) -> Git {
        let has_template = self.manifest.stages.get(stage).is_some_and(|stage| stage.tag.is_some());
        if stage == LOCAL && !has_template {
            return Git::default();
        }
        let ask = |args: &[&str]| {
            let output = Command::new("git").args(args).current_dir(self.directory()).output().ok()?;
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (output.status.success() && !said.is_empty()).then_some(said)
        };
        Git {
            commit: ask(&["rev-parse", "HEAD"]),
            tag: ask(&["describe", "--tags", "--exact-match", "HEAD"]),
            branch: ask(&["branch", "--show-current"]),
            pr: std::env::var("BITBUCKET_PR_ID").ok(),
        }
    }
}

/// Returns the `host:port` of the registry that a platform's endpoint also is.
pub(crate) fn registry_of(endpoint: &str) -> String {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}

fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    relative.unwrap_or_else(|| path.to_owned()).display().to_string()
}

impl Context {
    /// Finds and reads the manifest.
    ///
    /// # Errors
    /// Says where it was looked for, or everything that is wrong with it (exit 2).
    pub(crate) fn project(&self) -> Result<Project, Failure> {
        let path = match &self.global.file {
            Some(path) => path.clone(),
            None => find()?,
        };
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::new(format!("could not read the manifest {}: {error}", shown(&path))).exit(Exit::Usage)
        })?;
        let manifest = deploy_core::parse(&shown(&path), &text)?;
        Ok(Project { path, manifest })
    }

    /// Returns a client of the platform.
    ///
    /// # Errors
    /// When HTTPS cannot be set up.
    pub(crate) fn client(&self, region: &str) -> Result<Client, Failure> {
        Ok(Client::new(Options::local(self.global.endpoint.clone(), region))?)
    }
}

/// Looks for the manifest here and in every directory above.
fn find() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(format!("could not tell the current directory: {error}")))?;
    let found = here.ancestors().map(|directory| directory.join(FILE)).find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new(format!("there is no {FILE} in {} or in a directory above it", here.display()))
            .hint("go to the application's directory, or name the file: `--file path/to/managr.toml`")
            .exit(Exit::Usage)
    })
}
