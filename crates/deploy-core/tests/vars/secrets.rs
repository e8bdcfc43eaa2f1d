//! Secrets that have no value, values that no secret has, sources that are not there.

use std::collections::BTreeSet;

use deploy_core::parse;
use deploy_core::vars::check::{Keys, Seen, Source, SourceSeen, StageSeen, sources};

use super::{check_lines, findings};

const TEXT: &str = include_str!("broken/secrets.toml");

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// Stages with the keys of their secret; `-` is one that is not there.
fn seen(stages: &[(&str, &[&str])]) -> Seen {
    let one = |(stage, keys): &(&str, &[&str])| {
        let keys = if *keys == ["-"] { Keys::Absent } else { Keys::These(set(keys)) };
        ((*stage).to_owned(), StageSeen { keys: Some(keys), ..StageSeen::default() })
    };
    Seen { stages: stages.iter().map(one).collect(), ..Seen::default() }
}

fn file(keys: &[&str]) -> Seen {
    let local = StageSeen { file: Some(set(keys)), ..StageSeen::default() };
    Seen { stages: [("local".to_owned(), local)].into(), ..Seen::default() }
}

fn check(stages: &[&str], seen: &Seen, expected: &[&str]) {
    check_lines(TEXT, stages, seen, expected);
}

#[test]
fn what_was_not_looked_at_is_not_judged() {
    check(&[], &Seen::default(), &[]);
    check(&["prod"], &seen(&[("staging", &[])]), &[]);
}

#[test]
fn a_secret_without_a_value() {
    let all = ["SECRET_KEY", "newsApiKey", "stripe"];
    check(&["prod"], &seen(&[("prod", &all)]), &[]);
    check(
        &["prod"],
        &seen(&[("prod", &["SECRET_KEY", "newsApiKey"])]),
        &["error no-value stripe [prod] 7:1 app/web app/worker nightly"],
    );
    // Only a deploy of the local stage makes a value up.
    check(
        &["prod", "staging"],
        &seen(&[("prod", &all), ("staging", &["newsApiKey", "stripe"])]),
        &["error no-value SECRET_KEY [staging] 5:1 app/web app/worker nightly"],
    );
    check(&["local"], &seen(&[("local", &["newsApiKey", "stripe"])]), &[]);
    check(&["prod"], &seen(&[("prod", &["-"])]), &["error no-value demo/prod [prod]"]);
}

#[test]
fn a_value_in_the_file_of_the_local_stage_will_do() {
    check(&[], &file(&["newsApiKey", "stripe"]), &[]);
    check(&["local"], &file(&["stripe"]), &["error no-value newsApiKey [local] 6:1 app/web app/worker nightly"]);
    check(
        &["local"],
        &file(&["newsApiKey", "stripe", "DEBUG", "OLD"]),
        &["warn unused-value OLD [local]", "warn unused-value DEBUG [local] 3:1"],
    );
}

#[test]
fn a_value_that_nobody_declared() {
    check(
        &["prod"],
        &seen(&[("prod", &["SECRET_KEY", "newsApiKey", "stripe", "LEFT_OVER"])]),
        &["warn unused-value LEFT_OVER [prod]"],
    );
}

#[test]
fn two_mistakes_with_one_cause_say_so() {
    let known = seen(&[("prod", &["SECRET_KEY", "newApiKey", "stripe"]), ("staging", &["newsApiKey"])]);
    let found = findings(TEXT, &["prod"], &known);
    let words: Vec<String> = found.iter().map(|f| format!("{} {}\n  {}", f.name, f.reason, f.next)).collect();
    insta::assert_snapshot!(words.join("\n"), @"
    newsApiKey is declared and has no value in the stage's secret; stage `staging` has one
      `newApiKey` has a value that nothing uses: give both the same name
    newApiKey has a value in the stage's secret, and no secret of the manifest uses it
      `newsApiKey` is declared and has no value: call both the same
    ");
}

#[test]
fn a_source_that_is_not_there() {
    let manifest = parse("managr.toml", TEXT).unwrap();
    let asked = sources(&manifest, "prod", &StageSeen::default()).unwrap();
    let shared = Source::Secret {
        arn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:shared-AbCdEf".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let token = Source::Parameter { name: "/demo/token".to_owned(), region: Some("us-east-1".to_owned()) };
    assert_eq!(asked, [shared.clone(), token.clone()].into());

    let with = |shared_seen: SourceSeen, token_seen: SourceSeen| Seen {
        stages: [("prod".to_owned(), StageSeen::default())].into(),
        sources: [(shared.clone(), shared_seen), (token.clone(), token_seen)].into(),
    };
    check(&["prod"], &with(SourceSeen::There, SourceSeen::There), &[]);
    check(&["prod"], &with(SourceSeen::Keys(set(&["license"])), SourceSeen::There), &[]);
    check(
        &["prod"],
        &with(SourceSeen::Keys(set(&["licence"])), SourceSeen::Absent),
        &[
            "error absent-source LICENSE [prod] 8:1 app/web app/worker nightly",
            "error absent-source TOKEN_SOURCE [prod] 9:1 app/web app/worker nightly",
        ],
    );
}
