//! Which names are probably one that was written in two ways? Names in, pairs out: of one list, as in a manifest, or of
//! two that should be the same, as the places of a template and the values that fill it, or the secrets that are
//! declared and the keys that there are. Needs no stage and makes no calls.

mod slip;
mod vocabulary;

use std::collections::BTreeSet;

use super::words::words;

pub(in crate::vars) use slip::{are_slips, is_final_plural};
pub(in crate::vars) use vocabulary::is_word;

/// How two names are near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// They differ only in case or separators: `feed_key`, `feedkey`.
    Alike,
    /// They differ by what looks like a slip: `newApiKey`, `newsApiKey`.
    Slip,
    /// One has letters that the other leaves out: `SMTP_USER`, `SMTP_USR`. Only told of names that lack a partner.
    Short,
}

impl How {
    /// Returns it in words that follow two names.
    pub fn words(self) -> &'static str {
        match self {
            Self::Alike => "differ only in case or separators",
            Self::Slip => "differ by what looks like a slip",
            Self::Short => "differ by letters that one leaves out",
        }
    }
}

/// Two names that are probably one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near<'a> {
    /// How near they are: the nearest come first.
    pub how: How,
    /// The name that is wanted, and that nothing gives.
    pub wanted: &'a str,
    /// The name that is given, and that is not wanted.
    pub given: &'a str,
}

/// Returns how near two different names of one list are; none if they are two.
pub fn how_near(a: &str, b: &str) -> Option<How> {
    let (first, second) = (words(a), words(b));
    if a == b {
        return None;
    }
    if first.concat() == second.concat() {
        return Some(How::Alike);
    }
    are_slips(&first, &second).then_some(How::Slip)
}

/// Returns pairs of a name that is wanted and not given, and one that is given and not wanted. Each name is in one
/// pair at most. That both lack a partner is evidence by itself, and so more is taken for a slip than in one list.
pub fn unmatched<'a>(
    wanted: impl IntoIterator<Item = &'a str>,
    given: impl IntoIterator<Item = &'a str>,
) -> Vec<Near<'a>> {
    let wanted: BTreeSet<&str> = wanted.into_iter().collect();
    let given: BTreeSet<&str> = given.into_iter().collect();
    let lacking = wanted.difference(&given);
    let pairs = lacking.flat_map(|wanted_name| {
        given.difference(&wanted).filter_map(|given_name| {
            let short = || are_shortened(&words(wanted_name), &words(given_name)).then_some(How::Short);
            let how = how_near(wanted_name, given_name).or_else(short)?;
            Some(Near { how, wanted: wanted_name, given: given_name })
        })
    });
    let mut pairs: Vec<Near<'a>> = pairs.collect();
    pairs.sort();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    pairs.retain(|pair| {
        let is_free = !taken.contains(pair.wanted) && !taken.contains(pair.given);
        if is_free {
            taken.extend([pair.wanted, pair.given]);
        }
        is_free
    });
    pairs
}

/// One word of several is the other with one or two letters left out behind its first, or has one letter wrong; and
/// not both are words that there are.
fn are_shortened(first: &[String], second: &[String]) -> bool {
    let mut differing = first.iter().zip(second).filter(|(one, other)| one != other);
    let (Some((one, other)), None) = (differing.next(), differing.next()) else { return false };
    let is_word_like = |word: &str| word.len() >= 3 && word.bytes().all(|b| b.is_ascii_alphabetic());
    let apart = one.len().abs_diff(other.len());
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    first.len() == second.len()
        && is_word_like(one)
        && is_word_like(other)
        && one.as_bytes()[0] == other.as_bytes()[0]
        && !(is_word(one) && is_word(other))
        && ((1..=2).contains(&apart) && is_within(short, long) || strsim::osa_distance(one, other) == 1)
}

/// Whether the letters of one word are in the other in the same order.
fn is_within(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    short.chars().all(|letter| rest.any(|other| other == letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &[&str], given: &[&str], expected: &[&str]) {
        let pairs = unmatched(wanted.iter().copied(), given.iter().copied());
        let told: Vec<String> =
            pairs.iter().map(|pair| format!("{} {} {:?}", pair.wanted, pair.given, pair.how)).collect();
        assert_eq!(told, expected, "{wanted:?} {given:?}");
    }

    #[test]
    fn a_place_and_a_value_that_lack_each_other_are_paired() {
        check(&["feed_key"], &["feedkey"], &["feed_key feedkey Alike"]);
        check(&["SMTP_USER", "SMTP_HOST"], &["SMTP_USR", "SMTP_HOST"], &["SMTP_USER SMTP_USR Short"]);
        check(&["newsApiKey"], &["newApiKey"], &["newsApiKey newApiKey Slip"]);
        check(&["SMTP_USER"], &["smtpUser"], &["SMTP_USER smtpUser Alike"]);
        check(&["DB_PASSWD"], &["DB_PASSWORD"], &["DB_PASSWD DB_PASSWORD Short"]);
        // The nearest first, and each only once.
        check(&["feed_key"], &["feed_kee", "feedKey"], &["feed_key feedKey Alike"]);
    }

    #[test]
    fn two_names_are_two() {
        check(&["DB_HOST"], &["DB_PORT"], &[]);
        check(&["STAGE_TOKEN"], &["STATE_TOKEN"], &[]);
        check(&["WORKER_1"], &["WORKER_2"], &[]);
        check(&["SMTP_USER", "SMTP_USR"], &["SMTP_USER", "SMTP_USR"], &[]);
        check(&["SMTP_USER"], &["SMTP_USER", "SMTP_USR"], &[]);
        check(&["A"], &["B"], &[]);
    }

    proptest::proptest! {
        /// What is in both lists is in no pair, and no name is in two.
        #[test]
        fn every_pair_is_of_names_that_lack_a_partner(
            wanted in proptest::collection::btree_set("[a-z]{1,4}(_[a-z]{1,4})?", 0..6),
            given in proptest::collection::btree_set("[a-z]{1,4}(_[a-z]{1,4})?", 0..6),
        ) {
            let pairs = unmatched(wanted.iter().map(String::as_str), given.iter().map(String::as_str));
            let mut seen = BTreeSet::new();
            for pair in pairs {
                proptest::prop_assert!(wanted.contains(pair.wanted) && !given.contains(pair.wanted));
                proptest::prop_assert!(given.contains(pair.given) && !wanted.contains(pair.given));
                proptest::prop_assert!(seen.insert(pair.wanted) && seen.insert(pair.given));
            }
        }
    }
}
