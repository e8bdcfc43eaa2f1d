//! `PutParameter`: decides what the next version is, and whether there is to be one.

use std::sync::Arc;

use aws_model::Millis;
use regex::Regex;
use secrets::SecretText;

use crate::Parameters;
use crate::change;
use crate::error::ParameterError;
use crate::find::key_of;
use crate::name;
use crate::parameter::{Parameter, ParameterType, Stored, Tag, Tier, Version};

/// AWS keeps so many versions of a parameter.
const KEPT: usize = 100;
const DESCRIPTION_LIMIT: usize = 1024;
const PATTERN_LIMIT: usize = 1024;
const TEXT: &str = "text";
/// The key that AWS names for a `SecureString` whose maker named none.
const DEFAULT_KEY: &str = "alias/aws/ssm";

/// What `PutParameter` asks. What is `None` stays as the version before has it.
#[derive(Debug)]
pub struct NewVersion {
    /// Name.
    pub name: String,
    /// Value.
    pub value: SecretText,
    /// Type; needed for a parameter that is not there yet.
    pub kind: Option<ParameterType>,
    /// Whether a parameter that is there gets another version.
    pub overwrite: bool,
    /// Description.
    pub description: Option<String>,
    /// What values have to look like.
    pub allowed_pattern: Option<String>,
    /// Key named by the caller.
    pub key_id: Option<String>,
    /// Tier.
    pub tier: Option<TierAsked>,
    /// Tags of a new parameter.
    pub tags: Vec<Tag>,
    /// Data type.
    pub data_type: Option<String>,
}

/// A tier as it may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierAsked {
    /// That one.
    Exactly(Tier),
    /// `Intelligent-Tiering`: whichever the value needs.
    AsNeeded,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// Number of the version made.
    pub version: i64,
    /// Tier it is in.
    pub tier: Tier,
}

impl Parameters {
    /// Makes a parameter, or with `overwrite` a new version of it.
    ///
    /// Of any number of calls without `overwrite` for one name, one succeeds.
    ///
    /// # Errors
    /// `ParameterAlreadyExists` without `overwrite`; when something of the request is not allowed.
    pub async fn put(&self, region: &str, mut new: NewVersion) -> Result<Put, ParameterError> {
        new.name = name::check(&new.name)?;
        check(&new)?;
        let region = region.to_owned();
        self.uninterrupted(move |inner| async move {
            // One of an earlier platform may have kept the slash that it was given.
            let key = key_of(&inner, &region, &new.name).unwrap_or_else(|| (region, new.name.clone()));
            let before = inner.parameters.read().get(&key).cloned();
            let mut after = match &before {
                Some(before) => Parameter::clone(before),
                None => {
                    let stored = Stored { region: key.0, name: key.1, tags: new.tags.clone() };
                    Parameter { stored, versions: Vec::new() }
                }
            };
            let mut version = next_version(before.as_deref(), &new, (inner.now)())?;
            match version.kind {
                ParameterType::SecureString => {
                    let row = after.row_of(version.number);
                    let sealed = inner.sealer.seal(&row, &new.value);
                    version.sealed = sealed.map_err(|_| ParameterError::Decryption(new.name.clone()))?.into();
                }
                ParameterType::String | ParameterType::StringList => {
                    version.clear = Some(new.value.expose().to_owned())
                }
            }
            let put = Put { version: version.number, tier: version.tier };
            after.versions.push(Arc::new(version));
            let over = after.versions.len().saturating_sub(KEPT);
            after.versions.drain(..over);
            inner.keep(before.as_deref(), after).await?;
            Ok(put)
        })
        .await
    }
}

/// Returns the version that follows `before`, its value apart.
fn next_version(before: Option<&Parameter>, new: &NewVersion, now: Millis) -> Result<Version, ParameterError> {
    let last = before.map(|b| b.latest());
    if last.is_some() && !new.overwrite {
        return Err(ParameterError::Exists);
    }
    if let Some(before) = before {
        let oldest = &before.versions[0];
        if before.versions.len() >= KEPT && !oldest.labels.is_empty() {
            return Err(ParameterError::OldestLabelled { name: new.name.clone(), oldest: oldest.number });
        }
    }
    let kind = kind(last.map(|l| l.kind), new)?;
    let allowed_pattern = new.allowed_pattern.clone().or_else(|| last?.allowed_pattern.clone());
    if let Some(pattern) = allowed_pattern.as_deref().filter(|p| !p.is_empty()) {
        check_pattern(pattern, &new.value)?;
    }
    let key_id = match kind {
        ParameterType::SecureString => {
            let kept = || last.and_then(|l| l.key_id.clone());
            Some(new.key_id.clone().or_else(kept).unwrap_or_else(|| DEFAULT_KEY.to_owned()))
        }
        _ if new.key_id.is_some() => {
            return Err(ParameterError::invalid("KeyId is required for SecureString type parameter only."));
        }
        _ => None,
    };
    Ok(Version {
        number: last.map_or(0, |l| l.number) + 1,
        kind,
        tier: tier(last.map(|l| l.tier), new)?,
        modified: now,
        description: new.description.clone().or_else(|| last?.description.clone()),
        allowed_pattern,
        key_id,
        data_type: TEXT.to_owned(),
        labels: Vec::new(),
        clear: None,
        sealed: Arc::default(),
    })
}

/// botocore, `HierarchyTypeMismatchException`: a parameter keeps its type.
fn kind(present: Option<ParameterType>, new: &NewVersion) -> Result<ParameterType, ParameterError> {
    match (present, new.kind) {
        (None, None) => Err(ParameterError::invalid("A parameter type is required when you create a parameter.")),
        (Some(present), Some(asked)) if present != asked => {
            Err(ParameterError::OtherType { name: new.name.clone(), present: present.as_str() })
        }
        (present, asked) => Ok(asked.or(present).unwrap_or(ParameterType::String)),
    }
}

