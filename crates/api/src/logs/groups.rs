//! Groups and streams on the wire.

use aws_model::AwsError;
use logs::{GroupSettings, GroupView, GroupsQuery, Logs, StreamOrder, StreamView, StreamsQuery};
use serde_json::{Value, json};

use crate::members::{Members, invalid};

pub(super) async fn create(logs: &Logs, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let name = input.needed("logGroupName")?;
    let settings = GroupSettings {
        tags: input.map("tags")?.unwrap_or_default(),
        class: input.text("logGroupClass")?,
        kms_key_id: input.text("kmsKeyId")?,
        protected: input.flag("deletionProtectionEnabled")?.unwrap_or(false),
    };
    logs.create_group(region, &name, settings).await?;
    Ok(json!({}))
}

pub(super) fn list(logs: &Logs, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let query = GroupsQuery {
        prefix: input.text("logGroupNamePrefix")?,
        pattern: input.text("logGroupNamePattern")?,
        identifiers: input.texts("logGroupIdentifiers")?.unwrap_or_default(),
        class: input.text("logGroupClass")?,
        limit: limit(input)?,
        token: input.text("nextToken")?,
    };
    if query.prefix.is_some() && query.pattern.is_some() {
        return Err(AwsError::invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let page = logs.groups(region, &query)?;
    let items: Vec<Value> = page.items.iter().map(group).collect();
    Ok(with_token(json!({"logGroups": items}), page.next))
}

pub(super) fn streams(logs: &Logs, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (region, name) = super::group(logs, region, input)?;
    let order = match input.text("orderBy")?.as_deref() {
        None | Some("LogStreamName") => StreamOrder::Name,
        Some("LastEventTime") => StreamOrder::LastEvent,
        Some(_) => return Err(invalid("orderBy", "must be LogStreamName or LastEventTime")),
    };
    let query = StreamsQuery {
        prefix: input.text("logStreamNamePrefix")?,
        order,
        descending: input.flag("descending")?.unwrap_or(false),
        limit: limit(input)?,
        token: input.text("nextToken")?,
    };
    let page = logs.streams(&region, &name, &query)?;
    let items: Vec<Value> = page.items.iter().map(stream).collect();
    Ok(with_token(json!({"logStreams": items}), page.next))
}

fn limit(input: &mut Members) -> Result<usize, AwsError> {
    match input.count("limit")? {
        None => Ok(50),
        Some(limit) if (1..=50).contains(&limit) => Ok(limit),
        Some(_) => Err(invalid("limit", "must be between 1 and 50")),
    }
}

fn group(view: &GroupView) -> Value {
    let mut answer = json!({
        "logGroupName": view.name,
        "creationTime": view.created,
        "metricFilterCount": 0,
        "arn": format!("{}:*", view.arn),
        "logGroupArn": view.arn,
        "logGroupClass": view.class,
        "deletionProtectionEnabled": view.protected,
    });
    if let Some(days) = view.retention {
        answer["retentionInDays"] = json!(days);
    }
    if let Some(key) = &view.kms_key_id {
        answer["kmsKeyId"] = json!(key);
    }
    answer
}

fn stream(view: &StreamView) -> Value {
    let mut answer = json!({"logStreamName": view.name, "creationTime": view.created, "arn": view.arn});
    let times = [
        ("firstEventTimestamp", view.first_event),
        ("lastEventTimestamp", view.last_event),
        ("lastIngestionTime", view.last_ingestion),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            answer[name] = json!(time);
        }
    }
    answer
}

pub(super) fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = Value::String(next);
    }
    answer
}
