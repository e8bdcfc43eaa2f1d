//! Where is an operation of a REST service, and what of its input is in the path? Those that we call, and no others.

use aws_model::Document;
use http::Method;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::query::KEPT;

/// Returns the path of an operation, without its version; none if it is not known or a part of it is not said.
pub(crate) fn path(operation: &str, input: &Document) -> Option<String> {
    let part = |name: &str| {
        let text = input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())?;
        Some(utf8_percent_encode(text, KEPT).to_string())
    };
    match operation {
        // Route 53 API reference, GetHostedZone.
        "GetHostedZone" => Some(format!("hostedzone/{}", part("Id")?)),
        _ => None,
    }
}

/// A request of a REST service that speaks JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// What of the input is neither in the path nor in the query; none for an operation without a body.
    pub(crate) body: Option<Document>,
}

/// Members that go into the query, and what they are called there.
type Words = &'static [(&'static str, &'static str)];

/// Returns where an operation of EventBridge Scheduler is (API reference of EventBridge Scheduler: each operation's
/// "Request Syntax"); none if it is not known.
pub(crate) fn place(operation: &str, input: &Document) -> Option<Place> {
    let in_group: Words = &[("GroupName", "groupName"), ("ClientToken", "clientToken")];
    let listed: Words = &[
        ("GroupName", "ScheduleGroup"),
        ("NamePrefix", "NamePrefix"),
        ("State", "State"),
        ("NextToken", "NextToken"),
        ("MaxResults", "MaxResults"),
    ];
    let (method, words, has_body) = match operation {
        "CreateSchedule" => (Method::POST, [].as_slice(), true),
        "UpdateSchedule" => (Method::PUT, [].as_slice(), true),
        "GetSchedule" => (Method::GET, in_group, false),
        "DeleteSchedule" => (Method::DELETE, in_group, false),
        "ListSchedules" => (Method::GET, listed, false),
        _ => return None,
    };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut path = "schedules".to_owned();
    if operation != "ListSchedules" {
        let name = input.get("Name").and_then(Value::as_str).filter(|name| !name.is_empty())?;
        path = format!("{path}/{}", utf8_percent_encode(name, KEPT));
    }
    let query: Vec<String> = words
        .iter()
        .filter_map(|(member, word)| {
            let value = plain(input.get(*member).filter(|value| !value.is_null())?);
            Some(format!("{word}={}", utf8_percent_encode(&value, KEPT)))
        })
        .collect();
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let body = has_body.then(|| input.iter().filter(|(name, _)| *name != "Name").map(|(n, v)| (n.clone(), v.clone())));
    Some(Place { method, path, body: body.map(Iterator::collect) })
}
