//! Queries over a handful of events, with answers that were worked out by hand.

use super::*;

/// Five minutes past the hour, and every minute from then on; newest first, as the store gives them.
const MESSAGES: [&str; 6] = [
    r#"{"level":"error","status":500,"ms":120,"user":{"id":"u1"},"tags":["a","b"]}"#,
    r#"{"level":"info","status":200,"ms":30,"user":{"id":"u2"}}"#,
    r#"{"level":"info","status":200,"ms":50,"user":{"id":"u1"},"ok":true}"#,
    "plain ERROR user=ann, method:GET, latency := 12",
    "plain WARN user=bob, method:PUT, latency := 7",
    r#"{"level":"error","status":503,"ms":10,"user":{"id":"u3"}}"#,
];

fn events() -> Vec<Event> {
    let event = |(n, message): (usize, &&str)| Event {
        at: 1_700_000_100_000 + n as i64 * 60_000, // 22:15:00 and on
        ingested: 1_700_000_000_000,
        stream: format!("s{}", n % 2),
        log: "123456789012:g".to_owned(),
        message: (*message).to_owned(),
        pointer: format!("p{n}"),
    };
    MESSAGES.iter().enumerate().map(event).rev().collect()
}

fn answered(query: &str) -> Vec<Answer> {
    let plan = Plan::parse(query).unwrap_or_else(|words| panic!("{query}: {words}"));
    let mut run = plan.run(None);
    events().into_iter().for_each(|event| run.push(event).unwrap());
    run.finish().unwrap()
}

/// Rows are lines, columns between commas; `@ptr` is left out.
fn check(query: &str, rows: &[&str]) {
    let written: Vec<String> = answered(query)
        .into_iter()
        .map(|row| {
            row.into_iter().filter(|(name, _)| name != "@ptr").map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>()
        })
        .map(|row| row.join(","))
        .collect();
    assert_eq!(written, rows, "{query}");
}

#[test]
fn rows_are_filtered_calculated_sorted_and_cut() {
    check(
        "fields status, user.id | filter status >= 500 | sort ms asc",
        &["status=503,user.id=u3", "status=500,user.id=u1"],
    );
    check("filter level = 'error' | fields ms * 2 + 1 as twice | sort twice desc | limit 1", &["twice=241"]);
    check("fields tags.1 | filter ispresent(tags.1)", &["tags.1=b"]);
    check("filter ok = true | display ms, @logStream", &["ms=50,@logStream=s0"]);
    check("filter ok = 1 | display concat(toupper(level), '-', strlen(level)) as x", &["x=INFO-4"]);
    check("display @timestamp | filter @message like 'WARN'", &["@timestamp=2023-11-14 22:19:00.000"]);
    check("filter @message like /(?i)error u/ | display @log", &["@log=123456789012:g"]);
    check("filter status in [200, 503] and not level = 'info' | display status", &["status=503"]);
    check("filter status not in [200, 503] and status =~ /5../ | display status", &["status=500"]);
    check(
        "# a comment\nfilter isempty(level) | display @logStream | dedup @logStream",
        &["@logStream=s0", "@logStream=s1"],
    );
    check("fields coalesce(level, 'none') as l | dedup l | display l", &["l=error", "l=none", "l=info"]);
    check("fields abs(-2) ^ 3 - 8 / 4 % 3 as n, (1 + 2) * 3 as m | limit 1", &["n=6,m=9"]);
    check("fields floor(ms / 7) as f, ceil(ms / 7) as c | filter ms = 50", &["f=7,c=8"]);
    check("fields datefloor(@timestamp, 1h) as h | limit 1", &["h=2023-11-14 22:00:00.000"]);
    check("fields missing | filter ms < 20", &[""]);
}

#[test]
fn text_is_taken_apart_by_wildcards_and_by_regular_expressions() {
    let glob = r#"parse @message "user=*, method:*, latency := *" as @user, @method, @latency"#;
    check(
        &format!("{glob} | filter ispresent(@user) | display @user, @method, @latency"),
        &["@user=bob,@method=PUT,@latency=7", "@user=ann,@method=GET,@latency=12"],
    );
    check(
        &format!("{glob} | filter ispresent(@method) | stats avg(@latency) by @method | sort @method"),
        &["@method=GET,avg(@latency)=12", "@method=PUT,avg(@latency)=7"][..],
    );
    check(r"parse @message /user=(?<who>\w+), method:(?<how>[A-Z]+)/ | filter how = 'PUT' | display who", &["who=bob"]);
}

