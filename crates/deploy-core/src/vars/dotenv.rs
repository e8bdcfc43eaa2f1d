//! How is a file of `NAME=value` lines read, changed and written?
//!
//! The rules are those that Docker Compose documents for its environment files ("Syntax for environment
//! files in Docker Compose", docs.docker.com/compose/env-file): `#` begins a comment at the start of a
//! line, after a blank behind a bare value, or behind a closing quote; single quotes keep everything but
//! `\'`; double quotes know `\n`, `\r`, `\t`, `\\` and `\"`; quoted values may go over several lines.
//! `export` may stand before a name. Two things differ: `$NAME` is never filled in, and a name without
//! `=` is an error, because what the caller's environment holds is not in the file. (The import of compose files has
//! a reader of its own, `import/src/compose/dotenv.rs`, which fills in and goes on after a wrong line; a test there
//! holds the two together.)

use std::ops::Range;

/// A name and its value, as one entry of a file gives them.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Name.
    pub name: String,
    /// Value; often a secret.
    pub value: String,
    /// Line where it begins, from 1.
    pub line: usize,
    /// Whether Compose would fill something in: a `$` that begins a name, outside of single quotes.
    pub refers: bool,
    /// Where the value is in the text, quotes and all.
    place: Range<usize>,
    /// The whole lines of it.
    lines: Range<usize>,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment").field("name", &self.name).field("line", &self.line).finish_non_exhaustive()
    }
}

/// What is wrong with a file, and in which line. Never shows what is in it, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {fault}")]
pub struct DotenvError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub fault: DotenvFault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DotenvFault {
    /// It has no `=`.
    #[error("is not NAME=value")]
    NoValue,
    /// What stands before `=` is no name.
    #[error("has something else than letters, digits and `_` before the `=`")]
    Name,
    /// A quote is never closed.
    #[error("opens a quote that is not closed")]
    Open,
    /// Something follows a closing quote.
    #[error("has something after the closing quote that is not a comment")]
    Behind,
}

/// Reads a file. A name may come again; the last one counts.
///
/// # Errors
/// The first line that is neither an entry, a comment nor blank.
pub fn read(text: &str) -> Result<Vec<Assignment>, DotenvError> {
    let mut entries = Vec::new();
    let (mut at, mut line) = (if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }, 1);
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
        let here = &text[at..end];
        let mut next = (end + 1).min(text.len());
        if !here.trim().is_empty() && !here.trim_start().starts_with('#') {
            let fail = |fault| DotenvError { line, fault };
            let entry = entry(text, at..end, line).map_err(fail)?;
            next = entry.lines.end;
            entries.push(entry);
        }
        line += text[at..next].matches('\n').count();
        at = next;
    }
    Ok(entries)
}

fn entry(text: &str, here: Range<usize>, line: usize) -> Result<Assignment, DotenvFault> {
    let words = &text[here.clone()];
    let split = words.find('=').ok_or(DotenvFault::NoValue)?;
    let name = words[..split].trim();
    let name = name.strip_prefix("export").and_then(|rest| rest.strip_prefix([' ', '\t'])).unwrap_or(name).trim();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(DotenvFault::Name);
    }
    let rest = &words[split + 1..];
    let start = here.start + split + 1 + (rest.len() - rest.trim_start().len());
    let quote = text[start..here.end].chars().next().filter(|c| matches!(c, '"' | '\''));
    let (value, end, refers) = match quote {
        None => {
            let (value, end) = bare(text, start..here.end);
            let refers = refers(&value);
            (value, end, refers)
        }
        Some(quote) => quoted(text, start, quote)?,
    };
    let last = text[end..].find('\n').map_or(text.len(), |found| end + found);
    let behind = text[end..last].trim();
    if quote.is_some() && !behind.is_empty() && !behind.starts_with('#') {
        return Err(DotenvFault::Behind);
    }
    let lines = here.start..(last + 1).min(text.len());
    Ok(Assignment { name: name.to_owned(), value, line, refers, place: start..end, lines })
}

