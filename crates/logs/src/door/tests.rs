//! What the door reads and writes, without the HTTP front.

use std::sync::Arc;

use aws_model::{Answer, AwsError, Service};
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

#[tokio::test]
async fn metric_filters_are_kept_with_their_group_and_tested() {
    let logs = logs();
    ok(&logs, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    let metric = json!({"metricName": "m", "metricNamespace": "n", "metricValue": "$.ms"});
    let put = |pattern: &str| json!({"logGroupName": "g", "filterName": "f", "filterPattern": pattern, "metricTransformations": [metric]});
    assert!(refused(&logs, "PutMetricFilter", put("{ $.ms")).await.contains("Invalid filter pattern"));
    ok(&logs, "PutMetricFilter", put("{ $.ms > 5 }")).await;
    let mut kept = put("{ $.ms > 5 }");
    kept["creationTime"] = NOW.into();
    let asked = json!({"logGroupName": "g", "metricName": "m", "metricNamespace": "n"});
    assert_eq!(ok(&logs, "DescribeMetricFilters", asked).await, json!({"metricFilters": [kept]}));
    assert_eq!(ok(&logs, "DescribeLogGroups", json!({})).await["logGroups"][0]["metricFilterCount"], 1);
    let test = json!({"filterPattern": "{ $.ms > 5 }", "logEventMessages": ["x", "{\"ms\":6}"]});
    assert_eq!(
        ok(&logs, "TestMetricFilter", test).await["matches"],
        json!([{"eventNumber": 1, "eventMessage": "{\"ms\":6}", "extractedValues": {"$.ms": "6"}}])
    );
    ok(&logs, "DeleteLogGroup", json!({"logGroupName": "g"})).await;
    ok(&logs, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    assert_eq!(ok(&logs, "DescribeMetricFilters", json!({})).await, json!({"metricFilters": []}));
    let gone = json!({"logGroupName": "g", "filterName": "f"});
    assert!(refused(&logs, "DeleteMetricFilter", gone).await.starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_subscription_to_what_is_not_there_is_refused_as_aws_does() {
    let logs = logs();
    ok(&logs, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    for (service, words) in [("lambda", "Could not execute the lambda"), ("kinesis", "Kinesis stream")] {
        let destination = format!("arn:aws:{service}:eu-west-1:123456789012:x");
        let put = json!({"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": destination});
        assert!(refused(&logs, "PutSubscriptionFilter", put).await.contains(words));
    }
    let group = json!({"logGroupName": "g"});
    assert_eq!(ok(&logs, "DescribeSubscriptionFilters", group).await, json!({"subscriptionFilters": []}));
}

#[tokio::test]
async fn policies_and_keys_are_kept() {
    let logs = logs();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"es.amazonaws.com"},"Action":"logs:*","Resource":"*"}]}"#;
    let put = json!({"policyName": "p", "policyDocument": document});
    assert!(
        refused(&logs, "PutResourcePolicy", json!({"policyName": "p", "policyDocument": "{}"}))
            .await
            .contains("invalid")
    );
    ok(&logs, "PutResourcePolicy", put).await;
    let kept = json!({"policyName": "p", "policyDocument": document, "lastUpdatedTime": NOW, "policyScope": "ACCOUNT"});
    assert_eq!(ok(&logs, "DescribeResourcePolicies", json!({})).await, json!({"resourcePolicies": [kept]}));
    ok(&logs, "DeleteResourcePolicy", json!({"policyName": "p"})).await;
    assert!(refused(&logs, "DeleteResourcePolicy", json!({"policyName": "p"})).await.contains("[p] does not exist"));

    ok(&logs, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:g";
    ok(&logs, "AssociateKmsKey", json!({"resourceIdentifier": arn, "kmsKeyId": "key"})).await;
    assert_eq!(ok(&logs, "DescribeLogGroups", json!({})).await["logGroups"][0]["kmsKeyId"], "key");
    ok(&logs, "DisassociateKmsKey", json!({"logGroupName": "g"})).await;
    assert!(ok(&logs, "DescribeLogGroups", json!({})).await["logGroups"][0].get("kmsKeyId").is_none());
}

#[tokio::test]
async fn a_query_is_run_over_what_is_stored() {
    let logs = logs();
    for group in ["a", "b"] {
        ok(&logs, "CreateLogGroup", json!({"logGroupName": group})).await;
        ok(&logs, "CreateLogStream", json!({"logGroupName": group, "logStreamName": "s"})).await;
        let event =
            |n: i64| json!({"timestamp": NOW + n * 1000, "message": format!("{{\"n\":{n},\"group\":\"{group}\"}}")});
        let events: Vec<Value> = (0..3000).map(event).collect();
        ok(&logs, "PutLogEvents", json!({"logGroupName": group, "logStreamName": "s", "logEvents": events})).await;
    }
    let start = |query: &str| json!({"logGroupNames": ["a", "b"], "startTime": NOW / 1000 + 1, "endTime": NOW / 1000 + 2998, "queryString": query});
    assert!(refused(&logs, "StartQuery", start("nonsense")).await.starts_with("MalformedQueryException"));
    // 1 to 2998 in both groups: sums by hand.
    let query = "filter n % 2 = 0 | stats count(*) as c, sum(n) as s by group | sort group";
    let done = ended(&logs, start(query)).await;
    assert_eq!(done["status"], "Complete");
    let field = |name: &str, value: &str| json!({"field": name, "value": value});
    let row = |group: &str| json!([field("group", group), field("c", "1499"), field("s", "2248500")]);
    assert_eq!(done["results"], json!([row("a"), row("b")]));
    assert_eq!(done["statistics"]["recordsMatched"], 2998.0);
    assert_eq!(done["statistics"]["recordsScanned"], 5996.0);
    let bytes: usize = (1..=2998).map(|n: i32| 2 * format!("{{\"n\":{n},\"group\":\"a\"}}").len()).sum();
    assert_eq!(done["statistics"]["bytesScanned"], bytes as f64);

    let newest = ended(&logs, start("display n, @log | limit 3")).await["results"].clone();
    assert_eq!(newest[0][0], field("n", "2998"));
    assert_eq!(newest[1][0], field("n", "2998"), "the groups are read together");
    assert_eq!(newest[2][0], field("n", "2997"));

    let listed = ok(&logs, "DescribeQueries", json!({"status": "Complete"})).await["queries"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let stop = json!({"queryId": listed[0]["queryId"]});
    assert!(refused(&logs, "StopQuery", stop).await.contains("already ended"));
    assert!(refused(&logs, "GetQueryResults", json!({"queryId": "none"})).await.starts_with("ResourceNotFound"));
}

async fn ended(logs: &Logs, start: Value) -> Value {
    let id = ok(logs, "StartQuery", start).await;
    loop {
        let answer = ok(logs, "GetQueryResults", id.clone()).await;
        if answer["status"] != "Running" && answer["status"] != "Scheduled" {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn query_definitions_are_kept_by_name() {
    let logs = logs();
    let id = ok(&logs, "PutQueryDefinition", json!({"name": "errors", "queryString": "limit 1"})).await;
    let id = id["queryDefinitionId"].clone();
    let changed = json!({"name": "errors", "queryString": "limit 2", "queryDefinitionId": id});
    assert_eq!(ok(&logs, "PutQueryDefinition", changed.clone()).await["queryDefinitionId"], id);
    let listed = ok(&logs, "DescribeQueryDefinitions", json!({"queryDefinitionNamePrefix": "err"})).await;
    assert_eq!(listed["queryDefinitions"][0]["queryString"], "limit 2");
    ok(&logs, "DeleteQueryDefinition", json!({"queryDefinitionId": id})).await;
    assert!(refused(&logs, "PutQueryDefinition", changed).await.starts_with("ResourceNotFound"));
}

#[tokio::test(start_paused = true)]
async fn a_live_tail_says_what_arrives_and_ends_after_three_hours() {
    use futures_util::StreamExt;
    let logs = logs();
    for group in ["g", "other"] {
        ok(&logs, "CreateLogGroup", json!({"logGroupName": group})).await;
        ok(&logs, "CreateLogStream", json!({"logGroupName": group, "logStreamName": "s"})).await;
    }
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:g";
    let start = json!({"logGroupIdentifiers": [arn], "logEventFilterPattern": "ERROR"});
    assert!(refused(&logs, "StartLiveTail", json!({"logGroupIdentifiers": ["g"]})).await.contains("ARN"));
    let Answer::Events(mut events) = call_in(&logs, "eu-west-1", "StartLiveTail", start).await.unwrap() else {
        panic!("events")
    };
    let (kind, begin) = events.next().await.unwrap().unwrap();
    assert_eq!((kind, &begin["logGroupIdentifiers"]), ("sessionStart", &json!([arn])));
    let quiet = events.next().await.unwrap().unwrap();
    assert_eq!(quiet.1["sessionResults"], json!([]));
    for (group, message, count) in [("g", "an ERROR", 600), ("g", "fine", 1), ("other", "an ERROR", 1)] {
        let message = |_| json!({"timestamp": NOW, "message": message});
        let put = json!({"logGroupName": group, "logStreamName": "s", "logEvents": (0..count).map(message).collect::<Vec<_>>()});
        ok(&logs, "PutLogEvents", put).await;
    }
    let (kind, update) = events.next().await.unwrap().unwrap();
    assert_eq!((kind, update["sessionResults"].as_array().unwrap().len()), ("sessionUpdate", 500));
    assert_eq!(update["sessionMetadata"]["sampled"], true);
    assert_eq!(update["sessionResults"][0]["logGroupIdentifier"], "123456789012:g");
    assert_eq!(events.next().await.unwrap().unwrap().1["sessionResults"], json!([]));

    tokio::time::advance(std::time::Duration::from_secs(3 * 3600)).await;
    let end = events.next().await.unwrap().unwrap_err();
    assert_eq!(end.code, "SessionTimeoutException");
    assert!(events.next().await.is_none());
}
