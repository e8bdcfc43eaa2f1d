//! Which tag does an image get? A template with `{commit}` and its like.

use super::Git;

const PLACEHOLDERS: [&str; 6] = ["commit", "git-tag", "branch", "pr", "stage", "app"];

/// Why a tag cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The template asks for something that git did not tell.
    #[error("`{template}` needs `{{{placeholder}}}`, which is not known here")]
    Unknown {
        /// The template.
        template: String,
        /// The placeholder, without braces.
        placeholder: String,
    },
    /// The result would not be a tag.
    #[error("`{tag}` is not an image tag")]
    NotATag {
        /// What came out.
        tag: String,
    },
}

/// Returns the tag that a template makes. A commit is shortened to 12 characters; what a tag cannot hold becomes `-`.
///
/// # Errors
/// A placeholder has no value, or nothing usable comes out.
pub fn render(template: &str, app: &str, stage: &str, git: &Git) -> Result<String, TagError> {
    let mut tag = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after.split_once('}').unwrap_or((after, ""));
        let value = match placeholder {
            "commit" => git.commit.as_deref().map(|id| id.get(..12).unwrap_or(id)),
            "git-tag" => git.tag.as_deref(),
            "branch" => git.branch.as_deref(),
            "pr" => git.pr.as_deref(),
            "stage" => Some(stage),
            "app" => Some(app),
            _ => None,
        };
        let unknown = || TagError::Unknown { template: template.to_owned(), placeholder: placeholder.to_owned() };
        tag.push_str(before);
        tag.extend(value.ok_or_else(unknown)?.chars().map(|c| if in_tag(c) { c } else { '-' }));
        rest = after;
    }
    tag.push_str(rest);
    if is_tag(&tag) { Ok(tag) } else { Err(TagError::NotATag { tag }) }
}

/// Returns whether a template's tags name a commit: then the tag says what is in an image.
pub fn names_a_commit(template: &str) -> bool {
    template.contains("{commit}") || template.contains("{git-tag}")
}

/// Returns whether a template makes the same tag of a commit wherever it is checked out: on a branch, and by a git tag.
pub fn is_of_commit(template: &str) -> bool {
    template.contains("{commit}") && ["{git-tag}", "{branch}", "{pr}"].iter().all(|other| !template.contains(other))
}

/// Checks that a template has known placeholders and that its own text fits in a tag.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn check_template(template: &str) -> Result<(), String> {
    let mut rest = template;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, after)) = after.split_once('}') else {
            return Err("`{` without `}`".to_owned());
        };
        if !PLACEHOLDERS.contains(&placeholder) {
            let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
            return Err(format!("`{{{placeholder}}}` is none of {known}"));
        }
        plain.push_str(before);
        plain.push('x');
        rest = after;
    }
    plain.push_str(rest);
    if is_tag(&plain) { Ok(()) } else { Err("a tag is letters, digits, `_`, `.` and `-`, 128 at most".to_owned()) }
}

fn in_tag(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// The distribution specification's rule.
fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(in_tag) && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::{Git, check_template, render};

    fn git() -> Git {
        Git {
            commit: Some("0123456789abcdef".to_owned()),
            tag: Some("v1.2".to_owned()),
            branch: Some("feature/x".to_owned()),
            pr: None,
            dirty: false,
        }
    }

    #[test]
    fn replaces_what_git_tells() {
        for (template, tag) in [
            ("staging-{commit}", "staging-0123456789ab"),
            ("prod-{git-tag}", "prod-v1.2"),
            ("{stage}-{branch}", "staging-feature-x"),
            ("{app}", "managr"),
            ("fixed", "fixed"),
        ] {
            assert_eq!(render(template, "managr", "staging", &git()).as_deref(), Ok(tag), "{template}");
        }
    }

    #[test]
    fn says_what_git_did_not_tell() {
        let error = render("pr-{pr}", "managr", "staging", &git()).unwrap_err();
        assert_eq!(error.to_string(), "`pr-{pr}` needs `{pr}`, which is not known here");
    }

    #[test]
    fn refuses_templates_that_cannot_work() {
        assert_eq!(check_template("staging-{commit}"), Ok(()));
        for template in ["{comit}", "{commit", "a b", "", "-x", "a/{commit}"] {
            assert!(check_template(template).is_err(), "{template}");
        }
    }
}
