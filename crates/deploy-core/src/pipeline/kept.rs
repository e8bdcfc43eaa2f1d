//! Which lines of a file are the user's own? Those between two marks; they are carried over as they are.

use std::collections::BTreeMap;

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
}

/// Returns `fresh` with what is between the marks of `existing`.
pub(super) fn keep(fresh: &str, existing: &str) -> Result<String, KeptError> {
    let kept = between(existing)?;
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
        if let Some(lines) = kept.get(name) {
            text.push_str(lines);
            skipped = Some(format!("{END}{name}"));
        }
    }
    Ok(text)
}

fn between(text: &str) -> Result<BTreeMap<String, String>, KeptError> {
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
                let (_, name, lines) = open.take().expect("it is open in this arm");
                found.insert(name, lines);
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
    fn marks_that_do_not_fit_are_named() {
        let error = |text: &str| keep(FRESH, text).unwrap_err().to_string();
        assert!(error("x\n# managr: your tests\n").starts_with("line 2: there is no"));
        let twice = "# managr: your tests\n# managr: end of your tests\n# managr: your tests\n";
        assert!(error(twice).starts_with("line 3: the mark"));
    }
}