/// A parameter goes from Standard to Advanced and never back.
fn tier(present: Option<Tier>, new: &NewVersion) -> Result<Tier, ParameterError> {
    let size = new.value.expose().len();
    let tier = match (present, new.tier) {
        (Some(Tier::Advanced), Some(TierAsked::Exactly(Tier::Standard))) => {
            return Err(ParameterError::invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
                 advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced \
                 parameter and recreate it as a standard parameter.",
            ));
        }
        (Some(Tier::Advanced), _) => Tier::Advanced,
        (_, Some(TierAsked::Exactly(tier))) => tier,
        (_, Some(TierAsked::AsNeeded)) if size > Tier::Standard.limit() => Tier::Advanced,
        (_, Some(TierAsked::AsNeeded) | None) => Tier::Standard,
    };
    match tier {
        Tier::Standard if size > tier.limit() => Err(ParameterError::invalid(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger \
             parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see \
             https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )),
        Tier::Advanced if size > tier.limit() => Err(ParameterError::invalid(
            "Advanced tier parameters support a maximum parameter value of 8192 characters.",
        )),
        tier => Ok(tier),
    }
}

/// The whole value has to match: in AWS's walkthrough, `\d{1,4}` refuses `10,000`.
fn check_pattern(pattern: &str, value: &SecretText) -> Result<(), ParameterError> {
    let whole = Regex::new(&format!(r"\A(?:{pattern})\z"));
    let whole = whole.map_err(|_| ParameterError::BadPattern(pattern.to_owned()))?;
    match whole.is_match(value.expose()) {
        true => Ok(()),
        false => Err(ParameterError::PatternMismatch(pattern.to_owned())),
    }
}

/// What can be said of a request without knowing what is there.
fn check(new: &NewVersion) -> Result<(), ParameterError> {
    let value = new.value.expose();
    let too_long = |text: &Option<String>, limit| text.as_ref().is_some_and(|t| t.chars().count() > limit);
    if value.is_empty() {
        return Err(ParameterError::invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length \
             greater than or equal to 1.",
        ));
    }
    if value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Err(ParameterError::invalid(
            "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.",
        ));
    }
    if new.overwrite && !new.tags.is_empty() {
        return Err(ParameterError::invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please \
             remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    if too_long(&new.description, DESCRIPTION_LIMIT) || too_long(&new.allowed_pattern, PATTERN_LIMIT) {
        return Err(ParameterError::invalid("Description and AllowedPattern can have at most 1024 characters each."));
    }
    if let Some(other) = new.data_type.as_deref().filter(|t| *t != TEXT) {
        return Err(ParameterError::invalid(format!(
            "The following data type is not supported by managr's platform yet: {other} (only text is)."
        )));
    }
    change::check_tags(&new.tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(value: &str) -> NewVersion {
        NewVersion {
            name: "p".into(),
            value: SecretText::new(value),
            kind: Some(ParameterType::String),
            overwrite: true,
            description: None,
            allowed_pattern: None,
            key_id: None,
            tier: None,
            tags: Vec::new(),
            data_type: None,
        }
    }

    /// Applies one request after another; a step reads `tier value-length`, or the error's code.
    fn check_tiers(steps: &[(Option<TierAsked>, usize)], expected: &str) {
        let mut present = None;
        let said: Vec<String> = steps
            .iter()
            .map(|(asked, size)| match tier(present, &NewVersion { tier: *asked, ..new(&"x".repeat(*size)) }) {
                Ok(tier) => {
                    present = Some(tier);
                    tier.as_str().to_owned()
                }
                Err(error) => error.code().to_owned(),
            })
            .collect();
        assert_eq!(said.join(" "), expected);
    }

    #[test]
    fn a_tier_bounds_the_value_and_is_never_lowered() {
        const STANDARD: Option<TierAsked> = Some(TierAsked::Exactly(Tier::Standard));
        const ADVANCED: Option<TierAsked> = Some(TierAsked::Exactly(Tier::Advanced));
        const NEEDED: Option<TierAsked> = Some(TierAsked::AsNeeded);
        check_tiers(&[(None, 4096), (None, 4097)], "Standard ValidationException");
        check_tiers(&[(ADVANCED, 8192), (ADVANCED, 8193)], "Advanced ValidationException");
        check_tiers(&[(NEEDED, 4096), (NEEDED, 4097), (NEEDED, 1)], "Standard Advanced Advanced");
        check_tiers(&[(NEEDED, 8193)], "ValidationException");
        check_tiers(&[(ADVANCED, 1), (STANDARD, 1), (None, 5000)], "Advanced ValidationException Advanced");
    }

    #[test]
    fn the_whole_value_matches_the_pattern_or_none_of_it_does() {
        let check = |pattern: &str, value: &str, expected: &str| {
            let got = check_pattern(pattern, &SecretText::new(value)).map_or_else(|e| e.code(), |()| "ok");
            assert_eq!(got, expected, "{pattern} {value}");
        };
        check(r"\d{1,4}", "100", "ok");
        check(r"\d{1,4}", "10,000", "ParameterPatternMismatchException");
        check(r"^\d+$", "12", "ok");
        check("a|bc", "bc", "ok");
        check("a|bc", "abc", "ParameterPatternMismatchException");
        check("(", "x", "InvalidAllowedPatternException");
        check("(?=x)x", "x", "InvalidAllowedPatternException");
    }
}
