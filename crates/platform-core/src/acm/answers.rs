//! Certificates as ACM answers them.

use std::cmp::Reverse;

use aws_model::page::{Order, cut};
use aws_model::{AwsError, Document, Millis, seconds};
use serde_json::{Value, json};

use super::input::{self, invalid, text, texts};
use super::{Certificate, Origin};
use crate::{Cx, Input, World, elb};

/// DescribeCertificate.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = input::certificate(world, cx, input)?;
    let facts = &certificate.facts;
    let mut out = common(&certificate, cx.now);
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("SubjectAlternativeNames", facts.names.clone().into());
    put("Serial", facts.serial.clone().into());
    put("Subject", facts.subject.clone().into());
    put("Issuer", facts.issuer.clone().into());
    put("SignatureAlgorithm", facts.signature_algorithm.clone().into());
    put("InUseBy", elb::certificate_users(world, &certificate.arn).into_iter().collect());
    put("KeyUsages", facts.key_usages.iter().map(|name| json!({"Name": name})).collect());
    let extended = facts.extended_key_usages.iter().map(|(name, oid)| json!({"Name": name, "OID": oid}));
    put("ExtendedKeyUsages", extended.collect());
    put("Options", Value::Object(certificate.options.clone()));
    if certificate.origin == Origin::Issued {
        put("DomainValidationOptions", validations(&certificate));
    }
    Ok(json!({"Certificate": out}))
}

/// All domains are proven: the platform asks for no proof.
fn validations(certificate: &Certificate) -> Value {
    let method = text(&certificate.request, "ValidationMethod").unwrap_or("EMAIL");
    let asked = certificate.request.get("DomainValidationOptions").and_then(Value::as_array);
    let of = |domain: &String| {
        let named = asked.into_iter().flatten().find(|o| o["DomainName"] == *domain);
        let at = named.and_then(|o| o["ValidationDomain"].as_str()).unwrap_or_else(|| domain.trim_start_matches("*."));
        let mut out = json!({"DomainName": domain, "ValidationDomain": at, "ValidationStatus": "SUCCESS",
            "ValidationMethod": method});
        if method == "DNS"
            && let Some((name, value)) = certificate.records.get(domain)
        {
            out["ResourceRecord"] = json!({"Name": name, "Type": "CNAME", "Value": value});
        }
        out
    };
    certificate.facts.names.iter().map(of).collect()
}

/// What both a description and a summary have.
fn common(certificate: &Certificate, now: Millis) -> Document {
    let facts = &certificate.facts;
    let held = if certificate.origin == Origin::Issued { "IssuedAt" } else { "ImportedAt" };
    let out = json!({
        "CertificateArn": certificate.arn,
        "DomainName": facts.domain,
        "Status": status(certificate, now),
        "Type": certificate.origin.as_str(),
        "KeyAlgorithm": facts.key_algorithm,
        "NotBefore": seconds(facts.not_before),
        "NotAfter": seconds(facts.not_after),
        "CreatedAt": seconds(certificate.created_at),
        held: seconds(certificate.held_since),
        "RenewalEligibility": if certificate.origin == Origin::Issued { "ELIGIBLE" } else { "INELIGIBLE" },
    });
    match out {
        Value::Object(out) => out,
        _ => Document::new(),
    }
}

fn status(certificate: &Certificate, now: Millis) -> &'static str {
    if certificate.facts.not_after <= now { "EXPIRED" } else { "ISSUED" }
}

/// GetCertificate.
pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = input::certificate(world, cx, input)?;
    let mut reply = json!({"Certificate": certificate.body});
    if let Some(chain) = certificate.chain {
        reply["CertificateChain"] = chain.into();
    }
    Ok(reply)
}

/// ListTagsForCertificate.
pub(super) fn tags(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = input::certificate(world, cx, input)?;
    let tags = certificate.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    Ok(json!({"Tags": tags.collect::<Vec<_>>()}))
}

/// "Default filtering returns only RSA_1024 and RSA_2048 certificates" (API reference, Filters).
const DEFAULT_KEY_TYPES: [&str; 2] = ["RSA_1024", "RSA_2048"];

/// ListCertificates.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let none = Document::new();
    let includes = input.get("Includes").and_then(Value::as_object).unwrap_or(&none);
    let statuses: Vec<&str> = texts(input, "CertificateStatuses").collect();
    let mut key_types: Vec<&str> = texts(includes, "keyTypes").collect();
    if key_types.is_empty() {
        key_types.extend(DEFAULT_KEY_TYPES);
    }
    let any = |wanted: &str, has: &dyn Fn(&str) -> bool| {
        let mut wanted = texts(includes, wanted).peekable();
        wanted.peek().is_none() || wanted.any(|word| word == "ANY" || has(word))
    };
    let listed = |c: &Certificate| {
        (statuses.is_empty() || statuses.contains(&status(c, cx.now)))
            && key_types.contains(&c.facts.key_algorithm.as_str())
            && any("keyUsage", &|word| c.facts.key_usages.iter().any(|usage| usage == word))
            && any("extendedKeyUsage", &|word| c.facts.extended_key_usages.iter().any(|(usage, _)| usage == word))
            && text(includes, "exportOption").is_none_or(|word| word == export(c))
            && text(includes, "managedBy").is_none()
    };
    let mut found: Vec<Certificate> = world.records.all::<Certificate>(cx.region).filter(listed).collect();
    let place = |c: &Certificate| format!("{:020} {}", c.created_at, c.arn);
    let mut order = Order::Rising;
    match (text(input, "SortBy"), text(input, "SortOrder")) {
        (Some(_), None) => return Err(invalid("SortOrder must be specified with SortBy.")),
        (None, Some(_)) => return Err(invalid("SortBy must be specified with SortOrder.")),
        (Some(_), Some("DESCENDING")) => {
            found.sort_by_key(|c| Reverse(place(c)));
            order = Order::Falling;
        }
        _ => found.sort_by_key(place),
    }
    let most = input.get("MaxItems").and_then(Value::as_u64).map_or(1000, |most| most as usize);
    let found = found.iter().map(|c| (place(c), summary(world, c, cx.now)));
    let page = cut(found, order, text(input, "NextToken"), most);
    let mut reply = json!({"CertificateSummaryList": page.items});
    if let Some(next) = page.next {
        reply["NextToken"] = next.into();
    }
    Ok(reply)
}

fn export(certificate: &Certificate) -> &str {
    text(&certificate.options, "Export").unwrap_or("DISABLED")
}

fn summary(world: &World, certificate: &Certificate, now: Millis) -> Value {
    let facts = &certificate.facts;
    let mut out = common(certificate, now);
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("SubjectAlternativeNameSummaries", facts.names.iter().take(100).cloned().collect());
    put("HasAdditionalSubjectAlternativeNames", (facts.names.len() > 100).into());
    put("KeyUsages", facts.key_usages.clone().into());
    put("ExtendedKeyUsages", facts.extended_key_usages.iter().map(|(name, _)| name.clone()).collect());
    put("InUse", (!elb::certificate_users(world, &certificate.arn).is_empty()).into());
    put("Exported", false.into());
    put("ExportOption", export(certificate).into());
    Value::Object(out)
}
