//! Why a call failed: the service refused, no answer came, or we could not sign.

use crate::Service;

/// Why a call failed. Never holds a credential or a request's body.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service answered with an error.
    #[error("{service} {operation}: {code}: {message}")]
    Service {
        /// Signing name of the service.
        service: &'static str,
        /// Operation called.
        operation: String,
        /// The modelled code, without a namespace.
        code: String,
        /// The service's words.
        message: String,
        /// HTTP status.
        status: u16,
        /// The service's id of the request, for a support case; empty if it gave none.
        request_id: String,
    },
    /// No answer came.
    #[error("{service} {operation}: no answer from {endpoint}")]
    Transport {
        /// Signing name of the service.
        service: &'static str,
        /// Operation called.
        operation: String,
        /// Where we asked.
        endpoint: String,
        /// Whether the connection was refused on this machine: the platform is not running.
        not_running: bool,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// There are no credentials, or they could not be used.
    #[error("{service} {operation}: could not sign the request")]
    Sign {
        /// Signing name of the service.
        service: &'static str,
        /// Operation called.
        operation: String,
        /// What went wrong.
        #[source]
        source: reqsign_core::Error,
    },
    /// The answer is not what the protocol says.
    #[error("{service} {operation}: the answer could not be read: {reason}")]
    Answer {
        /// Signing name of the service.
        service: &'static str,
        /// Operation called.
        operation: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint is not a URL.
    #[error("the endpoint `{endpoint}` is not a URL")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        source: http::Error,
    },
    /// The HTTP client could not be made (no root certificates, for instance).
    #[error("could not set up HTTPS")]
    Setup {
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
}

impl CallError {
    /// Returns the service's error code, if the service answered.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Returns whether the service answered with this code.
    pub fn is(&self, expected: &str) -> bool {
        self.code() == Some(expected)
    }

    /// Returns whether the endpoint does not serve this operation, or the whole service: another emulator, or the
    /// embedded platform.
    pub fn is_unserved(&self) -> bool {
        const CODES: [&str; 7] = [
            "NotImplementedException",
            "NotImplemented",
            "UnknownOperationException",
            "UnsupportedOperationException",
            "InvalidAction",
            "UnknownService",
            "MissingAuthenticationToken",
        ];
        match self {
            Self::Service { code, status, .. } => {
                CODES.contains(&code.as_str())
                    || matches!(status, 404 | 405 | 501) && code.starts_with("HTTP")
                    || *status == 501
            }
            // A page for people where an answer should be.
            Self::Answer { .. } => true,
            _ => false,
        }
    }

    /// Returns whether it came to a fault of the server that is not in the service's words. Where other operations of
    /// the service are answered, this one is not served; where none is, that is unknown.
    pub fn is_wordless(&self) -> bool {
        matches!(self, Self::Service { code, status: 500, .. } if code.starts_with("HTTP"))
    }

    /// Returns whether the caller may not do this.
    pub fn is_denied(&self) -> bool {
        self.code().is_some_and(|code| code.contains("AccessDenied") || code.contains("UnauthorizedOperation"))
    }

    /// Returns what the user can do about it, where we know.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Transport { not_running: true, .. } => {
                Some("is the platform running? start it with `managr platform start`".to_owned())
            }
            Self::Transport { .. } => Some("check the network, the region and AWS_ENDPOINT_URL".to_owned()),
            Self::Sign { .. } => {
                Some("give credentials the usual way: AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`".to_owned())
            }
            Self::Service { code, .. } if code.contains("ExpiredToken") => {
                Some("the credentials have expired; log in again".to_owned())
            }
            _ => None,
        }
    }

    pub(crate) fn answer(service: &Service, operation: &str, reason: impl Into<String>) -> Self {
        Self::Answer { service: service.signing_name, operation: operation.to_owned(), reason: reason.into() }
    }
}
