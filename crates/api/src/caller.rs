//! How a request's caller speaks: in which protocol, and to which service, as far as the head of the request says.

use std::fmt;

use aws_model::{Protocol, Service};
use aws_wire::{Caller, query};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use crate::sigv4::{self, Scope, Unsigned};

/// Returns the form in which a request's caller expects an error, as far as its head says.
pub(crate) fn of(parts: &Parts) -> Caller {
    if let Some(named) = named(parts) {
        let service = named.operation().and_then(|(prefix, _)| Service::of_target(prefix));
        let protocol = match named {
            Named::Target(_) => json_of(parts, service),
            Named::Path(_) => Protocol::RpcV2Cbor,
        };
        return Caller { protocol, service };
    }
    let pairs = query::pairs(parts.uri.query().unwrap_or_default());
    let scope = sigv4::scope(&parts.headers, &pairs);
    untargeted(scope_named(&scope, parts), None, is_form(parts))
}

/// Returns the service that a request is signed for, well or badly.
pub(crate) fn scope_named<'s>(scope: &'s Result<Scope, Unsigned>, parts: &'s Parts) -> &'s str {
    match scope {
        Ok(scope) => &scope.service,
        Err(_) => sigv4::service(&parts.headers).unwrap_or_default(),
    }
}

/// Returns how the caller of a request without a target speaks.
pub(crate) fn untargeted(scope: &str, version: Option<&str>, is_query: bool) -> Caller {
    let of = |protocol, service| Caller { protocol, service };
    if let (Some((service, protocol)), false) = (rest_service(scope), is_query) {
        return of(protocol, Some(service));
    }
    match (query_service(scope, version), scope) {
        (_, "ec2") => of(Protocol::Ec2, Some(Service::Ec2)),
        (_, "s3") => of(Protocol::RestXml, None),
        (Some(service), _) => of(Protocol::Query, Some(service)),
        (None, _) if is_query => of(Protocol::Query, None),
        (None, _) => of(Protocol::Json11, None),
    }
}

/// Where a request names its service and operation.
pub(crate) enum Named<'r> {
    /// In the header `X-Amz-Target`: `PREFIX.Operation`.
    Target(&'r str),
    /// In RPC v2's path: `PREFIX/operation/Operation`.
    Path(&'r str),
}

pub(crate) fn named(parts: &Parts) -> Option<Named<'_>> {
    // Every request of RPC v2 has this header (Smithy, RPC v2 CBOR, "Requests").
    if parts.headers.get("smithy-protocol").is_some_and(|protocol| protocol == "rpc-v2-cbor") {
        let path = parts.uri.path();
        // What stands before it is of the endpoint's address.
        return Some(Named::Path(path.find("/service/").map_or("", |at| &path[at + "/service/".len()..])));
    }
    let target = parts.headers.get("x-amz-target")?;
    Some(Named::Target(target.to_str().unwrap_or_default()))
}

impl<'r> Named<'r> {
    /// Returns the service's prefix and the operation.
    pub(crate) fn operation(&self) -> Option<(&'r str, &'r str)> {
        match self {
            Self::Target(target) => target.split_once('.'),
            Self::Path(path) => path.split_once("/operation/"),
        }
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => write!(f, "X-Amz-Target '{target}'"),
            Self::Path(path) => write!(f, "the path '/service/{path}'"),
        }
    }
}

/// The version of JSON that the caller says, or the service's.
fn json_of(parts: &Parts, service: Option<Service>) -> Protocol {
    match parts.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes) {
        Some(kind) if kind.starts_with(b"application/x-amz-json-1.0") => Protocol::Json10,
        Some(kind) if kind.starts_with(b"application/x-amz-json-1.1") => Protocol::Json11,
        _ => {
            let own = service.and_then(|service| service.protocols().iter().find(|protocol| protocol.is_json()));
            own.copied().unwrap_or(Protocol::Json11)
        }
    }
}

pub(crate) fn is_form(parts: &Parts) -> bool {
    let form = b"application/x-www-form-urlencoded";
    parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(form))
}

/// Returns the service of a scope that is spoken to by method and path.
pub(crate) fn rest_service(scope: &str) -> Option<(Service, Protocol)> {
    let service = Service::of_scope(scope, None)?;
    let is_rest = |protocol: &&Protocol| matches!(protocol, Protocol::RestJson | Protocol::RestXml);
    Some((service, *service.protocols().iter().find(is_rest)?))
}

/// Services may share a scope and differ by version, as the two load balancers do.
pub(crate) fn query_service(scope: &str, version: Option<&str>) -> Option<Service> {
    let speaks = |service: &Service| {
        service.protocols().iter().any(|protocol| matches!(protocol, Protocol::Query | Protocol::Ec2))
    };
    Service::of_scope(scope, version).filter(speaks)
}
