//! Images of ECR, or of another registry that speaks its API: the embedded platform, an emulator. Are they there, and
//! what does their configuration say?

use std::collections::BTreeSet;

use aws::{CallError, Client, ECR, items};
use aws_model::Document;
use deploy_core::entry;
use deploy_core::lint::image::{ImageRef, Platforms, Version, config_architecture, image_in_index, platforms};
use serde_json::{Value, json};

use super::super::topic::Fact;
use super::{Asker, words};
use crate::observe::{object, text};

/// Forms of manifests that are understood.
pub(super) const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// A configuration is some kilobytes; whatever is larger is something else.
pub(super) const LARGEST_CONFIG: usize = 4 << 20;

/// One repository, as ECR's operations name it.
struct Repository<'a> {
    client: Client,
    image: &'a ImageRef,
    /// Account of the registry, if it is not ours.
    account: Option<String>,
}

pub(super) async fn ask(asker: &Asker<'_>, image: &ImageRef) -> Result<Fact, CallError> {
    let host = image.ecr();
    let region = host.as_ref().map_or(asker.client.region(), |host| host.region.as_str());
    let account = host.as_ref().map(|host| host.account.clone()).filter(|a| Some(a) != asker.account.as_ref());
    let repository = Repository { client: asker.client.in_region(region), image, account };
    repository.look(region).await
}

/// Returns the configuration of an image, for an architecture if it is for several.
///
/// # Errors
/// Why it is not known, in words.
pub(crate) async fn config(client: &Client, image: &ImageRef, architecture: &str) -> Result<Value, String> {
    let host = image.ecr();
    let region = host.as_ref().map_or(client.region(), |host| host.region.as_str());
    let account = host.as_ref().map(|host| host.account.clone());
    let repository = Repository { client: client.in_region(region), image, account };
    let found = repository.manifest(&image.version).await.map_err(|error| words(&error))?;
    let mut manifest = read_manifest(&found.ok_or("it is not there")?)?;
    if let Some(digest) = image_in_index(&manifest, architecture) {
        let found = repository.manifest(&Version::Digest(digest.to_owned())).await.map_err(|error| words(&error))?;
        manifest = read_manifest(&found.ok_or("it is not there")?)?;
    }
    match platforms(&manifest)? {
        Platforms::InConfig(digest) => repository.config(&digest).await,
        Platforms::Known(_) => Err("it is an index of indexes".to_owned()),
    }
}

impl Repository<'_> {
    fn input(&self, mut input: Value) -> Document {
        input["repositoryName"] = json!(self.image.repository);
        if let Some(account) = &self.account {
            input["registryId"] = json!(account);
        }
        object(input)
    }

    /// Returns an image's manifest; none if it is not there.
    async fn manifest(&self, version: &Version) -> Result<Option<String>, CallError> {
        let id = match version {
            Version::Tag(tag) => json!({ "imageTag": tag }),
            Version::Digest(digest) => json!({ "imageDigest": digest }),
        };
        let input = self.input(json!({ "imageIds": [id], "acceptedMediaTypes": MANIFESTS }));
        let answer = self.client.call(&ECR, "BatchGetImage", input).await?;
        let found = items(&answer, "images").first().and_then(Value::as_object);
        Ok(found.map(|found| text(found, "imageManifest").to_owned()))
    }

    async fn look(&self, region: &str) -> Result<Fact, CallError> {
        let (name, version) = (&self.image.repository, &self.image.version);
        match self.manifest(version).await {
            Ok(Some(manifest)) => Ok(self.told(&manifest).await.unwrap_or_else(there)),
            Ok(None) => Ok(Fact::absent(format!("{version} is not in repository `{name}`"))),
            Err(error) if error.is("RepositoryNotFoundException") => {
                Ok(Fact::absent(format!("there is no repository `{name}` in {region}")))
            }
            // A foreign registry may let tasks in and not us.
            Err(error) if error.is_denied() => Ok(Fact::unknown(words(&error))),
            Err(error) => Err(error),
        }
    }

    /// Returns what the manifest, and the configuration that it names, say.
    async fn told(&self, manifest: &str) -> Result<Fact, String> {
        match platforms(&read_manifest(manifest)?)? {
            Platforms::Known(found) => Ok(Fact::Image { architectures: Ok(found), entrypoint: None }),
            Platforms::InConfig(digest) => Ok(configured(&self.config(&digest).await?)),
        }
    }

    async fn config(&self, digest: &str) -> Result<Value, String> {
        let operation = "GetDownloadUrlForLayer";
        let input = self.input(json!({ "layerDigest": digest }));
        let answer = self.client.call(&ECR, operation, input).await.map_err(|error| words(&error))?;
        let fetched = self.client.fetch(&ECR, operation, text(&answer, "downloadUrl"), LARGEST_CONFIG).await;
        read_config(&fetched.map_err(|error| words(&error))?)
    }
}

fn read_manifest(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|_| "its manifest is not JSON".to_owned())
}

pub(super) fn read_config(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|_| "its configuration is not JSON".to_owned())
}

/// An image is there, and why no more is known of it.
pub(super) fn there(reason: String) -> Fact {
    Fact::Image { architectures: Err(reason), entrypoint: None }
}

/// Returns what a configuration says of its image.
pub(super) fn configured(config: &Value) -> Fact {
    let found = config_architecture(config).ok_or_else(|| "its configuration does not say".to_owned());
    let architectures = found.map(|found| BTreeSet::from([found.to_owned()]));
    Fact::Image { architectures, entrypoint: Some(entry::of_config(config)) }
}
