//! Reads bodies: no more than was allowed, no longer than was allowed.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_model::AwsError;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, EXPECT};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, timeout};

/// How much of an unwanted body is still read, so that its sender reads our answer instead of a broken connection.
const UNWANTED: (usize, Duration) = (64 << 20, Duration::from_secs(5));

/// Reads a whole body.
///
/// # Errors
/// When it is longer than `limit`, or does not arrive within `patience`, in AWS's words.
pub(crate) async fn whole(
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, AwsError> {
    let too_long = || {
        let words = format!("the body is larger than {limit} bytes");
        AwsError::new("RequestEntityTooLargeException", words).with_status(413)
    };
    if body.size_hint().lower() > limit as u64 {
        discard(headers, body).await;
        return Err(too_long());
    }
    let mut body = Limited::new(body, limit);
    match timeout(patience, (&mut body).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(error)) => Err(AwsError::new("SerializationException", format!("the body could not be read: {error}"))),
        Err(_) => {
            let words = format!("the body did not arrive within {} s", patience.as_secs());
            Err(AwsError::new("RequestTimeout", words).with_status(408))
        }
    }
}

/// Opens a body that was compressed by gzip, as the SDKs compress large ones (Smithy, `requestCompression`).
///
/// # Errors
/// When it is not gzip, or longer than `limit` once it is open.
pub(crate) fn opened(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, AwsError> {
    if !headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip")) {
        return Ok(body);
    }
    let mut plain = Vec::new();
    let mut reader = MultiGzDecoder::new(&*body).take(limit as u64 + 1);
    reader.read_to_end(&mut plain).map_err(|_| AwsError::new("SerializationException", "the body is not gzip"))?;
    if plain.len() > limit {
        let words = format!("the body is larger than {limit} bytes once it is opened");
        return Err(AwsError::new("RequestEntityTooLargeException", words).with_status(413));
    }
    Ok(plain.into())
}

/// Reads an unwanted body for a while, and keeps none of it.
pub(crate) async fn discard(headers: &HeaderMap, mut body: Incoming) {
    // A client that waits for `100 Continue` (RFC 9110, 10.1.1) has sent nothing yet.
    if headers.contains_key(EXPECT) {
        return;
    }
    let (mut left, patience) = UNWANTED;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let read = frame.data_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    };
    // What is left after that time stays unread.
    let _ = timeout(patience, reading).await;
}

/// A body that may be long but not silent: it fails when nothing of it arrives for a while.
pub(crate) struct Lively {
    body: Incoming,
    patience: Duration,
    until: Pin<Box<Sleep>>,
}

/// Why a body was given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silent {
    #[error("nothing of the body arrived for {} s", .0.as_secs())]
    For(Duration),
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl Lively {
    pub(crate) fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, patience, until: Box::pin(tokio::time::sleep(patience)) }
    }
}

impl Body for Lively {
    type Data = Bytes;
    type Error = Silent;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Silent>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            // The time that our own side takes between two frames is not the sender's.
            let until = Instant::now() + self.patience;
            self.until.as_mut().reset(until);
            return Poll::Ready(frame.map(|frame| frame.map_err(Silent::from)));
        }
        ready!(self.until.as_mut().poll(cx));
        Poll::Ready(Some(Err(Silent::For(self.patience))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn what_was_compressed_is_opened_and_no_more_of_it_than_was_allowed() {
        let headers = |encoding: &'static str| {
            let encoding = http::HeaderValue::from_static(encoding);
            HeaderMap::from_iter([(CONTENT_ENCODING, encoding)])
        };
        let plain = Bytes::from(vec![b'a'; 1000]);
        assert_eq!(opened(&headers("gzip"), packed(&plain), 1000).unwrap(), plain);
        assert_eq!(opened(&headers("GZip"), packed(&plain), 999).unwrap_err().status, 413);
        // A thousand times as large as what was sent.
        assert_eq!(opened(&headers("gzip"), packed(&vec![0; 16 << 20]), 8000).unwrap_err().status, 413);
        assert_eq!(opened(&headers("gzip"), plain.clone(), 1000).unwrap_err().code, "SerializationException");
        assert_eq!(opened(&headers("identity"), plain.clone(), 10).unwrap(), plain);
        assert_eq!(opened(&HeaderMap::new(), plain.clone(), 10).unwrap(), plain);
    }
}
