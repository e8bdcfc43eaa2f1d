//! Which ENTRYPOINT has an image? Its registry knows, and is asked; one that does not answer soon leaves it unknown, and
//! nothing waits for that.

use std::time::Duration;

use aws::{Client, ECR};
use aws_model::Document;
use deploy_core::entry;
use deploy_core::lint::image::{ImageRef, architecture_of};

use crate::observe::text;
use crate::verify::{image, registry};

/// A run does not wait longer for what only a remark depends on.
const PATIENCE: Duration = Duration::from_secs(4);

/// Returns an image's ENTRYPOINT, empty if it has none; none if that is not known. `document` is the task definition
/// that runs it, which says for which processor.
pub(crate) async fn of_image(client: &Client, reference: &str, document: &Document) -> Option<Vec<String>> {
    let image = ImageRef::parse(reference)?;
    let platform = document.get("runtimePlatform").and_then(serde_json::Value::as_object);
    let cpu = platform.map(|platform| text(platform, "cpuArchitecture")).filter(|cpu| !cpu.is_empty());
    let architecture = architecture_of(cpu.unwrap_or("X86_64"));
    let asked = async {
        match image.ecr().is_some() || image.host == own_host(client) {
            true => image::config(client, &image, architecture).await,
            false => registry::config(&image, architecture).await,
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(config)) => Some(entry::of_config(&config)),
        Ok(Err(reason)) => {
            tracing::debug!(image = reference, reason, "its configuration is not known");
            None
        }
        Err(_) => None,
    }
}

/// The host under which an endpoint other than AWS is also the registry.
fn own_host(client: &Client) -> String {
    let endpoint = client.endpoint(&ECR);
    let rest = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}
