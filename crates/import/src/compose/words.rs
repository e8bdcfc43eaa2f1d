//! Which words does a line of a shell have, when no shell reads it?

/// Splits a line as Compose does: blanks part words, single quotes keep everything, double quotes all but `\`.
/// None: a quote is not closed.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut chars) = (Vec::new(), None::<String>, line.chars());
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            '\n' => {}
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => match chars.next()? {
                '\n' => {}
                c => word.get_or_insert_default().push(c),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn splits_as_a_shell_does() {
        for (line, words) in [
            ("bundle exec thin -p 3000", &["bundle", "exec", "thin", "-p", "3000"][..]),
            ("/bin/sh -c 'echo \"hello $HOSTNAME\"'", &["/bin/sh", "-c", "echo \"hello $HOSTNAME\""]),
            ("a \"b \\\"c\\\" \\n\" d\\ e ''", &["a", "b \"c\" \\n", "d e", ""]),
            ("  x\n  --y \\\n --z\n", &["x", "--y", "--z"]),
            ("", &[]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert_eq!(split("a 'b"), None);
    }
}
