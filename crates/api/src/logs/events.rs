//! Events on the wire. Reading waits for the disk, so it runs beside the threads that answer.

use aws_model::AwsError;
use logs::{FilterQuery, GetQuery, LogEvent, Logs};
use serde_json::{Value, json};

use crate::members::{Members, missing};

pub(super) async fn put(logs: &Logs, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (group, stream) = (input.needed("logGroupName")?, input.needed("logStreamName")?);
    let one = |mut event: Members| {
        Ok(LogEvent {
            at: event.number("timestamp")?.ok_or_else(|| missing("logEvents.member.timestamp"))?,
            message: event.needed("message")?,
        })
    };
    let events = input.structures("logEvents")?.ok_or_else(|| missing("logEvents"))?;
    let events = events.into_iter().map(one).collect::<Result<Vec<_>, AwsError>>()?;
    // `sequenceToken` is taken and ignored, as by AWS since 2023.
    let accepted = logs.put(region, &group, &stream, events).await?;
    let rejected: serde_json::Map<String, Value> = [
        ("tooNewLogEventStartIndex", accepted.too_new_from),
        ("tooOldLogEventEndIndex", accepted.too_old_until),
        ("expiredLogEventEndIndex", accepted.expired_until),
    ]
    .into_iter()
    .filter_map(|(name, index)| Some((name.to_owned(), json!(index?))))
    .collect();
    Ok(if rejected.is_empty() { json!({}) } else { json!({"rejectedLogEventsInfo": rejected}) })
}

pub(super) async fn get(logs: &Logs, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (region, group) = super::group(logs, region, input)?;
    let stream = input.needed("logStreamName")?;
    let query = GetQuery {
        start: input.number("startTime")?,
        end: input.number("endTime")?,
        limit: input.count("limit")?,
        from_head: input.flag("startFromHead")?.unwrap_or(false),
        token: input.text("nextToken")?,
    };
    let read = reading(logs, move |logs| logs.events(&region, &group, &stream, &query)).await?;
    let events: Vec<Value> = read
        .events
        .into_iter()
        .map(|e| json!({"timestamp": e.at, "message": e.message, "ingestionTime": e.ingested}))
        .collect();
    Ok(json!({"events": events, "nextForwardToken": read.forward, "nextBackwardToken": read.backward}))
}

pub(super) async fn filter(logs: &Logs, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (region, group) = super::group(logs, region, input)?;
    let query = FilterQuery {
        streams: input.texts("logStreamNames")?.unwrap_or_default(),
        prefix: input.text("logStreamNamePrefix")?,
        start: input.number("startTime")?,
        end: input.number("endTime")?,
        pattern: input.text("filterPattern")?.unwrap_or_default(),
        limit: input.count("limit")?,
        token: input.text("nextToken")?,
        descending: !input.flag("startFromHead")?.unwrap_or(true),
    };
    let found = reading(logs, move |logs| logs.filter(&region, &group, &query)).await?;
    let events: Vec<Value> = found
        .events
        .into_iter()
        .map(|e| {
            json!({
                "logStreamName": e.stream, "timestamp": e.at, "message": e.message,
                "ingestionTime": e.ingested, "eventId": e.id,
            })
        })
        .collect();
    // Empty since 2019: botocore, `FilterLogEvents` output.
    Ok(super::groups::with_token(json!({"events": events, "searchedLogStreams": []}), found.next))
}

async fn reading<R: Send + 'static>(
    logs: &Logs,
    read: impl FnOnce(&Logs) -> Result<R, logs::LogsError> + Send + 'static,
) -> Result<R, AwsError> {
    let logs = logs.clone();
    let answer = tokio::task::spawn_blocking(move || read(&logs)).await;
    Ok(answer.map_err(|_| AwsError::server("the reader of the logs was stopped"))??)
}