/// By hand: levels error (ms 10, 120), info (50, 30), none; minutes 15 to 20 fall in 22:15 and 22:20.
#[test]
fn stats_are_what_was_worked_out_by_hand() {
    check(
        "stats count(*) as n, sum(ms), avg(ms), min(ms), max(ms) by level | sort n desc, level desc",
        &[
            "level=info,n=2,sum(ms)=80,avg(ms)=40,min(ms)=30,max(ms)=50",
            "level=error,n=2,sum(ms)=130,avg(ms)=65,min(ms)=10,max(ms)=120",
            "n=2",
        ],
    );
    check(
        "stats count(*) by bin(5m)",
        &["bin(5m)=2023-11-14 22:20:00.000,count(*)=1", "bin(5m)=2023-11-14 22:15:00.000,count(*)=5"],
    );
    check("stats count(*) by bin(5m) | sort count(*) desc | limit 1", &["bin(5m)=2023-11-14 22:15:00.000,count(*)=5"]);
    check("stats count(*) by bin(5m) as t | stats max(`count(*)`) as most", &["most=5"]);
    check(
        "stats count_distinct(user.id) as users, count(status) as c, pct(ms, 50) as p, pct(ms, 99) as q",
        &["users=3,c=4,p=30,q=120"],
    );
    check(
        "stats earliest(level), latest(level), sortsFirst(level), sortsLast(level)",
        &["earliest(level)=error,latest(level)=error,sortsFirst(level)=error,sortsLast(level)=info"],
    );
    check(
        "stats sum(ms) / count(ms) as mean, max(ms) - min(ms) as span, stddev(ms) as d",
        &["mean=52.5,span=110,d=41.4578"],
    );
    check("filter status = 1 | stats count(*)", &[]);
}

#[test]
fn an_answer_names_its_events_and_counts_what_matched() {
    let plan = Plan::parse("filter status > 0 | limit 1").unwrap();
    let mut run = plan.run(None);
    events().into_iter().for_each(|event| run.push(event).unwrap());
    assert_eq!(run.matched, 4);
    let row = run.finish().unwrap().remove(0);
    assert_eq!(row.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["@timestamp", "@message", "@ptr"]);
    assert_eq!(row[2].1, "p5");
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    for (query, words) in [
        ("fields", "expected a field"),
        ("files @message", "'files @message' at position 1: expected a command"),
        ("filter a =", "expected a field"),
        ("filter (a = 1", "')'"),
        ("limit 0", "between 1 and"),
        ("limit 1 2", "'|'"),
        ("stats level", "no aggregate"),
        ("stats nonsense(x)", "no function nonsense"),
        ("stats pct(ms, 101)", "percentage"),
        ("fields bin(1)", "length of time"),
        ("fields abs(5m)", "length of time"),
        ("fields abs(1, 2)", "1 to 1 arguments"),
        ("parse @message 'a*b' as x, y", "1 wildcards and 2 names"),
        ("parse @message /a/", "no named group"),
        ("filter a like /(/", "no regular expression"),
        ("filter a like /x", "closing '/'"),
        ("display 'open", "closing quotation"),
        ("pattern @message", "not supported"),
        ("fields bin(0m)", "length of time"),
    ] {
        let refused = Plan::parse(query).unwrap_err();
        assert!(refused.contains(words), "{query}: {refused}");
    }
    let deep = format!("filter {}a{}", "(".repeat(100), ")".repeat(100));
    assert!(Plan::parse(&deep).unwrap_err().contains("too deep"));
}

#[test]
fn a_query_that_would_hold_too_much_ends_and_one_with_a_limit_does_not() {
    let run = |query: &str| {
        let plan = Plan::parse(query).unwrap();
        let mut run = plan.run(None);
        let event = Event { message: "x".repeat(10_000), ..events().remove(0) };
        (0..20_000).try_for_each(|n| run.push(Event { at: n, pointer: n.to_string(), ..event.clone() }))?;
        run.finish().map(|rows| rows.len())
    };
    assert_eq!(run("sort @timestamp asc"), Err(TooMuch));
    assert_eq!(run("stats count_distinct(concat(@message, @ptr))"), Err(TooMuch));
    assert_eq!(run("sort @timestamp asc | limit 5"), Ok(5));
    assert_eq!(run("stats count(*) by @ptr | limit 7"), Ok(7));
}

proptest::proptest! {
    #[test]
    fn no_query_makes_it_panic(query in "(fields|filter|stats|sort|parse|dedup|limit|display) [a-z@.*()'\"/`|<>=!~+^%0-9 é,-]{0,40}") {
        if let Ok(plan) = Plan::parse(&query) {
            let mut run = plan.run(Some(3));
            for event in events() {
                if run.push(event).is_err() { break; }
            }
            let _ = run.finish();
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]
    #[test]
    fn a_limit_cuts_what_a_sort_would_give(limit in 1usize..9, keys in proptest::collection::vec(0i64..50, 0..3000)) {
        let rows = |query: String| {
            let plan = Plan::parse(&query).unwrap();
            let mut run = plan.run(None);
            let event = events().remove(0);
            for (n, key) in keys.iter().enumerate() {
                run.push(Event { message: format!("{{\"k\":{key}}}"), pointer: n.to_string(), ..event.clone() }).unwrap();
            }
            run.finish().unwrap()
        };
        let all = rows("display k | sort k desc".to_owned());
        let cut = rows(format!("display k | sort k desc | limit {limit}"));
        proptest::prop_assert_eq!(&all[..limit.min(all.len())], &cut[..]);
    }
}
