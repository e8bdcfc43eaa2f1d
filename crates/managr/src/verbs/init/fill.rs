//! How does a file of a template become that of an application?
//!
//! `{{name}}` is replaced; the lines between `#: if NAME` and `#: end` are there only if it is so.

use super::answers::Answers;

/// Returns the text of a file.
pub(super) fn fill(text: &str, answers: &Answers) -> String {
    let mut out = String::with_capacity(text.len());
    let mut kept = vec![true];
    for line in text.lines() {
        match line.trim_start().strip_prefix("#: ") {
            Some(condition) => match condition.strip_prefix("if ") {
                Some(name) => kept.push(kept.last() == Some(&true) && is_so(name, answers)),
                None => drop(kept.pop()),
            },
            None if kept.last() == Some(&true) => {
                out.push_str(line);
                out.push('\n');
            }
            None => {}
        }
    }
    for (name, value) in values(answers) {
        out = out.replace(&format!("{{{{{name}}}}}"), &value);
    }
    out
}

fn is_so(name: &str, answers: &Answers) -> bool {
    match name {
        "worker" => !answers.worker.is_empty(),
        "database" => answers.database,
        "no-database" => !answers.database,
        "staging" => answers.staging.is_some(),
        "prod" => answers.prod.is_some(),
        other => unreachable!("a template asks for `{other}`"),
    }
}

fn values(answers: &Answers) -> [(&'static str, String); 9] {
    // A list of JSON strings is one of TOML.
    let worker = serde_json::to_string(&answers.worker).expect("texts are JSON").replace("\",\"", "\", \"");
    [
        ("app", answers.app.clone()),
        ("port", answers.port.to_string()),
        ("health", answers.health.clone()),
        ("health-path", answers.health.trim_start_matches('/').to_owned()),
        ("worker", worker),
        ("database", answers.app.replace('-', "_")),
        ("staging", answers.staging.clone().unwrap_or_default()),
        ("prod", answers.prod.clone().unwrap_or_default()),
        ("module", answers.module.clone()),
    ]
}
