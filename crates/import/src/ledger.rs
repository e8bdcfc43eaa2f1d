//! Is everything that a source says accounted for?
//!
//! A source opens a [`Line`] for each thing that it says, before one is read. Readers then claim lines. What is not
//! claimed when the ledger is closed is listed, just because it is there.
//!
//! Two steps. A reader that puts something into a document of AWS says only that it [`Became`](Claim::Became) a member
//! of that document. What becomes of the member (a word of the manifest, a default, another owner's, nothing) is asked
//! of the documents when the ledger is closed: a reader cannot say "carried" of what the manifest does not hold.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Left, Place};

/// One thing that a source says: an attribute of a resource, a member of a document, a key of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// What it is said of, such as `aws_lb.main` or `services.web`; one name for each thing in a stage.
    pub subject: String,
    /// Where in it, such as `health_check.path` or `containerDefinitions.web.image`.
    pub path: String,
    /// Where its value stands: in the source as written, or at an address in a state or plan.
    pub place: Place,
    /// Where it is written, if its value stands elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Place>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Account {
    /// The manifest says it: with this word, such as `services.web.count`.
    Carried(String),
    /// It says what is so without it: whose default that is, and which, such as `the provider's 30`.
    Default(String),
    /// The manifest does not touch it: who keeps it, such as `Terraform`, and what it is for them.
    Owner(String),
    /// It is no setting: AWS found it out, such as how many tasks run. What it is. A fragment, without a full stop.
    State(String),
    /// It is lost, or the user must decide: why, and what to do. A fragment, without a full stop.
    Listed(String),
    /// Listed, and marked: a deploy of this manifest would change it. From what to what, and what to do.
    Changed(String),
}

impl Account {
    /// Returns why it is in the list; nothing for what is accounted for.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Listed(why) | Self::Changed(why) => Some(why),
            Self::Carried(_) | Self::Default(_) | Self::Owner(_) | Self::State(_) => None,
        }
    }
}

/// How many lines have which account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Said by the manifest.
    pub carried: usize,
    /// Equal to a default.
    pub defaults: usize,
    /// Left to its owner.
    pub owner: usize,
    /// What AWS found out: no setting.
    pub state: usize,
    /// Listed: lost, or to be decided; those that a deploy would change too.
    pub listed: usize,
    /// Listed because a deploy would change it.
    pub changed: usize,
}

/// Counts entries by their account.
pub fn summary(entries: &[Entry]) -> Summary {
    let mut summary = Summary::default();
    for entry in entries {
        match &entry.account {
            Account::Carried(_) => summary.carried += 1,
            Account::Default(_) => summary.defaults += 1,
            Account::Owner(_) => summary.owner += 1,
            Account::State(_) => summary.state += 1,
            Account::Listed(_) => summary.listed += 1,
            Account::Changed(_) => {
                summary.listed += 1;
                summary.changed += 1;
            }
        }
    }
    summary
}

/// What the repositories of images are called in a ledger; a member is a repository's name.
pub const REPOSITORIES: &str = "repositories";

/// Returns what a service's document (a request of CreateService) is called in a ledger.
pub fn service(key: &str) -> String {
    format!("services.{key}")
}

/// Returns what the task definition of a service is called in a ledger.
pub fn service_task(key: &str) -> String {
    format!("services.{key}.task")
}

/// Returns what a schedule's document (a request of PutRule, its target under `Target`) is called in a ledger.
pub fn schedule(key: &str) -> String {
    format!("schedules.{key}")
}

/// Returns what the task definition of a schedule is called in a ledger.
pub fn schedule_task(key: &str) -> String {
    format!("schedules.{key}.task")
}

/// Returns what a task definition that nothing runs is called in a ledger.
pub fn one_off_task(key: &str) -> String {
    format!("one-offs.{key}.task")
}

/// What a reader says of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It became a member of a document of AWS; the account is the member's.
    Became {
        /// Whose document: [`crate::FoundObject::id`], or that of a service, schedule or task definition.
        object: String,
        /// The member, such as `HealthCheckPath`; names of nested ones after dots.
        member: String,
    },
    /// It is known already what became of it.
    Is(Account),
}

