//! Repositories and their settings.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RegistryError;
use crate::truth::{Shelf, Truth};
use crate::{Registry, now, wildcard};

/// A repository's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// `MUTABLE`, `IMMUTABLE`, or either `_WITH_EXCLUSION`.
    pub mutability: String,
    /// The exclusion filters, as the caller gave them.
    pub exclusions: Vec<Value>,
    /// Whether images should be scanned; kept and answered, nothing scans here.
    pub scan_on_push: bool,
    /// The encryption configuration, as the caller gave it.
    pub encryption: Value,
    /// Key and value of each resource tag.
    pub tags: Vec<(String, String)>,
    /// The lifecycle policy's text.
    pub lifecycle_policy: Option<String>,
    /// When it was last carried out, in milliseconds since the epoch.
    #[serde(default)]
    pub lifecycle_evaluated_at: Option<i64>,
    /// The repository policy's text.
    pub policy: Option<String>,
}

/// What a new repository is to be.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// A valid name (see [`crate::is_repository_name`]).
    pub name: String,
    /// `MUTABLE`, `IMMUTABLE`, or either `_WITH_EXCLUSION`.
    pub mutability: String,
    /// Exclusion filters.
    pub exclusions: Vec<Value>,
    /// Scan on push.
    pub scan_on_push: bool,
    /// Encryption configuration.
    pub encryption: Value,
    /// Resource tags.
    pub tags: Vec<(String, String)>,
}

impl Repository {
    /// Returns whether a tag that exists must stay where it is.
    pub fn is_immutable(&self, tag: &str) -> bool {
        let excluded = self
            .exclusions
            .iter()
            .filter_map(|filter| filter.get("filter")?.as_str())
            .any(|pattern| wildcard::matches(pattern, tag));
        match self.mutability.as_str() {
            "IMMUTABLE" => true,
            "IMMUTABLE_WITH_EXCLUSION" => !excluded,
            "MUTABLE_WITH_EXCLUSION" => excluded,
            _ => false,
        }
    }
}

impl Registry {
    /// Makes a repository.
    ///
    /// # Errors
    /// When the name is taken, or the database refuses.
    pub async fn create_repository(&self, new: NewRepository) -> Result<Repository, RegistryError> {
        let NewRepository { name, mutability, exclusions, scan_on_push, encryption, tags } = new;
        let repository = Repository {
            name,
            created_at: now(),
            mutability,
            exclusions,
            scan_on_push,
            encryption,
            tags,
            lifecycle_policy: None,
            lifecycle_evaluated_at: None,
            policy: None,
        };
        self.write(|truth, batch| {
            if truth.shelves.contains_key(&repository.name) {
                return Err(RegistryError::RepositoryExists {
                    name: repository.name.clone(),
                    account: self.account().to_owned(),
                });
            }
            truth.put_repository(repository.clone(), batch);
            Ok(repository)
        })
        .await
    }

    /// Returns a repository.
    ///
    /// # Errors
    /// When there is none of the name.
    pub fn repository(&self, name: &str) -> Result<Repository, RegistryError> {
        self.read(|truth| Ok(self.shelf(truth, name)?.repository.clone()))
    }

    /// Returns all repositories, by name.
    pub fn repositories(&self) -> Vec<Repository> {
        self.read(|truth| truth.shelves.values().map(|shelf| shelf.repository.clone()).collect())
    }

    /// Changes a repository's settings and returns what `change` returns.
    ///
    /// # Errors
    /// When there is none of the name, or the database refuses.
    pub async fn update_repository<R>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Repository) -> R,
    ) -> Result<R, RegistryError> {
        self.write(|truth, batch| {
            let mut repository = self.shelf(truth, name)?.repository.clone();
            let result = change(&mut repository);
            truth.put_repository(repository, batch);
            Ok(result)
        })
        .await
    }

    /// Removes a repository; with `force` also one that has images.
    ///
    /// # Errors
    /// When there is none of the name, it has images, or the database refuses.
    pub async fn delete_repository(&self, name: &str, force: bool) -> Result<Repository, RegistryError> {
        let deleted = self
            .write(|truth, batch| {
                let shelf = self.shelf(truth, name)?;
                if !force && !shelf.images.is_empty() {
                    return Err(RegistryError::RepositoryNotEmpty {
                        name: name.to_owned(),
                        account: self.account().to_owned(),
                    });
                }
                let repository = shelf.repository.clone();
                truth.remove_repository(name, batch);
                Ok(repository)
            })
            .await?;
        self.inner.uploads.forget(name);
        self.inner.previews.lock().remove(name);
        self.begin_sweep();
        Ok(deleted)
    }

    pub(crate) fn shelf<'t>(&self, truth: &'t Truth, name: &str) -> Result<&'t Shelf, RegistryError> {
        truth.shelves.get(name).ok_or_else(|| self.no_repository(name))
    }

    pub(crate) fn shelf_mut<'t>(&self, truth: &'t mut Truth, name: &str) -> Result<&'t mut Shelf, RegistryError> {
        truth.shelves.get_mut(name).ok_or_else(|| self.no_repository(name))
    }

    pub(crate) fn no_repository(&self, name: &str) -> RegistryError {
        RegistryError::RepositoryNotFound { name: name.to_owned(), account: self.account().to_owned() }
    }
}
