//! Alarms over the API, on a clock of their own: from a measurement to what is done about it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_model::{Answer, AwsError, Call, Document, Door, Service, check};
use metrics::{Datum, Fired, Metrics};
use parking_lot::Mutex;
use serde_json::{Value, json};
use store::Store;

const R: &str = "us-east-1";
/// A full minute.
const START: i64 = 1_700_006_400;

struct World {
    metrics: Metrics,
    store: Store,
    now: Arc<AtomicI64>,
    fired: Arc<Mutex<Vec<Fired>>>,
}

impl World {
    fn new() -> Self {
        let (store, now) = (Store::ephemeral().unwrap(), Arc::new(AtomicI64::new(START * 1000)));
        let metrics = open(&store, &now);
        let fired: Arc<Mutex<Vec<Fired>>> = Arc::default();
        let told = fired.clone();
        metrics.act_by(Arc::new(move |fired| {
            told.lock().push(fired.clone());
            if fired.action.contains("sns") { Err("there is no SNS".into()) } else { Ok(()) }
        }));
        Self { metrics, store, now, fired }
    }

    /// Calls an operation as the front does; what the model forbids, and answers that it does not allow, are faults.
    async fn call(&self, name: &str, input: Value) -> Result<Value, AwsError> {
        call(&self.metrics, name, input).await
    }

    async fn ok(&self, name: &str, input: Value) -> Value {
        self.call(name, input).await.unwrap()
    }

    async fn refused(&self, name: &str, input: Value) -> String {
        self.call(name, input).await.unwrap_err().to_string()
    }

    /// Lets time pass, and looks at alarms whenever one is due.
    async fn pass(&self, seconds: i64) {
        let until = self.now.load(Ordering::SeqCst) + seconds * 1000;
        let move_to = |at| {
            self.now.store(at, Ordering::SeqCst);
            std::future::ready(Ok::<_, ()>(()))
        };
        self.metrics.look_until(until, move_to).await.unwrap().unwrap();
    }

    async fn measure(&self, name: &str, value: f64) {
        self.metrics.put(R, "App", vec![Datum::new(name, value, "None")]).await.unwrap();
    }

    async fn state(&self, name: &str) -> String {
        let types = json!(["MetricAlarm", "CompositeAlarm"]);
        let found = self.ok("DescribeAlarms", json!({"AlarmNames": [name], "AlarmTypes": types})).await;
        let mut all =
            [&found["MetricAlarms"], &found["CompositeAlarms"]].into_iter().flat_map(|a| a.as_array().unwrap());
        all.next().unwrap()["StateValue"].as_str().unwrap().to_owned()
    }

    fn fired(&self) -> Vec<String> {
        let said = |fired: &Fired| format!("{} {}>{} {}", fired.alarm, fired.from, fired.to, fired.action);
        self.fired.lock().drain(..).map(|fired| said(&fired)).collect()
    }
}

fn open(store: &Store, now: &Arc<AtomicI64>) -> Metrics {
    let now = now.clone();
    Metrics::open(store.clone(), "123456789012", Arc::new(move || now.load(Ordering::SeqCst))).unwrap()
}

async fn call(metrics: &Metrics, name: &str, input: Value) -> Result<Value, AwsError> {
    let operation = Service::CloudWatch.model().operation(name).unwrap();
    let Value::Object(mut input) = input else { panic!("an input is an object") };
    check::admit(operation, &mut input)?;
    let call = Call {
        operation,
        region: R.into(),
        access_key: "AKID".into(),
        authority: "localhost".into(),
        input,
        request_id: "r".into(),
    };
    let Answer::Document(answer) = metrics.call(call).await? else { panic!("an answer is a document") };
    assert_eq!(check::wrong_answer(operation, &answer), None);
    Ok(Value::Object(Document::from(answer)))
}

fn alarm(name: &str, more: Value) -> Value {
    let mut alarm = json!({
        "AlarmName": name, "Namespace": "App", "MetricName": "load", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 2, "Threshold": 70, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:high"], "OKActions": ["arn:aws:lambda:us-east-1:1:function:low"],
    });
    let Value::Object(more) = more else { panic!("more is an object") };
    alarm.as_object_mut().unwrap().extend(more);
    alarm
}

