//! What CloudWatch Logs promises to readers and writers, against a real store.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use logs::{FilterQuery, GetQuery, GroupSettings, GroupsQuery, LogEvent, Logs, LogsError, StreamOrder, StreamsQuery};
use proptest::prelude::*;
use store::Store;

const R: &str = "us-east-1";
const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400_000;

fn over(store: Store) -> Logs {
    Logs::open(store, "123456789012", Arc::new(|| NOW)).unwrap()
}

async fn with_streams(streams: &[&str]) -> Logs {
    let logs = over(Store::ephemeral().unwrap());
    logs.create_group(R, "g", GroupSettings::default()).await.unwrap();
    for stream in streams {
        logs.create_stream(R, "g", stream).await.unwrap();
    }
    logs
}

fn events(spec: &[(i64, &str)]) -> Vec<LogEvent> {
    spec.iter().map(|(at, message)| LogEvent { at: *at, message: (*message).to_owned() }).collect()
}

fn numbered(range: std::ops::Range<i64>) -> Vec<LogEvent> {
    range.map(|n| LogEvent { at: NOW + n, message: n.to_string() }).collect()
}

fn page(logs: &Logs, query: GetQuery) -> (String, String, String) {
    let read = logs.events(R, "g", "s", &query).unwrap();
    let words: Vec<_> = read.events.into_iter().map(|e| e.message).collect();
    (words.join(" "), read.forward, read.backward)
}

