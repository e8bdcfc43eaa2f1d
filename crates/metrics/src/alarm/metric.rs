//! What an alarm on a metric compares with what. The members are the API's, so that they are answered as they were put.

use serde::{Deserialize, Serialize};

use crate::name::Dimension;
use crate::query::QueryIn;

/// What a metric alarm watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricWatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metric_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) statistic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extended_statistic: Option<String>,
    #[serde(default)]
    pub(crate) dimensions: Vec<Dimension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) metrics: Vec<QueryIn>,
    pub(crate) evaluation_periods: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) datapoints_to_alarm: Option<i64>,
    pub(crate) threshold: f64,
    pub(crate) comparison_operator: Comparison,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) treat_missing_data: Option<Missing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evaluate_low_sample_count_percentile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warm_up_configuration: Option<WarmUp>,
}

/// How a value is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `>=`
    GreaterThanOrEqualToThreshold,
    /// `>`
    GreaterThanThreshold,
    /// `<`
    LessThanThreshold,
    /// `<=`
    LessThanOrEqualToThreshold,
}

impl Comparison {
    /// Whether a value breaches the threshold.
    pub fn is_breached(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::GreaterThanThreshold => value > threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
        }
    }

    /// Returns it in the words of reasons.
    pub fn words(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Self::GreaterThanThreshold => "greater than",
            Self::LessThanThreshold => "less than",
            Self::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }
}

/// What a period without a value is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// Nothing is known of it.
    Missing,
    /// The state stays.
    Ignore,
    /// Outside of the threshold.
    Breaching,
    /// Within it.
    NotBreaching,
}

/// For how long a new alarm is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WarmUp {
    /// Minutes.
    pub warm_up_period_duration_in_minutes: i64,
    /// Whether it waits even where there is data.
    #[serde(default)]
    pub only_start_evaluating_after_warm_up_period_ends: bool,
}

impl MetricWatch {
    /// Returns how many periods are looked at (N), and how many must breach (M).
    pub fn counts(&self) -> (usize, usize) {
        let periods = usize::try_from(self.evaluation_periods).unwrap_or(1).max(1);
        let breaching = self.datapoints_to_alarm.and_then(|count| usize::try_from(count).ok());
        (periods, breaching.unwrap_or(periods))
    }

    /// Returns the length of its periods.
    pub fn period(&self) -> i64 {
        let of_metrics = self.metrics.iter().find_map(|query| Some(query.metric_stat.as_ref()?.period));
        self.period.or(of_metrics).or_else(|| self.metrics.iter().find_map(|query| query.period)).unwrap_or(60)
    }

    /// Returns what missing periods are taken for. "Alarms that evaluate metrics in the AWS/DynamoDB namespace always
    /// ignore missing data" (API reference).
    pub fn missing(&self) -> Missing {
        match self.namespace.as_deref() {
            Some("AWS/DynamoDB") => Missing::Ignore,
            _ => self.treat_missing_data.unwrap_or(Missing::Missing),
        }
    }

    /// Returns the statistic as it was written, if it watches one metric.
    pub fn statistic(&self) -> Option<&str> {
        self.statistic.as_deref().or(self.extended_statistic.as_deref())
    }
}
