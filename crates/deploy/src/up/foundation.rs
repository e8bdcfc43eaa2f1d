//! What services stand on: repositories, the stage's secret, log groups, the cluster.

use std::collections::BTreeMap;

use aws::{Client, ECR, ECS, LOGS, SECRETS};
use deploy_core::desired::Desired;
use serde_json::{Value, json};

use super::Wanted;
use crate::error::UpError;
use crate::event::{Event, Events, Outcome};
use crate::observe::{self, object, text};
use crate::secrets::{self, Key, parse_dotenv, settle};

/// Creates the repositories that are missing; returns the registry's host.
pub(super) async fn ensure_repositories(
    client: &Client,
    desired: &Desired,
    events: &Events,
) -> Result<String, UpError> {
    let mut registry = String::new();
    for name in &desired.repositories {
        let found = observe::repository(client, name).await?;
        let outcome = if found.is_some() { Outcome::Unchanged } else { Outcome::Created };
        let repository = match found {
            Some(repository) => repository,
            None => {
                let answer = client.call(&ECR, "CreateRepository", object(json!({ "repositoryName": name }))).await?;
                answer.get("repository").and_then(Value::as_object).cloned().unwrap_or_default()
            }
        };
        let uri = text(&repository, "repositoryUri");
        let (host, _) = uri
            .split_once('/')
            .ok_or(UpError::Incomplete { operation: "DescribeRepositories", member: "repositoryUri" })?;
        host.clone_into(&mut registry);
        events.resource(outcome, "repository", name);
    }
    Ok(registry)
}

/// The stage's secret after it was looked after.
#[derive(Debug, Default)]
pub(super) struct SecretState {
    /// Its ARN; none if the stage needs no secret.
    pub(super) arn: Option<String>,
    /// Whether running tasks hold old values.
    pub(super) changed: bool,
}

/// Brings the stage's secret to have every key that the manifest names.
pub(super) async fn ensure_secret(
    client: &Client,
    wanted: &Wanted,
    desired: &Desired,
    events: &Events,
) -> Result<SecretState, UpError> {
    let Some(spec) = &desired.secret else { return Ok(SecretState::default()) };
    let name = &spec.name;
    let given = given_values(wanted)?;
    let found = observe::secret(client, name).await?;
    let kept = match found {
        Some(_) => observe::secret_text(client, name).await?,
        None => None,
    };
    let keys: Vec<Key> = spec.keys.iter().map(|key| Key { name: key.key.clone(), generate: key.generate }).collect();
    // Drawn beforehand, so that settling stays pure; unused ones are thrown away.
    let mut drawn = Vec::with_capacity(keys.len());
    for _ in &keys {
        drawn.push(secrets::random().map_err(|error| UpError::Random { reason: error.to_string() })?);
    }
    let settled = settle(&keys, &given, kept.as_deref(), || drawn.pop().unwrap_or_default());
    let settled = settled.map_err(|keys| {
        let file = wanted.manifest.stages.get(&wanted.stage).and_then(|stage| stage.secrets_file.clone());
        UpError::SecretsMissing { secret: name.clone(), keys, file }
    })?;

    let (arn, outcome) = match &found {
        None => {
            let input = object(json!({
                "Name": name, "SecretString": settled.text, "ClientRequestToken": token()?,
            }));
            let answer = client.call(&SECRETS, "CreateSecret", input).await?;
            (text(&answer, "ARN").to_owned(), Outcome::Created)
        }
        Some(secret) if settled.changed => {
            let input = object(json!({
                "SecretId": name, "SecretString": settled.text, "ClientRequestToken": token()?,
            }));
            client.call(&SECRETS, "PutSecretValue", input).await?;
            (text(secret, "ARN").to_owned(), Outcome::Updated)
        }
        Some(secret) => (text(secret, "ARN").to_owned(), Outcome::Unchanged),
    };
    events.resource(outcome, "secret", name);
    for key in &settled.generated {
        events.emit(Event::Warning { message: format!("a random value was made up for the secret {key}") });
    }
    Ok(SecretState { arn: Some(arn), changed: outcome == Outcome::Updated })
}

fn given_values(wanted: &Wanted) -> Result<BTreeMap<String, String>, UpError> {
    let stage = wanted.manifest.stages.get(&wanted.stage);
    let Some(file) = stage.and_then(|stage| stage.secrets_file.as_deref()) else { return Ok(BTreeMap::new()) };
    let path = wanted.directory.join(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(UpError::SecretsFile { path, source }),
    };
    parse_dotenv(&text).map_err(|line| UpError::SecretsLine { path, line })
}

/// Returns an idempotency token: 48 characters.
fn token() -> Result<String, UpError> {
    secrets::random().map_err(|error| UpError::Random { reason: error.to_string() })
}

/// Creates the log groups that are missing.
pub(super) async fn ensure_log_groups(client: &Client, desired: &Desired, events: &Events) -> Result<(), UpError> {
    for name in &desired.log_groups {
        let outcome = if observe::has_log_group(client, name).await? {
            Outcome::Unchanged
        } else {
            match client.call(&LOGS, "CreateLogGroup", object(json!({ "logGroupName": name }))).await {
                Err(error) if !error.is("ResourceAlreadyExistsException") => return Err(error.into()),
                _ => Outcome::Created,
            }
        };
        events.resource(outcome, "log group", name);
    }
    Ok(())
}

/// Creates the cluster if it is missing.
pub(super) async fn ensure_cluster(client: &Client, desired: &Desired, events: &Events) -> Result<(), UpError> {
    let name = &desired.cluster;
    let outcome = match observe::cluster(client, name).await? {
        Some(_) => Outcome::Unchanged,
        None => {
            client.call(&ECS, "CreateCluster", object(json!({ "clusterName": name }))).await?;
            Outcome::Created
        }
    };
    events.resource(outcome, "cluster", name);
    Ok(())
}
