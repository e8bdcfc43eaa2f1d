//! What becomes of certificates that are there.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::{Certificate, Origin, input};
use crate::world::Change;
use crate::{Cx, Input, Outcome, World, elb};

fn done(changes: Vec<Change>) -> Outcome {
    Outcome { reply: json!({}), changes }
}

/// DeleteCertificate: of what no load balancer serves.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let certificate = input::certificate(world, cx, &input)?;
    if !elb::certificate_users(world, &certificate.arn).is_empty() {
        let message = format!("Certificate {} in account {} is in use.", certificate.arn, cx.account);
        return Err(AwsError::new("ResourceInUseException", message));
    }
    Ok(done(vec![Change::remove::<Certificate>(&certificate.region, &certificate.arn)]))
}

/// AddTagsToCertificate.
pub(super) fn add_tags(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut certificate = input::certificate(world, cx, &input)?;
    certificate.tags.extend(input::tags(&input)?);
    input::check_count(&certificate.tags)?;
    Ok(done(vec![Change::put(&certificate)]))
}

/// RemoveTagsFromCertificate: a tag with a value goes only with that value (API reference).
pub(super) fn remove_tags(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut certificate = input::certificate(world, cx, &input)?;
    for tag in input.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let key = tag.get("Key").and_then(Value::as_str).unwrap_or_default();
        let value = tag.get("Value").and_then(Value::as_str);
        if value.is_none_or(|value| certificate.tags.get(key).is_some_and(|known| known == value)) {
            certificate.tags.remove(key);
        }
    }
    Ok(done(vec![Change::put(&certificate)]))
}

/// UpdateCertificateOptions.
pub(super) fn update_options(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut certificate = input::certificate(world, cx, &input)?;
    if certificate.origin == Origin::Imported {
        return Err(input::invalid(format!("Certificate {} is imported: it has no options.", certificate.arn)));
    }
    let options = input.get("Options").and_then(Value::as_object).cloned().unwrap_or_default();
    certificate.options.extend(options);
    Ok(done(vec![Change::put(&certificate)]))
}
