//! Makes HTTP responses of answers and refusals.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;

use aws_model::call::Event;
use aws_model::model::Operation;
use aws_model::{AwsError, Protocol};
use aws_wire::Reply;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use platform_core::Ids;
use serde_json::{Value, json};

use crate::admission::Denied;
use crate::caller;
use crate::envelope::Refused;

/// A response's body: whole for most API calls, the registry's own for images, events for the few that go on.
pub(crate) type Body = Either<Full<Bytes>, Either<registry::Body, Messages>>;

/// Messages over time.
pub(crate) type Messages = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

/// Returns a fresh request identifier.
pub(crate) fn request_id() -> String {
    thread_local! {
        static IDS: RefCell<Ids> = RefCell::new(Ids::new(seed()));
    }
    IDS.with_borrow_mut(Ids::uuid)
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    u64::from_ne_bytes(bytes)
}

/// Returns the response of an answer.
pub(crate) fn response(reply: Reply, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(reply.body.into())));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_wrong_method = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    let headers = response.headers_mut();
    if let Some(content_type) = reply.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if is_wrong_method {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    for (name, value) in reply.headers {
        // What a header cannot carry is left out of it; the body has it.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Returns the response of a call whose answer goes on. An error is its last message.
pub(crate) fn events(
    protocol: Protocol,
    operation: Operation,
    events: impl Stream<Item = Result<Event, AwsError>> + Send + 'static,
    request_id: &str,
) -> Response<Body> {
    let message = move |has_failed: &mut bool, event: Result<Event, AwsError>| {
        let message = match &event {
            _ if *has_failed => None,
            Ok((name, document)) => Some(aws_wire::events::event(protocol, operation, name, document)),
            Err(error) => Some(aws_wire::events::error(protocol, operation, error)),
        };
        *has_failed |= event.is_err();
        ready(message)
    };
    let first = stream::iter([aws_wire::events::first(protocol)]);
    let messages = first.chain(events.scan(false, message));
    let frames: Pin<Box<dyn Stream<Item = _> + Send>> = Box::pin(messages.map(|bytes| Ok(Frame::data(bytes.into()))));
    let mut response = Response::new(Either::Right(Either::Right(StreamBody::new(frames))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(aws_wire::events::CONTENT_TYPE));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Returns the response of a refused call.
pub(crate) fn refusal(refused: &Refused, request_id: &str) -> Response<Body> {
    let (caller, operation, error) = refused;
    response(aws_wire::answer::error(*caller, *operation, error, request_id), request_id)
}

/// Returns the response to a user who may not use the platform, in the form in which their client shows it.
pub(crate) fn denied(parts: &Parts, why: &Denied) -> Response<Body> {
    let words = why.to_string();
    let path = parts.uri.path();
    if path == "/v2" || path.starts_with("/v2/") {
        // The distribution specification's own code; its clients print the message.
        return own(StatusCode::FORBIDDEN, &json!({"errors": [{"code": "DENIED", "message": words, "detail": null}]}));
    }
    let who = caller::of(parts);
    // The JSON services' code ends in "Exception", the XML ones' does not (API references, Common Errors).
    let code = if who.says_exception() { "AccessDeniedException" } else { "AccessDenied" };
    refusal(&(who, None, AwsError::new(code, words).with_status(403)), &request_id())
}

/// Returns a response of the platform's own pages.
pub(crate) fn own(status: StatusCode, document: &Value) -> Response<Body> {
    let mut body = document.to_string();
    body.push('\n');
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
