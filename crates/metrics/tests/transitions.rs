//! Every change of an alarm over random series: it is the verdict's, it is remembered, acted upon and told once, and a
//! platform that starts again in between changes nothing of that.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_model::{Answer, Call, Document, Door, Service};
use metrics::alarm::judge::Scale;
use metrics::alarm::{Comparison, Missing, State};
use metrics::{Datum, Fired, Metrics, News};
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::Store;

const R: &str = "us-east-1";
/// A full minute, and the five seconds after which it is looked at.
const START: i64 = 1_700_006_400_000;
const LAG: i64 = 5_000;

/// A CloudWatch that gets values, and what it tells.
struct World {
    metrics: Metrics,
    now: Arc<AtomicI64>,
    fired: Arc<Mutex<Vec<Fired>>>,
    told: Arc<Mutex<Vec<News>>>,
    teller: tokio::task::JoinHandle<()>,
}

impl World {
    fn open(store: &Store, at: i64) -> Self {
        let now = Arc::new(AtomicI64::new(at));
        let clock = now.clone();
        let metrics = Metrics::open(store.clone(), "123456789012", Arc::new(move || clock.load(Ordering::SeqCst)));
        let metrics = metrics.unwrap();
        let fired: Arc<Mutex<Vec<Fired>>> = Arc::default();
        let acted = fired.clone();
        metrics.act_by(Arc::new(move |fired| {
            acted.lock().push(fired.clone());
            Ok(())
        }));
        metrics.follow();
        let told: Arc<Mutex<Vec<News>>> = Arc::default();
        let (hears, heard) = (metrics.clone(), told.clone());
        let teller = tokio::spawn(async move {
            loop {
                let (number, news) = hears.news().await;
                heard.lock().push(news);
                hears.forget_news(number).await.unwrap();
            }
        });
        Self { metrics, now, fired, told, teller }
    }

    async fn call(&self, name: &str, input: Value) -> Document {
        let operation = Service::CloudWatch.model().operation(name).unwrap();
        let input = input.as_object().unwrap().clone();
        let (region, access_key, authority, request_id) = (R.into(), String::new(), String::new(), String::new());
        let call = Call { operation, region, access_key, authority, input, request_id };
        let Answer::Document(answer) = self.metrics.call(call).await.unwrap() else {
            panic!("an answer is a document")
        };
        answer
    }

    async fn pass(&self, millis: i64) {
        let until = self.now.load(Ordering::SeqCst) + millis;
        let move_to = |at| {
            self.now.store(at, Ordering::SeqCst);
            std::future::ready(Ok::<_, ()>(()))
        };
        self.metrics.look_until(until, move_to).await.unwrap().unwrap();
    }

