//! The gate's image in the application's registry: looked for, and put there if a schedule needs it.
//!
//! By ECR's own operations, with the credentials that the deploy has: no build tool is needed for an image of one file.

use aws::{Client, ECR};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deploy_core::desired::{Desired, GateSpec};
use deploy_core::gate::IMAGE;
use deploy_core::plan::PlannedImage;
use serde_json::{Value, json};

use super::{GateError, image, program};
use crate::error::StageError;
use crate::event::{Event, Events, ImagePhase};
use crate::observe::{self, object, text};

/// Parts are 5 MiB at least and 20 at most (API reference, UploadLayerPart); a slow line should not run into a timeout.
const PART: usize = 10 << 20;

/// Returns the gate's image as the registry has it; none when no schedule needs one.
///
/// # Errors
/// [`StageError::Gate`] when the tasks have another processor than this program.
pub async fn look(client: &Client, outline: &Desired) -> Result<Option<PlannedImage>, StageError> {
    let Some(spec) = &outline.gate else { return Ok(None) };
    suits(spec)?;
    let tag = tag()?;
    let host = host(client, spec).await?;
    let digest = match host {
        Some(_) => observe::image_digest(client, &spec.repository, &tag).await?,
        None => None,
    };
    let reference = match (&host, &digest) {
        (Some(host), Some(digest)) => format!("{host}/{}@{digest}", spec.repository),
        _ => spec.reference.clone(),
    };
    let (name, tag) = (IMAGE.to_owned(), format!("{}:{tag}", spec.repository));
    Ok(Some(PlannedImage { name, tag, reference, missing: digest.is_none() }))
}

async fn host(client: &Client, spec: &GateSpec) -> Result<Option<String>, StageError> {
    let found = observe::repository(client, &spec.repository).await?;
    Ok(found.and_then(|found| Some(text(&found, "repositoryUri").split_once('/')?.0.to_owned())))
}

/// Puts the image into its repository, which is there; writes into `planned` where it is.
///
/// # Errors
/// See [`StageError`].
pub async fn ensure(
    client: &Client,
    registry: &str,
    spec: &GateSpec,
    planned: &mut PlannedImage,
    events: &Events,
) -> Result<(), StageError> {
    events.emit(Event::ImageStarted { image: IMAGE.to_owned(), phase: ImagePhase::Pushing });
    let program = program::ours()?;
    if !program.files.contains_key(program::CERTIFICATES) && client.endpoint(&aws::ECS).starts_with("https:") {
        let why = "this machine has no file of trusted certificates (SSL_CERT_FILE names one)".to_owned();
        return Err(GateError::Uncarried { why }.into());
    }
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    let made = image::of(&program, architecture)
        .map_err(|error| GateError::Uncarried { why: format!("it could not be packed: {error}") })?;
    drop(program);
    for (digest, bytes) in &made.blobs {
        upload(client, &spec.repository, digest, bytes).await?;
    }
    let tag = tag()?;
    let input = object(json!({
        "repositoryName": spec.repository, "imageManifest": made.manifest,
        "imageManifestMediaType": image::MANIFEST_TYPE, "imageTag": tag,
    }));
    match client.call(&ECR, "PutImage", input).await {
        // Another deploy was quicker; its image is taken, also where tags cannot be moved.
        Err(error) if !error.is("ImageAlreadyExistsException") && !error.is("ImageTagAlreadyExistsException") => {
            return Err(error.into());
        }
        _ => {}
    }
    let digest = observe::image_digest(client, &spec.repository, &tag).await?;
    let digest = digest.ok_or(StageError::Incomplete { operation: "DescribeImages", member: "the image" })?;
    planned.reference = format!("{registry}/{}@{digest}", spec.repository);
    planned.missing = false;
    Ok(())
}

async fn upload(client: &Client, repository: &str, digest: &str, bytes: &[u8]) -> Result<(), StageError> {
    let begun = client.call(&ECR, "InitiateLayerUpload", object(json!({ "repositoryName": repository }))).await?;
    let id = text(&begun, "uploadId");
    let most = begun.get("partSize").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
    let size = most.filter(|most| *most > 0).map_or(PART, |most| most.min(PART));
    for (index, part) in bytes.chunks(size).enumerate() {
        let first = index * size;
        let input = object(json!({
            "repositoryName": repository, "uploadId": id, "partFirstByte": first, "partLastByte": first + part.len() - 1,
            "layerPartBlob": STANDARD.encode(part),
        }));
        client.call(&ECR, "UploadLayerPart", input).await?;
    }
    let input = object(json!({ "repositoryName": repository, "uploadId": id, "layerDigests": [digest] }));
    match client.call(&ECR, "CompleteLayerUpload", input).await {
        Err(error) if !error.is("LayerAlreadyExistsException") => Err(error.into()),
        _ => Ok(()),
    }
}

/// The version and what this build of it is, so that a registry has each once, whatever machine deploys: the first to
/// bring a build brings the libraries of its machine with it.
fn tag() -> Result<String, GateError> {
    let (version, architecture) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    Ok(format!("managr-gate-{version}-{architecture}-{}", program::fingerprint()?))
}

/// Refuses tasks that could not run this program.
fn suits(spec: &GateSpec) -> Result<(), GateError> {
    let own = if std::env::consts::ARCH == "aarch64" { "ARM64" } else { "X86_64" };
    match spec.schedules.iter().find(|(_, task)| task != own) {
        Some((schedule, task)) => {
            Err(GateError::Architecture { schedule: schedule.clone(), task: task.clone(), own: own.to_owned() })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_another_processor_is_refused_with_words() {
        let (own, other) = if cfg!(target_arch = "aarch64") { ("ARM64", "X86_64") } else { ("X86_64", "ARM64") };
        let spec = |task: &str| GateSpec {
            repository: "shop/web".into(),
            reference: "r".into(),
            schedules: vec![("tock".into(), own.into()), ("tick".into(), task.into())],
        };
        assert!(suits(&spec(own)).is_ok());
        let words = suits(&spec(other)).unwrap_err().to_string();
        assert!(words.starts_with(&format!("schedule `tick` runs on {other} and this machine is {own}")), "{words}");
    }
}
