//! Looks at what the rules about variables depend on: keys of secrets, never their values, and the task
//! definitions that run. What could not be looked at is said. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws::{CallError, Client};
use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::desired::{Desired, DesiredError, Facts, desired};
use deploy_core::lint::secret::is_secret;
use deploy_core::manifest::LOCAL;
use deploy_core::vars::check::{Keys, Seen, Source, SourceSeen, sources};
use deploy_core::vars::dotenv;
use futures_util::future::join_all;
use serde::Serialize;

use super::is_tracked;
use crate::observe::{self, text};
use crate::verify::words;
use crate::{schedules, stage};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The manifest.
    pub manifest: &'a Manifest,
    /// Directory that its paths start from.
    pub directory: &'a Path,
    /// Whether secrets may be read, to see which keys they have.
    pub read_secrets: bool,
}

/// What was seen, and what was not.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// What was seen.
    pub seen: Seen,
    /// What was not looked at.
    pub skipped: Vec<Skipped>,
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// Stage.
    pub stage: String,
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl Looked {
    fn skip(&mut self, stage: &str, what: impl Into<String>, reason: impl Into<String>) {
        self.skipped.push(Skipped { stage: stage.to_owned(), what: what.into(), reason: reason.into() });
    }

    /// Keeps an answer. Without the right to ask, or where it is not served, the check goes on without; every other
    /// failure is one.
    fn keep<T>(&mut self, stage: &str, what: &str, answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
        match answer {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_denied() || error.is_unserved() => {
                self.skip(stage, what, words(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Look<'_> {
    /// Looks at the `secrets-file` of a stage, if it has one.
    ///
    /// # Errors
    /// The stage does not exist.
    pub fn at_file(&self, stage: &str, looked: &mut Looked) -> Result<(), DesiredError> {
        let desired = self.names(stage)?;
        let Some(file) = &desired.secrets_file else { return Ok(()) };
        let what = format!("`{file}`");
        let read = std::fs::read_to_string(self.directory.join(file));
        match read.map_err(|error| error.to_string()).map(|text| dotenv::read(&text)) {
            Err(reason) => looked.skip(stage, what, reason),
            // Never its text, which may be a secret.
            Ok(Err(error)) => looked.skip(stage, what, error.to_string()),
            Ok(Ok(entries)) => {
                let keys: BTreeSet<String> = entries.into_iter().map(|entry| entry.name).collect();
                let known = looked.seen.stages.entry(stage.to_owned()).or_default();
                known.is_tracked = !keys.is_empty() && is_tracked(self.directory, Path::new(file));
                known.file = Some(keys);
            }
        }
        Ok(())
    }

    /// Looks at what runs in a stage, at its secret, and at every other source that either names.
    ///
    /// # Errors
    /// There is no answer, or not the expected one.
    pub async fn at_stage(&self, client: &Client, stage: &str, looked: &mut Looked) -> Result<(), LookError> {
        let desired = self.names(stage)?;
        let live = live(client, &desired, looked).await?;
        looked.seen.stages.entry(stage.to_owned()).or_default().live = live;
        let keys = self.keys(client, &desired, looked).await?;
        let known = looked.seen.stages.entry(stage.to_owned()).or_default();
        known.keys = keys.clone();
        let own = desired.secret.as_ref().map(|secret| secret.name.as_str());
        for source in sources(self.manifest, stage, known)? {
            let seen = match (&source, &keys) {
                // It was looked at above.
                (Source::Secret { arn, .. }, keys) if own.is_some_and(|name| is_secret(arn, name)) => match keys {
                    Some(Keys::These(keys)) => Some(SourceSeen::Keys(keys.clone())),
                    Some(Keys::Absent) => Some(SourceSeen::Absent),
                    None => None,
                },
                _ => self.source(client, stage, &source, looked).await?,
            };
            looked.seen.sources.extend(seen.map(|seen| (source, seen)));
        }
        Ok(())
    }

    fn names(&self, stage: &str) -> Result<Desired, DesiredError> {
        // A tag that git cannot make must not stand in the way.
        let images = self.manifest.images.names().map(|image| (image.to_owned(), image.to_owned())).collect();
        desired(self.manifest, stage, &Facts { images, ..Facts::local("") })
    }

    /// Returns the keys of the stage's secret; none if they were not looked at.
    async fn keys(&self, client: &Client, desired: &Desired, looked: &mut Looked) -> Result<Option<Keys>, CallError> {
        let Some(spec) = &desired.secret else { return Ok(None) };
        let (stage, what) = (desired.stage.as_str(), format!("keys of `{}`", spec.name));
        let Some(found) = looked.keep(stage, &what, observe::secret(client, &spec.name).await)? else {
            return Ok(None);
        };
        let Some(found) = found.filter(|found| !is_doomed(found)) else { return Ok(Some(Keys::Absent)) };
        // Where a deploy reads the secret anyhow, this may, too.
        let may_read = self.read_secrets || stage == LOCAL || desired.secrets_file.is_some();
        if !may_read {
            looked.skip(stage, what, "secrets are not read without being asked to (use --read-secrets)");
            return Ok(None);
        }
        let keys = looked.keep(stage, &what, observe::secret_keys(client, text(&found, "ARN")).await)?;
        Ok(keys.map(|keys| Keys::These(keys.unwrap_or_default())))
    }

    async fn source(
        &self,
        client: &Client,
        stage: &str,
        source: &Source,
        looked: &mut Looked,
    ) -> Result<Option<SourceSeen>, CallError> {
        let presence = |is_there: bool| if is_there { SourceSeen::There } else { SourceSeen::Absent };
        match source {
            Source::Parameter { name, region } => {
                let client = client.in_region(region.as_deref().unwrap_or(client.region()));
                let found = observe::has_parameter(&client, name).await;
                Ok(looked.keep(stage, &format!("parameter `{name}`"), found)?.map(presence))
            }
            Source::Secret { arn, region } => {
                let client = client.in_region(region);
                let what = format!("secret `{arn}`");
                let Some(found) = looked.keep(stage, &what, observe::secret(&client, arn).await)? else {
                    return Ok(None);
                };
                let is_there = found.is_some_and(|found| !is_doomed(&found));
                if !is_there || !self.read_secrets {
                    return Ok(Some(presence(is_there)));
                }
                let keys = looked.keep(stage, &what, observe::secret_keys(&client, arn).await)?;
                Ok(keys.map(|keys| SourceSeen::Keys(keys.unwrap_or_default())))
            }
        }
    }
}

/// Whether a secret is scheduled for deletion: its value cannot be read any more.
fn is_doomed(secret: &Document) -> bool {
    secret.get("DeletedDate").is_some_and(|date| !date.is_null())
}

/// Returns the task definitions that services and schedules run, by their name in the manifest.
async fn live(
    client: &Client,
    desired: &Desired,
    looked: &mut Looked,
) -> Result<BTreeMap<String, Document>, CallError> {
    let stage = desired.stage.as_str();
    let mut revisions: BTreeMap<String, String> = BTreeMap::new();
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let answer = stage::services(client, &desired.cluster, &names).await;
    if let Some(services) = looked.keep(stage, "what runs", answer)? {
        for service in &desired.services {
            match services.get(&service.name) {
                Some(live) => {
                    revisions.insert(service.service.clone(), text(live, "taskDefinition").to_owned());
                }
                None => looked.skip(stage, format!("service `{}`", service.name), "it is not there"),
            }
        }
    }
    for schedule in &desired.schedules {
        let what = format!("schedule `{}`", schedule.rule);
        let answer = schedules::look(client, std::slice::from_ref(schedule)).await;
        let Some(found) = looked.keep(stage, &what, answer)? else { continue };
        let target = found.target(schedule);
        let arn = target.and_then(|target| target.get("EcsParameters")?.get("TaskDefinitionArn")?.as_str());
        match arn {
            Some(arn) => {
                // What a standalone service is in the stage is what schedules start of it.
                if let Some(service) = schedule.service.as_ref() {
                    revisions.entry(service.clone()).or_insert_with(|| arn.to_owned());
                }
                revisions.insert(schedule.name.clone(), arn.to_owned());
            }
            None => looked.skip(stage, what, "it is not there"),
        }
    }
    let asked = revisions.into_iter().filter(|(_, arn)| !arn.is_empty());
    let found = join_all(asked.map(async |(owner, arn)| (owner, observe::task_definition(client, &arn).await)));
    let mut live = BTreeMap::new();
    for (owner, answer) in found.await {
        let what = format!("task definition of `{owner}`");
        if let Some(Some(document)) = looked.keep(stage, &what, answer)? {
            live.insert(owner, document);
        }
    }
    Ok(live)
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The manifest has no answer.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// There is no answer, or not the expected one.
    #[error(transparent)]
    Call(#[from] CallError),
}
