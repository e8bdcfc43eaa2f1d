//! Understands the envelope of an AWS request: which service, which operation, which input,
//! in whose name. Pure; what it cannot understand it refuses in the caller's protocol.

use aws_model::{AwsError, Service};
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use platform_core::Input;
use serde_json::Value;

use crate::answer::Protocol;
use crate::call::Call;
use crate::sigv4::{self, Scope, Unsigned};
use crate::{dispatch, guard, limits, query};

/// A refusal, and how to say it.
pub(crate) type Refused = (Protocol, AwsError);

/// Reads a call out of a request.
pub(crate) fn open(parts: &Parts, body: &[u8], request_id: &str) -> Result<Call, Refused> {
    match parts.headers.get("x-amz-target") {
        Some(target) => json_call(parts, target.to_str().unwrap_or_default(), body, request_id),
        None => query_call(parts, body, request_id),
    }
}

/// Returns how a request's caller wants to be told of an error, as far as its head says.
pub(crate) fn protocol(parts: &Parts) -> Protocol {
    if parts.headers.contains_key("x-amz-target") {
        return Protocol::Json;
    }
    let pairs = query::pairs(parts.uri.query().unwrap_or_default());
    let scope = sigv4::scope(&parts.headers, &pairs).map(|scope| scope.service);
    match scope.as_deref() {
        Ok("ec2") => Protocol::Ec2,
        Ok("s3") => Protocol::RestXml,
        Ok(name) if query_service(name, None).is_some() => Protocol::Query(query_service(name, None)),
        _ if is_form(parts) => Protocol::Query(None),
        _ => Protocol::Json,
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

fn json_call(parts: &Parts, target: &str, body: &[u8], request_id: &str) -> Result<Call, Refused> {
    let refuse = |error| (Protocol::Json, error);
    let scope = sigv4::scope(&parts.headers, &[]).map_err(|why| refuse(unsigned(why, Protocol::Json)))?;
    let (prefix, operation) = target.split_once('.').ok_or_else(|| {
        refuse(AwsError::new("UnknownOperationException", format!("X-Amz-Target '{target}' names no operation")))
    })?;
    let service = Service::of_target(prefix).ok_or_else(|| refuse(unserved(&scope.service, operation)))?;
    scoped_for(service, &scope).map_err(refuse)?;
    posted(parts, operation).map_err(refuse)?;
    dispatch::offered(service, operation).map_err(refuse)?;
    let input = json_input(body).map_err(refuse)?;
    Ok(call(parts, service, operation, scope, input, request_id))
}

fn query_call(parts: &Parts, body: &[u8], request_id: &str) -> Result<Call, Refused> {
    let mut pairs = query::pairs(parts.uri.query().unwrap_or_default());
    let form = is_form(parts);
    if form {
        let text = std::str::from_utf8(body)
            .map_err(|_| (Protocol::Query(None), AwsError::new("MalformedInput", "the form body is not UTF-8")))?;
        pairs.extend(query::pairs(text));
    }
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let (action, version) = (get("Action"), get("Version"));

    let scope = sigv4::scope(&parts.headers, &pairs);
    let named = scope.as_ref().map_or("", |scope| scope.service.as_str());
    let protocol = match (&action, named) {
        (_, "ec2") => Protocol::Ec2,
        (None, "s3") => Protocol::RestXml,
        (Some(_), _) => Protocol::Query(query_service(named, version.as_deref())),
        (None, _) if form => Protocol::Query(None),
        (None, _) => Protocol::Json,
    };
    let refuse = |error| (protocol, error);
    let scope = match scope {
        // A web identity's token is the proof: this call is signed by nobody (API reference).
        Err(Unsigned::Missing) if action.as_deref() == Some(crate::sts::WEB_IDENTITY) => Scope {
            access_key: String::new(),
            region: "us-east-1".to_owned(),
            service: Service::Sts.signing_name().to_owned(),
        },
        scope => scope.map_err(|why| refuse(unsigned(why, protocol)))?,
    };
    let Some(action) = action else {
        let known = Service::all().any(|service| service.signing_name() == scope.service);
        return Err(refuse(if known {
            AwsError::new("MissingAction", "the request has neither an X-Amz-Target header nor an Action parameter")
        } else {
            unserved(&scope.service, parts.method.as_str())
        }));
    };
    let service =
        query_service(&scope.service, version.as_deref()).ok_or_else(|| refuse(unserved(&scope.service, &action)))?;
    posted(parts, &action).map_err(refuse)?;
    dispatch::offered(service, &action).map_err(refuse)?;
    let input = query::unfold(pairs).map_err(|words| refuse(AwsError::new("MalformedQueryString", words)))?;
    Ok(call(parts, service, &action, scope, input, request_id))
}

fn call(parts: &Parts, service: Service, operation: &str, scope: Scope, input: Input, request_id: &str) -> Call {
    Call {
        authority: guard::authority(&parts.uri, &parts.headers).unwrap_or_default().to_owned(),
        service,
        operation: operation.to_owned(),
        region: scope.region,
        access_key: scope.access_key,
        input,
        request_id: request_id.to_owned(),
    }
}

/// Services may share a scope and differ by version, as the two load balancers do.
fn query_service(scope: &str, version: Option<&str>) -> Option<Service> {
    Service::of_scope(scope, version).filter(|service| service.protocols().contains(&aws_model::Protocol::Query))
}

fn scoped_for(service: Service, scope: &Scope) -> Result<(), AwsError> {
    if scope.service == service.signing_name() {
        return Ok(());
    }
    let words = format!("Credential should be scoped to correct service: '{}'. ", service.signing_name());
    Err(AwsError::new("InvalidSignatureException", words))
}

/// The codes differ by protocol: JSON services add `Exception` and answer 400, Query services 403.
fn unsigned(why: Unsigned, protocol: Protocol) -> AwsError {
    let json = protocol == Protocol::Json;
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

fn json_input(body: &[u8]) -> Result<Input, AwsError> {
    if body.is_empty() {
        return Ok(Input::new());
    }
    let malformed = |words: String| AwsError::new("SerializationException", words);
    limits::weigh(body).map_err(malformed)?;
    match serde_json::from_slice(body).map_err(|error| malformed(format!("the body is not JSON: {error}")))? {
        Value::Object(members) => Ok(members),
        other => Err(malformed(format!("the body must be a JSON object, not {}", kind(&other)))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_no_objects_are_named() {
        for (body, words) in [("[]", "not a list"), ("null", "not null"), ("\"x\"", "not a string"), ("{", "not JSON")]
        {
            let error = json_input(body.as_bytes()).unwrap_err();
            assert_eq!(error.code, "SerializationException");
            assert!(error.message.contains(words), "{}", error.message);
        }
        assert!(json_input(b"").unwrap().is_empty());
    }
}
