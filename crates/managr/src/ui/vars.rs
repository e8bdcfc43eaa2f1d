//! What was found about variables: a line that an editor can jump to, and what to do.

use std::fmt::Write;

use deploy::vars::Skipped;
use deploy_core::vars::check::{AcceptedFinding, Finding, Severity};

use super::Paint;
use super::visible::word;

/// Returns a finding in two or three lines.
pub(crate) fn finding(finding: &Finding, file: &str, paint: Paint) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} {}", line(finding, file, paint), paint.dim(&format!("[{}]", finding.rule.code())));
    let _ = writeln!(out, "  {} {}", paint.cyan("next:"), word(&finding.next));
    out
}

/// Returns a finding in one line: `error: managr.toml:12:1: NAME is ...`.
pub(crate) fn line(finding: &Finding, file: &str, paint: Paint) -> String {
    let severity = match finding.severity {
        Severity::Error => paint.red("error:"),
        Severity::Warning => paint.yellow("warning:"),
    };
    let place = match (&finding.place, &finding.stage) {
        (Some(place), _) => format!("{file}:{}:{}", place.line, place.column),
        (None, Some(stage)) => format!("stage {stage}"),
        (None, None) => file.to_owned(),
    };
    format!("{severity} {}: {} {}", word(&place), paint.bold(&word(&finding.name)), word(&finding.reason))
}

/// Returns in one line what the manifest accepts, and why.
pub(crate) fn accepted(accepted: &AcceptedFinding, file: &str, paint: Paint) -> String {
    let finding = &accepted.finding;
    let line = finding.place.as_ref().map_or(String::new(), |place| format!(":{}:{}", place.line, place.column));
    let words = format!("{file}{line}: {} [{}]: {}", finding.name, finding.rule.code(), accepted.because);
    format!("{} {}", paint.dim("accepted:"), word(&words))
}

/// Returns in one line what was not looked at.
pub(crate) fn skipped(skipped: &Skipped, paint: Paint) -> String {
    let words = format!("{}: {}: {}", skipped.stage, skipped.what, skipped.reason);
    format!("{} {}", paint.dim("not looked at:"), word(&words))
}

/// Returns how many there are of each.
pub(crate) fn total(stages: &[String], errors: usize, warnings: usize, accepted: usize) -> String {
    let plural = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let accepted = if accepted == 0 { String::new() } else { format!(", {accepted} accepted") };
    let (errors, warnings) = (plural(errors, "error"), plural(warnings, "warning"));
    format!("variables of {}: {errors}, {warnings}{accepted}", stages.join(", "))
}
