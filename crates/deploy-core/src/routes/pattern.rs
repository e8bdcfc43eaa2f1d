//! What can be said of two of ELB's patterns (`*` any run, `?` any one) without a text at hand?
//!
//! Both answers err to the careful side: what cannot be told quickly is not covered, and may meet.

/// Returns whether every text that `narrow` matches is matched by `wide`; a "no" may be wrong.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    // Row by row: `row[j]` tells whether what is left of `wide` covers `narrow[j..]`.
    let mut row: Vec<bool> = (0..=narrow.len()).map(|at| at == narrow.len()).collect();
    for wanted in wide.iter().rev() {
        let mut next = vec![false; narrow.len() + 1];
        for at in (0..=narrow.len()).rev() {
            let given = narrow.get(at);
            next[at] = match wanted {
                '*' => row[at] || (given.is_some() && next[at + 1]),
                // A star of the narrow pattern may stand for nothing: only a star covers it.
                '?' => given.is_some_and(|given| *given != '*') && row[at + 1],
                other => given == Some(other) && row[at + 1],
            };
        }
        row = next;
    }
    row[0]
}

/// Returns whether some text may match both.
pub(super) fn meet(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<bool> = vec![false; b.len() + 1];
    for i in (0..=a.len()).rev() {
        let mut next = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            next[j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some('*'), _) if row[j] => true,
                (_, Some('*')) if next[j + 1] => true,
                (Some('*'), Some(_)) => next[j + 1],
                (Some(_), Some('*')) => row[j],
                (Some(x), Some(y)) => (x == y || *x == '?' || *y == '?') && row[j + 1],
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        row = next;
    }
    row[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_core::routing::glob;
    use proptest::prelude::*;

    #[test]
    fn what_covers_and_what_meets() {
        for (wide, narrow, both) in [
            ("*", "/a/*", true),
            ("/*", "/a/*", true),
            ("/a/*", "/a/b", true),
            ("/a/*", "/*", false),
            ("*.example.com", "shop.example.com", true),
            ("a?c", "abc", true),
            ("a?c", "a*c", false),
            ("", "", true),
        ] {
            assert_eq!(covers(wide, narrow), both, "{wide} covers {narrow}");
        }
        for (a, b, both) in [
            ("/a/*", "/b/*", false),
            ("/a*", "*b", true),
            ("*.a.com", "x.*", true),
            ("x", "y", false),
            ("?", "", false),
            ("*", "", true),
            ("a*b*c", "a?", false),
        ] {
            assert_eq!((meet(a, b), meet(b, a)), (both, both), "{a} meets {b}");
        }
    }

    proptest! {
        #[test]
        fn no_text_proves_the_answers_wrong(a in "[ab?*]{0,5}", b in "[ab?*]{0,5}", text in "[ab]{0,5}") {
            let (is_a, is_b) = (glob(&a, &text), glob(&b, &text));
            prop_assert!(!(covers(&a, &b) && is_b && !is_a), "{a} covers {b}, but not {text}");
            prop_assert!(meet(&a, &b) || !(is_a && is_b), "{a} and {b} meet in {text}");
        }
    }
}
