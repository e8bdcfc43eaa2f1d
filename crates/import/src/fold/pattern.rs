//! Which values are one word with the stage's name in it?
//!
//! A value is a pattern only if that is seen: two stages at least, and the stage's name a whole word of the value in
//! each of them. What one stage alone says of itself is that stage's, and is said there.

use deploy_core::manifest::pattern::{STAGE, escaped, filled};

/// Most places of a name in one value that are tried one by one.
const PLACES: usize = 5;

/// Returns the text that says all of these values; none if they have no such text, or are of fewer than two stages.
pub(super) fn pattern<'a>(values: &[(&'a str, &'a str)]) -> Option<String> {
    let [(stage, value), rest @ ..] = values else { return None };
    if rest.is_empty() {
        return None;
    }
    if rest.iter().all(|(_, other)| other == value) {
        return Some(escaped(value));
    }
    let text = escaped(value);
    let places = words(&text, stage);
    let says_all = |pattern: &String| values.iter().all(|(stage, value)| filled(pattern, stage) == *value);
    let all = (1_u32 << places.len().min(PLACES)) - 1;
    let mut choices: Vec<u32> = (1..=all).collect();
    choices.sort_by_key(|choice| std::cmp::Reverse(choice.count_ones()));
    let with = |choice: u32| {
        let (mut pattern, mut from) = (String::new(), 0);
        for (index, at) in places.iter().enumerate() {
            if index >= PLACES || choice & (1 << index) != 0 {
                pattern.push_str(&text[from..*at]);
                pattern.push_str(STAGE);
                from = at + stage.len();
            }
        }
        pattern + &text[from..]
    };
    let is_word_everywhere = |pattern: &String| {
        // A name that is a word in one stage only by chance is no pattern.
        values.iter().all(|(stage, value)| !words(value, stage).is_empty()) && says_all(pattern)
    };
    choices.into_iter().map(with).find(is_word_everywhere)
}

/// Returns whether a value has the name of one of these stages as a word.
pub(super) fn names_one<'a>(value: &str, stages: impl IntoIterator<Item = &'a str>) -> bool {
    stages.into_iter().any(|stage| !words(value, stage).is_empty())
}

/// Returns the places where a name is a whole word of a text.
fn words(text: &str, name: &str) -> Vec<usize> {
    let is_word = |at: &usize| {
        let before = text[..*at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    };
    if name.is_empty() { Vec::new() } else { text.match_indices(name).map(|(at, _)| at).filter(is_word).collect() }
}

#[cfg(test)]
mod tests {
    use super::{names_one, pattern};

    #[test]
    fn a_stages_name_is_a_word_in_every_stage() {
        for (values, expected) in [
            (&[("staging", "shop-staging-web"), ("prod", "shop-prod-web")][..], Some("shop-{stage}-web")),
            (&[("staging", "staging"), ("prod", "prod")], Some("{stage}")),
            (&[("dev", "/dev/shop/dev"), ("prod", "/dev/shop/prod")], Some("/dev/shop/{stage}")),
            (&[("staging", "a"), ("prod", "a")], Some("a")),
            (&[("staging", "{stage}"), ("prod", "{stage}")], Some("{{stage}}")),
            (&[("staging", "reproduce"), ("prod", "reproduce-prod")], None),
            (&[("prod", "production"), ("staging", "staging")], None),
            (&[("prod", "shop.example"), ("staging", "staging.shop.example")], None),
            (&[("prod", "shop-prod")], None),
            (&[("a", "a {stage}"), ("b", "b {stage}")], Some("{stage} {{stage}}")),
        ] {
            assert_eq!(pattern(values).as_deref(), expected, "{values:?}");
        }
    }

    #[test]
    fn a_value_names_a_stage_by_a_whole_word() {
        for (value, is) in [("db.prod-eu.example", true), ("production", false), ("prod", true), ("PROD", false)] {
            assert_eq!(names_one(value, ["staging", "prod"]), is, "{value}");
        }
    }
}
