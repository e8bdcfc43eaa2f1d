//! How is a list of arguments written as one string, so that the agent makes the same list of it?
//!
//! The agent splits with google/shlex: blanks part words, single quotes keep everything as it is, a backslash outside of
//! quotes keeps the next character, `#` at a word's start begins a comment. A POSIX shell reads the result alike.

/// Returns arguments as one string.
pub fn quoted<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = arguments.into_iter().map(word).collect();
    words.join(" ")
}

fn word(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What google/shlex makes of a string (`shlex.go`, `scanStream`).
    fn split(text: &str) -> Vec<String> {
        let (mut words, mut word, mut chars) = (Vec::new(), None::<String>, text.chars());
        while let Some(c) = chars.next() {
            match c {
                ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
                '#' if word.is_none() => while !matches!(chars.next(), Some('\n') | None) {},
                '\\' => word.get_or_insert_default().extend(chars.next()),
                '\'' => {
                    let word = word.get_or_insert_default();
                    word.extend(chars.by_ref().take_while(|c| *c != '\''));
                }
                '"' => {
                    let word = word.get_or_insert_default();
                    while let Some(c) = chars.next() {
                        match c {
                            '"' => break,
                            '\\' => word.extend(chars.next()),
                            c => word.push(c),
                        }
                    }
                }
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(quoted(["sh", "-c", "exit 42", "", "it's", "#1"]), r"sh -c 'exit 42' '' 'it'\''s' '#1'");
    }

    proptest! {
        #[test]
        fn the_agent_reads_the_same_arguments(arguments in proptest::collection::vec("[ -~\t\n\u{e9}]{0,12}", 0..6)) {
            let text = quoted(arguments.iter().map(String::as_str));
            prop_assert_eq!(split(&text), arguments);
        }
    }
}
