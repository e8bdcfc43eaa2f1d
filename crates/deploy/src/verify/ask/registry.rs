//! Images of other registries (Docker Hub, public.ecr.aws, ghcr.io, ...), asked for as a stranger.

use std::time::Duration;

use deploy_core::lint::image::{ImageRef, Platforms, image_in_index, platforms};
use distribution::{Client, Credentials, FetchError, Reference, Settings};
use serde_json::Value;

use super::super::topic::Fact;
use super::image::{LARGEST_CONFIG, MANIFESTS, configured, read_config, there};

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

/// Returns the configuration of an image, for an architecture if it is for several.
///
/// # Errors
/// Why it is not known, in words.
pub(crate) async fn config(image: &ImageRef, architecture: &str) -> Result<Value, String> {
    let failed = |_: FetchError| format!("{} gave no usable answer", image.host);
    let reference = image.to_string().parse::<Reference>().map_err(|_| "it is not a reference".to_owned())?;
    let client = client(image, reference).map_err(failed)?;
    let mut manifest = manifest(&client, None).await.map_err(failed)??;
    if let Some(digest) = image_in_index(&manifest, architecture).map(str::to_owned) {
        manifest = self::manifest(&client, Some(&digest)).await.map_err(failed)??;
    }
    match platforms(&manifest)? {
        Platforms::InConfig(digest) => blob(&client, &digest).await,
        Platforms::Known(_) => Err("it is an index of indexes".to_owned()),
    }
}

async fn look(image: &ImageRef) -> Result<Fact, FetchError> {
    let Ok(reference) = image.to_string().parse::<Reference>() else {
        return Ok(Fact::absent(format!("`{image}` is not an image reference")));
    };
    let client = client(image, reference)?;
    let manifest = manifest(&client, None).await?;
    Ok(told(&client, manifest).await.unwrap_or_else(there))
}

fn client(image: &ImageRef, reference: Reference) -> Result<Client, FetchError> {
    let plain = aws::endpoint::is_loopback(&format!("http://{}", image.host));
    let settings = Settings { plain, connect: CONNECT, silence: PATIENCE, document: PATIENCE };
    Client::new(reference, Credentials::Anonymous, settings)
}

/// Returns a manifest (of a digest, or the reference's own), or why it cannot be read.
async fn manifest(client: &Client, digest: Option<&str>) -> Result<Result<Value, String>, FetchError> {
    let bytes = client.manifest(digest, &MANIFESTS, LARGEST_MANIFEST).await?;
    Ok(serde_json::from_slice(&bytes).map_err(|_| "its manifest is not JSON".to_owned()))
}

/// Returns what a manifest, and the configuration that it names, say.
async fn told(client: &Client, manifest: Result<Value, String>) -> Result<Fact, String> {
    match platforms(&manifest?)? {
        Platforms::Known(found) => Ok(Fact::Image { architectures: Ok(found), entrypoint: None }),
        Platforms::InConfig(digest) => Ok(configured(&blob(client, &digest).await?)),
    }
}

/// Returns the configuration of a digest.
async fn blob(client: &Client, digest: &str) -> Result<Value, String> {
    let fetched = client.small_blob(digest, LARGEST_CONFIG as u64).await;
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
