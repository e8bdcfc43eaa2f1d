//! Lines of logs, each behind its container's name and, when it has several, its task's id.

use std::collections::BTreeMap;

use deploy::logs::Line;
use regex::Regex;
use serde_json::json;

use super::{Paint, visible};

/// What is shown of a line besides its text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Whether a line is a JSON object.
    pub(crate) json: bool,
    /// Whether a line begins with its time.
    pub(crate) timestamps: bool,
}

/// Turns lines into text.
#[derive(Debug)]
pub(crate) struct Printer {
    paint: Paint,
    look: Look,
    /// Every container of the stage, in the order of the manifest: a container keeps its colour whatever else
    /// is shown.
    known: Vec<String>,
    /// Containers that are shown.
    shown: Vec<String>,
    /// What made lines be chosen; shown in bold red.
    grep: Option<Regex>,
    /// The first task seen of a container.
    tasks: BTreeMap<String, String>,
    has_several_tasks: bool,
}

impl Printer {
    /// Returns a printer of these containers.
    pub(crate) fn new(paint: Paint, look: Look, known: Vec<String>, shown: Vec<String>, grep: Option<Regex>) -> Self {
        Self { paint, look, known, shown, grep, tasks: BTreeMap::new(), has_several_tasks: false }
    }

    /// Returns the text of lines. Once a container is seen in a second task, ids of tasks are shown from there on.
    pub(crate) fn text(&mut self, lines: &[Line]) -> String {
        for line in lines {
            let first = self.tasks.entry(line.container.clone()).or_insert_with(|| line.task.clone());
            self.has_several_tasks |= *first != line.task;
        }
        lines.iter().flat_map(|line| self.each(line)).collect::<Vec<_>>().join("\n")
    }

    /// A message of several lines has its head before each: none may look like another container's.
    fn each(&self, line: &Line) -> Vec<String> {
        if self.look.json {
            let told = json!({"time": time(line.at), "at": line.at, "container": line.container, "task": line.task,
                "message": line.message});
            return vec![visible::json(&told.to_string()).into_owned()];
        }
        let head = self.head(line);
        let with_head = |text: &str| format!("{head}{}", self.marked(&visible::log(text, self.paint)));
        line.message.split('\n').map(with_head).collect()
    }

    fn head(&self, line: &Line) -> String {
        let mut head = Vec::new();
        if self.look.timestamps {
            head.push(self.paint.dim(&time(line.at)));
        }
        let mut name = String::new();
        if self.shown.len() > 1 {
            let width = self.shown.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            name = format!("{:width$}", visible::word(&line.container));
        }
        if self.has_several_tasks {
            let task = line.task.get(..8).unwrap_or(&line.task);
            name = format!("{name} {}", visible::word(task)).trim_start().to_owned();
        }
        if !name.is_empty() {
            let index = self.known.iter().position(|known| *known == line.container).unwrap_or(0);
            head.push(format!("{} |", self.paint.nth(index, &name)));
        }
        head.iter().map(|part| format!("{part} ")).collect()
    }

    fn marked(&self, message: &str) -> String {
        match (&self.grep, self.paint) {
            (Some(grep), Paint::Colour) => {
                let bold = |found: &regex::Captures<'_>| match &found[0] {
                    "" => String::new(),
                    text => format!("\u{1b}[1;31m{text}\u{1b}[0m"),
                };
                grep.replace_all(message, bold).into_owned()
            }
            _ => message.to_owned(),
        }
    }
}

/// Returns RFC 3339 with milliseconds, in UTC.
pub(crate) fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(container: &str, task: &str, message: &str) -> Line {
        Line { at: 1_500, container: container.into(), task: task.into(), message: message.into() }
    }

    fn printer(paint: Paint, look: Look, shown: &[&str], grep: Option<&str>) -> Printer {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let grep = grep.map(|text| Regex::new(text).expect("a regex"));
        Printer::new(paint, look, names(&["proxy", "web"]), names(shown), grep)
    }

    #[test]
    fn a_name_is_shown_when_there_are_several_and_a_task_once_a_second_one_wrote() {
        let mut one = printer(Paint::Plain, Look::default(), &["web"], None);
        assert_eq!(one.text(&[line("web", "0123456789", "a")]), "a");
        assert_eq!(one.text(&[line("web", "abcdef6789", "b")]), "abcdef67 | b");
        let mut two = printer(Paint::Plain, Look::default(), &["proxy", "web"], None);
        assert_eq!(two.text(&[line("web", "0123456789", "a"), line("proxy", "0", "b")]), "web   | a\nproxy | b");
        assert_eq!(two.text(&[line("web", "abcdef6789", "c")]), "web   abcdef67 | c");
    }

    #[test]
    fn no_line_looks_like_another_containers() {
        let mut two = printer(Paint::Plain, Look::default(), &["proxy", "web"], None);
        let text = two.text(&[line("web", "0", "a\nproxy | forged\u{1b}[1A\r"), line("proxy", "0", "\u{1b}[32mb")]);
        assert_eq!(text, "web   | a\nweb   | proxy | forged\\x1b[1A\nproxy | b");
        let mut coloured = printer(Paint::Colour, Look::default(), &["web"], None);
        assert_eq!(coloured.text(&[line("web", "0", "\u{1b}[32mb")]), "\u{1b}[32mb\u{1b}[0m");
    }

    #[test]
    fn a_container_keeps_its_colour_whatever_else_is_shown() {
        let coloured =
            |shown: &[&str]| printer(Paint::Colour, Look::default(), shown, None).text(&[line("web", "1", "a")]);
        assert_eq!(coloured(&["proxy", "web"]), "\u{1b}[33mweb  \u{1b}[0m | a");
    }

    #[test]
    fn what_was_looked_for_is_marked_on_a_terminal_only() {
        let found = |paint| printer(paint, Look::default(), &["web"], Some("o+")).text(&[line("web", "1", "foo bo")]);
        assert_eq!(found(Paint::Plain), "foo bo");
        assert_eq!(found(Paint::Colour), "f\u{1b}[1;31moo\u{1b}[0m b\u{1b}[1;31mo\u{1b}[0m");
    }

    #[test]
    fn a_line_of_json_has_its_time_twice() {
        let look = Look { json: true, ..Look::default() };
        assert_eq!(
            printer(Paint::Plain, look, &["web"], None).text(&[line("web", "1", "a")]),
            r#"{"time":"1970-01-01T00:00:01.500Z","at":1500,"container":"web","task":"1","message":"a"}"#
        );
        let look = Look { timestamps: true, ..Look::default() };
        assert_eq!(
            printer(Paint::Plain, look, &["web"], None).text(&[line("web", "1", "a")]),
            "1970-01-01T00:00:01.500Z a"
        );
    }
}
