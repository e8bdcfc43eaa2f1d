//! Images of other registries (Docker Hub, public.ecr.aws, ghcr.io, ...), asked for as a stranger.

use std::time::Duration;

use deploy_core::lint::image::{ImageRef, Platforms, image_in_index, platforms};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::Value;

use super::super::topic::Fact;
use super::image::{LARGEST_CONFIG, MANIFESTS, configured, read_config, there};

/// A registry that does not answer must not hold up the rest.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

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
    let failed = |_: OciDistributionError| format!("{} gave no usable answer", image.host);
    let client = client(image).map_err(failed)?;
    let mut reference = image.to_string().parse::<Reference>().map_err(|_| "it is no reference".to_owned())?;
    let mut manifest = manifest(&client, &reference).await.map_err(failed)??;
    if let Some(digest) = image_in_index(&manifest, architecture) {
        reference = reference.clone_with_digest(digest.to_owned());
        manifest = self::manifest(&client, &reference).await.map_err(failed)??;
    }
    match platforms(&manifest)? {
        Platforms::InConfig(digest) => blob(&client, &reference, &manifest, &digest).await,
        Platforms::Known(_) => Err("it is an index of indexes".to_owned()),
    }
}

async fn look(image: &ImageRef) -> Result<Fact, OciDistributionError> {
    let Ok(reference) = image.to_string().parse::<Reference>() else {
        return Ok(Fact::absent(format!("`{image}` is not an image reference")));
    };
    let client = client(image)?;
    let manifest = manifest(&client, &reference).await?;
    Ok(told(&client, &reference, manifest).await.unwrap_or_else(there))
}

fn client(image: &ImageRef) -> Result<Client, OciDistributionError> {
    let plain = aws::endpoint::is_loopback(&format!("http://{}", image.host));
    let config = ClientConfig {
        protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
        connect_timeout: Some(CONNECT),
        read_timeout: Some(PATIENCE),
        user_agent: concat!("managr/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    Client::try_from(config)
}

/// Returns a manifest, or why it cannot be read.
async fn manifest(client: &Client, reference: &Reference) -> Result<Result<Value, String>, OciDistributionError> {
    let (bytes, _) = client.pull_manifest_raw(reference, &RegistryAuth::Anonymous, &MANIFESTS).await?;
    Ok(serde_json::from_slice(&bytes).map_err(|_| "its manifest is not JSON".to_owned()))
}

/// Returns what a manifest, and the configuration that it names, say.
async fn told(client: &Client, reference: &Reference, manifest: Result<Value, String>) -> Result<Fact, String> {
    let manifest = manifest?;
    match platforms(&manifest)? {
        Platforms::Known(found) => Ok(Fact::Image { architectures: Ok(found), entrypoint: None }),
        Platforms::InConfig(digest) => Ok(configured(&blob(client, reference, &manifest, &digest).await?)),
    }
}

/// Returns the configuration that a manifest names.
async fn blob(client: &Client, reference: &Reference, manifest: &Value, digest: &str) -> Result<Value, String> {
    let size = manifest.pointer("/config/size").and_then(Value::as_u64).unwrap_or(0);
    if usize::try_from(size).map_or(true, |size| size > LARGEST_CONFIG) {
        return Err("its configuration is too large to be one".to_owned());
    }
    let mut config = Vec::new();
    let fetched = client.pull_blob(reference, digest, &mut config).await;
    fetched.map_err(|_| "its configuration could not be fetched".to_owned())?;
    read_config(&config)
}

/// Returns what a failure says about the image. A registry that wants to know us says nothing: Docker
/// Hub answers so for what does not exist, too.
fn fact(image: &ImageRef, error: &OciDistributionError) -> Fact {
    let (host, version, repository) = (&image.host, &image.version, &image.repository);
    let absent = || Fact::absent(format!("{host} has no {version} of `{repository}`"));
    let private = || Fact::unknown(format!("{host} does not show it to strangers: it is private, or not there"));
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) | OciDistributionError::ServerError { code: 404, .. } => {
            absent()
        }
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError { code: 401 | 403, .. } => private(),
        OciDistributionError::RegistryError { envelope, .. } => {
            let has = |codes: &[OciErrorCode]| envelope.errors.iter().any(|error| codes.contains(&error.code));
            if has(&[OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound]) {
                absent()
            } else if has(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
                private()
            } else if has(&[OciErrorCode::Toomanyrequests]) {
                Fact::unknown(format!("{host} was asked too often"))
            } else {
                Fact::unknown(format!("{host} gave no usable answer"))
            }
        }
        OciDistributionError::RequestError(_) => Fact::unknown(format!("{host} could not be reached")),
        _ => Fact::unknown(format!("{host} gave no usable answer")),
    }
}
