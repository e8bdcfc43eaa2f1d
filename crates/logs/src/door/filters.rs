//! Metric and subscription filters on the wire.

use std::collections::BTreeMap;

use aws_model::Call;
use aws_model::arn::Arn;
use aws_model::page::{Order, cut};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Done;
use crate::error::LogsError;
use crate::{Logs, MetricFilter, metric};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    log_group_name: Option<String>,
    filter_name_prefix: Option<String>,
    metric_name: Option<String>,
    metric_namespace: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    log_group_name: String,
    filter_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Test {
    filter_pattern: String,
    log_event_messages: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscribe {
    log_group_name: String,
    destination_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    log_group_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Matched {
    event_number: usize,
    event_message: String,
    extracted_values: BTreeMap<String, String>,
}

pub(super) async fn put(logs: &Logs, call: &Call, input: MetricFilter) -> Done {
    logs.put_metric_filter(&call.region, input).await
}

pub(super) async fn delete(logs: &Logs, call: &Call, input: Named) -> Done {
    logs.delete_metric_filter(&call.region, &input.log_group_name, &input.filter_name).await
}

pub(super) async fn describe(logs: &Logs, call: &Call, input: Describe) -> Result<Value, LogsError> {
    if input.metric_name.is_some() != input.metric_namespace.is_some() {
        return Err(LogsError::invalid("Both metricName and metricNamespace must be given, or neither."));
    }
    let is_asked = |filter: &MetricFilter| {
        let prefix = input.filter_name_prefix.as_ref().is_none_or(|prefix| filter.filter_name.starts_with(prefix));
        let metric = filter.metric_transformations.iter().any(|transformation| {
            input.metric_name.as_ref().is_none_or(|name| *name == transformation.metric_name)
                && input.metric_namespace.as_ref().is_none_or(|name| *name == transformation.metric_namespace)
        });
        prefix && metric
    };
    let filters = logs.metric_filters(&call.region, input.log_group_name.as_deref())?;
    let asked = filters.into_iter().filter(|(_, filter)| is_asked(filter));
    let page = cut(asked, Order::Rising, input.next_token.as_deref(), input.limit.unwrap_or(50));
    Ok(json!({"metricFilters": page.items, "nextToken": page.next}))
}

pub(super) async fn test(_: &Logs, _: &Call, input: Test) -> Result<Value, LogsError> {
    let matches = metric::test(&input.filter_pattern, &input.log_event_messages)?.into_iter().map(|found| Matched {
        event_number: found.number,
        event_message: found.message,
        extracted_values: found.extracted,
    });
    Ok(json!({"matches": matches.collect::<Vec<_>>()}))
}

/// AWS sends a test message before it takes a subscription. What it can go to (Kinesis, Firehose, Lambda, a destination)
/// is never there on this platform, and is refused as AWS refuses one that is not there.
pub(super) async fn subscribe(logs: &Logs, call: &Call, input: Subscribe) -> Done {
    if !logs.has_group(&call.region, &input.log_group_name) {
        return Err(LogsError::NoGroup);
    }
    Err(LogsError::invalid(match Arn::parse(&input.destination_arn).map(|arn| arn.service) {
        Some("kinesis") => {
            "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE \
             state. "
        }
        Some("firehose") => {
            "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE \
             state."
        }
        Some("lambda") => {
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your \
             function."
        }
        Some("logs") => "The specified destination does not exist.",
        _ => {
            "destinationArn must be the ARN of a Kinesis stream, a Firehose stream, a Lambda function or a destination."
        }
    }))
}

pub(super) async fn subscriptions(logs: &Logs, call: &Call, input: Group) -> Result<Value, LogsError> {
    match logs.has_group(&call.region, &input.log_group_name) {
        true => Ok(json!({"subscriptionFilters": []})),
        false => Err(LogsError::NoGroup),
    }
}

pub(super) async fn unsubscribe(logs: &Logs, call: &Call, input: Group) -> Done {
    match logs.has_group(&call.region, &input.log_group_name) {
        true => Err(LogsError::NoSubscription),
        false => Err(LogsError::NoGroup),
    }
}
