//! Understands the envelope of an AWS request: which service, which operation, which input, in which protocol, in
//! whose name. Pure; what it cannot understand it refuses in the caller's protocol.

use std::sync::Arc;

use aws_model::model::Operation;
use aws_model::{AwsError, Call, Document, Door, Protocol, Service};
use aws_wire::{Caller, cbor, json, query, rest};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;

use crate::doors::Doors;
use crate::sigv4::{self, Scope, Unsigned};
use crate::{dispatch, guard};

/// A refusal, and how to say it. The operation is there if it is known.
pub(crate) type Refused = (Caller, Option<Operation>, AwsError);

/// A call whose envelope was understood; its input is not yet judged.
pub(crate) struct Opened<'d> {
    /// How it wants to be answered.
    pub(crate) caller: Caller,
    /// Who answers.
    pub(crate) door: &'d Arc<dyn Door>,
    /// What is asked.
    pub(crate) call: Call,
}

/// Reads a call out of a request.
pub(crate) fn open<'d>(parts: &Parts, body: &[u8], doors: &'d Doors, request_id: &str) -> Result<Opened<'d>, Refused> {
    let head = Head { parts, doors, request_id };
    match named(parts) {
        Some(Named::Target(target)) => head.json(target, body),
        Some(Named::Path(path)) => head.cbor(path, body),
        None => head.unnamed(body),
    }
}

/// Returns how a request's caller wants to be told of an error, as far as its head says.
pub(crate) fn caller(parts: &Parts) -> Caller {
    let prefix = operation(parts).map(|(prefix, _)| prefix);
    let service = prefix.and_then(Service::of_target);
    match named(parts) {
        Some(Named::Target(_)) => return Caller { protocol: json_of(parts, service), service },
        Some(Named::Path(_)) => return Caller { protocol: Protocol::RpcV2Cbor, service },
        None => {}
    }
    let pairs = query::pairs(parts.uri.query().unwrap_or_default());
    let scope = sigv4::scope(&parts.headers, &pairs);
    untargeted(scope_named(&scope, parts), None, is_form(parts))
}

/// Returns the service that a request is signed for, well or badly.
fn scope_named<'s>(scope: &'s Result<Scope, Unsigned>, parts: &'s Parts) -> &'s str {
    match scope {
        Ok(scope) => &scope.service,
        Err(_) => sigv4::service(&parts.headers).unwrap_or_default(),
    }
}

