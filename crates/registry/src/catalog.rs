//! The images of a repository: put, found, listed, deleted.

use std::collections::BTreeMap;

use bytes::Bytes;
use images::{Digest, Manifest, media};
use serde::{Deserialize, Serialize};
use store::Batch;

use crate::error::RegistryError;
use crate::name::is_tag;
use crate::truth::{Image, Shelf};
use crate::{Registry, door, now};

/// How a caller names an image: by digest, by tag, or by both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ImageId {
    /// The manifest's digest, as given.
    #[serde(rename = "imageDigest", skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The tag.
    #[serde(rename = "imageTag", skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// An image, as it is described.
#[derive(Debug, Clone)]
pub struct ImageDetail {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its tags in this repository, in order.
    pub tags: Vec<String>,
    /// Bytes of configuration and layers; of an index, its largest image's.
    pub size: u64,
    /// Bytes of the manifest.
    pub manifest_size: u64,
    /// Milliseconds since the epoch.
    pub pushed_at: i64,
    /// The manifest's media type.
    pub media_type: String,
    /// The artifact's type, or the configuration's media type.
    pub artifact_type: Option<String>,
    /// What the artifact is about.
    pub subject: Option<Digest>,
    /// The manifest's annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether it was asked that it be scanned.
    pub scan_asked: bool,
}

/// A manifest to be put into a repository.
#[derive(Debug, Clone)]
pub struct PutImage {
    /// The repository.
    pub repository: String,
    /// The document, byte for byte.
    pub manifest: Bytes,
    /// The media type that the caller says it has.
    pub media_type: Option<String>,
    /// The tag to put on it.
    pub tag: Option<String>,
    /// The digest that the caller says it has.
    pub digest: Option<String>,
}

/// What was put.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// What it is about, if it is an artifact.
    pub subject: Option<Digest>,
    /// Whether exactly this image with exactly this tag was there already.
    pub existed: bool,
}

/// Why one image of several could not be found or deleted; the codes are ECR's (`ImageFailureCode`).
#[derive(Debug, Clone)]
pub struct Failure {
    /// The image as the caller named it.
    pub id: ImageId,
    /// ECR's code.
    pub code: &'static str,
    /// ECR's words.
    pub reason: String,
}

impl Registry {
    /// Puts an image (or index, or artifact) into a repository. Safe to repeat.
    ///
    /// # Errors
    /// When the document is not a manifest or not what the caller says it is, when it refers to
    /// what was not pushed before it, when the tag is taken and immutable.
    pub async fn put_image(&self, put: PutImage) -> Result<Stored, RegistryError> {
        let PutImage { repository: name, manifest: bytes, media_type, tag, digest: said } = put;
        let digest = Digest::of(&bytes);
        if let Some(wanted) = said.filter(|said| said != digest.as_str()) {
            return Err(RegistryError::DigestMismatch { wanted, actual: digest });
        }
        if let Some(tag) = tag.as_ref().filter(|tag| !is_tag(tag)) {
            return Err(RegistryError::TagInvalid { tag: tag.clone() });
        }
        let invalid = |reason: String| RegistryError::ManifestInvalid { reason };
        let manifest = Manifest::parse(&bytes).map_err(|error| invalid(aws_model::chain(&error)))?;
        let media_type = settle_media_type(&manifest, media_type)?;

        self.read(|truth| {
            let shelf = self.shelf(truth, &name)?;
            self.refuse_moving(shelf, tag.as_deref(), &digest)?;
            self.refuse_dangling(shelf, &manifest)
        })?;
        // On the disk before the row that refers to it.
        let size = bytes.len() as u64;
        self.inner.images.put_document(bytes, Some(&digest)).await?;

        let mut image = describe(&manifest, media_type.clone(), size);
        image.scan_asked = door::is_scanned(self, &self.repository(&name)?);
        let blobs = image.blobs.clone();
        let subject = image.subject.clone();
        let existed = self
            .write(|truth, batch| {
                let shelf = self.shelf_mut(truth, &name)?;
                self.refuse_moving(shelf, tag.as_deref(), &digest)?;
                self.refuse_dangling(shelf, &manifest)?; // a deletion may have come between
                let is_here = shelf.images.contains_key(&digest);
                if !is_here {
                    let largest = |size: u64, child| shelf.images.get(child).map_or(size, |c| c.size.max(size));
                    let size = image.children.iter().fold(image.size, largest);
                    shelf.put_image(digest.clone(), Image { size, ..image }, batch);
                }
                let is_tagged = tag.as_ref().is_none_or(|tag| shelf.tags.get(tag) == Some(&digest));
                if let Some(tag) = tag.as_ref().filter(|_| !is_tagged) {
                    shelf.put_tag(tag, &digest, batch);
                }
                Ok(is_here && is_tagged)
            })
            .await?;
        self.inner.images.keep(blobs.iter().chain([&digest]));
        Ok(Stored { digest, media_type, subject, existed })
    }

