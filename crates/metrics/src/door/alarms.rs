//! PutMetricAlarm: what an alarm may be that watches a metric or an expression.

use aws_model::Call;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::common::Common;
use super::settings;
use super::wire::Double;
use crate::Metrics;
use crate::alarm::{Comparison, MetricWatch, Missing, WarmUp, Watch};
use crate::error::MetricsError;
use crate::math;
use crate::name::Dimension;
use crate::point::Statistic;
use crate::query::{self, QueryIn};

/// Metrics of an expression (user guide, "Alarms on math expressions").
const METRICS: usize = 10;
const DAY: i64 = 86_400;
/// What is known and cannot be done: PromQL, bands of anomaly detectors, windows of a wall clock.
const REFUSED: [&str; 3] = ["EvaluationCriteria", "EvaluationInterval", "ThresholdMetricId"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    #[serde(flatten)]
    common: Common,
    metric_name: Option<String>,
    namespace: Option<String>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    period: Option<i64>,
    unit: Option<String>,
    evaluation_periods: Option<i64>,
    datapoints_to_alarm: Option<i64>,
    threshold: Option<Double>,
    comparison_operator: Option<String>,
    treat_missing_data: Option<String>,
    evaluate_low_sample_count_percentile: Option<String>,
    #[serde(default)]
    metrics: Vec<QueryIn>,
    warm_up_configuration: Option<WarmUp>,
    evaluation_window: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

pub(super) async fn put(metrics: &Metrics, call: &Call, input: Put) -> Result<Value, MetricsError> {
    let account = metrics.inner.account.clone();
    let watch = input.watch(&account)?;
    settings::put(metrics, &call.region, input.common, Watch::Metric(Box::new(watch))).await?;
    Ok(Value::Null)
}

fn wrong<T>(words: impl Into<String>) -> Result<T, MetricsError> {
    Err(MetricsError::validation(words))
}

impl Put {
    fn watch(&self, account: &str) -> Result<MetricWatch, MetricsError> {
        if let Some(name) = REFUSED.into_iter().find(|name| self.others.contains_key(*name)) {
            return wrong(format!("{name} is not supported by managr's platform"));
        }
        if self.evaluation_window.as_ref().is_some_and(|window| window.get("WallClockWindow").is_some()) {
            return wrong("EvaluationWindow.WallClockWindow is not supported by managr's platform");
        }
        let Some(evaluation_periods) = self.evaluation_periods else {
            return wrong("The parameter EvaluationPeriods is required.");
        };
        let Some(threshold) = self.threshold else { return wrong("The parameter Threshold is required.") };
        if !threshold.is_measurable() {
            return wrong(format!("The value {} for parameter Threshold is invalid.", threshold.0));
        }
        let Some(operator) = &self.comparison_operator else {
            return wrong("The parameter ComparisonOperator is required.");
        };
        let Ok(comparison_operator) = serde_json::from_value::<Comparison>(json!(operator)) else {
            return wrong(format!("{operator} needs an anomaly detector, which managr's platform has not"));
        };
        let treat_missing_data = match &self.treat_missing_data {
            None => None,
            Some(word) => match serde_json::from_value::<Missing>(json!(word)) {
                Ok(missing) => Some(missing),
                Err(_) => {
                    return wrong(format!(
                        "Option {word} is not supported for TreatMissingData. Supported options: [missing, ignore, \
                         breaching, notBreaching]."
                    ));
                }
            },
        };
        let low = self.evaluate_low_sample_count_percentile.as_deref();
        if !matches!(low, None | Some("evaluate" | "ignore")) {
            return wrong(
                "The parameter EvaluateLowSampleCountPercentile must be a value in the set [evaluate, ignore].",
            );
        }
        // terraform #24070.
        if self.datapoints_to_alarm.is_some_and(|count| count > evaluation_periods) {
            return wrong("DatapointsToAlarm must be less than or equal to EvaluationPeriods");
        }
        match (self.metric_name.is_some(), self.metrics.is_empty()) {
            (true, true) => self.of_metric()?,
            (false, false) => self.of_expression(account)?,
            (true, false) => {
                return wrong(
                    "The parameters MetricName and Metrics are mutually exclusive and you have specified both.",
                );
            }
            (false, true) => return wrong("At least one of the parameters MetricName and Metrics must be specified."),
        }
        let watch = MetricWatch {
            metric_name: self.metric_name.clone(),
            namespace: self.namespace.clone(),
            statistic: self.statistic.clone(),
            extended_statistic: self.extended_statistic.clone(),
            dimensions: self.dimensions.clone(),
            period: self.period,
            unit: self.unit.clone(),
            metrics: self.metrics.clone(),
            evaluation_periods,
            datapoints_to_alarm: self.datapoints_to_alarm,
            threshold: threshold.0,
            comparison_operator,
            treat_missing_data,
            evaluate_low_sample_count_percentile: low.map(str::to_owned),
            warm_up_configuration: self.warm_up_configuration,
        };
        let (period, most) = (watch.period(), if watch.period() < 3600 { DAY } else { 7 * DAY });
        if !matches!(period, 10 | 20 | 30) && period % 60 != 0 {
            return wrong("Period must be 10, 20, 30 or a multiple of 60");
        }
        if period.saturating_mul(evaluation_periods) > most {
            let span = if most == DAY { "a day" } else { "a week" };
            return wrong(format!(
                "Metrics cannot be checked across more than {span} (EvaluationPeriods * Period must be <= {most})."
            ));
        }
        Ok(watch)
    }

    fn of_metric(&self) -> Result<(), MetricsError> {
        if self.namespace.is_none() {
            return wrong("The parameter Namespace is required.");
        }
        if self.period.is_none() {
            return wrong("The parameter Period is required.");
        }
        match (&self.statistic, &self.extended_statistic) {
            (Some(_), Some(_)) => wrong(
                "The parameters Statistic and ExtendedStatistic are mutually exclusive and you have specified both.",
            ),
            (None, None) => wrong("At least one of the parameters Statistic and ExtendedStatistic must be specified."),
            (None, Some(text)) => match Statistic::parse(text) {
                Ok(statistic) if !statistic.is_simple() => Ok(()),
                _ => wrong(format!("The value {text} for parameter ExtendedStatistic is not supported.")),
            },
            (Some(_), None) => Ok(()),
        }
    }

    fn of_expression(&self, account: &str) -> Result<(), MetricsError> {
        let others = [
            ("Namespace", self.namespace.is_some()),
            ("Dimensions", !self.dimensions.is_empty()),
            ("Period", self.period.is_some()),
            ("Unit", self.unit.is_some()),
            ("Statistic", self.statistic.is_some()),
            ("ExtendedStatistic", self.extended_statistic.is_some()),
        ];
        if let Some((name, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
            return wrong(format!(
                "The parameters Metrics and {name} are mutually exclusive and you have specified both."
            ));
        }
        let queries = query::read(&self.metrics, "Metrics", account)?;
        if queries.iter().filter(|query| query.is_returned).count() != 1 {
            // terraform-provider-aws #29894.
            return wrong("Exactly one element of the metrics list should return data.");
        }
        let periods: Vec<i64> = queries
            .iter()
            .filter_map(|query| match &query.what {
                query::What::Metric(stat) => Some(stat.period),
                query::What::Expression(..) => None,
            })
            .collect();
        if periods.len() > METRICS {
            return wrong(format!("An alarm on an expression can include as many as {METRICS} metrics."));
        }
        if periods.windows(2).any(|two| two[0] != two[1]) {
            return wrong("All metrics of an alarm must have the same period.");
        }
        let searches = |query: &query::Query| match &query.what {
            query::What::Expression(expression, _) => math::searches(expression).is_ok_and(|found| !found.is_empty()),
            query::What::Metric(_) => false,
        };
        // "You can't create an alarm based on a SEARCH expression."
        if queries.iter().any(searches) {
            return wrong("SEARCH is not supported on Metric Alarms.");
        }
        Ok(())
    }
}
