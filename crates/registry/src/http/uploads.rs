//! Pushing blobs: at once, in pieces, or by mounting what another repository has.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use images::{Digest, Ingest};

use super::refusal::Refusal;
use super::{Answer, Asked, Body, digest, empty, respond, stream};
use crate::Registry;
use crate::error::RegistryError;

impl Registry {
    pub(super) async fn post_upload<B>(&self, name: &str, asked: &Asked, body: B) -> Answer
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        self.repository(name)?;
        if let Some(mount) = asked.query("mount") {
            let digest = digest(mount)?;
            if self.mount(asked.query("from"), name, &digest)? {
                return Ok(created(name, &digest));
            }
            // Not there: the client pushes it, in the upload that begins here.
        }
        let wanted = asked.query("digest").map(digest).transpose()?;
        let id = self.begin_upload(name).await?;
        let Some(wanted) = wanted else {
            return Ok(accepted(name, &id, 0));
        };
        let ingest = self.upload(name, &id)?;
        if let Err(error) = ingest.append(stream(body)).await {
            self.cancel_upload(name, &id)?; // the client does not know of it yet
            return Err(RegistryError::from(error).into());
        }
        self.finish_upload(name, &id, &wanted).await?;
        Ok(created(name, &wanted))
    }

    pub(super) fn upload_status(&self, name: &str, id: &str) -> Answer {
        let ingest = self.upload(name, id)?;
        let size = size(&ingest)?;
        Ok(respond(StatusCode::NO_CONTENT, &progress(name, id, size), empty()))
    }

    pub(super) async fn patch_upload<B>(&self, name: &str, id: &str, asked: &Asked, body: B) -> Answer
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        let ingest = self.upload(name, id)?;
        check_order(name, id, size(&ingest)?, asked)?;
        let size = ingest.append(stream(body)).await.map_err(RegistryError::from)?;
        Ok(accepted(name, id, size))
    }

    pub(super) async fn put_upload<B>(&self, name: &str, id: &str, asked: &Asked, body: B) -> Answer
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        let ingest = self.upload(name, id)?;
        let wanted = asked.query("digest").ok_or_else(|| Refusal::digest_invalid("no digest was given".to_owned()))?;
        let wanted = digest(wanted)?;
        check_order(name, id, size(&ingest)?, asked)?;
        ingest.append(stream(body)).await.map_err(RegistryError::from)?;
        self.finish_upload(name, id, &wanted).await?;
        Ok(created(name, &wanted))
    }
}

fn size(ingest: &Ingest) -> Result<u64, Refusal> {
    ingest.size().ok_or_else(|| RegistryError::from(images::IngestError::Unusable).into())
}

/// A piece that says where it belongs must belong at the end of what is here.
fn check_order(name: &str, id: &str, size: u64, asked: &Asked) -> Result<(), Refusal> {
    let Some(text) = asked.header(header::CONTENT_RANGE) else { return Ok(()) };
    let malformed = || Refusal::upload_invalid(format!("malformed Content-Range '{text}'"));
    let range = text.strip_prefix("bytes ").unwrap_or(text);
    let range = range.split_once('/').map_or(range, |(range, _)| range);
    let (first, last) = range.split_once('-').ok_or_else(malformed)?;
    let (first, last): (u64, u64) =
        (first.trim().parse().map_err(|_| malformed())?, last.trim().parse().map_err(|_| malformed())?);
    if first != size || last < first {
        let refusal = Refusal::out_of_order(format!("the next byte of the upload is {size}, not {first}"));
        let headers = progress(name, id, size);
        return Err(headers.into_iter().fold(refusal, |refusal, (name, value)| refusal.with_header(name, value)));
    }
    let length: Option<u64> = asked.header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    if length.is_some_and(|length| length != last - first + 1) {
        return Err(Refusal::size_invalid("Content-Range and Content-Length do not agree"));
    }
    Ok(())
}

/// Where the upload goes on. An empty one says `0-0`, as every registry does.
fn progress(name: &str, id: &str, size: u64) -> Vec<(&'static str, String)> {
    vec![
        ("location", format!("/v2/{name}/blobs/uploads/{id}")),
        ("range", format!("0-{}", size.saturating_sub(1))),
        ("docker-upload-uuid", id.to_owned()),
    ]
}

fn accepted(name: &str, id: &str, size: u64) -> Response<Body> {
    respond(StatusCode::ACCEPTED, &progress(name, id, size), empty())
}

fn created(name: &str, digest: &Digest) -> Response<Body> {
    let headers = [("location", format!("/v2/{name}/blobs/{digest}")), ("docker-content-digest", digest.to_string())];
    respond(StatusCode::CREATED, &headers, empty())
}