/// Returns how the caller of a request without a target speaks.
fn untargeted(scope: &str, version: Option<&str>, is_query: bool) -> Caller {
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
enum Named<'r> {
    /// In the header `X-Amz-Target`: `PREFIX.Operation`.
    Target(&'r str),
    /// In RPC v2's path: `PREFIX/operation/Operation`.
    Path(&'r str),
}

fn named(parts: &Parts) -> Option<Named<'_>> {
    // Both must be there; no other protocol has such a path (Smithy, RPC v2 CBOR, "Requests").
    if parts.headers.get("smithy-protocol").is_some_and(|protocol| protocol == "rpc-v2-cbor") {
        let path = parts.uri.path();
        // What stands before it is of the endpoint's address.
        return Some(Named::Path(path.find("/service/").map_or("", |at| &path[at + "/service/".len()..])));
    }
    let target = parts.headers.get("x-amz-target")?;
    Some(Named::Target(target.to_str().unwrap_or_default()))
}

/// Returns the service's prefix and the operation that a request names, if it names them in its head.
pub(crate) fn operation(parts: &Parts) -> Option<(&str, &str)> {
    match named(parts)? {
        Named::Target(target) => target.split_once('.'),
        Named::Path(path) => path.split_once("/operation/"),
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

fn is_form(parts: &Parts) -> bool {
    let form = b"application/x-www-form-urlencoded";
    parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(form))
}

/// Refuses every method but POST. AWS takes Query calls by GET too, but a page in a browser can cause those, by an
/// image's address, and they then say nothing of the page.
fn posted(parts: &Parts, operation: &str) -> Result<(), AwsError> {
    if parts.method == Method::POST {
        return Ok(());
    }
    let words = format!("{operation} is called by POST here, not by {}", parts.method);
    Err(AwsError::new("MethodNotAllowed", words).with_status(405))
}

/// What is known of a request before its body is read.
struct Head<'r, 'd> {
    parts: &'r Parts,
    doors: &'d Doors,
    request_id: &'r str,
}

/// An operation, and who answers it.
type Offered<'d> = (Operation, &'d Arc<dyn Door>);

impl<'d> Head<'_, 'd> {
    fn json(&self, target: &str, body: &[u8]) -> Result<Opened<'d>, Refused> {
        let parts = self.parts;
        let named = target.split_once('.');
        let known = named.and_then(|(prefix, _)| Service::of_target(prefix));
        let caller = Caller { protocol: json_of(parts, known), service: known };
        let refuse = |error| (caller, None, error);
        let scope = sigv4::scope(&parts.headers, &[]).map_err(|why| refuse(unsigned(why, caller)))?;
        let (_, operation) = named.ok_or_else(|| {
            refuse(AwsError::new("UnknownOperationException", format!("X-Amz-Target '{target}' names no operation")))
        })?;
        let service = known.ok_or_else(|| refuse(unserved(&scope.service, operation)))?;
        scoped_for(service, &scope).map_err(refuse)?;
        posted(parts, operation).map_err(refuse)?;
        let offered = self.offered(caller, service, operation)?;
        let input = json::read(body).map_err(|error| (caller, Some(offered.0), error))?;
        Ok(self.call(caller, offered, scope, input))
    }

    fn cbor(&self, path: &str, body: &[u8]) -> Result<Opened<'d>, Refused> {
        let parts = self.parts;
        let named = path.split_once("/operation/");
        let known = named.and_then(|(prefix, _)| Service::of_target(prefix));
        let caller = Caller { protocol: Protocol::RpcV2Cbor, service: known };
        let refuse = |error| (caller, None, error);
        let scope = sigv4::scope(&parts.headers, &[]).map_err(|why| refuse(unsigned(why, caller)))?;
        let (_, operation) = named.ok_or_else(|| {
            refuse(AwsError::new("UnknownOperationException", "the path is not /service/NAME/operation/NAME"))
        })?;
        let speaks = |service: &Service| service.protocols().contains(&Protocol::RpcV2Cbor);
        let service = known.filter(speaks).ok_or_else(|| refuse(unserved(&scope.service, operation)))?;
        scoped_for(service, &scope).map_err(refuse)?;
        posted(parts, operation).map_err(refuse)?;
        let offered = self.offered(caller, service, operation)?;
        let input = cbor::read(body).map_err(|error| (caller, Some(offered.0), error))?;
        Ok(self.call(caller, offered, scope, input))
    }

    /// A request of Query, where a parameter names the operation, or of REST, where method and path do.
    fn unnamed(&self, body: &[u8]) -> Result<Opened<'d>, Refused> {
        let parts = self.parts;
        let mut pairs = query::pairs(parts.uri.query().unwrap_or_default());
        let form = is_form(parts);
        if form {
            let text = std::str::from_utf8(body).map_err(|_| {
                let error = AwsError::new("MalformedInput", "the form body is not UTF-8");
                (Caller { protocol: Protocol::Query, service: None }, None, error)
            })?;
            pairs.extend(query::pairs(text));
        }
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let (action, version) = (get("Action"), get("Version"));

        let scope = sigv4::scope(&parts.headers, &pairs);
        let named = scope_named(&scope, parts);
        let caller = untargeted(named, version.as_deref(), form || action.is_some());
        let refuse = |error| (caller, None, error);
        if let (None, Ok(scope)) = (&action, &scope)
            && let Some((service, protocol)) = rest_service(&scope.service)
        {
            return self.rest((service, protocol), scope.clone(), &pairs, body);
        }
        let unsigned_scope = || unsigned_scope(action.as_deref()?, version.as_deref()?);
        let scope = match (scope, unsigned_scope()) {
            (Err(Unsigned::Missing), Some(scope)) => scope,
            (scope, _) => scope.map_err(|why| refuse(unsigned(why, caller)))?,
        };
        let Some(action) = action else {
            let known = Service::all().any(|service| service.signing_name() == scope.service);
            return Err(refuse(if known {
                AwsError::new("MissingAction", "the request has neither an X-Amz-Target header nor an Action parameter")
            } else {
                unserved(&scope.service, parts.method.as_str())
            }));
        };
        let service = query_service(&scope.service, version.as_deref())
            .ok_or_else(|| refuse(unserved(&scope.service, &action)))?;
        let caller = Caller { service: Some(service), ..caller };
        posted(parts, &action).map_err(|error| (caller, None, error))?;
        let offered = self.offered(caller, service, &action)?;
        let input = query::read(offered.0, pairs).map_err(|error| (caller, Some(offered.0), error))?;
        Ok(self.call(caller, offered, scope, input))
    }

    /// A page in a browser can make somebody send a request of any method, but not with a signature in a header.
    /// So that is asked for here, where reading is by GET; what is signed in its address alone is refused.
    fn rest(
        &self,
        (service, protocol): (Service, Protocol),
        scope: Scope,
        pairs: &[(String, String)],
        body: &[u8],
    ) -> Result<Opened<'d>, Refused> {
        let parts = self.parts;
        let caller = Caller { protocol, service: Some(service) };
        let refuse = |error| (caller, None, error);
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Err(refuse(unsigned(Unsigned::Missing, caller)));
        }
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let (operation, labels) = rest::find(service, method, path)
            .ok_or_else(|| refuse(unserved(&scope.service, &format!("{method} {path}"))))?;
        let offered = self.offered(caller, service, operation.name())?;
        let request = rest::Request { labels, query: pairs, headers: &parts.headers, body };
        let input = rest::read(protocol, operation, request).map_err(|error| (caller, Some(operation), error))?;
        Ok(self.call(caller, offered, scope, input))
    }

    fn offered(&self, caller: Caller, service: Service, operation: &str) -> Result<Offered<'d>, Refused> {
        dispatch::offered(self.doors, service, operation).map_err(|error| (caller, None, error))
    }

    fn call(&self, caller: Caller, (operation, door): Offered<'d>, scope: Scope, input: Document) -> Opened<'d> {
        let call = Call {
            operation,
            region: scope.region,
            access_key: scope.access_key,
            authority: guard::authority(&self.parts.uri, &self.parts.headers).unwrap_or_default().to_owned(),
            input,
            request_id: self.request_id.to_owned(),
        };
        Opened { caller, door, call }
    }
}

