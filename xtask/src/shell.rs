//! Runs other programs, and says which one failed and how.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Why a chore could not be done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Called with words that are no verb.
    Usage(&'static str),
    /// A program ended with something other than 0.
    Failed { program: String, code: Option<i32> },
    /// A program could not be started.
    NotStarted { program: String, source: io::Error },
    /// A file or directory could not be read or written.
    Path { path: String, source: io::Error },
    /// Something that was looked at is not as it must be.
    Wrong(String),
}

impl Fault {
    /// Returns the failed program's own exit code where there is one.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed { code: Some(code), .. } => u8::try_from(*code).unwrap_or(1),
            _ => 1,
        }
    }

    pub(crate) fn path(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Path { path: path.display().to_string(), source }
    }
}

/// For what `e2e` answers: its errors name what failed.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(words) => write!(f, "not a verb of this program\n{words}"),
            Self::Failed { program, code: Some(code) } => write!(f, "`{program}` ended with {code}"),
            Self::Failed { program, code: None } => write!(f, "`{program}` was killed by a signal"),
            Self::NotStarted { program, source } => write!(f, "could not start `{program}`: {source}"),
            Self::Path { path, source } => write!(f, "{path}: {source}"),
            Self::Wrong(words) => f.write_str(words),
        }
    }
}

/// A program and its words, not yet run.
pub(crate) struct Run(Command);

pub(crate) fn cmd<S: AsRef<OsStr>>(program: S, words: &[&str]) -> Run {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    Run(command)
}

impl Run {
    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.0.arg(word);
        self
    }

    pub(crate) fn words(mut self, words: &[&str]) -> Self {
        self.0.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, path: &Path) -> Self {
        self.0.current_dir(path);
        self
    }

    /// Returns the command for the few callers that keep the child.
    pub(crate) fn into_command(self) -> Command {
        self.0
    }

    fn name(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it, its output going where ours goes.
    pub(crate) fn run(mut self) -> Result<(), Fault> {
        let program = self.name();
        match self.0.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Fault::Failed { program, code: status.code() }),
            Err(source) => Err(Fault::NotStarted { program, source }),
        }
    }

    /// Runs it and returns what it printed; its errors go where ours go.
    pub(crate) fn read(mut self) -> Result<String, Fault> {
        let program = self.name();
        match self.0.stderr(Stdio::inherit()).output() {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            Ok(output) => Err(Fault::Failed { program, code: output.status.code() }),
            Err(source) => Err(Fault::NotStarted { program, source }),
        }
    }

    /// Returns what it printed if it can be run and ends with 0; for questions whose answer may be no.
    pub(crate) fn answer(mut self) -> Option<String> {
        let output = self.0.stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

/// Says on standard error what is about to be done: standard output is for results.
pub(crate) fn say(words: impl AsRef<str>) {
    eprintln!("xtask: {}", words.as_ref());
}
