//! What databases find around them: images of PostgreSQL, and certificates by the platform's own authority.

use std::net::SocketAddr;
use std::sync::OnceLock;

use aws_model::chain;
use certificates::Certificates;
use databases::run::{Certificate, Image, Later, Surroundings};
use images::{Credentials, ImageStore, Reference};
use registry::{Lookup, Registry};

/// Where the official image is without an account (Amazon ECR Public Gallery's copy of Docker's library).
const PUBLIC: &str = "public.ecr.aws/docker/library/postgres";

/// What databases find around them.
pub(crate) struct Around {
    registry: Registry,
    images: ImageStore,
    /// Known once the world is open.
    certificates: OnceLock<Certificates>,
    /// Where servers ask about IAM's tokens, once somebody answers there.
    tokens: OnceLock<SocketAddr>,
}

impl Around {
    pub(crate) fn new(registry: Registry, images: ImageStore) -> Self {
        Self { registry, images, certificates: OnceLock::new(), tokens: OnceLock::new() }
    }

    /// From here on there are certificates.
    pub(crate) fn certify_by(&self, certificates: Certificates) {
        // Set once, by who made this.
        let _ = self.certificates.set(certificates);
    }

    /// From here on servers may ask about tokens there.
    pub(crate) fn answers_tokens_at(&self, address: SocketAddr) {
        let _ = self.tokens.set(address);
    }

    async fn unpacked(&self, name: String, digest: images::Digest) -> Result<Image, String> {
        let unpacked = self.images.ensure_unpacked_within(&digest, 0).await.map_err(|error| chain(&error))?;
        Ok(Image { name, layers: unpacked.lower_dirs, lease: Some(unpacked.lease) })
    }
}

impl Surroundings for Around {
    fn own_image(&self, major: u32) -> Later<'_, Result<Option<Image>, String>> {
        Box::pin(async move {
            let name = format!("{}/postgres:{major}", self.registry.host());
            let reference: Reference = name.parse().map_err(|error| chain(&error))?;
            match self.registry.look_up(&reference) {
                Lookup::Here { digest, .. } => self.unpacked(name, digest).await.map(Some),
                Lookup::Missing { .. } | Lookup::Elsewhere(_) => Ok(None),
            }
        })
    }

    fn public_image(&self, major: u32) -> Later<'_, Result<Image, String>> {
        Box::pin(async move {
            let name = format!("{PUBLIC}:{major}");
            let reference: Reference = name.parse().map_err(|error| chain(&error))?;
            let digest = match self.images.pull(&reference, &Credentials::default(), &|_| {}).await {
                Ok(digest) => digest,
                Err(error) => self
                    .images
                    .pulled(&reference)
                    .ok_or_else(|| format!("{name} cannot be pulled: {}", chain(&error)))?,
            };
            self.unpacked(name, digest).await
        })
    }

    fn tokens(&self) -> Option<SocketAddr> {
        self.tokens.get().copied()
    }

    fn certificate(&self, names: Vec<String>) -> Later<'_, Result<Certificate, String>> {
        Box::pin(async move {
            let certificates = self.certificates.get().ok_or("the platform is not open yet")?;
            let (chain, key) = certificates.issue_unlisted(names).await.map_err(|error| error.to_string())?;
            Ok(Certificate { chain, key: key.expose().to_owned() })
        })
    }
}
