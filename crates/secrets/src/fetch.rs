//! What a container's secret means (`valueFrom` of a task definition), and its value.
//!
//! `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX:JSON-KEY:STAGE:VERSION`, where each
//! of the last three may be empty or left out; read in the ECS developer guide ("Pass Secrets
//! Manager secrets through Amazon ECS environment variables") and the agent's `asm` package.

use serde_json::Value;

use crate::Secrets;
use crate::error::SecretError;
use crate::text::{SecretText, SecretValue};

/// A parsed `valueFrom`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// ARN (full or without suffix) or name.
    pub id: String,
    /// Member of the JSON document to take; the whole value when there is none.
    pub json_key: Option<String>,
    /// Staging label.
    pub stage: Option<String>,
    /// Version.
    pub version: Option<String>,
}

/// Why a container does not get its secret; worded as in a task's `stoppedReason`, to follow
/// `ResourceInitializationError: unable to pull secrets or registry auth: `.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The reference cannot be read.
    #[error("execution resource retrieval failed: invalid secret reference {reference}: {words}")]
    Reference {
        /// The reference.
        reference: String,
        /// What is wrong.
        words: &'static str,
    },
    /// Secrets Manager refused.
    #[error(
        "execution resource retrieval failed: unable to retrieve secret from asm: failed to fetch secret {id} from \
         secrets manager: {}", source.code()
    )]
    Refused {
        /// Which secret.
        id: String,
        /// Why.
        source: SecretError,
    },
    /// The value is bytes; only a text can be a variable.
    #[error("execution resource retrieval failed: unable to retrieve secret from asm: secret {id} has no SecretString")]
    Binary {
        /// Which secret.
        id: String,
    },
    /// A JSON key was asked of what is no JSON object.
    #[error(
        "execution resource retrieval failed: unable to retrieve secret from asm: secret {id} is not a JSON object, \
         so it has no key {key}"
    )]
    NotJson {
        /// Which secret.
        id: String,
        /// The key.
        key: String,
    },
    /// The key is not in the document.
    #[error(
        "execution resource retrieval failed: unable to retrieve secret from asm: retrieved secret from Secrets \
         Manager did not contain json key {key} (secret {id})"
    )]
    NoKey {
        /// Which secret.
        id: String,
        /// The key.
        key: String,
    },
}

impl Reference {
    /// Parses a `valueFrom`.
    ///
    /// # Errors
    /// When it has too many parts, or names both a stage and a version.
    pub fn parse(value_from: &str) -> Result<Self, FetchError> {
        let invalid = |words| FetchError::Reference { reference: value_from.to_owned(), words };
        if !value_from.starts_with("arn:") {
            return Ok(Self { id: value_from.to_owned(), json_key: None, stage: None, version: None });
        }
        let parts: Vec<&str> = value_from.split(':').collect();
        if parts.len() < 7 || parts[2] != "secretsmanager" || parts[5] != "secret" || parts[6].is_empty() {
            return Err(invalid("it is not the ARN of a secret"));
        }
        if parts.len() > 10 {
            return Err(invalid("there is more after the ARN than a JSON key, a version stage and a version id"));
        }
        let part = |n: usize| parts.get(n).filter(|p| !p.is_empty()).map(|&p| p.to_owned());
        let reference = Self { id: parts[..7].join(":"), json_key: part(7), stage: part(8), version: part(9) };
        if reference.stage.is_some() && reference.version.is_some() {
            return Err(invalid("it names both a version stage and a version id"));
        }
        Ok(reference)
    }
}

impl Secrets {
    /// Returns what a container's `valueFrom` stands for.
    ///
    /// # Errors
    /// In ECS's words; never with any part of a value.
    pub fn value_from(&self, region: &str, value_from: &str) -> Result<SecretText, FetchError> {
        let reference = Reference::parse(value_from)?;
        self.value(region, &reference)
    }

    /// Returns the text that `reference` stands for; a name is looked up in `region`.
    ///
    /// # Errors
    /// As [`Secrets::value_from`].
    pub fn value(&self, region: &str, reference: &Reference) -> Result<SecretText, FetchError> {
        let Reference { id, json_key, stage, version } = reference;
        let got = self
            .get(region, id, version.as_deref(), stage.as_deref())
            .map_err(|source| FetchError::Refused { id: id.clone(), source })?;
        let SecretValue::Text(text) = got.value else {
            return Err(FetchError::Binary { id: id.clone() });
        };
        let Some(key) = json_key else { return Ok(text) };
        // The parser's own words are not kept: they could quote the value.
        let Ok(Value::Object(mut members)) = serde_json::from_str(text.expose()) else {
            return Err(FetchError::NotJson { id: id.clone(), key: key.clone() });
        };
        match members.remove(key) {
            Some(Value::String(text)) => Ok(SecretText::new(text)),
            Some(other) => Ok(SecretText::new(other.to_string())),
            None => Err(FetchError::NoKey { id: id.clone(), key: key.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value_from: &str, expected: &str) {
        let got = match Reference::parse(value_from) {
            Ok(r) => {
                let show = |o: Option<String>| o.unwrap_or_else(|| "-".to_owned());
                format!("{} {} {} {}", r.id, show(r.json_key), show(r.stage), show(r.version))
            }
            Err(error) => error.to_string(),
        };
        assert!(got.ends_with(expected), "{value_from}\n  got      {got}\n  expected {expected}");
    }

    #[test]
    fn reads_the_suffixes_that_ecs_reads() {
        const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/staging-AbCdEf";
        check(ARN, &format!("{ARN} - - -"));
        check(&format!("{ARN}:SECRET_KEY::"), &format!("{ARN} SECRET_KEY - -"));
        check(&format!("{ARN}:SECRET_KEY"), &format!("{ARN} SECRET_KEY - -"));
        check(&format!("{ARN}::AWSPREVIOUS:"), &format!("{ARN} - AWSPREVIOUS -"));
        check(&format!("{ARN}:::v1"), &format!("{ARN} - - v1"));
        check(&format!("{ARN}:K::v1"), &format!("{ARN} K - v1"));
        check("app/staging", "app/staging - - -");
        check(&format!("{ARN}:K:S:V"), "it names both a version stage and a version id");
        check(&format!("{ARN}:K:S:V:X"), "a JSON key, a version stage and a version id");
        check("arn:aws:ssm:us-east-1:123456789012:parameter/x", "it is not the ARN of a secret");
    }
}
