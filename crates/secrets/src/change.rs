//! Everything that changes a secret: decided alone, durable first, then visible.

use std::sync::Arc;

use aws_model::{Millis, Service, tags};
use store::Batch;

use crate::error::SecretError;
use crate::find::CURRENT;
use crate::name;
use crate::secret::{Secret, Tag, Version, row};
use crate::stages;
use crate::text::SecretValue;
use crate::{SECRETS, SecretTruth, Secrets, VALUES};

const DAY: Millis = 86_400_000;
/// AWS: 65,536 bytes.
const VALUE_LIMIT: usize = 65_536;

/// What `CreateSecret` asks.
#[derive(Debug, Default)]
pub struct NewSecret {
    /// Name.
    pub name: String,
    /// Request token; becomes the identifier of the first version.
    pub token: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Key named by the caller.
    pub kms_key_id: Option<String>,
    /// Value of the first version, if there is to be one.
    pub value: Option<SecretValue>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// What `PutSecretValue` asks.
#[derive(Debug)]
pub struct NewVersion {
    /// Request token; becomes the version's identifier.
    pub token: Option<String>,
    /// The value.
    pub value: SecretValue,
    /// Labels to attach; `AWSCURRENT` when empty.
    pub stages: Vec<String>,
}

/// What `UpdateSecret` asks: what is `None` stays.
#[derive(Debug, Default)]
pub struct Revised {
    /// Request token of the new version, if there is a value.
    pub token: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Key named by the caller.
    pub kms_key_id: Option<String>,
    /// A new current value.
    pub value: Option<SecretValue>,
}

/// What came of a creation or a new version.
#[derive(Debug)]
pub struct Created {
    /// The secret.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The version made, or found to be there already.
    pub version: Option<Version>,
}

/// How a secret is to go.
#[derive(Debug, Clone, Copy)]
pub enum Removal {
    /// After so many days, 7 to 30.
    After(i64),
    /// At once and for good.
    Now,
}

impl Secrets {
    /// Creates a secret. The same request made twice is answered twice.
    ///
    /// # Errors
    /// When the name is taken, or something of the request is not allowed.
    pub async fn create(&self, region: &str, new: NewSecret) -> Result<Created, SecretError> {
        name::check(&new.name)?;
        let token = name::token(new.token)?;
        check_tags(&new.tags)?;
        check_size(new.value.as_ref())?;
        let region = region.to_owned();
        self.uninterrupted(move |inner| async move {
            if let Some(present) = inner.named(&region, &new.name) {
                return created_before(&inner, &present, &token, new.value.as_ref());
            }
            let now = (inner.now)();
            let arn = format!("{}-{}", name::partial_arn(&region, &inner.account, &new.name), name::suffix());
            let mut secret = Secret {
                arn,
                region,
                name: new.name,
                description: new.description,
                kms_key_id: new.kms_key_id,
                created: now,
                changed: now,
                accessed: None,
                deleted: None,
                gone_at: None,
                tags: new.tags,
                policy: None,
                versions: Vec::new(),
            };
            let version = match &new.value {
                Some(value) => Some(add_version(&inner, &mut secret, &token, value, &[])?),
                None => None,
            };
            let created = Created { arn: secret.arn.clone(), name: secret.name.clone(), version };
            inner.keep(None, secret).await?;
            Ok(created)
        })
        .await
    }

    /// Adds a version. The same request made twice is answered twice.
    ///
    /// # Errors
    /// When there is no such secret, it is marked for deletion, or the token was used for another value.
    pub async fn put(&self, region: &str, id: &str, new: NewVersion) -> Result<Created, SecretError> {
        let token = name::token(new.token)?;
        check_size(Some(&new.value))?;
        self.revise_live(region, id, move |secret, inner| {
            let version = add_version(inner, secret, &token, &new.value, &new.stages)?;
            Ok(Created { arn: secret.arn.clone(), name: secret.name.clone(), version: Some(version) })
        })
        .await
    }

    /// Changes description, key or current value.
    ///
    /// # Errors
    /// As [`Secrets::put`].
    pub async fn update(&self, region: &str, id: &str, new: Revised) -> Result<Created, SecretError> {
        let token = name::token(new.token)?;
        check_size(new.value.as_ref())?;
        self.revise_live(region, id, move |secret, inner| {
            secret.description = new.description.or(secret.description.take());
            secret.kms_key_id = new.kms_key_id.or(secret.kms_key_id.take());
            let version = match &new.value {
                Some(value) => Some(add_version(inner, secret, &token, value, &[])?),
                None => None,
            };
            Ok(Created { arn: secret.arn.clone(), name: secret.name.clone(), version })
        })
        .await
    }

