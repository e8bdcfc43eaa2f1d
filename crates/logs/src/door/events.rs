//! Events on the wire.

use aws_model::{Call, Millis};
use serde::{Deserialize, Serialize};

use super::{Named, reading};
use crate::error::LogsError;
use crate::{FilterQuery, GetQuery, LogEvent, Logs};

/// `sequenceToken` is taken and ignored, as by AWS since 2023.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<LogEvent>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutAnswer {
    rejected_log_events_info: Option<Rejected>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rejected {
    too_new_log_event_start_index: Option<usize>,
    too_old_log_event_end_index: Option<usize>,
    expired_log_event_end_index: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    #[serde(flatten)]
    group: Named,
    log_stream_name: String,
    start_time: Option<Millis>,
    end_time: Option<Millis>,
    limit: Option<usize>,
    #[serde(default)]
    start_from_head: bool,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetAnswer {
    events: Vec<Event>,
    next_forward_token: String,
    next_backward_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    #[serde(flatten)]
    group: Named,
    #[serde(default)]
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<Millis>,
    end_time: Option<Millis>,
    #[serde(default)]
    filter_pattern: String,
    limit: Option<usize>,
    start_from_head: Option<bool>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilterAnswer {
    events: Vec<Event>,
    /// Empty since 2019: botocore, `FilterLogEvents` output.
    searched_log_streams: [(); 0],
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream_name: Option<String>,
    timestamp: Millis,
    message: String,
    ingestion_time: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
}

pub(super) async fn put(logs: &Logs, call: &Call, input: Put) -> Result<PutAnswer, LogsError> {
    let accepted = logs.put(&call.region, &input.log_group_name, &input.log_stream_name, input.log_events).await?;
    let rejected = (accepted != crate::Accepted::default()).then_some(Rejected {
        too_new_log_event_start_index: accepted.too_new_from,
        too_old_log_event_end_index: accepted.too_old_until,
        expired_log_event_end_index: accepted.expired_until,
    });
    Ok(PutAnswer { rejected_log_events_info: rejected })
}

pub(super) async fn get(logs: &Logs, call: &Call, input: Get) -> Result<GetAnswer, LogsError> {
    let (region, group) = input.group.key(logs, call)?;
    let stream = input.log_stream_name;
    let query = GetQuery {
        start: input.start_time,
        end: input.end_time,
        limit: input.limit,
        from_head: input.start_from_head,
        token: input.next_token,
    };
    let read = reading(logs, move |logs| logs.events(&region, &group, &stream, &query)).await?;
    let event = |e: crate::StoredEvent| Event {
        log_stream_name: None,
        timestamp: e.at,
        message: e.message,
        ingestion_time: e.ingested,
        event_id: None,
    };
    Ok(GetAnswer {
        events: read.events.into_iter().map(event).collect(),
        next_forward_token: read.forward,
        next_backward_token: read.backward,
    })
}

pub(super) async fn filter(logs: &Logs, call: &Call, input: Filter) -> Result<FilterAnswer, LogsError> {
    let (region, group) = input.group.key(logs, call)?;
    let query = FilterQuery {
        streams: input.log_stream_names,
        prefix: input.log_stream_name_prefix,
        start: input.start_time,
        end: input.end_time,
        pattern: input.filter_pattern,
        limit: input.limit,
        token: input.next_token,
        descending: !input.start_from_head.unwrap_or(true),
    };
    let found = reading(logs, move |logs| logs.filter(&region, &group, &query)).await?;
    let event = |e: crate::StoredEvent| Event {
        log_stream_name: Some(e.stream),
        timestamp: e.at,
        message: e.message,
        ingestion_time: e.ingested,
        event_id: Some(e.id),
    };
    Ok(FilterAnswer {
        events: found.events.into_iter().map(event).collect(),
        searched_log_streams: [],
        next_token: found.next,
    })
}
