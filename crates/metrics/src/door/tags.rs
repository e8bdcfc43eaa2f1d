//! Tags of alarms and dashboards.

use std::collections::BTreeMap;

use aws_model::Call;
use aws_model::arn::Arn;
use serde::Deserialize;
use serde_json::{Value, json};

use super::common::{Tag, by_key};
use super::settings::TAGS;
use crate::Metrics;
use crate::error::MetricsError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Remove {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
}

/// What has tags.
enum Tagged {
    Alarm(String, String),
    Dashboard(String),
}

fn tagged(arn: &str) -> Result<Tagged, MetricsError> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "cloudwatch");
    let found = parsed.and_then(|arn| match arn.resource.split_once(':') {
        Some(("alarm", name)) => Some(Tagged::Alarm(arn.region.to_owned(), name.to_owned())),
        _ => arn.resource.strip_prefix("dashboard/").map(|name| Tagged::Dashboard(name.to_owned())),
    });
    found.ok_or_else(|| MetricsError::invalid(format!("{arn} is not the ARN of an alarm or a dashboard")))
}

fn unknown(arn: &str) -> MetricsError {
    MetricsError::NoResource(format!("{arn} does not exist"))
}

impl Metrics {
    /// Changes tags, all or none.
    async fn retag(
        &self,
        arn: String,
        change: impl FnOnce(&mut BTreeMap<String, String>) + Send + 'static,
    ) -> Result<Value, MetricsError> {
        let change = |tags: &mut BTreeMap<String, String>| {
            change(tags);
            match tags.len() > TAGS {
                true => Err(MetricsError::invalid(format!("A resource can have at most {TAGS} tags."))),
                false => Ok(()),
            }
        };
        match tagged(&arn)? {
            Tagged::Alarm(region, name) => {
                let place = region.clone();
                let plan = move |alarms: &crate::alarms::Alarms, changes: &mut crate::alarms::Changes| {
                    let mut alarm = alarms.get(&place, &name).cloned().ok_or_else(|| unknown(&arn))?;
                    change(&mut alarm.tags)?;
                    changes.alarms.insert(name, Some(alarm));
                    Ok(())
                };
                self.change(&region, plan).await?;
            }
            Tagged::Dashboard(name) => {
                let plan = move |dashboard: Option<&crate::dashboards::Dashboard>| {
                    let mut dashboard = dashboard.cloned().ok_or_else(|| unknown(&arn))?;
                    change(&mut dashboard.tags)?;
                    Ok(Some(dashboard))
                };
                self.change_dashboard(name, plan).await?;
            }
        }
        Ok(Value::Null)
    }
}

pub(super) async fn put(metrics: &Metrics, _: &Call, input: Put) -> Result<Value, MetricsError> {
    metrics.retag(input.resource_arn, move |tags| tags.extend(by_key(input.tags))).await
}

pub(super) async fn remove(metrics: &Metrics, _: &Call, input: Remove) -> Result<Value, MetricsError> {
    metrics.retag(input.resource_arn, move |tags| tags.retain(|key, _| !input.tag_keys.contains(key))).await
}

pub(super) async fn list(metrics: &Metrics, _: &Call, input: List) -> Result<Value, MetricsError> {
    let arn = &input.resource_arn;
    let tags = match tagged(arn)? {
        Tagged::Alarm(region, name) => metrics.inner.alarms.read().get(&region, &name).map(|alarm| alarm.tags.clone()),
        Tagged::Dashboard(name) => metrics.inner.dashboards.read().get(&name).map(|dashboard| dashboard.tags.clone()),
    };
    let tags = tags.ok_or_else(|| unknown(arn))?;
    let tags: Vec<Tag> = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(json!({"Tags": tags}))
}
