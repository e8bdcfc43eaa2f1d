//! Events that callers send, and patterns that they try.

use aws_model::{AwsError, Document, Millis};
use serde::Deserialize;
use serde_json::{Value, json};

use super::event::{self, Said, event};
use super::pattern::Pattern;
use super::published::Published;
use super::{bus, no_pattern, unsupported, wrong};
use crate::operation::read;
use crate::{Cx, Input, Outcome, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    time: Option<f64>,
    source: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

/// Takes each entry or refuses it, by itself (API reference, PutEvents).
pub(super) fn events(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    if input.contains_key("EndpointId") {
        return Err(unsupported("EndpointId is not supported on managr's platform yet: it has no global endpoints"));
    }
    let Put { entries } = read(input)?;
    // User guide, "Calculating PutEvents event entry size"; the time is 14 bytes.
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let size = |entry: &Entry| {
        let resources: usize = entry.resources.iter().map(String::len).sum();
        length(&entry.source) + length(&entry.detail_type) + length(&entry.detail) + resources + 14
    };
    if entries.iter().map(size).sum::<usize>() > event::LARGEST {
        return Err(wrong("Total size of the entries in the request is over the limit."));
    }
    let (mut results, mut changes, mut failed) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        match accept(world, cx, entry) {
            Ok(published) => {
                results.push(json!({"EventId": published.event["id"]}));
                changes.extend(published.wanted(world));
            }
            Err((code, words)) => {
                failed += 1;
                results.push(json!({"ErrorCode": code, "ErrorMessage": words}));
            }
        }
    }
    Ok(Outcome { reply: json!({"FailedEntryCount": failed, "Entries": results}), changes })
}

fn accept(world: &World, cx: &mut Cx<'_>, entry: Entry) -> Result<Published, (&'static str, String)> {
    let missing = |name: &str| {
        ("InvalidArgument", format!("Parameter {name} is not valid. Reason: {name} is a required argument."))
    };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let source = given(entry.source).ok_or_else(|| missing("Source"))?;
    let kind = given(entry.detail_type).ok_or_else(|| missing("DetailType"))?;
    let detail = given(entry.detail).ok_or_else(|| missing("Detail"))?;
    // User guide, "Event structure reference": sources of AWS begin so.
    if source.starts_with("aws.") {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
    }
    let Ok(detail @ Value::Object(_)) = serde_json::from_str(&detail) else {
        return Err(("MalformedDetail", "Detail is malformed.".to_owned()));
    };
    let bus = bus::find(world, cx, entry.event_bus_name.as_deref())
        .map_err(|error| ("ResourceNotFoundException", error.message))?;
    // "If no time stamp is provided, the time stamp of the PutEvents call is used."
    #[expect(clippy::cast_possible_truncation, reason = "a time is far from the ends")]
    let at = entry.time.map_or(cx.now, |seconds| (seconds * 1000.0) as Millis);
    let said = Said { source: &source, kind: &kind, at, resources: entry.resources, detail };
    let event = event(cx, said);
    Ok(Published::new(cx, &bus.name, event, 0))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Try {
    event_pattern: String,
    event: String,
}

/// What an event must have to be tried (API reference, TestEventPattern, `Event`).
const MUST: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

pub(super) fn test(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Try { event_pattern, event } = read(input.clone())?;
    let pattern = Pattern::parse(&event_pattern).map_err(no_pattern)?;
    let event: Document =
        serde_json::from_str(&event).map_err(|_| wrong("Parameter Event is not valid: it is no JSON object."))?;
    if let Some(name) = MUST.iter().find(|name| !event.contains_key(**name)) {
        return Err(wrong(format!("Parameter Event is not valid: it has no {name}.")));
    }
    Ok(json!({"Result": pattern.matches(&event)}))
}
