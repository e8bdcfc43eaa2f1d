//! What stands for `${NAME:-default}`? The compose specification's interpolation (12-interpolation.md).

use std::collections::BTreeMap;

/// A variable that is known before anything runs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) value: String,
    /// Whether the value must not be shown.
    pub(super) is_secret: bool,
}

/// A text after interpolation.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// The text with `$NAME` where the value of a secret stands, for a shell in the container to fill in.
    pub(super) shell: String,
    /// Variables whose values are in the text and must not be shown.
    pub(super) secrets: Vec<String>,
    /// Variables that have no value and no default: they were read as empty.
    pub(super) unset: Vec<String>,
    /// What is wrong with the text, if anything.
    pub(super) wrong: Option<String>,
}

/// Deepest nesting of defaults that is read: people write one or two, and reading is recursive.
const DEEPEST: usize = 16;

/// Replaces `$NAME`, `${NAME}` and its forms with `:-`, `-`, `:+`, `+`, `:?` and `?`; `$$` is a dollar sign.
///
/// `hides` tells whether a variable that has a default only is one whose value must not be shown.
pub(super) fn fill(text: &str, known: &BTreeMap<String, Known>, hides: impl Fn(&str, &str) -> bool + Copy) -> Filled {
    fill_below(text, known, hides, DEEPEST)
}

/// Fills a text in which defaults may be nested as deep as `levels`.
fn fill_below(
    text: &str,
    known: &BTreeMap<String, Known>,
    hides: impl Fn(&str, &str) -> bool + Copy,
    levels: usize,
) -> Filled {
    let mut filled = Filled::default();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            filled.push("$");
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('{') {
            let Some(end) = closing(inner) else {
                filled.wrong.get_or_insert_with(|| "`${` has no `}`".to_owned());
                filled.push("${");
                rest = inner;
                continue;
            };
            braced(&inner[..end], known, hides, levels, &mut filled);
            rest = &inner[end + 1..];
        } else {
            let name = &after[..name_length(after)];
            if name.is_empty() {
                filled.push("$");
            } else {
                plain(name, known, &mut filled);
            }
            rest = &after[name.len()..];
        }
    }
    filled.push(rest);
    filled
}

impl Filled {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.shell.push_str(text);
    }

    fn push_secret(&mut self, name: &str, value: &str) {
        self.text.push_str(value);
        self.shell.push_str(&format!("${{{name}}}"));
        self.secrets.push(name.to_owned());
    }

    fn take(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.shell.push_str(&other.shell);
        self.secrets.extend(other.secrets);
        self.unset.extend(other.unset);
        self.wrong = self.wrong.take().or(other.wrong);
    }
}

fn name_length(text: &str) -> usize {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if starts { end } else { 0 }
}

/// Returns where the brace of `${` is closed; `${A:-${B}}` is nested.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn plain(name: &str, known: &BTreeMap<String, Known>, filled: &mut Filled) {
    match known.get(name) {
        Some(known) if known.is_secret => filled.push_secret(name, &known.value),
        Some(known) => filled.push(&known.value),
        None => filled.unset.push(name.to_owned()),
    }
}

fn braced(
    inner: &str,
    known: &BTreeMap<String, Known>,
    hides: impl Fn(&str, &str) -> bool + Copy,
    levels: usize,
    filled: &mut Filled,
) {
    let Some(below) = levels.checked_sub(1) else {
        filled.wrong.get_or_insert_with(|| format!("`${{` is nested deeper than {DEEPEST} times"));
        return;
    };
    let (name, operator) = inner.split_at(name_length(inner));
    if name.is_empty() {
        filled.wrong.get_or_insert_with(|| "`${` is not followed by a name".to_owned());
        return;
    }
    let value = known.get(name);
    let is_given = |and_not_empty: bool| value.is_some_and(|known| !and_not_empty || !known.value.is_empty());
    let (and_not_empty, kind) = match operator.strip_prefix(':') {
        Some(kind) => (true, kind),
        None => (false, operator),
    };
    let word = kind.get(1..).unwrap_or_default();
    match kind.chars().next() {
        None if !and_not_empty => plain(name, known, filled),
        Some('-') if is_given(and_not_empty) => plain(name, known, filled),
        Some('-') => {
            let default = fill_below(word, known, hides, below);
            if hides(name, &default.text) && !default.text.is_empty() {
                filled.push_secret(name, &default.text);
            } else {
                filled.take(default);
            }
        }
        Some('+') if is_given(and_not_empty) => filled.take(fill_below(word, known, hides, below)),
        Some('+') => {}
        Some('?') if is_given(and_not_empty) => plain(name, known, filled),
        Some('?') => filled.unset.push(name.to_owned()),
        _ => {
            filled.wrong.get_or_insert_with(|| format!("`{operator}` after `{name}` is not an interpolation"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Filled {
        let known = [("A", "a", false), ("EMPTY", "", false), ("DB_PASSWORD", "hunter2", true)];
        let known =
            known.map(|(name, value, is_secret)| (name.to_owned(), Known { value: value.to_owned(), is_secret }));
        fill(text, &known.into(), |name, _| name.contains("PASSWORD"))
    }

    #[test]
    fn every_form_of_the_specification() {
        for (text, expected) in [
            ("$A-${A}", "a-a"),
            ("$$A $${A}", "$A ${A}"),
            ("${B:-b}", "b"),
            ("${EMPTY:-b}", "b"),
            ("${EMPTY-b}", ""),
            ("${B-b}", "b"),
            ("${A:+yes}${B:+no}${EMPTY+set}${EMPTY:+no}", "yesset"),
            ("${B:-${A}}", "a"),
            ("${B:-${C:-c}}!", "c!"),
            ("${A:?needed}", "a"),
            ("5$ and $5", "5$ and $5"),
            ("", ""),
        ] {
            let result = filled(text);
            assert_eq!((result.text.as_str(), result.unset.len()), (expected, 0), "{text}");
            assert_eq!(result.wrong, None, "{text}");
        }
    }

    /// A fuzzer found it: each level took some of the stack.
    #[test]
    fn what_is_nested_without_end_is_refused() {
        let nested = |levels: usize| format!("{}x{}", "${B:-".repeat(levels), "}".repeat(levels));
        assert_eq!((filled(&nested(DEEPEST)).text.as_str(), filled(&nested(DEEPEST)).wrong), ("x", None));
        assert!(filled(&nested(30_000)).wrong.is_some_and(|why| why.contains("deeper than 16")));
    }

    #[test]
    fn what_has_no_value_is_told() {
        assert_eq!(filled("x${B}$C").unset, ["B", "C"]);
        assert_eq!(filled("${B?why}").unset, ["B"]);
        assert!(filled("${B").wrong.is_some());
        assert!(filled("${B/x/y}").wrong.is_some());
    }

    #[test]
    fn the_value_of_a_secret_is_known_for_one() {
        let result = filled("x:${DB_PASSWORD}@${A}");
        assert_eq!((result.text.as_str(), result.shell.as_str()), ("x:hunter2@a", "x:${DB_PASSWORD}@a"));
        assert_eq!(result.secrets, ["DB_PASSWORD"]);
        assert_eq!(filled("${MY_PASSWORD:-x}").shell, "${MY_PASSWORD}");
        assert_eq!(filled("${EMPTY:-x${DB_PASSWORD}}").secrets, ["DB_PASSWORD"]);
    }
}
