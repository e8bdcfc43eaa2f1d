//! What databases find around them: images of PostgreSQL, and certificates by the platform's own authority.

use std::net::SocketAddr;
use std::sync::OnceLock;

use aws_model::chain;
use certificates::Certificates;
use databases::run::{Certificate, Image, Later, Surroundings};
use images::{Credentials, Digest, ImageStore, Reference};
use registry::{ImageDetail, Registry};

/// Where the official image is without an account (Amazon ECR Public Gallery's copy of Docker's library).
const PUBLIC: &str = "public.ecr.aws/docker/library/postgres";

/// Where the platform's own registry has what its databases are to be run by.
const REPOSITORY: &str = "postgres";

/// Returns the image of a major version, by tag and digest: the one with that tag; else the newest whose tag begins with
/// it (`15.4`, `15-bookworm`); else the newest whose tag says nothing of a version, as a build's own tag does.
fn chosen(images: &[ImageDetail], major: u32) -> Option<(&str, &Digest)> {
    let major = major.to_string();
    let rank = |tag: &str| match tag.strip_prefix(&major) {
        Some("") => Some(3),
        Some(rest) if rest.starts_with(['.', '-']) => Some(2),
        _ if tag.starts_with(|first: char| first.is_ascii_digit()) => None,
        _ => Some(1),
    };
    let tags = images.iter().flat_map(|image| image.tags.iter().map(move |tag| (tag.as_str(), image)));
    let ranked = tags.filter_map(|(tag, image)| Some((rank(tag)?, image.pushed_at, tag, image)));
    let best = ranked.max_by_key(|(rank, pushed, ..)| (*rank, *pushed))?;
    Some((best.2, &best.3.digest))
}

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
            // Without the repository there is none.
            let images = self.registry.list_images(REPOSITORY).unwrap_or_default();
            let Some((tag, digest)) = chosen(&images, major) else { return Ok(None) };
            self.unpacked(format!("{}/{REPOSITORY}:{tag}", self.registry.host()), digest.clone()).await.map(Some)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(major: u32, images: &[&[&str]], expected: Option<&str>) {
        let detail = |(number, tags): (usize, &&[&str])| ImageDetail {
            digest: Digest::of(&[u8::try_from(number).expect("few images")]),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            size: 1,
            manifest_size: 1,
            pushed_at: i64::try_from(number).expect("few images"),
            media_type: String::new(),
            artifact_type: None,
            subject: None,
            annotations: BTreeMap::new(),
            scan_asked: false,
        };
        let images: Vec<_> = images.iter().enumerate().map(detail).collect();
        assert_eq!(chosen(&images, major).map(|(tag, _)| tag), expected, "{major} of {images:?}");
    }

    #[test]
    fn the_image_of_a_major_version() {
        check(15, &[], None);
        check(15, &[&["16"], &["150"], &["9.15"]], None);
        check(15, &[&["15"], &["15.4"], &["local-1"]], Some("15"));
        check(15, &[&["15.3"], &["15-bookworm"], &["local-1"], &["16"]], Some("15-bookworm"));
        check(15, &[&["local-1"], &["local-2"], &["16"]], Some("local-2"));
    }
}
