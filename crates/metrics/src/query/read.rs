//! Reads `MetricDataQueries`, which GetMetricData and alarms have.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{MetricStat, Query, What};
use crate::door::MetricIn;
use crate::error::MetricsError;
use crate::math::{self, search::Searched};
use crate::periods::is_period;
use crate::point::Statistic;

/// Queries of a call (API reference).
const MOST: usize = 500;

/// A query as the API writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueryIn {
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metric_stat: Option<StatIn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) return_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
}

/// A statistic of a metric as the API writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StatIn {
    pub(crate) metric: MetricIn,
    pub(crate) period: i64,
    pub(crate) stat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
}

/// Reads queries; `parameter` is what the call calls them.
///
/// # Errors
/// Everything that is wrong with single ones, a line each; or what is wrong with them together.
pub(crate) fn read(queries: &[QueryIn], parameter: &str, account: &str) -> Result<Vec<Query>, MetricsError> {
    if queries.is_empty() {
        return Err(MetricsError::validation(format!("The parameter {parameter} is required.")));
    }
    if queries.len() > MOST {
        let words = format!("The collection {parameter} must not have a size greater than {MOST}.");
        return Err(MetricsError::validation(words));
    }
    let mut faults = Vec::new();
    let mut read = Vec::new();
    let mut ids = HashSet::new();
    for (number, query) in queries.iter().enumerate() {
        let place = format!("{parameter}.member.{}", number + 1);
        if !is_id(&query.id) {
            faults.push(format!(
                "The value {} for parameter {place}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.",
                query.id
            ));
        }
        if !ids.insert(query.id.as_str()) {
            faults.push(format!("The values for parameter id in {parameter} are not unique ({}).", query.id));
        }
        if query.account_id.as_ref().is_some_and(|owner| owner != account) {
            faults.push(format!(
                "The parameter {place}.AccountId names another account, which managr's platform has not."
            ));
        }
        match what(query, &place) {
            Ok(what) => read.push(Query {
                id: query.id.clone(),
                what,
                label: query.label.clone(),
                is_returned: query.return_data.unwrap_or(true),
                period: query.period,
            }),
            Err(words) => faults.push(words),
        }
    }
    if !faults.is_empty() {
        return Err(MetricsError::validation(faults.join("\n")));
    }
    known(&read)?;
    Ok(read)
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn what(query: &QueryIn, place: &str) -> Result<What, String> {
    if let Some(period) = query.period.filter(|period| !is_period(*period)) {
        return Err(format!("The value {period} for parameter {place}.Period is not valid: {PERIODS}."));
    }
    match (&query.metric_stat, &query.expression) {
        (Some(_), Some(_)) => {
            // boto3 #3856.
            Err("The parameters MetricDataQuery Expression and MetricStat are mutually exclusive and you have specified \
                 both."
                .to_owned())
        }
        (None, None) => Err(format!("The parameter {place} must have either Expression or MetricStat.")),
        (Some(stat), None) => {
            if !is_period(stat.period) {
                let period = stat.period;
                return Err(format!(
                    "The value {period} for parameter {place}.MetricStat.Period is not valid: {PERIODS}."
                ));
            }
            if stat.metric.namespace.is_empty() || stat.metric.metric_name.is_empty() {
                return Err(format!("The parameter {place}.MetricStat.Metric must have a Namespace and a MetricName."));
            }
            // yet-another-cloudwatch-exporter #385.
            let statistic = Statistic::parse(&stat.stat).map_err(|_| {
                format!("The value {} for parameter {place}.MetricStat.Stat is not a valid statistic.", stat.stat)
            })?;
            let (metric, words, unit) = (stat.metric.metric(), stat.stat.clone(), stat.unit.clone());
            Ok(What::Metric(MetricStat { metric, period: stat.period, statistic, words, unit }))
        }
        (None, Some(text)) => {
            let in_expression = |error| format!("Error in expression '{}': {error}", query.id);
            if text.trim_start().get(..7).is_some_and(|front| front.eq_ignore_ascii_case("select ")) {
                return Err(in_expression(math::MathError::new(
                    "Metrics Insights queries are not supported by managr's platform",
                )));
            }
            let expression = math::parse(text).map_err(in_expression)?;
            let searches = math::searches(&expression).map_err(in_expression)?;
            for search in &searches {
                Searched::parse(&search.text).map_err(in_expression)?;
                Statistic::parse(&search.statistic).map_err(|_| {
                    in_expression(math::MathError::new(format!("'{}' is not a valid statistic", search.statistic)))
                })?;
                if search.period.is_some_and(|period| !is_period(period)) {
                    return Err(in_expression(math::MathError::new(PERIODS)));
                }
            }
            Ok(What::Expression(expression, searches))
        }
    }
}

const PERIODS: &str = "a period is 1, 5, 10, 20, 30 or a multiple of 60";

/// What expressions name must be there, and must not come back to itself.
fn known(queries: &[Query]) -> Result<(), MetricsError> {
    let expressions: HashMap<&str, Vec<&str>> = queries
        .iter()
        .map(|query| match &query.what {
            What::Metric(_) => (query.id.as_str(), Vec::new()),
            What::Expression(expression, _) => (query.id.as_str(), math::names(expression)),
        })
        .collect();
    for (id, names) in &expressions {
        if let Some(name) = names.iter().find(|name| !expressions.contains_key(**name)) {
            let words = format!("Error in expression '{id}': Undeclared variable '{name}'");
            return Err(MetricsError::validation(words));
        }
    }
    // What names only what is settled is settled; what is left over at the end goes in circles.
    let mut settled: HashSet<&str> = HashSet::new();
    loop {
        let before = settled.len();
        for (id, names) in &expressions {
            if names.iter().all(|name| settled.contains(name)) {
                settled.insert(id);
            }
        }
        if settled.len() == expressions.len() {
            return Ok(());
        }
        if settled.len() == before {
            let circle = queries.iter().find(|query| !settled.contains(query.id.as_str()));
            let id = circle.map_or("", |query| query.id.as_str());
            let words = format!("Error in expression '{id}': the expression refers to itself");
            return Err(MetricsError::validation(words));
        }
    }
}
