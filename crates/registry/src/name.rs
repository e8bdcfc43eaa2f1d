//! Which texts are repository names, as ECR has it (botocore: `RepositoryName`).

/// Returns whether a text is a repository name: 2 to 256 characters of `[a-z0-9]` runs, joined
/// by `.`, `_`, `__` or dashes, in parts joined by `/`.
pub fn is_repository_name(name: &str) -> bool {
    (2..=256).contains(&name.len()) && name.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let joints = bytes.split(is_word).filter(|joint| !joint.is_empty());
    is_word(first)
        && is_word(last)
        && joints.into_iter().all(|joint| matches!(joint, b"." | b"_" | b"__") || joint.iter().all(|b| *b == b'-'))
}

/// Returns whether a text is a tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && is_word(tag.as_bytes()[0])
        && tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_ecr_takes() {
        for good in ["ab", "thinknimble/managr/server", "a.b", "a__b", "a--b", "a1/b2"] {
            assert!(is_repository_name(good), "{good}");
        }
        for bad in ["", "a", "A/b", "a//b", "/ab", "ab/", "a..b", "a.-b", "-ab", "ab-", "a/../b", &"a".repeat(257)] {
            assert!(!is_repository_name(bad), "{bad}");
        }
    }

    #[test]
    fn tags_are_those_of_the_distribution_specification() {
        assert!(is_tag("staging-0a1b2c3") && is_tag("_x") && is_tag("1.0"));
        assert!(!is_tag("") && !is_tag("-x") && !is_tag("a/b") && !is_tag(&"a".repeat(129)) && !is_tag("a:b"));
    }
}
