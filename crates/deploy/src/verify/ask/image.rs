//! Images of ECR, or of whoever speaks its API: the embedded platform, an emulator.

use std::collections::BTreeSet;

use aws::{CallError, Client, ECR, items};
use deploy_core::lint::image::{ImageRef, Platforms, Version, config_architecture, platforms};
use ecs_model::Document;
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

impl Repository<'_> {
    fn input(&self, mut input: Value) -> Document {
        input["repositoryName"] = json!(self.image.repository);
        if let Some(account) = &self.account {
            input["registryId"] = json!(account);
        }
        object(input)
    }

    async fn look(&self, region: &str) -> Result<Fact, CallError> {
        let id = match &self.image.version {
            Version::Tag(tag) => json!({ "imageTag": tag }),
            Version::Digest(digest) => json!({ "imageDigest": digest }),
        };
        let input = self.input(json!({ "imageIds": [id], "acceptedMediaTypes": MANIFESTS }));
        let (name, version) = (&self.image.repository, &self.image.version);
        let answer = match self.client.call(&ECR, "BatchGetImage", input).await {
            Ok(answer) => answer,
            Err(error) if error.is("RepositoryNotFoundException") => {
                return Ok(Fact::absent(format!("there is no repository `{name}` in {region}")));
            }
            // A registry of somebody else may let tasks in and us not.
            Err(error) if error.is_denied() => return Ok(Fact::unknown(words(&error))),
            Err(error) => return Err(error),
        };
        let Some(found) = items(&answer, "images").first().and_then(Value::as_object) else {
            return Ok(Fact::absent(format!("{version} is not in repository `{name}`")));
        };
        Ok(Fact::Image { architectures: self.architectures(text(found, "imageManifest")).await })
    }

    async fn architectures(&self, manifest: &str) -> Result<BTreeSet<String>, String> {
        let manifest: Value = serde_json::from_str(manifest).map_err(|_| "its manifest is not JSON".to_owned())?;
        let digest = match platforms(&manifest)? {
            Platforms::Known(found) => return Ok(found),
            Platforms::InConfig(digest) => digest,
        };
        let operation = "GetDownloadUrlForLayer";
        let input = self.input(json!({ "layerDigest": digest }));
        let answer = self.client.call(&ECR, operation, input).await.map_err(|error| words(&error))?;
        let fetched = self.client.fetch(&ECR, operation, text(&answer, "downloadUrl"), LARGEST_CONFIG).await;
        read_config(&fetched.map_err(|error| words(&error))?)
    }
}

/// Returns the architecture that a configuration is for.
pub(super) fn read_config(bytes: &[u8]) -> Result<BTreeSet<String>, String> {
    let config: Value = serde_json::from_slice(bytes).map_err(|_| "its configuration is not JSON".to_owned())?;
    let found = config_architecture(&config).ok_or("its configuration does not say")?;
    Ok(BTreeSet::from([found.to_owned()]))
}
