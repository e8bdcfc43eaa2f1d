//! Layers through the API: what `docker push` does over HTTP, call by call.

use aws_model::{AwsError, Call};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::About;
use super::refusal::invalid;
use crate::{Digest, Registry, RegistryError};

/// What ECR answers as the size of a part; larger ones are taken as well.
const PART: u64 = 10 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layers {
    repository_name: String,
    layer_digests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layer {
    repository_name: String,
    layer_digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Begin {
    repository_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    repository_name: String,
    upload_id: String,
    part_first_byte: u64,
    part_last_byte: u64,
    layer_part_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Complete {
    repository_name: String,
    upload_id: String,
    layer_digests: Vec<String>,
}

pub(super) async fn check_availability(registry: &Registry, _: &Call, input: Layers) -> Result<Value, AwsError> {
    let name = &input.repository_name;
    registry.repository(name)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for text in input.layer_digests {
        let Ok(digest) = text.parse::<Digest>() else {
            let reason =
                "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            failures.push(json!({"layerDigest": text, "failureCode": "InvalidLayerDigest", "failureReason": reason}));
            continue;
        };
        let size = registry.blob_size(name, &digest)?;
        let availability = if size.is_some() { "AVAILABLE" } else { "UNAVAILABLE" };
        layers.push(json!({"layerDigest": text, "layerAvailability": availability, "layerSize": size}));
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

pub(super) async fn download_url(registry: &Registry, _: &Call, input: Layer) -> Result<Value, AwsError> {
    let Layer { repository_name: name, layer_digest: text } = input;
    let digest: Digest = text.parse().map_err(|_| invalid("layerDigest", "must be a sha256 digest"))?;
    if registry.blob_size(&name, &digest)?.is_none() {
        let words = format!(
            "Layer with digest '{text}' does not exist in the repository with name '{name}' in the registry with id '{}'",
            registry.account()
        );
        return Err(AwsError::new("LayersNotFoundException", words));
    }
    let url = format!("http://{}/v2/{name}/blobs/{digest}", registry.host());
    Ok(json!({"downloadUrl": url, "layerDigest": text}))
}

pub(super) async fn initiate_upload(registry: &Registry, _: &Call, input: Begin) -> Result<Value, AwsError> {
    let id = registry.begin_upload(&input.repository_name).await?;
    Ok(json!({"uploadId": id, "partSize": PART}))
}

pub(super) async fn upload_part(registry: &Registry, _: &Call, input: Part) -> Result<About<Value>, AwsError> {
    let Part { repository_name: name, upload_id: id, part_first_byte: first, part_last_byte: last, .. } = input;
    let bytes = STANDARD.decode(input.layer_part_blob);
    let bytes = bytes.map_err(|_| invalid("layerPartBlob", "must be base64"))?;
    let upload = registry.upload(&name, &id)?;
    let size = upload.size();
    if size != Some(first) || last.checked_sub(first).map(|span| span + 1) != Some(bytes.len() as u64) {
        let words = format!(
            "Layer part bytes {first}-{last} of upload '{id}' are not the next {} bytes after byte {}",
            bytes.len(),
            size.unwrap_or(0)
        );
        return Err(AwsError::new("InvalidLayerPartException", words));
    }
    let part = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(bytes))]);
    upload.append(part).await.map_err(RegistryError::from)?;
    Ok(About::new(registry, &name, json!({"uploadId": id, "lastByteReceived": last})))
}

pub(super) async fn complete_upload(registry: &Registry, _: &Call, input: Complete) -> Result<About<Value>, AwsError> {
    let Complete { repository_name: name, upload_id: id, layer_digests } = input;
    let text = layer_digests.first().map(String::as_str).unwrap_or_default();
    let digest: Digest = text.parse().map_err(|_| invalid("layerDigests", "must be sha256 digests"))?;
    let upload = registry.upload(&name, &id)?;
    if upload.size() == Some(0) {
        let words = format!("Upload with id '{id}' has no bytes");
        return Err(AwsError::new("EmptyUploadException", words));
    }
    if registry.blob_size(&name, &digest)?.is_some() {
        registry.cancel_upload(&name, &id)?;
        let words = format!(
            "Layer with digest '{digest}' already exists in the repository with name '{name}' in registry with id '{}'",
            registry.account()
        );
        return Err(AwsError::new("LayerAlreadyExistsException", words));
    }
    registry.finish_upload(&name, &id, &digest).await.map_err(|error| match &error {
        RegistryError::Ingest(cause) if cause.is_mismatch() => {
            AwsError::new("InvalidLayerException", format!("Layer digest does not match: {error}"))
        }
        _ => error.into(),
    })?;
    Ok(About::new(registry, &name, json!({"uploadId": id, "layerDigest": digest})))
}
