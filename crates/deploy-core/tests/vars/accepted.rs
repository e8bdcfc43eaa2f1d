//! Findings that a user has looked at and accepted.

use std::collections::BTreeSet;

use deploy_core::parse;
use deploy_core::vars::check::{Seen, StageSeen, Subject, judge};

use crate::check_lines;

const TEXT: &str = r#"app = "demo"

[variables]
FEED_KEY = "a"
FEEDKEY = "a"
DEMO_TOKEN = "0123456789"

[services.app.containers.web]
image = "web:1"

[stages.prod]
"#;

fn with(entries: &str) -> String {
    format!("{TEXT}{entries}")
}

fn entry(finding: &str, name: &str, rest: &str) -> String {
    format!("\n[[accepted]]\nfinding = \"{finding}\"\nname = \"{name}\"\nreason = \"on purpose\"\n{rest}")
}

#[test]
fn what_is_accepted_is_not_told_again() {
    let [token, alike] = ["error plain-credential DEMO_TOKEN 6:1 app/web", "warn alike FEEDKEY 5:1 app/web"];
    check_lines(TEXT, &[], &Seen::default(), &[token, alike]);
    let one = with(&entry("vars::plain-credential", "DEMO_TOKEN", ""));
    check_lines(&one, &[], &Seen::default(), &[alike]);
    let both = format!("{one}{}", entry("vars::alike", "FEEDKEY", ""));
    check_lines(&both, &[], &Seen::default(), &[]);
    let manifest = parse("managr.toml", &both).unwrap();
    let judged = judge(Subject { manifest: &manifest, text: &both, stages: &[] }, &Seen::default()).unwrap();
    let because: Vec<(&str, &str, usize)> = judged
        .accepted
        .iter()
        .map(|a| (a.finding.name.as_str(), a.because.as_str(), a.finding.place.as_ref().unwrap().line))
        .collect();
    assert_eq!(because, [("DEMO_TOKEN", "on purpose", 6), ("FEEDKEY", "on purpose", 5)]);
}

#[test]
fn an_entry_that_accepts_nothing_is_told_where_that_was_looked_for() {
    let other = with(&entry("vars::near-miss", "DEMO_TOKEN", ""));
    let told = ["warn accepted-nothing DEMO_TOKEN 13:1"];
    let [token, alike] = ["error plain-credential DEMO_TOKEN 6:1 app/web", "warn alike FEEDKEY 5:1 app/web"];
    check_lines(&other, &[], &Seen::default(), &[token, alike, told[0]]);
    // The caller did not ask about every stage.
    check_lines(&other, &["prod"], &Seen::default(), &[token, alike]);
    let gone = format!(
        "{}{}{}",
        with(&entry("vars::plain-credential", "DEMO_TOKEN", "")),
        entry("vars::alike", "FEEDKEY", ""),
        entry("vars::unused-value", "OLD", "stage = \"prod\"\n"),
    );
    // Whether a value is unused was not looked at; then it was.
    check_lines(&gone, &[], &Seen::default(), &[]);
    let known = StageSeen { file: Some(BTreeSet::new()), ..StageSeen::default() };
    let seen = Seen { stages: [("prod".to_owned(), known)].into(), ..Seen::default() };
    check_lines(&gone, &[], &seen, &["warn accepted-nothing OLD 23:1"]);
}

#[test]
fn an_entry_names_a_finding_and_a_stage_that_there_are() {
    for (entries, words) in [
        (entry("vars::near-mis", "A", ""), "did you mean `vars::near-miss`?"),
        (entry("vars::accepted-nothing", "A", ""), "is not a value of `accepted[0].finding`"),
        (entry("vars::alike", "A", "stage = \"prd\"\n"), "did you mean `prod`?"),
        ("\n[[accepted]]\nfinding = \"vars::alike\"\nname = \"A\"\n".to_owned(), "`reason` is missing"),
        ("\n[[accepted]]\nfinding = \"vars::alike\"\nname = \"A\"\nreason = \"\"\n".to_owned(), "reason"),
    ] {
        let error = parse("managr.toml", &with(&entries)).unwrap_err();
        let report = format!("{:?}", miette::Report::new(error));
        assert!(report.contains(words), "{words}: {report}");
    }
}

#[test]
fn a_file_with_secrets_in_the_repository_is_told() {
    let text = with("secrets-file = \".env.prod\"\n[stages.local]\nsecrets-file = \".env\"\n");
    let known = |is_tracked| StageSeen { file: Some(BTreeSet::new()), is_tracked, ..StageSeen::default() };
    let seen = |prod, local| Seen {
        stages: [("prod".to_owned(), known(prod)), ("local".to_owned(), known(local))].into(),
        ..Seen::default()
    };
    let rest = ["error plain-credential DEMO_TOKEN 6:1 app/web", "warn alike FEEDKEY 5:1 app/web"];
    check_lines(&text, &[], &seen(false, false), &rest);
    let prod = "error tracked-file .env.prod [prod] 12:1";
    check_lines(&text, &[], &seen(true, false), &[rest[0], prod, rest[1]]);
    let local = "warn tracked-file .env [local] 14:1";
    check_lines(&text, &[], &seen(false, true), &[rest[0], rest[1], local]);
}
