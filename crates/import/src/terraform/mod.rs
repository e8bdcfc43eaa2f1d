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
mod json;
#[cfg_attr(not(test), allow(dead_code, reason = "the ledger reads it"))]
mod leaves;
mod names;
mod reference;
mod resources;
#[cfg_attr(not(test), allow(dead_code, reason = "readers of resources ask for defaults"))]
mod schema;
mod scope;
mod sensitive;
mod stages;
mod template;
mod value;

use crate::{Folder, Found, Place};

/// Stands for an account that nothing tells.
const NO_ACCOUNT: &str = "000000000000";

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
    /// Names in AWS that the folder does not tell, by the address of what has them: `aws_lb_target_group.web`.
    pub names: std::collections::BTreeMap<String, String>,
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
    /// There is no `.tf` file.
    #[error("there is no .tf file in the folder")]
    Empty,
    /// There is nothing that managr could run.
    #[error("there is no aws_ecs_task_definition in the folder")]
    NoTaskDefinition,
}

/// Returns what a folder's resources would be in AWS, as far as that can be told without it.
pub fn read(folder: &Folder, options: &Options) -> Result<Found, TerraformError> {
    let files = files::parse(folder)?;
    let found = resources::found(folder, &files, options);
    files.budget.fault()?; // what was found is then only a part
    found
}