    /// Returns all images of a repository, latest push first.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn list_images(&self, name: &str) -> Result<Vec<ImageDetail>, RegistryError> {
        self.read(|truth| {
            let shelf = self.shelf(truth, name)?;
            let mut details: Vec<_> = shelf.images.iter().map(|(digest, image)| detail(shelf, digest, image)).collect();
            details.sort_by(|a, b| b.pushed_at.cmp(&a.pushed_at).then_with(|| a.digest.cmp(&b.digest)));
            Ok(details)
        })
    }

    /// Finds images by name; an answer per name, in their order.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn find_images(&self, name: &str, ids: &[ImageId]) -> Result<Vec<Result<ImageDetail, Failure>>, RegistryError> {
        self.read(|truth| {
            let shelf = self.shelf(truth, name)?;
            let find = |id| {
                let digest = select(shelf, id)?;
                Ok(detail(shelf, &digest, &shelf.images[&digest]))
            };
            Ok(ids.iter().map(find).collect())
        })
    }

    /// Returns a manifest's bytes.
    ///
    /// # Errors
    /// When the disk has lost it.
    pub fn manifest(&self, digest: &Digest) -> Result<Bytes, RegistryError> {
        Ok(self.inner.images.read_document(digest)?.into())
    }

    /// Deletes images as ECR does: by digest with all tags; by tag only the tag, and the image
    /// with its last one. Returns what was deleted and what was not.
    ///
    /// # Errors
    /// When there is no such repository, or the database refuses.
    pub async fn delete_images(
        &self,
        name: &str,
        ids: &[ImageId],
    ) -> Result<(Vec<ImageId>, Vec<Failure>), RegistryError> {
        let outcome =
            self.write(|truth, batch| Ok(delete_all(self.shelf_mut(truth, name)?, ids.to_vec(), batch))).await?;
        if !outcome.0.is_empty() {
            self.begin_sweep();
        }
        Ok(outcome)
    }

    /// Notes that an image is to be scanned.
    ///
    /// # Errors
    /// When there is no such repository, or the database refuses.
    pub async fn ask_for_scan(&self, name: &str, digest: &Digest) -> Result<(), RegistryError> {
        self.write(|truth, batch| {
            let shelf = self.shelf_mut(truth, name)?;
            if let Some(image) = shelf.images.get(digest).filter(|image| !image.scan_asked).cloned() {
                shelf.keep_image(digest, Image { scan_asked: true, ..image }, batch);
            }
            Ok(())
        })
        .await
    }

    /// Removes a tag and leaves its image, as the distribution protocol has it.
    pub(crate) async fn untag(&self, name: &str, tag: &str) -> Result<(), RegistryError> {
        self.write(|truth, batch| {
            let shelf = self.shelf_mut(truth, name)?;
            if !shelf.tags.contains_key(tag) {
                return Err(self.no_image(name, &ImageId { tag: Some(tag.to_owned()), digest: None }));
            }
            shelf.remove_tag(tag, batch);
            Ok(())
        })
        .await
    }

    /// Returns ECR's refusal for an image that is not there.
    pub fn no_image(&self, name: &str, id: &ImageId) -> RegistryError {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
        RegistryError::ImageNotFound {
            id: format!("{{imageDigest:'{}', imageTag:'{}'}}", part(&id.digest), part(&id.tag)),
            name: name.to_owned(),
            account: self.account().to_owned(),
        }
    }

    /// Returns the size of a blob of a repository, and promises that it stays for an hour: a
    /// client that learns that a layer is here does not push it, and its manifest follows.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn blob_size(&self, name: &str, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        Ok(if self.has_blob(name, digest)? { self.inner.images.stat(digest) } else { None })
    }

    /// Returns the size of a blob that is only read, which promises nothing.
    pub(crate) fn readable_size(&self, name: &str, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        Ok(if self.has_blob(name, digest)? { self.inner.images.size(digest) } else { None })
    }

    fn has_blob(&self, name: &str, digest: &Digest) -> Result<bool, RegistryError> {
        self.read(|truth| Ok(self.shelf(truth, name)?.has_blob(digest)))
    }

    fn refuse_moving(&self, shelf: &Shelf, tag: Option<&str>, digest: &Digest) -> Result<(), RegistryError> {
        let Some(tag) = tag else { return Ok(()) };
        let moves = shelf.tags.get(tag).is_some_and(|current| current != digest);
        if moves && shelf.repository.is_immutable(tag) {
            return Err(RegistryError::TagImmutable { tag: tag.to_owned(), name: shelf.repository.name.clone() });
        }
        Ok(())
    }

    fn refuse_dangling(&self, shelf: &Shelf, manifest: &Manifest) -> Result<(), RegistryError> {
        let (name, account) = (shelf.repository.name.clone(), self.account().to_owned());
        let is_missing = |digest: &Digest| !shelf.has_blob(digest) || self.inner.images.stat(digest).is_none();
        let missing: Vec<Digest> = manifest.blobs().map(|d| d.digest.clone()).filter(is_missing).collect();
        if !missing.is_empty() {
            return Err(RegistryError::LayersMissing { missing, name, account });
        }
        let entries = manifest.manifests.iter().flatten().map(|d| d.digest.clone());
        let missing: Vec<Digest> = entries.filter(|digest| !shelf.images.contains_key(digest)).collect();
        if !missing.is_empty() {
            return Err(RegistryError::ImagesMissing { missing, name, account });
        }
        Ok(())
    }
}

