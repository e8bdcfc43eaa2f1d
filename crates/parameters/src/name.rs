//! Names, hierarchies, ARNs and selectors of parameters.

use crate::error::ParameterError;

/// AWS: 1,011 characters, the rest of the modelled 2,048 are its own.
const LENGTH: usize = 1011;
const LEVELS: usize = 15;

/// Returns the name to create, without the blanks around it, if it is allowed. A name of one level has no slash:
/// `/x` is `x` (hashicorp/terraform-provider-aws#49116: "the AWS API normalizes it to the name without the slash").
pub(crate) fn check(given: &str) -> Result<String, ParameterError> {
    let name = given.trim_matches(' ');
    let invalid = |words: &str| Err(ParameterError::invalid(words));
    if name.is_empty() || name.len() > LENGTH {
        return invalid("Parameter name: must be 1 to 1011 characters long.");
    }
    let segments: Vec<&str> = name.strip_prefix('/').unwrap_or(name).split('/').collect();
    if segments.len() > 1 && !name.starts_with('/') {
        return invalid("Parameter name must be a fully qualified name.");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if segments.iter().any(|s| s.is_empty() || !s.chars().all(allowed)) {
        return invalid(MALFORMED);
    }
    let first = segments[0].to_ascii_lowercase();
    if first.starts_with("aws") && segments.len() > 1 {
        return Err(ParameterError::Reserved(name.to_owned()));
    }
    if first.starts_with("aws") || first.starts_with("ssm") {
        return invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).");
    }
    if segments.len() > LEVELS {
        return Err(ParameterError::TooDeep(name.to_owned()));
    }
    Ok(bare(name).to_owned())
}

/// Returns a name as it is kept: with a slash in front only if it is a path.
pub(crate) fn bare(name: &str) -> &str {
    name.strip_prefix('/').filter(|rest| !rest.contains('/')).unwrap_or(name)
}

/// Refuses what cannot name a parameter that is read: not the form of a name, or more than one selector behind it.
pub(crate) fn readable(id: &str) -> Result<(), ParameterError> {
    let id = id.trim_matches(' ');
    if id.starts_with("arn:") {
        return Ok(());
    }
    let (name, selector) = id.split_once(':').map_or((id, None), |(name, selector)| (name, Some(selector)));
    if selector.is_some_and(|selector| selector.is_empty() || selector.contains(':')) {
        return Err(ParameterError::invalid(SELECTOR));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let is_path = name.contains('/');
    if name.is_empty() || !name.chars().all(allowed) || name.contains("//") || is_path && !name.starts_with('/') {
        return Err(ParameterError::invalid(MALFORMED));
    }
    Ok(())
}

const MALFORMED: &str = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can \
                         consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, \
                         numbers and the following 3 symbols .-_";
/// The two blanks are AWS's.
pub(crate) const SELECTOR: &str =
    "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>";

/// Returns the path of a hierarchy without the slash at its end: `/` becomes nothing.
pub(crate) fn path(given: &str) -> Result<&str, ParameterError> {
    let path = given.trim_matches(' ');
    let inner = path.strip_suffix('/').unwrap_or(path);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if !path.starts_with('/') || path.contains("//") || !path.chars().all(allowed) {
        return Err(ParameterError::invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward \
             slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, \
             numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not \
             allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: \
             /get/parameters2-/by1./path0_.",
        ));
    }
    Ok(inner)
}

/// Whether `name` is below `path` (as [`path`] returns it), at any depth or directly.
pub(crate) fn is_below(name: &str, path: &str, recursive: bool) -> bool {
    // A name without a hierarchy stands at the root.
    let rest = match name.strip_prefix(path) {
        Some(rest) if path.is_empty() => rest.strip_prefix('/').unwrap_or(rest),
        Some(rest) => match rest.strip_prefix('/') {
            Some(rest) => rest,
            None => return false,
        },
        None => return false,
    };
    !rest.is_empty() && (recursive || !rest.contains('/'))
}

/// What follows a name: `:3`, `:blue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    Version(i64),
    Label(String),
}

