//! Parameter Store's inputs, member by member (botocore: ssm 2014-11-06).

use aws_model::AwsError;
use parameters::{Filter, Kind, NewVersion, Tag, Tier, TierAsked};
use secrets::SecretText;

use crate::members::{Members, invalid, missing};

const NAMES_LIMIT: usize = 10;
const LABELS_LIMIT: usize = 10;
const LABEL_LENGTH: usize = 100;

pub(super) fn new_version(input: &mut Members) -> Result<NewVersion, AwsError> {
    let policies = input.text("Policies")?.unwrap_or_default();
    if !matches!(policies.trim(), "" | "[]" | "{}" | "[{}]") {
        return Err(invalid("Policies", "is not supported by managr's platform yet"));
    }
    let kind = input.text("Type")?.map(|name| {
        Kind::parse(&name).ok_or_else(|| invalid("Type", "must be one of [SecureString, StringList, String]"))
    });
    Ok(NewVersion {
        name: input.needed("Name")?,
        value: SecretText::new(input.needed("Value")?),
        kind: kind.transpose()?,
        overwrite: input.flag("Overwrite")?.unwrap_or(false),
        description: input.text("Description")?,
        allowed_pattern: input.text("AllowedPattern")?,
        key_id: input.text("KeyId")?,
        tier: input.text("Tier")?.map(|name| tier(&name)).transpose()?,
        tags: tags(input)?.unwrap_or_default(),
        data_type: input.text("DataType")?,
    })
}

fn tier(name: &str) -> Result<TierAsked, AwsError> {
    match name {
        "Standard" => Ok(TierAsked::Exactly(Tier::Standard)),
        "Advanced" => Ok(TierAsked::Exactly(Tier::Advanced)),
        "Intelligent-Tiering" => Ok(TierAsked::AsNeeded),
        _ => Err(invalid("Tier", "must be one of [Standard, Advanced, Intelligent-Tiering]")),
    }
}

pub(super) fn decrypt(input: &mut Members) -> Result<bool, AwsError> {
    Ok(input.flag("WithDecryption")?.unwrap_or(false))
}

pub(super) fn names(input: &mut Members) -> Result<Vec<String>, AwsError> {
    let names = input.texts("Names")?.ok_or_else(|| missing("names"))?;
    if names.is_empty() || names.len() > NAMES_LIMIT {
        return Err(invalid("Names", "must have 1 to 10 members"));
    }
    if names.iter().enumerate().any(|(n, name)| names[..n].contains(name)) {
        return Err(invalid("Names", "must not name a parameter twice"));
    }
    Ok(names)
}

pub(super) fn labels(input: &mut Members) -> Result<Vec<String>, AwsError> {
    let labels = input.texts("Labels")?.ok_or_else(|| missing("labels"))?;
    let fits = |label: &String| (1..=LABEL_LENGTH).contains(&label.chars().count());
    if labels.is_empty() || labels.len() > LABELS_LIMIT || !labels.iter().all(fits) {
        return Err(invalid("Labels", "must have 1 to 10 members of 1 to 100 characters"));
    }
    Ok(labels)
}

/// Returns the name of the parameter whose tags are meant.
pub(super) fn tagged(input: &mut Members) -> Result<String, AwsError> {
    let kind = input.needed("ResourceType")?;
    if kind != "Parameter" {
        let words = format!("The resource type {kind} is not valid: managr's platform has tags of Parameter only.");
        return Err(AwsError::new("InvalidResourceType", words));
    }
    input.needed("ResourceId")
}

pub(super) fn tags(input: &mut Members) -> Result<Option<Vec<Tag>>, AwsError> {
    let one = |mut tag: Members| Ok(Tag { key: tag.needed("Key")?, value: tag.needed("Value")? });
    input.structures("Tags")?.map(|tags| tags.into_iter().map(one).collect()).transpose()
}

pub(super) fn filters(input: &mut Members) -> Result<Vec<Filter>, AwsError> {
    let one = |mut filter: Members| {
        Ok(Filter {
            key: filter.needed("Key")?,
            option: filter.text("Option")?,
            values: filter.texts("Values")?.unwrap_or_default(),
        })
    };
    input.structures("ParameterFilters")?.unwrap_or_default().into_iter().map(one).collect()
}

/// `Filters`, which came before `ParameterFilters`: a name is compared by its beginning.
pub(super) fn older_filters(input: &mut Members) -> Result<Vec<Filter>, AwsError> {
    let one = |mut filter: Members| {
        let key = filter.needed("Key")?;
        if !["Name", "Type", "KeyId"].contains(&key.as_str()) {
            return Err(invalid("Filters", "can have the keys [Name, Type, KeyId]"));
        }
        let option = (key == "Name").then(|| "BeginsWith".to_owned());
        Ok(Filter { key, option, values: filter.texts("Values")?.unwrap_or_default() })
    };
    input.structures("Filters")?.unwrap_or_default().into_iter().map(one).collect()
}
