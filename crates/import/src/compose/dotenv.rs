//! Which variables are in an env file? Compose's own rules (05-services.md, "Env_file format").
//!
//! Not [`deploy_core::vars::dotenv`], on purpose: that reads a file of values that are about to be stored, takes `$X` as
//! it is, stops at the first line that it does not know, and knows where each value stands, to change it. Here the
//! file is a part of a compose project: `$X` is filled in from what is known, a name without `=` takes one away, `raw`
//! is a format, and a line that cannot be read is listed and the rest is read. What one writes, the other reads alike:
//! the last test below.

use std::collections::BTreeMap;

use super::interpolate::{Filled, Known, fill};

/// A line of an env file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    /// The value; none when there is no `=`.
    pub(super) value: Option<Filled>,
    /// From 1.
    pub(super) line: usize,
}

/// Reads an env file, and where it could not: the line and why.
///
/// With `is_raw` a value is what stands behind the `=`, quotes and dollar signs too.
pub(super) fn read(
    text: &str,
    is_raw: bool,
    known: &BTreeMap<String, Known>,
    hides: impl Fn(&str, &str) -> bool + Copy,
) -> (Vec<Line>, Vec<(usize, &'static str)>) {
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    let mut known = known.clone();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (line, tail) = rest.split_once('\n').unwrap_or((rest, ""));
        let start = line.trim_start();
        if start.trim_end().is_empty() || start.starts_with('#') {
            rest = tail;
            continue;
        }
        let at = number;
        let start = start.strip_prefix("export ").map_or(start, str::trim_start);
        let end =
            start.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-')).unwrap_or(start.len());
        let (name, behind) = start.split_at(end);
        let behind = behind.trim_start();
        if name.is_empty() || !(behind.is_empty() || behind.starts_with(['=', ':'])) {
            wrong.push((at, "it is not of the form NAME=VALUE"));
            rest = tail;
            continue;
        }
        if behind.is_empty() {
            lines.push(Line { name: name.to_owned(), value: None, line: at });
            rest = tail;
            continue;
        }
        let (written, quote) = match (behind[1..].trim_start(), is_raw) {
            (_, true) => (behind[1..].trim_end_matches('\r').to_owned(), Quote::Single),
            (value, false) if value.starts_with(['"', '\'']) => {
                // A quoted value may go on in the next lines.
                let from = value.as_ptr() as usize - rest.as_ptr() as usize;
                let quote = if value.starts_with('"') { Quote::Double } else { Quote::Single };
                let Some((written, length)) = quoted(&rest[from + 1..], quote) else {
                    wrong.push((at, "its quote is not closed"));
                    rest = tail;
                    continue;
                };
                number += rest[from + 1..from + 1 + length].matches('\n').count();
                rest = rest[from + 1 + length..].split_once('\n').map_or("", |(_, tail)| tail);
                (written, quote)
            }
            (value, false) => {
                rest = tail;
                (unquoted(value).to_owned(), Quote::None)
            }
        };
        if is_raw {
            rest = tail;
        }
        let filled = match quote {
            Quote::Single => Filled { shell: written.clone(), text: written, ..Filled::default() },
            Quote::Double | Quote::None => fill(&written, &known, hides),
        };
        // Later lines may use earlier ones; what was known before wins, as the shell does.
        let is_secret = !filled.secrets.is_empty() || hides(name, &filled.text);
        known.entry(name.to_owned()).or_insert_with(|| Known { value: filled.text.clone(), is_secret });
        lines.push(Line { name: name.to_owned(), value: Some(filled), line: at });
    }
    (lines, wrong)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// Returns the value up to the closing quote, and how far that is with the quote.
fn quoted(text: &str, quote: Quote) -> Option<(String, usize)> {
    let closing = if quote == Quote::Double { '"' } else { '\'' };
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == closing => return Some((value, at + 1)),
            '\\' => match chars.next()?.1 {
                c if c == closing => value.push(c),
                'n' if quote == Quote::Double => value.push('\n'),
                'r' if quote == Quote::Double => value.push('\r'),
                't' if quote == Quote::Double => value.push('\t'),
                '\\' if quote == Quote::Double => value.push('\\'),
                '$' if quote == Quote::Double => value.push_str("$$"),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    None
}

/// A comment needs a blank before it.
fn unquoted(text: &str) -> &str {
    let comment = text.match_indices('#').find(|(at, _)| *at == 0 || text[..*at].ends_with([' ', '\t']));
    text[..comment.map_or(text.len(), |(at, _)| at)].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Option<&str>, usize)]) {
        let (lines, wrong) = read(text, false, &BTreeMap::new(), |_, _| false);
        assert_eq!(wrong, [], "{text}");
        let found: Vec<_> =
            lines.iter().map(|l| (l.name.as_str(), l.value.as_ref().map(|v| v.text.as_str()), l.line)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_examples_of_the_specification() {
        for (text, value) in [
            ("VAR=VAL", "VAL"),
            ("VAR=\"VAL\"", "VAL"),
            ("VAR='VAL'", "VAL"),
            ("VAR=VAL # comment", "VAL"),
            ("VAR=VAL# not a comment", "VAL# not a comment"),
            ("VAR=\"VAL # not a comment\"", "VAL # not a comment"),
            ("VAR=\"VAL\" # comment", "VAL"),
            ("VAR='$OTHER'", "$OTHER"),
            ("VAR='${OTHER}'", "${OTHER}"),
            ("VAR='Let\\'s go!'", "Let's go!"),
            ("VAR=\"{\\\"hello\\\": \\\"json\\\"}\"", "{\"hello\": \"json\"}"),
            ("VAR=\"some\\tvalue\"", "some\tvalue"),
            ("VAR='some\\tvalue'", "some\\tvalue"),
            ("VAR=some\\tvalue", "some\\tvalue"),
            ("VAR=", ""),
            ("export VAR = x\r", "x"),
            ("VAR=#x", ""),
            ("VAR=a=b", "a=b"),
        ] {
            check(text, &[("VAR", Some(value), 1)]);
        }
        check("VAR", &[("VAR", None, 1)]);
    }

    #[test]
    fn lines_are_counted_over_quoted_ones_and_later_ones_use_earlier_ones() {
        check(
            "# x\n\nA=\"1\n2\"\nB=${A}!\nC='x'",
            &[("A", Some("1\n2"), 3), ("B", Some("1\n2!"), 5), ("C", Some("x"), 6)],
        );
    }

    proptest::proptest! {
        /// `managr vars export` and Compose mean the same by a file.
        #[test]
        fn what_managr_writes_is_read_here_alike(
            values in proptest::collection::vec("[ -~\\n\\t\\réß]{0,12}", 1..5)
        ) {
            use deploy_core::vars::dotenv as own;
            let named: Vec<(String, String)> =
                values.into_iter().enumerate().map(|(at, value)| (format!("V{at}"), value)).collect();
            let text = own::write(named.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let (lines, wrong) = read(&text, false, &BTreeMap::new(), |_, _| false);
            proptest::prop_assert_eq!(wrong, []);
            let ours: Vec<(String, String)> =
                own::read(&text).unwrap().into_iter().map(|entry| (entry.name, entry.value)).collect();
            let theirs: Vec<(String, String)> =
                lines.into_iter().map(|line| (line.name, line.value.unwrap().text)).collect();
            proptest::prop_assert_eq!(&ours, &named);
            proptest::prop_assert_eq!(&theirs, &named);
        }
    }

    #[test]
    fn raw_files_are_taken_as_they_are() {
        let (lines, _) = read("A=\"$B\" # x\nC=d\n", true, &BTreeMap::new(), |_, _| false);
        assert_eq!(lines[0].value.as_ref().unwrap().text, "\"$B\" # x");
        assert_eq!((lines[1].name.as_str(), lines[1].line), ("C", 2));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_and_the_others_are_read() {
        let (lines, wrong) = read("A=1\nwhat is this\nB='x\nC=2\n", false, &BTreeMap::new(), |_, _| false);
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["A", "C"]);
        assert_eq!(wrong.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
    }
}
