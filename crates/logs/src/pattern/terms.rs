//! Patterns for text: `ERROR`, `"two words"`, `-DEBUG`, `?one ?other`, `%5[0-9]{2}%`.
//!
//! Case matters; all plain terms must occur; none with `-` may; of those with `?` one must, and they count only when there
//! are no others; a term of other than letters, digits and `_` is quoted.

use regex::Regex;

use super::expr::Reader;

#[derive(Debug, Default)]
pub(crate) struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    any: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Terms {
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut reader = Reader::new(pattern);
        while !reader.rest.is_empty() {
            let list = match reader.rest.as_bytes()[0] {
                b'-' => &mut parsed.none,
                b'?' => &mut parsed.any,
                _ => &mut parsed.all,
            };
            reader.rest = reader.rest.strip_prefix(['-', '?']).unwrap_or(reader.rest);
            list.push(term(&mut reader)?);
        }
        Ok(parsed)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &Term| match term {
            Term::Text(text) => message.contains(text),
            Term::Regex(regex) => regex.is_match(message),
        };
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.is_empty() || self.any.iter().any(has);
        }
        self.all.iter().all(has) && !self.none.iter().any(has)
    }
}

/// Takes one term off the front.
fn term(reader: &mut Reader<'_>) -> Result<Term, String> {
    match reader.rest.bytes().next() {
        Some(b'"') => reader.quoted().map(Term::Text),
        Some(b'%') => reader.regex().map(Term::Regex),
        _ => {
            let end = reader.rest.find(char::is_whitespace).unwrap_or(reader.rest.len());
            let (term, rest) = reader.rest.split_at(end);
            if term.is_empty() || !term.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(format!("Invalid character(s) in term '{term}'"));
            }
            reader.rest = rest.trim_start();
            Ok(Term::Text(term.to_owned()))
        }
    }
}
