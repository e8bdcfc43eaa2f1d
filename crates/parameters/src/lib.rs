//! Parameter Store's truth: which value has this parameter?
//!
//! Everything is in memory and in the store. A change is decided alone, stored, and only then
//! visible: so `PutParameter` without `Overwrite` is a compare-and-set that one caller wins.
//! Never: a `SecureString` in the clear in a row, a log line, an error or a `Debug` output.

mod change;
mod door;
mod error;
mod fetch;
mod filter;
mod find;
mod list;
mod name;
mod parameter;
mod put;
mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_model::Millis;
use parking_lot::RwLock;
use secrets::{Sealer, Secrets};
use store::{Batch, Store};

pub use change::Labelled;
pub use door::TagDoor;
pub use error::{OpenError, ParameterError};
pub use fetch::{FetchError, names_parameter};
pub use filter::Filter;
pub use find::{FoundParameters, Got, Value};
pub use list::ByPath;
pub use parameter::{Parameter, ParameterType, Tag, Tier, Version};
pub use put::{NewVersion, Put, TierAsked};

use parameter::{Key, Stored};

/// The platform's time.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Table of what belongs to a parameter as a whole, by region and name.
const PARAMETERS: &str = "parameters";
/// Table of the versions, by region, name and number.
const VERSIONS: &str = "parameter_versions";
/// Table of the sealed values, keyed as the versions.
const VALUES: &str = secrets::SEALED_ELSEWHERE;

/// Parameter Store's door; cheap to clone.
#[derive(Clone)]
pub struct Parameters {
    inner: Arc<ParameterTruth>,
}

struct ParameterTruth {
    store: Store,
    sealer: Sealer,
    /// Whose secrets can be read by a parameter's name.
    secrets: Secrets,
    account: String,
    now: Now,
    /// By region, then name: a path's parameters are neighbours.
    parameters: RwLock<BTreeMap<Key, Arc<Parameter>>>,
    /// One change at a time: decided on what is durable, applied once it is durable itself.
    changing: tokio::sync::Mutex<()>,
}

impl Parameters {
    /// Loads what the store holds. `SecureString`s are sealed with the key of `secrets`.
    ///
    /// # Errors
    /// When the store cannot be read, or a row is damaged, missing, or sealed with another key.
    pub fn open(store: Store, secrets: &Secrets, account: &str, now: Now) -> Result<Self, OpenError> {
        let sealer = secrets.sealer();
        let mut versions: BTreeMap<String, Vec<u8>> = store.load(VERSIONS)?.into_iter().collect();
        let mut values: BTreeMap<String, Vec<u8>> = store.load(VALUES)?.into_iter().collect();
        if let Some((row, sealed)) = values.first_key_value() {
            sealer.unseal(row, sealed).map_err(|_| OpenError::WrongKey)?;
        }
        let mut parameters = BTreeMap::new();
        for (row, body) in store.load(PARAMETERS)? {
            let damaged = |source| OpenError::Row { row: row.clone(), source };
            let stored: Stored = serde_json::from_slice(&body).map_err(damaged)?;
            let key = stored.key();
            let mut parameter = Parameter { stored, versions: Vec::new() };
            // Rows of one parameter are neighbours: the number is padded, and no name has a blank.
            let prefix = format!("{row} ");
            let mine: Vec<String> = versions
                .range(prefix.clone()..)
                .map(|(k, _)| k.clone())
                .take_while(|k| k.starts_with(&prefix))
                .collect();
            for row in mine {
                let body = versions.remove(&row).unwrap_or_default();
                let mut version: Version =
                    serde_json::from_slice(&body).map_err(|source| OpenError::Row { row: row.clone(), source })?;
                if version.kind == ParameterType::SecureString {
                    version.sealed = values.remove(&row).ok_or_else(|| OpenError::Lost { row: row.clone() })?.into();
                }
                parameter.versions.push(Arc::new(version));
            }
            if parameter.versions.is_empty() {
                return Err(OpenError::Lost { row });
            }
            parameters.insert(key, Arc::new(parameter));
        }
        let inner = ParameterTruth {
            store,
            sealer,
            secrets: secrets.clone(),
            account: account.to_owned(),
            now,
            parameters: RwLock::new(parameters),
            changing: tokio::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the names of all parameters, of every region.
    pub fn names(&self) -> Vec<String> {
        self.inner.parameters.read().values().map(|parameter| parameter.name().to_owned()).collect()
    }

    /// Returns how many parameters there are.
    pub fn count(&self) -> usize {
        self.inner.parameters.read().len()
    }

    /// Deletes every parameter.
    ///
    /// # Errors
    /// When the deletion could not be stored; then nothing was deleted.
    pub async fn reset(&self) -> Result<(), ParameterError> {
        self.uninterrupted(move |inner| async move {
            let mut batch = Batch::new();
            inner.parameters.read().values().for_each(|parameter| change::delete_rows(&mut batch, parameter));
            inner.store.submit(batch).await?;
            inner.parameters.write().clear();
            Ok(())
        })
        .await
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parameters").field("count", &self.count()).finish_non_exhaustive()
    }
}
