//! All keys, aliases and grants: loaded, found, changed.

use std::collections::BTreeMap;

use aws_model::{AwsError, Millis, arn::Arn, chain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrets::{Sealer, SecretText};
use store::{Batch, Store};

use crate::cipher::Secret;
use crate::key::{Alias, Grant, Key};
use crate::{KeyTruth, Kms, OpenError};

/// Tables of the store.
pub(crate) const KEYS: &str = "kms_keys";
pub(crate) const ALIASES: &str = "kms_aliases";
pub(crate) const GRANTS: &str = "kms_grants";
/// Sealed with the secrets' key, which must then not be made anew: see [`secrets::SEALED_ELSEWHERE`].
pub(crate) const MATERIALS: &str = secrets::SEALED_ELSEWHERE;

/// By region and id, or region and name.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) keys: BTreeMap<(String, String), Key>,
    pub(crate) aliases: BTreeMap<(String, String), Alias>,
    pub(crate) grants: BTreeMap<(String, String), Grant>,
}

/// What becomes different.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) keys: Vec<Key>,
    /// Keys that go, with their aliases and grants.
    pub(crate) gone: Vec<Key>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) gone_aliases: Vec<Alias>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) gone_grants: Vec<Grant>,
}

impl State {
    pub(crate) fn load(store: &Store, sealer: &Sealer) -> Result<Self, OpenError> {
        fn rows<T: serde::de::DeserializeOwned>(store: &Store, table: &str) -> Result<Vec<T>, OpenError> {
            let read = |(row, body): (String, Vec<u8>)| {
                serde_json::from_slice(&body).map_err(|source| OpenError::Row { row, source })
            };
            store.load(table)?.into_iter().map(read).collect()
        }
        let mut sealed: BTreeMap<String, Vec<u8>> = store.load(MATERIALS)?.into_iter().collect();
        let mut state = Self::default();
        for mut key in rows::<Key>(store, KEYS)? {
            for at in 0..key.materials.len() {
                let row = key.material_row(key.materials[at].number);
                let lost = || OpenError::Material { key: key.id.clone() };
                let body = sealed.remove(&row).ok_or_else(lost)?;
                let text = sealer.unseal(&row, &body).map_err(|_| lost())?;
                let bytes = STANDARD.decode(text.expose()).map_err(|_| lost())?;
                key.materials[at].secret = Secret::from_bytes(&bytes).ok_or_else(lost)?;
            }
            state.keys.insert((key.region.clone(), key.id.clone()), key);
        }
        for alias in rows::<Alias>(store, ALIASES)? {
            state.aliases.insert((alias.region.clone(), alias.name.clone()), alias);
        }
        for grant in rows::<Grant>(store, GRANTS)? {
            state.grants.insert((grant.region.clone(), grant.id.clone()), grant);
        }
        Ok(state)
    }

    /// Returns a key that is named by id, ARN, alias or an alias's ARN.
    ///
    /// # Errors
    /// `NotFoundException`, in KMS's words; `InvalidArnException` for the ARN of something else.
    pub(crate) fn find(&self, account: &str, region: &str, name: &str, now: Millis) -> Result<Key, AwsError> {
        let (region, named) = match name.starts_with("arn:") {
            false => (region.to_owned(), name.to_owned()),
            true => {
                let arn = Arn::parse(name).filter(|arn| arn.service == "kms");
                let arn = arn.ok_or_else(|| AwsError::new("InvalidArnException", format!("Invalid arn {name}")))?;
                let key = arn.resource.strip_prefix("key/").unwrap_or(arn.resource);
                (arn.region.to_owned(), key.to_owned())
            }
        };
        let id = match named.strip_prefix("alias/") {
            None => named.clone(),
            Some(_) => match self.aliases.get(&(region.clone(), named.clone())) {
                Some(alias) => alias.key.clone(),
                None => {
                    let arn = aws_model::region::arn("kms", &region, account, &named);
                    return Err(AwsError::new("NotFoundException", format!("Alias {arn} is not found.")));
                }
            },
        };
        let found = self.keys.get(&(region.clone(), id.clone())).filter(|key| !key.is_gone(now));
        found.cloned().ok_or_else(|| {
            let arn = aws_model::region::arn("kms", &region, account, &format!("key/{id}"));
            AwsError::new("NotFoundException", format!("Key '{arn}' does not exist"))
        })
    }
}

