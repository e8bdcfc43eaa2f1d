//! Previews: stages that are in no manifest, one for each pull request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Named, Scalar, Seconds};

/// Stages made for pull requests: copies of a stage under names of their own, removed when their time is over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["from"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Previews {
    /// Stage that a preview is a copy of. It shares that stage's cluster, network, load balancer, roles, secret and
    /// log group; services, task definitions, target groups and rules are its own.
    pub from: String,
    /// Name of the stage of a pull request. Default: `pr-{pr}`.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Host name of a preview: `{name}`, `{pr}` and `{service}` are replaced. Default: none, and then each preview has
    /// a load balancer of its own.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How long a preview stays after its last deploy. Default: `3d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Seconds>,
    /// Template of image tags, as a stage's `tag`. Default: `{stage}-{commit}`.
    #[schemars(extend("format" = "managr-tag"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Number of tasks of each service. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whether schedules run in previews, too. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<bool>,
    /// Plain variables that differ in previews; `{name}`, `{pr}` and `{host}` in them are replaced.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub variables: Named<Scalar>,
}

/// Name of a preview, unless the manifest has another.
const NAME: &str = "pr-{pr}";

/// Seconds that a preview stays.
const TTL: u32 = 3 * 86_400;

impl Previews {
    /// Returns the template of names.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(NAME)
    }

    /// Returns the seconds that a preview stays after its last deploy.
    pub fn ttl(&self) -> u32 {
        self.ttl.map_or(TTL, |ttl| ttl.0)
    }

    /// Returns the name of the preview of a pull request.
    pub fn name_of(&self, pr: &str) -> String {
        self.name().replace("{pr}", pr)
    }

    /// Returns the number of the pull request that a stage's name stands for, if it is a preview's.
    pub fn pr_of<'a>(&self, stage: &'a str) -> Option<&'a str> {
        let (before, after) = self.name().split_once("{pr}")?;
        let pr = stage.strip_prefix(before)?.strip_suffix(after)?;
        (!pr.is_empty() && pr.len() <= 10 && pr.bytes().all(|byte| byte.is_ascii_digit())).then_some(pr)
    }
}

#[cfg(test)]
mod tests {
    use super::Previews;

    #[test]
    fn a_stage_is_a_preview_by_its_name() {
        let previews = Previews::default();
        assert_eq!(previews.pr_of("pr-12"), Some("12"));
        assert_eq!(previews.name_of("12"), "pr-12");
        for other in ["pr-", "pr-x", "pr-12x", "staging", "xpr-1", "pr-12345678901"] {
            assert_eq!(previews.pr_of(other), None, "{other}");
        }
        let named = Previews { name: Some("review-{pr}-eu".to_owned()), ..Previews::default() };
        assert_eq!((named.pr_of("review-7-eu"), named.pr_of("pr-7")), (Some("7"), None));
    }
}
