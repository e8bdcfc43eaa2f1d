//! From the CI files that people have: Bitbucket Pipelines, GitHub Actions, GitLab CI/CD.
//!
//! A pipeline says how images are built and called, and what brings them to which stage; what runs there it does not
//! say. So the manifest that comes out has images, stages and `[pipeline]`, and the new CI file, as `managr pipeline`
//! would write it, has what is the user's own between its marks. Every leaf of what was read is accounted for
//! ([`Account`]): carried, equal, kept, or listed. No value of a secret is shown anywhere.

mod analyse;
mod bitbucket;
mod decide;
mod github;
mod gitlab;
mod images;
mod ledger;
mod manifest;
mod model;
mod recognise;
mod shapes;
mod shell;
mod summary;
mod uses;
mod words;
pub(crate) mod yaml;

use deploy_core::Manifest;
use deploy_core::manifest::Pipeline;
use deploy_core::pipeline::{self, Options, Provider};

pub use self::ledger::{Account, Fate};
pub use self::summary::Row;

use self::analyse::Seen;
use self::ledger::Ledger;
use self::model::Job;
use self::shell::Variables;
use self::yaml::{At, Node};
use crate::{Folder, Left, Place};

/// What pipelines say.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Whose they are.
    pub provider: Provider,
    /// Images, stages and the pipeline's words.
    pub manifest: Manifest,
    /// The CI file as `managr pipeline` writes it, with what is the user's own between its marks; none when there is no
    /// stage that it could deploy to.
    pub file: Option<String>,
    /// Their jobs, and what does their work afterwards.
    pub rows: Vec<Row>,
    /// What became of everything that was read.
    pub accounts: Vec<Account>,
    /// What was lost, was changed, or has to be decided.
    pub left: Vec<Left>,
}

/// Why no pipeline could be read. It never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// There is no such file.
    #[error("there is no {}", wanted.join(", "))]
    Missing {
        /// What was looked for.
        wanted: Vec<String>,
    },
    /// Files of several vendors, or several that could be meant.
    #[error("there are {}: name the one that is meant", found.join(" and "))]
    Several {
        /// What there is.
        found: Vec<String>,
    },
    /// A file is not YAML, or not a mapping.
    #[error("{}: {why}", line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")))]
    Yaml {
        /// The file.
        file: String,
        /// Line from 1, where it is known.
        line: Option<usize>,
        /// What the parser says.
        why: String,
    },
    /// The file was made by managr.
    #[error("{file} was made by `managr pipeline`: change the manifest and run that again")]
    Ours {
        /// The file.
        file: String,
    },
    /// Nothing in the file builds an image or deploys to ECS.
    #[error("nothing in {} builds an image or deploys to ECS", files.join(", "))]
    Nothing {
        /// The files.
        files: Vec<String>,
    },
}

const BITBUCKET: &str = "bitbucket-pipelines.yml";
const GITLAB: &str = ".gitlab-ci.yml";
const WORKFLOWS: &str = ".github/workflows/";

/// What is being read, and what has been learnt of it.
struct Scene {
    files: Vec<String>,
    texts: Vec<String>,
    ledger: Ledger,
    jobs: Vec<Job>,
    /// What stands between which mark of the new file, in order.
    places: Vec<(String, String)>,
    words: Pipeline,
    by_tokens: bool,
    /// Variables and triggers of each job, by its number.
    variables: Vec<Variables>,
    whens: Vec<model::When>,
}

impl Scene {
    fn place(&self, at: At) -> Place {
        let source = self.files.get(at.file).cloned().unwrap_or_default();
        Place { source, line: (at.line > 0).then_some(at.line) }
    }

    /// Returns the line in which the text of a scalar begins: that of a block is the next one.
    fn first_line(&self, node: &Node) -> usize {
        let Node { at: At { file, line, column }, .. } = *node;
        let written = self.texts.get(file).and_then(|text| text.lines().nth(line.checked_sub(1)?));
        let rest = written.and_then(|text| text.get(column.saturating_sub(1)..)).unwrap_or_default();
        line + usize::from(rest.starts_with(['|', '>']))
    }

    /// Keeps lines that are the same for several jobs once.
    fn keep_once(&mut self, mark: &str, lines: String) {
        if !self.places.iter().any(|(known, there)| known == mark && *there == lines) {
            self.keep(mark, lines);
        }
    }

    fn keep(&mut self, mark: &str, lines: String) {
        self.places.push((mark.to_owned(), lines));
    }
}

/// How pipelines are to be read.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Name of the application.
    pub app: Option<String>,
    /// The one file that is meant; none: those that the vendors look for.
    pub file: Option<String>,
}

