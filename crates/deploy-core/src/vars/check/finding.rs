//! Something that is not consistent: which rule it breaks, how bad that is, where, and what to do.

use serde::{Serialize, Serializer};

use crate::manifest::place_of;

/// Something that is not consistent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// Name of the variable, secret or key.
    pub name: String,
    /// Stage that it is about; none is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Containers that it is about, as `service/container` or the schedule's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do next.
    pub next: String,
    /// Where that was written; none if nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<ManifestPlace>,
}

/// Where something is in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestPlace {
    /// Path, such as `stages.staging.variables.DEBUG`.
    pub path: String,
    /// Line, from 1; 0 if it is not in the text.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work, will not start, or is seen by whom it should not be.
    Error,
    /// It may well be meant.
    Warning,
}

/// What can be wrong. The codes are stable: scripts filter by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A secret that the manifest declares has no value.
    NoValue,
    /// A value that no secret of the manifest uses.
    UnusedValue,
    /// A name that only some stages have.
    OnlyInSomeStages,
    /// A container runs without a name that its sibling runs with.
    LiveMissing,
    /// Nothing runs with a name that the manifest gives.
    NotDeployed,
    /// A container runs with a name that the manifest does not give it.
    LiveExtra,
    /// The same, and a sibling of the same image runs without it.
    Sibling,
    /// A name is plain where it runs and a secret in the manifest, or the other way round.
    LiveKind,
    /// What runs names a secret, key or parameter that is not there.
    AbsentSource,
    /// A value is written again where it changes nothing.
    Repeated,
    /// A name is plain in one place and a secret in another.
    TwoKinds,
    /// Two names differ only in case or separators.
    Alike,
    /// A plain value looks like a credential.
    PlainCredential,
    /// Two names differ by what looks like a slip.
    NearMiss,
    /// A file with values of secrets is in the repository.
    TrackedFile,
    /// A finding is accepted that is not there any more.
    AcceptedNothing,
}

impl Rule {
    /// Every rule, in the order of the documentation.
    pub const ALL: [Self; 16] = [
        Self::NoValue,
        Self::UnusedValue,
        Self::OnlyInSomeStages,
        Self::LiveMissing,
        Self::NotDeployed,
        Self::LiveExtra,
        Self::Sibling,
        Self::LiveKind,
        Self::AbsentSource,
        Self::Repeated,
        Self::TwoKinds,
        Self::Alike,
        Self::PlainCredential,
        Self::NearMiss,
        Self::TrackedFile,
        Self::AcceptedNothing,
    ];

    /// Returns the code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoValue => "vars::no-value",
            Self::UnusedValue => "vars::unused-value",
            Self::OnlyInSomeStages => "vars::only-in-some-stages",
            Self::LiveMissing => "vars::live-missing",
            Self::NotDeployed => "vars::not-deployed",
            Self::LiveExtra => "vars::live-extra",
            Self::Sibling => "vars::sibling",
            Self::LiveKind => "vars::live-kind",
            Self::AbsentSource => "vars::absent-source",
            Self::Repeated => "vars::repeated",
            Self::TwoKinds => "vars::two-kinds",
            Self::Alike => "vars::alike",
            Self::PlainCredential => "vars::plain-credential",
            Self::NearMiss => "vars::near-miss",
            Self::TrackedFile => "vars::tracked-file",
            Self::AcceptedNothing => "vars::accepted-nothing",
        }
    }

    /// Returns whether a manifest may accept it: not that it accepts too much.
    pub fn can_be_accepted(self) -> bool {
        self != Self::AcceptedNothing
    }

    /// Returns how bad it is to break this rule.
    fn severity(self) -> Severity {
        match self {
            Self::NoValue | Self::LiveMissing | Self::AbsentSource | Self::PlainCredential | Self::TrackedFile => {
                Severity::Error
            }
            _ => Severity::Warning,
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl Finding {
    pub(super) fn new(rule: Rule, name: impl Into<String>, reason: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity(),
            name: name.into(),
            stage: None,
            containers: Vec::new(),
            reason: reason.into(),
            next: next.into(),
            place: None,
        }
    }

    pub(super) fn stage(mut self, stage: &str) -> Self {
        self.stage = Some(stage.to_owned());
        self
    }

    pub(super) fn of(mut self, containers: Vec<String>) -> Self {
        self.containers = containers;
        self
    }

    pub(super) fn at(mut self, path: Option<String>) -> Self {
        self.place = path.map(|path| ManifestPlace { path, line: 0, column: 0 });
        self
    }

    pub(super) fn only_a_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Finds the line of what was written.
    pub(super) fn locate(&mut self, text: &str) {
        if let Some(place) = &mut self.place {
            (place.line, place.column) = place_of(text, &place.path).unwrap_or_default();
        }
    }
}
