//! Secrets Manager's truth: names, versions, stages, values.
//!
//! Metadata and sealed values are kept in memory and in the store; a value is in the clear
//! only from the moment it is asked for until its reader drops it. Never: a plaintext in a
//! row, a log line, an error or a `Debug` output.

mod change;
mod door;
mod error;
mod fetch;
mod find;
mod key;
mod list;
mod name;
mod password;
mod seal;
mod secret;
mod stages;
mod text;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_model::Millis;
use parking_lot::RwLock;
use store::{Batch, Store};

pub use change::{Created, NewSecret, NewVersion, Removal, Revised};
pub use error::{OpenError, SecretError};
pub use fetch::{FetchError, Reference};
pub use find::Got;
pub use list::{Filter, ListQuery};
pub use password::{PasswordRules, password};
pub use seal::{Sealer, Unsealable};
pub use secret::{Secret, Tag, Version};
pub use text::{SecretBytes, SecretText, SecretValue};

use key::Key;

/// The platform's time.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Table of the documents, keyed by ARN.
const SECRETS: &str = "secrets";
/// Table of the sealed values, keyed by ARN and version.
const VALUES: &str = "secret_values";
/// Table of values that another service keeps, sealed with this key (crate `parameters`, see
/// [`Secrets::sealer`]): while it has rows, a lost key is not replaced in silence.
pub const SEALED_ELSEWHERE: &str = "parameter_values";
/// The world's records, and what the keys of those begin with that hold a sealed value (certificates and their
/// authority, crate `certificates`).
const RECORDS: (&str, &str) = ("records", "acm.");

/// Secrets Manager's door; cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    inner: Arc<SecretTruth>,
}

struct SecretTruth {
    store: Store,
    key: Arc<Key>,
    account: String,
    now: Now,
    /// By ARN.
    secrets: RwLock<BTreeMap<String, Arc<Secret>>>,
    /// One change at a time: decided on what is durable, applied once it is durable itself.
    changing: tokio::sync::Mutex<()>,
}

impl Secrets {
    /// Loads what the store holds; the key is `<dir>/secrets.key`, made where there is none.
    /// Without a directory the key lives and dies with this process.
    ///
    /// # Errors
    /// When the store or the key file cannot be read, when the file may be read by others than
    /// its owner, or when it is not the key that the stored values were sealed with.
    pub fn open(store: Store, dir: Option<&Path>, account: &str, now: Now) -> Result<Self, OpenError> {
        let mut values: BTreeMap<String, Vec<u8>> = store.load(VALUES)?.into_iter().collect();
        let key = match dir {
            Some(dir) => {
                let of_certificates = |(key, _): &(String, Vec<u8>)| key.starts_with(RECORDS.1);
                let sealed = !values.is_empty()
                    || !store.load(SEALED_ELSEWHERE)?.is_empty()
                    || store.load(RECORDS.0)?.iter().any(of_certificates);
                Key::open(dir, sealed)?
            }
            None => Key::fresh()?,
        };
        let mut secrets = BTreeMap::new();
        for (arn, body) in store.load(SECRETS)? {
            let mut secret: Secret =
                serde_json::from_slice(&body).map_err(|source| OpenError::Row { arn: arn.clone(), source })?;
            for version in &mut secret.versions {
                let sealed = values.remove(&secret::row(&arn, &version.id));
                version.sealed = sealed.ok_or_else(|| OpenError::Lost { arn: arn.clone() })?.into();
            }
            if let (true, Some(version)) = (secrets.is_empty(), secret.versions.first()) {
                key.unseal(&arn, version).map_err(|_| OpenError::WrongKey)?;
            }
            secrets.insert(arn, Arc::new(secret));
        }
        let inner = SecretTruth {
            store,
            key: Arc::new(key),
            account: account.to_owned(),
            now,
            secrets: RwLock::new(secrets),
            changing: tokio::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns what seals another service's values with the key of the secrets.
    pub fn sealer(&self) -> Sealer {
        Sealer(self.inner.key.clone())
    }

    /// Returns the names of all secrets, of every region.
    pub fn names(&self) -> Vec<String> {
        self.inner.secrets.read().values().map(|secret| secret.name.clone()).collect()
    }

    /// Returns how many secrets there are, those marked for deletion included.
    pub fn count(&self) -> usize {
        self.inner.secrets.read().len()
    }

    /// Deletes every secret.
    ///
    /// # Errors
    /// When the deletion could not be stored; then nothing was deleted.
    pub async fn reset(&self) -> Result<(), SecretError> {
        self.uninterrupted(move |inner| async move {
            let mut batch = Batch::new();
            inner.secrets.read().values().for_each(|secret| change::delete_rows(&mut batch, secret));
            inner.store.submit(batch).await?;
            inner.secrets.write().clear();
            Ok(())
        })
        .await
    }

    /// Deletes for good what was marked for deletion and whose recovery window is over.
    ///
    /// # Errors
    /// When the deletion could not be stored.
    pub async fn sweep(&self) -> Result<usize, SecretError> {
        let now = (self.inner.now)();
        let over: Vec<String> =
            self.inner.secrets.read().values().filter(|s| s.is_gone(now)).map(|s| s.arn.clone()).collect();
        for arn in &over {
            self.purge(arn).await?;
        }
        Ok(over.len())
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("count", &self.count()).finish_non_exhaustive()
    }
}