    /// Moves a staging label.
    ///
    /// # Errors
    /// When a version named is not there, or the label's holder was not named.
    pub async fn move_stage(
        &self,
        region: &str,
        id: &str,
        stage: String,
        from: Option<String>,
        to: Option<String>,
    ) -> Result<Arc<Secret>, SecretError> {
        self.revise_live(region, id, move |secret, _| stages::shift(secret, &stage, from.as_deref(), to.as_deref()))
            .await?;
        self.describe(region, id)
    }

    /// Adds tags, in place of those with the same key.
    ///
    /// # Errors
    /// When there would be too many, or a key is not allowed.
    pub async fn tag(&self, region: &str, id: &str, tags: Vec<Tag>) -> Result<(), SecretError> {
        self.revise_live(region, id, move |secret, _| {
            secret.tags.retain(|old| tags.iter().all(|new| new.key != old.key));
            secret.tags.extend(tags);
            check_tags(&secret.tags)
        })
        .await
    }

    /// Removes tags by key.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn untag(&self, region: &str, id: &str, keys: Vec<String>) -> Result<(), SecretError> {
        self.revise_live(region, id, move |secret, _| {
            secret.tags.retain(|tag| !keys.contains(&tag.key));
            Ok(())
        })
        .await
    }

    /// Keeps a resource policy, or forgets it. It is returned on request and not enforced.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn set_policy(&self, region: &str, id: &str, policy: Option<String>) -> Result<Arc<Secret>, SecretError> {
        self.revise_live(region, id, move |secret, _| {
            secret.policy = policy;
            Ok(())
        })
        .await?;
        self.describe(region, id)
    }

    /// Marks a secret for deletion, or deletes it. Answers the secret and when it is gone.
    ///
    /// # Errors
    /// When there is no such secret, or it is marked already.
    pub async fn delete(&self, region: &str, id: &str, removal: Removal) -> Result<(Arc<Secret>, Millis), SecretError> {
        let secret = self.describe(region, id)?;
        let now = (self.inner.now)();
        match removal {
            Removal::Now => {
                self.purge(&secret.arn).await?;
                Ok((secret, now))
            }
            Removal::After(days) if !(7..=30).contains(&days) => {
                let words = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).";
                Err(SecretError::parameter(words))
            }
            Removal::After(days) => {
                let gone_at = now + days * DAY;
                self.revise_live(region, id, move |secret, _| {
                    (secret.deleted, secret.gone_at) = (Some(now), Some(gone_at));
                    Ok(())
                })
                .await?;
                Ok((secret, gone_at))
            }
        }
    }

    /// Takes the mark of deletion away.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn restore(&self, region: &str, id: &str) -> Result<Arc<Secret>, SecretError> {
        let arn = self.describe(region, id)?.arn.clone();
        self.revise(arn, |secret, _| {
            (secret.deleted, secret.gone_at) = (None, None);
            Ok(())
        })
        .await?;
        self.describe(region, id)
    }

    /// Deletes for good.
    pub(crate) async fn purge(&self, arn: &str) -> Result<(), SecretError> {
        let arn = arn.to_owned();
        self.uninterrupted(move |inner| async move {
            let Some(secret) = inner.secrets.read().get(&arn).cloned() else { return Ok(()) };
            let mut batch = Batch::new();
            delete_rows(&mut batch, &secret);
            inner.store.submit(batch).await?;
            inner.secrets.write().remove(&arn);
            Ok(())
        })
        .await
    }

    /// Changes a secret that is not marked for deletion.
    async fn revise_live<R: Send + 'static>(
        &self,
        region: &str,
        id: &str,
        f: impl FnOnce(&mut Secret, &SecretTruth) -> Result<R, SecretError> + Send + 'static,
    ) -> Result<R, SecretError> {
        let arn = self.describe(region, id)?.arn.clone();
        self.revise(arn, |secret, inner| {
            if secret.deleted.is_some() {
                return Err(SecretError::deleted());
            }
            let answer = f(secret, inner)?;
            secret.changed = (inner.now)();
            Ok(answer)
        })
        .await
    }

    pub(crate) async fn revise<R: Send + 'static>(
        &self,
        arn: String,
        f: impl FnOnce(&mut Secret, &SecretTruth) -> Result<R, SecretError> + Send + 'static,
    ) -> Result<R, SecretError> {
        self.uninterrupted(move |inner| async move {
            let before = inner.secrets.read().get(&arn).cloned().ok_or_else(SecretError::not_found)?;
            let mut after = Secret::clone(&before);
            let answer = f(&mut after, &inner)?;
            inner.keep(Some(&before), after).await?;
            Ok(answer)
        })
        .await
    }

    /// Runs a change to its end even when its caller goes away half-way: otherwise memory could
    /// lack what the store has.
    pub(crate) async fn uninterrupted<R, F, C>(&self, f: F) -> Result<R, SecretError>
    where
        R: Send + 'static,
        F: FnOnce(Arc<SecretTruth>) -> C + Send + 'static,
        C: Future<Output = Result<R, SecretError>> + Send,
    {
        let inner = self.inner.clone();
        let change = tokio::spawn(async move {
            let turn = inner.clone();
            let _turn = turn.changing.lock().await;
            f(inner).await
        });
        change.await.unwrap_or(Err(SecretError::Interrupted))
    }
}

