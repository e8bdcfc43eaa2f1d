//! What came back, read within bounds, and what it means.

use bytes::{Bytes, BytesMut};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

/// How much of the words of an error is read. They are some hundred bytes.
const ERROR_BYTES: u64 = 64 << 10;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The registry does not have it.
    #[error("it is not there")]
    NotFound,
    /// The registry wants (other) credentials.
    #[error("access was refused")]
    Unauthorized,
    /// The registry was asked too often.
    #[error("it was asked too often")]
    TooOften,
    /// The registry answered with a status that says no more.
    #[error("it answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The registry could not be spoken to, or the answer broke off.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// The registry sent more than such a document may have.
    #[error("its {what} has more than {limit} bytes")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// How much it may have.
        limit: u64,
    },
    /// The registry did not come to an end in time.
    #[error("its {what} took longer than {seconds} s")]
    Slow {
        /// What was being read.
        what: &'static str,
        /// How long it may take.
        seconds: u64,
    },
    /// The registry sent something else than the protocol says.
    #[error("its {what} is not usable: {why}")]
    Unusable {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl FetchError {
    /// Whether the fault is likely to be over when the same is asked later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Request(error) => !error.is_redirect() && !error.is_builder(),
            Self::Slow { .. } | Self::TooOften | Self::Status { status: 500.. } => true,
            _ => false,
        }
    }
}

/// Reads a whole body of at most `limit` bytes. What is announced to be longer is not begun.
pub(crate) async fn read(mut response: Response, what: &'static str, limit: u64) -> Result<Bytes, FetchError> {
    let too_long = || FetchError::TooLong { what, limit };
    if response.content_length().is_some_and(|announced| announced > limit) {
        return Err(too_long());
    }
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(FetchError::Request)? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > limit {
            return Err(too_long());
        }
    }
    Ok(body.freeze())
}

/// Returns a success, or what a failure means.
pub(crate) async fn expect_success(response: Response) -> Result<Response, FetchError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    // Words that are too long, or break off, are no better than none.
    let words = read(response, "error", ERROR_BYTES).await.unwrap_or_default();
    Err(meaning(status, &words))
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorInfo>,
}

#[derive(Deserialize)]
struct ErrorInfo {
    code: String,
}

/// What a failure means: by its code (OCI distribution, "Error Codes"), else by its status.
fn meaning(status: StatusCode, words: &[u8]) -> FetchError {
    let errors = serde_json::from_slice::<Errors>(words).map(|said| said.errors).unwrap_or_default();
    for error in errors {
        match error.code.as_str() {
            "MANIFEST_UNKNOWN" | "NAME_UNKNOWN" | "BLOB_UNKNOWN" | "NOT_FOUND" => return FetchError::NotFound,
            "UNAUTHORIZED" | "DENIED" => return FetchError::Unauthorized,
            "TOOMANYREQUESTS" => return FetchError::TooOften,
            _ => {}
        }
    }
    match status {
        StatusCode::NOT_FOUND => FetchError::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => FetchError::TooOften,
        other => FetchError::Status { status: other.as_u16() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, words: &str, wanted: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(meaning(status, words.as_bytes()).to_string(), wanted, "{status} {words}");
    }

    #[test]
    fn a_failure_is_what_its_code_says_and_else_its_status() {
        let code = |code: &str| format!(r#"{{"errors": [{{"code": "{code}", "message": "x", "detail": [1]}}]}}"#);
        check(404, &code("MANIFEST_UNKNOWN"), "it is not there");
        // Docker Hub says so of what does not exist.
        check(401, &code("UNAUTHORIZED"), "access was refused");
        check(404, &code("DENIED"), "access was refused");
        check(429, &code("TOOMANYREQUESTS"), "it was asked too often");
        check(400, &code("SOMETHING_ELSE"), "it answered with status 400");
        check(404, "", "it is not there");
        check(403, "<html>", "access was refused");
        check(429, "{}", "it was asked too often");
        check(502, "bad", "it answered with status 502");
    }
}
