//! What people keep with a service.

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::find::service;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most attributes of a service (API reference, UpdateServiceAttributes).
const MOST: usize = 30;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    service_id: String,
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let service = service(world, cx, &read::<Which>(input.clone())?.service_id)?;
    let told = json!({"ServiceArn": service.arn, "ResourceOwner": cx.account, "Attributes": service.attributes});
    Ok(json!({"ServiceAttributes": told}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    service_id: String,
    attributes: BTreeMap<String, String>,
}

pub(super) fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let update: Update = read(input)?;
    let mut service = service(world, cx, &update.service_id)?;
    service.attributes.extend(update.attributes);
    if service.attributes.len() > MOST {
        let words = format!("The service {} cannot have more than {MOST} attributes", service.id);
        return Err(AwsError::new("ServiceAttributesLimitExceededException", words));
    }
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&service)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    service_id: String,
    attributes: Vec<String>,
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let delete: Delete = read(input)?;
    let mut service = service(world, cx, &delete.service_id)?;
    service.attributes.retain(|key, _| !delete.attributes.contains(key));
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&service)] })
}
