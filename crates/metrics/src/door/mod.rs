//! CloudWatch as a service: which operation is answered by what.
//!
//! Anomaly detectors, insight rules, metric streams, mute rules and alarms on logs are not served.

mod alarms;
mod common;
mod composite;
mod dashboards;
mod data;
mod describe;
mod history;
mod list;
mod put;
mod settings;
mod states;
mod statistics;
mod tags;
mod wire;

use aws_model::call::{Row, names};
use aws_model::{Answering, AwsError, Call, Door, row};

pub(crate) use wire::MetricIn;

use crate::Metrics;
use crate::error::MetricsError;

/// In the order of their names.
const ROWS: &[Row<Metrics>] = &[
    row!("DeleteAlarms", states::delete),
    row!("DeleteDashboards", dashboards::delete),
    row!("DescribeAlarmHistory", history::describe),
    row!("DescribeAlarms", describe::describe),
    row!("DescribeAlarmsForMetric", describe::of_metric),
    row!("DisableAlarmActions", states::disable),
    row!("EnableAlarmActions", states::enable),
    row!("GetDashboard", dashboards::get),
    row!("GetMetricData", data::get),
    row!("GetMetricStatistics", statistics::get),
    row!("ListDashboards", dashboards::list),
    row!("ListMetrics", list::list),
    row!("ListTagsForResource", tags::list),
    row!("PutCompositeAlarm", composite::put),
    row!("PutDashboard", dashboards::put),
    row!("PutMetricAlarm", alarms::put),
    row!("PutMetricData", put::put),
    row!("SetAlarmState", states::set),
    row!("TagResource", tags::put),
    row!("UntagResource", tags::remove),
];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Metrics {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        let name = call.operation.name();
        match ROWS.binary_search_by_key(&name, |(name, _)| name) {
            Ok(row) => ROWS[row].1(self, call),
            Err(_) => Box::pin(async move { Err(AwsError::server(format!("{name} is offered and has no row"))) }),
        }
    }
}

/// Runs what waits for the disk beside the threads that answer.
async fn reading<R: Send + 'static>(
    metrics: &Metrics,
    read: impl FnOnce(&Metrics) -> Result<R, MetricsError> + Send + 'static,
) -> Result<R, MetricsError> {
    let metrics = metrics.clone();
    tokio::task::spawn_blocking(move || read(&metrics)).await.unwrap_or(Err(MetricsError::Interrupted))
}

/// Holds the ends of a stretch of time against each other, in CloudWatch's words (beats #32687).
fn in_order(start: i64, end: i64) -> Result<(), &'static str> {
    match start.cmp(&end) {
        std::cmp::Ordering::Less => Ok(()),
        std::cmp::Ordering::Equal => Err("The parameter StartTime must not equal parameter EndTime."),
        std::cmp::Ordering::Greater => Err("The parameter StartTime must be less than the parameter EndTime."),
    }
}
