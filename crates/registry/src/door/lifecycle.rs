//! Lifecycle policies on the wire, and their previews.

use aws_model::{AwsError, Call, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::About;
use super::page::Paging;
use super::policies::Of;
use super::refusal::{invalid, missing};
use crate::lifecycle::{Expired, Policy};
use crate::{Digest, ImageId, Registry, Repository};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    repository_name: String,
    lifecycle_policy_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    repository_name: String,
    lifecycle_policy_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Preview {
    repository_name: String,
    #[serde(default)]
    image_ids: Vec<ImageId>,
    #[serde(default)]
    filter: Filter,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tag_status: Option<String>,
}

type Answered = Result<About<Value>, AwsError>;

pub(super) async fn put(registry: &Registry, _: &Call, input: Put) -> Answered {
    let Put { repository_name: name, lifecycle_policy_text: text } = input;
    read(&text)?;
    let change = |repository: &mut Repository| {
        repository.lifecycle_policy = Some(text.clone());
        repository.lifecycle_evaluated_at = None;
    };
    registry.update_repository(&name, change).await?;
    Ok(About::new(registry, &name, json!({"lifecyclePolicyText": text})))
}

pub(super) async fn get(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let repository = registry.repository(&name)?;
    let text = repository.lifecycle_policy.ok_or_else(|| none(registry, &name))?;
    Ok(About::new(registry, &name, evaluated(&text, repository.lifecycle_evaluated_at)))
}

pub(super) async fn delete(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let take = |repository: &mut Repository| {
        Some((repository.lifecycle_policy.take()?, repository.lifecycle_evaluated_at.take()))
    };
    let (text, at) = registry.update_repository(&name, take).await?.ok_or_else(|| none(registry, &name))?;
    Ok(About::new(registry, &name, evaluated(&text, at)))
}

/// The evaluation is over before this is answered, but AWS answers its beginning, and callers go on to ask.
pub(super) async fn start_preview(registry: &Registry, _: &Call, input: Start) -> Answered {
    let name = input.repository_name;
    let own = registry.repository(&name)?.lifecycle_policy;
    let text = input.lifecycle_policy_text.or(own).ok_or_else(|| none(registry, &name))?;
    registry.preview_lifecycle(&name, &text, &read(&text)?)?;
    Ok(About::new(registry, &name, json!({"lifecyclePolicyText": text, "status": "IN_PROGRESS"})))
}

pub(super) async fn get_preview(registry: &Registry, _: &Call, input: Preview) -> Answered {
    let name = input.repository_name;
    registry.repository(&name)?;
    let preview = registry.lifecycle_preview(&name).ok_or_else(|| {
        missing("LifecyclePolicyPreviewNotFoundException", "Lifecycle policy preview", registry, &name)
    })?;
    let total = preview.expired.len();
    let is_asked = |image: &Expired| {
        let named = |id: &ImageId| {
            id.digest.as_deref().is_none_or(|digest| image.digest.as_str() == digest)
                && id.tag.as_ref().is_none_or(|tag| image.tags.contains(tag))
        };
        let tags = match input.filter.tag_status.as_deref() {
            Some("TAGGED") => !image.tags.is_empty(),
            Some("UNTAGGED") => image.tags.is_empty(),
            _ => true,
        };
        tags && (input.image_ids.is_empty() || input.image_ids.iter().any(named))
    };
    let asked: Vec<Expired> = preview.expired.into_iter().filter(is_asked).collect();
    let key = |image: &Expired| format!("{:020} {}", image.pushed_at, Digest::as_str(&image.digest));
    let page = input.paging.cut(asked, key);
    let results: Vec<Value> = page.items.iter().map(result).collect();
    let answer = json!({
        "lifecyclePolicyText": preview.text,
        "status": "COMPLETE",
        "previewResults": results,
        "summary": {"expiringImageTotalCount": total},
        "nextToken": page.next,
    });
    Ok(About::new(registry, &name, answer))
}

fn result(image: &Expired) -> Value {
    json!({
        "imageDigest": image.digest,
        "imageTags": image.tags,
        "imagePushedAt": seconds(image.pushed_at),
        "action": {"type": "EXPIRE"},
        "appliedRulePriority": image.rule,
    })
}

/// A policy that has not been carried out yet has the epoch (AWS CLI reference, `delete-lifecycle-policy`).
fn evaluated(text: &str, at: Option<i64>) -> Value {
    json!({"lifecyclePolicyText": text, "lastEvaluatedAt": seconds(at.unwrap_or(0))})
}

fn read(text: &str) -> Result<Policy, AwsError> {
    Policy::parse(text)
        .map_err(|reason| invalid("LifecyclePolicyText", &format!("Lifecycle policy validation failure: {reason}")))
}

fn none(registry: &Registry, name: &str) -> AwsError {
    missing("LifecyclePolicyNotFoundException", "Lifecycle policy", registry, name)
}