#[tokio::test]
async fn an_alarm_goes_off_acts_recovers_and_remembers() {
    let world = World::new();
    world.ok("PutMetricAlarm", alarm("high", json!({}))).await;
    assert_eq!(world.state("high").await, "INSUFFICIENT_DATA");
    for (minute, value) in [50.0, 80.0, 90.0, 95.0, 10.0, 20.0].into_iter().enumerate() {
        world.measure("load", value).await;
        world.pass(60).await;
        let expected = ["INSUFFICIENT_DATA", "OK", "OK", "ALARM", "ALARM", "OK"][minute];
        assert_eq!(world.state("high").await, expected, "minute {minute}");
    }
    assert_eq!(
        world.fired(),
        [
            "high INSUFFICIENT_DATA>OK arn:aws:lambda:us-east-1:1:function:low",
            "high OK>ALARM arn:aws:sns:us-east-1:123456789012:high",
            "high ALARM>OK arn:aws:lambda:us-east-1:1:function:low",
        ]
    );
    let history = world.ok("DescribeAlarmHistory", json!({"AlarmName": "high", "ScanBy": "TimestampAscending"})).await;
    let items = history["AlarmHistoryItems"].as_array().unwrap();
    let told: Vec<&str> = items.iter().map(|item| item["HistorySummary"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "Alarm \"high\" created",
            "Alarm updated from INSUFFICIENT_DATA to OK",
            "Successfully executed action arn:aws:lambda:us-east-1:1:function:low",
            "Alarm updated from OK to ALARM",
            "Failed to execute action arn:aws:sns:us-east-1:123456789012:high",
            "Alarm updated from ALARM to OK",
            "Successfully executed action arn:aws:lambda:us-east-1:1:function:low",
        ]
    );
    let data: Value = serde_json::from_str(items[3]["HistoryData"].as_str().unwrap()).unwrap();
    assert_eq!(
        data["newState"]["stateReason"],
        "Threshold Crossed: 2 out of the last 2 datapoints [90.0 (15/11/23 00:02:00), 80.0 (15/11/23 00:01:00)] were \
         greater than the threshold (70.0) (minimum 2 datapoints for OK -> ALARM transition)."
    );
    assert_eq!(data["newState"]["stateReasonData"]["recentDatapoints"], json!([80.0, 90.0]));
    // Pages are the whole, each item once.
    let (mut paged, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"AlarmName": "high", "MaxRecords": 2, "ScanBy": "TimestampAscending"});
        input["NextToken"] = token;
        let page = world.ok("DescribeAlarmHistory", input).await;
        paged.extend(page["AlarmHistoryItems"].as_array().unwrap().clone());
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(&paged, items);
    // Another process knows how it stands.
    let again = open(&world.store, &world.now);
    let found = call(&again, "DescribeAlarms", json!({})).await.unwrap();
    assert_eq!(found["MetricAlarms"][0]["StateValue"], "OK");
}

#[tokio::test]
async fn missing_data_is_what_the_alarm_says_it_is() {
    for (missing, expected) in
        [("missing", "INSUFFICIENT_DATA"), ("ignore", "ALARM"), ("breaching", "ALARM"), ("notBreaching", "OK")]
    {
        let world = World::new();
        world.ok("PutMetricAlarm", alarm("a", json!({"TreatMissingData": missing, "EvaluationPeriods": 1}))).await;
        world.measure("load", 99.0).await;
        world.pass(70).await;
        assert_eq!(world.state("a").await, "ALARM");
        world.pass(600).await;
        assert_eq!(world.state("a").await, expected, "{missing}");
    }
}

