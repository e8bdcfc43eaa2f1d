//! Where is a fault in the text of a manifest, and what does its report show: a snippet, labels, help?

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::Fault;

/// A fault at its place in the manifest.
#[derive(Debug, Clone)]
pub struct ManifestError {
    fault: Fault,
    help: Option<String>,
    labels: Vec<(Range<usize>, String)>,
    source: Arc<NamedSource<Arc<str>>>,
}

impl ManifestError {
    pub(super) fn new(
        fault: Fault,
        help: Option<String>,
        labels: Vec<(Range<usize>, String)>,
        source: Arc<NamedSource<Arc<str>>>,
    ) -> Self {
        Self { fault, help, labels, source }
    }

    /// Returns what is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Returns what to do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns the file's name as it was given to the parser.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Returns the line and column of the fault, both counted from 1, the column in characters.
    pub fn position(&self) -> (usize, usize) {
        let text = self.source.inner();
        let start = self.start().min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    pub(super) fn start(&self) -> usize {
        self.labels.iter().map(|(span, _)| span.start).min().unwrap_or(0)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl std::error::Error for ManifestError {}

impl Diagnostic for ManifestError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.fault.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(
            self.labels.iter().map(|(span, label)| LabeledSpan::new_with_span(Some(label.clone()), span.clone())),
        ))
    }
}

/// Everything that is wrong with a manifest, in the order of the text.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{file} has {}", count(errors.len()))]
pub struct ManifestErrors {
    file: String,
    errors: Vec<ManifestError>,
}

fn count(n: usize) -> String {
    if n == 1 { "1 error".to_owned() } else { format!("{n} errors") }
}

impl ManifestErrors {
    pub(super) fn new(file: &str, mut errors: Vec<ManifestError>) -> Self {
        errors.sort_by_key(ManifestError::start);
        Self { file: file.to_owned(), errors }
    }

    /// Returns the errors in the order of the text; never empty.
    pub fn errors(&self) -> &[ManifestError] {
        &self.errors
    }

    /// Returns the file's name as it was given to the parser.
    pub fn file(&self) -> &str {
        &self.file
    }
}

impl Diagnostic for ManifestErrors {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new("managr::manifest"))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.errors.iter().map(|error| error as &dyn Diagnostic)))
    }
}
