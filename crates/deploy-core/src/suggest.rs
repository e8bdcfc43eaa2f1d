//! Which known word was probably meant by an unknown one?

/// Returns the known word nearest to `word`, or nothing when none is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["depends-on", "image", "health-check", "cpu", "memory"];
        for (word, meant) in [
            ("depends_on", Some("depends-on")),
            ("imgae", Some("image")),
            ("healthcheck", Some("health-check")),
            ("CPU", Some("cpu")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
