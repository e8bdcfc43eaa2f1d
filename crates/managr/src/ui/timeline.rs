//! A timeline as people read it: when, what kind of thing, about whom, what happened.

use deploy::timeline::{TimelineEntry, TimelineSubject};
use serde_json::{Value, json};

use super::Paint;
use super::logs::time;
use super::visible::{self, word};

/// Returns a line for each entry.
pub(crate) fn text(entries: &[TimelineEntry], paint: Paint) -> String {
    let width = entries.iter().map(|entry| word(&subject(entry)).chars().count()).max().unwrap_or(0);
    let one = |entry: &TimelineEntry| {
        let kind = format!("{:10}", entry.kind.word());
        let kind = match entry.kind {
            TimelineSubject::Release => paint.bold(&kind),
            TimelineSubject::Deployment => paint.cyan(&kind),
            TimelineSubject::Scaling => paint.cyan(&kind),
            TimelineSubject::Service => paint.green(&kind),
            TimelineSubject::Task => paint.yellow(&kind),
            TimelineSubject::Log => paint.dim(&kind),
        };
        let message = match entry.kind {
            TimelineSubject::Log => visible::log(&entry.message, paint),
            _ => word(&entry.message),
        };
        let line = format!("{} {kind} {:width$}  {message}", paint.dim(&time(entry.at)), word(&subject(entry)));
        line.trim_end().to_owned() + "\n"
    };
    entries.iter().map(one).collect()
}

/// Returns an entry with its time in words, as the lines of `managr logs --json` have it.
pub(crate) fn json(entry: &TimelineEntry) -> Value {
    let mut told = json!({ "time": time(entry.at) });
    if let (Some(told), Ok(Value::Object(members))) = (told.as_object_mut(), serde_json::to_value(entry)) {
        told.extend(members);
    }
    told
}

fn subject(entry: &TimelineEntry) -> String {
    let task = entry.task.get(..8).unwrap_or(&entry.task);
    match entry.kind {
        TimelineSubject::Release => String::new(),
        TimelineSubject::Deployment | TimelineSubject::Scaling | TimelineSubject::Service => entry.service.clone(),
        TimelineSubject::Task => task.to_owned(),
        TimelineSubject::Log => format!("{task} {}", entry.container),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, kind: TimelineSubject, task: &str, container: &str, message: &str) -> TimelineEntry {
        let [task, container, message] = [task, container, message].map(str::to_owned);
        TimelineEntry { at, kind, service: "demo".into(), task, container, message }
    }

    #[test]
    fn every_kind_has_its_column() {
        let entries = [
            entry(0, TimelineSubject::Release, "", "", "release 7 begun"),
            entry(1, TimelineSubject::Service, "", "", "has started 1 tasks"),
            entry(2, TimelineSubject::Task, "0123456789", "", "running"),
            entry(3, TimelineSubject::Log, "0123456789", "web", "  hello "),
        ];
        insta::assert_snapshot!(text(&entries, Paint::Plain), @"
        1970-01-01T00:00:00.000Z release                  release 7 begun
        1970-01-01T00:00:00.001Z service    demo          has started 1 tasks
        1970-01-01T00:00:00.002Z task       01234567      running
        1970-01-01T00:00:00.003Z log        01234567 web    hello
        ");
    }

    #[test]
    fn an_object_has_its_kind() {
        assert_eq!(
            json(&entry(3, TimelineSubject::Log, "0", "web", "a")).to_string(),
            r#"{"time":"1970-01-01T00:00:00.003Z","at":3,"kind":"log","service":"demo","task":"0","container":"web","message":"a"}"#
        );
    }
}
