//! The tables of the user guide, and each verdict against a plain restatement of its rules.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::judge::{Scale, has_few_samples};
use super::rule::Rule;
use super::settle::{Causes, settle};
use super::{Alarm, Comparison, Composite, Missing, Standing, State, Watch};

fn scale(periods: usize, to_alarm: usize, missing: Missing) -> Scale {
    Scale { periods, to_alarm, comparison: Comparison::GreaterThanThreshold, threshold: 0.5, missing }
}

/// `0` is within, `X` breaching, `-` missing; the newest is the last.
fn points(text: &str) -> Vec<Option<f64>> {
    let point = |word: &str| match word {
        "0" => Some(0.0),
        "X" => Some(1.0),
        _ => None,
    };
    text.split(' ').map(point).collect()
}

const ALL: [Missing; 4] = [Missing::Missing, Missing::Ignore, Missing::Breaching, Missing::NotBreaching];

fn check(to_alarm: usize, text: &str, filled: usize, expected: &str) {
    let said = ALL.map(|missing| {
        let verdict = scale(3, to_alarm, missing).judge(&points(text));
        assert_eq!(verdict.filled, filled, "{text}");
        verdict.state.map_or("retain", State::word)
    });
    assert_eq!(said.join(" "), expected, "{text} with {to_alarm} of 3: missing, ignore, breaching, not breaching");
}

#[test]
fn the_first_table_three_of_three() {
    check(3, "0 - X - X", 0, "OK OK OK OK");
    check(3, "0 - - - -", 2, "OK OK OK OK");
    check(3, "- - - - -", 3, "INSUFFICIENT_DATA retain ALARM OK");
    check(3, "0 X X - X", 0, "ALARM ALARM ALARM ALARM");
    check(3, "- - X - -", 2, "ALARM retain ALARM OK");
}

#[test]
fn the_second_table_two_of_three() {
    check(2, "0 - X - X", 0, "ALARM ALARM ALARM ALARM");
    check(2, "0 0 X 0 X", 0, "ALARM ALARM ALARM ALARM");
    check(2, "0 - X - -", 1, "OK OK ALARM OK");
    check(2, "- - - - 0", 2, "OK OK ALARM OK");
    check(2, "- - - X -", 2, "ALARM retain ALARM OK");
}

#[test]
fn an_alarm_is_not_premature() {
    check(3, "- - - - X", 2, "INSUFFICIENT_DATA retain ALARM OK");
    check(3, "- - - X -", 2, "INSUFFICIENT_DATA retain ALARM OK");
    check(3, "- - - X 0", 1, "OK OK OK OK");
    check(3, "- - X - 0", 1, "OK OK OK OK");
    check(1, "- - - - X", 2, "ALARM ALARM ALARM ALARM");
}