/// A bare value ends before a comment, which a blank sets apart, and without blanks around it.
fn bare(text: &str, range: Range<usize>) -> (String, usize) {
    let rest = &text[range.clone()];
    if rest.starts_with('#') && text[..range.start].ends_with([' ', '\t']) {
        return (String::new(), range.start);
    }
    let ends = [" #", "\t#"].iter().filter_map(|comment| rest.find(comment)).min();
    let value = rest[..ends.unwrap_or(rest.len())].trim_end();
    (value.to_owned(), range.start + value.len())
}

/// Returns the value, where its closing quote ends, and whether it refers to something.
fn quoted(text: &str, start: usize, quote: char) -> Result<(String, usize, bool), DotenvFault> {
    let (mut value, mut refers_to) = (String::new(), false);
    let mut chars = text[start + 1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((value, start + 1 + at + 1, refers_to)),
            '\\' if quote == '\'' => match chars.clone().next() {
                Some((_, '\'')) => {
                    chars.next();
                    value.push('\'');
                }
                _ => value.push('\\'),
            },
            '\\' => match chars.next().ok_or(DotenvFault::Open)?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            _ => {
                refers_to |= quote == '"' && c == '$' && refers(&text[start + 1 + at..]);
                value.push(c);
            }
        }
    }
    Err(DotenvFault::Open)
}

fn refers(text: &str) -> bool {
    text.match_indices('$')
        .any(|(at, _)| text[at + 1..].chars().next().is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic()))
}

/// Returns a value as it is written behind `NAME=`, so that [`read`] and Compose read the same again.
pub fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    let fits_single = !value.contains(['\'', '\\']) && !value.contains(['\n', '\r']);
    if fits_single {
        return format!("'{value}'");
    }
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' | '$' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out + "\""
}

/// Returns the lines of a whole file.
pub fn write<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    entries.into_iter().map(|(name, value)| format!("{name}={}\n", quote(value))).collect()
}

