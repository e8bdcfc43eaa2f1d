//! Terraform beside a deploy: what of what it sets is Terraform's, for `plan` and `verify`.

use std::path::PathBuf;

use deploy_core::plan::Plan;
use import::terraform::{Deploy, GivenFile, Options, Seam, TerraformError, seam};
use serde::Serialize;

use super::import::{given, terraform_folder};
use crate::exit::Exit;
use crate::failure::Failure;

/// Where Terraform is.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct BesideArgs {
    /// What Terraform has made: a state, or `terraform show -json` of a state or plan; `-` is standard input
    ///
    /// Shows which of its resources own what the deploy sets, and what its next plan would revert. Values of secrets in
    /// it are dropped before anything else reads them.
    #[arg(long, value_name = "FILE")]
    state: Vec<String>,
    /// Terraform's folder: its blocks show what `ignore_changes` covers, which a state does not
    #[arg(long, value_name = "DIR", requires = "state")]
    terraform: Option<PathBuf>,
}

/// What was read of it.
#[derive(Debug)]
pub(crate) struct Beside {
    states: Vec<GivenFile>,
    folder: Option<import::Folder>,
}

impl BesideArgs {
    /// Reads what is given, before any call is made; none if nothing is.
    ///
    /// # Errors
    /// When a file cannot be read, or is no state.
    pub(crate) fn read(&self) -> Result<Option<Beside>, Failure> {
        if self.state.is_empty() {
            return Ok(None);
        }
        let states = self.state.iter().map(|path| given(path, None)).collect::<Result<_, _>>()?;
        let folder = self.terraform.as_deref().map(|dir| terraform_folder(dir, &Options::default())).transpose()?;
        let beside = Beside { states, folder };
        Ok(Some(beside))
    }
}

impl Beside {
    /// Returns what of a deploy is Terraform's.
    ///
    /// # Errors
    /// When a state is none, or the folder holds no Terraform that can be parsed.
    pub(crate) fn seam(&self, deploy: &Deploy<'_>) -> Result<Seam, Failure> {
        seam(deploy, &self.states, self.folder.as_ref()).map_err(explain)
    }

    /// The same of a plan.
    ///
    /// # Errors
    /// See [`Beside::seam`].
    pub(crate) fn of_plan(&self, desired: &deploy_core::Desired, plan: &Plan) -> Result<Seam, Failure> {
        self.seam(&Deploy { desired, services: &plan.services, schedules: &plan.schedules })
    }

    /// Returns whether blocks were looked at.
    pub(crate) fn has_blocks(&self) -> bool {
        self.folder.is_some()
    }
}

/// Returns a value as JSON with what is Terraform's beside it.
pub(crate) fn with_terraform(value: &impl Serialize, seam: &Seam) -> serde_json::Value {
    let mut json = serde_json::to_value(value).unwrap_or_default();
    json["terraform"] = serde_json::to_value(seam).unwrap_or_default();
    json
}

fn explain(error: TerraformError) -> Failure {
    let hint = match &error {
        TerraformError::Empty => "give --terraform the directory of the root module",
        _ => "`terraform state pull`, `terraform show -json` or a terraform.tfstate will do",
    };
    Failure::from_error(error).hint(hint).exit(Exit::Usage)
}
