//! Live Tail on the wire: a stream that says what arrived, once a second.

use std::time::Duration;

use aws_model::call::Event;
use aws_model::{Answer, AwsError, Call, Document};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::reading;
use crate::Logs;
use crate::error::LogsError;
use crate::tail::{Arrived, Tail};

const EVERY: Duration = Duration::from_secs(1);
/// "The session times out after three hours" (API reference, StartLiveTail).
const LONGEST: Duration = Duration::from_secs(3 * 3600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    log_group_identifiers: Vec<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    #[serde(default)]
    log_stream_name_prefixes: Vec<String>,
    #[serde(default)]
    log_event_filter_pattern: String,
}

struct Session {
    logs: Logs,
    tail: Option<Tail>,
    /// What is said first, and then no more.
    begin: Option<Document>,
    ticks: Interval,
    ends: Instant,
    is_over: bool,
    _turn: OwnedSemaphorePermit,
}

pub(super) async fn start(logs: &Logs, mut call: Call) -> Result<Answer, AwsError> {
    let input: Start = call.read()?;
    let turn = logs.inner.tails.clone().try_acquire_owned().map_err(|_| LogsError::LimitExceeded)?;
    let streams = (input.log_stream_names.clone(), input.log_stream_name_prefixes.clone());
    let pattern = input.log_event_filter_pattern.clone();
    let (names, region) = (input.log_group_identifiers.clone(), call.region.clone());
    let tail = reading(logs, move |logs| logs.tail(&region, &names, streams, &pattern)).await?;
    let begin = json!({
        "requestId": call.request_id,
        "sessionId": crate::ids::uuid(),
        "logGroupIdentifiers": input.log_group_identifiers,
        "logStreamNames": input.log_stream_names,
        "logStreamNamePrefixes": input.log_stream_name_prefixes,
        "logEventFilterPattern": input.log_event_filter_pattern,
    });
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let session = Session {
        logs: logs.clone(),
        tail: Some(tail),
        begin: Some(begin_document(begin)?),
        ticks,
        ends: Instant::now() + LONGEST,
        is_over: false,
        _turn: turn,
    };
    Ok(Answer::Events(Box::pin(stream::unfold(session, next))))
}

async fn next(mut session: Session) -> Option<(Result<Event, AwsError>, Session)> {
    if session.is_over {
        return None;
    }
    if let Some(begin) = session.begin.take() {
        return Some((Ok(("sessionStart", begin)), session));
    }
    // Dropped here with the stream: nothing is lost, since nothing was taken.
    session.ticks.tick().await;
    if Instant::now() >= session.ends {
        session.is_over = true;
        let words = "The session has timed out after three hours.";
        return Some((Err(AwsError::new("SessionTimeoutException", words)), session));
    }
    let mut tail = session.tail.take()?;
    let read = reading(&session.logs, move |logs| {
        let arrived = logs.arrived(&mut tail)?;
        Ok((tail, arrived))
    });
    let event = match read.await {
        Ok((tail, arrived)) => {
            session.tail = Some(tail);
            begin_document(update(arrived)).map(|document| ("sessionUpdate", document))
        }
        Err(error) => {
            session.is_over = true;
            Err(AwsError::new("SessionStreamingException", error.to_string()))
        }
    };
    Some((event, session))
}

fn update(arrived: Arrived) -> Value {
    let results = arrived.events.into_iter().map(|(log, event)| {
        json!({
            "logStreamName": event.stream,
            "logGroupIdentifier": log,
            "message": event.message,
            "timestamp": event.at,
            "ingestionTime": event.ingested,
        })
    });
    json!({"sessionMetadata": {"sampled": arrived.sampled}, "sessionResults": results.collect::<Vec<_>>()})
}

fn begin_document(value: Value) -> Result<Document, AwsError> {
    aws_model::call::document(value)
}