/// A line with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The stage.
    pub stage: String,
    /// What was said.
    #[serde(flatten)]
    pub line: Line,
    /// What became of it.
    pub account: Account,
}

/// The lines of one stage and what was claimed of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    lines: Vec<Line>,
    /// By subject and path. A path claims what lies beneath it, and the longest counts.
    claims: BTreeMap<(String, String), Claim>,
}

impl Ledger {
    /// Opens a line.
    pub fn open(&mut self, subject: impl Into<String>, path: impl Into<String>, place: Place) {
        self.lines.push(Line { subject: subject.into(), path: path.into(), place, written: None });
    }

    /// Opens a line whose value stands in a state or a plan, and not where it is written, if it is written.
    pub fn open_told(
        &mut self,
        subject: impl Into<String>,
        path: impl Into<String>,
        told: Place,
        written: Option<Place>,
    ) {
        self.lines.push(Line { subject: subject.into(), path: path.into(), place: told, written });
    }

    /// Claims a line and all that lies beneath its path; the claim with the longest path counts, of two for the same
    /// path the later one. An empty path is the whole subject.
    pub fn claim(&mut self, subject: impl Into<String>, path: impl Into<String>, claim: Claim) {
        self.claims.insert((subject.into(), path.into()), claim);
    }

    /// Returns whether nothing was opened: the source keeps no ledger.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the places of lines by the documents and members that they became.
    pub fn places(&self) -> BTreeMap<(&str, &str), &Line> {
        let became = |line| match claimed(&self.claims, line) {
            Some(Claim::Became { object, member }) => Some(((object.as_str(), member.as_str()), line)),
            _ => None,
        };
        // Of several lines for one member the first is where a person looks.
        self.lines.iter().rev().filter_map(became).collect()
    }

    /// Says what became of every line. `of` answers for a member of a document; of what it knows nothing (`None`) the
    /// line is listed.
    pub fn close(self, stage: &str, of: impl Fn(&str, &str) -> Option<Account>) -> Vec<Entry> {
        let Self { lines, claims } = self;
        let account = |line: &Line| match claimed(&claims, line) {
            Some(Claim::Is(account)) => account.clone(),
            Some(Claim::Became { object, member }) => of(object, member).unwrap_or_else(|| {
                Account::Listed(format!("it would be {member} of {object}, which no deploy makes or compares"))
            }),
            None => Account::Listed("nothing here reads it: see what it is for, and keep it where it is".to_owned()),
        };
        let entry = |line: Line| Entry { stage: stage.to_owned(), account: account(&line), line };
        lines.into_iter().map(entry).collect()
    }
}

/// Returns the claim whose path is the longest that a line lies beneath.
fn claimed<'a>(claims: &'a BTreeMap<(String, String), Claim>, line: &Line) -> Option<&'a Claim> {
    let mut path = line.path.as_str();
    loop {
        if let Some(claim) = claims.get(&(line.subject.clone(), path.to_owned())) {
            return Some(claim);
        }
        path = match path.rsplit_once('.') {
            Some((above, _)) => above,
            None if path.is_empty() => return None,
            None => "",
        };
    }
}

/// Returns what is listed, as things that were left: lines of one subject with the same reason together, at the first
/// one's place.
pub fn listed(entries: &[Entry]) -> Vec<Left> {
    let mut found: Vec<(Left, &str, Vec<&str>)> = Vec::new();
    for entry in entries {
        let Some(why) = entry.account.why() else { continue };
        let Line { subject, path, place, .. } = &entry.line;
        let same = |(left, of, _): &&mut (Left, &str, Vec<&str>)| *of == subject && left.why == why;
        match found.iter_mut().find(same) {
            Some((_, _, paths)) if paths.contains(&path.as_str()) => {}
            Some((_, _, paths)) => paths.push(path),
            None => found.push((Left::new("", place.clone(), why), subject, vec![path])),
        }
    }
    let named = |(left, subject, paths): (Left, &str, Vec<&str>)| {
        let paths: Vec<&str> = paths.into_iter().filter(|path| !path.is_empty()).collect();
        let what = if paths.is_empty() { subject.to_owned() } else { format!("{} of {subject}", few(&paths)) };
        Left { what, ..left }
    };
    found.into_iter().map(named).collect()
}

