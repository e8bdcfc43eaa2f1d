//! Secrets Manager's inputs, member by member (botocore: secretsmanager 2017-10-17).

use aws_model::AwsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrets::{
    Filter, NewSecret, NewVersion, PasswordRules, Removal, Revised, SecretBytes, SecretText, SecretValue, Tag,
};

use crate::members::{Members, invalid, missing};

pub(super) fn new_secret(input: &mut Members) -> Result<NewSecret, AwsError> {
    input.refuse(&["AddReplicaRegions", "Type", "CrossAccountPrimaryARN"])?;
    Ok(NewSecret {
        name: input.needed("Name")?,
        token: input.text("ClientRequestToken")?,
        description: input.text("Description")?,
        kms_key_id: input.text("KmsKeyId")?,
        value: value(input)?,
        tags: tags(input)?.unwrap_or_default(),
    })
}

pub(super) fn new_version(input: &mut Members) -> Result<NewVersion, AwsError> {
    let value = value(input)?.ok_or_else(|| {
        AwsError::new("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    })?;
    let stages = input.texts("VersionStages")?.unwrap_or_default();
    if stages.len() > 20 || stages.iter().any(|s| s.is_empty() || s.len() > 256) {
        return Err(invalid("VersionStages", "can have at most 20 members of 1 to 256 characters"));
    }
    Ok(NewVersion { token: input.text("ClientRequestToken")?, value, stages })
}

pub(super) fn revised(input: &mut Members) -> Result<Revised, AwsError> {
    input.refuse(&["Type"])?;
    Ok(Revised {
        token: input.text("ClientRequestToken")?,
        description: input.text("Description")?,
        kms_key_id: input.text("KmsKeyId")?,
        value: value(input)?,
    })
}

pub(super) fn removal(input: &mut Members) -> Result<Removal, AwsError> {
    match (input.flag("ForceDeleteWithoutRecovery")?.unwrap_or(false), input.number("RecoveryWindowInDays")?) {
        (true, Some(_)) => Err(AwsError::invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        )),
        (true, None) => Ok(Removal::Now),
        (false, days) => Ok(Removal::After(days.unwrap_or(30))),
    }
}

pub(super) fn password_rules(input: &mut Members) -> Result<PasswordRules, AwsError> {
    Ok(PasswordRules {
        length: input.count("PasswordLength")?.unwrap_or(32),
        exclude: input.text("ExcludeCharacters")?.unwrap_or_default(),
        no_lowercase: input.flag("ExcludeLowercase")?.unwrap_or(false),
        no_uppercase: input.flag("ExcludeUppercase")?.unwrap_or(false),
        no_numbers: input.flag("ExcludeNumbers")?.unwrap_or(false),
        no_punctuation: input.flag("ExcludePunctuation")?.unwrap_or(false),
        space: input.flag("IncludeSpace")?.unwrap_or(false),
        each_kind: input.flag("RequireEachIncludedType")?.unwrap_or(true),
    })
}

pub(super) fn tags(input: &mut Members) -> Result<Option<Vec<Tag>>, AwsError> {
    let one = |mut tag: Members| Ok(Tag { key: tag.needed("Key")?, value: tag.text("Value")?.unwrap_or_default() });
    input.structures("Tags")?.map(|tags| tags.into_iter().map(one).collect()).transpose()
}

pub(super) fn filters(input: &mut Members) -> Result<Vec<Filter>, AwsError> {
    let one = |mut filter: Members| {
        Ok(Filter {
            key: filter.needed("Key")?,
            values: filter.texts("Values")?.ok_or_else(|| missing("filters.member.values"))?,
        })
    };
    input.structures("Filters")?.unwrap_or_default().into_iter().map(one).collect()
}

fn value(input: &mut Members) -> Result<Option<SecretValue>, AwsError> {
    match (input.text("SecretString")?, input.text("SecretBinary")?) {
        (Some(_), Some(_)) => Err(AwsError::invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
        (Some(text), None) => Ok(Some(SecretValue::Text(SecretText::new(text)))),
        (None, Some(encoded)) => {
            let bytes = STANDARD
                .decode(encoded)
                .map_err(|_| AwsError::new("SerializationException", "SecretBinary must be base64"))?;
            Ok(Some(SecretValue::Binary(SecretBytes::new(bytes))))
        }
        (None, None) => Ok(None),
    }
}
