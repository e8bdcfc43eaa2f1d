//! The stage's secret: which keys get a value from its file or a made-up one. A stage whose values come from nowhere
//! here is left to the owner of its secret.

use std::collections::BTreeMap;
use std::path::Path;

use aws::Client;
use deploy_core::desired::{Desired, SecretKey};
use deploy_core::manifest::LOCAL;
use deploy_core::plan::ObservedSecret;
use deploy_core::vars::dotenv;
use deploy_core::vars::json::NotAnObject;

use super::Wanted;
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::observe::{self, text};
use crate::secrets::{self, Key, Settled, Unsettled, settle};
use crate::vars::secret::{self, SecretError};

/// Returns what will become of a stage's secret; no value leaves this function.
///
/// # Errors
/// Keys that have no value from anywhere; a file that cannot be read.
pub(super) async fn look(client: &Client, wanted: &Wanted, desired: &Desired) -> Result<ObservedSecret, StageError> {
    let Some(spec) = &desired.secret else { return Ok(ObservedSecret::default()) };
    let found = observe::secret(client, &spec.name).await?;
    let arn = found.map(|secret| text(&secret, "ARN").to_owned());
    // Elsewhere values are kept in Secrets Manager, and never read without being asked to.
    if wanted.stage != LOCAL && desired.secrets_file.is_none() {
        return Ok(ObservedSecret { arn, changes: Vec::new() });
    }
    let kept = match arn {
        Some(_) => observe::secret_text(client, &spec.name).await?,
        None => None,
    };
    let file = desired.secrets_file.as_deref();
    let settled = settled(&spec.name, &spec.keys, file, &wanted.directory, kept.as_deref().unwrap_or("{}"))?;
    Ok(ObservedSecret { arn, changes: settled.keys })
}

/// Brings a secret to have every key; returns its ARN. Who sets another value of it meanwhile loses nothing: the file
/// is read again, and the keys are put into what they wrote.
///
/// # Errors
/// See [`look`]; what Secrets Manager refuses.
pub(crate) async fn ensure(
    client: &Client,
    name: &str,
    keys: &[SecretKey],
    file: Option<&str>,
    directory: &Path,
    events: &Events,
) -> Result<String, StageError> {
    let mut generated = Vec::new();
    let written = secret::change_or(client, name, |kept| {
        let settled = settled(name, keys, file, directory, kept)?;
        generated = settled.generated;
        Ok::<_, StageError>(settled.text)
    })
    .await?;
    let outcome = match written.outcome {
        secret::SecretChange::Created => ResourceChange::Created,
        secret::SecretChange::Updated => ResourceChange::Updated,
        secret::SecretChange::Unchanged => ResourceChange::Unchanged,
    };
    events.resource(outcome, "secret", name);
    for key in &generated {
        events.emit(Event::Warning { message: format!("a random value was made up for the secret {key}") });
    }
    let found = observe::secret(client, name).await?.unwrap_or_default();
    Ok(text(&found, "ARN").to_owned())
}

fn settled(
    name: &str,
    keys: &[SecretKey],
    file: Option<&str>,
    directory: &Path,
    kept: &str,
) -> Result<Settled, StageError> {
    let given = given(file, directory)?;
    let keys: Vec<Key> = keys.iter().map(|key| Key { name: key.key.clone(), generate: key.generate }).collect();
    // Drawn beforehand, so that settling stays pure; unused ones are thrown away.
    let mut drawn = Vec::with_capacity(keys.len());
    for _ in &keys {
        drawn.push(secrets::random().map_err(|error| StageError::Random { reason: error.to_string() })?);
    }
    settle(&keys, &given, kept, || drawn.pop().unwrap_or_default()).map_err(|unsettled| match unsettled {
        Unsettled::Missing(keys) => {
            StageError::SecretsMissing { secret: name.to_owned(), keys, file: file.map(str::to_owned) }
        }
        Unsettled::NotAnObject => SecretError::NotAnObject { name: name.to_owned(), source: NotAnObject }.into(),
    })
}

fn given(file: Option<&str>, directory: &Path) -> Result<BTreeMap<String, String>, StageError> {
    let Some(file) = file else { return Ok(BTreeMap::new()) };
    let path = directory.join(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(StageError::SecretsFile { path, source }),
    };
    let entries = dotenv::read(&text).map_err(|source| StageError::SecretsLine { path, source })?;
    Ok(entries.into_iter().map(|entry| (entry.name, entry.value)).collect())
}