fn filtered(logs: &Logs, query: FilterQuery) -> String {
    match logs.filter(R, "g", &query) {
        Ok(found) => found.events.into_iter().map(|e| e.message).collect::<Vec<_>>().join(" "),
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::test]
async fn a_stream_is_read_in_both_directions_and_its_ends_hold_still() {
    let logs = with_streams(&["s"]).await;
    let from = |token: &str| GetQuery { limit: Some(2), token: Some(token.to_owned()), ..GetQuery::default() };
    let head = || GetQuery { limit: Some(2), from_head: true, ..GetQuery::default() };
    let (nothing, begin, _) = page(&logs, head());
    assert_eq!(nothing, "");
    assert_eq!(page(&logs, from(&begin)), page(&logs, from(&begin)));

    logs.append(R, "g", "s", numbered(0..5)).unwrap().await.unwrap();
    assert_eq!(page(&logs, from(&begin)).0, "0 1", "a token taken on the empty stream sees what came since");
    let (first, f1, b1) = page(&logs, head());
    let (second, f2, _) = page(&logs, from(&f1));
    let (third, f3, b3) = page(&logs, from(&f2));
    assert_eq!([first, second, third], ["0 1", "2 3", "4"]);
    let (none, end, back) = page(&logs, from(&f3));
    assert_eq!((none.as_str(), &end), ("", &f3), "at the end the token is the one that was passed");
    assert_eq!(page(&logs, from(&b3)).0, "2 3");
    assert_eq!(page(&logs, from(&back)).0, "3 4", "turning round at the end begins with the last event");
    let (none, forward, start) = page(&logs, from(&b1));
    assert_eq!((none.as_str(), &start), ("", &b1));
    assert_eq!(page(&logs, from(&forward)).0, "0 1", "turning round at the start begins with the first event");

    assert_eq!(page(&logs, GetQuery { limit: Some(2), ..GetQuery::default() }).0, "3 4", "by default the latest");
    let range = GetQuery { start: Some(NOW + 1), end: Some(NOW + 3), from_head: true, ..GetQuery::default() };
    assert_eq!(page(&logs, range).0, "1 2", "start is inclusive, end is not");
    logs.append(R, "g", "s", numbered(5..6)).unwrap().await.unwrap();
    assert_eq!(page(&logs, from(&f3)).0, "5");
    let bad = logs.events(R, "g", "s", &from("f/nonsense")).unwrap_err();
    assert_eq!(bad.code(), "InvalidParameterException");
}

#[tokio::test]
async fn a_groups_streams_are_read_together_by_time() {
    let logs = with_streams(&["web/1", "web/2", "worker/1"]).await;
    for (stream, spec) in [
        ("web/1", &[(NOW + 1, "a"), (NOW + 4, "ERROR-d")][..]),
        ("web/2", &[(NOW + 2, "b"), (NOW + 2, "b2")]),
        ("worker/1", &[(NOW + 3, "ERROR-c")]),
    ] {
        logs.append(R, "g", stream, events(spec)).unwrap().await.unwrap();
    }
    let all = FilterQuery::default;
    assert_eq!(filtered(&logs, all()), "a b b2 ERROR-c ERROR-d");
    assert_eq!(filtered(&logs, FilterQuery { descending: true, ..all() }), "ERROR-d ERROR-c b2 b a");
    assert_eq!(filtered(&logs, FilterQuery { prefix: Some("web/".into()), ..all() }), "a b b2 ERROR-d");
    assert_eq!(filtered(&logs, FilterQuery { streams: vec!["worker/1".into()], ..all() }), "ERROR-c");
    let two = vec!["worker/1".into(), "web/2".into()];
    assert_eq!(filtered(&logs, FilterQuery { streams: two, ..all() }), "b b2 ERROR-c");
    assert_eq!(filtered(&logs, FilterQuery { pattern: "ERROR".into(), ..all() }), "ERROR-c ERROR-d");
    let range = FilterQuery { start: Some(NOW + 2), end: Some(NOW + 3), ..all() };
    assert_eq!(filtered(&logs, range), "b b2 ERROR-c", "both ends are inclusive");
    assert_eq!(filtered(&logs, FilterQuery { streams: vec!["nope".into()], ..all() }), "ResourceNotFoundException");
    assert_eq!(filtered(&logs, FilterQuery { pattern: "{ $.x = }".into(), ..all() }), "InvalidParameterException");
}

#[tokio::test]
async fn a_filter_that_matches_nothing_in_much_answers_pages_that_lead_to_the_end() {
    let logs = with_streams(&["s"]).await;
    for chunk in 0..15 {
        logs.append(R, "g", "s", numbered(chunk * 10_000..(chunk + 1) * 10_000)).unwrap().await.unwrap();
    }
    let query = |token| FilterQuery { pattern: "149999".into(), token, ..FilterQuery::default() };
    let first = logs.filter(R, "g", &query(None)).unwrap();
    assert!(first.events.is_empty() && first.next.is_some());
    let second = logs.filter(R, "g", &query(first.next)).unwrap();
    assert_eq!((second.events.len(), second.next), (1, None));
    // The tail of much is not a walk through it: that would end in an empty page, as above.
    let tail = FilterQuery { start: Some(NOW + 149_998), ..FilterQuery::default() };
    assert_eq!(filtered(&logs, tail), "149998 149999");
}

#[tokio::test]
async fn an_answer_is_at_most_a_megabyte() {
    let logs = with_streams(&["s"]).await;
    let big: Vec<LogEvent> = (0..5).map(|n| LogEvent { at: NOW + n, message: "x".repeat(400_000) }).collect();
    logs.append(R, "g", "s", big).unwrap().await.unwrap();
    let first = logs.filter(R, "g", &FilterQuery::default()).unwrap();
    assert_eq!(first.events.len(), 2);
    let second = logs.filter(R, "g", &FilterQuery { token: first.next, ..FilterQuery::default() }).unwrap();
    assert_eq!(second.events.len(), 2);
}

#[tokio::test]
async fn what_a_source_brought_is_stored_once_across_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    {
        let logs = over(Store::open(dir.path()).unwrap());
        logs.ensure_group(R, "g").await.unwrap();
        logs.ensure_group(R, "g").await.unwrap();
        logs.ensure_stream(R, "g", "s").await.unwrap();
        logs.ensure_stream(R, "g", "s").await.unwrap();
        assert_eq!(logs.position("task/app").unwrap(), None);
        logs.append_from(R, "g", "s", ("task/app", 2), numbered(0..2)).unwrap().await.unwrap();
    }
    let logs = over(Store::open(dir.path()).unwrap());
    assert_eq!(logs.position("task/app").unwrap(), Some(2));
    logs.append_from(R, "g", "s", ("task/app", 2), numbered(0..2)).unwrap().await.unwrap();
    logs.append_from(R, "g", "s", ("task/app", 3), numbered(2..3)).unwrap().await.unwrap();
    logs.append_from(R, "g", "s", ("task/other", 1), numbered(3..4)).unwrap().await.unwrap();
    assert_eq!(page(&logs, GetQuery::default()).0, "0 1 2 3");
    logs.forget("task/app").await.unwrap();
    assert_eq!(logs.position("task/app").unwrap(), None);
    let stream = &logs.streams(R, "g", &StreamsQuery { limit: 50, ..StreamsQuery::default() }).unwrap().items[0];
    assert_eq!((stream.first_event, stream.last_event, stream.last_ingestion), (Some(NOW), Some(NOW + 3), Some(NOW)));
}

