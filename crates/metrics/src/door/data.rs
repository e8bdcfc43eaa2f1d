//! GetMetricData: many statistics and expressions at once, in pages.

use std::collections::HashMap;

use aws_model::{Call, seconds};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::wire::Instant;
use crate::Metrics;
use crate::error::MetricsError;
use crate::math::{Series, Value};
use crate::periods::Grid;
use crate::query::{MetricStat, Query, QueryIn, What, Words, read, render, run};

/// Data points of a call (API reference).
const MOST: usize = 100_800;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Get {
    #[serde(default)]
    metric_data_queries: Vec<QueryIn>,
    start_time: Instant,
    end_time: Instant,
    next_token: Option<String>,
    scan_by: Option<String>,
    max_datapoints: Option<i64>,
    label_options: Option<LabelOptions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LabelOptions {
    timezone: Option<String>,
}

pub(super) async fn get(metrics: &Metrics, call: &Call, input: Get) -> Result<Json, MetricsError> {
    let now = metrics.now().div_euclid(1000);
    let (start, end) = (input.start_time.seconds(), input.end_time.seconds());
    super::in_order(start, end).map_err(MetricsError::validation)?;
    let most = match input.max_datapoints {
        Some(most) if !(1..=MOST as i64).contains(&most) => {
            let words = format!("The parameter MaxDatapoints must be between 1 and {MOST}.");
            return Err(MetricsError::validation(words));
        }
        most => most.map_or(MOST, |most| most as usize),
    };
    let zone = input.label_options.and_then(|options| options.timezone);
    if zone.as_ref().is_some_and(|zone| crate::query::offset(zone).is_none()) {
        return Err(MetricsError::validation("The parameter LabelOptions.Timezone must be + or - and four digits."));
    }
    let queries = read(&input.metric_data_queries, "MetricDataQueries", &metrics.inner.account)?;
    let skip = input.next_token.as_deref();
    let skip = skip.map_or(Ok(0), |skip| skip.parse::<usize>().map_err(|_| MetricsError::NoToken))?;
    let is_rising = input.scan_by.as_deref() == Some("TimestampAscending");
    let region = call.region.clone();
    super::reading(metrics, move |metrics| {
        let span = |period| Grid::asked(start, end, period, now);
        let asked: usize = queries.iter().map(|query| query.points(&span)).sum();
        if asked > MOST * 4 {
            let words = format!("You have requested up to {asked} datapoints, which exceeds the limit of {MOST}.");
            return Err(MetricsError::validation(words));
        }
        let outcomes = run(metrics, &region, &queries, &span)?;
        let defaults = default_labels(&queries);
        let mut results = Vec::new();
        for (query, outcome) in queries.iter().zip(outcomes).filter(|(query, _)| query.is_returned) {
            let words = Words { region: &region, account: &metrics.inner.account, now, zone: zone.as_deref() };
            match outcome.value {
                Value::Series(mut series) => {
                    series.label = defaults.get(query.id.as_str()).unwrap_or(&query.id).clone();
                    let label = query.label.as_deref().unwrap_or("${LABEL}");
                    results.push((query.id.clone(), render(label, &series, &words), series));
                }
                Value::Array(all) => results.extend(all.into_iter().map(|series| {
                    // "Expression-Label Metric-Label", unless the label says where.
                    let label = match query.label.as_deref() {
                        None | Some("") => "${LABEL}".to_owned(),
                        Some(label) if label.contains("${LABEL}") => label.to_owned(),
                        Some(label) => format!("{label} ${{LABEL}}"),
                    };
                    (query.id.clone(), render(&label, &series, &words), series)
                })),
                Value::Scalar(_) => {}
            }
        }
        Ok(cut(results, is_rising, skip, most))
    })
    .await
}

impl Query {
    /// How many points it may have.
    fn points(&self, span: &impl Fn(i64) -> Grid) -> usize {
        match &self.what {
            What::Metric(stat) => span(stat.period).len(),
            What::Expression(..) => self.period.map_or(0, |period| span(period).len()),
        }
    }
}

/// What metrics are called whose queries say nothing: by their name, and by what tells them from others of that name
/// (localstack #10620: the dimensions' values, and the statistic).
fn default_labels(queries: &[Query]) -> HashMap<&str, String> {
    let stats = || {
        queries.iter().filter_map(|query| match &query.what {
            What::Metric(stat) => Some((query.id.as_str(), stat)),
            What::Expression(..) => None,
        })
    };
    let label = |stat: &MetricStat| -> String {
        let mut label = stat.metric.name.clone();
        let namesakes = || stats().filter(|(_, other)| other.metric.name == stat.metric.name);
        if namesakes().any(|(_, other)| other.metric.dimensions != stat.metric.dimensions) {
            for dimension in &stat.metric.dimensions {
                if namesakes().any(|(_, other)| other.metric.dimension(&dimension.name) != Some(&dimension.value)) {
                    label.push(' ');
                    label.push_str(&dimension.value);
                }
            }
        }
        if namesakes().any(|(_, other)| other.words != stat.words) {
            label.push(' ');
            label.push_str(&stat.words);
        }
        label
    };
    stats().map(|(id, stat)| (id, label(stat))).collect()
}

/// Writes a page of the results: as many points as it may have, after those that are skipped.
fn cut(results: Vec<(String, String, Series)>, is_rising: bool, skip: usize, most: usize) -> Json {
    let total: usize = results.iter().map(|(_, _, series)| series.points.len()).sum();
    let (mut skip_left, mut room) = (skip, most);
    let mut written = Vec::new();
    for (id, label, series) in results {
        let mut points: Vec<(i64, f64)> = series.points.into_iter().collect();
        if !is_rising {
            points.reverse();
        }
        let skipped = skip_left.min(points.len());
        skip_left -= skipped;
        let taken = room.min(points.len() - skipped);
        room -= taken;
        let is_done = skipped + taken == points.len();
        let page = &points[skipped..skipped + taken];
        written.push(json!({
            "Id": id,
            "Label": label,
            "Timestamps": page.iter().map(|(at, _)| seconds(at * 1000)).collect::<Vec<_>>(),
            "Values": page.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            "StatusCode": if is_done { "Complete" } else { "PartialData" },
        }));
    }
    let given = skip.saturating_add(most);
    let next = (given < total).then(|| given.to_string());
    json!({"MetricDataResults": written, "NextToken": next, "Messages": []})
}
