//! Which lines of a file are the user's own? Those between two marks; they are carried over as they are.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::shell;
use super::yaml::indented;

const BEGIN: &str = "# managr: your ";
const END: &str = "# managr: end of your ";

/// Why the user's own lines cannot be told from ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// A mark has no end.
    #[error("line {line}: there is no `{END}{name}` behind the mark `{BEGIN}{name}`")]
    NoEnd {
        /// Line of the mark, counted from 1.
        line: usize,
        /// What it marks.
        name: String,
    },
    /// A mark is there twice.
    #[error("line {line}: the mark `{BEGIN}{name}` is there twice")]
    Twice {
        /// Line of the second.
        line: usize,
        /// What it marks.
        name: String,
    },
    /// What is written now has no such place.
    #[error("line {line}: what is between the marks `{BEGIN}{name}` has no place in the file as it would be now")]
    NoPlace {
        /// Line of the mark, counted from 1.
        line: usize,
        /// What it marks.
        name: String,
    },
}

/// How the line begins that says what a file was when it was written.
pub(super) const DIGEST: &str = "# managr-digest:";

/// Lines that we write between marks, without comments: they can be dropped.
const OURS: [&str; 10] = [
    "script:",
    "deployment: staging",
    "deployment: production",
    "environment: staging",
    "environment: production",
    "services: [docker]",
    "caches: [docker]",
    "memory: 3072",
    "stages: [test, build, deploy]",
    "stages: [test, build, deploy, plan, release]",
];

/// Returns lines that are the user's own place.
pub(super) fn place(indent: usize, name: &str, ours: &str) -> String {
    indented(indent, &format!("{BEGIN}{name}\n{ours}{END}{name}"))
}

/// Returns `fresh` with what is between the marks of `existing`, and with its digest.
pub(super) fn keep(fresh: &str, existing: &str) -> Result<String, KeptError> {
    let mut kept = between(existing)?;
    let mut text = String::new();
    let mut skipped = None;
    for line in fresh.split_inclusive('\n') {
        let word = line.trim();
        if skipped.as_deref().is_some_and(|end| word == end) {
            skipped = None;
        }
        if skipped.is_some() {
            continue;
        }
        text.push_str(line);
        let Some(name) = word.strip_prefix(BEGIN) else { continue };
        if let Some((_, lines)) = kept.remove(name) {
            text.push_str(&lines);
            skipped = Some(format!("{END}{name}"));
        }
    }
    let is_ours = |line: &str| {
        let line = line.split(" # ").next().unwrap_or(line).trim();
        line.is_empty() || line.ends_with(shell::NO_TESTS) || OURS.contains(&line)
    };
    for (name, (line, lines)) in kept {
        if !lines.lines().all(|line| is_ours(line.trim())) {
            return Err(KeptError::NoPlace { line, name });
        }
    }
    Ok(signed(&text))
}

/// Returns a text with its digest in its head.
pub(super) fn signed(text: &str) -> String {
    text.replacen(DIGEST, &format!("{DIGEST} {}", digest(text)), 1)
}

/// Returns whether a text was changed outside of the marks since it was written. One that does not say what it was
/// is taken to be as it was.
pub fn is_edited(text: &str) -> bool {
    let said = text.lines().take(12).find_map(|line| line.strip_prefix(DIGEST));
    said.is_some_and(|said| said.trim() != digest(text))
}

/// Returns what a text is outside of the marks.
fn digest(text: &str) -> String {
    let mut hash = Sha256::new();
    let mut end = None;
    for line in text.lines() {
        let word = line.trim();
        if end.as_deref().is_some_and(|end: &str| end == word) {
            end = None;
        }
        if end.is_some() || line.starts_with(DIGEST) {
            continue;
        }
        end = word.strip_prefix(BEGIN).map(|name| format!("{END}{name}"));
        hash.update(line.trim_end());
        hash.update(b"\n");
    }
    hex::encode(&hash.finalize()[..8])
}

fn between(text: &str) -> Result<BTreeMap<String, (usize, String)>, KeptError> {
    let mut found = BTreeMap::new();
    let mut open: Option<(usize, String, String)> = None;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let word = line.trim();
        match &mut open {
            Some((_, name, lines)) if word.strip_prefix(END) != Some(name) => {
                if word.starts_with(BEGIN) {
                    break;
                }
                lines.push_str(line);
            }
            Some(_) => {
                let (line, name, lines) = open.take().expect("it is open in this arm");
                found.insert(name, (line, lines));
            }
            None => {
                let Some(name) = word.strip_prefix(BEGIN) else { continue };
                if found.contains_key(name) {
                    return Err(KeptError::Twice { line: number, name: name.to_owned() });
                }
                open = Some((number, name.to_owned(), String::new()));
            }
        }
    }
    match open {
        Some((line, name, _)) => Err(KeptError::NoEnd { line, name }),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: &str = "a\n  # managr: your tests\n  - one\n  # managr: end of your tests\nb\n";

    #[test]
    fn lines_between_the_marks_stay() {
        let own = "old\n# managr: your tests\n   - mine\n\n   - two\n# managr: end of your tests\n";
        let kept = keep(FRESH, own).unwrap();
        assert_eq!(kept, "a\n  # managr: your tests\n   - mine\n\n   - two\n  # managr: end of your tests\nb\n");
        assert_eq!(keep(FRESH, &kept).unwrap(), kept, "again is the same");
        assert_eq!(keep(FRESH, "without marks").unwrap(), FRESH);
        assert_eq!(keep(FRESH, "# managr: your tests\n# managr: end of your tests\n").unwrap().lines().count(), 4);
    }

    #[test]
    fn lines_that_would_have_no_place_are_not_lost() {
        let own = "x\n# managr: your hooks\n- mine\n# managr: end of your hooks\n";
        assert!(keep(FRESH, own).unwrap_err().to_string().starts_with("line 2: what is between"));
        let ours = "# managr: your hooks\nservices: [docker]\n\n# managr: end of your hooks\n";
        assert_eq!(keep(FRESH, ours).unwrap(), FRESH);
    }

    #[test]
    fn an_edit_outside_of_the_marks_is_seen() {
        let text = signed(&format!("{DIGEST}\n{FRESH}"));
        assert!(text.starts_with("# managr-digest: ") && !is_edited(&text), "{text}");
        assert!(!is_edited(&text.replace("- one", "- two\n  - three")));
        assert!(is_edited(&text.replace("b\n", "b\nc\n")));
        assert!(!is_edited(FRESH), "a file of before says nothing");
    }

    #[test]
    fn marks_that_do_not_fit_are_named() {
        let error = |text: &str| keep(FRESH, text).unwrap_err().to_string();
        assert!(error("x\n# managr: your tests\n").starts_with("line 2: there is no"));
        let twice = "# managr: your tests\n# managr: end of your tests\n# managr: your tests\n";
        assert!(error(twice).starts_with("line 3: the mark"));
    }
}
