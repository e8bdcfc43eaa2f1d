//! Manifests, by tag and by digest.

use bytes::Bytes;
use http::{StatusCode, header};
use images::Digest;

use super::refusal::Refusal;
use super::{Answer, Asked, full, read_whole, respond, status};
use crate::error::RegistryError;
use crate::{Failure, ImageDetail, ImageId, PutImage, Registry};

/// The specification asks for at least 4 MiB.
const LIMIT: usize = 4 * 1024 * 1024;

impl Registry {
    pub(super) fn get_manifest(&self, name: &str, reference: &str) -> Answer {
        let image = self.find(name, &id(reference))?;
        let bytes = self.manifest(&image.digest)?;
        let headers = [
            ("content-type", image.media_type),
            ("content-length", bytes.len().to_string()),
            ("etag", format!("\"{}\"", image.digest)),
            ("docker-content-digest", image.digest.to_string()),
        ];
        Ok(respond(StatusCode::OK, &headers, full(bytes)))
    }

    pub(super) async fn push_manifest<B>(&self, name: &str, reference: &str, asked: &Asked, body: B) -> Answer
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        self.repository(name)?;
        let manifest = read_whole(body, LIMIT).await?;
        let ImageId { digest, tag } = id(reference);
        if let Some(text) = &digest {
            super::digest(text)?;
        }
        let said = asked.header(header::CONTENT_TYPE).map(|text| text.split(';').next().unwrap_or(text).trim());
        let media_type = said.filter(|said| !said.is_empty()).map(str::to_owned);
        let repository = name.to_owned();
        let stored = self.put_image(PutImage { repository, manifest, media_type, tag, digest }).await?;
        let mut headers = vec![
            ("location", format!("/v2/{name}/manifests/{reference}")),
            ("docker-content-digest", stored.digest.to_string()),
        ];
        if let Some(subject) = stored.subject {
            headers.push(("oci-subject", subject.to_string()));
        }
        Ok(respond(StatusCode::CREATED, &headers, super::empty()))
    }

    pub(super) async fn delete_manifest(&self, name: &str, reference: &str) -> Answer {
        let id = id(reference);
        if let Some(tag) = &id.tag {
            self.untag(name, tag).await?;
            return Ok(status(StatusCode::ACCEPTED));
        }
        self.find(name, &id)?;
        let (_, failures) = self.delete_images(name, std::slice::from_ref(&id)).await?;
        if let Some(Failure { code, reason, .. }) = failures.into_iter().next() {
            return Err(Refusal::denied(code, reason));
        }
        Ok(status(StatusCode::ACCEPTED))
    }

    fn find(&self, name: &str, id: &ImageId) -> Result<ImageDetail, RegistryError> {
        let found = self.find_images(name, std::slice::from_ref(id))?.into_iter().next();
        found.and_then(Result::ok).ok_or_else(|| self.no_image(name, id))
    }
}

/// A tag has no colon.
fn id(reference: &str) -> ImageId {
    if reference.contains(':') {
        // Kept as given; what is no digest finds nothing.
        let text = reference.parse::<Digest>().map_or_else(|_| reference.to_owned(), |d| d.to_string());
        ImageId { digest: Some(text), tag: None }
    } else {
        ImageId { digest: None, tag: Some(reference.to_owned()) }
    }
}
