//! Images of other registries (Docker Hub, public.ecr.aws, ghcr.io, ...), asked for as a stranger.

use std::collections::BTreeSet;
use std::time::Duration;

use deploy_core::lint::image::{ImageRef, Platforms, platforms};
use distribution::{Client, Credentials, FetchError, Reference, Settings};
use serde_json::Value;

use super::super::topic::Fact;
use super::image::{LARGEST_CONFIG, MANIFESTS, read_config};

/// A registry that does not answer must not hold up the rest.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// What registries take (OCI distribution, "Pushing Manifests").
const LARGEST_MANIFEST: u64 = 4 << 20;

pub(super) async fn ask(image: &ImageRef) -> Fact {
    let host = &image.host;
    match tokio::time::timeout(PATIENCE, look(image)).await {
        Ok(Ok(fact)) => fact,
        Ok(Err(error)) => fact(image, &error),
        Err(_) => Fact::unknown(format!("{host} gave no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn look(image: &ImageRef) -> Result<Fact, FetchError> {
    let Ok(reference) = image.to_string().parse::<Reference>() else {
        return Ok(Fact::absent(format!("`{image}` is not an image reference")));
    };
    let plain = aws::endpoint::is_loopback(&format!("http://{}", image.host));
    let settings = Settings { plain, connect: CONNECT, silence: PATIENCE, document: PATIENCE };
    let client = Client::new(reference, Credentials::Anonymous, settings)?;
    let bytes = client.manifest(None, &MANIFESTS, LARGEST_MANIFEST).await?;
    Ok(Fact::Image { architectures: architectures(&client, &bytes).await })
}

async fn architectures(client: &Client, manifest: &[u8]) -> Result<BTreeSet<String>, String> {
    let manifest: Value = serde_json::from_slice(manifest).map_err(|_| "its manifest is not JSON".to_owned())?;
    let digest = match platforms(&manifest)? {
        Platforms::Known(found) => return Ok(found),
        Platforms::InConfig(digest) => digest,
    };
    let fetched = client.small_blob(&digest, LARGEST_CONFIG as u64).await;
    let config = fetched.map_err(|error| match error {
        FetchError::TooLong { .. } => "its configuration is too large to be one".to_owned(),
        _ => "its configuration could not be fetched".to_owned(),
    })?;
    read_config(&config)
}

/// Returns what a failure says about the image. A registry that wants to know us says nothing: Docker
/// Hub answers so for what does not exist, too.
fn fact(image: &ImageRef, error: &FetchError) -> Fact {
    let (host, version, repository) = (&image.host, &image.version, &image.repository);
    match error {
        FetchError::NotFound => Fact::absent(format!("{host} has no {version} of `{repository}`")),
        FetchError::Unauthorized => {
            Fact::unknown(format!("{host} does not show it to strangers: it is private, or not there"))
        }
        FetchError::TooOften => Fact::unknown(format!("{host} was asked too often")),
        FetchError::Request(_) => Fact::unknown(format!("{host} could not be reached")),
        _ => Fact::unknown(format!("{host} gave no usable answer")),
    }
}
