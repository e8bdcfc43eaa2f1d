//! Finding a secret and reading its value.

use std::sync::Arc;

use aws_model::Millis;

use crate::Secrets;
use crate::error::SecretError;
use crate::name::Id;
use crate::secret::{Secret, Version};
use crate::text::SecretValue;

/// The stage that a reader means who names none.
pub(crate) const CURRENT: &str = "AWSCURRENT";

/// A value, and which one it is.
#[derive(Debug)]
pub struct Got {
    /// The secret.
    pub secret: Arc<Secret>,
    /// The version.
    pub version: Version,
    /// Its value.
    pub value: SecretValue,
}

impl Secrets {
    /// Returns a secret by full ARN, ARN without suffix, or name in `region`; also one that is
    /// marked for deletion.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe(&self, region: &str, id: &str) -> Result<Arc<Secret>, SecretError> {
        let now = (self.inner.now)();
        let secrets = self.inner.secrets.read();
        if let Some(secret) = secrets.get(id).filter(|s| !s.is_gone(now)) {
            return Ok(secret.clone());
        }
        let id = Id::parse(id)?;
        if id.account.is_some_and(|account| account != self.inner.account) {
            return Err(SecretError::not_found());
        }
        let region = id.region.unwrap_or(region);
        // ARNs of one name are neighbours in the map: `…:secret:NAME-` and six characters.
        let prefix = crate::name::partial_arn(region, &self.inner.account, id.name) + "-";
        secrets
            .range(prefix.clone()..)
            .take_while(|(arn, _)| arn.starts_with(&prefix))
            .find(|(_, secret)| secret.name == id.name && !secret.is_gone(now))
            .map(|(_, secret)| secret.clone())
            .ok_or_else(SecretError::not_found)
    }

    /// Returns a value; by default the current one.
    ///
    /// # Errors
    /// When there is no such secret, version or stage, or the secret is marked for deletion.
    pub fn get(
        &self,
        region: &str,
        id: &str,
        version_id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<Got, SecretError> {
        let secret = self.describe(region, id)?;
        if secret.deleted.is_some() {
            return Err(SecretError::deleted());
        }
        let missing = |what: String| {
            SecretError::NotFound(format!("Secrets Manager can't find the specified secret value for {what}"))
        };
        let version = match (version_id, stage) {
            (Some(id), stage) => {
                let version = secret.version(id).ok_or_else(|| missing(format!("VersionId: {id}")))?;
                if stage.is_some_and(|stage| !version.stages.iter().any(|s| s == stage)) {
                    return Err(SecretError::request(
                        "You provided a VersionStage that is not associated to the provided VersionId.",
                    ));
                }
                version
            }
            (None, stage) => {
                let stage = stage.unwrap_or(CURRENT);
                secret.staged(stage).ok_or_else(|| missing(format!("staging label: {stage}")))?
            }
        };
        let value = self.inner.key.unseal(&secret.arn, version)?;
        let version = version.clone();
        self.note_access(&secret);
        Ok(Got { secret, version, value })
    }

    /// Keeps the day of the last reading, as AWS does; stored at most once a day and secret, and
    /// not waited for.
    fn note_access(&self, secret: &Arc<Secret>) {
        const DAY: Millis = 86_400_000;
        let today = (self.inner.now)() / DAY * DAY;
        if secret.accessed == Some(today) {
            return;
        }
        let (secrets, arn) = (self.clone(), secret.arn.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let noted = secrets.revise(arn, move |secret, _| {
                    secret.accessed = Some(today);
                    Ok(())
                });
                let _ = noted.await; // a date: the next reading tries again
            });
        }
    }
}
