//! Whether an image reference means an image of this registry, and which.

use images::{Digest, Reference};

use crate::{ImageId, Registry};

/// What a reference means.
#[derive(Debug)]
pub enum Lookup {
    /// An image of another registry.
    Elsewhere(Reference),
    /// An image of this registry. Its content is in [`Registry::images`].
    Here {
        /// The repository.
        repository: String,
        /// The manifest or index.
        digest: Digest,
    },
    /// This registry is meant, but it has no such image.
    Missing {
        /// The repository.
        repository: String,
        /// ECR's words: no such repository, or no such image.
        message: String,
    },
}

impl Registry {
    /// Returns the manifest that a tag or digest means in a repository.
    pub fn resolve(&self, repository: &str, tag_or_digest: &str) -> Option<Digest> {
        self.read(|truth| {
            let shelf = truth.shelves.get(repository)?;
            match tag_or_digest.parse::<Digest>() {
                Ok(digest) => shelf.images.contains_key(&digest).then_some(digest),
                Err(_) => shelf.tags.get(tag_or_digest).cloned(),
            }
        })
    }

    /// Returns what a reference means. This registry is meant by its own `host:port`, by any
    /// loopback name with its port, and by `<account>.dkr.ecr.<region>.amazonaws.com`.
    pub fn look_up(&self, reference: &Reference) -> Lookup {
        if !self.is_own_host(reference) {
            return Lookup::Elsewhere(reference.clone());
        }
        let repository = reference.repository().to_owned();
        // A digest pins; the tag beside it is for people.
        let digest = reference.digest();
        let named = digest.as_ref().map(Digest::as_str).or(reference.tag()).unwrap_or("latest");
        match self.resolve(&repository, named) {
            Some(digest) => Lookup::Here { repository, digest },
            None => {
                let id = match &digest {
                    Some(digest) => ImageId { digest: Some(digest.to_string()), tag: None },
                    None => ImageId { digest: None, tag: Some(named.to_owned()) },
                };
                let message = match self.repository(&repository) {
                    Err(no_repository) => no_repository.to_string(),
                    Ok(_) => self.no_image(&repository, &id).to_string(),
                };
                Lookup::Missing { repository, message }
            }
        }
    }

    fn is_own_host(&self, reference: &Reference) -> bool {
        let host = reference.registry();
        let port = |host: &str| host.rsplit_once(':').map(|(_, port)| port.to_owned());
        let own_ecr = host
            .strip_prefix(self.account())
            .and_then(|rest| rest.strip_prefix(".dkr.ecr."))
            .is_some_and(|rest| rest.ends_with(".amazonaws.com") || rest.ends_with(".amazonaws.com.cn"));
        host == self.host() || own_ecr || (reference.is_loopback() && port(host) == port(self.host()))
    }
}
