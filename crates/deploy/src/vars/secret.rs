//! How does a JSON secret change without losing what another user writes at the same time?
//!
//! Secrets Manager has no "put if unchanged". It has labels, and moving one that is attached fails unless
//! the version that loses it is named rightly (API reference, UpdateSecretVersionStage,
//! `RemoveFromVersionId`: "If the label is attached and you either do not specify this parameter, or the
//! version ID does not match, then the operation fails"). So the new version is put under a label of ours,
//! where no task sees it, and then `AWSCURRENT` is moved to it from the version that was read: a user who was
//! first meanwhile makes that fail, and the change is made again on top of theirs.

use aws::{CallError, Client, SECRETS};
use aws_model::Document;
use deploy_core::vars::json::NotAnObject;
use serde_json::{Value, json};

use super::Hidden;
use crate::observe::{self, object, text};
use crate::secrets::random;

/// Label of a version that is not current yet. One for all: a secret can have twenty labels at most, and a
/// version that loses it to another writer is kept long enough (Secrets Manager keeps what is younger than a
/// day; user guide, "Secrets Manager secret versions").
const PENDING: &str = "managr-pending";
const CURRENT: &str = "AWSCURRENT";

/// How often a change is made again because another writer was first.
const ATTEMPTS: usize = 50;

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Whether the secret was not there, was changed, or was so already.
    pub outcome: SecretChange,
    /// How often another writer was first, so that the change was made again on top of theirs.
    pub merged: usize,
}

/// Whether something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretChange {
    /// The secret was made.
    Created,
    /// It has a new version.
    Updated,
    /// It was so already.
    Unchanged,
}

/// Why a secret was not changed. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It holds something else than variables.
    #[error("the secret `{name}` cannot be changed: {source}")]
    NotAnObject {
        /// Its name.
        name: String,
        /// What is wrong.
        source: NotAnObject,
    },
    /// It is about to be deleted.
    #[error("the secret `{name}` is marked for deletion")]
    Deleted {
        /// Its name.
        name: String,
    },
    /// Others never stopped writing.
    #[error("the secret `{name}` was changed by another user {ATTEMPTS} times in a row")]
    Busy {
        /// Its name.
        name: String,
    },
    /// The machine has no randomness for the version's name.
    #[error("no random numbers for the name of a version: {reason}")]
    Random {
        /// The system's words.
        reason: String,
    },
}

/// What a secret is now.
struct Kept {
    version: String,
    text: Hidden,
}

/// Returns a secret's text; none if it is not there, or has no value yet.
///
/// # Errors
/// See [`SecretError`].
pub async fn read(client: &Client, name: &str) -> Result<Option<Hidden>, SecretError> {
    Ok(kept(client, name).await?.map(|kept| kept.text))
}

/// Changes a secret's text, or makes the secret; `edit` gets `{}` then. It may be called again, with what
/// another user wrote meanwhile.
///
/// # Errors
/// See [`SecretError`].
pub async fn change(
    client: &Client,
    name: &str,
    mut edit: impl FnMut(&str) -> Result<String, NotAnObject>,
) -> Result<Written, SecretError> {
    let not_an_object = |source| SecretError::NotAnObject { name: name.to_owned(), source };
    change_or(client, name, |before| edit(before).map_err(not_an_object)).await
}

/// As [`change`], by an edit that may fail for reasons of its own.
///
/// # Errors
/// The edit's, and see [`SecretError`].
pub async fn change_or<E: From<SecretError>>(
    client: &Client,
    name: &str,
    mut edit: impl FnMut(&str) -> Result<String, E>,
) -> Result<Written, E> {
    for merged in 0..ATTEMPTS {
        let kept = kept(client, name).await?;
        let before = kept.as_ref().map_or("{}", |kept| kept.text.expose());
        let after = edit(before)?;
        if after == before {
            return Ok(Written { outcome: SecretChange::Unchanged, merged });
        }
        let token = random().map_err(|error| SecretError::Random { reason: error.to_string() })?;
        let is_there = kept.is_some() || observe::secret(client, name).await.map_err(SecretError::from)?.is_some();
        let done = match is_there {
            true => put(client, name, kept.as_ref().map(|kept| kept.version.as_str()), &token, &after).await?,
            false => create(client, name, &token, &after).await?,
        };
        if let Some(outcome) = done {
            return Ok(Written { outcome, merged });
        }
    }
    Err(SecretError::Busy { name: name.to_owned() }.into())
}