    /// Ends it; what it told and did is returned.
    fn end(self) -> (Vec<Fired>, Vec<News>) {
        self.teller.abort();
        (std::mem::take(&mut self.fired.lock()), std::mem::take(&mut self.told.lock()))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Lives through a series of minutes (`0` within, `X` breaching, `-` missing), with a restart, and returns every state
/// that the alarm went to, as its history, its actions and EventBridge have it.
async fn lived(scale: Scale, letters: &str, restart: usize) -> (Vec<String>, Vec<String>, Vec<String>) {
    let store = Store::ephemeral().unwrap();
    let mut world = World::open(&store, START + LAG);
    let missing = match scale.missing {
        Missing::Missing => "missing",
        Missing::Ignore => "ignore",
        Missing::Breaching => "breaching",
        Missing::NotBreaching => "notBreaching",
    };
    let action = |state: &str| format!("arn:aws:sns:us-east-1:123456789012:{state}");
    let alarm = json!({"AlarmName": "a", "Namespace": "N", "MetricName": "m", "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": scale.periods, "DatapointsToAlarm": scale.to_alarm, "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing, "ActionsEnabled": true,
        "AlarmActions": [action("ALARM")], "OKActions": [action("OK")],
        "InsufficientDataActions": [action("INSUFFICIENT_DATA")]});
    world.call("PutMetricAlarm", alarm).await;
    world.pass(0).await;
    let (mut fired, mut told) = (Vec::new(), Vec::new());
    for (minute, letter) in letters.chars().enumerate() {
        if minute == restart {
            let at = world.now.load(Ordering::SeqCst);
            let (more_fired, more_told) = world.end();
            fired.extend(more_fired);
            told.extend(more_told);
            world = World::open(&store, at);
        }
        let at = START + minute as i64 * 60_000;
        let value = BTreeMap::from([('0', 0.0), ('X', 1.0)]);
        if let Some(value) = value.get(&letter) {
            world.metrics.put(R, "N", vec![Datum::new("m", *value, "None").at(at)]).await.unwrap();
        }
        world.pass(60_000).await;
    }
    let asked = json!({"AlarmName": "a", "HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending"});
    let history = world.call("DescribeAlarmHistory", asked).await;
    let word = |item: &Value| item["HistorySummary"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    let history: Vec<String> = history["AlarmHistoryItems"].as_array().unwrap().iter().map(word).collect();
    let (more_fired, more_told) = world.end();
    fired.extend(more_fired);
    told.extend(more_told);
    let acted = fired.iter().map(|fired: &Fired| fired.action.rsplit(':').next().unwrap().to_owned()).collect();
    let changes =
        told.iter().filter_map(|news: &News| news.event.as_ref().filter(|event| event.kind.contains("State")));
    let mut last = "INSUFFICIENT_DATA".to_owned();
    let told = changes.map(|event| {
        assert_eq!(event.detail["previousState"]["value"], json!(last), "each is told after the one before it");
        last = event.detail["state"]["value"].as_str().unwrap().to_owned();
        last.clone()
    });
    (history, acted, told.collect())
}

/// The states that verdicts over the last periods lead to, one after the other.
fn judged(scale: Scale, letters: &str) -> Vec<String> {
    let point = |letter: char| match letter {
        '0' => Some(0.0),
        'X' => Some(1.0),
        _ => None,
    };
    let mut points = vec![None; scale.range()];
    let (mut state, mut states) = (State::InsufficientData, Vec::new());
    for next in std::iter::once(None).chain(letters.chars().map(Some)) {
        points.extend(next.map(point));
        let verdict = scale.judge(&points[points.len() - scale.range()..]).state.unwrap_or(state);
        if verdict != state {
            state = verdict;
            states.push(state.to_string());
        }
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn each_change_is_the_verdict_s_and_is_remembered_acted_upon_and_told_once(
        periods in 1_usize..4,
        less in 0_usize..3,
        missing in prop::sample::select(vec![Missing::Missing, Missing::Ignore, Missing::Breaching, Missing::NotBreaching]),
        letters in "[0X-]{12}",
        restart in 0_usize..12,
    ) {
        let to_alarm = periods - less.min(periods - 1);
        let scale = Scale { periods, to_alarm, comparison: Comparison::GreaterThanThreshold, threshold: 0.5, missing };
        let (history, acted, told) = runtime().block_on(lived(scale, &letters, restart));
        let judged = judged(scale, &letters);
        prop_assert_eq!(&history, &judged, "{} {:?}", letters, scale);
        prop_assert_eq!(&acted, &judged);
        prop_assert_eq!(&told, &judged);
    }
}

#[tokio::test]
async fn what_was_not_told_is_told_after_a_restart() {
    let store = Store::ephemeral().unwrap();
    let world = World::open(&store, START);
    world.teller.abort();
    let alarm = json!({"AlarmName": "a", "Namespace": "N", "MetricName": "m", "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"});
    world.call("PutMetricAlarm", alarm).await;
    world.call("SetAlarmState", json!({"AlarmName": "a", "StateValue": "ALARM", "StateReason": "by hand"})).await;
    world.end();
    let world = World::open(&store, START);
    world.call("DeleteAlarms", json!({"AlarmNames": ["a"]})).await;
    let kinds = async || loop {
        let told = world.told.lock().clone();
        if told.len() == 3 {
            return told;
        }
        tokio::task::yield_now().await;
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), kinds()).await.unwrap();
    let kinds: Vec<&str> = told.iter().map(|news| news.event.as_ref().unwrap().kind.as_str()).collect();
    let configuration = "CloudWatch Alarm Configuration Change";
    assert_eq!(kinds, [configuration, "CloudWatch Alarm State Change", configuration]);
    assert_eq!(told[1].stands.as_ref().map(|stands| stands.state), Some(State::Alarm));
    assert_eq!(told[2].stands, None);
}
