//! The sessions' data channel: `GET /v1/data-channel/ID`, upgraded to a WebSocket. (RFC 6455; the path is that of
//! `ssmmessages`.)
//!
//! A client with the session's token may connect; a signature is neither needed nor read (the plugin signs since
//! 1.2.764.0). The guard has refused pages in browsers before.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::json;
use session::Sessions;

use crate::answer::{self, Body};
use crate::serve::Caller;
use crate::state::State;

/// The only version of the protocol.
const PROTOCOL: &str = "13";

/// Why a request is not upgraded.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Method,
    NoUpgrade,
    Version,
    NoKey,
    NoSession,
}

/// Answers a request for a session's channel, and serves the channel from then on, in the caller's place.
pub(crate) fn answer(
    state: &State,
    session_id: &str,
    mut request: Request<Incoming>,
    caller: Arc<Caller>,
) -> Response<Body> {
    let sessions = state.sessions.as_ref();
    let is_open = sessions.is_some_and(|sessions| sessions.is_open(session_id));
    let accepted = accept(request.method(), request.version(), request.headers(), is_open);
    let (sessions, key) = match (sessions, accepted) {
        (Some(sessions), Ok(key)) => (sessions.clone(), key),
        (_, Err(why)) => return refuse(&why),
        (None, Ok(_)) => return refuse(&Refusal::NoSession),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(serve(sessions, session_id.to_owned(), upgrade, caller));
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    response
}

async fn serve(sessions: Sessions, session_id: String, upgrade: hyper::upgrade::OnUpgrade, _caller: Arc<Caller>) {
    match upgrade.await {
        Ok(upgraded) => {
            let socket = session::server_socket(Box::new(TokioIo::new(upgraded))).await;
            sessions.serve(&session_id, socket).await;
        }
        Err(error) => tracing::debug!(session = session_id, %error, "a connection was not upgraded"),
    }
}

/// Decides whether a request is upgraded, and returns what `Sec-WebSocket-Accept` says then.
fn accept(method: &Method, version: Version, headers: &HeaderMap, is_open: bool) -> Result<HeaderValue, Refusal> {
    if method != Method::GET {
        return Err(Refusal::Method);
    }
    if version != Version::HTTP_11 || !names(headers, UPGRADE, "websocket") || !names(headers, CONNECTION, "upgrade") {
        return Err(Refusal::NoUpgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != PROTOCOL.as_bytes()) {
        return Err(Refusal::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| !key.is_empty()).ok_or(Refusal::NoKey)?;
    if !is_open {
        return Err(Refusal::NoSession);
    }
    HeaderValue::from_str(&session::accept_key(key.as_bytes())).map_err(|_| Refusal::NoKey)
}

/// Whether a header's list names a token, in any case.
fn names(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}

fn refuse(why: &Refusal) -> Response<Body> {
    let (status, words) = match why {
        Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "use GET for a session's data channel"),
        Refusal::NoUpgrade => (StatusCode::UPGRADE_REQUIRED, "a session's data channel is a WebSocket"),
        Refusal::Version => (StatusCode::UPGRADE_REQUIRED, "only version 13 of the WebSocket protocol is spoken"),
        Refusal::NoKey => (StatusCode::BAD_REQUEST, "the request has no Sec-WebSocket-Key"),
        Refusal::NoSession => (StatusCode::NOT_FOUND, "there is no such session, or it has ended"),
    };
    let mut response = answer::own(status, &json!({"message": words}));
    let headers = response.headers_mut();
    match why {
        Refusal::Method => drop(headers.insert(http::header::ALLOW, HeaderValue::from_static("GET"))),
        // Both must be there with 426 (RFC 9110, 15.5.22; RFC 6455, 4.4).
        Refusal::NoUpgrade | Refusal::Version => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(PROTOCOL));
        }
        Refusal::NoKey | Refusal::NoSession => {}
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header lines of a request, on top of those that are right; no value removes one.
    fn check(changes: &[(&'static str, &'static str)], want: Result<&'static str, Refusal>) {
        let mut headers = HeaderMap::new();
        let right = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in right.iter().chain(changes) {
            match *value {
                "" => drop(headers.remove(*name)),
                value => drop(headers.insert(*name, HeaderValue::from_static(value))),
            }
        }
        let got = accept(&Method::GET, Version::HTTP_11, &headers, true);
        assert_eq!(got, want.map(HeaderValue::from_static), "{changes:?}");
    }

    #[test]
    fn a_request_is_upgraded_as_the_rfc_has_it() {
        // The example of RFC 6455, 1.3.
        check(&[], Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        check(&[("authorization", "AWS4-HMAC-SHA256 whatever")], Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        check(&[("upgrade", "")], Err(Refusal::NoUpgrade));
        check(&[("upgrade", "h2c")], Err(Refusal::NoUpgrade));
        check(&[("connection", "close")], Err(Refusal::NoUpgrade));
        check(&[("sec-websocket-version", "8")], Err(Refusal::Version));
        check(&[("sec-websocket-version", "")], Err(Refusal::Version));
        check(&[("sec-websocket-key", "")], Err(Refusal::NoKey));
    }

    #[test]
    fn only_a_get_over_http_1_1_to_an_open_session_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(accept(&Method::POST, Version::HTTP_11, &headers, true), Err(Refusal::Method));
        for (name, value) in [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("k"));
        assert_eq!(accept(&Method::GET, Version::HTTP_2, &headers, true), Err(Refusal::NoUpgrade));
        assert_eq!(accept(&Method::GET, Version::HTTP_11, &headers, false), Err(Refusal::NoSession));
        assert!(accept(&Method::GET, Version::HTTP_11, &headers, true).is_ok());
    }
}
