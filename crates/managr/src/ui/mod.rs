//! The terminal: colours, tables, progress. Data goes to standard output, words for people
//! to standard error.

pub(crate) mod history;
#[cfg(test)]
mod hostile;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod ps;
pub(crate) mod report;
pub(crate) mod schedules;
pub(crate) mod seam;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod top;
pub(crate) mod vars;
pub(crate) mod verify;
pub(crate) mod visible;

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::ValueEnum;

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// With ANSI sequences.
    Colour,
    /// Without.
    Plain,
}

macro_rules! colours {
    ($($name:ident $code:literal),*) => {$(
        #[doc = concat!("Returns the text in ", stringify!($name), ".")]
        pub(crate) fn $name(self, text: &str) -> String {
            self.with($code, text)
        }
    )*};
}

impl Paint {
    colours!(bold "1", dim "2", red "31", green "32", yellow "33", cyan "36");

    /// Returns the text in the colour of the n-th of several things; neighbours differ.
    pub(crate) fn nth(self, n: usize, text: &str) -> String {
        const CODES: [&str; 10] = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"];
        self.with(CODES[n % CODES.len()], text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// How this run talks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    /// For standard output.
    pub(crate) out: Paint,
    /// For standard error.
    pub(crate) err: Paint,
    /// Whether standard error is a terminal that can be redrawn.
    pub(crate) live: bool,
    /// Whether only failures are said.
    pub(crate) quiet: bool,
}

impl Ui {
    /// Looks at the terminal and the environment.
    pub(crate) fn new(when: When, quiet: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let paint = |is_terminal: bool| match when {
            When::Always => Paint::Colour,
            When::Auto if is_terminal && !no_color => Paint::Colour,
            When::Auto | When::Never => Paint::Plain,
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { out: paint(out), err: paint(err), live: err && !dumb && !quiet, quiet }
    }

    /// Writes data for people: whatever a terminal would obey is made visible, colours excepted.
    pub(crate) fn data(&self, text: &str) {
        write(&visible::page(text));
    }

    /// Writes a text that something else reads as it is: a file's content, a program's output. A terminal is shown it
    /// like all else.
    pub(crate) fn exact(&self, text: &str) {
        if io::stdout().is_terminal() { self.data(text) } else { write(text) }
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).expect("our own values have string keys");
        write(&visible::json(&text));
    }

    /// Writes a value as JSON, in one line.
    pub(crate) fn json_line(&self, value: &impl serde::Serialize) {
        write(&visible::json(&serde_json::to_string(value).expect("our own values have string keys")));
    }

    /// Says something to the person, unless told to be quiet.
    pub(crate) fn say(&self, words: &str) {
        if !self.quiet {
            complain(&format!("{words}\n"));
        }
    }
}

/// Why standard output took no more: once for a run.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Writes to standard output, and remembers the first time that it could not.
fn write(text: &str) {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
    if let Err(error) = written {
        let _ = LOST.set(error);
    }
}

/// Returns why data could not be written, if it could not. A reader that went away (`| head`) has seen enough: that is
/// no fault.
pub(crate) fn lost() -> Option<&'static io::Error> {
    LOST.get().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
}

/// Whether nothing that is written arrives any more: there is nothing left to print for.
pub(crate) fn is_unread() -> bool {
    LOST.get().is_some()
}

/// Writes to standard error as it is made visible. Where not even that can be written, nothing can be done.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(visible::page(text).as_bytes());
}
