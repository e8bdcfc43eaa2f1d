//! What the checks found, in lines that a person reads. Pure.

use std::fmt;
use std::time::Duration;

use crate::Release;

/// How a check ended.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The check's name.
    pub name: &'static str,
    /// Whether what it promises holds.
    pub passed: bool,
    /// The last line of a check that passed; everything that one that failed wrote.
    pub words: String,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "pass" } else { "FAIL" };
        write!(f, "{verdict} {} ({:.0} s): {}", self.name, self.took.as_secs_f64(), self.words)
    }
}

/// Every outcome on one machine.
#[derive(Debug)]
pub struct Report {
    release: Release,
    outcomes: Vec<CheckReport>,
}

impl Report {
    /// Begins a report.
    pub fn new(release: Release) -> Self {
        Self { release, outcomes: Vec::new() }
    }

    pub(crate) fn add(&mut self, outcome: CheckReport) {
        self.outcomes.push(outcome);
    }

    /// Returns the names of the checks that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.outcomes.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.name).collect()
    }

    /// Returns how many passed.
    pub fn passed(&self) -> usize {
        self.outcomes.len() - self.failed().len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failed();
        write!(f, "{}: {} passed, {} failed", self.release, self.passed(), failed.len())?;
        if !failed.is_empty() {
            write!(f, ": {}", failed.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_named_not_the_first_alone() {
        let mut report = Report::new(Release::Debian13);
        for (name, passed) in [("up", true), ("devices", false), ("swap", false)] {
            report.add(CheckReport { name, passed, words: String::new(), took: Duration::ZERO });
        }
        assert_eq!(report.to_string(), "Debian 13: 1 passed, 2 failed: devices, swap");
    }
}