/// Returns the files that are read of a folder, and whose they are.
///
/// # Errors
/// There is none, or it is unclear which is meant.
pub fn find(folder: &Folder, file: Option<&str>) -> Result<(Provider, Vec<String>), PipelineError> {
    let is_yaml = |path: &str| path.ends_with(".yml") || path.ends_with(".yaml");
    if let Some(file) = file {
        let text = folder.get(file).ok_or_else(|| PipelineError::Missing { wanted: vec![file.to_owned()] })?;
        return Ok((vendor(file, text), vec![file.to_owned()]));
    }
    let workflows: Vec<String> = folder
        .keys()
        .filter(|path| path.strip_prefix(WORKFLOWS).is_some_and(|name| !name.contains('/') && is_yaml(name)))
        .cloned()
        .collect();
    let mut found: Vec<(Provider, Vec<String>)> = Vec::new();
    for (provider, file) in [(Provider::Bitbucket, BITBUCKET), (Provider::Gitlab, GITLAB)] {
        if folder.contains_key(file) {
            found.push((provider, vec![file.to_owned()]));
        }
    }
    if !workflows.is_empty() {
        found.push((Provider::Github, workflows));
    }
    match found.len() {
        0 => Err(PipelineError::Missing {
            wanted: vec![BITBUCKET.to_owned(), format!("{WORKFLOWS}*.yml"), GITLAB.to_owned()],
        }),
        1 => Ok(found.remove(0)),
        _ => Err(PipelineError::Several { found: found.into_iter().flat_map(|(_, files)| files).collect() }),
    }
}

/// Tells whose a file is, by its name and by its keys.
fn vendor(file: &str, text: &str) -> Provider {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    if file.ends_with(BITBUCKET) || (has("pipelines:") && !has("jobs:")) {
        Provider::Bitbucket
    } else if file.contains(WORKFLOWS) || (has("jobs:") && (has("on:") || has("\"on\":") || has("'on':"))) {
        Provider::Github
    } else {
        Provider::Gitlab
    }
}

/// Reads pipelines. The folder needs the files themselves, and what GitLab's `include` names by `local`.
///
/// # Errors
/// See [`PipelineError`].
pub fn read(folder: &Folder, asked: &Asked) -> Result<Imported, PipelineError> {
    let (provider, mut files) = find(folder, asked.file.as_deref())?;
    if provider == Provider::Gitlab {
        gitlab::follow(folder, &mut files);
    }
    let texts: Vec<String> = files.iter().filter_map(|file| folder.get(file).cloned()).collect();
    if let Some(index) = texts.iter().position(|text| pipeline::is_ours(text)) {
        // A workflow that managr wrote is not read again; the others may be.
        let is_alone = files.len() == 1 || provider != Provider::Github;
        if is_alone {
            return Err(PipelineError::Ours { file: files.swap_remove(index) });
        }
    }
    let mut scene = Scene {
        ledger: Ledger::default(),
        jobs: Vec::new(),
        places: Vec::new(),
        words: Pipeline::default(),
        by_tokens: false,
        variables: Vec::new(),
        whens: Vec::new(),
        files,
        texts,
    };
    let mut roots = Vec::new();
    for (number, text) in scene.texts.iter().enumerate() {
        roots.push(yaml::parse(&scene.files[number], number, text)?);
    }
    match provider {
        Provider::Bitbucket => bitbucket::read(&mut scene, &roots[0]),
        Provider::Github => github::read(&mut scene, &roots),
        Provider::Gitlab => gitlab::read(&mut scene, &roots),
    }
    let jobs = scene.jobs.clone();
    let seen = analyse_all(&mut scene, &jobs);
    by_branch(&mut scene, &jobs, &seen);
    let jobs = scene.jobs.clone();
    let seen = analyse_all(&mut scene, &jobs);
    if !seen.iter().any(Seen::is_ours) {
        return Err(PipelineError::Nothing { files: scene.files });
    }
    let decided = decide::decide(&jobs, &seen);
    let mut manifest = manifest::manifest(&mut scene, &jobs, &seen, &decided, asked.app.as_deref());
    words::words(&mut scene, &jobs, &decided, provider);
    match provider {
        Provider::Bitbucket => bitbucket::settle(&mut scene, &roots[0], &seen, &decided),
        Provider::Github => github::settle(&mut scene, &roots, &seen, &decided),
        Provider::Gitlab => gitlab::settle(&mut scene, &roots, &seen, &decided),
    }
    words::others(&mut scene, &jobs, &decided);
    manifest.pipeline = (scene.words != Pipeline::default()).then(|| scene.words.clone());
    let rows = summary::rows(&jobs, &seen, &decided, provider);
    let file = write(&mut scene, provider, &manifest);
    let (accounts, left) = scene.ledger.close(&scene.files);
    Ok(Imported { provider, manifest, file, rows, accounts, left })
}

/// Variables in which vendors tell the branch.
const BRANCH: [&str; 8] = [
    "BITBUCKET_BRANCH",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_REF_SLUG",
    "GITHUB_REF_NAME",
    "github.ref_name",
    "GITHUB_REF",
    "github.ref",
];

