//! The tree of a verification: what is well is folded, what is not is repeated at the end.

use std::fmt::Write;

use deploy::verify::{CheckOutcome, Counts, Finding, Leaf, Node, Report};

use super::Paint;
use super::visible::word as seen;

/// Returns the tree, the failures once more with what to do, and the total in one line.
///
/// Without `verbose`, a part in which everything is well is one line, and checks that ended for the
/// same reason share one.
pub(crate) fn tree(report: &Report, verbose: bool, paint: Paint) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint.bold(&seen(&report.root.name)));
    inside(&mut out, &report.root, 1, verbose, paint);
    out.push('\n');
    if !report.is_ok() {
        out.push_str(&failures(report, paint));
        out.push('\n');
    }
    let _ = writeln!(out, "{}", total(report.counts));
    out
}

/// Returns every failure with its places and what can be done about it; empty if there is none.
pub(crate) fn failures(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    for Finding { places, outcome } in report.failures() {
        let first = places.first().map(|place| place.join(" > ")).unwrap_or_default();
        let more = if places.len() > 1 { format!(" (and {} more)", places.len() - 1) } else { String::new() };
        let _ = writeln!(out, "{} {}{more}\n     {}", word(outcome, paint), seen(&first), seen(outcome.reason()));
        if let Some(hint) = outcome.hint() {
            let _ = writeln!(out, "     {} {}", paint.cyan("hint:"), seen(hint));
        }
    }
    out
}

fn total(counts: Counts) -> String {
    let plural = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    format!(
        "{}: {} ok, {} skipped, {}, {}",
        plural(counts.ok + counts.skipped + counts.warnings + counts.failed, "check"),
        counts.ok,
        counts.skipped,
        plural(counts.warnings, "warning"),
        plural(counts.failed, "failure"),
    )
}

fn inside(out: &mut String, node: &Node, depth: usize, verbose: bool, paint: Paint) {
    let indent = "  ".repeat(depth);
    for (names, outcome) in together(&node.checks, verbose) {
        let _ = write!(out, "{indent}{} {}", word(outcome, paint), seen(&names.join(", ")));
        if !outcome.reason().is_empty() {
            let _ = write!(out, ": {}", seen(outcome.reason()));
        }
        out.push('\n');
        // A failure's hint is at the end.
        if let (CheckOutcome::Warning { hint: Some(hint), .. }, true) = (outcome, verbose) {
            let _ = writeln!(out, "{indent}     {} {}", paint.cyan("hint:"), seen(hint));
        }
    }
    for part in &node.nodes {
        let counts = part.counts();
        if !verbose && counts == (Counts { ok: counts.ok, ..Counts::default() }) {
            let checks = if counts.ok == 1 { "1 check".to_owned() } else { format!("{} checks", counts.ok) };
            let _ = writeln!(
                out,
                "{indent}{} {} {}",
                word(&CheckOutcome::Ok, paint),
                seen(&part.name),
                paint.dim(&format!("({checks})"))
            );
            continue;
        }
        let _ = writeln!(out, "{indent}{}", paint.bold(&seen(&part.name)));
        inside(out, part, depth + 1, verbose, paint);
    }
}

/// Returns checks with the same outcome as one, in the order of the first of each.
fn together(checks: &[Leaf], verbose: bool) -> Vec<(Vec<&str>, &CheckOutcome)> {
    let mut groups: Vec<(Vec<&str>, &CheckOutcome)> = Vec::new();
    for leaf in checks {
        match groups.iter_mut().find(|(_, outcome)| !verbose && *outcome == &leaf.outcome) {
            Some((names, _)) => names.push(&leaf.name),
            None => groups.push((vec![&leaf.name], &leaf.outcome)),
        }
    }
    groups
}

/// Four characters, so that names line up.
fn word(outcome: &CheckOutcome, paint: Paint) -> String {
    match outcome {
        CheckOutcome::Ok => paint.green("ok  "),
        CheckOutcome::Skipped { .. } => paint.dim("skip"),
        CheckOutcome::Warning { .. } => paint.yellow("warn"),
        CheckOutcome::Failed { .. } => paint.red("FAIL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str, outcome: CheckOutcome) -> Leaf {
        Leaf { name: name.into(), outcome }
    }

    fn node(name: &str, checks: Vec<Leaf>, nodes: Vec<Node>) -> Node {
        Node { name: name.into(), checks, nodes }
    }

    fn report() -> Report {
        let gone = || {
            leaf("Image[a:1]", CheckOutcome::Failed { reason: "it is not there".into(), hint: Some("push it".into()) })
        };
        let unread = |name: &str| leaf(name, CheckOutcome::Skipped { reason: "not read".into() });
        let warning = CheckOutcome::Warning { reason: "it may be meant".into(), hint: Some("or not".into()) };
        let root = node(
            "demo, stage prod",
            vec![leaf("Account", CheckOutcome::Ok)],
            vec![
                node("Container[web]", vec![gone(), unread("Secret[A]"), unread("Secret[B]")], vec![]),
                node("Container[worker]", vec![gone(), leaf("Settings", warning)], vec![]),
                node(
                    "Container[cron]",
                    vec![leaf("Settings", CheckOutcome::Ok), leaf("Image[b]", CheckOutcome::Ok)],
                    vec![],
                ),
            ],
        );
        Report { app: "demo".into(), stage: "prod".into(), counts: root.counts(), root }
    }

    #[test]
    fn what_is_well_is_folded_and_failures_come_again_at_the_end() {
        insta::assert_snapshot!(tree(&report(), false, Paint::Plain), @"
        demo, stage prod
          ok   Account
          Container[web]
            FAIL Image[a:1]: it is not there
            skip Secret[A], Secret[B]: not read
          Container[worker]
            FAIL Image[a:1]: it is not there
            warn Settings: it may be meant
          ok   Container[cron] (2 checks)

        FAIL Container[web] > Image[a:1] (and 1 more)
             it is not there
             hint: push it

        8 checks: 3 ok, 2 skipped, 1 warning, 2 failures
        ");
    }

    #[test]
    fn with_verbose_every_check_has_its_line() {
        insta::assert_snapshot!(tree(&report(), true, Paint::Plain), @"
        demo, stage prod
          ok   Account
          Container[web]
            FAIL Image[a:1]: it is not there
            skip Secret[A]: not read
            skip Secret[B]: not read
          Container[worker]
            FAIL Image[a:1]: it is not there
            warn Settings: it may be meant
                 hint: or not
          Container[cron]
            ok   Settings
            ok   Image[b]

        FAIL Container[web] > Image[a:1] (and 1 more)
             it is not there
             hint: push it

        8 checks: 3 ok, 2 skipped, 1 warning, 2 failures
        ");
    }
}
