//! Why is a text no image reference, or no tag? People pass them through shells and templates, where a variable that is
//! not set leaves a hole, and a placeholder that is not filled in stays as it was written.

use super::image::ImageRef;

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misspelt {
    /// Nothing at all.
    #[error("it is empty: was a variable not set?")]
    Empty,
    /// A place that a shell or a template should have filled in.
    #[error("`{0}` was not filled in")]
    Unfilled(String),
    /// No repository.
    #[error("`{0}` has no repository: was a variable not set?")]
    NoRepository(String),
    /// A colon, and no tag behind it; or an `@`, and no digest.
    #[error("`{0}` has no {1} behind its `{2}`: was a variable not set?")]
    NoVersion(String, &'static str, char),
    /// A part of the path is missing.
    #[error("`{0}` has an empty part between two slashes: was a variable not set?")]
    Gap(String),
    /// Letters that registries do not have.
    #[error("`{0}` is not an image reference: [host/]repository[:tag][@sha256:digest], in small letters")]
    Other(String),
    /// Letters that tags do not have.
    #[error("`{0}` is not a tag: letters, digits, `_`, `.` and `-`, at most 128, and neither `.` nor `-` at the start")]
    Tag(String),
}

/// Returns why a text is not an image reference; none if it is one.
pub fn reference(text: &str) -> Option<Misspelt> {
    if text.trim().is_empty() {
        return Some(Misspelt::Empty);
    }
    if let Some(hole) = hole(text) {
        return Some(Misspelt::Unfilled(hole.to_owned()));
    }
    let whole = || text.to_owned();
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    if digest.is_some_and(str::is_empty) {
        return Some(Misspelt::NoVersion(whole(), "digest", '@'));
    }
    // A colon before the last slash belongs to the host's port.
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    if path.is_empty() || path.ends_with('/') {
        return Some(Misspelt::NoRepository(whole()));
    }
    if path.split('/').any(str::is_empty) {
        return Some(Misspelt::Gap(whole()));
    }
    if tag.is_some_and(str::is_empty) {
        return Some(Misspelt::NoVersion(whole(), "tag", ':'));
    }
    let is_read = ImageRef::parse(text).is_some() && tag.is_none_or(|text| self::tag(text).is_none());
    (!is_read).then(|| Misspelt::Other(whole()))
}

/// Returns why a text is no tag; none if it is one.
pub fn tag(text: &str) -> Option<Misspelt> {
    if text.trim().is_empty() {
        return Some(Misspelt::Empty);
    }
    if let Some(hole) = hole(text) {
        return Some(Misspelt::Unfilled(hole.to_owned()));
    }
    // OCI distribution specification, "Pulling manifests": [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}.
    let is_first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let good = text.starts_with(is_first) && text.len() <= 128 && text.chars().all(|c| is_first(c) || ".-".contains(c));
    (!good).then(|| Misspelt::Tag(text.to_owned()))
}

/// Returns a placeholder that was not filled in: `${NAME}`, `$NAME`, `{{ name }}`, `<name>`, `%NAME%`. No reference has
/// one of these signs.
pub fn hole(text: &str) -> Option<&str> {
    let pairs = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("{%", "%}"), ("<", ">"), ("%", "%")];
    let of = |(open, close): (&str, &str)| {
        let from = text.find(open)?;
        let inner = from + open.len();
        let length = text[inner..].find(close)?;
        Some(&text[from..inner + length + close.len()])
    };
    pairs.into_iter().find_map(of).or_else(|| {
        let from = text.find('$')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = text[from + 1..].find(|c| !is_name(c)).unwrap_or(text.len() - from - 1);
        (length > 0).then(|| &text[from..=from + length])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = reference(text).map_or("good".to_owned(), |fault| fault.to_string());
        assert!(found.starts_with(expected) && (expected != "good" || found == "good"), "{text}: {found}");
    }

    #[test]
    fn a_variable_that_was_not_set_leaves_no_image() {
        check("", "it is empty");
        check(" ", "it is empty");
        check(":42", "`:42` has no repository");
        check("registry.example.com/:42", "`registry.example.com/:42` has no repository");
        check("app:", "`app:` has no tag");
        check("app@", "`app@` has no digest");
        check("registry.example.com//app:1", "`registry.example.com//app:1` has an empty part");
        check("/app:42", "`/app:42` has an empty part");
        check("app:.", "`app:.` is not an image reference");
        check("App:1", "`App:1` is not an image reference");
    }

    #[test]
    fn what_nobody_filled_in_is_told_by_its_name() {
        check("${IMAGE_NAME}", "`${IMAGE_NAME}` was not filled in");
        check("registry.example.com/app:$TAG", "`$TAG` was not filled in");
        check("registry.example.com/app:{{ tag }}", "`{{ tag }}` was not filled in");
        check("<IMAGE1_NAME>", "`<IMAGE1_NAME>` was not filled in");
        check("app:%TAG%", "`%TAG%` was not filled in");
    }

    #[test]
    fn references_are_left_alone() {
        let digest = format!("app:1.2@sha256:{}", "0123456789abcdef".repeat(4));
        for good in ["app", "app:42", "127.0.0.1:4566/a/b", "public.ecr.aws/nginx/nginx:1.27-alpine", &digest] {
            check(good, "good");
        }
    }

    #[test]
    fn tags_are_those_of_registries() {
        let told = |text: &str| tag(text).map(|fault| fault.to_string().chars().take(12).collect::<String>());
        assert_eq!(told("v1.2-rc_3"), None);
        assert_eq!(told(""), Some("it is empty:".to_owned()));
        assert_eq!(told("$TAG"), Some("`$TAG` was n".to_owned()));
        assert_eq!(told("-x"), Some("`-x` is not ".to_owned()));
        assert_eq!(told("a/b"), Some("`a/b` is not".to_owned()));
    }
}