#[tokio::test]
async fn short_periods_are_looked_at_every_ten_seconds_and_expressions_like_metrics() {
    let world = World::new();
    let short = alarm("short", json!({"Period": 10, "EvaluationPeriods": 1}));
    world.ok("PutMetricAlarm", short).await;
    let metric = |id: &str, name: &str| {
        json!({"Id": id, "ReturnData": false,
               "MetricStat": {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Sum"}})
    };
    let expression = json!({
        "AlarmName": "rate", "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Metrics": [metric("errors", "errors"), metric("calls", "calls"), {"Id": "e1", "Expression": "100*errors/calls"}],
    });
    world.ok("PutMetricAlarm", expression).await;
    let datum = |name: &str, value| Datum::new(name, value, "Count").fine();
    world.metrics.put(R, "App", vec![datum("load", 99.0), datum("errors", 6.0), datum("calls", 100.0)]).await.unwrap();
    world.pass(12).await;
    assert_eq!(
        (world.state("short").await.as_str(), world.state("rate").await.as_str()),
        ("ALARM", "INSUFFICIENT_DATA")
    );
    world.pass(58).await;
    assert_eq!(world.state("rate").await, "ALARM");
}

#[tokio::test]
async fn composite_alarms_follow_and_wait_for_their_suppressor() {
    let world = World::new();
    let quiet = json!({"AlarmActions": [], "OKActions": [], "EvaluationPeriods": 1});
    for name in ["a", "b", "deploying"] {
        world.ok("PutMetricAlarm", alarm(name, quiet.clone())).await;
    }
    let words =
        world.refused("PutCompositeAlarm", json!({"AlarmName": "c", "AlarmRule": "ALARM(a) AND ALARM(gone)"})).await;
    assert!(words.contains("alarms [gone] in the alarm rule do not exist"), "{words}");
    let composite = json!({
        "AlarmName": "both", "AlarmRule": "ALARM(a) AND ALARM(\"b\")", "AlarmActions": ["arn:aws:lambda:us-east-1:1:function:f"],
        "ActionsSuppressor": "deploying", "ActionsSuppressorWaitPeriod": 20, "ActionsSuppressorExtensionPeriod": 30,
    });
    world.ok("PutCompositeAlarm", composite).await;
    assert_eq!(world.state("both").await, "OK");
    let set = |name: &str, state: &str| json!({"AlarmName": name, "StateValue": state, "StateReason": "test"});
    world.ok("SetAlarmState", set("a", "ALARM")).await;
    assert_eq!(world.state("both").await, "OK");
    world.ok("SetAlarmState", set("b", "ALARM")).await;
    assert_eq!((world.state("both").await.as_str(), world.fired().len()), ("ALARM", 0));
    let described = world.ok("DescribeAlarms", json!({"AlarmTypes": ["CompositeAlarm"]})).await;
    let both = &described["CompositeAlarms"][0];
    assert_eq!(both["ActionsSuppressedBy"], "WaitPeriod");
    assert!(
        both["StateReason"].as_str().unwrap().starts_with(
            "arn:aws:cloudwatch:us-east-1:123456789012:alarm:b transitioned to ALARM at Wednesday 15 November, 2023"
        ),
        "{both}"
    );
    world.ok("SetAlarmState", set("deploying", "ALARM")).await;
    world.now.fetch_add(25_000, Ordering::SeqCst);
    world.metrics.look().await.unwrap();
    // Its metric is not there: what was set by hand is over when it is looked at.
    assert_eq!(world.state("deploying").await, "INSUFFICIENT_DATA");
    world.now.fetch_add(31_000, Ordering::SeqCst);
    world.metrics.look().await.unwrap();
    let kin = world.ok("DescribeAlarms", json!({"ChildrenOfAlarmName": "both"})).await;
    assert_eq!(kin["MetricAlarms"].as_array().unwrap().len(), 2);
    let kin = world.ok("DescribeAlarms", json!({"ParentsOfAlarmName": "a"})).await;
    assert_eq!(kin["CompositeAlarms"][0]["AlarmName"], "both");
    let words = world.refused("DeleteAlarms", json!({"AlarmNames": ["a"]})).await;
    assert!(words.starts_with("ResourceConflict: Cannot delete a "), "{words}");
    world.ok("DeleteAlarms", json!({"AlarmNames": ["a", "both", "gone"]})).await;
    let left = world.ok("DescribeAlarms", json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]})).await;
    assert_eq!((left["MetricAlarms"].as_array().unwrap().len(), &left["CompositeAlarms"]), (2, &json!([])));
}