#[tokio::test]
async fn a_request_is_taken_in_part_when_some_of_it_is_too_old_or_too_new() {
    let logs = with_streams(&["s"]).await;
    logs.set_retention(R, "g", Some(1)).await.unwrap();
    let now = NOW;
    let sent = events(&[(now - DAY + 3_600_000 * 3 - 1, "kept"), (now, "now"), (now + 3_600_000 * 2 + 5, "ahead")]);
    let accepted = logs.put(R, "g", "s", sent).await.unwrap();
    assert_eq!((accepted.too_new_from, accepted.too_old_until, accepted.expired_until), (Some(2), None, None));
    let accepted =
        logs.put(R, "g", "s", events(&[(now - DAY - 1, "expired"), (now - DAY + 5, "kept2")])).await.unwrap();
    assert_eq!(accepted.expired_until, Some(1));
    let accepted = logs.put(R, "g", "s", events(&[(now - 15 * DAY, "old")])).await.unwrap();
    assert_eq!(accepted.too_old_until, Some(1));
    assert_eq!(page(&logs, GetQuery { from_head: true, ..GetQuery::default() }).0, "kept2 kept now");
    let missing = logs.put(R, "g", "nope", events(&[(now, "x")])).await.unwrap_err();
    assert!(matches!(missing, LogsError::NoStream));
}

#[tokio::test]
async fn groups_and_streams_are_listed_in_pages_and_orders() {
    let logs = with_streams(&["a", "b", "c"]).await;
    for (stream, at) in [("a", 3), ("b", 1)] {
        logs.append(R, "g", stream, numbered(at..at + 1)).unwrap().await.unwrap();
    }
    let walk = |order, descending| {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let query = StreamsQuery { order, descending, limit: 2, token, prefix: None };
            let page = logs.streams(R, "g", &query).unwrap();
            seen.extend(page.items.into_iter().map(|s| s.name));
            token = page.next;
            if token.is_none() {
                return seen.join("");
            }
        }
    };
    assert_eq!(walk(StreamOrder::Name, false), "abc");
    assert_eq!(walk(StreamOrder::Name, true), "cba");
    assert_eq!(walk(StreamOrder::LastEvent, true), "abc");
    assert_eq!(walk(StreamOrder::LastEvent, false), "cba");
    let both = StreamsQuery { order: StreamOrder::LastEvent, prefix: Some("a".into()), limit: 5, ..Default::default() };
    assert_eq!(logs.streams(R, "g", &both).unwrap_err().code(), "InvalidParameterException");

    for name in ["/ecs/app", "/ecs/Web", "/other"] {
        logs.create_group(R, name, GroupSettings::default()).await.unwrap();
    }
    logs.create_group("eu-west-1", "/ecs/elsewhere", GroupSettings::default()).await.unwrap();
    let names = |query: GroupsQuery| {
        let page = logs.groups(R, &query).unwrap();
        (page.items.into_iter().map(|g| g.name).collect::<Vec<_>>().join(" "), page.next)
    };
    let query = || GroupsQuery { limit: 50, ..GroupsQuery::default() };
    assert_eq!(names(query()).0, "/ecs/Web /ecs/app /other g");
    assert_eq!(names(GroupsQuery { prefix: Some("/ecs/".into()), ..query() }).0, "/ecs/Web /ecs/app");
    assert_eq!(names(GroupsQuery { pattern: Some("web".into()), ..query() }).0, "/ecs/Web");
    let (first, next) = names(GroupsQuery { limit: 3, ..query() });
    assert_eq!(first, "/ecs/Web /ecs/app /other");
    assert_eq!(names(GroupsQuery { limit: 3, token: next, ..query() }), ("g".to_owned(), None));
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/other".to_owned();
    assert_eq!(names(GroupsQuery { identifiers: vec![arn], ..query() }).0, "/other");
}

