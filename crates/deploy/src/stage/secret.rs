//! The stage's secret: which keys get a value from its file or a made-up one. A stage whose
//! values come from nowhere here is left to whoever keeps its secret.

use std::collections::BTreeMap;
use std::path::Path;

use aws::{Client, SECRETS};
use deploy_core::desired::{Desired, SecretKey};
use deploy_core::manifest::LOCAL;
use deploy_core::plan::ObservedSecret;
use deploy_core::vars::dotenv;
use serde_json::json;

use super::Wanted;
use crate::error::UpError;
use crate::event::{Event, Events, Outcome};
use crate::observe::{self, object, text};
use crate::secrets::{self, Key, Settled, settle};

/// Returns what will become of a stage's secret; no value leaves this function.
///
/// # Errors
/// Keys that have no value from anywhere; a file that cannot be read.
pub(super) async fn look(client: &Client, wanted: &Wanted, desired: &Desired) -> Result<ObservedSecret, UpError> {
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
    let settled = settled(&spec.name, &spec.keys, file, &wanted.directory, kept.as_deref())?;
    let changes = if settled.changed { settled.keys } else { Vec::new() };
    Ok(ObservedSecret { arn, changes })
}

/// Brings a secret to have every key; returns its ARN.
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
) -> Result<String, UpError> {
    let found = observe::secret(client, name).await?;
    let kept = match found {
        Some(_) => observe::secret_text(client, name).await?,
        None => None,
    };
    let settled = settled(name, keys, file, directory, kept.as_deref())?;
    let token = secrets::random().map_err(|error| UpError::Random { reason: error.to_string() })?;
    let (arn, outcome) = match &found {
        None => {
            let input = object(json!({ "Name": name, "SecretString": settled.text, "ClientRequestToken": token }));
            let answer = client.call(&SECRETS, "CreateSecret", input).await?;
            (text(&answer, "ARN").to_owned(), Outcome::Created)
        }
        Some(secret) if settled.changed => {
            let input = object(json!({ "SecretId": name, "SecretString": settled.text, "ClientRequestToken": token }));
            client.call(&SECRETS, "PutSecretValue", input).await?;
            (text(secret, "ARN").to_owned(), Outcome::Updated)
        }
        Some(secret) => (text(secret, "ARN").to_owned(), Outcome::Unchanged),
    };
    events.resource(outcome, "secret", name);
    for key in &settled.generated {
        events.emit(Event::Warning { message: format!("a random value was made up for the secret {key}") });
    }
    Ok(arn)
}

fn settled(
    name: &str,
    keys: &[SecretKey],
    file: Option<&str>,
    directory: &Path,
    kept: Option<&str>,
) -> Result<Settled, UpError> {
    let given = given(file, directory)?;
    let keys: Vec<Key> = keys.iter().map(|key| Key { name: key.key.clone(), generate: key.generate }).collect();
    // Drawn beforehand, so that settling stays pure; unused ones are thrown away.
    let mut drawn = Vec::with_capacity(keys.len());
    for _ in &keys {
        drawn.push(secrets::random().map_err(|error| UpError::Random { reason: error.to_string() })?);
    }
    settle(&keys, &given, kept, || drawn.pop().unwrap_or_default()).map_err(|keys| UpError::SecretsMissing {
        secret: name.to_owned(),
        keys,
        file: file.map(str::to_owned),
    })
}

fn given(file: Option<&str>, directory: &Path) -> Result<BTreeMap<String, String>, UpError> {
    let Some(file) = file else { return Ok(BTreeMap::new()) };
    let path = directory.join(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(UpError::SecretsFile { path, source }),
    };
    let entries = dotenv::read(&text).map_err(|source| UpError::SecretsLine { path, source })?;
    Ok(entries.into_iter().map(|entry| (entry.name, entry.value)).collect())
}