#[tokio::test]
async fn scaling_actions_are_repeated_each_minute_and_disabled_ones_are_not_done() {
    let world = World::new();
    let scaling = "arn:aws:autoscaling:us-east-1:1:scalingPolicy:p:resource/ecs/service/c/s:policyName/n";
    let more =
        json!({"AlarmActions": [scaling], "OKActions": [], "EvaluationPeriods": 1, "TreatMissingData": "breaching"});
    world.ok("PutMetricAlarm", alarm("scale", more)).await;
    world.pass(5 * 60).await;
    let fired = world.fired();
    assert_eq!(fired[0], format!("scale INSUFFICIENT_DATA>ALARM {scaling}"));
    assert_eq!(fired[1], format!("scale ALARM>ALARM {scaling}"));
    assert!((5..=6).contains(&fired.len()), "{fired:?}");
    world.ok("DisableAlarmActions", json!({"AlarmNames": ["scale", "gone"]})).await;
    world.pass(5 * 60).await;
    assert_eq!(world.fired(), Vec::<String>::new());
    world.ok("EnableAlarmActions", json!({"AlarmNames": ["scale"]})).await;
    world.pass(60).await;
    assert_eq!(world.fired().len(), 1);
}

#[tokio::test]
async fn what_an_alarm_cannot_be_is_told() {
    let world = World::new();
    let check = async |more: Value, expected: &str| {
        let mut input = alarm("a", more);
        input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let words = world.refused("PutMetricAlarm", input).await;
        assert!(words.starts_with("ValidationError: ") && words.contains(expected), "{words}");
    };
    check(json!({"DatapointsToAlarm": 3}), "DatapointsToAlarm must be less than or equal to EvaluationPeriods").await;
    check(json!({"Period": 45}), "Period must be 10, 20, 30 or a multiple of 60").await;
    check(json!({"EvaluationPeriods": 1441}), "EvaluationPeriods * Period must be <= 86400").await;
    check(json!({"TreatMissingData": "maybe"}), "Option maybe is not supported for TreatMissingData").await;
    check(json!({"ExtendedStatistic": "p9"}), "mutually exclusive").await;
    check(json!({"Statistic": null}), "At least one of the parameters Statistic and ExtendedStatistic").await;
    check(json!({"Threshold": null}), "Threshold is required").await;
    check(json!({"ComparisonOperator": "LessThanLowerThreshold"}), "needs an anomaly detector").await;
    check(json!({"ThresholdMetricId": "t"}), "ThresholdMetricId is not supported").await;
    check(json!({"AlarmActions": ["page-me"]}), "Invalid arn syntax: page-me").await;
    let math = |expression: &str| json!([{"Id": "e1", "Expression": expression}]);
    let plain = json!({"Namespace": null, "MetricName": null, "Statistic": null, "Period": null});
    let with = |metrics: Value| {
        let mut all = plain.clone();
        all["Metrics"] = metrics;
        all
    };
    check(with(math("SEARCH('{App} load', 'Sum')")), "SEARCH is not supported on Metric Alarms").await;
    check(with(math("m1 * 2")), "Undeclared variable 'm1'").await;
    check(
        with(json!([{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a", "ReturnData": false}])),
        "refers to itself",
    )
    .await;
    check(
        with(json!([{"Id": "a", "Expression": "TIME_SERIES(1)"}, {"Id": "b", "Expression": "TIME_SERIES(1)"}])),
        "Exactly one element",
    )
    .await;
    check(json!({"Metrics": math("TIME_SERIES(1)")}), "mutually exclusive").await;
}

#[tokio::test]
async fn percentiles_of_few_samples_change_nothing_if_the_alarm_says_so() {
    let world = World::new();
    let few = |name: &str, low: &str| {
        let mut input = alarm(
            name,
            json!({"ExtendedStatistic": "p50", "EvaluationPeriods": 1, "EvaluateLowSampleCountPercentile": low}),
        );
        input.as_object_mut().unwrap().remove("Statistic");
        input
    };
    world.ok("PutMetricAlarm", few("ignores", "ignore")).await;
    world.ok("PutMetricAlarm", few("evaluates", "evaluate")).await;
    world.measure("load", 99.0).await;
    world.pass(70).await;
    assert_eq!(
        (world.state("ignores").await.as_str(), world.state("evaluates").await.as_str()),
        ("INSUFFICIENT_DATA", "ALARM")
    );
    let many = (0..25).map(|_| Datum::new("load", 99.0, "None")).collect();
    world.metrics.put(R, "App", many).await.unwrap();
    world.pass(60).await;
    assert_eq!(world.state("ignores").await, "ALARM");
}

#[tokio::test]
async fn alarms_have_tags_and_dashboards_too() {
    let world = World::new();
    world.ok("PutMetricAlarm", alarm("a", json!({"Tags": [{"Key": "team", "Value": "x"}]}))).await;
    let body = r#"{"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]}"#;
    world.ok("PutDashboard", json!({"DashboardName": "main", "DashboardBody": body})).await;
    for (arn, had) in [
        ("arn:aws:cloudwatch:us-east-1:123456789012:alarm:a", 1),
        ("arn:aws:cloudwatch::123456789012:dashboard/main", 0),
    ] {
        let tags = json!([{"Key": "k", "Value": "v"}]);
        world.ok("TagResource", json!({"ResourceARN": arn, "Tags": tags})).await;
        let listed = world.ok("ListTagsForResource", json!({"ResourceARN": arn})).await;
        assert_eq!(listed["Tags"].as_array().unwrap().len(), had + 1);
        world.ok("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["k"]})).await;
        let listed = world.ok("ListTagsForResource", json!({"ResourceARN": arn})).await;
        assert_eq!(listed["Tags"].as_array().unwrap().len(), had);
    }
    let words = world
        .refused("TagResource", json!({"ResourceARN": "arn:aws:cloudwatch:us-east-1:1:alarm:b", "Tags": []}))
        .await;
    assert!(words.starts_with("ResourceNotFoundException"), "{words}");
    let shown = world.ok("GetDashboard", json!({"DashboardName": "main"})).await;
    assert_eq!(shown["DashboardBody"], body);
    let words = world.refused("PutDashboard", json!({"DashboardName": "main", "DashboardBody": "{}"})).await;
    assert!(words.starts_with("InvalidParameterInput: The dashboard body is invalid"), "{words}");
    assert_eq!(world.ok("ListDashboards", json!({})).await["DashboardEntries"][0]["Size"], body.len());
    world.ok("DeleteDashboards", json!({"DashboardNames": ["main"]})).await;
    let words = world.refused("GetDashboard", json!({"DashboardName": "main"})).await;
    assert!(words.starts_with("ResourceNotFound: "), "{words}");
}

#[tokio::test]
async fn two_hundred_alarms_are_looked_at_in_no_time() {
    let world = World::new();
    for n in 0..200 {
        let dimension = json!([{"Name": "n", "Value": n.to_string()}]);
        world
            .ok("PutMetricAlarm", alarm(&n.to_string(), json!({"Dimensions": dimension, "EvaluationPeriods": 3})))
            .await;
    }
    for minute in 0..10 {
        let data = (0..200).map(|n| Datum::new("load", f64::from(minute), "None").with("n", &n.to_string()));
        world.metrics.put(R, "App", data.collect()).await.unwrap();
        world.pass(60).await;
    }
    world.now.fetch_add(61_000, Ordering::SeqCst);
    assert_eq!(world.metrics.due(world.now.load(Ordering::SeqCst)).len(), 200);
    let begun = std::time::Instant::now();
    assert_eq!(world.metrics.look().await.unwrap(), 200);
    let took = begun.elapsed();
    println!("200 alarms were looked at in {took:?}");
    assert_eq!(world.metrics.look().await.unwrap(), 0, "once a minute");
    // Half a minute would be late; a debug build on a loaded machine takes a fraction of a second.
    assert!(took.as_secs() < 30, "{took:?}");
}

#[tokio::test]
async fn data_is_asked_for_in_pages_with_labels_and_expressions() {
    let world = World::new();
    let data: Vec<Value> = (0..5)
        .map(|n| {
            json!({"MetricName": "load", "Timestamp": START - 300 + n * 60, "Value": n, "Unit": "Count",
                        "Dimensions": [{"Name": "Service", "Value": "web"}]})
        })
        .collect();
    world.ok("PutMetricData", json!({"Namespace": "App", "MetricData": data})).await;
    let stat = |stat: &str| json!({"Metric": {"Namespace": "App", "MetricName": "load", "Dimensions": [{"Name": "Service", "Value": "web"}]}, "Period": 60, "Stat": stat});
    let query = |more: Value| {
        let mut all = json!({
            "StartTime": START - 300, "EndTime": START, "ScanBy": "TimestampAscending",
            "MetricDataQueries": [
                {"Id": "m1", "MetricStat": stat("Sum")},
                {"Id": "e1", "Expression": "m1 * 10", "Label": "ten: ${MAX} at ${MAX_TIME}, ${PROP('Dim.Service')} ${LAST_TIME_RELATIVE}"},
                {"Id": "s1", "Expression": "SEARCH('{App,Service} load', 'Maximum', 60)", "Label": "found"},
                {"Id": "hidden", "MetricStat": stat("Average"), "ReturnData": false},
            ],
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let whole = world.ok("GetMetricData", query(json!({}))).await;
    let results = whole["MetricDataResults"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        results.iter().map(|r| (r["Id"].as_str().unwrap(), r["Label"].as_str().unwrap())).collect();
    assert_eq!(told, [("m1", "load Sum"), ("e1", "ten: 40 at 2023-11-14 23:59:00, web 1m"), ("s1", "found web")]);
    assert_eq!(results[1]["Values"], json!([0.0, 10.0, 20.0, 30.0, 40.0]));
    assert_eq!(results[1]["Timestamps"][4], START - 60);
    let (mut values, mut token, mut pages) = (vec![Vec::new(); 3], Value::Null, 0);
    loop {
        let mut more = json!({"MaxDatapoints": 4});
        if !token.is_null() {
            more["NextToken"] = token;
        }
        let page = world.ok("GetMetricData", query(more)).await;
        for (all, result) in values.iter_mut().zip(page["MetricDataResults"].as_array().unwrap()) {
            all.extend(result["Values"].as_array().unwrap().clone());
        }
        pages += 1;
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(pages, 4);
    for (paged, result) in values.iter().zip(results) {
        assert_eq!(&json!(paged), &result["Values"]);
    }
    let newest_first = world.ok("GetMetricData", query(json!({"ScanBy": "TimestampDescending"}))).await;
    assert_eq!(newest_first["MetricDataResults"][0]["Values"], json!([4.0, 3.0, 2.0, 1.0, 0.0]));
}

#[tokio::test]
async fn statistics_are_asked_for_and_what_is_wrong_is_told() {
    let world = World::new();
    let values = json!({"MetricName": "latency", "Values": [0.1, 0.2, 0.9], "Counts": [90, 9, 1], "Unit": "Seconds"});
    let set = json!({"MetricName": "latency", "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}, "Unit": "Seconds", "Timestamp": START + 60});
    world.ok("PutMetricData", json!({"Namespace": "App", "MetricData": [values, set]})).await;
    let ask = |more: Value| {
        let mut all = json!({"Namespace": "App", "MetricName": "latency", "StartTime": START, "EndTime": START + 120, "Period": 60});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let simple = world.ok("GetMetricStatistics", ask(json!({"Statistics": ["Sum", "SampleCount", "Maximum"]}))).await;
    assert_eq!(simple["Label"], "latency");
    let rounded = |value: &Value| (value.as_f64().unwrap() * 1000.0).round() / 1000.0;
    let first = &simple["Datapoints"][0];
    assert_eq!(
        (rounded(&first["Sum"]), rounded(&first["SampleCount"]), &first["Unit"]),
        (11.7, 100.0, &json!("Seconds"))
    );
    let extended = world.ok("GetMetricStatistics", ask(json!({"ExtendedStatistics": ["p90", "p99", "tm99"]}))).await;
    let points = extended["Datapoints"].as_array().unwrap();
    // A statistic set says no percentiles.
    assert_eq!(
        (points.len(), &points[0]["ExtendedStatistics"]["p90"], &points[0]["ExtendedStatistics"]["p99"]),
        (1, &json!(0.1), &json!(0.2))
    );
    let listed = world.ok("ListMetrics", json!({"Namespace": "App", "RecentlyActive": "PT3H"})).await;
    assert_eq!(listed["Metrics"], json!([{"Namespace": "App", "MetricName": "latency", "Dimensions": []}]));
    let check = async |name: &str, input: Value, expected: &str| {
        let words = world.refused(name, input).await;
        assert_eq!(words, expected);
    };
    let get = "GetMetricStatistics";
    check(
        get,
        ask(json!({"Statistics": ["Sum"], "EndTime": START})),
        "InvalidParameterValue: The parameter StartTime must not equal parameter EndTime.",
    )
    .await;
    check(get, ask(json!({"Statistics": ["Sum"], "Period": 1, "EndTime": START + 86_400})), "InvalidParameterCombination: You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.").await;
    check(get, ask(json!({})), "InvalidParameterCombination: At least one of the parameters Statistics and ExtendedStatistics must be specified.").await;
    let put = |datum: Value| json!({"Namespace": "App", "MetricData": [{"MetricName": "ok", "Value": 1}, datum]});
    check("PutMetricData", put(json!({"MetricName": "m"})), "InvalidParameterCombination: At least one of the parameters MetricData.member.2.Value and MetricData.member.2.StatisticValues must be specified.").await;
    check("PutMetricData", put(json!({"MetricName": "m", "Value": 1, "Values": [1]})), "InvalidParameterCombination: The parameters MetricData.member.2.Value and MetricData.member.2.Values are mutually exclusive and you have specified both.").await;
    check("PutMetricData", put(json!({"MetricName": "m", "Value": 1, "Timestamp": START - 15 * 86_400})), "InvalidParameterValue: The parameter MetricData.member.2.Timestamp must specify a time within the past two weeks.").await;
    check(
        "PutMetricData",
        put(json!({"MetricName": "m", "Value": 1e120})),
        "InvalidParameterValue: The value 1e120 for parameter MetricData.member.2.Value is invalid.",
    )
    .await;
    check(
        "PutMetricData",
        json!({"Namespace": "AWS/ECS", "MetricData": [{"MetricName": "m", "Value": 1}]}),
        "InvalidParameterValue: The value AWS/ECS for parameter Namespace is invalid.",
    )
    .await;
    let nothing = world.ok("ListMetrics", json!({"Namespace": "App", "MetricName": "ok"})).await;
    assert_eq!(nothing["Metrics"], json!([]), "a call is taken as a whole or not at all");
}

#[tokio::test(start_paused = true)]
async fn alarms_are_looked_at_by_themselves_when_one_is_due_and_not_before() {
    let begun = tokio::time::Instant::now();
    let now = move || START * 1000 + i64::try_from(begun.elapsed().as_millis()).unwrap();
    let metrics = Metrics::open(Store::ephemeral().unwrap(), "123456789012", Arc::new(now)).unwrap();
    let (sender, mut fired) = tokio::sync::mpsc::unbounded_channel();
    metrics.act_by(Arc::new(move |fired| sender.send((fired.to.word(), now())).map_err(|_| "nobody listens".into())));
    let looking = tokio::spawn(metrics.clone().keep_looking());
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    let actions = json!({"AlarmActions": ["arn:aws:lambda:us-east-1:1:function:f"], "OKActions": ["arn:aws:lambda:us-east-1:1:function:f"]});
    call(&metrics, "PutMetricAlarm", alarm("a", json!({"TreatMissingData": "breaching", "EvaluationPeriods": 1})))
        .await
        .unwrap();
    // When it was is not told: a paused clock runs on while the disk is waited for.
    let (state, _) = fired.recv().await.unwrap();
    assert_eq!(state, "ALARM");
    // What is measured is seen at the end of its minute.
    metrics.put(R, "App", vec![Datum::new("load", 1.0, "None")]).await.unwrap();
    call(&metrics, "PutMetricAlarm", alarm("b", actions)).await.unwrap();
    let (state, _) = fired.recv().await.unwrap();
    assert_eq!(state, "OK");
    looking.abort();
}
