//! Reading blobs, whole or in part.

use std::io::{Seek, SeekFrom};
use std::ops::RangeInclusive;

use futures_util::TryStreamExt;
use http::{Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use images::Digest;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::refusal::Refusal;
use super::{Answer, Asked, Body, digest, respond};
use crate::Registry;
use crate::error::RegistryError;

const PIECE: usize = 256 * 1024;

impl Registry {
    pub(super) async fn get_blob(&self, name: &str, text: &str, asked: &Asked) -> Answer {
        let digest = digest(text)?;
        let is_head = asked.method == http::Method::HEAD;
        let size = if is_head { self.blob_size(name, &digest)? } else { self.readable_size(name, &digest)? };
        let size = size.ok_or_else(|| Refusal::blob_unknown(text))?;
        let mut headers = vec![
            ("docker-content-digest", digest.to_string()),
            ("content-type", "application/octet-stream".to_owned()),
            ("accept-ranges", "bytes".to_owned()),
            ("etag", format!("\"{digest}\"")),
        ];
        let range = asked.header(header::RANGE).and_then(|text| parse_range(text, size));
        let (status, range) = match range {
            None => (StatusCode::OK, None),
            Some(Err(())) => return Err(Refusal::range(size)),
            Some(Ok(range)) => {
                headers.push(("content-range", format!("bytes {}-{}/{size}", range.start(), range.end())));
                (StatusCode::PARTIAL_CONTENT, Some(range))
            }
        };
        let (start, length) = range.map_or((0, size), |r| (*r.start(), r.end() - r.start() + 1));
        headers.push(("content-length", length.to_string()));
        if is_head {
            return Ok(respond(status, &headers, super::empty()));
        }
        self.blob_body(status, &headers, &digest, start, length)
    }

    fn blob_body(
        &self,
        status: StatusCode,
        headers: &[(&str, String)],
        digest: &Digest,
        start: u64,
        length: u64,
    ) -> Result<Response<Body>, Refusal> {
        let mut file = self.inner.images.open_blob(digest).map_err(RegistryError::from)?;
        if start > 0 {
            let sought = file.seek(SeekFrom::Start(start));
            sought.map_err(|error| Refusal::broken_off(error.to_string()))?;
        }
        let part = tokio::fs::File::from_std(file).take(length);
        let frames = ReaderStream::with_capacity(part, PIECE).map_ok(Frame::data);
        Ok(respond(status, headers, StreamBody::new(frames).boxed()))
    }
}

/// Returns `None` for what is to be ignored (another unit, several ranges, nonsense) and
/// `Err` for what lies outside.
fn parse_range(text: &str, size: u64) -> Option<Result<RangeInclusive<u64>, ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last_byte = size.checked_sub(1);
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => {
            let suffix: u64 = suffix.parse().ok()?;
            if suffix == 0 { None } else { last_byte.map(|last| size.saturating_sub(suffix)..=last) }
        }
        (first, last) => {
            let first: u64 = first.parse().ok()?;
            let last: Option<u64> = if last.is_empty() { None } else { Some(last.parse().ok()?) };
            if last.is_some_and(|last| last < first) {
                return None;
            }
            last_byte.filter(|end| first <= *end).map(|end| first..=last.map_or(end, |last| last.min(end)))
        }
    };
    Some(range.ok_or(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        let check = |text, size, wanted| assert_eq!(parse_range(text, size), wanted, "{text} of {size}");
        check("bytes=0-3", 10, Some(Ok(0..=3)));
        check("bytes=4-", 10, Some(Ok(4..=9)));
        check("bytes=-3", 10, Some(Ok(7..=9)));
        check("bytes=-30", 10, Some(Ok(0..=9)));
        check("bytes=5-99", 10, Some(Ok(5..=9)));
        check("bytes=10-", 10, Some(Err(())));
        check("bytes=0-", 0, Some(Err(())));
        check("bytes=-0", 10, Some(Err(())));
        check("bytes=3-1", 10, None);
        check("bytes=0-1,4-5", 10, None);
        check("lines=0-1", 10, None);
    }
}
