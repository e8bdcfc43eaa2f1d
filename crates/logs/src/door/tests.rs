//! What the door reads and writes, without the HTTP front.

use std::sync::Arc;

use aws_model::{Answer, Service};
use serde_json::{Value, json};
use store::Store;

use super::*;

const NOW: i64 = 1_700_000_000_000;

pub(super) fn logs() -> Logs {
    Logs::open(Store::ephemeral().unwrap(), "123456789012", Arc::new(|| NOW)).unwrap()
}

pub(super) async fn call_in(logs: &Logs, region: &str, operation: &str, input: Value) -> Result<Answer, AwsError> {
    let Value::Object(input) = input else { panic!("an input is an object") };
    let call = Call {
        operation: Service::Logs.model().operation(operation).unwrap(),
        region: region.to_owned(),
        access_key: String::new(),
        authority: String::new(),
        input,
        request_id: String::new(),
    };
    logs.call(call).await
}

pub(super) async fn call(logs: &Logs, operation: &str, input: Value) -> Result<Value, AwsError> {
    match call_in(logs, "eu-west-1", operation, input).await? {
        Answer::Document(document) => Ok(Value::Object(document)),
        Answer::Events(_) => panic!("{operation} answers events"),
    }
}

pub(super) async fn ok(logs: &Logs, operation: &str, input: Value) -> Value {
    call(logs, operation, input).await.unwrap()
}

pub(super) async fn refused(logs: &Logs, operation: &str, input: Value) -> String {
    call(logs, operation, input).await.unwrap_err().to_string()
}

#[test]
fn the_table_is_in_the_order_of_its_names_and_of_what_aws_has() {
    assert!(ROWS.is_sorted_by_key(|(name, _)| *name));
    for (name, _) in ROWS {
        assert!(Service::Logs.model().operation(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn groups_streams_and_events_go_in_and_out() {
    let logs = logs();
    let made = json!({"logGroupName": "/a", "tags": {"k": "v"}, "kmsKeyId": "key"});
    assert_eq!(ok(&logs, "CreateLogGroup", made.clone()).await, json!({}));
    assert!(refused(&logs, "CreateLogGroup", made).await.starts_with("ResourceAlreadyExistsException"));
    ok(&logs, "PutRetentionPolicy", json!({"logGroupName": "/a", "retentionInDays": 7})).await;
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/a";
    assert_eq!(
        ok(&logs, "DescribeLogGroups", json!({"logGroupIdentifiers": [arn]})).await,
        json!({"logGroups": [{"logGroupName": "/a", "creationTime": NOW, "retentionInDays": 7, "metricFilterCount": 0,
            "arn": format!("{arn}:*"), "logGroupArn": arn, "kmsKeyId": "key", "logGroupClass": "STANDARD",
            "deletionProtectionEnabled": false}]})
    );
    ok(&logs, "CreateLogStream", json!({"logGroupName": "/a", "logStreamName": "s"})).await;
    let put = json!({"logGroupName": "/a", "logStreamName": "s", "sequenceToken": "1",
        "logEvents": [{"timestamp": NOW, "message": "one"}, {"timestamp": NOW + 10_000_000, "message": "two"}]});
    assert_eq!(ok(&logs, "PutLogEvents", put).await, json!({"rejectedLogEventsInfo": {"tooNewLogEventStartIndex": 1}}));
    let got = ok(&logs, "GetLogEvents", json!({"logGroupIdentifier": arn, "logStreamName": "s"})).await;
    assert_eq!(got["events"], json!([{"timestamp": NOW, "message": "one", "ingestionTime": NOW}]));
    let found = ok(&logs, "FilterLogEvents", json!({"logGroupName": "/a", "filterPattern": "one"})).await;
    assert_eq!(found["events"][0]["logStreamName"], "s");
    assert_eq!(found["searchedLogStreams"], json!([]));
    let streams = ok(&logs, "DescribeLogStreams", json!({"logGroupName": "/a", "orderBy": "LastEventTime"})).await;
    assert_eq!(streams["logStreams"][0]["lastEventTimestamp"], NOW);
    assert_eq!(ok(&logs, "ListTagsForResource", json!({"resourceArn": arn})).await, json!({"tags": {"k": "v"}}));
    ok(&logs, "UntagLogGroup", json!({"logGroupName": "/a", "tags": ["k"]})).await;
    assert_eq!(ok(&logs, "ListTagsLogGroup", json!({"logGroupName": "/a"})).await, json!({"tags": {}}));
}

#[tokio::test]
async fn a_group_is_named_once_and_not_by_the_arn_that_policies_take() {
    let logs = logs();
    ok(&logs, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    ok(&logs, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:g";
    let get = |identifier: String| json!({"logGroupIdentifier": identifier, "logStreamName": "s"});
    ok(&logs, "GetLogEvents", get(arn.to_owned())).await;
    refused(&logs, "GetLogEvents", get(format!("{arn}:*"))).await;
    let both = json!({"logGroupIdentifier": arn, "logGroupName": "g", "logStreamName": "s"});
    assert!(refused(&logs, "GetLogEvents", both).await.contains("mutually exclusive"));
    assert!(refused(&logs, "GetLogEvents", json!({"logStreamName": "s"})).await.starts_with("InvalidParameter"));
}

#[tokio::test]
async fn an_arn_is_of_its_region_s_partition() {
    let logs = logs();
    call_in(&logs, "cn-north-1", "CreateLogGroup", json!({"logGroupName": "g"})).await.unwrap();
    let Answer::Document(document) = call_in(&logs, "cn-north-1", "DescribeLogGroups", json!({})).await.unwrap() else {
        panic!("a document")
    };
    assert_eq!(document["logGroups"][0]["logGroupArn"], "arn:aws-cn:logs:cn-north-1:123456789012:log-group:g");
}
