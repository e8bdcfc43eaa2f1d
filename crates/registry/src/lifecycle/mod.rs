//! Lifecycle policies: previewed, and carried out.

mod evaluate;
mod policy;

use std::collections::HashSet;

use images::Digest;

pub use evaluate::{Candidate, expired};
pub use policy::Policy;

use crate::catalog::delete_all;
use crate::error::RegistryError;
use crate::truth::Shelf;
use crate::{ImageId, Registry, Repository, now};

/// What a policy would do to a repository at one instant.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The policy's text.
    pub text: String,
    /// What would expire.
    pub expired: Vec<Expired>,
}

/// An image that expires.
#[derive(Debug, Clone)]
pub struct Expired {
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// Milliseconds since the epoch.
    pub pushed_at: i64,
    /// Priority of the rule that expires it.
    pub rule: u32,
}

impl Registry {
    /// Evaluates a policy over a repository's images, deletes nothing, and keeps what it found.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn preview_lifecycle(&self, name: &str, text: &str, policy: &Policy) -> Result<(), RegistryError> {
        let expired = self.read(|truth| Ok::<_, RegistryError>(evaluated(self.shelf(truth, name)?, policy, now())))?;
        let preview = Preview { text: text.to_owned(), expired };
        self.inner.previews.lock().insert(name.to_owned(), preview);
        Ok(())
    }

    /// Returns what the last preview of a repository found. Not kept over a restart.
    pub fn lifecycle_preview(&self, name: &str) -> Option<Preview> {
        self.inner.previews.lock().get(name).cloned()
    }

    /// Carries out every repository's policy; returns how many images expired.
    ///
    /// Whether a task runs an image is not asked, as on AWS; the layers that a container stands on are held by it and
    /// stay until it has ended.
    ///
    /// # Errors
    /// When the database refuses; what had expired before stays so.
    pub async fn expire_images(&self) -> Result<usize, RegistryError> {
        let mut count = 0;
        for repository in self.repositories() {
            let Some(text) = &repository.lifecycle_policy else { continue };
            let name = &repository.name;
            let policy = match Policy::parse(text) {
                Ok(policy) => policy,
                // Kept by a version that looked less closely.
                Err(reason) => {
                    tracing::warn!(repository = name, reason, "a lifecycle policy cannot be carried out");
                    continue;
                }
            };
            match self.expire(name, text, &policy).await {
                Ok(expired) => count += expired,
                Err(RegistryError::RepositoryNotFound { .. }) => {} // deleted meanwhile
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// Evaluates and deletes under one lock: a tag that is moved meanwhile saves its image or comes too late.
    async fn expire(&self, name: &str, text: &str, policy: &Policy) -> Result<usize, RegistryError> {
        let at = now();
        let count = self
            .write(|truth, batch| {
                let shelf = self.shelf_mut(truth, name)?;
                if shelf.repository.lifecycle_policy.as_deref() != Some(text) {
                    return Ok(0); // another one now; its turn comes
                }
                let whole = |expired: Expired| ImageId { digest: Some(expired.digest.to_string()), tag: None };
                let ids: Vec<ImageId> = evaluated(shelf, policy, at).into_iter().map(whole).collect();
                let count = ids.len() - delete_all(shelf, ids, batch).1.len();
                let repository = Repository { lifecycle_evaluated_at: Some(at), ..shelf.repository.clone() };
                truth.put_repository(repository, batch);
                Ok(count)
            })
            .await?;
        if count > 0 {
            tracing::info!(repository = name, images = count, "images expired by the lifecycle policy");
            self.begin_sweep();
        }
        Ok(count)
    }
}

fn evaluated(shelf: &Shelf, policy: &Policy, now: i64) -> Vec<Expired> {
    let needed: HashSet<&Digest> = shelf.images.values().flat_map(|index| &index.children).collect();
    let candidate = |(digest, image): (&Digest, &crate::truth::Image)| Candidate {
        digest: digest.clone(),
        tags: shelf.tags_of(digest).map(str::to_owned).collect(),
        pushed_at: image.pushed_at,
        referenced: needed.contains(digest),
    };
    let images: Vec<Candidate<Digest>> = shelf.images.iter().map(candidate).collect();
    let expired = expired(policy, &images, now).into_iter().map(|(image, rule)| Expired {
        digest: image.digest.clone(),
        tags: image.tags.clone(),
        pushed_at: image.pushed_at,
        rule,
    });
    expired.collect()
}