#[tokio::test]
async fn settings_and_tags_survive_a_restart_and_what_aws_refuses_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tags =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<BTreeMap<_, _>>();
    {
        let logs = over(Store::open(dir.path()).unwrap());
        let settings = GroupSettings { tags: tags(&[("a", "1"), ("b", "2")]), protected: true, ..Default::default() };
        logs.create_group(R, "g", settings).await.unwrap();
        logs.set_retention(R, "g", Some(14)).await.unwrap();
        logs.tag(R, "g", tags(&[("b", "3"), ("c", "4")])).await.unwrap();
        logs.untag(R, "g", vec!["a".into()]).await.unwrap();
    }
    let logs = over(Store::open(dir.path()).unwrap());
    assert_eq!(logs.tags(R, "g").unwrap(), tags(&[("b", "3"), ("c", "4")]));
    let group = &logs.groups(R, &GroupsQuery { limit: 1, ..GroupsQuery::default() }).unwrap().items[0];
    assert_eq!((group.retention, group.protected, group.class.as_str()), (Some(14), true, "STANDARD"));

    let code = |outcome: Result<(), LogsError>| outcome.map_or_else(|e| e.code(), |()| "done");
    assert_eq!(code(logs.delete_group(R, "g").await), "InvalidParameterException");
    assert_eq!(code(logs.set_retention(R, "g", Some(2)).await), "InvalidParameterException");
    assert_eq!(code(logs.create_group(R, "g", GroupSettings::default()).await), "ResourceAlreadyExistsException");
    assert_eq!(code(logs.create_group(R, "a b", GroupSettings::default()).await), "InvalidParameterException");
    assert_eq!(code(logs.create_stream(R, "nope", "s").await), "ResourceNotFoundException");
    assert_eq!(code(logs.create_stream(R, "g", "a:b").await), "InvalidParameterException");
    assert_eq!(code(logs.delete_stream(R, "g", "s").await), "ResourceNotFoundException");
    assert_eq!(code(logs.delete_group("eu-west-1", "g").await), "ResourceNotFoundException");
}

