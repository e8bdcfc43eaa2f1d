//! Lines of output: which container's, which task's, when, and what was looked for. Pure.

use std::collections::BTreeSet;

use deploy::logs::Line;
use deploy::timeline::{Kind, Moment};
use regex::Regex;

use super::Paint;
use super::progress::short;

/// How lines are shown.
#[derive(Debug)]
pub(crate) struct Lines {
    paint: Paint,
    /// Every container of the stage: a container's colour is the same whichever of them are shown.
    all: Vec<String>,
    /// Whether a line says whose it is.
    named: bool,
    width: usize,
    timestamps: bool,
    grep: Option<Regex>,
    /// Tasks met so far.
    tasks: BTreeSet<String>,
}

impl Lines {
    /// Returns how lines of `shown` are shown, which are some of `all` containers.
    pub(crate) fn new(paint: Paint, all: Vec<String>, shown: &[String], timestamps: bool, grep: Option<Regex>) -> Self {
        let width = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let named = shown.iter().collect::<BTreeSet<_>>().len() > 1;
        Self { paint, all, named, width, timestamps, grep, tasks: BTreeSet::new() }
    }

    /// Returns lines as text. From the second task on, a line says which it is of.
    pub(crate) fn text(&mut self, lines: &[Line]) -> Vec<String> {
        self.tasks.extend(lines.iter().map(|line| line.task.clone()));
        lines.iter().map(|line| self.line(line)).collect()
    }

    fn line(&self, line: &Line) -> String {
        let mut head = String::new();
        if self.timestamps {
            head.push_str(&self.paint.dim(&stamp(line.at)));
            head.push(' ');
        }
        let several = self.tasks.len() > 1;
        if self.named || several {
            let mut whose =
                if self.named { format!("{:width$}", line.container, width = self.width) } else { String::new() };
            if several {
                whose = format!("{whose} {}", short(&line.task)).trim_start().to_owned();
            }
            head.push_str(&self.tinted(&line.container, &whose));
            head.push_str(" | ");
        }
        head + &marked(&line.message, self.grep.as_ref(), self.paint)
    }

    /// Returns one moment of a timeline as a line.
    pub(crate) fn moment(&self, moment: &Moment) -> String {
        let kind = format!("{:10}", moment.kind.word());
        let kind = match moment.kind {
            Kind::Deployment => self.paint.bold(&kind),
            Kind::Event => self.paint.cyan(&kind),
            Kind::Task => self.paint.yellow(&kind),
            Kind::Log => self.paint.dim(&kind),
        };
        let task = moment.task.as_deref().map(short).unwrap_or_default();
        let whose = format!("{:width$} {task:8}", moment.source, width = self.width);
        let whose = if moment.kind == Kind::Log { self.tinted(&moment.source, &whose) } else { whose };
        let at = self.paint.dim(&stamp(moment.at));
        format!("{at} {kind} {whose} | {}", marked(&moment.message, self.grep.as_ref(), self.paint))
    }

    fn tinted(&self, container: &str, text: &str) -> String {
        let index = self.all.iter().position(|name| name == container).unwrap_or(0);
        match index % 5 {
            0 => self.paint.cyan(text),
            1 => self.paint.yellow(text),
            2 => self.paint.green(text),
            3 => self.paint.magenta(text),
            _ => self.paint.blue(text),
        }
    }
}

/// Returns a time in UTC, to the millisecond, as `--since` takes it.
fn stamp(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| format!("{at:.3}")).unwrap_or_default()
}

/// Returns a text in which what was looked for stands out.
fn marked(text: &str, grep: Option<&Regex>, paint: Paint) -> String {
    match (grep, paint) {
        (Some(grep), Paint::Colour) => {
            grep.replace_all(text, |found: &regex::Captures<'_>| match &found[0] {
                "" => String::new(),
                found => paint.red(&paint.bold(found)),
            })
        }
        .into_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(container: &str, task: &str, message: &str) -> Line {
        Line { at: 1_700_000_000_123, container: container.into(), task: task.into(), message: message.into() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn one_container_of_one_task_needs_no_name() {
        let mut lines = Lines::new(Paint::Plain, names(&["web", "db"]), &names(&["web"]), false, None);
        assert_eq!(lines.text(&[line("web", "1111111122", "hi")]), ["hi"]);
        let second = lines.text(&[line("web", "2222222233", "a"), line("web", "1111111122", "b")]);
        assert_eq!(second, ["22222222 | a", "11111111 | b"]);
    }

    #[test]
    fn names_line_up_and_times_come_first() {
        let mut lines = Lines::new(Paint::Plain, names(&["web", "worker"]), &names(&["web", "worker"]), true, None);
        let shown = lines.text(&[line("web", "t", "hi")]);
        assert_eq!(shown, ["2023-11-14T22:13:20.123Z web    | hi"]);
    }

    #[test]
    fn a_colour_is_the_containers_whatever_else_is_shown() {
        let all = names(&["web", "worker"]);
        let both = Lines::new(Paint::Colour, all.clone(), &all, false, None);
        let one = Lines::new(Paint::Colour, all, &names(&["worker"]), false, None);
        assert_eq!(both.tinted("worker", "x"), one.tinted("worker", "x"));
        assert_ne!(both.tinted("worker", "x"), both.tinted("web", "x"));
    }

    #[test]
    fn a_match_stands_out_only_in_colour() {
        let grep = Regex::new("o+|$").expect("valid");
        assert_eq!(marked("food", Some(&grep), Paint::Plain), "food");
        assert_eq!(marked("food", Some(&grep), Paint::Colour), "f\u{1b}[31m\u{1b}[1moo\u{1b}[0m\u{1b}[0md");
    }
}
