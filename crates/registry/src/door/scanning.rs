//! Scanning, honestly: the settings are kept, and nothing scans. A scan that was asked for, by a call or by a
//! repository's or the registry's setting, has failed, and says why; one that was not asked for is not there.

use aws_model::{AwsError, Call, region};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nothing;
use super::answers::About;
use super::images::found;
use super::refusal::invalid;
use crate::settings::{Scanning, ScanningFilter};
use crate::{ImageDetail, ImageId, Registry, Settings, wildcard};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Names {
    repository_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    repository_name: String,
    image_id: ImageId,
}

pub(super) async fn get(registry: &Registry, _: &Call, _: Nothing) -> Result<Value, AwsError> {
    let scanning = registry.settings().scanning;
    Ok(json!({"registryId": registry.account(), "scanningConfiguration": scanning}))
}

/// Which frequencies go with which type: API reference, `RegistryScanningRule`.
pub(super) async fn put(registry: &Registry, _: &Call, scanning: Scanning) -> Result<Value, AwsError> {
    let forbidden = if scanning.scan_type == "ENHANCED" { "MANUAL" } else { "CONTINUOUS_SCAN" };
    if scanning.rules.iter().any(|rule| rule.scan_frequency == forbidden) {
        let constraint = format!("{forbidden} is not allowed with the scan type {}", scanning.scan_type);
        return Err(invalid("scanFrequency", &constraint));
    }
    let change = |settings: &mut Settings| {
        settings.scanning = scanning.clone();
        Ok::<_, AwsError>(())
    };
    registry.update_settings(change).await?;
    Ok(json!({"registryScanningConfiguration": scanning}))
}

pub(super) async fn of_repositories(registry: &Registry, call: &Call, input: Names) -> Result<Value, AwsError> {
    let (mut configurations, mut failures) = (Vec::new(), Vec::new());
    for name in input.repository_names {
        let Ok(repository) = registry.repository(&name) else {
            failures.push(json!({"repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": format!("Repository with name {name} does not exist")}));
            continue;
        };
        let (frequency, filters) = applied(registry, &name, repository.scan_on_push);
        configurations.push(json!({
            "repositoryArn": region::arn("ecr", &call.region, registry.account(), &format!("repository/{name}")),
            "repositoryName": name,
            "scanOnPush": frequency != "MANUAL",
            "scanFrequency": frequency,
            "appliedScanFilters": filters,
        }));
    }
    Ok(json!({"scanningConfigurations": configurations, "failures": failures}))
}

pub(super) async fn start(registry: &Registry, _: &Call, input: Image) -> Result<About<Value>, AwsError> {
    let Image { repository_name: name, image_id } = input;
    let image = found(registry, &name, image_id.clone())?;
    registry.ask_for_scan(&name, &image.digest).await?;
    Ok(about(registry, &name, image_id, &image))
}

pub(super) async fn findings(registry: &Registry, _: &Call, input: Image) -> Result<About<Value>, AwsError> {
    let Image { repository_name: name, image_id } = input;
    let image = found(registry, &name, image_id.clone())?;
    if !image.scan_asked {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
        let words = format!(
            "Image scan does not exist for the image with '{{imageDigest:'{}', imageTag:'{}'}}' in the repository with \
             name '{name}' in the registry with id '{}'",
            image.digest,
            part(&image_id.tag),
            registry.account()
        );
        return Err(AwsError::new("ScanNotFoundException", words));
    }
    Ok(about(registry, &name, image_id, &image))
}

/// Returns whether an image that comes to a repository now is to be scanned.
pub(super) fn on_push(registry: &Registry, name: &str, scan_on_push: bool) -> bool {
    applied(registry, name, scan_on_push).0 != "MANUAL"
}

/// Returns the status of a scan that was asked for.
pub(super) fn status() -> Value {
    json!({"status": "FAILED", "description": "managr's platform has no scanner; nothing was looked at."})
}

fn about(registry: &Registry, name: &str, id: ImageId, image: &ImageDetail) -> About<Value> {
    let id = ImageId { digest: Some(image.digest.to_string()), ..id };
    About::new(registry, name, json!({"imageId": id, "imageScanStatus": status()}))
}

/// The registry's rules count before the repository's own setting; of several the most frequent does.
fn applied(registry: &Registry, name: &str, scan_on_push: bool) -> (&'static str, Vec<ScanningFilter>) {
    let rules = registry.settings().scanning.rules;
    for frequency in ["CONTINUOUS_SCAN", "SCAN_ON_PUSH"] {
        let of_it = rules.iter().filter(|rule| rule.scan_frequency == frequency);
        let filters = of_it.flat_map(|rule| rule.repository_filters.iter().cloned());
        let filters: Vec<_> = filters.filter(|filter| wildcard::matches(&filter.filter, name)).collect();
        if !filters.is_empty() {
            return (frequency, filters);
        }
    }
    (if scan_on_push { "SCAN_ON_PUSH" } else { "MANUAL" }, Vec::new())
}