async fn kept(client: &Client, name: &str) -> Result<Option<Kept>, SecretError> {
    let answer = client.call(&SECRETS, "GetSecretValue", object(json!({ "SecretId": name }))).await;
    match answer {
        Ok(answer) => {
            let value = answer.get("SecretString").and_then(Value::as_str);
            let value = value.ok_or(SecretError::NotAnObject { name: name.to_owned(), source: NotAnObject })?;
            Ok(Some(Kept { version: text(&answer, "VersionId").to_owned(), text: Hidden::new(value) }))
        }
        Err(error) if error.is("ResourceNotFoundException") => Ok(None),
        // API reference: the code of a secret that is marked for deletion.
        Err(error) if error.is("InvalidRequestException") => match observe::secret(client, name).await? {
            Some(secret) if secret.get("DeletedDate").is_some_and(|at| !at.is_null()) => {
                Err(SecretError::Deleted { name: name.to_owned() })
            }
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Makes the secret, unless another writer was first.
async fn create(client: &Client, name: &str, token: &str, value: &str) -> Result<Option<SecretChange>, SecretError> {
    let input = object(json!({ "Name": name, "SecretString": value, "ClientRequestToken": token }));
    match client.call(&SECRETS, "CreateSecret", input).await {
        Ok(_) => Ok(Some(SecretChange::Created)),
        Err(error) if error.is("ResourceExistsException") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Adds a version and makes it the current one, unless `before` is no longer that.
async fn put(
    client: &Client,
    name: &str,
    before: Option<&str>,
    token: &str,
    value: &str,
) -> Result<Option<SecretChange>, SecretError> {
    let version =
        json!({ "SecretId": name, "SecretString": value, "ClientRequestToken": token, "VersionStages": [PENDING] });
    client.call(&SECRETS, "PutSecretValue", object(version)).await?;
    let mut moving = object(json!({ "SecretId": name, "VersionStage": CURRENT, "MoveToVersionId": token }));
    moving.extend(before.map(|before| ("RemoveFromVersionId".to_owned(), before.into())));
    let moved = client.call(&SECRETS, "UpdateSecretVersionStage", moving).await;
    let done = match moved {
        Ok(_) => true,
        Err(error) if error.code().is_some_and(|code| code.starts_with("Invalid")) => {
            let current = current(client, name).await?;
            // Ours: the call had arrived, and its answer had not.
            let is_ours = current.as_deref() == Some(token);
            if !is_ours && current.as_deref() == before {
                unlabel(client, name, token).await;
                return Err(error.into());
            }
            is_ours
        }
        Err(error) => return Err(error.into()),
    };
    unlabel(client, name, token).await;
    Ok(done.then_some(SecretChange::Updated))
}

/// Returns the version that is current.
async fn current(client: &Client, name: &str) -> Result<Option<String>, CallError> {
    let secret = observe::secret(client, name).await?.unwrap_or_default();
    let versions = secret.get("VersionIdsToStages").and_then(Value::as_object).cloned().unwrap_or_else(Document::new);
    let has = |labels: &Value| labels.as_array().is_some_and(|labels| labels.iter().any(|label| label == CURRENT));
    Ok(versions.into_iter().find(|(_, labels)| has(labels)).map(|(version, _)| version))
}

/// Takes our label off. That it stays, or that another writer has it by now, does no harm.
async fn unlabel(client: &Client, name: &str, token: &str) {
    let input = object(json!({ "SecretId": name, "VersionStage": PENDING, "RemoveFromVersionId": token }));
    if let Err(error) = client.call(&SECRETS, "UpdateSecretVersionStage", input).await {
        tracing::debug!(secret = name, %error, "the label stays");
    }
}
