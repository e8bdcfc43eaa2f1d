//! Key Management Service's truth: which keys are there, and what is encrypted with them?
//!
//! Symmetric keys for encryption, which is what secrets, parameters, log groups and repositories name. Keys of other
//! kinds are refused by name. A key's material never leaves this crate: it is sealed in the store with the secrets' key,
//! and in memory in a type that cannot be printed.

mod cipher;
mod door;
mod key;
mod state;

use std::sync::Arc;

use aws_model::Millis;
use parking_lot::RwLock;
use secrets::Sealer;
use store::{Batch, Store, StoreError};

use state::{ALIASES, GRANTS, KEYS, MATERIALS, State};

/// The platform's time.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Keys could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store refused.
    #[error("the keys could not be read")]
    Store(#[from] StoreError),
    /// A row is not what its table holds.
    #[error("row `{row}` of the keys is damaged")]
    Row {
        /// Its key.
        row: String,
        /// What was wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A key's material is gone, or was sealed with another key.
    #[error("the material of key {key} does not open")]
    Material {
        /// The key's id.
        key: String,
    },
}

/// KMS's door; cheap to clone.
#[derive(Clone)]
pub struct Kms {
    inner: Arc<KeyTruth>,
}

struct KeyTruth {
    store: Store,
    sealer: Sealer,
    account: String,
    now: Now,
    state: RwLock<State>,
    /// One change at a time: decided on what is durable, applied once it is durable itself.
    changing: tokio::sync::Mutex<()>,
}

impl Kms {
    /// Loads what the store holds.
    ///
    /// # Errors
    /// When the store cannot be read, or a row is damaged, or a material is missing or sealed with another key.
    pub fn open(store: Store, sealer: Sealer, account: &str, now: Now) -> Result<Self, OpenError> {
        let state = State::load(&store, &sealer)?;
        let inner = KeyTruth {
            store,
            sealer,
            account: account.to_owned(),
            now,
            state: RwLock::new(state),
            changing: tokio::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns how many keys there are, those that AWS's services have made among them.
    pub fn count(&self) -> usize {
        self.inner.state.read().keys.len()
    }

    /// Deletes every key.
    ///
    /// # Errors
    /// When the deletion could not be stored; then nothing was deleted.
    pub async fn reset(&self) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let _turn = inner.changing.lock().await;
        let mut batch = Batch::new();
        {
            let state = inner.state.read();
            for key in state.keys.values() {
                batch.delete(KEYS, &key.row());
                key.materials.iter().for_each(|material| batch.delete(MATERIALS, &key.material_row(material.number)));
            }
            state.aliases.values().for_each(|alias| batch.delete(ALIASES, &alias.row()));
            state.grants.values().for_each(|grant| batch.delete(GRANTS, &grant.row()));
        }
        inner.store.submit(batch).await?;
        *inner.state.write() = State::default();
        Ok(())
    }
}

impl std::fmt::Debug for Kms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kms").field("count", &self.count()).finish_non_exhaustive()
    }
}
