//! Whose logs are meant: is the first word a stage, or a container of the local one? Pure.

use deploy_core::manifest::LOCAL;

/// Returns the stage and the containers that words name. The first word is a stage if there is one of that
/// name, and otherwise a container of the local stage; with `stage` given, all words are containers.
pub(super) fn choice<'a>(
    words: &'a [String],
    stage: Option<&'a str>,
    is_stage: impl Fn(&str) -> bool,
) -> (&'a str, &'a [String]) {
    match (stage, words) {
        (Some(stage), containers) => (stage, containers),
        (None, [first, containers @ ..]) if is_stage(first) => (first, containers),
        (None, containers) => (LOCAL, containers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], stage: Option<&str>, expected: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (stage, containers) = choice(&words, stage, |word| ["local", "prod"].contains(&word));
        assert_eq!(format!("{stage}: {}", containers.join(" ")), expected);
    }

    #[test]
    fn the_first_word_is_a_stage_if_there_is_such_and_else_a_container_here() {
        check(&[], None, "local: ");
        check(&["prod"], None, "prod: ");
        check(&["prod", "web", "worker"], None, "prod: web worker");
        check(&["web", "prod"], None, "local: web prod");
        check(&["local", "prod"], None, "local: prod");
        check(&["prod"], Some("local"), "local: prod");
    }
}
