//! What `vars check` finds: each way to get variables wrong, and nothing where nothing is wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepted;
mod live;
mod manifest;
mod properties;
mod secrets;

use deploy_core::parse;
use deploy_core::vars::check::{Finding, Rule, Seen, Severity, Subject, check};

/// Returns what is found in a manifest; no text of it may hold one of these values.
fn findings(text: &str, stages: &[&str], seen: &Seen) -> Vec<Finding> {
    let manifest = parse("managr.toml", text).unwrap();
    let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
    let found = check(Subject { manifest: &manifest, text, stages: &stages }, seen).unwrap();
    for value in ["hunter2", "AKIAIOSFODNN7EXAMPLE", "b7Qm2ZkT9sLw4XpRc8VnE1yH"] {
        assert!(!format!("{found:?}").contains(value), "a value is shown: {found:#?}");
    }
    found
}

/// A finding reads `error CODE NAME [STAGE] LINE:COLUMN CONTAINER...`.
fn line(finding: &Finding) -> String {
    let severity = if finding.severity == Severity::Error { "error" } else { "warn" };
    let stage = finding.stage.as_ref().map(|stage| format!(" [{stage}]")).unwrap_or_default();
    let place = finding.place.as_ref().map(|place| format!(" {}:{}", place.line, place.column)).unwrap_or_default();
    let containers = finding.containers.iter().map(|container| format!(" {container}")).collect::<String>();
    let code = finding.rule.code().strip_prefix("vars::").unwrap();
    format!("{severity} {code} {}{stage}{place}{containers}", finding.name)
}

fn check_lines(text: &str, stages: &[&str], seen: &Seen, expected: &[&str]) {
    let found: Vec<String> = findings(text, stages, seen).iter().map(line).collect();
    assert_eq!(found, expected);
}

#[test]
fn codes_are_stable_and_differ() {
    let codes: std::collections::BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    assert_eq!(codes.len(), Rule::ALL.len());
    assert!(codes.iter().all(|code| code.starts_with("vars::")));
}