/// The user guide's rules, sentence by sentence, over the letters of a series.
fn restated(letters: &str, n: usize, m: usize, missing: Missing) -> Option<State> {
    let newest_first: Vec<char> = letters.chars().rev().collect();
    let real: Vec<char> = newest_first.iter().copied().filter(|letter| *letter != '-').collect();
    let verdict = |breaching: usize| Some(if breaching < m { State::Ok } else { State::Alarm });
    // "If no data points in the evaluation range are missing", and "If some are missing, but the total number of existing
    // data points ... is equal to or more than the alarm's Evaluation Periods": the most recent real ones.
    if real.len() >= n {
        return verdict(real[..n].iter().filter(|letter| **letter == 'X').count());
    }
    let breaching = real.iter().filter(|letter| **letter == 'X').count();
    match missing {
        // "CloudWatch fills in the missing data points with the result you specified".
        Missing::Breaching => verdict(breaching + n - real.len()),
        Missing::NotBreaching => verdict(breaching),
        Missing::Missing | Missing::Ignore => {
            if breaching >= m {
                return Some(State::Alarm);
            }
            if real.contains(&'0') {
                return Some(State::Ok);
            }
            if missing == Missing::Ignore {
                return None; // "The current alarm state is maintained"
            }
            // "the oldest available breaching datapoint ... is at least as old as the value of Datapoints to Alarm, and
            // all other more recent data points are breaching or missing".
            let age = newest_first.iter().rposition(|letter| *letter == 'X').map_or(0, |ago| ago + 1);
            Some(if age > 0 && age >= m { State::Alarm } else { State::InsufficientData })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn every_verdict_is_that_of_the_rules(
        n in 1_usize..6, back in 0_usize..5, letters in "[0X-]{8}", missing in prop::sample::select(ALL.to_vec()),
    ) {
        let scale = scale(n, n - back.min(n - 1), missing);
        let letters = &letters[..scale.range().min(8)];
        let spaced: Vec<String> = letters.chars().map(String::from).collect();
        let verdict = scale.judge(&points(&spaced.join(" ")));
        prop_assert_eq!(verdict.state, restated(letters, n, scale.to_alarm, missing), "{} {:?}", letters, scale);
    }

    #[test]
    fn without_gaps_only_the_last_periods_count(n in 1_usize..5, letters in "[0X]{6}", missing in prop::sample::select(ALL.to_vec())) {
        let scale = scale(n, n, missing);
        let spaced: Vec<String> = letters.chars().map(String::from).collect();
        let verdict = scale.judge(&points(&spaced.join(" ")));
        let expected = if letters[6 - n..].contains('0') { State::Ok } else { State::Alarm };
        prop_assert_eq!(verdict.state, Some(expected));
    }

    #[test]
    fn any_text_is_a_rule_or_none(text in ".{0,60}") {
        let _ = Rule::parse(&text);
    }

    #[test]
    fn any_words_are_a_rule_or_none(words in prop::collection::vec(prop::sample::select(vec!["(", ")", "AND", "OR", "NOT", "ALARM", "OK", "a", ",", "AT_LEAST", "2", "50%", "TRUE"]), 0..30)) {
        if let Ok(rule) = Rule::parse(&words.join(" ")) {
            let (known, unknown) = (rule.holds(&|_| Some(State::Ok)), rule.holds(&|_| None));
            prop_assert!(!rule.alarms().is_empty() || known == unknown);
        }
    }
}

#[test]
fn few_samples_of_a_percentile() {
    // "this setting would be used if there were fewer than 1000 samples for an alarm on a p99 percentile".
    assert!(has_few_samples(0.99, 999.0) && !has_few_samples(0.99, 1000.0));
    assert!(has_few_samples(0.5, 19.0) && !has_few_samples(0.5, 20.0));
    assert!(has_few_samples(0.1, 99.0) && !has_few_samples(0.1, 100.0));
}

#[test]
fn rules_hold_by_the_states_of_alarms() {
    let state = |name: &str| match name {
        "high" => Some(State::Alarm),
        "low" | "with blanks" => Some(State::Ok),
        "new" => Some(State::InsufficientData),
        _ => None,
    };
    let check = |text: &str, expected: bool| assert_eq!(Rule::parse(text).unwrap().holds(&state), expected, "{text}");
    check("ALARM(high)", true);
    check("ALARM(\"high\") AND OK(low)", true);
    check("ALARM(low) OR INSUFFICIENT_DATA(new)", true);
    check("ALARM(high) AND NOT ALARM(low)", true);
    check("(ALARM(low) OR ALARM(high)) AND OK(\"with blanks\")", true);
    check("ALARM(high) OR ALARM(low) AND FALSE", true);
    check("NOT NOT ALARM(low)", false);
    check("TRUE AND NOT FALSE", true);
    check("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:high)", true);
    check("ALARM(gone) OR OK(gone) OR INSUFFICIENT_DATA(gone)", false);
    check("AT_LEAST(2, OK, (high, low, \"with blanks\"))", true);
    check("AT_LEAST(3, OK, (high, low, \"with blanks\"))", false);
    check("AT_LEAST(50%, NOT OK, (high, low, new))", true);
    let wrong = |text: &str, words: &str| {
        assert_eq!(Rule::parse(text).unwrap_err().to_string(), format!("Error in AlarmRule [{words}]"))
    };
    wrong("()", "Unsupported token ')' at char 1");
    wrong("ALARM(oldest age)", "Unsupported token 'age' at char 13, must be: ')'");
    wrong("ALARM(a", "Unexpected end of the rule, must be: ')'");
    wrong("FIRE(a)", "Unsupported token 'FIRE' at char 0");
    wrong("ALARM(a) ALARM(b)", "Unsupported token 'ALARM' at char 9");
    assert_eq!(Rule::parse("ALARM(b) AND (OK(a) OR ALARM(b))").unwrap().alarms(), ["a", "b"]);
}

fn alarm(name: &str, watch: Watch, state: State) -> (String, Alarm) {
    let standing = Standing { value: state, ..Standing::new(0) };
    let alarm = Alarm {
        name: name.into(),
        description: None,
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: Vec::new(),
        insufficient_data_actions: Vec::new(),
        watch,
        tags: BTreeMap::new(),
        configured: 0,
        standing,
        held: None,
        action_configuration: None,
    };
    (name.into(), alarm)
}

fn composite(name: &str, rule: &str, state: State) -> (String, Alarm) {
    let composite = Composite { rule: rule.into(), suppressor: None, wait: None, extension: None };
    alarm(name, Watch::Composite(composite), state)
}

#[test]
fn a_change_goes_through_all_that_watch_it_and_stops_at_circles() {
    let alarms = BTreeMap::from([
        composite("bottom", "TRUE", State::Ok),
        composite("a-top", "ALARM(middle)", State::Ok),
        composite("middle", "ALARM(bottom) AND OK(quiet)", State::Ok),
        composite("quiet", "FALSE", State::InsufficientData),
        composite("chicken", "ALARM(egg)", State::InsufficientData),
        composite("egg", "NOT ALARM(chicken)", State::InsufficientData),
    ]);
    let causes = Causes { put: alarms.keys().cloned().collect(), ..Causes::default() };
    let settled = settle(&alarms, &causes, &|name| format!("arn:{name}"), 7);
    let mut said: Vec<String> =
        settled.iter().map(|settled| format!("{} {}", settled.name, settled.transition.as_ref().unwrap().to)).collect();
    said.sort();
    assert_eq!(said, ["a-top ALARM", "bottom ALARM", "middle ALARM", "quiet OK"]);
    let top = settled.iter().find(|settled| settled.name == "a-top").unwrap();
    let reason = &top.transition.as_ref().unwrap().reason;
    assert_eq!(reason, "arn:middle transitioned to ALARM at Thursday 01 January, 1970 00:00:00 UTC");
    assert!(settled.iter().all(|settled| settled.acts && settled.held.is_none()));
}

#[test]
fn what_was_set_by_hand_stays_until_a_watched_alarm_changes() {
    let alarms =
        BTreeMap::from([composite("child", "TRUE", State::Alarm), composite("parent", "ALARM(child)", State::Ok)]);
    let names = |causes: Causes| -> Vec<String> {
        settle(&alarms, &causes, &|name| name.to_owned(), 7).into_iter().map(|settled| settled.name).collect()
    };
    assert!(names(Causes::default()).is_empty());
    assert!(names(Causes { changed: ["parent".to_owned()].into(), ..Causes::default() }).is_empty());
    assert_eq!(names(Causes { changed: ["child".to_owned()].into(), ..Causes::default() }), ["parent"]);
}
