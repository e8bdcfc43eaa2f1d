//! A release: what was put into a stage, by whom, and how it ended. And which one a rollback goes to.

use std::collections::BTreeMap;

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

use crate::desired::Git;
use crate::plan::short;

/// One release of a stage, as every colleague sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Counts up from 1 in every stage.
    pub number: u64,
    /// The release whose revisions were brought back, if this was a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
    /// What git said.
    #[serde(default)]
    pub git: Git,
    /// Image tag, if there is one for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// References with digests, by the image's name in the manifest.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// ARN of the revision of every service, by its name in ECS.
    pub services: BTreeMap<String, String>,
    /// ARN of the revision of every schedule, by the rule's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schedules: BTreeMap<String, String>,
    /// What each schedule of a service's task says over it, by the rule's name: ECS's `TaskOverride`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, Document>,
    /// Who did it.
    pub by: Actor,
    /// When it began, in milliseconds since the epoch.
    pub started_at: Millis,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Millis>,
    /// How it ended.
    pub outcome: ReleaseOutcome,
    /// Why it did not succeed, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Who acts, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Name of the user, or the ARN that AWS knows.
    pub user: String,
    /// Name of the machine.
    pub host: String,
    /// Process on that machine.
    #[serde(default)]
    pub pid: u32,
    /// URL of the pipeline, when one runs us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseOutcome {
    /// It is under way, or was cut off.
    InProgress,
    /// Its end was not watched (`--no-wait`).
    Unwatched,
    /// Everything runs what was released.
    Succeeded,
    /// It failed.
    Failed,
    /// It failed and the stage went back to what it ran before.
    RolledBack,
    /// It did not end in time.
    TimedOut,
    /// It was interrupted.
    Interrupted,
}

impl ReleaseOutcome {
    /// Returns the word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::Unwatched => "unwatched",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
            Self::TimedOut => "timed out",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Which release a rollback goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice<'a> {
    /// This one.
    To(&'a Release),
    /// This one, and it runs already.
    Running(&'a Release),
}

/// Why there is nothing to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// The stage has no release that succeeded, or none before the one that runs.
    #[error("no earlier release of this stage succeeded")]
    None,
    /// There is no such release.
    #[error("this stage has no release {number}")]
    Unknown {
        /// The number asked for.
        number: u64,
    },
    /// The release asked for never ran well.
    #[error("release {number} never succeeded: it {}", outcome.word())]
    NeverSucceeded {
        /// The number asked for.
        number: u64,
        /// How it ended.
        outcome: ReleaseOutcome,
    },
}

/// Returns the release that a rollback goes to; `live` has the revision that each service runs.
///
/// Without a number: when the newest release did not succeed, the newest that did; when it did,
/// the one that stood before it. A release that was left by a rollback is not gone back to: two
/// rollbacks in a row go two releases back, not forth again.
///
/// # Errors
/// See [`ChooseError`].
pub fn choose<'a>(
    releases: &'a [Release],
    live: &BTreeMap<String, String>,
    number: Option<u64>,
) -> Result<Choice<'a>, ChooseError> {
    let find = |number: u64| releases.iter().find(|release| release.number == number);
    let settled = |found: &'a Release| {
        let is = |service: &str, revision: &str| live.get(service).is_some_and(|live| short(live) == short(revision));
        let runs = found.services.iter().all(|(service, revision)| is(service, revision));
        if runs { Choice::Running(found) } else { Choice::To(found) }
    };
    if let Some(number) = number {
        let found = find(number).ok_or(ChooseError::Unknown { number })?;
        return match found.outcome {
            ReleaseOutcome::Succeeded => Ok(settled(found)),
            outcome => Err(ChooseError::NeverSucceeded { number, outcome }),
        };
    }
    let newest = releases.iter().max_by_key(|release| release.number).ok_or(ChooseError::None)?;
    let mut ran = standing(releases).into_iter().rev();
    if newest.outcome != ReleaseOutcome::Succeeded {
        return ran.next().map(settled).ok_or(ChooseError::None);
    }
    let before = ran.skip(1).map(settled);
    before.into_iter().find(|choice| matches!(choice, Choice::To(_))).ok_or(ChooseError::None)
}

