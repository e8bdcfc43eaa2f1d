//! What every verb needs: how to talk, where the manifest is, where the platform is.

use std::path::{Path, PathBuf};
use std::process::Command;

use aws::{Client, Options};
use deploy::build::Tool;
use deploy::{ImageChoice, Wanted};
use deploy_core::desired::{Git, region};
use deploy_core::manifest::{LOCAL, Service};
use deploy_core::vars::check::{Checked, Finding, Seen, Subject};
use deploy_core::{Desired, Facts, Manifest};

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Where the embedded platform answers, unless told otherwise.
const PLATFORM: &str = "http://127.0.0.1:4566";

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
    /// Its text.
    pub(crate) text: String,
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

    /// Returns what should be in a stage, as far as it is known without a call.
    ///
    /// # Errors
    /// When there is no such stage, or its tags ask for something that git does not tell.
    pub(crate) fn outline(&self, stage: &str, registry: &str) -> Result<Desired, Failure> {
        self.with_facts(stage, Facts::local(registry))
    }

    /// Returns what should be in a stage, as far as these facts and git tell.
    ///
    /// # Errors
    /// As [`Self::outline`].
    pub(crate) fn with_facts(&self, stage: &str, facts: Facts) -> Result<Desired, Failure> {
        let facts = Facts { git: self.git(), ..facts };
        Ok(deploy_core::desired(&self.manifest, stage, &facts)?)
    }

    /// Returns what a stage's resources are called, whatever git says.
    ///
    /// # Errors
    /// When there is no such stage.
    pub(crate) fn names(&self, stage: &str) -> Result<Desired, Failure> {
        let images = self.manifest.images.names().map(|name| (name.to_owned(), name.to_owned())).collect();
        Ok(deploy_core::desired(&self.manifest, stage, &Facts { images, ..Facts::local("") })?)
    }

    /// Returns what is not consistent about the variables of stages; no stage is all of them.
    ///
    /// # Errors
    /// When there is no such stage.
    pub(crate) fn check_variables(&self, stages: &[String], seen: &Seen) -> Result<Vec<Finding>, Failure> {
        Ok(self.judge_variables(stages, seen)?.findings)
    }

    /// Returns the same, and what of it the manifest accepts.
    ///
    /// # Errors
    /// When there is no such stage.
    pub(crate) fn judge_variables(&self, stages: &[String], seen: &Seen) -> Result<Checked, Failure> {
        let subject = Subject { manifest: &self.manifest, text: &self.text, stages };
        Ok(deploy_core::vars::check::judge(subject, seen)?)
    }

    /// Returns the failure for a service that is not in a stage.
    pub(crate) fn no_such_service(&self, stage: &str, name: &str) -> Failure {
        let there = self.manifest.in_stage(stage);
        if there.services.get(name).is_some_and(Service::is_standalone) {
            let failure = Failure::new(format!("service `{name}` is standalone: nothing keeps its tasks running"));
            return failure.hint(format!("`managr run {stage} --service {name}` starts one")).exit(Exit::Usage);
        }
        if self.manifest.services.contains(name) && self.manifest.stages.contains(stage) {
            let hint = "`stages` of the service says where it is";
            return Failure::new(format!("service `{name}` is not in stage `{stage}`")).hint(hint).exit(Exit::Usage);
        }
        let known: Vec<&str> = there.services.names().collect();
        let hint = match deploy_core::suggest::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        Failure::new(format!("the manifest has no service `{name}`")).hint(hint).exit(Exit::Usage)
    }

    /// Returns the failure for a schedule that is not in a stage.
    pub(crate) fn no_such_schedule(&self, desired: &Desired, name: &str) -> Failure {
        let stage = &desired.stage;
        if self.manifest.schedules.contains(name) {
            let failure = Failure::new(format!("schedule `{name}` is not in stage `{stage}`"));
            return failure.hint("`stages` of the schedule says where it is").exit(Exit::Usage);
        }
        let known: Vec<&str> = desired.schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let hint = match deploy_core::suggest::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("stage `{stage}` has none"),
            None => format!("there are {}", known.join(", ")),
        };
        Failure::new(format!("the manifest has no schedule `{name}`")).hint(hint).exit(Exit::Usage)
    }

    /// Returns what is to be brought up.
    pub(crate) fn wanted(&self, stage: &str, tool: Option<Tool>) -> Wanted {
        Wanted {
            manifest: self.manifest.clone(),
            directory: self.directory().to_owned(),
            stage: stage.to_owned(),
            git: self.git(),
            tool,
            images: ImageChoice::default(),
            force: None,
        }
    }

    /// Asks git about the working copy.
    fn git(&self) -> Git {
        let ask = |args: &[&str]| ask_git(self.directory(), args);
        Git {
            commit: ask(&["rev-parse", "HEAD"]),
            // The pipeline knows which of a commit's tags it runs for.
            tag: pipeline_tag().or_else(|| ask(&["describe", "--tags", "--exact-match", "HEAD"])),
            branch: ask(&["branch", "--show-current"]),
            pr: pull_request(),
            // What a pipeline carries from step to step (`managr pipeline`) is in no image.
            dirty: ask(&["status", "--porcelain", "--", ".", ":(exclude).managr"]).is_some(),
        }
    }
}

/// Returns what git says, if it says anything.
pub(crate) fn ask_git(directory: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).current_dir(directory).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

/// Returns the tag that a pipeline runs for, if it runs for one.
fn pipeline_tag() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let github = || variable("GITHUB_REF")?.strip_prefix("refs/tags/").map(str::to_owned);
    variable("BITBUCKET_TAG").or_else(|| variable("CI_COMMIT_TAG")).or_else(github)
}

/// Returns the number of the pull request, as the pipeline says.
fn pull_request() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // refs/pull/NUMBER/merge, in a workflow of a pull request.
    let github = || variable("GITHUB_REF")?.strip_prefix("refs/pull/")?.split('/').next().map(str::to_owned);
    variable("BITBUCKET_PR_ID").or_else(|| variable("CI_MERGE_REQUEST_IID")).or_else(github)
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
        Ok(Project { path, text, manifest })
    }

    /// Returns where the embedded platform answers.
    pub(crate) fn endpoint(&self) -> &str {
        self.global.endpoint.as_deref().unwrap_or(PLATFORM)
    }

    /// Returns a client of the platform on this machine.
    ///
    /// # Errors
    /// When HTTPS cannot be set up.
    pub(crate) fn client(&self, region: &str) -> Result<Client, Failure> {
        Ok(Client::new(Options::local(self.endpoint(), region))?)
    }

    /// Returns a client of the endpoint of a stage: the platform of this machine for the local one, AWS (or what
    /// `AWS_ENDPOINT_URL` names) for the others, unless an endpoint was given.
    ///
    /// # Errors
    /// When HTTPS cannot be set up.
    pub(crate) fn client_of(&self, stage: &str, region: &str) -> Result<Client, Failure> {
        if stage == LOCAL { self.client(region) } else { self.client_of_aws(region) }
    }

    /// Returns a client of AWS, unless an endpoint was given.
    ///
    /// # Errors
    /// When HTTPS cannot be set up.
    pub(crate) fn client_of_aws(&self, region: &str) -> Result<Client, Failure> {
        let options = match &self.global.endpoint {
            Some(url) if aws::endpoint::is_loopback(url) => Options::local(url.clone(), region),
            Some(url) => Options { endpoint: Some(url.clone()), ..Options::aws(region) },
            None => Options::aws(region),
        };
        Ok(Client::new(options)?)
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