/// Finds the one image that an id names.
fn select(shelf: &Shelf, id: &ImageId) -> Result<Digest, Failure> {
    let fail = |code, reason: &str| Failure { id: id.clone(), code, reason: reason.to_owned() };
    let missing = || fail("ImageNotFound", "Requested image not found");
    if id.digest.is_none() && id.tag.is_none() {
        return Err(fail("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"));
    }
    let by_digest = match &id.digest {
        None => None,
        Some(text) => {
            let digest: Digest = text.parse().map_err(|_| {
                let reason =
                    "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
                fail("InvalidImageDigest", reason)
            })?;
            Some(shelf.images.contains_key(&digest).then_some(digest).ok_or_else(missing)?)
        }
    };
    let by_tag = match &id.tag {
        None => None,
        Some(tag) => Some(shelf.tags.get(tag).cloned().ok_or_else(missing)?),
    };
    match (by_digest, by_tag) {
        (Some(digest), Some(tagged)) if digest != tagged => {
            Err(fail("ImageTagDoesNotMatchDigest", "Tag does not refer to image with specified digest"))
        }
        (digest, tagged) => digest.or(tagged).ok_or_else(missing),
    }
}

/// Deletes images as far as it can.
pub(crate) fn delete_all(shelf: &mut Shelf, ids: Vec<ImageId>, batch: &mut Batch) -> (Vec<ImageId>, Vec<Failure>) {
    let (mut deleted, mut waiting) = (Vec::new(), ids);
    // An image may be held back by an index that stands later in the list.
    loop {
        let before = waiting.len();
        let mut failures = Vec::new();
        for id in std::mem::take(&mut waiting) {
            match delete_one(shelf, &id, batch) {
                Ok(gone) => deleted.extend(gone),
                Err(failure) => failures.push(failure),
            }
        }
        if failures.len() == before || failures.is_empty() {
            return (deleted, failures);
        }
        waiting = failures.into_iter().map(|failure| failure.id).collect();
    }
}

