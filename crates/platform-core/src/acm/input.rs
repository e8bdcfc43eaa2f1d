//! Which certificate a call means, and its tags.

use std::collections::BTreeMap;

use aws_model::arn::Arn;
use aws_model::{AwsError, Document, Service};
use serde_json::Value;

use super::Certificate;
use crate::{Cx, World};

pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

pub(super) fn text<'a>(input: &'a Document, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn texts<'a>(input: &'a Document, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    input.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Returns the certificate of `CertificateArn`.
pub(super) fn certificate(world: &World, cx: &Cx<'_>, input: &Document) -> Result<Certificate, AwsError> {
    let arn = text(input, "CertificateArn").unwrap_or_default();
    if Arn::parse(arn).is_none_or(|arn| arn.service != "acm" || !arn.resource.starts_with("certificate/")) {
        return Err(AwsError::new("InvalidArnException", format!("The ARN '{arn}' is not valid")));
    }
    let missing = || AwsError::new("ResourceNotFoundException", format!("Could not find certificate {arn}."));
    world.records.get(cx.region, arn).ok_or_else(missing)
}

/// Reads tags.
pub(super) fn tags(input: &Document) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for tag in input.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let member = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (key, value) = (member("Key"), member("Value"));
        aws_model::tags::refuse(Service::Acm, [(key.as_str(), value.as_str())])?;
        tags.insert(key, value);
    }
    Ok(tags)
}

/// "You can add up to 50 tags" (ACM guide).
pub(super) fn check_count(tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
    Ok(aws_model::tags::refuse_many(Service::Acm, tags.len())?)
}