/// How many paths are named before the rest is counted.
const NAMED: usize = 8;

fn few(paths: &[&str]) -> String {
    match paths.len().checked_sub(NAMED).filter(|more| *more > 1) {
        Some(more) => format!("{} and {more} more", paths[..NAMED].join(", ")),
        None => paths.join(", "),
    }
}

/// Returns what was left and what an account lists, each thing once: a reader that has told why it left something has
/// told it in its own words.
pub fn with_listed(left: &[Left], entries: &[Entry]) -> Vec<Left> {
    let is_told = |one: &Left| left.iter().any(|told| told.why == one.why || told.why.ends_with(&one.why));
    let listed = listed(entries).into_iter().filter(|one| !is_told(one));
    left.iter().cloned().chain(listed).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(line: usize) -> Place {
        Place { source: "main.tf".to_owned(), line: Some(line) }
    }

    #[test]
    fn the_longest_path_counts_and_what_nobody_claims_is_listed() {
        let mut ledger = Ledger::default();
        for (line, path) in ["name", "health_check.path", "health_check.matcher", "internal"].into_iter().enumerate() {
            ledger.open("aws_lb.main", path, place(line));
        }
        let became = |member: &str| Claim::Became { object: "aws_lb.main".to_owned(), member: member.to_owned() };
        ledger.claim("aws_lb.main", "name", became("Name"));
        ledger.claim("aws_lb.main", "health_check", Claim::Is(Account::Owner("Terraform".to_owned())));
        ledger.claim("aws_lb.main", "health_check.path", became("HealthCheckPath"));
        let of = |_: &str, member: &str| (member == "Name").then(|| Account::Carried("stages.prod".to_owned()));
        let entries = ledger.close("prod", of);
        let accounts: Vec<&Account> = entries.iter().map(|entry| &entry.account).collect();
        assert_eq!(accounts[0], &Account::Carried("stages.prod".to_owned()));
        assert!(matches!(accounts[1], Account::Listed(why) if why.contains("HealthCheckPath of aws_lb.main")));
        assert_eq!(accounts[2], &Account::Owner("Terraform".to_owned()));
        let left = listed(&entries);
        assert_eq!(left.len(), 2);
        assert_eq!((left[1].what.as_str(), left[1].place.line), ("internal of aws_lb.main", Some(3)));
    }

    proptest! {
        /// Whatever is claimed, each line has an account, in its order; and what no claim is above is listed.
        #[test]
        fn no_line_is_lost(
            lines in prop::collection::vec(("[ab]", "[xy](\\.[xy]){0,2}"), 0..12),
            claims in prop::collection::vec(("[ab]", "([xy](\\.[xy]){0,2})?"), 0..6),
        ) {
            let mut ledger = Ledger::default();
            for (number, (subject, path)) in lines.iter().enumerate() {
                ledger.open(subject.clone(), path.clone(), place(number));
            }
            for (subject, path) in &claims {
                ledger.claim(subject.clone(), path.clone(), Claim::Is(Account::Default("nobody's".to_owned())));
            }
            let entries = ledger.close("prod", |_, _| None);
            prop_assert_eq!(entries.len(), lines.len());
            for (entry, (subject, path)) in entries.iter().zip(&lines) {
                prop_assert_eq!((&entry.line.subject, &entry.line.path), (subject, path));
                let is_claimed = claims.iter().any(|(of, above)| {
                    of == subject && (above.is_empty() || above == path || path.starts_with(&format!("{above}.")))
                });
                prop_assert_eq!(matches!(entry.account, Account::Listed(_)), !is_claimed);
            }
        }
    }
}
