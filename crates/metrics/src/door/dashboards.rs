//! Dashboards on the wire: put, shown, listed and deleted as documents.

use aws_model::page::{Cut, Order, cut};
use aws_model::{Call, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::common::{Tag, by_key};
use super::settings::TAGS;
use crate::Metrics;
use crate::dashboards::{Dashboard, faults};
use crate::error::MetricsError;

/// Dashboards of a page (API reference), and of a call that deletes.
const MOST: usize = 1000;
const DELETED: usize = 100;
/// Characters of a name.
const LONGEST: usize = 255;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    dashboard_name: String,
    dashboard_body: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    dashboard_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    dashboard_name_prefix: Option<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    dashboard_names: Vec<String>,
}

fn arn(metrics: &Metrics, call: &Call, name: &str) -> String {
    let account = &metrics.inner.account;
    aws_model::region::global_arn("cloudwatch", &call.region, account, &format!("dashboard/{name}"))
}

fn unknown(name: &str) -> MetricsError {
    MetricsError::NoDashboard(format!("Dashboard {name} does not exist"))
}

pub(super) async fn put(metrics: &Metrics, _: &Call, input: Put) -> Result<Value, MetricsError> {
    let name = input.dashboard_name;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(is_name) {
        return Err(MetricsError::Dashboard(format!(
            "The value {name} for field DashboardName contains invalid characters. It can only contain alphanumerics, \
             dash (-) and underscore (_), and {LONGEST} of them."
        )));
    }
    if input.tags.len() > TAGS {
        return Err(MetricsError::Dashboard(format!("A dashboard can have at most {TAGS} tags.")));
    }
    let faults = faults(&input.dashboard_body);
    if !faults.is_empty() {
        let told: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.path, fault.words)).collect();
        let words =
            format!("The dashboard body is invalid, there are {} validation errors: {}", faults.len(), told.join("; "));
        return Err(MetricsError::Dashboard(words));
    }
    let (now, tags, body, key) = (metrics.now(), input.tags, input.dashboard_body, name.clone());
    let plan = move |known: Option<&Dashboard>| {
        // "If you specify Tags when updating an existing dashboard, the tag updates are ignored."
        let tags = known.map_or_else(|| by_key(tags), |known| known.tags.clone());
        Ok(Some(Dashboard { name, body, modified: now, tags }))
    };
    metrics.change_dashboard(key, plan).await?;
    Ok(json!({"DashboardValidationMessages": []}))
}

pub(super) async fn get(metrics: &Metrics, call: &Call, input: Named) -> Result<Value, MetricsError> {
    let name = &input.dashboard_name;
    let dashboards = metrics.inner.dashboards.read();
    let dashboard = dashboards.get(name).ok_or_else(|| unknown(name))?;
    Ok(json!({"DashboardArn": arn(metrics, call, name), "DashboardBody": dashboard.body, "DashboardName": name}))
}

pub(super) async fn list(metrics: &Metrics, call: &Call, input: List) -> Result<Value, MetricsError> {
    let dashboards = metrics.inner.dashboards.read();
    let prefix = input.dashboard_name_prefix.unwrap_or_default();
    let asked = dashboards.iter().filter(|(name, _)| name.starts_with(&prefix));
    let rows = asked.map(|(name, dashboard)| (name.clone(), dashboard));
    let Cut { items: rows, next } = cut(rows, Order::Rising, input.next_token.as_deref(), MOST);
    let entry = |dashboard: &Dashboard| {
        json!({
            "DashboardName": dashboard.name,
            "DashboardArn": arn(metrics, call, &dashboard.name),
            "LastModified": seconds(dashboard.modified),
            "Size": dashboard.body.len(),
        })
    };
    let entries: Vec<Value> = rows.into_iter().map(entry).collect();
    Ok(json!({"DashboardEntries": entries, "NextToken": next}))
}

/// "The operation attempts to delete as many dashboards as possible."
pub(super) async fn delete(metrics: &Metrics, _: &Call, input: Delete) -> Result<Value, MetricsError> {
    if input.dashboard_names.len() > DELETED {
        return Err(MetricsError::invalid(format!("At most {DELETED} dashboards are deleted at a time.")));
    }
    let mut missing = None;
    for name in input.dashboard_names {
        let is_known = metrics.inner.dashboards.read().contains_key(&name);
        if !is_known {
            missing = Some(name);
            continue;
        }
        metrics.change_dashboard(name, |_| Ok(None)).await?;
    }
    match missing {
        Some(name) => Err(MetricsError::invalid(format!("Dashboard {name} does not exist"))),
        None => Ok(json!({})),
    }
}
