//! What was checked, as a tree of values: the terminal and `--json` show the same one.

use serde::Serialize;

/// What was checked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// How often each outcome occurs.
    pub counts: Counts,
    /// Everything that was checked.
    pub root: Node,
}

/// How often each outcome occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Checks that passed.
    pub ok: usize,
    /// Checks that could not be made.
    pub skipped: usize,
    /// Things that may be meant, and may hurt.
    pub warnings: usize,
    /// Things that would make the deployment fail.
    pub failed: usize,
}

/// Something that was looked at: a service, a task definition, a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// What it is, such as `Container[web]`.
    pub name: String,
    /// What was checked of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Leaf>,
    /// Its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// What was checked, such as `Image[nginx:1.27]`.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum CheckOutcome {
    /// As it should be.
    Ok,
    /// It could not be told.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It may be meant, and may hurt.
    Warning {
        /// What.
        reason: String,
        /// What can be done about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// The deployment would fail.
    Failed {
        /// Why.
        reason: String,
        /// What can be done about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

/// A failure or warning and every place where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// Names from the root's children down to the check, for each place.
    pub places: Vec<Vec<&'a str>>,
    /// What came of the check.
    pub outcome: &'a CheckOutcome,
}

impl CheckOutcome {
    pub(super) fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped { reason: reason.into() }
    }

    pub(super) fn failed(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), hint: Some(hint.into()) }
    }

    /// Returns whether the deployment would fail.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// Returns why it is not simply as it should be; empty if it is.
    pub fn reason(&self) -> &str {
        match self {
            Self::Ok => "",
            Self::Skipped { reason } | Self::Warning { reason, .. } | Self::Failed { reason, .. } => reason,
        }
    }

    /// Returns what can be done about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Ok | Self::Skipped { .. } => None,
            Self::Warning { hint, .. } | Self::Failed { hint, .. } => hint.as_deref(),
        }
    }
}

impl Report {
    pub(super) fn new(app: &str, stage: &str, root: Node) -> Self {
        Self { app: app.to_owned(), stage: stage.to_owned(), counts: root.counts(), root }
    }

    /// Returns whether nothing failed.
    pub fn is_ok(&self) -> bool {
        self.counts.failed == 0
    }

    /// Returns what failed, each once however often it occurs, in the order of the tree.
    pub fn failures(&self) -> Vec<Finding<'_>> {
        let mut found: Vec<Finding<'_>> = Vec::new();
        self.root.walk(&mut Vec::new(), &mut |path, leaf| {
            if !leaf.outcome.is_failed() {
                return;
            }
            // The same image, role or secret is checked wherever it is used, and fails in words that name it.
            let same = |known: &&mut Finding<'_>| *known.outcome == leaf.outcome;
            let place = path.iter().copied().chain([leaf.name.as_str()]).collect();
            match found.iter_mut().find(same) {
                Some(known) => known.places.push(place),
                None => found.push(Finding { places: vec![place], outcome: &leaf.outcome }),
            }
        });
        found
    }
}

impl Node {
    /// Returns how often each outcome occurs in it and in its parts.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.walk(&mut Vec::new(), &mut |_, leaf| match leaf.outcome {
            CheckOutcome::Ok => counts.ok += 1,
            CheckOutcome::Skipped { .. } => counts.skipped += 1,
            CheckOutcome::Warning { .. } => counts.warnings += 1,
            CheckOutcome::Failed { .. } => counts.failed += 1,
        });
        counts
    }

    /// Shows every check with the names of the nodes above it, the root's left out.
    fn walk<'a>(&'a self, path: &mut Vec<&'a str>, show: &mut impl FnMut(&[&'a str], &'a Leaf)) {
        self.checks.iter().for_each(|leaf| show(path, leaf));
        for node in &self.nodes {
            path.push(&node.name);
            node.walk(path, show);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn leaf(name: &str, outcome: CheckOutcome) -> Leaf {
        Leaf { name: name.into(), outcome }
    }

    fn node(name: &str, checks: Vec<Leaf>, nodes: Vec<Node>) -> Node {
        Node { name: name.into(), checks, nodes }
    }

    #[test]
    fn a_failure_in_two_places_is_told_once() {
        let gone = || leaf("Image[a]", CheckOutcome::failed("it is not there", "push it"));
        let root = node(
            "root",
            vec![leaf("Account", CheckOutcome::Ok)],
            vec![node("Container[x]", vec![gone()], vec![]), node("Container[y]", vec![gone()], vec![])],
        );
        let report = Report::new("demo", "local", root);
        assert_eq!((report.counts.ok, report.counts.failed, report.is_ok()), (1, 2, false));
        let failures = report.failures();
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].places, [["Container[x]", "Image[a]"], ["Container[y]", "Image[a]"]]);
    }

    #[test]
    fn json_says_outcome_reason_and_hint() {
        let root =
            node("root", vec![leaf("A", CheckOutcome::Ok), leaf("B", CheckOutcome::failed("why", "what"))], vec![]);
        assert_eq!(
            serde_json::to_value(Report::new("demo", "local", root)).unwrap(),
            json!({"app": "demo", "stage": "local", "counts": {"ok": 1, "skipped": 0, "warnings": 0, "failed": 1},
                   "root": {"name": "root", "checks": [
                       {"name": "A", "outcome": "ok"},
                       {"name": "B", "outcome": "failed", "reason": "why", "hint": "what"}]}})
        );
    }
}