#[tokio::test]
async fn the_sweep_deletes_what_expired_and_what_deleted_streams_left() {
    let clock = Arc::new(AtomicI64::new(NOW));
    let time = clock.clone();
    let store = Store::ephemeral().unwrap();
    let logs = Logs::open(store.clone(), "1", Arc::new(move || time.load(Ordering::SeqCst))).unwrap();
    for group in ["g", "short"] {
        logs.create_group(R, group, GroupSettings::default()).await.unwrap();
        for stream in ["s", "t"] {
            logs.create_stream(R, group, stream).await.unwrap();
            logs.append(R, group, stream, numbered(0..6_000)).unwrap().await.unwrap();
        }
    }
    logs.set_retention(R, "short", Some(1)).await.unwrap();
    assert_eq!(logs.sweep().await.unwrap(), 0);
    logs.delete_stream(R, "g", "t").await.unwrap();
    logs.create_stream(R, "g", "t").await.unwrap();
    assert_eq!(
        logs.events(R, "g", "t", &GetQuery::default()).unwrap().events.len(),
        0,
        "a new stream of an old name is empty"
    );
    assert_eq!(logs.filter(R, "g", &FilterQuery::default()).unwrap().events.len(), 6_000);
    assert_eq!(logs.sweep().await.unwrap(), 6_000);
    clock.store(NOW + DAY + 100, Ordering::SeqCst);
    assert_eq!(logs.sweep().await.unwrap(), 200);
    logs.delete_group(R, "short").await.unwrap();
    assert_eq!(logs.sweep().await.unwrap(), 11_800);
    assert_eq!(page(&logs, GetQuery { limit: Some(1), ..GetQuery::default() }).0, "5999");
    let count: i64 = store.query(|c| c.query_row("SELECT count(*) FROM log_events", [], |r| r.get(0))).unwrap();
    assert_eq!(count, 6_000);
    logs.reset().await.unwrap();
    assert_eq!((logs.count(), logs.sweep().await.unwrap()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Follows as `aws logs tail --follow` does: pages to the end, then again from the newest
    /// timestamp, leaving out the identifiers it has seen at that timestamp.
    #[test]
    fn following_sees_every_event_once(
        rounds in proptest::collection::vec(proptest::collection::vec((0..3usize, 0..4i64), 0..20), 1..6),
        limit in 1..7usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let logs = with_streams(&["s0", "s1", "s2"]).await;
            let (mut sent, mut seen) = (Vec::new(), Vec::new());
            let (mut start, mut ids, mut clock) = (None, HashSet::new(), NOW);
            for round in rounds {
                for (stream, step) in round {
                    clock += step; // time never runs back between rounds, and often stands still
                    let message = format!("m{}", sent.len());
                    logs.append(R, "g", &format!("s{stream}"), events(&[(clock, &message)])).unwrap().await.unwrap();
                    sent.push(message);
                }
                let mut token = None;
                loop {
                    let query = FilterQuery { start, token, limit: Some(limit), ..FilterQuery::default() };
                    let found = logs.filter(R, "g", &query).unwrap();
                    for event in found.events {
                        if ids.insert(event.id) {
                            seen.push(event.message);
                        }
                        start = start.max(Some(event.at));
                    }
                    token = found.next;
                    if token.is_none() {
                        break;
                    }
                }
            }
            seen.sort_by_key(|m| m[1..].parse::<usize>().unwrap());
            assert_eq!(seen, sent);
        });
    }
}

#[tokio::test]
async fn what_a_metric_filter_matches_is_measured_once_and_only_if_it_is_stored() {
    let logs = with_streams(&["s"]).await;
    let told: Arc<std::sync::Mutex<Vec<(String, logs::Measure)>>> = Arc::default();
    let taken = told.clone();
    logs.feed(Arc::new(move |region, measures| {
        taken.lock().unwrap().extend(measures.into_iter().map(|measure| (region.to_owned(), measure)));
    }));
    let filter = serde_json::json!({
        "logGroupName": "g", "filterName": "slow", "filterPattern": "{ $.ms > 100 }",
        "metricTransformations": [{"metricName": "Slow", "metricNamespace": "App", "metricValue": "$.ms", "unit": "Milliseconds",
                                   "dimensions": {"Path": "$.path"}}],
    });
    logs.put_metric_filter(R, serde_json::from_value(filter).unwrap()).await.unwrap();
    let lines = || events(&[(NOW, r#"{"ms": 250, "path": "/a"}"#), (NOW + 1, r#"{"ms": 5, "path": "/a"}"#)]);
    logs.append_from(R, "g", "s", ("file", 2), lines()).unwrap().await.unwrap();
    // A source that crashed brings it again.
    logs.append_from(R, "g", "s", ("file", 2), lines()).unwrap().await.unwrap();
    let expected = logs::Measure {
        namespace: "App".into(),
        name: "Slow".into(),
        dimensions: BTreeMap::from([("Path".into(), "/a".into())]),
        unit: Some("Milliseconds".into()),
        value: 250.0,
        at: NOW,
    };
    assert_eq!(*told.lock().unwrap(), [(R.to_owned(), expected)]);
}
