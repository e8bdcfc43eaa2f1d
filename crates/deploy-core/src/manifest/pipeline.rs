//! The pipeline: what `managr pipeline` writes, as far as it is the same whichever service carries it out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Seconds;
use crate::pipeline::Auth;

/// What `managr pipeline bitbucket|github|gitlab` writes. The command's options say the same; one that contradicts
/// the manifest is refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Pipeline {
    /// How it proves who it is: by tokens of its own (`oidc`), or by long-lived keys (`keys`). Default: `oidc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Branch that goes to staging. Default: `main`.
    #[schemars(extend("format" = "managr-git-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Stage of the branch. Default: `staging`.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging: Option<String>,
    /// Tags that go to production. Default: `v*`.
    #[schemars(extend("format" = "managr-git-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Branch that goes to production, in place of tags. It may be the branch that goes to staging: production comes
    /// after it then.
    #[schemars(extend("format" = "managr-git-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production_branch: Option<String>,
    /// Stage of tags, or of `production-branch`. Default: `prod`, or `production`.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production: Option<String>,
    /// Whether a person agrees to production's plan before it is carried out. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
    /// Image in which steps run, for Bitbucket and GitLab. Default: `atlassian/default-image:4`, or
    /// `quay.io/buildah/stable`.
    #[schemars(extend("format" = "managr-image"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Machines that steps run on: `runs-on` of Bitbucket and GitHub, `tags` of GitLab. Default: the service's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runners: Vec<String>,
    /// Size of the steps that build, for Bitbucket: `2x`, `4x` and so on. Default: `1x`.
    #[schemars(extend("minLength" = 2))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// How long a step may take, in whole minutes. Default: the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// Command that puts managr on the PATH. Default: download it from `$MANAGR_DOWNLOAD_URL` if it is not there.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
}
