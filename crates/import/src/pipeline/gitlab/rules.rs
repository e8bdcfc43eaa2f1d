//! When does a job of GitLab run, by its `rules`, `only` and `except`?

use super::super::model::When;
use super::super::yaml::Node;

/// When a job runs, whether by hand, and whether that was all understood.
pub(super) fn when(node: &Node) -> (When, bool, bool) {
    let mut when = When::default();
    let mut is_manual = node.word("when") == Some("manual");
    let mut is_whole = true;
    for rule in node.get("rules").map(Node::items).unwrap_or_default() {
        if rule.word("when") == Some("never") {
            continue;
        }
        is_manual |= rule.word("when") == Some("manual");
        match rule.word("if") {
            Some(condition) => is_whole &= condition_of(condition, &mut when),
            None => is_whole &= rule.get("changes").is_none(),
        }
    }
    if let Some(only) = node.get("only") {
        let refs = only.get("refs").unwrap_or(only);
        for text in refs.texts().iter().filter_map(|node| node.text()) {
            match text {
                "merge_requests" | "external_pull_requests" => when.is_pull_request = true,
                "tags" => when.tags.push("*".to_owned()),
                "schedules" | "web" | "api" | "triggers" | "pipelines" | "chat" => when.is_apart = true,
                "branches" | "pushes" => {}
                pattern if pattern.starts_with('/') => match glob(pattern) {
                    Some(found) => when.tags.push(found),
                    None => is_whole = false,
                },
                branch => when.branches.push(branch.to_owned()),
            }
        }
        is_whole &= only.get("variables").is_none() && only.get("changes").is_none();
    }
    if let Some(except) = node.get("except") {
        is_whole &= except
            .texts()
            .iter()
            .all(|text| matches!(text.text(), Some("tags" | "branches" | "merge_requests" | "schedules")));
    }
    (when, is_manual, is_whole)
}

fn condition_of(condition: &str, when: &mut When) -> bool {
    if condition.contains('!') {
        return false;
    }
    let mut is_whole = true;
    for term in condition.split("&&").flat_map(|part| part.split("||")) {
        let term = term.trim().trim_matches(['(', ')']).trim();
        let quoted = term.split(['"', '\'']).nth(1);
        let name = term.split([' ', '=']).next().unwrap_or_default();
        match (name, quoted) {
            ("$CI_COMMIT_BRANCH" | "$CI_COMMIT_REF_NAME", Some(branch)) if term.contains("==") => {
                when.branches.push(branch.to_owned())
            }
            ("$CI_COMMIT_BRANCH" | "$CI_COMMIT_REF_NAME", None) if term.contains("$CI_DEFAULT_BRANCH") => {
                when.branches.push("main".to_owned())
            }
            ("$CI_COMMIT_TAG", None) if term.contains("=~") => {
                match term.split_once("=~").and_then(|(_, pattern)| glob(pattern.trim())) {
                    Some(found) => when.tags.push(found),
                    None => {
                        when.tags.push("*".to_owned());
                        is_whole = false;
                    }
                }
            }
            ("$CI_COMMIT_TAG", None) => when.tags.push("*".to_owned()),
            ("$CI_PIPELINE_SOURCE", Some("merge_request_event")) => when.is_pull_request = true,
            ("$CI_PIPELINE_SOURCE", Some("push")) => {}
            ("$CI_PIPELINE_SOURCE", Some(_)) => when.is_apart = true,
            ("$CI_MERGE_REQUEST_IID" | "$CI_MERGE_REQUEST_ID", None) => when.is_pull_request = true,
            _ => is_whole = false,
        }
    }
    is_whole
}

/// A regular expression as a pattern of tags, where it is one.
fn glob(expression: &str) -> Option<String> {
    let inner = expression.strip_prefix('/')?.strip_suffix('/')?;
    let (starts, ends) = (inner.starts_with('^'), inner.ends_with('$'));
    let mut rest = inner.trim_start_matches('^').trim_end_matches('$');
    let mut made = if starts { String::new() } else { "*".to_owned() };
    while let Some(c) = rest.chars().next() {
        let (piece, length) = match c {
            '.' if rest.starts_with(".*") || rest.starts_with(".+") => ("*".to_owned(), 2),
            '\\' if rest.starts_with("\\d+") || rest.starts_with("\\d*") => ("*".to_owned(), 3),
            '\\' if rest.starts_with("\\d") => ("*".to_owned(), 2),
            '\\' => (rest.chars().nth(1).filter(char::is_ascii_punctuation)?.to_string(), 2),
            '[' if rest.starts_with("[0-9]+") => ("*".to_owned(), 6),
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/') => (c.to_string(), 1),
            _ => return None,
        };
        if !(piece == "*" && made.ends_with('*')) {
            made.push_str(&piece);
        }
        rest = rest.get(length..)?;
    }
    if !ends && !made.ends_with('*') {
        made.push('*');
    }
    Some(made)
}