/// Returns the releases that stand on each other, the one that should run now last: a rollback
/// takes away what came after the release that it brought back.
fn standing(releases: &[Release]) -> Vec<&Release> {
    let mut good: Vec<&Release> =
        releases.iter().filter(|release| release.outcome == ReleaseOutcome::Succeeded).collect();
    good.sort_by_key(|release| release.number);
    let mut stack: Vec<&Release> = Vec::new();
    for release in good {
        match release.restored {
            None => stack.push(release),
            Some(number) => match stack.iter().position(|below| below.number == number) {
                Some(index) => stack.truncate(index + 1),
                // Brought back from beyond an earlier rollback, or no longer recorded.
                None => stack.extend(releases.iter().find(|other| other.number == number)),
            },
        }
    }
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release reads `number:outcome:revision` or `number:outcome:revision<restored`.
    fn releases(text: &str) -> Vec<Release> {
        let one = |text: &str| {
            let mut parts = text.split(':');
            let (number, outcome, revision) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let (revision, restored) = revision.split_once('<').map_or((revision, None), |(r, n)| (r, Some(n)));
            Release {
                number: number.parse().unwrap(),
                restored: restored.map(|n| n.parse().unwrap()),
                git: Git::default(),
                tag: None,
                images: BTreeMap::new(),
                services: BTreeMap::from([("s".to_owned(), revision.to_owned())]),
                schedules: BTreeMap::new(),
                overrides: BTreeMap::new(),
                by: Actor::default(),
                started_at: 0,
                finished_at: None,
                outcome: match outcome {
                    "ok" => ReleaseOutcome::Succeeded,
                    "back" => ReleaseOutcome::RolledBack,
                    _ => ReleaseOutcome::Failed,
                },
                cause: None,
            }
        };
        text.split_whitespace().map(one).collect()
    }

    fn check(text: &str, live: &str, number: Option<u64>, expected: &str) {
        let releases = releases(text);
        let live = BTreeMap::from([("s".to_owned(), live.to_owned())]);
        let found = match choose(&releases, &live, number) {
            Ok(Choice::To(release)) => format!("to {}", release.number),
            Ok(Choice::Running(release)) => format!("running {}", release.number),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn goes_to_the_last_that_succeeded() {
        check("1:ok:a 2:ok:b", "b", None, "to 1");
        check("1:ok:a 2:bad:b 3:ok:c", "c", None, "to 1");
        check("1:ok:a 2:ok:b 3:bad:c", "c", None, "to 2");
        check("1:ok:a 2:ok:b 3:back:c", "b", None, "running 2");
        check("1:ok:a", "a", None, "no earlier release of this stage succeeded");
        // What runs may have been written without the ARN's head.
        check("1:ok:td/a 2:bad:td/b", "a", None, "running 1");
        check("1:bad:a", "a", None, "no earlier release of this stage succeeded");
        check("", "a", None, "no earlier release of this stage succeeded");
    }

    #[test]
    fn two_rollbacks_go_two_back() {
        check("1:ok:a 2:ok:b 3:ok:c 4:ok:b<2", "b", None, "to 1");
        check("1:ok:a 2:ok:b 3:ok:c 4:ok:b<2 5:ok:a<1", "a", None, "no earlier release of this stage succeeded");
        check("1:ok:a 2:ok:b 3:ok:c 4:ok:b<2 5:ok:d", "d", None, "to 2");
        check("1:ok:a 2:ok:b 3:ok:b", "b", None, "to 1");
    }

    #[test]
    fn a_release_asked_for_must_have_succeeded() {
        check("1:ok:a 2:bad:b 3:ok:c", "c", Some(1), "to 1");
        check("1:ok:a 2:bad:b 3:ok:c", "c", Some(3), "running 3");
        check("1:ok:a 2:bad:b 3:ok:c", "c", Some(2), "release 2 never succeeded: it failed");
        check("1:ok:a", "a", Some(9), "this stage has no release 9");
    }
}
