//! Groups and streams on the wire.

use std::collections::BTreeMap;

use aws_model::page::Cut;
use aws_model::{Call, Millis};
use serde::{Deserialize, Serialize};

use super::{Done, Named};
use crate::error::LogsError;
use crate::{GroupSettings, GroupView, GroupsQuery, Logs, StreamOrder, StreamView, StreamsQuery};

/// What a page has unless another size is asked for.
const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    log_group_name: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    log_group_class: Option<String>,
    kms_key_id: Option<String>,
    #[serde(default)]
    deletion_protection_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    log_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stream {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Retention {
    log_group_name: String,
    retention_in_days: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    #[serde(default)]
    log_group_identifiers: Vec<String>,
    log_group_class: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeStreams {
    #[serde(flatten)]
    group: Named,
    log_stream_name_prefix: Option<String>,
    #[serde(default)]
    order_by: StreamOrder,
    #[serde(default)]
    descending: bool,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Groups {
    log_groups: Vec<GroupAnswer>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupAnswer {
    log_group_name: String,
    creation_time: Millis,
    retention_in_days: Option<i64>,
    metric_filter_count: usize,
    arn: String,
    log_group_arn: String,
    kms_key_id: Option<String>,
    log_group_class: String,
    deletion_protection_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Streams {
    log_streams: Vec<StreamAnswer>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamAnswer {
    log_stream_name: String,
    creation_time: Millis,
    first_event_timestamp: Option<Millis>,
    last_event_timestamp: Option<Millis>,
    last_ingestion_time: Option<Millis>,
    arn: String,
}

pub(super) async fn create(logs: &Logs, call: &Call, input: Create) -> Done {
    let settings = GroupSettings {
        tags: input.tags,
        class: input.log_group_class,
        kms_key_id: input.kms_key_id,
        protected: input.deletion_protection_enabled,
    };
    logs.create_group(&call.region, &input.log_group_name, settings).await
}

pub(super) async fn delete(logs: &Logs, call: &Call, input: Group) -> Done {
    logs.delete_group(&call.region, &input.log_group_name).await
}

pub(super) async fn create_stream(logs: &Logs, call: &Call, input: Stream) -> Done {
    logs.create_stream(&call.region, &input.log_group_name, &input.log_stream_name).await
}

pub(super) async fn delete_stream(logs: &Logs, call: &Call, input: Stream) -> Done {
    logs.delete_stream(&call.region, &input.log_group_name, &input.log_stream_name).await
}

pub(super) async fn put_retention(logs: &Logs, call: &Call, input: Retention) -> Done {
    logs.set_retention(&call.region, &input.log_group_name, Some(input.retention_in_days)).await
}

pub(super) async fn delete_retention(logs: &Logs, call: &Call, input: Group) -> Done {
    logs.set_retention(&call.region, &input.log_group_name, None).await
}

pub(super) async fn describe(logs: &Logs, call: &Call, input: Describe) -> Result<Groups, LogsError> {
    let query = GroupsQuery {
        prefix: input.log_group_name_prefix,
        pattern: input.log_group_name_pattern,
        identifiers: input.log_group_identifiers,
        class: input.log_group_class,
        limit: input.limit.unwrap_or(PAGE),
        token: input.next_token,
    };
    if query.prefix.is_some() && query.pattern.is_some() {
        return Err(LogsError::invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let Cut { items, next } = logs.groups(&call.region, &query)?;
    Ok(Groups { log_groups: items.into_iter().map(group).collect(), next_token: next })
}

pub(super) async fn describe_streams(logs: &Logs, call: &Call, input: DescribeStreams) -> Result<Streams, LogsError> {
    let (region, name) = input.group.key(logs, call)?;
    let query = StreamsQuery {
        prefix: input.log_stream_name_prefix,
        order: input.order_by,
        descending: input.descending,
        limit: input.limit.unwrap_or(PAGE),
        token: input.next_token,
    };
    let Cut { items, next } = logs.streams(&region, &name, &query)?;
    Ok(Streams { log_streams: items.into_iter().map(stream).collect(), next_token: next })
}

fn group(view: GroupView) -> GroupAnswer {
    GroupAnswer {
        log_group_name: view.name,
        creation_time: view.created,
        retention_in_days: view.retention,
        metric_filter_count: view.metric_filters,
        arn: format!("{}:*", view.arn),
        log_group_arn: view.arn,
        kms_key_id: view.kms_key_id,
        log_group_class: view.class,
        deletion_protection_enabled: view.protected,
    }
}

fn stream(view: StreamView) -> StreamAnswer {
    StreamAnswer {
        log_stream_name: view.name,
        creation_time: view.created,
        first_event_timestamp: view.first_event,
        last_event_timestamp: view.last_event,
        last_ingestion_time: view.last_ingestion,
        arn: view.arn,
    }
}
