//! What is asked of metrics: statistics of them, and expressions of those.
//!
//! `read` holds a request against what its model cannot say, `run` looks the points up and reckons, `label` says what a
//! result is called.

mod label;
mod read;
mod run;

pub(crate) use label::{Words, offset, render};
pub(crate) use read::{QueryIn, read};
pub(crate) use run::run;

use crate::math::{Expression, Search};
use crate::name::Metric;
use crate::point::Statistic;

/// A query that makes sense by itself.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) id: String,
    pub(crate) what: What,
    pub(crate) label: Option<String>,
    pub(crate) is_returned: bool,
    pub(crate) period: Option<i64>,
}

/// What a query asks for.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Metric(MetricStat),
    Expression(Expression, Vec<Search>),
}

/// A statistic of a metric.
#[derive(Debug, Clone)]
pub(crate) struct MetricStat {
    pub(crate) metric: Metric,
    pub(crate) period: i64,
    pub(crate) statistic: Statistic,
    /// As it was written.
    pub(crate) words: String,
    pub(crate) unit: Option<String>,
}
