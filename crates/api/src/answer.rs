//! Turns answers and refusals into HTTP responses, in the caller's protocol.

use std::cell::RefCell;

use aws_model::AwsError;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use platform_core::Ids;
use serde_json::{Value, json};

use crate::admission::Denied;
use crate::call::Reply;
use crate::{envelope, xml};
use aws_model::Service;

/// A response's body: whole for API calls, the registry's own for images.
pub(crate) type Body = Either<Full<Bytes>, registry::Body>;

/// How a caller wants to be told of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JSON 1.1.
    Json,
    /// Query: XML in the namespace of the service, if it is one of ours.
    Query(Option<Service>),
    /// EC2's own wrapping of the Query protocol.
    Ec2,
    /// S3's.
    RestXml,
}

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

/// Returns the response of a call that was answered.
pub(crate) fn success(reply: Reply, request_id: &str) -> Response<Body> {
    match reply {
        Reply::Json(document) => match document {
            // Operations without output answer an empty object on the wire.
            Value::Null => respond(StatusCode::OK, "application/x-amz-json-1.1", "{}".into(), request_id),
            document => {
                let body = serde_json::to_vec(&document).expect("a JSON value can be written");
                respond(StatusCode::OK, "application/x-amz-json-1.1", body.into(), request_id)
            }
        },
        Reply::Xml(document) => respond(StatusCode::OK, "text/xml", document.into(), request_id),
    }
}

/// Returns the response of a refused call.
pub(crate) fn refusal(protocol: Protocol, error: &AwsError, request_id: &str) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let xml = match protocol {
        Protocol::Json => {
            let body = json!({"__type": error.code, "message": error.message}).to_string();
            let mut response = respond(status, "application/x-amz-json-1.1", body.into(), request_id);
            if let Ok(code) = HeaderValue::from_str(&error.code) {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            return response;
        }
        Protocol::Query(service) => xml::error(service.map_or("", Service::xml_namespace), error, request_id),
        Protocol::Ec2 => xml::ec2_error(error, request_id),
        Protocol::RestXml => xml::bare_error(error, request_id),
    };
    respond(status, "text/xml", xml.into(), request_id)
}

/// Returns the response to somebody who may not use the platform, in the form in which their client shows it.
pub(crate) fn denied(parts: &Parts, why: &Denied) -> Response<Body> {
    let words = why.to_string();
    let path = parts.uri.path();
    if path == "/v2" || path.starts_with("/v2/") {
        // The distribution specification's own code; its clients print the message.
        return own(StatusCode::FORBIDDEN, &json!({"errors": [{"code": "DENIED", "message": words, "detail": null}]}));
    }
    let protocol = envelope::protocol(parts);
    // The JSON services' code ends in "Exception", the Query services' does not (API references, Common Errors).
    let code = if protocol == Protocol::Json { "AccessDeniedException" } else { "AccessDenied" };
    refusal(protocol, &AwsError::new(code, words).with_status(403), &request_id())
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

fn respond(status: StatusCode, content_type: &'static str, body: Bytes, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
