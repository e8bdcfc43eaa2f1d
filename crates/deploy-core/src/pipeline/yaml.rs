//! How is a text written in YAML? Plainly where that is safe.

/// Returns a text as a YAML scalar in one line.
pub(super) fn scalar(text: &str) -> String {
    let first = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '$' | '_' | '(' | '<');
    let is_word =
        text.parse::<f64>().is_ok() || ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text);
    let is_plain = text.starts_with(first)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.ends_with(' ')
        && !text.contains('\n')
        && !is_word;
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Returns texts as the items of a list in one line.
pub(super) fn flow(texts: &[String]) -> String {
    let is_plain = |text: &str| !text.contains([',', '[', ']', '{', '}']);
    let one = |text: &String| match scalar(text) {
        plain if plain == *text && !is_plain(text) => format!("'{text}'"),
        written => written,
    };
    texts.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns lines, each with an indent.
pub(super) fn indented(indent: usize, text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{}{line}\n", " ".repeat(indent)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn only_what_yaml_would_misread_is_quoted() {
        for (text, expected) in [
            ("managr push staging", "managr push staging"),
            ("export A=\"$B\"", "export A=\"$B\""),
            ("echo a: b", "'echo a: b'"),
            ("echo 'it' # x", "'echo ''it'' # x'"),
            (": \"${A:?}\"", "': \"${A:?}\"'"),
            ("v*", "v*"),
            ("*", "'*'"),
            ("true", "'true'"),
            ("{ a; }", "'{ a; }'"),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }
}
