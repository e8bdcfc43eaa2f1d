//! Splits the string of ExecuteCommand into words as amazon-ssm-agent does, by google/shlex. Pure.
//!
//! Not a shell: nothing is expanded, and in two things even quoting is not POSIX's. A backslash
//! within double quotes takes the meaning of *any* character after it, itself included, and is
//! gone; and one before a line's end is no continuation but a newline in the word.

/// Why a command cannot be split; in the library's words, which reach the user.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SplitError {
    /// A quote is open at the end.
    #[error("EOF found when expecting closing quote")]
    OpenQuote,
    /// A backslash is the last character.
    #[error("EOF found after escape character")]
    OpenEscape,
}

/// Where the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Between words.
    Gap,
    Word,
    /// Behind a backslash.
    Escape,
    /// Within `"`.
    Double,
    /// Behind a backslash within `"`.
    DoubleEscape,
    /// Within `'`.
    Single,
    /// Behind a `#` that began where a word could.
    Comment,
}

/// Returns the words of a command.
pub(super) fn split(command: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut at = At::Gap;
    for c in command.chars() {
        at = match (at, c) {
            (At::Gap, '#') => At::Comment,
            (At::Comment, '\n') => At::Gap,
            (At::Comment, _) => At::Comment,
            (At::Gap, ' ' | '\t' | '\r' | '\n') => At::Gap,
            (At::Word, ' ' | '\t' | '\r' | '\n') => {
                words.push(std::mem::take(&mut word));
                At::Gap
            }
            (At::Gap | At::Word, '"') => At::Double,
            (At::Gap | At::Word, '\'') => At::Single,
            (At::Gap | At::Word, '\\') => At::Escape,
            (At::Double, '"') | (At::Single, '\'') => At::Word,
            (At::Double, '\\') => At::DoubleEscape,
            (At::Gap | At::Word | At::Escape, c) => {
                word.push(c);
                At::Word
            }
            (At::Double | At::DoubleEscape, c) => {
                word.push(c);
                At::Double
            }
            (At::Single, c) => {
                word.push(c);
                At::Single
            }
        };
    }
    match at {
        At::Gap | At::Comment => Ok(words),
        At::Word => {
            words.push(word);
            Ok(words)
        }
        At::Escape | At::DoubleEscape => Err(SplitError::OpenEscape),
        At::Double | At::Single => Err(SplitError::OpenQuote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: &[&str]) {
        assert_eq!(
            split(command).as_deref(),
            Ok(&expected.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..]),
            "{command:?}"
        );
    }

    #[test]
    fn splits_at_spaces_that_are_not_quoted() {
        check("", &[]);
        check("  /bin/bash \t\r\n", &["/bin/bash"]);
        check("python3 -m app.admin list", &["python3", "-m", "app.admin", "list"]);
        check("sh -c 'echo \"$HOME\" | wc -c'", &["sh", "-c", "echo \"$HOME\" | wc -c"]);
        check("a \"b c\"'d e'f", &["a", "b cd ef"]);
        check("A=1 rake task[3,42] && é", &["A=1", "rake", "task[3,42]", "&&", "é"]);
    }

    #[test]
    fn quotes_make_empty_words() {
        check("a '' \"\" b", &["a", "", "", "b"]);
        check("''", &[""]);
        check("a''", &["a"]);
    }

    #[test]
    fn a_backslash_takes_the_meaning_of_the_next_character() {
        check(r"a\ b \' \\ \#c", &["a b", "'", r"\", "#c"]);
        check(r#""a \"b\" \\ \$ \n""#, &[r#"a "b" \ $ n"#]);
        check(r"'a\'b", &[r"a\b"]);
        check("a\\\nb", &["a\nb"]);
    }

    #[test]
    fn a_comment_begins_where_a_word_could() {
        check("a # b 'c\nd", &["a", "d"]);
        check("a#b c", &["a#b", "c"]);
        check("#!sh", &[]);
        check("'#a'", &["#a"]);
    }

    #[test]
    fn refuses_what_is_not_closed() {
        for command in ["'a", "a \"b", "\"a\\\"", "a'\\"] {
            assert_eq!(split(command), Err(SplitError::OpenQuote), "{command:?}");
        }
        for command in ["a\\", "\"a\\"] {
            assert_eq!(split(command), Err(SplitError::OpenEscape), "{command:?}");
        }
    }

    /// The library's own example (its test of `Split`).
    #[test]
    fn splits_the_librarys_example() {
        let command = "one two \"three four\" \"five \\\"six\\\"\" seven#eight # nine # ten\n eleven 'twelve\\'";
        check(command, &["one", "two", "three four", "five \"six\"", "seven#eight", "eleven", "twelve\\"]);
    }
}
