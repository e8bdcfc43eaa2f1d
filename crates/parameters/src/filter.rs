//! Filters of `DescribeParameters` and `GetParametersByPath`: read once, then asked.

use crate::error::ParameterError;
use crate::name;
use crate::parameter::{Parameter, Version};

/// A filter as the caller wrote it.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// `Name`, `Type`, `KeyId`, `Path`, `Label`, `Tier`, `DataType` or `tag:KEY`.
    pub key: String,
    /// `Equals`, `BeginsWith`, `Contains`, `OneLevel` or `Recursive`.
    pub option: Option<String>,
    /// One of them must match.
    #[serde(default)]
    pub values: Vec<String>,
}

/// Who asks; each may use other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    Describe,
    ByPath,
}

/// A filter that has been understood.
#[derive(Debug)]
pub(crate) struct Condition {
    attribute: Attribute,
    values: Vec<String>,
}

#[derive(Debug)]
enum Attribute {
    Name(How),
    Kind(How),
    KeyId(How),
    Tier(How),
    DataType(How),
    Tag(String, How),
    Label,
    Path { recursive: bool },
}

#[derive(Debug, Clone, Copy)]
enum How {
    Equals,
    BeginsWith,
    Contains,
}

impl How {
    fn holds(self, text: &str, value: &str) -> bool {
        match self {
            Self::Equals => text == value,
            Self::BeginsWith => text.starts_with(value),
            Self::Contains => text.contains(value),
        }
    }
}

/// Reads every filter of a request.
pub(crate) fn conditions(filters: Vec<Filter>, asker: Asker) -> Result<Vec<Condition>, ParameterError> {
    if let Some(twice) = (1..filters.len()).find(|n| filters[..*n].iter().any(|f| f.key == filters[*n].key)) {
        return Err(ParameterError::FilterKey(format!(
            "The following filter is duplicated in the request: {}. A request can contain only one occurrence of a \
             specific filter.",
            filters[twice].key
        )));
    }
    filters.into_iter().map(|filter| condition(filter, asker)).collect()
}

fn condition(filter: Filter, asker: Asker) -> Result<Condition, ParameterError> {
    let Filter { key, option, values } = filter;
    let tag = key.strip_prefix("tag:").filter(|tag| !tag.is_empty()).map(str::to_owned);
    let offered: &[&str] = match asker {
        Asker::Describe => &["Path", "Name", "Type", "KeyId", "Tier", "DataType"],
        Asker::ByPath => &["Type", "KeyId", "Label"],
    };
    if !(offered.contains(&key.as_str()) || asker == Asker::Describe && tag.is_some()) {
        return Err(ParameterError::FilterKey(format!(
            "The following filter key is not valid: {key}. Valid filter keys include: [{}].",
            offered.join(", ")
        )));
    }
    // A tag without values asks whether there is such a tag at all.
    if values.is_empty() && tag.is_none() {
        let words = format!("The following filter values are missing : null for filter key {key}.");
        return Err(ParameterError::FilterValue(words));
    }
    let attribute = attribute(&key, tag, option.as_deref())?;
    let allowed: &[&str] = match &attribute {
        Attribute::Kind(How::Equals) => &["String", "StringList", "SecureString"],
        Attribute::Tier(How::Equals) => &["Standard", "Advanced", "Intelligent-Tiering"],
        _ => &[],
    };
    if let Some(bad) = values.iter().find(|v| !allowed.is_empty() && !allowed.contains(&v.as_str())) {
        return Err(ParameterError::FilterValue(format!(
            "The following filter value is not valid: {bad}. Valid values include: [{}].",
            allowed.join(", ")
        )));
    }
    let values = match &attribute {
        Attribute::Path { .. } => values.iter().map(|v| path(v)).collect::<Result<_, _>>()?,
        _ => values,
    };
    Ok(Condition { attribute, values })
}

/// Public parameters are no one's of the account: their paths cannot be asked for.
fn path(value: &str) -> Result<String, ParameterError> {
    let lower = value.to_ascii_lowercase();
    if lower.starts_with("/aws") || lower.starts_with("/ssm") {
        return Err(ParameterError::invalid(
            "Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). When using \
             global parameters, please specify within a global namespace.",
        ));
    }
    name::path(value).map(str::to_owned)
}

fn attribute(key: &str, tag: Option<String>, option: Option<&str>) -> Result<Attribute, ParameterError> {
    let refused = |offered: &str| {
        Err(ParameterError::FilterOption(format!(
            "The following filter option is not valid: {}. Valid options include: [{offered}].",
            option.unwrap_or_default()
        )))
    };
    if key == "Path" {
        return match option {
            Some("Recursive") => Ok(Attribute::Path { recursive: true }),
            Some("OneLevel") | None => Ok(Attribute::Path { recursive: false }),
            Some(_) => refused("Recursive, OneLevel"),
        };
    }
    let how = match option {
        Some("Equals") | None => How::Equals,
        Some("BeginsWith") if key != "Label" => How::BeginsWith,
        Some("Contains") if key == "Name" => How::Contains,
        Some(_) if key == "Label" => return refused("Equals"),
        Some(_) => return refused("BeginsWith, Equals"),
    };
    Ok(match (key, tag) {
        (_, Some(tag)) => Attribute::Tag(tag, how),
        ("Name", _) => Attribute::Name(how),
        ("Type", _) => Attribute::Kind(how),
        ("KeyId", _) => Attribute::KeyId(how),
        ("Tier", _) => Attribute::Tier(how),
        ("DataType", _) => Attribute::DataType(how),
        _ => Attribute::Label,
    })
}

impl Condition {
    /// Whether this is about labels: then the labelled version is the one that is meant.
    pub(crate) fn labels(&self) -> Option<&[String]> {
        matches!(self.attribute, Attribute::Label).then_some(&self.values[..])
    }

    /// Whether a version of a parameter is wanted.
    pub(crate) fn holds(&self, parameter: &Parameter, version: &Version) -> bool {
        let any = |how: How, text: &str| self.values.iter().any(|value| how.holds(text, value));
        match &self.attribute {
            // `a` finds `/a` and the other way round.
            Attribute::Name(How::Contains) => any(How::Contains, parameter.name()),
            Attribute::Name(how) => {
                let bare = parameter.name().trim_start_matches('/');
                self.values.iter().any(|value| how.holds(bare, value.trim_start_matches('/')))
            }
            Attribute::Kind(how) => any(*how, version.kind.as_str()),
            Attribute::KeyId(how) => version.key_id.as_deref().is_some_and(|id| any(*how, id)),
            Attribute::Tier(how) => any(*how, version.tier.as_str()),
            Attribute::DataType(how) => any(*how, &version.data_type),
            Attribute::Tag(key, how) => {
                let tag = parameter.tags().iter().find(|tag| tag.key == *key);
                tag.is_some_and(|tag| self.values.is_empty() || any(*how, &tag.value))
            }
            Attribute::Label => version.labels.iter().any(|label| self.values.contains(label)),
            Attribute::Path { recursive } => {
                self.values.iter().any(|path| name::is_below(parameter.name(), path, *recursive))
            }
        }
    }
}
