//! Where the values of a stage's secrets are kept: in Secrets Manager, or in the dotenv file that the stage
//! names, which wins over it at every deploy.

use std::path::PathBuf;

use aws::Client;
use deploy::vars::Hidden;
use deploy::vars::secret::{self, SecretChange, SecretError};
use deploy_core::vars::{dotenv, json};

use super::file;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::report;

/// Where the values of a stage's secrets are kept.
#[derive(Debug)]
pub(super) enum Home {
    /// A dotenv file.
    File(PathBuf),
    /// A JSON secret of Secrets Manager.
    Secret(Client, String),
}

/// What is to become of keys.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New values.
    pub(super) set: Vec<(String, Hidden)>,
    /// Keys that go.
    pub(super) unset: Vec<String>,
}

impl Home {
    /// Returns where a stage's values are.
    ///
    /// # Errors
    /// When there is no such stage.
    pub(super) fn of(cx: &Context, project: &Project, stage: &str) -> Result<Self, Failure> {
        let desired = project.names(stage)?;
        if let Some(file) = desired.secrets_file {
            return Ok(Self::File(project.directory().join(file)));
        }
        let client = cx.client_of(stage, &desired.region)?;
        Ok(Self::Secret(client, deploy_core::desired::secret_name(&project.manifest, stage)?))
    }

    /// Returns what people know it as.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Secret(_, name) => format!("the secret {name}"),
        }
    }

    /// Returns the keys and their values, in their order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn values(&self) -> Result<Vec<(String, Hidden)>, Failure> {
        let hide = |(name, value): (String, String)| (name, Hidden::new(value));
        match self {
            Self::File(path) => {
                let entries = dotenv::read(&file::read(path)?).map_err(|error| not_dotenv(path, &error))?;
                let mut values: Vec<(String, Hidden)> = Vec::new();
                for entry in entries {
                    values.retain(|(name, _)| *name != entry.name);
                    values.push(hide((entry.name, entry.value)));
                }
                Ok(values)
            }
            Self::Secret(client, name) => {
                let Some(text) = secret::read(client, name).await.map_err(report::secret)? else {
                    return Ok(Vec::new());
                };
                let source = |source| SecretError::NotAnObject { name: name.clone(), source };
                let values = json::read(text.expose()).map_err(|error| report::secret(source(error)))?;
                Ok(values.into_iter().map(hide).collect())
            }
        }
    }

    /// Changes keys, and nothing else. Returns whether anything changed.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) async fn change(&self, cx: &Context, changes: &Changes) -> Result<bool, Failure> {
        match self {
            Self::File(path) => file::change(path, |text| {
                let mut text = text.to_owned();
                for (name, value) in &changes.set {
                    text = dotenv::set(&text, name, value.expose()).map_err(|error| not_dotenv(path, &error))?;
                }
                for name in &changes.unset {
                    text = dotenv::unset(&text, name).map_err(|error| not_dotenv(path, &error))?;
                }
                Ok(text)
            }),
            Self::Secret(client, name) => {
                let written = secret::change(client, name, |text| {
                    let mut text = text.to_owned();
                    for (name, value) in &changes.set {
                        text = json::set(&text, name, value.expose())?;
                    }
                    for name in &changes.unset {
                        text = json::unset(&text, name)?;
                    }
                    Ok(text)
                });
                let written = written.await.map_err(report::secret)?;
                if written.merged > 0 {
                    cx.ui.say(&format!("{name} was changed at the same moment by another user; that change is kept"));
                }
                Ok(written.outcome != SecretChange::Unchanged)
            }
        }
    }
}

fn not_dotenv(path: &std::path::Path, error: &dotenv::DotenvError) -> Failure {
    Failure::new(format!("{}: {error}", path.display())).exit(Exit::Usage)
}
