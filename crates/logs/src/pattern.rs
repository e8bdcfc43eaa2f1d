//! Filter patterns for text: `ERROR`, `"two words"`, `-DEBUG`, `?one ?other`.
//!
//! Read in the CloudWatch Logs user guide, "Filter pattern syntax": case matters; all plain terms
//! must occur; none with `-` may; of those with `?` one must, and they count only when there are
//! no others; a term of other than letters, digits and `_` is quoted.

use crate::error::LogsError;

/// A pattern that was understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    all: Vec<String>,
    none: Vec<String>,
    any: Vec<String>,
}

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Result<Self, LogsError> {
        let pattern = pattern.trim();
        if pattern.starts_with(['{', '[', '%']) {
            return Err(LogsError::invalid(
                "Invalid filter pattern: JSON, space-delimited and regular-expression patterns are not supported by \
                 managr's platform yet; use terms (ERROR, \"two words\", -DEBUG, ?either ?or).",
            ));
        }
        let mut parsed = Self::default();
        let mut rest = pattern;
        while !rest.is_empty() {
            let (list, after) = match rest.as_bytes()[0] {
                b'-' => (&mut parsed.none, &rest[1..]),
                b'?' => (&mut parsed.any, &rest[1..]),
                _ => (&mut parsed.all, rest),
            };
            let (term, after) = term(after)?;
            list.push(term);
            rest = after.trim_start();
        }
        Ok(parsed)
    }

    pub(crate) fn matches(&self, message: &str) -> bool {
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.is_empty() || self.any.iter().any(|term| message.contains(term));
        }
        self.all.iter().all(|term| message.contains(term)) && !self.none.iter().any(|term| message.contains(term))
    }
}

/// Takes one term off the front.
fn term(text: &str) -> Result<(String, &str), LogsError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (term, rest) = text.split_at(end);
        if term.is_empty() || !term.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(LogsError::invalid(format!("Invalid filter pattern: Invalid character(s) in term '{term}'")));
        }
        return Ok((term.to_owned(), rest));
    };
    let mut term = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((term, &quoted[at + 1..])),
            '\\' => term.extend(chars.next().map(|(_, escaped)| escaped)),
            c => term.push(c),
        }
    }
    Err(LogsError::invalid("Invalid filter pattern: a quotation mark is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let parsed = Pattern::parse(pattern).unwrap();
        for message in matching {
            assert!(parsed.matches(message), "`{pattern}` must match `{message}`");
        }
        for message in others {
            assert!(!parsed.matches(message), "`{pattern}` must not match `{message}`");
        }
    }

    #[test]
    fn terms_match_as_the_user_guide_says() {
        check("", &["anything", ""], &[]);
        check("ERROR", &["[ERROR 400] BAD REQUEST"], &["error", "WARN"]);
        check("ERROR REQUEST", &["REQUEST after ERROR"], &["ERROR only"]);
        check("\"ERROR 400\"", &["[ERROR 400]"], &["ERROR and 400"]);
        check("ERROR -EXITING", &["ERROR 1"], &["ERROR EXITING", "fine"]);
        check("-\"two words\"", &["two other words"], &["my two words"]);
        check("?ERROR ?WARN", &["an ERROR", "a WARN"], &["INFO"]);
        check("?ERROR REQUEST", &["a REQUEST"], &["an ERROR"]);
        check(r#""say \"hi\"""#, &[r#"they say "hi""#], &["they say hi"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for pattern in ["{ $.a = 1 }", "[a, b]", "%x%", "a:b", "\"open", "-", "? x", "--x"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
