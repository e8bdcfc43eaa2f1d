//! From a Terraform folder: what would its task definitions be, stage by stage?
//!
//! Nothing is asked of AWS and nothing of Terraform: files are parsed (`files`), values looked up (`scope`) and
//! evaluated (`eval`, `functions`, `template`), stage by stage (`stages`), and the resources that managr has words
//! for are turned into AWS's documents (`resources`). What only AWS can tell is an unknown value with an address
//! (`value`), and is listed. Values that are sensitive (`sensitive`) never get into what is found.

mod budget;
mod computed;
mod convert;
mod eval;
mod files;
mod functions;
#[cfg(test)]
mod held;
mod json;
#[cfg_attr(not(test), allow(dead_code, reason = "the ledger reads it"))]
mod leaves;
mod names;
mod reference;
mod region;
mod resources;
#[cfg_attr(not(test), allow(dead_code, reason = "readers of resources ask for defaults"))]
mod schema;
mod scope;
mod sensitive;
mod stages;
mod syntax;
mod template;
mod truth;
mod value;
mod variables;

pub use self::resources::owned::{Deploy, Owned, Paste, Seam, Turn};

use std::collections::BTreeSet;

use crate::facts::NO_ACCOUNT;
use crate::{Folder, Found, Place};

/// What the folder does not tell.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the application. Default: what its variables or its families say.
    pub app: Option<String>,
    /// AWS region. Default: the provider's.
    pub region: Option<String>,
    /// AWS account. Default: the one in the values of its variables.
    pub account: Option<String>,
    /// Name of the stage, if the folder describes one and does not name it.
    pub stage: Option<String>,
    /// What the folder is called: `envs/staging` is a stage where nothing in it says so.
    pub folder: Option<String>,
    /// Names in AWS that the folder does not tell, by the address of what has them: `aws_lb_target_group.web`.
    pub names: std::collections::BTreeMap<String, String>,
    /// Files of variables that are given by name, in their order (`-var-file`).
    pub var_files: Vec<GivenFile>,
    /// Values of variables that are given by name (`-var`), as they were written.
    pub vars: Vec<(String, String)>,
    /// States and plans as JSON: what Terraform itself found out.
    pub states: Vec<GivenFile>,
}

/// A file that is given beside the folder.
#[derive(Clone, Default)]
pub struct GivenFile {
    /// The only stage that it is for, if the caller says.
    pub stage: Option<String>,
    /// What it is called.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl std::fmt::Debug for GivenFile {
    /// A state may hold values of secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, path, text } = self;
        write!(f, "GivenFile({stage:?}, {path:?}, {} bytes)", text.len())
    }
}

/// Why a Terraform folder could not be read. It never holds a value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TerraformError {
    /// A file is not Terraform's language.
    #[error("{place}: {why}")]
    Syntax {
        /// File and line.
        place: Place,
        /// What the parser says.
        why: String,
    },
    /// Its expressions make more than may be made.
    #[error("{place}: {why}: this is no folder that can be imported")]
    TooMuch {
        /// File and line of the value.
        place: Place,
        /// Which limit was met.
        why: String,
    },
    /// Which of several root modules is meant?
    #[error(
        "there are {} root modules with something that ECS runs: {}: import one of them by its own folder, such as `managr import terraform FOLDER/{}`",
        .0.len(), .0.join(", "), .0[0]
    )]
    Roots(Vec<String>),
    /// Which stage is a state of?
    #[error("which stage is {path} of? give it as STAGE={path}, with one of: {}", .stages.join(", "))]
    StateOfWhich {
        /// The state.
        path: String,
        /// The stages that there are.
        stages: Vec<String>,
    },
    /// There is no `.tf` file.
    #[error("there is no .tf file in the folder")]
    Empty,
    /// There is nothing that managr could run.
    #[error("there is no aws_ecs_task_definition in the folder")]
    NoTaskDefinition,
}

/// Returns what a folder's resources would be in AWS, as far as that is known without it.
pub fn read(folder: &Folder, options: &Options) -> Result<Found, TerraformError> {
    let files = files::parse(folder)?;
    let found = resources::found(folder, &files, options);
    files.budget.fault()?; // what was found is then only a part
    found
}

/// How often what a folder names is looked for: a module may name a module that names a template; real folders stop
/// there.
const ROUNDS: usize = 8;

/// The same, with what it names outside of itself: `fetch` is given paths that begin with `..`, and returns the files that
/// are there, under those paths.
///
/// # Errors
/// The first of `fetch`.
pub fn read_with<E>(
    folder: &mut Folder,
    options: &Options,
    mut fetch: impl FnMut(&BTreeSet<String>) -> Result<Folder, E>,
) -> Result<Result<Found, TerraformError>, E> {
    let mut seen = BTreeSet::new();
    for round in 0..=ROUNDS {
        let files = match files::parse(folder) {
            Ok(files) => files,
            Err(error) => return Ok(Err(error)),
        };
        let found = resources::found(folder, &files, options);
        let wanted = files.wanted.take().into_iter().filter(|path| path.starts_with("../"));
        let new: BTreeSet<String> = wanted.filter(|path| seen.insert(path.clone())).collect();
        let more = if new.is_empty() || round == ROUNDS { Folder::new() } else { fetch(&new)? };
        if more.is_empty() {
            return Ok(files.budget.fault().and(found)); // what was found is then only a part
        }
        folder.extend(more);
    }
    Ok(read(folder, options))
}

/// Returns the files and directories outside of a folder that it names: templates and modules that lie beside it.
/// Their paths begin with `..`; put what is there into the folder under those paths, and read it then.
pub fn wanted(folder: &Folder, options: &Options) -> BTreeSet<String> {
    let Ok(files) = files::parse(folder) else { return BTreeSet::new() };
    let _ = resources::found(folder, &files, options); // what it makes of the rest is not asked
    let wanted = files.wanted.take();
    wanted.into_iter().filter(|path| path.starts_with("../")).collect()
}

/// Returns what of a deploy is Terraform's: which resources of the states own what it sets, and whether Terraform's next
/// plan would take that back. `folder` tells what their blocks ignore; a state does not.
///
/// # Errors
/// When a state is none, or the folder holds no Terraform.
pub fn seam(deploy: &Deploy<'_>, states: &[GivenFile], folder: Option<&Folder>) -> Result<Seam, TerraformError> {
    let files = folder.map(files::parse).transpose()?;
    if let Some(fault) = files.iter().flat_map(|files| files.modules.values()).find_map(|module| module.fault.clone()) {
        return Err(fault);
    }
    let truth = truth::Truth::read(&states.iter().collect::<Vec<_>>())?;
    Ok(resources::owned::seam(deploy, &truth, files.as_ref()))
}
