//! Reads who signs a request and for where. Parsed strictly, never verified: the platform
//! takes any credentials, but not an envelope that AWS would refuse.
//!
//! Codes and words as AWS answers them: botocore's common errors; aws/chalice#828
//! ("Authorization header requires …"), aws/aws-sdk-go#289 (`IncompleteSignature`,
//! "not a valid key=value pair"). The signature is never echoed.

use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE};

/// What a credential scope says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

/// Why an envelope was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// There is no signature at all.
    Missing,
    /// A part is missing or malformed; in AWS's words.
    Incomplete(String),
    /// It is well formed and scoped for something else; in AWS's words.
    Invalid(String),
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Reads the scope from the `Authorization` header, or from the query of a presigned request.
pub(crate) fn scope(headers: &HeaderMap, query: &[(String, String)]) -> Result<Scope, Unsigned> {
    match headers.get(AUTHORIZATION) {
        Some(value) => {
            let value =
                value.to_str().map_err(|_| Unsigned::Incomplete("Authorization header is not ASCII.".into()))?;
            let dated = headers.contains_key("x-amz-date") || headers.contains_key(DATE);
            from_header(value, dated)
        }
        None => from_query(query),
    }
}

/// Returns the service that a header names, even if the rest of the header is wrong: the refusal is written in that
/// service's protocol.
pub(crate) fn service(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = header.split_once("Credential=")?;
    credential.split(',').next()?.split('/').nth(3)
}

fn from_header(value: &str, dated: bool) -> Result<Scope, Unsigned> {
    let (algorithm, parameters) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    if !algorithm.starts_with("AWS4-") {
        return Err(Unsigned::Missing); // Basic, Bearer: another protocol
    }
    if algorithm != ALGORITHM {
        return Err(Unsigned::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for parameter in parameters.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(Unsigned::Incomplete(format!(
                "'{}' not a valid key=value pair (missing equal-sign) in Authorization header: '{ALGORITHM} ...'.",
                shown(parameter)
            )));
        };
        match key {
            "Credential" => credential = Some(value),
            "SignedHeaders" => signed_headers = Some(value),
            "Signature" => signature = Some(value),
            _ => {}
        }
    }
    let required = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)];
    let mut complaints: Vec<String> = required
        .iter()
        .filter(|(_, value)| value.is_none_or(str::is_empty))
        .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
        .collect();
    if !dated {
        complaints
            .push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned());
    }
    match credential {
        Some(credential) if complaints.is_empty() => from_credential(credential),
        _ => Err(Unsigned::Incomplete(format!("{} Authorization={ALGORITHM} ...", complaints.join(" ")))),
    }
}

fn from_query(query: &[(String, String)]) -> Result<Scope, Unsigned> {
    let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(algorithm) = get("X-Amz-Algorithm") else { return Err(Unsigned::Missing) };
    if algorithm != ALGORITHM {
        return Err(Unsigned::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let required = ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
    let complaints: Vec<String> = required
        .iter()
        .filter(|name| get(name).is_none_or(str::is_empty))
        .map(|name| format!("AWS query-string parameters must include '{name}'."))
        .collect();
    match get("X-Amz-Credential") {
        Some(credential) if complaints.is_empty() => from_credential(credential),
        _ => Err(Unsigned::Incomplete(format!("{} Re-examine the query-string parameters.", complaints.join(" ")))),
    }
}

/// `KEY/20260101/REGION/SERVICE/aws4_request`.
fn from_credential(credential: &str) -> Result<Scope, Unsigned> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key, date, region, service, terminator] = parts[..] else {
        return Err(Unsigned::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
            shown(credential)
        )));
    };
    if access_key.is_empty() {
        return Err(Unsigned::Incomplete(format!("Credential has no access key, got '{}'", shown(credential))));
    }
    if terminator != "aws4_request" {
        return Err(Unsigned::Invalid(format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
        )));
    }
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Unsigned::Invalid(format!("Date in Credential scope must be YYYYMMDD, got '{}'.", shown(date))));
    }
    if region.is_empty() || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(Unsigned::Invalid("Credential should be scoped to a valid region.".to_owned()));
    }
    Ok(Scope { access_key: access_key.to_owned(), region: region.to_owned(), service: service.to_owned() })
}

/// Keeps an echo of the caller's bytes short.
fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &str) {
        let got = match from_header(header, true) {
            Ok(scope) => format!("{} {} {}", scope.access_key, scope.region, scope.service),
            Err(Unsigned::Missing) => "missing".to_owned(),
            Err(Unsigned::Incomplete(words)) => format!("incomplete: {words}"),
            Err(Unsigned::Invalid(words)) => format!("invalid: {words}"),
        };
        assert!(got.starts_with(expected), "{header}\n  got      {got}\n  expected {expected}");
    }

    #[test]
    fn reads_the_scope_of_a_signed_request() {
        let tail = "SignedHeaders=host;x-amz-date, Signature=00ff";
        check(
            &format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecs/aws4_request, {tail}"),
            "AKID eu-west-1 ecs",
        );
        check(&format!("AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sts/aws4_request,{tail}"), "a us-east-1 sts");
    }

    #[test]
    fn refuses_what_aws_refuses() {
        check("Basic QVdTOng=", "missing");
        check(
            "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/ecs/aws4_request",
            "incomplete: Unsupported AWS 'algorithm'",
        );
        check(
            "AWS4-HMAC-SHA256",
            "incomplete: Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=",
        );
        check(
            "AWS4-HMAC-SHA256 Credential=AKID /20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature",
            "incomplete: 'Signature' not a valid key=value pair (missing equal-sign)",
        );
        check(
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
            "incomplete: Credential must have exactly 5",
        );
        check(
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecs/aws5, SignedHeaders=host, Signature=0",
            "invalid: Credential should be scoped with a valid terminator",
        );
        check(
            "AWS4-HMAC-SHA256 Credential=a/2026/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0",
            "invalid: Date in Credential",
        );
        check(
            "AWS4-HMAC-SHA256 Credential=a/20260101/../ecs/aws4_request, SignedHeaders=host, Signature=0",
            "invalid: Credential should be scoped to a valid region",
        );
    }

    #[test]
    fn never_echoes_the_signature() {
        for header in
            ["AWS4-HMAC-SHA256 Signature=5ec3e7", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=h, Signature=5ec3e7"]
        {
            assert!(!format!("{:?}", from_header(header, false)).contains("5ec3e7"));
        }
    }

    #[test]
    fn reads_a_presigned_query() {
        let query = |signature: &str| {
            [
                ("X-Amz-Algorithm", ALGORITHM),
                ("X-Amz-Credential", "AKID/20260101/us-east-1/sts/aws4_request"),
                ("X-Amz-Date", "20260101T000000Z"),
                ("X-Amz-SignedHeaders", "host"),
                ("X-Amz-Signature", signature),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
        };
        assert_eq!(scope(&HeaderMap::new(), &query("0f")).unwrap().service, "sts");
        let words =
            "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.";
        assert_eq!(scope(&HeaderMap::new(), &query("")), Err(Unsigned::Incomplete(words.to_owned())));
        assert_eq!(scope(&HeaderMap::new(), &[]), Err(Unsigned::Missing));
    }
}
