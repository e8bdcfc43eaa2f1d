//! CloudWatch Logs as a service: which operation is answered by what.

mod events;
mod filters;
mod groups;
mod policies;
mod queries;
mod tags;
mod tail;

use aws_model::call::{Row, answer_by, names};
use aws_model::{Answering, Call, Door, row};
use serde::Deserialize;

use crate::Logs;
use crate::error::LogsError;
use crate::index::GroupKey;

/// In the order of their names.
const ROWS: &[Row<Logs>] = &[
    row!("AssociateKmsKey", policies::associate_key),
    row!("CreateLogGroup", groups::create),
    row!("CreateLogStream", groups::create_stream),
    row!("DeleteLogGroup", groups::delete),
    row!("DeleteLogStream", groups::delete_stream),
    row!("DeleteMetricFilter", filters::delete),
    row!("DeleteQueryDefinition", queries::delete_definition),
    row!("DeleteResourcePolicy", policies::delete),
    row!("DeleteRetentionPolicy", groups::delete_retention),
    row!("DeleteSubscriptionFilter", filters::unsubscribe),
    row!("DescribeLogGroups", groups::describe),
    row!("DescribeLogStreams", groups::describe_streams),
    row!("DescribeMetricFilters", filters::describe),
    row!("DescribeQueries", queries::describe),
    row!("DescribeQueryDefinitions", queries::definitions),
    row!("DescribeResourcePolicies", policies::describe),
    row!("DescribeSubscriptionFilters", filters::subscriptions),
    row!("DisassociateKmsKey", policies::disassociate_key),
    row!("FilterLogEvents", events::filter),
    row!("GetLogEvents", events::get),
    row!("GetQueryResults", queries::results),
    row!("ListTagsForResource", tags::list),
    row!("ListTagsLogGroup", tags::list_of_group),
    row!("PutLogEvents", events::put),
    row!("PutMetricFilter", filters::put),
    row!("PutQueryDefinition", queries::put_definition),
    row!("PutResourcePolicy", policies::put),
    row!("PutRetentionPolicy", groups::put_retention),
    row!("PutSubscriptionFilter", filters::subscribe),
    ("StartLiveTail", |logs, call| Box::pin(tail::start(logs, call))),
    row!("StartQuery", queries::start),
    row!("StopQuery", queries::stop),
    row!("TagLogGroup", tags::tag_group),
    row!("TagResource", tags::tag),
    row!("TestMetricFilter", filters::test),
    row!("UntagLogGroup", tags::untag_group),
    row!("UntagResource", tags::untag),
];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Logs {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        answer_by(ROWS, self, call)
    }
}

/// What operations without output answer.
type Done = Result<(), LogsError>;

/// A group that is given by name or by identifier (name or ARN), as the reading operations allow.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
}

impl Named {
    fn key(self, logs: &Logs, call: &Call) -> Result<GroupKey, LogsError> {
        match (self.log_group_name, self.log_group_identifier) {
            (Some(_), Some(_)) => {
                Err(LogsError::invalid("LogGroup name and LogGroup identifier are mutually exclusive parameters."))
            }
            (Some(name), None) => Ok((call.region.clone(), name)),
            (None, Some(identifier)) => logs.resolve(&call.region, &identifier),
            (None, None) => Err(LogsError::invalid("Either log group name or log group identifier must be given.")),
        }
    }
}

/// Runs what waits for the disk beside the threads that answer.
async fn reading<R: Send + 'static>(
    logs: &Logs,
    read: impl FnOnce(&Logs) -> Result<R, LogsError> + Send + 'static,
) -> Result<R, LogsError> {
    let logs = logs.clone();
    tokio::task::spawn_blocking(move || read(&logs)).await.unwrap_or(Err(LogsError::Interrupted))
}

#[cfg(test)]
mod tests;
