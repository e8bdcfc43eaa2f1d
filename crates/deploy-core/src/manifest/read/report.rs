//! Collects the faults of one text.

use std::ops::Range;
use std::sync::Arc;

use miette::NamedSource;

use crate::manifest::{Fault, ManifestError, ManifestErrors};

/// The faults found so far.
pub(super) struct Report {
    file: String,
    source: Arc<NamedSource<Arc<str>>>,
    errors: Vec<ManifestError>,
}

impl Report {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let source = NamedSource::new(file, Arc::from(text)).with_language("TOML");
        Self { file: file.to_owned(), source: Arc::new(source), errors: Vec::new() }
    }

    /// Records a fault at one place.
    pub(super) fn add(&mut self, fault: Fault, span: Range<usize>, label: impl Into<String>, help: Option<String>) {
        self.add_at(fault, vec![(span, label.into())], help);
    }

    /// Records a fault that shows at several places; the first is where it is counted.
    pub(super) fn add_at(&mut self, fault: Fault, labels: Vec<(Range<usize>, String)>, help: Option<String>) {
        let end = self.source.inner().len();
        let labels = labels.into_iter().map(|(span, label)| (clamp(span, end), label)).collect();
        self.errors.push(ManifestError::new(fault, help, labels, Arc::clone(&self.source)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn finish(self) -> ManifestErrors {
        ManifestErrors::new(&self.file, self.errors)
    }
}

fn clamp(span: Range<usize>, end: usize) -> Range<usize> {
    let start = span.start.min(end);
    start..span.end.clamp(start, end)
}
