//! Insights on the wire.

use aws_model::Call;
use aws_model::page::{Order, cut};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Logs;
use crate::definitions::Definition;
use crate::error::LogsError;
use crate::queries::{NewQuery, QueryView};

/// Rows of an answer's page (API reference, GetQueryResults).
const PAGE: usize = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    query_language: Option<String>,
    log_group_name: Option<String>,
    #[serde(default)]
    log_group_names: Vec<String>,
    #[serde(default)]
    log_group_identifiers: Vec<String>,
    start_time: i64,
    end_time: i64,
    query_string: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    query_id: String,
    max_items: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    log_group_name: Option<String>,
    status: Option<String>,
    query_language: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definitions {
    query_language: Option<String>,
    query_definition_name_prefix: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DefinitionId {
    query_definition_id: String,
}

pub(super) async fn start(logs: &Logs, call: &Call, input: Start) -> Result<Value, LogsError> {
    if input.query_language.as_deref().is_some_and(|language| language != "CWLI") {
        return Err(LogsError::invalid(
            "queryLanguage: only CWLI is run by managr's platform; SQL and PPL are not supported yet.",
        ));
    }
    let ways =
        [input.log_group_name.is_some(), !input.log_group_names.is_empty(), !input.log_group_identifiers.is_empty()];
    if ways.into_iter().filter(|given| *given).count() != 1 {
        return Err(LogsError::invalid(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given.",
        ));
    }
    let names = input.log_group_name.into_iter().chain(input.log_group_names);
    let named = names.map(|name| Ok((call.region.clone(), name)));
    let identified = input.log_group_identifiers.iter().map(|identifier| logs.resolve(&call.region, identifier));
    let new = NewQuery {
        groups: named.chain(identified).collect::<Result<_, _>>()?,
        text: input.query_string,
        start: instant(input.start_time, 0),
        end: instant(input.end_time, 999),
        limit: input.limit,
    };
    Ok(json!({"queryId": logs.start_query(&call.region, new)?}))
}

pub(super) async fn results(logs: &Logs, call: &Call, input: Query) -> Result<Value, LogsError> {
    let progress = logs.query_progress(&call.region, &input.query_id)?;
    let rows = progress.rows.iter().enumerate().map(|(place, row)| (format!("{place:010}"), row));
    let most = input.max_items.filter(|count| *count > 0).unwrap_or(PAGE);
    let page = cut(rows, Order::Rising, input.next_token.as_deref(), most);
    let row = |row: &crate::insights::Answer| {
        let fields = row.iter().map(|(field, value)| json!({"field": field, "value": value}));
        Value::Array(fields.collect())
    };
    Ok(json!({
        "queryLanguage": "CWLI",
        "status": progress.status,
        "results": page.items.into_iter().map(row).collect::<Vec<_>>(),
        "statistics": {
            "recordsMatched": progress.matched as f64,
            "recordsScanned": progress.scanned as f64,
            "estimatedRecordsSkipped": 0.0,
            "bytesScanned": progress.bytes as f64,
            "estimatedBytesSkipped": 0.0,
            "logGroupsScanned": progress.groups as f64,
        },
        "nextToken": page.next,
    }))
}

pub(super) async fn stop(logs: &Logs, call: &Call, input: Query) -> Result<Value, LogsError> {
    logs.stop_query(&call.region, &input.query_id)?;
    Ok(json!({"success": true}))
}

pub(super) async fn describe(logs: &Logs, call: &Call, input: Describe) -> Result<Value, LogsError> {
    if let Some(group) = &input.log_group_name
        && !logs.has_group(&call.region, group)
    {
        return Err(LogsError::NoGroup);
    }
    let is_asked = |query: &QueryView| {
        let group = |name: &String| query.groups.iter().any(|(_, group)| group == name);
        input.log_group_name.as_ref().is_none_or(group)
            && input.status.as_ref().is_none_or(|status| *status == format!("{:?}", query.progress.status))
            && input.query_language.as_ref().is_none_or(|language| language == "CWLI")
    };
    // The newest first: keys that grow as the list goes on.
    let asked = logs.queries(&call.region).into_iter().filter(is_asked).enumerate();
    let keyed = asked.map(|(place, query)| (format!("{place:06}"), query));
    let page = cut(keyed, Order::Rising, input.next_token.as_deref(), input.max_results.unwrap_or(1000));
    let queries: Vec<Value> = page.items.into_iter().map(described).collect();
    Ok(json!({"queries": queries, "nextToken": page.next}))
}

pub(super) async fn put_definition(logs: &Logs, call: &Call, input: Definition) -> Result<Value, LogsError> {
    Ok(json!({"queryDefinitionId": logs.put_definition(&call.region, input).await?}))
}

pub(super) async fn delete_definition(logs: &Logs, call: &Call, input: DefinitionId) -> Result<Value, LogsError> {
    logs.delete_definition(&call.region, &input.query_definition_id).await?;
    Ok(json!({"success": true}))
}

pub(super) async fn definitions(logs: &Logs, call: &Call, input: Definitions) -> Result<Value, LogsError> {
    let prefix = input.query_definition_name_prefix.unwrap_or_default();
    let is_asked = |definition: &Definition| {
        let language = definition.query_language.as_deref().unwrap_or("CWLI");
        definition.name.starts_with(&prefix) && input.query_language.as_ref().is_none_or(|asked| asked == language)
    };
    let asked = logs.definitions(&call.region).into_iter().filter(|(_, definition)| is_asked(definition));
    let page = cut(asked, Order::Rising, input.next_token.as_deref(), input.max_results.unwrap_or(1000));
    Ok(json!({"queryDefinitions": page.items, "nextToken": page.next}))
}

fn described(query: QueryView) -> Value {
    json!({
        "queryLanguage": "CWLI",
        "queryId": query.id,
        "queryString": query.text,
        "status": query.progress.status,
        "createTime": query.created,
        "logGroupName": query.groups.first().map(|(_, group)| group),
        "queryDuration": query.progress.took,
        "bytesScanned": query.progress.bytes as f64,
    })
}

/// Times are seconds (API reference, StartQuery); what would be after the year 5000 are milliseconds, which AWS takes too.
fn instant(time: i64, rest: i64) -> i64 {
    if time >= 100_000_000_000 { time } else { time * 1000 + rest }
}
