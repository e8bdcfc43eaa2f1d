//! Lists: repositories, tags, and what refers to a manifest.

use http::StatusCode;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Answer, Asked, digest, full, respond};
use crate::Registry;

/// How many entries a page has unless the client says.
const PAGE: usize = 1000;

impl Registry {
    pub(super) fn catalog(&self, asked: &Asked) -> Answer {
        let names = self.repositories().into_iter().map(|repository| repository.name).collect();
        let (page, link) = page(names, asked, "/v2/_catalog")?;
        Ok(list(&json!({ "repositories": page }), link))
    }

    pub(super) fn tags(&self, name: &str, asked: &Asked) -> Answer {
        let tags =
            self.read(|truth| Ok::<_, crate::RegistryError>(self.shelf(truth, name)?.tags.keys().cloned().collect()))?;
        let (page, link) = page(tags, asked, &format!("/v2/{name}/tags/list"))?;
        Ok(list(&json!({ "name": name, "tags": page }), link))
    }

    /// A subject that is not here has no referrers, which is an answer and no error.
    pub(super) fn referrers(&self, name: &str, text: &str, asked: &Asked) -> Answer {
        let subject = digest(text)?;
        let wanted = asked.query("artifactType").filter(|wanted| !wanted.is_empty());
        let images = self.list_images(name)?;
        let referrers: Vec<Value> = images
            .into_iter()
            .filter(|image| image.subject.as_ref() == Some(&subject))
            .filter(|image| wanted.is_none_or(|wanted| image.artifact_type.as_deref() == Some(wanted)))
            .map(|image| {
                let mut descriptor = json!({
                    "mediaType": image.media_type,
                    "digest": image.digest,
                    "size": image.manifest_size,
                });
                if let Some(artifact_type) = image.artifact_type {
                    descriptor["artifactType"] = artifact_type.into();
                }
                if !image.annotations.is_empty() {
                    descriptor["annotations"] = json!(image.annotations);
                }
                descriptor
            })
            .collect();
        let index = json!({
            "schemaVersion": 2,
            "mediaType": images::media::OCI_INDEX,
            "manifests": referrers,
        });
        let mut headers = vec![("content-type", images::media::OCI_INDEX.to_owned())];
        if wanted.is_some() {
            headers.push(("oci-filters-applied", "artifactType".to_owned()));
        }
        Ok(respond(StatusCode::OK, &headers, full(index.to_string())))
    }
}

/// Cuts a page out of a sorted list and says where the next one is.
fn page(mut all: Vec<String>, asked: &Asked, path: &str) -> Result<(Vec<String>, Option<String>), Refusal> {
    all.sort_unstable();
    if let Some(last) = asked.query("last") {
        all.retain(|name| name.as_str() > last);
    }
    let count = match asked.query("n") {
        None => PAGE,
        Some(text) => text.parse().map_err(|_| Refusal::size_invalid(format!("n is not a number: '{text}'")))?,
    };
    if all.len() <= count {
        return Ok((all, None));
    }
    all.truncate(count);
    let link = all.last().map(|last| format!("<{path}?n={count}&last={last}>; rel=\"next\""));
    Ok((all, link))
}

fn list(document: &Value, link: Option<String>) -> http::Response<super::Body> {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(link.map(|link| ("link", link)));
    respond(StatusCode::OK, &headers, full(document.to_string()))
}
