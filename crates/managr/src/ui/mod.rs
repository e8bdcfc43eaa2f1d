//! The terminal: colours, tables, progress. Data goes to standard output, words for people
//! to standard error.

pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod ps;
pub(crate) mod report;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod vars;
pub(crate) mod verify;

use std::io::{self, IsTerminal, Write};

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

    /// Writes data. A reader that went away (`| head`) is no fault.
    pub(crate) fn data(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).expect("our own values have string keys");
        self.data(&text);
    }

    /// Writes a value as JSON, in one line.
    pub(crate) fn json_line(&self, value: &impl serde::Serialize) {
        self.data(&serde_json::to_string(value).expect("our own values have string keys"));
    }

    /// Says something to the person, unless told to be quiet.
    pub(crate) fn say(&self, words: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{words}");
        }
    }
}
