//! What a verb gives back when it could not do its work: the error, what the user can do
//! about it, and the exit code. Library errors become one here, so that verbs just use `?`.

use std::error::Error;
use std::fmt::Write;

use deploy::build::BuildError;
use deploy_core::ManifestErrors;
use deploy_core::desired::DesiredError;
use deploy_core::manifest::LOCAL;

use crate::exit::Exit;
use crate::ui::Paint;
use crate::ui::visible::paragraph;

/// Why a verb could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What to say.
    pub(crate) words: Words,
    /// What else is known, a paragraph each; what comes from outside was made visible in it.
    pub(crate) details: Vec<String>,
    /// What the user can do about it, one thing each.
    pub(crate) hints: Vec<String>,
    /// How the program ends.
    pub(crate) exit: Exit,
}

/// What to say.
#[derive(Debug)]
pub(crate) enum Words {
    /// An error and the errors that it came from.
    Error(Box<dyn Error + Send + Sync>),
    /// Everything that is wrong with a manifest, with snippets.
    Manifest(Box<ManifestErrors>),
}

impl Failure {
    /// Returns a failure in our own words.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::from_error(message.into())
    }

    /// Returns a failure of a library.
    pub(crate) fn from_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { words: Words::Error(error.into()), details: Vec::new(), hints: Vec::new(), exit: Exit::Failed }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Sets the exit code.
    #[must_use]
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Lets hints name the stage that commands are about, and lets them lead on from how it ended:
    /// what still goes on is waited for, and what went back is looked up.
    #[must_use]
    pub(crate) fn in_stage(mut self, stage: &str) -> Self {
        for hint in &mut self.hints {
            match (hint.as_str(), self.exit) {
                ("managr status", Exit::TimedOut) => *hint = format!("managr wait {stage}"),
                ("managr status", Exit::RolledBack) => *hint = format!("managr history {stage}"),
                ("managr status", _) if stage != LOCAL => *hint = format!("managr status {stage}"),
                (logs, _) if logs.starts_with("managr logs ") && stage != LOCAL => {
                    hint.insert_str("managr logs ".len(), &format!("{stage} "));
                }
                _ => {}
            }
        }
        self
    }

    /// Returns the text for standard error.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut out = String::new();
        match &self.words {
            Words::Manifest(errors) => out.push_str(&render_manifest(errors, paint)),
            Words::Error(error) => {
                let _ = writeln!(out, "{} {}", paint.red("error:"), paragraph(&error.to_string()));
                let mut source = error.source();
                let mut said = error.to_string();
                while let Some(cause) = source {
                    let words = cause.to_string();
                    // Some libraries repeat their source in their own message.
                    if !said.contains(&words) {
                        let _ = writeln!(out, "  because: {}", paragraph(&words));
                    }
                    said = words;
                    source = cause.source();
                }
            }
        }
        for detail in &self.details {
            let _ = writeln!(out, "{}", detail.trim_end());
        }
        for hint in &self.hints {
            let _ = writeln!(out, "  {} {}", paint.cyan("hint:"), paragraph(hint));
        }
        out
    }
}

fn render_manifest(errors: &ManifestErrors, paint: Paint) -> String {
    let theme = match paint {
        Paint::Colour => miette::GraphicalTheme::unicode(),
        Paint::Plain => miette::GraphicalTheme::unicode_nocolor(),
    };
    let mut out = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100);
    for error in errors.errors() {
        // Writing to a string cannot fail.
        let _ = handler.render_report(&mut out, error);
        out.push('\n');
    }
    let _ = writeln!(out, "{} {errors}", paint.red("error:"));
    out
}

impl From<ManifestErrors> for Failure {
    fn from(errors: ManifestErrors) -> Self {
        Self { words: Words::Manifest(Box::new(errors)), details: Vec::new(), hints: Vec::new(), exit: Exit::Usage }
    }
}

impl From<aws::CallError> for Failure {
    fn from(error: aws::CallError) -> Self {
        let hint = error.hint();
        let failure = Self::from_error(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<DesiredError> for Failure {
    fn from(error: DesiredError) -> Self {
        Self::from_error(error).exit(Exit::Usage)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let hint = match &error {
            BuildError::NoTool { .. } => Some(
                "install one (`apt-get install buildah` is enough), start docker's daemon, or choose with --builder",
            ),
            _ => None,
        };
        let failure = Self::from_error(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