impl Kms {
    pub(crate) fn find(&self, region: &str, name: &str) -> Result<Key, AwsError> {
        let now = (self.inner.now)();
        self.inner.state.read().find(&self.inner.account, region, name, now)
    }

    /// Decides a change alone, stores it, and shows it. It is carried to its end even when its caller goes away.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&State, Millis) -> Result<(R, Changes), AwsError> + Send + 'static,
    ) -> Result<R, AwsError> {
        let inner = self.inner.clone();
        let work = tokio::spawn(async move {
            let _turn = inner.changing.lock().await;
            let (answer, mut changes) = {
                let state = inner.state.read();
                let now = (inner.now)();
                let (answer, mut changes) = decide(&state, now)?;
                // Keys whose time is over go with whatever is changed next.
                changes.gone.extend(state.keys.values().filter(|key| key.is_gone(now)).cloned());
                for gone in &changes.gone {
                    let of_key = |region: &str, key: &str| region == gone.region && key == gone.id;
                    changes.gone_aliases.extend(state.aliases.values().filter(|a| of_key(&a.region, &a.key)).cloned());
                    changes.gone_grants.extend(state.grants.values().filter(|g| of_key(&g.region, &g.key)).cloned());
                }
                (answer, changes)
            };
            inner.keep(&mut changes).await?;
            Ok(answer)
        });
        work.await.unwrap_or_else(|_| Err(AwsError::server("the change was interrupted")))
    }
}

impl KeyTruth {
    async fn keep(&self, changes: &mut Changes) -> Result<(), AwsError> {
        let failed = |error: &dyn std::error::Error| {
            AwsError::new("KMSInternalException", format!("the key could not be stored: {}", chain(error)))
                .with_status(500)
        };
        let body = |value: &dyn erased::Row| value.body();
        let mut batch = Batch::new();
        for key in &changes.keys {
            batch.put(KEYS, &key.row(), body(key));
            let known =
                self.state.read().keys.get(&(key.region.clone(), key.id.clone())).map_or(0, |k| k.materials.len());
            for material in key.materials.iter().skip(known) {
                let row = key.material_row(material.number);
                let text = SecretText::new(STANDARD.encode(material.secret.bytes()));
                batch.put(MATERIALS, &row, self.sealer.seal(&row, &text).map_err(|error| failed(&error))?);
            }
        }
        for key in &changes.gone {
            batch.delete(KEYS, &key.row());
            key.materials.iter().for_each(|material| batch.delete(MATERIALS, &key.material_row(material.number)));
        }
        changes.aliases.iter().for_each(|alias| batch.put(ALIASES, &alias.row(), body(alias)));
        changes.gone_aliases.iter().for_each(|alias| batch.delete(ALIASES, &alias.row()));
        changes.grants.iter().for_each(|grant| batch.put(GRANTS, &grant.row(), body(grant)));
        changes.gone_grants.iter().for_each(|grant| batch.delete(GRANTS, &grant.row()));
        if !batch.is_empty() {
            self.store.submit(batch).await.map_err(|error| failed(&error))?;
        }
        let mut state = self.state.write();
        for key in changes.keys.drain(..) {
            state.keys.insert((key.region.clone(), key.id.clone()), key);
        }
        for key in changes.gone.drain(..) {
            state.keys.remove(&(key.region, key.id));
        }
        for alias in changes.gone_aliases.drain(..) {
            state.aliases.remove(&(alias.region, alias.name));
        }
        for alias in changes.aliases.drain(..) {
            state.aliases.insert((alias.region.clone(), alias.name.clone()), alias);
        }
        for grant in changes.grants.drain(..) {
            state.grants.insert((grant.region.clone(), grant.id.clone()), grant);
        }
        for grant in changes.gone_grants.drain(..) {
            state.grants.remove(&(grant.region, grant.id));
        }
        Ok(())
    }
}

/// Rows of any kind, written the same way.
mod erased {
    pub(super) trait Row {
        fn body(&self) -> Vec<u8>;
    }

    impl<T: serde::Serialize> Row for T {
        fn body(&self) -> Vec<u8> {
            serde_json::to_vec(self).expect("rows have string keys and no failing serialisers")
        }
    }
}
