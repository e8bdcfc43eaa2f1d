//! Understands the envelope of an AWS request: which service, which operation, which input, in which protocol, in
//! whose name. Pure; what it cannot understand it refuses in the caller's protocol.

use std::sync::Arc;

use aws_model::model::Operation;
use aws_model::{AwsError, Call, Document, Door, Protocol, Service};
use aws_wire::{Caller, cbor, json, query, rest};
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::caller::Named;
use crate::doors::Doors;
use crate::sigv4::{self, Scope, Unsigned};
use crate::{caller, dispatch, guard};

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
    match caller::named(parts) {
        Some(named) => head.named(&named, body),
        None => head.unnamed(body),
    }
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
    /// A request that names its operation in its head: JSON in a header, CBOR in its path.
    fn named(&self, named: &Named<'_>, body: &[u8]) -> Result<Opened<'d>, Refused> {
        let parts = self.parts;
        let caller = caller::of(parts);
        let refuse = |error| (caller, None, error);
        let scope = sigv4::scope(&parts.headers, &[]).map_err(|why| refuse(unsigned(why, caller)))?;
        let (_, operation) = named.operation().ok_or_else(|| {
            let words = format!("{named} names no operation");
            refuse(AwsError::new("UnknownOperationException", words))
        })?;
        let speaks = |service: &Service| match named {
            Named::Target(_) => service.protocols().iter().any(|protocol| protocol.is_json()),
            Named::Path(_) => service.protocols().contains(&Protocol::RpcV2Cbor),
        };
        let service = caller.service.filter(speaks).ok_or_else(|| refuse(unserved(&scope.service, operation)))?;
        scoped_for(service, &scope).map_err(refuse)?;
        posted(parts, operation).map_err(refuse)?;
        let offered = self.offered(caller, service, operation)?;
        let input = match named {
            Named::Target(_) => json::read(body),
            Named::Path(_) => cbor::read(body),
        };
        let input = input.map_err(|error| (caller, Some(offered.0), error))?;
        Ok(self.call(caller, offered, scope, input))
    }

    /// A request of Query, where a parameter names the operation, or of REST, where method and path do.
    fn unnamed(&self, body: &[u8]) -> Result<Opened<'d>, Refused> {
        let parts = self.parts;
        let mut pairs = query::pairs(parts.uri.query().unwrap_or_default());
        let form = caller::is_form(parts);
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
        let named = caller::scope_named(&scope, parts);
        let caller = caller::untargeted(named, version.as_deref(), form || action.is_some());
        let refuse = |error| (caller, None, error);
        if let (None, Ok(scope)) = (&action, &scope)
            && let Some((service, protocol)) = caller::rest_service(&scope.service)
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
        let service = caller::query_service(&scope.service, version.as_deref())
            .ok_or_else(|| refuse(unserved(&scope.service, &action)))?;
        let caller = Caller { service: Some(service), ..caller };
        posted(parts, &action).map_err(|error| (caller, None, error))?;
        let offered = self.offered(caller, service, &action)?;
        let input = query::read(offered.0, pairs).map_err(|error| (caller, Some(offered.0), error))?;
        Ok(self.call(caller, offered, scope, input))
    }

    /// A page in a browser can make a user send a request of any method, but not with a signature in a header. So that
    /// is asked for here, where reading is by GET; what is signed in its address alone is refused.
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

/// Returns the scope of a call that is not signed: its proof is in its input, as a web identity's token is.
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
