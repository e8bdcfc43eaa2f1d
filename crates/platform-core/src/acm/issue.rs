//! How certificates come to be: requested, imported, renewed. Keys are made and read elsewhere.

use aws_model::{AwsError, Document, Millis};
use serde_json::{Value, json};

use super::input::{self, invalid, text, texts};
use super::{Certificate, Material, Origin};
use crate::world::Change;
use crate::{Cx, Input, Outcome, World, elb};

/// How long a token means the same request ("within one hour": API reference, RequestCertificate).
const TOKEN: Millis = 3_600_000;

/// What a request is answered without making a key: the ARN that an equal one made.
pub type Repeated = Option<Value>;

/// Refuses a request that cannot be served; returns what an equal one made within the last hour.
///
/// # Errors
/// ACM's words, or this platform's for what it does not do.
pub fn already_requested(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Repeated, AwsError> {
    if text(input, "CertificateAuthorityArn").is_some() {
        return Err(AwsError::new(
            "InvalidParameterException",
            "CertificateAuthorityArn is not supported by this platform: it has one authority, its own.",
        ));
    }
    if text(input, "ManagedBy").is_some() {
        return Err(AwsError::new("InvalidParameterException", "ManagedBy is not supported by this platform."));
    }
    input::check_count(&input::tags(input)?)?;
    let names = names(input);
    for option in input.get("DomainValidationOptions").and_then(Value::as_array).into_iter().flatten() {
        let member = |name: &str| option.get(name).and_then(Value::as_str).unwrap_or_default();
        let (domain, at) = (member("DomainName"), member("ValidationDomain"));
        // "The ValidationDomain must be the same as the DomainName or a superdomain" (API reference).
        let superior = domain == at || domain.ends_with(&format!(".{at}"));
        if !names.iter().any(|name| name == domain) || !superior {
            return Err(AwsError::new(
                "InvalidDomainValidationOptionsException",
                format!("The validation domain '{at}' is not one for '{domain}'."),
            ));
        }
    }
    let Some(token) = text(input, "IdempotencyToken") else { return Ok(None) };
    let same = |c: &Certificate| {
        text(&c.request, "IdempotencyToken") == Some(token)
            && cx.now - c.created_at < TOKEN
            && c.request.get("DomainName") == input.get("DomainName")
            && c.request.get("SubjectAlternativeNames") == input.get("SubjectAlternativeNames")
    };
    let known = world.records.all::<Certificate>(cx.region).find(|c| same(c));
    Ok(known.map(|c| json!({"CertificateArn": c.arn})))
}

/// Returns the names that a request asks for, each once, the domain's first.
pub fn names(input: &Input) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text(input, "DomainName").into_iter().chain(texts(input, "SubjectAlternativeNames")) {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// RequestCertificate, once there is a key: issued at once.
///
/// # Errors
/// See [`already_requested`].
pub fn request(world: &World, cx: &mut Cx<'_>, mut input: Input, material: Material) -> Result<Outcome, AwsError> {
    if let Some(reply) = already_requested(world, cx, &input)? {
        return Ok(Outcome { reply, changes: Vec::new() });
    }
    let tags = input::tags(&input)?;
    input.shift_remove("Tags");
    let mut options = input.get("Options").and_then(Value::as_object).cloned().unwrap_or_default();
    options.entry("CertificateTransparencyLoggingPreference").or_insert_with(|| json!("ENABLED"));
    // The same for a domain and its wildcard, as ACM has it.
    let mut records = std::collections::BTreeMap::<String, (String, String)>::new();
    for name in &material.facts.names {
        let base = name.trim_start_matches("*.").to_owned();
        let twin = records.iter().find(|(known, _)| known.trim_start_matches("*.") == base).map(|(_, r)| r.clone());
        let record = twin.unwrap_or_else(|| {
            let value = format!("_{}.{}.acm-validations.aws.", cx.ids.hex32(), &cx.ids.hex16()[..10]);
            (format!("_{}.{base}.", cx.ids.hex32()), value)
        });
        records.insert(name.clone(), record);
    }
    let certificate = Certificate {
        arn: new_arn(cx),
        region: cx.region.to_owned(),
        origin: Origin::Issued,
        body: material.body,
        chain: material.chain,
        key: material.key,
        facts: material.facts,
        request: input,
        records,
        options,
        created_at: cx.now,
        held_since: cx.now,
        tags,
    };
    let reply = json!({"CertificateArn": certificate.arn});
    Ok(Outcome { reply, changes: vec![Change::put(&certificate)] })
}

fn new_arn(cx: &mut Cx<'_>) -> String {
    let id = cx.ids.uuid();
    cx.arn("acm", &format!("certificate/{id}"))
}

/// ImportCertificate, once the certificate and its key were read.
///
/// # Errors
/// ACM's words for a certificate that is not there, was not imported, or has a key of another kind.
pub fn import(world: &World, cx: &mut Cx<'_>, input: Input, material: Material) -> Result<Outcome, AwsError> {
    let tags = input::tags(&input)?;
    input::check_count(&tags)?;
    if text(&input, "CertificateArn").is_some() {
        let known = input::certificate(world, cx, &input)?;
        if known.origin != Origin::Imported {
            return Err(invalid(format!("Certificate {} was not imported.", known.arn)));
        }
        if !tags.is_empty() {
            return Err(invalid("Tags cannot be specified when a certificate is imported again."));
        }
        // "The key type and size cannot be changed" (ACM guide, reimport).
        if known.facts.key_algorithm != material.facts.key_algorithm {
            return Err(invalid(format!("The key of certificate {} is {}.", known.arn, known.facts.key_algorithm)));
        }
        return Ok(replaced(world, cx.now, known, material));
    }
    let certificate = Certificate {
        arn: new_arn(cx),
        region: cx.region.to_owned(),
        origin: Origin::Imported,
        body: material.body,
        chain: material.chain,
        key: material.key,
        facts: material.facts,
        request: Document::new(),
        records: Default::default(),
        options: [("CertificateTransparencyLoggingPreference".to_owned(), json!("DISABLED"))].into_iter().collect(),
        created_at: cx.now,
        held_since: cx.now,
        tags,
    };
    let reply = json!({"CertificateArn": certificate.arn});
    Ok(Outcome { reply, changes: vec![Change::put(&certificate)] })
}

/// Returns what RenewCertificate renews: its names and its key's algorithm.
///
/// # Errors
/// ACM's words for one that is not there; an imported one is its owner's to renew.
pub fn renewable(world: &World, cx: &Cx<'_>, input: &Input) -> Result<(Vec<String>, String), AwsError> {
    let certificate = input::certificate(world, cx, input)?;
    match certificate.origin {
        Origin::Issued => Ok((certificate.facts.names, certificate.facts.key_algorithm)),
        Origin::Imported => Err(invalid(format!("Certificate {} is imported: import it again.", certificate.arn))),
    }
}

/// RenewCertificate, once there is a new certificate.
///
/// # Errors
/// See [`renewable`].
pub fn renew(world: &World, cx: &mut Cx<'_>, input: Input, material: Material) -> Result<Outcome, AwsError> {
    renewable(world, cx, &input)?;
    let known = input::certificate(world, cx, &input)?;
    let Outcome { changes, .. } = replaced(world, cx.now, known, material);
    Ok(Outcome { reply: json!({}), changes })
}

/// Puts other contents under the same ARN, and has those that serve it look again.
fn replaced(world: &World, now: Millis, known: Certificate, material: Material) -> Outcome {
    let Material { body, chain, key, facts } = material;
    let certificate = Certificate { body, chain, key, facts, held_since: now, ..known };
    let reply = json!({"CertificateArn": certificate.arn});
    let mut changes = vec![Change::put(&certificate)];
    changes.extend(elb::certificate_listeners(world, &certificate.arn).map(|l| Change::Listener(l.clone())));
    Outcome { reply, changes }
}