impl SecretTruth {
    fn named(&self, region: &str, name: &str) -> Option<Arc<Secret>> {
        let prefix = name::partial_arn(region, &self.account, name) + "-";
        let now = (self.now)();
        let secrets = self.secrets.read();
        let mut near = secrets.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
        near.find(|(_, s)| s.name == name && !s.is_gone(now)).map(|(_, s)| s.clone())
    }

    /// Stores what differs between `before` and `after`, then shows `after`.
    async fn keep(&self, before: Option<&Secret>, after: Secret) -> Result<(), SecretError> {
        let mut batch = Batch::new();
        let body = serde_json::to_vec(&after).expect("a secret's document can be written");
        batch.put(SECRETS, &after.arn, body);
        let old = before.map_or(&[][..], |b| &b.versions);
        for gone in old.iter().filter(|v| after.version(&v.id).is_none()) {
            batch.delete(VALUES, &row(&after.arn, &gone.id));
        }
        for new in after.versions.iter().filter(|v| before.is_none_or(|b| b.version(&v.id).is_none())) {
            batch.put(VALUES, &row(&after.arn, &new.id), new.sealed.to_vec());
        }
        self.store.submit(batch).await?;
        self.secrets.write().insert(after.arn.clone(), Arc::new(after));
        Ok(())
    }
}

/// A name that is taken is no error when the request is the one that took it.
fn created_before(
    inner: &SecretTruth,
    present: &Secret,
    token: &str,
    value: Option<&SecretValue>,
) -> Result<Created, SecretError> {
    if present.deleted.is_some() {
        return Err(SecretError::request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    match present.version(token) {
        Some(version) if inner.key.unseal(&present.arn, version).ok().as_ref() != value => {
            Err(token_used(token, present))
        }
        Some(version) => {
            Ok(Created { arn: present.arn.clone(), name: present.name.clone(), version: Some(version.clone()) })
        }
        None => Err(SecretError::Exists(format!(
            "The operation failed because the secret {} already exists.",
            present.name
        ))),
    }
}

/// The token of a version names its value: it cannot come with another.
fn token_used(token: &str, secret: &Secret) -> SecretError {
    SecretError::Exists(format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {}.",
        secret.arn
    ))
}

fn add_version(
    inner: &SecretTruth,
    secret: &mut Secret,
    token: &str,
    value: &SecretValue,
    labels: &[String],
) -> Result<Version, SecretError> {
    if let Some(present) = secret.version(token) {
        if inner.key.unseal(&secret.arn, present)? == *value {
            return Ok(present.clone());
        }
        return Err(token_used(token, secret));
    }
    secret.versions.push(Version {
        id: token.to_owned(),
        created: (inner.now)(),
        stages: Vec::new(),
        binary: matches!(value, SecretValue::Binary(_)),
        sealed: inner.key.seal(&secret.arn, token, value)?.into(),
    });
    let first = secret.versions.len() == 1;
    for label in labels {
        stages::attach(secret, label, token);
    }
    if labels.is_empty() || first {
        stages::attach(secret, CURRENT, token); // a secret with a value always has a current one
    }
    for id in stages::surplus(secret) {
        secret.versions.retain(|v| v.id != id);
    }
    secret.version(token).cloned().ok_or_else(SecretError::not_found)
}

pub(crate) fn delete_rows(batch: &mut Batch, secret: &Secret) {
    batch.delete(SECRETS, &secret.arn);
    for version in &secret.versions {
        batch.delete(VALUES, &row(&secret.arn, &version.id));
    }
}

fn check_size(value: Option<&SecretValue>) -> Result<(), SecretError> {
    match value.map(|v| v.bytes().len()) {
        Some(0) => Err(SecretError::parameter("The secret value must not be empty.")),
        Some(size) if size > VALUE_LIMIT => {
            Err(SecretError::parameter(format!("The secret value is {size} bytes long; at most 65536 are allowed.")))
        }
        _ => Ok(()),
    }
}

fn check_tags(given: &[Tag]) -> Result<(), SecretError> {
    Ok(tags::refuse(Service::SecretsManager, given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?)
}