/// A job that several branches start, and that does something else for each, is a job for each.
fn by_branch(scene: &mut Scene, jobs: &[Job], seen: &[Seen]) {
    let mut all = Vec::new();
    for (job, seen) in jobs.iter().zip(seen) {
        let is_several =
            job.when.branches.len() > 1 && job.when.branches.iter().all(|branch| !branch.contains(['*', '?', '$']));
        if !seen.is_ours() || !is_several || job.when.branches.len() > 8 {
            all.push(job.clone());
            continue;
        }
        for (at, branch) in job.when.branches.iter().enumerate() {
            let mut one = job.clone();
            one.when.branches = vec![branch.clone()];
            if at > 0 {
                one.when.tags.clear();
            }
            for name in BRANCH {
                let value = if name.ends_with("REF") || name.ends_with(".ref") {
                    format!("refs/heads/{branch}")
                } else {
                    branch.clone()
                };
                one.variables.insert(name.to_owned(), value);
            }
            let known = one.variables.clone();
            for (name, value) in &mut one.variables {
                if !BRANCH.contains(&name.as_str()) {
                    *value = shell::fill(value, &known);
                }
            }
            let chosen = one.environment.map(|name| github::choice(&name, &known));
            let plain = chosen.map(|name| if name.contains('$') { shell::fill(&name, &known) } else { name });
            one.environment = plain.filter(|name| !name.contains('$'));
            all.push(one);
        }
    }
    for job in &mut all {
        if job.environment.as_ref().is_some_and(|name| name.contains('$')) {
            let why = "which environment it is depends on the run: say [stages] and [pipeline] yourself";
            scene.tell(format!("environment of {}", job.name), job.at, why);
            job.environment = None;
        }
    }
    scene.jobs = all;
}

fn analyse_all(scene: &mut Scene, jobs: &[Job]) -> Vec<Seen> {
    (scene.variables, scene.whens) = (Vec::new(), Vec::new());
    let mut handed: std::collections::BTreeMap<String, Variables> = std::collections::BTreeMap::new();
    let mut all = Vec::new();
    for job in jobs {
        let seen = analyse::analyse(job, handed.entry(job.flow.clone()).or_default());
        scene.by_tokens |= seen.by_tokens;
        scene.variables.push(job.variables.clone());
        scene.whens.push(job.when.clone());
        all.push(seen);
    }
    let tests: Vec<bool> = jobs
        .iter()
        .zip(&all)
        .map(|(job, seen)| {
            let goes = |build: &model::Build| build.pushes || !images::pushed(build, &job.flow, jobs, &all).is_empty();
            seen.pushes.is_empty() && seen.deploys.is_empty() && !seen.builds.iter().any(goes)
        })
        .collect();
    for (seen, is_test) in all.iter_mut().zip(tests) {
        seen.is_test = is_test;
    }
    all
}

/// Returns the new file, with the user's own between its marks.
fn write(scene: &mut Scene, provider: Provider, manifest: &Manifest) -> Option<String> {
    let options = Options::default();
    let fresh = match pipeline::write(provider, Some(manifest), &options, None) {
        Ok(fresh) => fresh,
        Err(error) => {
            scene.tell("managr pipeline", At::default(), format!("it cannot be written yet: {error}"));
            return None;
        }
    };
    let mut own = String::new();
    let mut done: Vec<String> = Vec::new();
    for (mark, _) in scene.places.clone() {
        if done.contains(&mark) {
            continue;
        }
        done.push(mark.clone());
        let lines: String =
            scene.places.iter().filter(|(other, _)| *other == mark).map(|(_, lines)| lines.as_str()).collect();
        let begin = format!("# managr: your {mark}");
        let Some(written) = fresh.lines().find(|line| line.trim() == begin) else {
            let why = format!("the new file has no place `your {mark}`, so that what would stand there is lost");
            scene.tell(format!("your {mark}"), At::default(), why);
            continue;
        };
        let indent = " ".repeat(written.len() - written.trim_start().len());
        own.push_str(&format!("{begin}\n"));
        for line in lines.lines() {
            let indent = if line.is_empty() { "" } else { indent.as_str() };
            own.push_str(&format!("{indent}{line}\n"));
        }
        own.push_str(&format!("# managr: end of your {mark}\n"));
    }
    match pipeline::write(provider, Some(manifest), &options, Some(&own)) {
        Ok(text) => Some(text),
        Err(error) => {
            scene.tell("managr pipeline", At::default(), format!("what is yours has no place in it: {error}"));
            Some(fresh)
        }
    }
}

/// Reads whole minutes as the manifest has them.
fn manifest_minutes(text: &str) -> Option<deploy_core::manifest::Seconds> {
    let minutes: u32 = text.parse().ok()?;
    (minutes > 0).then(|| minutes.checked_mul(60)).flatten().map(deploy_core::manifest::Seconds)
}