/// Returns the scope of a call that nobody signs: its proof is in its input, as a web identity's token is.
fn unsigned_scope(action: &str, version: &str) -> Option<Scope> {
    let is_it = |service: &Service| {
        service.api_version() == version && service.model().operation(action).is_some_and(Operation::is_unsigned)
    };
    let service = Service::all().find(is_it)?;
    Some(Scope {
        access_key: String::new(),
        region: "us-east-1".to_owned(),
        service: service.signing_name().to_owned(),
    })
}

/// Returns the service of a scope that is spoken to by method and path.
fn rest_service(scope: &str) -> Option<(Service, Protocol)> {
    let service = Service::of_scope(scope, None)?;
    let is_rest = |protocol: &&Protocol| matches!(protocol, Protocol::RestJson | Protocol::RestXml);
    Some((service, *service.protocols().iter().find(is_rest)?))
}

/// Services may share a scope and differ by version, as the two load balancers do.
fn query_service(scope: &str, version: Option<&str>) -> Option<Service> {
    let speaks = |service: &Service| {
        service.protocols().iter().any(|protocol| matches!(protocol, Protocol::Query | Protocol::Ec2))
    };
    Service::of_scope(scope, version).filter(speaks)
}

fn scoped_for(service: Service, scope: &Scope) -> Result<(), AwsError> {
    if scope.service == service.signing_name() {
        return Ok(());
    }
    let words = format!("Credential should be scoped to correct service: '{}'. ", service.signing_name());
    Err(AwsError::new("InvalidSignatureException", words))
}

/// The codes differ by protocol: JSON services add `Exception` and answer 400, Query services 403.
fn unsigned(why: Unsigned, caller: Caller) -> AwsError {
    let json = caller.says_exception();
    match why {
        Unsigned::Missing if json => {
            AwsError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        Unsigned::Missing => {
            AwsError::new("MissingAuthenticationToken", "Request is missing Authentication Token").with_status(403)
        }
        Unsigned::Incomplete(words) => {
            AwsError::new(if json { "IncompleteSignatureException" } else { "IncompleteSignature" }, words)
        }
        Unsigned::Invalid(words) if json => AwsError::new("InvalidSignatureException", words),
        Unsigned::Invalid(words) => AwsError::new("SignatureDoesNotMatch", words).with_status(403),
    }
}

/// 501: a final answer. botocore retries it in none of its modes (ran, 1.44.5).
fn unserved(service: &str, operation: &str) -> AwsError {
    let service = if service.is_empty() { "?" } else { service };
    let words = format!("{service} is not served by managr's platform yet (asked for {operation})");
    AwsError::new("NotImplementedException", words).with_status(501)
}
