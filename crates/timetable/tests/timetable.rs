//! Expressions against times that were computed by hand, zones over both changes of daylight saving, and
//! random expressions against another implementation.

use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use timetable::{Expression, Millis, Service, Zone};

fn millis(text: &str) -> Millis {
    text.parse::<Timestamp>().expect("an instant").as_millisecond()
}

fn shown(instant: Millis) -> String {
    Timestamp::from_millisecond(instant).expect("in range").to_string()
}

fn read(text: &str) -> Expression {
    Expression::parse(text, Service::Scheduler).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// The first firings after an instant.
fn firings(text: &str, after: &str, zone: &str, count: usize) -> Vec<String> {
    let (expression, zone) = (read(text), Zone::named(zone).expect("a zone"));
    let anchor = millis(after);
    let following = |at: &Millis| expression.next(*at, anchor, &zone);
    std::iter::successors(following(&anchor), following).take(count).map(shown).collect()
}

/// Computed by hand with a calendar: 2026-11-30 is a Monday, 2027 begins on a Friday, 2028 is a leap year.
const BY_HAND: &[(&str, &[&str])] = &[
    ("cron(*/20 * * * ? *)", &["2026-11-30T10:20:00Z", "2026-11-30T10:40:00Z", "2026-11-30T11:00:00Z"]),
    ("cron(0 10 * * ? *)", &["2026-12-01T10:00:00Z", "2026-12-02T10:00:00Z"]),
    ("cron(1 10 * * ? *)", &["2026-11-30T10:01:00Z", "2026-12-01T10:01:00Z"]),
    ("cron(15 12 * * ? *)", &["2026-11-30T12:15:00Z", "2026-12-01T12:15:00Z"]),
    ("cron(0 18 ? * MON-FRI *)", &["2026-11-30T18:00:00Z", "2026-12-01T18:00:00Z"]),
    ("cron(0 9 ? * MON-FRI *)", &["2026-12-01T09:00:00Z"]),
    ("cron(0 9 ? * SAT,SUN *)", &["2026-12-05T09:00:00Z", "2026-12-06T09:00:00Z", "2026-12-12T09:00:00Z"]),
    ("cron(0 9 ? * 1,7 *)", &["2026-12-05T09:00:00Z", "2026-12-06T09:00:00Z"]),
    ("cron(0 9 ? * 2 *)", &["2026-12-07T09:00:00Z", "2026-12-14T09:00:00Z"]),
    ("cron(0 8 1 * ? *)", &["2026-12-01T08:00:00Z", "2027-01-01T08:00:00Z"]),
    ("cron(0/15 * * * ? *)", &["2026-11-30T10:15:00Z", "2026-11-30T10:30:00Z"]),
    ("cron(5/15 * * * ? *)", &["2026-11-30T10:05:00Z", "2026-11-30T10:20:00Z", "2026-11-30T10:35:00Z"]),
    ("cron(0/5 8-17 ? * mon-fri *)", &["2026-11-30T10:05:00Z", "2026-11-30T10:10:00Z"]),
    ("cron(0/10 * ? * MON-FRI *)", &["2026-11-30T10:10:00Z"]),
    ("cron(0 9 ? * 2#1 *)", &["2026-12-07T09:00:00Z", "2027-01-04T09:00:00Z", "2027-02-01T09:00:00Z"]),
    ("cron(0 9 ? * MON#5 *)", &["2027-03-29T09:00:00Z", "2027-05-31T09:00:00Z"]),
    ("cron(0 9 ? * 7#2 *)", &["2026-12-12T09:00:00Z", "2027-01-09T09:00:00Z"]),
    ("cron(0 9 L * ? *)", &["2026-12-31T09:00:00Z", "2027-01-31T09:00:00Z", "2027-02-28T09:00:00Z"]),
    ("cron(0 23 L * ? *)", &["2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z"]),
    ("cron(0 9 L 2 ? *)", &["2027-02-28T09:00:00Z", "2028-02-29T09:00:00Z", "2029-02-28T09:00:00Z"]),
    ("cron(0 9 LW * ? 2026-2030)", &["2026-12-31T09:00:00Z", "2027-01-29T09:00:00Z", "2027-02-26T09:00:00Z"]),
    ("cron(0 9 15W JAN,JUL ? *)", &["2027-01-15T09:00:00Z", "2027-07-15T09:00:00Z", "2028-01-14T09:00:00Z"]),
    ("cron(0 9 1W * ? *)", &["2026-12-01T09:00:00Z", "2027-01-01T09:00:00Z", "2027-02-01T09:00:00Z"]),
    // 1 May 2027 is a Saturday: the Monday after, since Friday is in April.
    ("cron(0 9 1W 5 ? *)", &["2027-05-03T09:00:00Z"]),
    // 31 January 2027 is a Sunday: the Friday before, since Monday is in February.
    ("cron(0 9 31W 1 ? *)", &["2027-01-29T09:00:00Z"]),
    ("cron(0 9 31W * ? 2027)", &["2027-01-29T09:00:00Z", "2027-03-31T09:00:00Z", "2027-05-31T09:00:00Z"]),
    ("cron(0 9 ? * 6L *)", &["2026-12-25T09:00:00Z", "2027-01-29T09:00:00Z"]),
    ("cron(0 9 ? * FRIL *)", &["2026-12-25T09:00:00Z"]),
    ("cron(0 9 ? * L *)", &["2026-12-05T09:00:00Z", "2026-12-12T09:00:00Z"]),
    ("cron(0 0 29 2 ? *)", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
    ("cron(0 0 29 FEB ? 2096-2105)", &["2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"]),
    ("cron(0 0 30 2 ? *)", &[]),
    ("cron(0 0 31 * ? *)", &["2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z"]),
    ("cron(0 0 1 1 ? *)", &["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
    ("cron(0 0 1 1 ? 2026)", &[]),
    ("cron(59 23 31 12 ? 2199)", &["2199-12-31T23:59:00Z"]),
    ("cron(0 0,12 * * ? *)", &["2026-11-30T12:00:00Z", "2026-12-01T00:00:00Z"]),
    ("cron(0 */6 * * ? *)", &["2026-11-30T12:00:00Z", "2026-11-30T18:00:00Z", "2026-12-01T00:00:00Z"]),
    ("cron(30 8-10/2 * * ? *)", &["2026-11-30T10:30:00Z", "2026-12-01T08:30:00Z"]),
    (
        "cron(0-2,58 23 * * ? *)",
        &["2026-11-30T23:00:00Z", "2026-11-30T23:01:00Z", "2026-11-30T23:02:00Z", "2026-11-30T23:58:00Z"],
    ),
    (
        "cron(0 12 1/10 * ? *)",
        &[
            "2026-12-01T12:00:00Z",
            "2026-12-11T12:00:00Z",
            "2026-12-21T12:00:00Z",
            "2026-12-31T12:00:00Z",
            "2027-01-01T12:00:00Z",
        ],
    ),
    ("cron(0 12 ? */3 2 *)", &["2027-01-04T12:00:00Z", "2027-01-11T12:00:00Z"]),
    ("cron(0 12 ? 1/6 SUN#1 *)", &["2027-01-03T12:00:00Z", "2027-07-04T12:00:00Z"]),
    ("cron(0 12 * * ? 2027/2)", &["2027-01-01T12:00:00Z"]),
    ("cron(0 12 31 12 ? 2027/2)", &["2027-12-31T12:00:00Z", "2029-12-31T12:00:00Z"]),
    ("cron(* * * * ? *)", &["2026-11-30T10:01:00Z", "2026-11-30T10:02:00Z"]),
    ("cron(* * ? * * *)", &["2026-11-30T10:01:00Z"]),
    ("rate(1 minute)", &["2026-11-30T10:01:30Z", "2026-11-30T10:02:30Z"]),
    ("rate(5 minutes)", &["2026-11-30T10:05:30Z", "2026-11-30T10:10:30Z"]),
    ("rate(12 hours)", &["2026-11-30T22:00:30Z", "2026-12-01T10:00:30Z"]),
    ("rate(7 days)", &["2026-12-07T10:00:30Z"]),
    ("at(2026-12-24T18:00:00)", &["2026-12-24T18:00:00Z"]),
    ("at(2026-11-30T10:00:30)", &[]),
    ("at(2026-11-30T10:00:31)", &["2026-11-30T10:00:31Z"]),
];

#[test]
fn expressions_fire_when_the_calendar_says() {
    assert!(BY_HAND.len() >= 50);
    for (text, wanted) in BY_HAND {
        let count = wanted.len().max(1);
        assert_eq!(firings(text, "2026-11-30T10:00:30Z", "UTC", count), *wanted, "{text}");
    }
}

#[test]
fn a_zone_moves_with_its_seasons() {
    // Berlin is one hour ahead in winter and two in summer; it changes on 28 March and on 31 October 2027.
    let daily = firings("cron(0 9 * * ? *)", "2027-03-26T12:00:00Z", "Europe/Berlin", 3);
    assert_eq!(daily, ["2027-03-27T08:00:00Z", "2027-03-28T07:00:00Z", "2027-03-29T07:00:00Z"]);
    // 02:30 does not come on the 28th: it is skipped.
    let lost = firings("cron(30 2 * * ? *)", "2027-03-27T00:00:00Z", "Europe/Berlin", 3);
    assert_eq!(lost, ["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z", "2027-03-30T00:30:00Z"]);
    // 02:30 comes twice on 31 October: it fires the first time.
    let twice = firings("cron(30 2 * * ? *)", "2027-10-30T12:00:00Z", "Europe/Berlin", 2);
    assert_eq!(twice, ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]);
    // Every quarter of an hour: the hour that comes twice fires once.
    let quarters = firings("cron(*/30 * * * ? *)", "2027-10-30T23:45:00Z", "Europe/Berlin", 4);
    assert_eq!(
        quarters,
        ["2027-10-31T00:00:00Z", "2027-10-31T00:30:00Z", "2027-10-31T02:00:00Z", "2027-10-31T02:30:00Z"]
    );
    // Started within the hour that comes again: nothing of the first time is made up for.
    let second = firings("cron(*/30 * * * ? *)", "2027-10-31T01:15:00Z", "Europe/Berlin", 1);
    assert_eq!(second, ["2027-10-31T02:00:00Z"]);
    // New York changes on 14 March and 7 November 2027; Sydney the other way round, and by another date.
    assert_eq!(
        firings("cron(30 2 14 3 ? *)", "2027-01-01T00:00:00Z", "America/New_York", 1),
        ["2028-03-14T06:30:00Z"],
        "2:30 did not come in 2027"
    );
    let sydney = firings("cron(0 12 ? * SUN *)", "2027-09-27T00:00:00Z", "Australia/Sydney", 2);
    assert_eq!(sydney, ["2027-10-03T01:00:00Z", "2027-10-10T01:00:00Z"]);
    // A rate is no time of day.
    let rate = firings("rate(1 day)", "2027-03-27T10:00:00Z", "Europe/Berlin", 2);
    assert_eq!(rate, ["2027-03-28T10:00:00Z", "2027-03-29T10:00:00Z"]);
    // Once, in a zone; at a time that does not come, when the clock has gone past it.
    assert_eq!(firings("at(2027-07-01T09:00:00)", "2027-01-01T00:00:00Z", "Asia/Kolkata", 2), ["2027-07-01T03:30:00Z"]);
    assert_eq!(
        firings("at(2027-03-28T02:30:00)", "2027-01-01T00:00:00Z", "Europe/Berlin", 1),
        ["2027-03-28T01:30:00Z"]
    );
    assert!(Zone::named("Europe/Nowhere").is_none());
}

#[test]
fn rates_are_counted_from_where_they_began_however_long_ago() {
    let rate = read("rate(7 minutes)");
    let anchor = millis("2020-01-01T00:00:00Z");
    let after = anchor + 7 * 60_000 * 1_000_000 + 1;
    assert_eq!(rate.next(after, anchor, &Zone::UTC), Some(anchor + 7 * 60_000 * 1_000_001));
    // Before it began, it is not earlier than its first.
    assert_eq!(rate.next(anchor - 1, anchor, &Zone::UTC), Some(anchor + 7 * 60_000));
}

#[test]
fn a_wrong_expression_is_explained() {
    for (text, why) in [
        ("*/20 * * * *", "it is none of `rate(...)`, `cron(...)` and `at(...)`"),
        ("cron(*/20 * * * *)", "cron has six fields in AWS, this has 5"),
        ("cron(*/20 * * * * *)", "one of day-of-month and day-of-week must be `?`"),
        ("cron(* * ? * ? *)", "one of day-of-month and day-of-week must not be `?`"),
        ("cron(60 * * * ? *)", "`60` is not a minute (0 to 59)"),
        ("cron(+5 * * * ? *)", "`+5` is not a minute (0 to 59)"),
        ("cron(*/0 * * * ? *)", "`*/0`: `0` is not a step"),
        ("cron(0 17-8 * * ? *)", "`17-8` runs backwards"),
        ("cron(0 9 ? * 2#6 *)", "`2#6`: 1 to 5 after `#`"),
        ("cron(0 9 ? * 3#1,6#3 *)", "`3#1,6#3`: `#` may stand there once"),
        ("cron(0 9 * * ? 2200)", "`2200` is not a year (1970 to 2199)"),
        ("cron(0 ? * * ? *)", "`?` is not a hour (0 to 23)"),
        ("rate(1 minutes)", "after 1 the unit is singular, `minute`"),
        ("rate(5 minute)", "after 5 the unit is plural, `minutes`"),
        ("rate(0 minutes)", "a rate is at least 1"),
        ("rate(5 weeks)", "`weeks` is not minutes, hours or days"),
        ("rate(5 minutess)", "`minutess` is not minutes, hours or days"),
        ("at(2026-13-01T00:00:00)", "`2026-13-01T00:00:00` is not a time such as `2027-01-31T06:00:00`"),
        ("at(2026-12-01T00:00:00Z)", "`2026-12-01T00:00:00Z` is not a time such as `2027-01-31T06:00:00`"),
    ] {
        assert_eq!(Expression::parse(text, Service::Scheduler), Err(why.to_owned()), "{text}");
    }
    let of_rules = Expression::parse("at(2026-12-01T00:00:00)", Service::EventBridge);
    assert_eq!(of_rules, Err("it is neither `rate(...)` nor `cron(...)`".to_owned()));
}

/// A field of numbers: `*`, a list, a range, a step.
fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("*".to_owned()),
        2 => (low..=high).prop_map(|n| n.to_string()),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (low..=high, 2..15_u32).prop_map(|(a, step)| format!("{a}/{step}")),
        1 => (2..15_u32).prop_map(|step| format!("*/{step}")),
        1 => prop::collection::vec((low..=high).prop_map(|n| n.to_string()), 2..4).prop_map(|list| list.join(",")),
    ]
}

fn days() -> impl Strategy<Value = (String, String)> {
    let month =
        prop_oneof![4 => field(1, 31), 1 => Just("L".to_owned()), 1 => (1..=28_u32).prop_map(|n| format!("{n}W"))];
    let week = prop_oneof![
        4 => field(1, 7),
        1 => (1..=7_u32).prop_map(|n| format!("{n}L")),
        1 => (1..=7_u32, 1..=5_u32).prop_map(|(n, nth)| format!("{n}#{nth}")),
    ];
    prop_oneof![month.prop_map(|m| (m, "?".to_owned())), week.prop_map(|w| ("?".to_owned(), w))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// `croner` is an independent implementation of cron; in UTC the two agree on every firing.
    #[test]
    fn another_implementation_agrees(
        minute in field(0, 59), hour in field(0, 23), (day, week) in days(), month in field(1, 12), begin in 0..4_000_000_i64,
    ) {
        let fields = format!("{minute} {hour} {day} {month} {week} *");
        let ours = read(&format!("cron({fields})"));
        let parser = CronParser::builder()
            .seconds(Seconds::Required).year(Year::Required)
            .alternative_weekdays(true).sloppy_ranges(true).dom_and_dow(true).build();
        let theirs = parser.parse(&format!("0 {fields}")).expect("croner reads it");
        let mut at = millis("2024-02-27T00:00:00Z") + begin * 1_000;
        for _ in 0..5 {
            let before = Timestamp::from_millisecond(at).expect("in range").to_zoned(TimeZone::UTC);
            let wanted = theirs.find_next_occurrence(&before, false).ok().map(|next| next.timestamp().as_millisecond());
            let next = ours.next(at, 0, &Zone::UTC);
            // croner looks some years ahead only.
            if wanted.is_some() {
                prop_assert_eq!(next, wanted, "{} after {}", fields, shown(at));
            }
            let Some(next) = next else { break };
            prop_assert!(next > at && next % 60_000 == 0);
            at = next;
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in "(cron|rate|at)\\([-0-9LW#*/?, A-Z:a-z]{0,24}\\)", after in -2_000_000_000_000..8_000_000_000_000_i64) {
        if let Ok(expression) = Expression::parse(&text, Service::Scheduler) {
            let zone = Zone::named("America/St_Johns").expect("a zone");
            if let Some(next) = expression.next(after, 0, &zone) {
                prop_assert!(next > after);
            }
        }
    }
}
