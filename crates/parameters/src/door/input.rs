//! What Parameter Store is asked (botocore: ssm 2014-11-06). What the model can say of an input is not said here again.

use aws_model::AwsError;
use secrets::SecretText;
use serde::Deserialize;

use crate::{ByPath, Filter, NewVersion, ParameterError, ParameterType, Tag, Tier, TierAsked};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Which {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Names {
    pub(super) names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Get {
    pub(super) name: String,
    #[serde(default)]
    pub(super) with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAll {
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct History {
    pub(super) name: String,
    #[serde(default)]
    pub(super) with_decryption: bool,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Below {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    parameter_filters: Vec<Filter>,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Below {
    pub(super) fn read(self) -> ByPath {
        ByPath {
            path: self.path,
            recursive: self.recursive,
            filters: self.parameter_filters,
            decrypt: self.with_decryption,
            max: self.max_results,
            token: self.next_token,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    #[serde(default)]
    filters: Vec<Older>,
    #[serde(default)]
    parameter_filters: Vec<Filter>,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
    #[serde(default)]
    pub(super) shared: bool,
}

/// A filter as there were before `ParameterFilters`: a name is compared by its beginning.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Older {
    key: String,
    values: Vec<String>,
}

impl Describe {
    pub(super) fn filters(self) -> Result<Vec<Filter>, AwsError> {
        if !self.filters.is_empty() && !self.parameter_filters.is_empty() {
            let words = "You can use either Filters or ParameterFilters in a single request.";
            return Err(ParameterError::invalid(words).into());
        }
        let older = self.filters.into_iter().map(|Older { key, values }| {
            let option = (key == "Name").then(|| "BeginsWith".to_owned());
            Filter { key, option, values }
        });
        Ok(older.chain(self.parameter_filters).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    name: String,
    value: SecretText,
    r#type: Option<ParameterType>,
    #[serde(default)]
    overwrite: bool,
    description: Option<String>,
    allowed_pattern: Option<String>,
    key_id: Option<String>,
    tier: Option<WireTier>,
    #[serde(default)]
    tags: Vec<WireTag>,
    data_type: Option<String>,
    #[serde(default)]
    policies: String,
}

#[derive(Deserialize)]
enum WireTier {
    Standard,
    Advanced,
    #[serde(rename = "Intelligent-Tiering")]
    Intelligent,
}

impl Put {
    pub(super) fn read(self) -> Result<NewVersion, AwsError> {
        if !matches!(self.policies.trim(), "" | "[]" | "{}" | "[{}]") {
            return Err(ParameterError::invalid("Policies is not supported by managr's platform yet").into());
        }
        Ok(NewVersion {
            name: self.name,
            value: self.value,
            kind: self.r#type,
            overwrite: self.overwrite,
            description: self.description,
            allowed_pattern: self.allowed_pattern,
            key_id: self.key_id,
            tier: self.tier.map(|tier| match tier {
                WireTier::Standard => TierAsked::Exactly(Tier::Standard),
                WireTier::Advanced => TierAsked::Exactly(Tier::Advanced),
                WireTier::Intelligent => TierAsked::AsNeeded,
            }),
            tags: self.tags.into_iter().map(Tag::from).collect(),
            data_type: self.data_type,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) parameter_version: Option<i64>,
    pub(super) labels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Unlabel {
    pub(super) name: String,
    pub(super) parameter_version: i64,
    pub(super) labels: Vec<String>,
}

/// What a call about the tags of a parameter names.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tagged {
    pub(super) resource_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddTags {
    #[serde(flatten)]
    pub(super) tagged: Tagged,
    pub(super) tags: Vec<WireTag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveTags {
    #[serde(flatten)]
    pub(super) tagged: Tagged,
    pub(super) tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireTag {
    key: String,
    value: String,
}

impl From<WireTag> for Tag {
    fn from(WireTag { key, value }: WireTag) -> Self {
        Self { key, value }
    }
}
