//! ListMetrics: which metrics were heard of lately.

use aws_model::Call;
use aws_model::page::{Cut, Order, cut};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Metrics;
use crate::error::MetricsError;
use crate::name::Metric;

/// Metrics of a page (API reference).
const MOST: usize = 500;
const TWO_WEEKS: i64 = 14 * 86_400;
const THREE_HOURS: i64 = 3 * 3600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Filter>,
    next_token: Option<String>,
    recently_active: Option<String>,
    owning_account: Option<String>,
    #[serde(default)]
    include_linked_accounts: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    name: String,
    value: Option<String>,
}

impl List {
    fn is_asked(&self, metric: &Metric) -> bool {
        let dimension = |filter: &Filter| match (metric.dimension(&filter.name), &filter.value) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(found), Some(value)) => found == value,
        };
        self.namespace.as_ref().is_none_or(|namespace| *namespace == metric.namespace)
            && self.metric_name.as_ref().is_none_or(|name| *name == metric.name)
            && self.dimensions.iter().all(dimension)
    }
}

/// "Only the last two weeks" are listed, or the last three hours.
pub(super) async fn list(metrics: &Metrics, call: &Call, input: List) -> Result<Value, MetricsError> {
    let account = &metrics.inner.account;
    let is_ours = input.owning_account.as_ref().is_none_or(|owner| owner == account);
    let age = if input.recently_active.is_some() { THREE_HOURS } else { TWO_WEEKS };
    let since = metrics.now().div_euclid(1000) - age;
    let index = metrics.inner.index.read();
    let asked =
        index.metrics(&call.region).filter(|(metric, last)| is_ours && *last >= since && input.is_asked(metric));
    let mut rows: Vec<(String, &Metric)> = asked.map(|(metric, _)| (key(metric), metric)).collect();
    rows.sort_unstable();
    let Cut { items: rows, next } = cut(rows, Order::Rising, input.next_token.as_deref(), MOST);
    let found: Vec<Value> = rows.iter().map(|metric| metric.document()).collect();
    let owners = input.include_linked_accounts.then(|| vec![account; found.len()]);
    Ok(json!({"Metrics": found, "NextToken": next, "OwningAccounts": owners}))
}

fn key(metric: &Metric) -> String {
    let mut key = format!("{}\0{}", metric.namespace, metric.name);
    metric.dimensions.iter().for_each(|dimension| key.push_str(&format!("\0{}\0{}", dimension.name, dimension.value)));
    key
}
