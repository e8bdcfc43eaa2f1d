//! Layers through the API: what `docker push` does over HTTP, call by call.

use aws_model::AwsError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use registry::{Digest, RegistryError};
use serde_json::{Value, json};

use super::input::invalid;
use super::{Asked, refuse};

/// What ECR answers as the size of a part; larger ones are taken as well.
const PART: u64 = 10 << 20;
const PART_LIMIT: usize = 20 << 20;

pub(super) fn check_availability(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let digests =
        asked.input.texts("layerDigests")?.ok_or_else(|| invalid("layerDigests", "Member must not be null"))?;
    asked.registry.repository(name).map_err(refuse)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for text in digests {
        let Ok(digest) = text.parse::<Digest>() else {
            let reason =
                "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            failures.push(json!({"layerDigest": text, "failureCode": "InvalidLayerDigest", "failureReason": reason}));
            continue;
        };
        match asked.registry.blob_size(name, &digest).map_err(refuse)? {
            Some(size) => {
                layers.push(json!({"layerDigest": text, "layerAvailability": "AVAILABLE", "layerSize": size}));
            }
            None => layers.push(json!({"layerDigest": text, "layerAvailability": "UNAVAILABLE"})),
        }
    }
    Ok(json!({ "layers": layers, "failures": failures }))
}

pub(super) fn download_url(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let text = asked.input.required("layerDigest")?;
    let digest: Digest = text.parse().map_err(|_| invalid("layerDigest", "must be a sha256 digest"))?;
    if asked.registry.blob_size(name, &digest).map_err(refuse)?.is_none() {
        let words = format!(
            "Layer with digest '{text}' does not exist in the repository with name '{name}' in the registry with id '{}'",
            asked.registry.account()
        );
        return Err(AwsError::new("LayersNotFoundException", words));
    }
    let url = format!("http://{}/v2/{name}/blobs/{digest}", asked.registry.host());
    Ok(json!({ "downloadUrl": url, "layerDigest": text }))
}

pub(super) async fn initiate_upload(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let id = asked.registry.begin_upload(asked.input.repository_name()?).await.map_err(refuse)?;
    Ok(json!({ "uploadId": id, "partSize": PART }))
}

pub(super) async fn upload_part(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let input = asked.input;
    let (name, id) = (input.repository_name()?, input.required("uploadId")?);
    let bound = |member| input.number(member)?.ok_or_else(|| invalid(member, "Member must not be null"));
    let (first, last) = (bound("partFirstByte")?, bound("partLastByte")?);
    let bytes = STANDARD.decode(input.required("layerPartBlob")?);
    let bytes = bytes.map_err(|_| invalid("layerPartBlob", "must be base64"))?;
    if bytes.len() > PART_LIMIT {
        return Err(invalid("layerPartBlob", "Member must have length less than or equal to 20971520"));
    }
    let upload = asked.registry.upload(name, id).map_err(refuse)?;
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
    upload.append(part).await.map_err(|error| refuse(RegistryError::from(error)))?;
    Ok(asked.about(name, json!({ "uploadId": id, "lastByteReceived": last })))
}

pub(super) async fn complete_upload(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let input = asked.input;
    let (name, id) = (input.repository_name()?, input.required("uploadId")?);
    let digests = input.texts("layerDigests")?.unwrap_or_default();
    let text = digests.first().ok_or_else(|| invalid("layerDigests", "Member must not be empty"))?;
    let digest: Digest = text.parse().map_err(|_| invalid("layerDigests", "must be sha256 digests"))?;
    let upload = asked.registry.upload(name, id).map_err(refuse)?;
    if upload.size() == Some(0) {
        let words = format!("Upload with id '{id}' has no bytes");
        return Err(AwsError::new("EmptyUploadException", words));
    }
    if asked.registry.blob_size(name, &digest).map_err(refuse)?.is_some() {
        asked.registry.cancel_upload(name, id).map_err(refuse)?;
        let words = format!(
            "Layer with digest '{digest}' already exists in the repository with name '{name}' in registry with id '{}'",
            asked.registry.account()
        );
        return Err(AwsError::new("LayerAlreadyExistsException", words));
    }
    asked.registry.finish_upload(name, id, &digest).await.map_err(|error| match &error {
        RegistryError::Ingest(cause) if cause.is_mismatch() => {
            AwsError::new("InvalidLayerException", format!("Layer digest does not match: {error}"))
        }
        _ => refuse(error),
    })?;
    Ok(asked.about(name, json!({ "uploadId": id, "layerDigest": digest })))
}