/// Returns the text with another value for a name; every other byte stays.
///
/// # Errors
/// See [`read`].
pub fn set(text: &str, name: &str, value: &str) -> Result<String, DotenvError> {
    let entries = read(text)?;
    if let Some(entry) = entries.iter().rfind(|entry| entry.name == name) {
        let mut out = text.to_owned();
        out.replace_range(entry.place.clone(), &quote(value));
        return Ok(out);
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let open = !text.is_empty() && !text.ends_with('\n');
    Ok(match open {
        true => format!("{text}{newline}{name}={}", quote(value)),
        false => format!("{text}{name}={}{newline}", quote(value)),
    })
}

/// Returns the text without a name; every other byte stays.
///
/// # Errors
/// See [`read`].
pub fn unset(text: &str, name: &str) -> Result<String, DotenvError> {
    let entries = read(text)?;
    let mut out = text.to_owned();
    for entry in entries.iter().rev().filter(|entry| entry.name == name) {
        out.replace_range(entry.lines.clone(), "");
    }
    // The last line had no newline: the one before it has none then.
    if !text.ends_with('\n') && out.ends_with('\n') && out.len() < text.len() {
        let end = out.trim_end_matches('\n').trim_end_matches('\r').len().max(out.len() - 2);
        out.truncate(if out.ends_with("\r\n") { end } else { out.len() - 1 });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match read(text) {
            Ok(entries) => {
                entries.iter().map(|e| format!("{}={:?}@{}", e.name, e.value, e.line)).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn files_are_read_as_people_write_them() {
        check(
            "# c\n\nexport A=1\nB = two words # c\nC='it #is'\nD=\"a\\nb \\\"c\\\"\"\nE=\n",
            r#"A="1"@3 B="two words"@4 C="it #is"@5 D="a\nb \"c\""@6 E=""@7"#,
        );
        check("\u{feff}A=1\r\nB=\"x\" # c\r\nC=2#no\n", r#"A="1"@1 B="x"@2 C="2#no"@3"#);
        check("K=\"-----BEGIN\nline\n\" # key\nB=1", r#"K="-----BEGIN\nline\n"@1 B="1"@4"#);
        check(r"A='some\tvalue' ", r#"A="some\\tvalue"@1"#);
        check(r"A='Let\'s go!'", r#"A="Let's go!"@1"#);
        check(r#"A="{\"a\": \"b\\c\"}""#, r#"A="{\"a\": \"b\\c\"}"@1"#);
        check("A= # only a comment\nexport=1\nexport\tB=2", r#"A=""@1 export="1"@2 B="2"@3"#);
        check("A=b'c\nB=a=b", r#"A="b'c"@1 B="a=b"@2"#);
        check("  A=1\n\tB=2\t# c\n", r#"A="1"@1 B="2"@2"#);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_text() {
        check("A=1\nhunter2", "line 2 is not NAME=value");
        check("A B=1", "line 1 has something else than letters, digits and `_` before the `=`");
        check("=1", "line 1 has something else than letters, digits and `_` before the `=`");
        check("A=1\nB='open\nC=2", "line 2 opens a quote that is not closed");
        check("A=\"x\\", "line 1 opens a quote that is not closed");
        check("A=\"x\" hunter2", "line 1 has something after the closing quote that is not a comment");
        assert!(!format!("{:?}", read("A=hunter2")).contains("hunter2"));
    }

    #[test]
    fn what_compose_would_fill_in_is_marked() {
        let refers = |text: &str| read(text).unwrap()[0].refers;
        for text in ["A=$B", "A=x${B}", "A=\"$B\""] {
            assert!(refers(text), "{text}");
        }
        for text in ["A='$B'", "A=a$", "A=$5", "A=\"\\$B\""] {
            assert!(!refers(text), "{text}");
        }
    }

    #[test]
    fn one_value_is_changed_and_the_rest_stays() {
        let text = "# head\nexport A = old # why\nB='x\ny'\n";
        assert_eq!(set(text, "A", "new one").unwrap(), "# head\nexport A = 'new one' # why\nB='x\ny'\n");
        assert_eq!(set(text, "B", "1").unwrap(), "# head\nexport A = old # why\nB=1\n");
        assert_eq!(set(text, "C", "1").unwrap(), format!("{text}C=1\n"));
        assert_eq!(set("A=1", "B", "2").unwrap(), "A=1\nB=2");
        assert_eq!(unset("A=1\nB='x\ny'\nC=3\n", "B").unwrap(), "A=1\nC=3\n");
        assert_eq!(unset("A=1\nB=2", "B").unwrap(), "A=1");
        assert_eq!(unset("A=1\nB=2\n", "Z").unwrap(), "A=1\nB=2\n");
        assert_eq!(set("A=1\nA=2\n", "A", "3").unwrap(), "A=1\nA=3\n", "the last one counts");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in prop::collection::vec("[ -~\n\r\tä€$'\"\\\\#]{0,16}", 1..6)) {
            let named: Vec<(String, String)> = values.into_iter().enumerate().map(|(n, v)| (format!("N{n}"), v)).collect();
            let text = write(named.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            let found: Vec<(String, String)> = read(&text).unwrap().into_iter().map(|e| (e.name, e.value)).collect();
            prop_assert_eq!(&found, &named);
            prop_assert!(read(&text).unwrap().iter().all(|entry| !entry.refers), "{}", text);
        }

        #[test]
        fn a_value_set_is_the_only_change(text in "(#[ a-z]{0,5}\n|\n|[A-C]=[a-z \\\\]{0,5}(\n|\r\n)|D='[a-z\n]{0,4}' # c\n){0,6}", value in "[ -~\n]{0,9}") {
            let after = set(&text, "NEW", &value).unwrap();
            let entries = read(&after).unwrap();
            let last = entries.iter().rfind(|e| e.name == "NEW").map(|e| e.value.clone());
            prop_assert_eq!(last, Some(value));
            prop_assert_eq!(unset(&after, "NEW").unwrap(), text);
        }
    }
}
