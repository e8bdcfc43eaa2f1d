//! CloudWatch Logs: reads the input, asks [`logs::Logs`], writes the answer.
//!
//! Live Tail, Insights queries, metric and subscription filters and exports are refused.

mod events;
mod groups;

use aws_model::AwsError;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::members::{Members, missing};
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &[
    "CreateLogGroup",
    "CreateLogStream",
    "DeleteLogGroup",
    "DeleteLogStream",
    "DeleteRetentionPolicy",
    "DescribeLogGroups",
    "DescribeLogStreams",
    "FilterLogEvents",
    "GetLogEvents",
    "ListTagsForResource",
    "ListTagsLogGroup",
    "PutLogEvents",
    "PutRetentionPolicy",
    "TagLogGroup",
    "TagResource",
    "UntagLogGroup",
    "UntagResource",
];

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let (logs, region, mut input) = (&state.logs, call.region.as_str(), Members(call.input));
    let input = &mut input;
    let answer = match call.operation.as_str() {
        "PutLogEvents" => events::put(logs, region, input).await?,
        "GetLogEvents" => events::get(logs, region, input).await?,
        "FilterLogEvents" => events::filter(logs, region, input).await?,
        "CreateLogGroup" => groups::create(logs, region, input).await?,
        "DescribeLogGroups" => groups::list(logs, region, input)?,
        "DescribeLogStreams" => groups::streams(logs, region, input)?,
        "DeleteLogGroup" => done(logs.delete_group(region, &input.needed("logGroupName")?).await)?,
        "CreateLogStream" | "DeleteLogStream" => {
            let (group, stream) = (input.needed("logGroupName")?, input.needed("logStreamName")?);
            match call.operation.as_str() {
                "CreateLogStream" => done(logs.create_stream(region, &group, &stream).await)?,
                _ => done(logs.delete_stream(region, &group, &stream).await)?,
            }
        }
        "PutRetentionPolicy" => {
            let group = input.needed("logGroupName")?;
            let days = input.number("retentionInDays")?.ok_or_else(|| missing("retentionInDays"))?;
            done(logs.set_retention(region, &group, Some(days)).await)?
        }
        "DeleteRetentionPolicy" => done(logs.set_retention(region, &input.needed("logGroupName")?, None).await)?,
        _ => tags(logs, region, &call.operation, input).await?,
    };
    Ok(Reply::Json(answer))
}

/// Answers the tag operations, in both their forms: by ARN, and the older one by name.
async fn tags(logs: &logs::Logs, region: &str, operation: &str, input: &mut Members) -> Result<Value, AwsError> {
    let older = operation.ends_with("LogGroup");
    let target = input.needed(if older { "logGroupName" } else { "resourceArn" })?;
    let (region, group) = logs.resolve(region, &target)?;
    match operation {
        "ListTagsForResource" | "ListTagsLogGroup" => Ok(json!({"tags": logs.tags(&region, &group)?})),
        "TagResource" | "TagLogGroup" => {
            let tags = input.map("tags")?.ok_or_else(|| missing("tags"))?;
            done(logs.tag(&region, &group, tags).await)
        }
        "UntagResource" | "UntagLogGroup" => {
            let member = if older { "tags" } else { "tagKeys" };
            let keys = input.texts(member)?.ok_or_else(|| missing(member))?;
            done(logs.untag(&region, &group, keys).await)
        }
        _ => Err(AwsError::server(format!("{operation} is offered and has no answer"))),
    }
}

/// Operations without output answer an empty document.
fn done(outcome: Result<(), logs::LogsError>) -> Result<Value, AwsError> {
    outcome.map(|()| json!({})).map_err(AwsError::from)
}

/// Takes a group given by name or by identifier (name or ARN), as the reading operations allow.
fn group(logs: &logs::Logs, region: &str, input: &mut Members) -> Result<(String, String), AwsError> {
    match (input.text("logGroupName")?, input.text("logGroupIdentifier")?) {
        (Some(_), Some(_)) => {
            Err(AwsError::invalid_parameter("LogGroup name and LogGroup identifier are mutually exclusive parameters."))
        }
        (Some(name), None) => Ok((region.to_owned(), name)),
        (None, Some(identifier)) => Ok(logs.resolve(region, &identifier)?),
        (None, None) => Err(missing("logGroupName")),
    }
}