/// What an identifier names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Id<'a> {
    /// Region of the ARN, if it is one.
    pub(crate) region: Option<&'a str>,
    /// Account of the ARN, if it is one.
    pub(crate) account: Option<&'a str>,
    /// Name; of an ARN without its first slash.
    pub(crate) name: &'a str,
    /// Which version.
    pub(crate) selector: Option<Selector>,
}

impl<'a> Id<'a> {
    /// Reads a name or an ARN; `None` when it can be neither.
    pub(crate) fn parse(id: &'a str) -> Option<Self> {
        let id = id.trim_matches(' ');
        let (region, account, rest) = match id.strip_prefix("arn:") {
            None => (None, None, id),
            Some(arn) => match arn.splitn(5, ':').collect::<Vec<_>>()[..] {
                [_, "ssm", region, account, resource] => {
                    (Some(region), Some(account), resource.strip_prefix("parameter/")?)
                }
                _ => return None,
            },
        };
        let (name, selector) = match rest.split_once(':') {
            None => (rest, None),
            Some((_, selector)) if selector.is_empty() || selector.contains(':') => return None,
            Some((name, selector)) => (
                name,
                Some(match selector.parse() {
                    Ok(number) => Selector::Version(number),
                    Err(_) => Selector::Label(selector.to_owned()),
                }),
            ),
        };
        (!name.is_empty()).then_some(Self { region, account, name, selector })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_aws_allows() {
        let check = |given: &str, expected: &str| {
            let got = super::check(given).unwrap_or_else(|error| error.code().to_owned());
            assert_eq!(got, expected, "{given}");
        };
        check("plain", "plain");
        check("/plain", "plain");
        check("/a/b-c/d_e.f", "/a/b-c/d_e.f");
        check("  /a/b ", "/a/b");
        check("", "ValidationException");
        check("a b", "ValidationException");
        check("a/b", "ValidationException");
        check("/a//b", "ValidationException");
        check("/a/", "ValidationException");
        check("/", "ValidationException");
        check("/a/b:1", "ValidationException");
        check("arn:aws:ssm:us-east-1:123456789012:parameter/a", "ValidationException");
        check("AWSome", "ValidationException");
        check("/aws/x", "AccessDeniedException");
        check("/ssm/x", "ValidationException");
        check("/x/aws", "/x/aws");
        check(&"/l".repeat(15), &"/l".repeat(15));
        check(&"/l".repeat(16), "HierarchyLevelLimitExceededException");
        check(&"n".repeat(1012), "ValidationException");
    }

    #[test]
    fn a_path_holds_what_is_below_it_and_not_what_only_begins_alike() {
        let check = |path: &str, recursive, expected: &str| {
            let names = ["flat", "/a", "/a/b", "/a/b/c", "/ab/c"];
            let path = super::path(path).unwrap();
            let below: Vec<&str> = names.into_iter().filter(|name| is_below(name, path, recursive)).collect();
            assert_eq!(below.join(" "), expected, "{path} {recursive}");
        };
        check("/a", false, "/a/b");
        check("/a/", true, "/a/b /a/b/c");
        check("/a/b", true, "/a/b/c");
        check("/", false, "flat /a");
        check("/", true, "flat /a /a/b /a/b/c /ab/c");
        assert!(["a", "", "/a//b", "/a b", "/a*"].iter().all(|bad| super::path(bad).is_err()));
    }

    #[test]
    fn identifiers_are_names_or_arns_with_a_version_or_a_label() {
        let check = |id: &str, expected: &str| {
            let got = match Id::parse(id) {
                Some(id) => format!("{} {} {:?}", id.region.unwrap_or("-"), id.name, id.selector),
                None => "none".to_owned(),
            };
            assert_eq!(got, expected, "{id}");
        };
        check("/a/b", "- /a/b None");
        check("a:2", "- a Some(Version(2))");
        check("a:blue", "- a Some(Label(\"blue\"))");
        check("arn:aws:ssm:eu-west-1:1:parameter/a/b:3", "eu-west-1 a/b Some(Version(3))");
        check("arn:aws:ssm:eu-west-1:1:parameter/a", "eu-west-1 a None");
        check("a:2:3", "none");
        check("a:", "none");
        check("arn:aws:ecs:eu-west-1:1:cluster/a", "none");
        check("arn:aws:ssm:eu-west-1:1:document/a", "none");
    }
}
