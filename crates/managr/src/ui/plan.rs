//! A plan as people read it: a line for each action, what changes below it, what could hurt, and
//! one line for all.

use std::fmt::Write;

use deploy_core::diff::{Change, Difference, plain};
use deploy_core::gate::IMAGE;
use deploy_core::plan::{Mark, Plan, Risk, Step};
use serde_json::Value;

use super::Paint;
use super::visible::word;

/// Longest value that is shown whole.
const LONGEST: usize = 90;

/// Returns a plan as text.
pub(crate) fn plan(plan: &Plan, paint: Paint) -> String {
    let mut out = String::new();
    for image in plan.images.iter().filter(|image| image.missing) {
        let done = if image.name == IMAGE { "pushed" } else { "built and pushed" };
        let _ = writeln!(out, "{} image {} will be {done}", paint.green("+"), paint.bold(&word(&image.tag)));
    }
    plan.steps.iter().for_each(|step| one(&mut out, step, paint));
    for finding in &plan.findings {
        let _ = writeln!(out, "{}", risk(finding, paint).trim_start());
    }
    for note in &plan.notes {
        let _ = writeln!(out, "{} {}", paint.yellow("!"), word(note));
    }
    let _ = writeln!(out, "{}", paint.bold(&word(&total(plan))));
    out
}

/// Returns the line for all: what is done how often, and to what.
fn total(plan: &Plan) -> String {
    let place = format!("{} in account {} ({})", plan.stage, plan.account, plan.region);
    if plan.is_empty() {
        return format!("nothing to do: {place} is as it should be");
    }
    let [creates, updates, runs, deletes] = plan.totals();
    let missing = |is_gate: bool| plan.images.iter().filter(|i| i.missing && (i.name == IMAGE) == is_gate).count();
    let risks = plan.risks().count();
    let counts = [
        (missing(false), "to build"),
        (missing(true), "to push"),
        (creates, "to create"),
        (updates, "to update"),
        (runs, "to run"),
        (deletes, "to delete"),
    ];
    let mut words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if risks > 0 {
        words.push(if risks == 1 { "1 risk".to_owned() } else { format!("{risks} risks") });
    }
    format!("{} · {place}", words.join(" · "))
}

fn one(out: &mut String, step: &Step, paint: Paint) {
    let mark = match step.mark {
        Mark::Create => paint.green("+"),
        Mark::Update => paint.yellow("~"),
        Mark::Run => paint.cyan(">"),
        Mark::Delete => paint.red("-"),
    };
    let detail = if step.detail.is_empty() { String::new() } else { paint.dim(&format!("  ({})", word(&step.detail))) };
    let _ = writeln!(out, "{mark} {} {}{detail}", step.kind, paint.bold(&word(&step.name)));
    difference(out, &step.difference, paint);
    for risk in &step.risks {
        let _ = writeln!(out, "{}", self::risk(risk, paint));
    }
}

/// Returns a risk: its name where it can be allowed by it, what, where, and what to do.
pub(crate) fn risk(risk: &Risk, paint: Paint) -> String {
    let mark = paint.red("!");
    if risk.place.is_empty() {
        return format!("    {mark} {}", paint.yellow(&word(&risk.words)));
    }
    let words = format!("{}: {}: {}", risk.kind.name(), risk.place, risk.words);
    format!("    {mark} {}\n      {}", paint.yellow(&word(&words)), paint.dim(&word(&risk.remedy)))
}

/// Writes a difference as a tree: each place once, its changes below it, what stayed counted.
pub(crate) fn difference(out: &mut String, difference: &Difference, paint: Paint) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest: Vec<_> = difference.unchanged.iter().collect();
    let mut close = |out: &mut String, open: &mut Vec<&str>, keep: usize| {
        while open.len() > keep {
            fold(out, &mut rest, open, paint);
            open.pop();
        }
    };
    for change in &difference.changes {
        let (last, places) = change.path.split_last().expect("a change is somewhere");
        let shared = open.iter().zip(places).take_while(|(a, b)| *a == b).count();
        close(out, &mut open, shared);
        for place in &places[shared..] {
            let _ = writeln!(out, "{}{}", indent(open.len()), word(place));
            open.push(place);
        }
        line(out, open.len(), last, change, paint);
    }
    close(out, &mut open, 0);
    fold(out, &mut rest, &[], paint);
}

/// Says how many siblings of the changes at a place stayed.
fn fold(out: &mut String, rest: &mut Vec<&deploy_core::diff::Unchanged>, place: &[&str], paint: Paint) {
    let Some(index) = rest.iter().position(|unchanged| unchanged.path.iter().eq(place.iter())) else { return };
    let count = rest.remove(index).count;
    let _ = writeln!(out, "{}{}", indent(place.len()), paint.dim(&format!("({count} unchanged)")));
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth + 2)
}

fn line(out: &mut String, depth: usize, name: &str, change: &Change, paint: Paint) {
    let pad = " ".repeat(2 * depth + 2);
    let name = word(name);
    let _ = match (&change.before, &change.after) {
        (None, Some(after)) => writeln!(out, "{pad}{} {name} = {}", paint.green("+"), shown(after)),
        (Some(before), None) => writeln!(out, "{pad}{} {name} {}", paint.red("-"), paint.dim(&shown(before))),
        (Some(before), Some(after)) => {
            let (before, after) = (shown(before), shown(after));
            let apart =
                if before.len() + after.len() > LONGEST { format!("\n{pad}    -> ") } else { " -> ".to_owned() };
            writeln!(out, "{pad}{} {name}: {}{apart}{after}", paint.yellow("~"), paint.dim(&before))
        }
        (None, None) => Ok(()),
    };
}

/// Returns a value in one line: text as it is written, a longer one shortened.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        value => plain(value),
    };
    let text = word(&text.replace(['\n', '\r', '\t'], " ")).into_owned();
    match text.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.get(..12).unwrap_or(digest)),
        None if text.chars().count() > LONGEST => format!("{}…", text.chars().take(LONGEST).collect::<String>()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deploy_core::diff::task_definition_changes;
    use serde_json::json;

    #[test]
    fn a_difference_shows_each_place_once_and_counts_what_stayed() {
        let definition = |image: &str, environment: Value| {
            let value = json!({"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [
                {"name": "web", "image": image, "environment": environment, "command": ["run"]},
                {"name": "agent", "image": "a"}]});
            value.as_object().cloned().unwrap()
        };
        let before = definition(
            "r/web@sha256:0123456789abcdef",
            json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
        );
        let after = definition(
            "r/web@sha256:fedcba9876543210",
            json!([{"name": "B", "value": "2"}, {"name": "C", "value": ""}]),
        );
        let mut out = String::new();
        difference(&mut out, &task_definition_changes(&before, &after), Paint::Plain);
        insta::assert_snapshot!(out, @r#"
        containers
          web
          ~ image: r/web@0123456789ab -> r/web@fedcba987654
            environment
            + C = ""
            - A 1
              (1 unchanged)
            (1 unchanged)
          (1 unchanged)
        (3 unchanged)
        "#);
    }
}