fn delete_one(shelf: &mut Shelf, id: &ImageId, batch: &mut Batch) -> Result<Vec<ImageId>, Failure> {
    let digest = select(shelf, id)?;
    let tags: Vec<String> = shelf.tags_of(&digest).map(str::to_owned).collect();
    let gone = |tag: Option<String>| ImageId { digest: Some(digest.to_string()), tag };
    if let Some(tag) = &id.tag
        && tags.len() > 1
    {
        shelf.remove_tag(tag, batch);
        return Ok(vec![gone(Some(tag.clone()))]);
    }
    if let Some((index, _)) = shelf.images.iter().find(|(_, image)| image.children.contains(&digest)) {
        let reason = RegistryError::ReferencedByIndex { index: index.clone() }.to_string();
        return Err(Failure { id: id.clone(), code: "ImageReferencedByManifestList", reason });
    }
    shelf.remove_image(&digest, batch);
    Ok(if tags.is_empty() { vec![gone(None)] } else { tags.into_iter().map(|tag| gone(Some(tag))).collect() })
}

fn detail(shelf: &Shelf, digest: &Digest, image: &Image) -> ImageDetail {
    ImageDetail {
        digest: digest.clone(),
        tags: shelf.tags_of(digest).map(str::to_owned).collect(),
        size: image.size,
        manifest_size: image.manifest_size,
        pushed_at: image.pushed_at,
        media_type: image.media_type.clone(),
        artifact_type: image.artifact_type.clone().or_else(|| image.config_type.clone()),
        subject: image.subject.clone(),
        annotations: image.annotations.clone(),
        scan_asked: image.scan_asked,
    }
}

fn describe(manifest: &Manifest, media_type: String, manifest_size: u64) -> Image {
    Image {
        media_type,
        pushed_at: now(),
        manifest_size,
        size: manifest.blobs().map(|d| d.size).sum(),
        config_type: manifest.config.as_ref().map(|c| c.media_type.clone()).filter(|t| !t.is_empty()),
        artifact_type: manifest.artifact_type.clone(),
        subject: manifest.subject.as_ref().map(|s| s.digest.clone()),
        annotations: manifest.annotations.clone(),
        blobs: manifest.blobs().map(|d| d.digest.clone()).collect(),
        children: manifest.manifests.iter().flatten().map(|d| d.digest.clone()).collect(),
        scan_asked: false,
    }
}

/// The document's own word and the caller's must agree; one of them must be there ("If you push an image manifest that
/// does not contain the mediaType field, you must specify the imageManifestMediaType": API reference, PutImage).
fn settle_media_type(manifest: &Manifest, said: Option<String>) -> Result<String, RegistryError> {
    let invalid = |reason: String| Err(RegistryError::ManifestInvalid { reason });
    let own = manifest.media_type.clone();
    if let (Some(own), Some(said)) = (&own, &said)
        && own != said
    {
        return invalid(format!("manifest mediaType '{own}' does not match the media type '{said}' of the request"));
    }
    let media_type = own.or(said).ok_or(RegistryError::NoMediaType)?;
    if !media::MANIFESTS.contains(&media_type.as_str()) {
        return invalid(format!("unsupported manifest media type '{media_type}'"));
    }
    let is_index_type = [media::OCI_INDEX, media::DOCKER_LIST].contains(&media_type.as_str());
    if is_index_type != manifest.is_index() {
        return invalid(format!("the document is not a '{media_type}'"));
    }
    Ok(media_type)
}
