//! Secrets that are read by the name of a parameter: `/aws/reference/secretsmanager/NAME[:VERSION]`.
//!
//! Systems Manager user guide, "Referencing AWS Secrets Manager secrets from Parameter Store parameters": GetParameter
//! and GetParameters only, and only with decryption. What is answered, and in which words it is refused, was measured
//! by floci (SsmSecretsManagerReferenceIntegrationTest, 2026-09-28).

use secrets::{SecretError, SecretText, SecretValue};
use serde::Serialize;

use crate::Parameters;
use crate::error::ParameterError;
use crate::name;

const PREFIX: &str = "/aws/reference/secretsmanager/";

/// Whether a name is that of a secret.
pub(crate) fn is_one(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// A secret's value, and how it was asked for.
pub(crate) struct Referred {
    /// The name without the selector.
    pub(crate) name: String,
    /// What followed it, with its colon.
    pub(crate) selector: Option<String>,
    /// What Secrets Manager has.
    pub(crate) got: secrets::Got,
}

impl Referred {
    /// Returns the value, unless it is bytes: those have none here.
    pub(crate) fn text(&self) -> Option<&SecretText> {
        match &self.got.value {
            SecretValue::Text(text) => Some(text),
            SecretValue::Binary(_) => None,
        }
    }

    /// Returns what GetSecretValue would have answered, as `SourceResult` has it. In which form AWS writes the instant
    /// is not known.
    pub(crate) fn source(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Source<'a> {
            #[serde(rename = "ARN")]
            arn: &'a str,
            name: &'a str,
            version_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            secret_string: Option<&'a str>,
            version_stages: &'a [String],
            created_date: String,
        }
        let created = jiff::Timestamp::from_millisecond(self.got.version.created).unwrap_or_default();
        let source = Source {
            arn: &self.got.secret.arn,
            name: &self.got.secret.name,
            version_id: &self.got.version.id,
            secret_string: self.text().map(SecretText::expose),
            version_stages: &self.got.version.stages,
            created_date: created.to_string(),
        };
        serde_json::to_string(&source).expect("texts can be written")
    }
}

impl Parameters {
    /// Returns the secret that a parameter's name refers to.
    ///
    /// # Errors
    /// When the name is malformed, decryption was not asked for, or there is no such secret or version.
    pub(crate) fn refer(&self, region: &str, id: &str, decrypt: bool) -> Result<Referred, ParameterError> {
        let (name, selector) = id.split_once(':').map_or((id, None), |(name, selector)| (name, Some(selector)));
        if selector.is_some_and(|selector| selector.is_empty() || selector.contains(':')) {
            return Err(ParameterError::invalid(name::SELECTOR));
        }
        if !decrypt {
            return Err(ParameterError::invalid(
                "WithDecryption flag must be True for retrieving a Secret Manager secret.",
            ));
        }
        let secret = name.strip_prefix(PREFIX).unwrap_or_default();
        let selector = selector.map(|selector| format!(":{selector}"));
        let missing = || {
            let shown = selector.as_deref().unwrap_or("null");
            ParameterError::Secret(format!("{}{shown}", name.trim_start_matches('/')))
        };
        let got = match selector.as_deref().map(|selector| &selector[1..]) {
            None => self.inner.secrets.get(region, secret, None, None),
            // A version's identifier has 32 characters at least; a label that looks like one is looked for too.
            Some(asked) => match self.inner.secrets.get(region, secret, Some(asked), None) {
                Err(SecretError::NotFound(_)) => self.inner.secrets.get(region, secret, None, Some(asked)),
                got => got,
            },
        };
        match got {
            Ok(got) => Ok(Referred { name: name.to_owned(), selector, got }),
            Err(SecretError::NotFound(_)) => Err(missing()),
            Err(SecretError::InvalidRequest(_)) => Err(ParameterError::invalid("Invalid Request to Secrets Manager")),
            Err(_) => Err(ParameterError::Decryption(name.to_owned())),
        }
    }

    /// Returns the secrets that names refer to, each once, and the names that cannot be answered.
    pub(crate) fn refer_all(
        &self,
        region: &str,
        ids: &[String],
        decrypt: bool,
    ) -> Result<(Vec<Referred>, Vec<String>), ParameterError> {
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        for (_, id) in ids.iter().enumerate().filter(|(n, id)| !ids[..*n].contains(id)) {
            match self.refer(region, id, decrypt) {
                Ok(referred) => found.push(referred),
                Err(error) if error.names_nothing() => invalid.push(id.clone()),
                Err(other) => return Err(other),
            }
        }
        Ok((found, invalid))
    }
}
