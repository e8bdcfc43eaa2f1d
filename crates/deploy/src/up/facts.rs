//! What is known now, without changing anything: for showing the documents that `up` would send.

use aws::Client;
use deploy_core::desired::{Facts, desired};

use super::{Wanted, account, images};
use crate::build;
use crate::error::UpError;
use crate::observe::{self, text};

/// Returns the facts that `up` would start from if nothing had to be built or created; what is
/// not there yet stays unknown. `registry` is the host to name where no repository exists.
///
/// # Errors
/// See [`UpError`].
pub async fn facts(client: &Client, wanted: &Wanted, registry: &str) -> Result<Facts, UpError> {
    let mut facts = Facts { git: wanted.git.clone(), ..Facts::local(registry) };
    facts.account = account(client).await?;
    let outline = desired(&wanted.manifest, &wanted.stage, &facts)?;
    if let Some(secret) = &outline.secret {
        let found = observe::secret(client, &secret.name).await?;
        facts.secret_arn = found.map(|secret| text(&secret, "ARN").to_owned());
    }
    // Without a build tool an image's ingredients cannot be told: its tag stays.
    let Ok(tool) = build::detect(wanted.tool).await else { return Ok(facts) };
    for image in &outline.images {
        let recipe = images::recipe(wanted, image);
        let Ok(tag) = images::tag(tool, &wanted.stage, image, &recipe).await else { continue };
        let repository = observe::repository(client, &image.repository).await?;
        let uri = repository.map(|repository| text(&repository, "repositoryUri").to_owned());
        if let (Some(uri), Some(digest)) = (uri, observe::image_digest(client, &image.repository, &tag).await?) {
            facts.images.insert(image.name.clone(), format!("{uri}@{digest}"));
        }
    }
    Ok(facts)
}
