//! Finding a parameter and reading its value.

use std::sync::Arc;

use secrets::SecretText;

use crate::error::ParameterError;
use crate::name::{self, Id, Selector};
use crate::parameter::{Key, Parameter, Version};
use crate::{ParameterTruth, Parameters};

/// A value as it is handed out.
#[derive(Debug, Clone)]
pub enum Value {
    /// In the clear: not secure, or decrypted on request.
    Clear(SecretText),
    /// A `SecureString` whose reader did not ask for decryption.
    Sealed(Arc<[u8]>),
}

/// A value, and which one it is.
#[derive(Debug, Clone)]
pub struct Got {
    /// The parameter.
    pub parameter: Arc<Parameter>,
    /// The version.
    pub version: Arc<Version>,
    /// What followed the name in the request, with its colon.
    pub selector: Option<String>,
    /// Its value.
    pub value: Value,
}

/// What `GetParameters` finds.
#[derive(Debug, Default)]
pub struct FoundParameters {
    /// Values, in the order they were asked for.
    pub values: Vec<Got>,
    /// What names nothing.
    pub invalid: Vec<String>,
}

impl Parameters {
    /// Returns a parameter by name or ARN.
    ///
    /// # Errors
    /// `ParameterNotFound`.
    pub fn describe(&self, region: &str, id: &str) -> Result<Arc<Parameter>, ParameterError> {
        let key = key_of(&self.inner, region, id);
        let found = key.and_then(|key| self.inner.parameters.read().get(&key).cloned());
        found.ok_or_else(|| match id.starts_with("/aws/service/") {
            true => ParameterError::Public(id.to_owned()),
            false => ParameterError::NotFound(id.to_owned()),
        })
    }

    /// Returns a value by name or ARN, each with or without `:VERSION` or `:LABEL`.
    ///
    /// # Errors
    /// When there is no such parameter or version.
    pub fn get(&self, region: &str, id: &str, decrypt: bool) -> Result<Got, ParameterError> {
        name::readable(id)?;
        let not_found = || ParameterError::NotFound(id.to_owned());
        let parsed = Id::parse(id).ok_or_else(not_found)?;
        let parameter = self.describe(region, id)?;
        let missing = |what: String| ParameterError::VersionNotFound { what, name: parameter.name().to_owned() };
        let (version, selector) = match parsed.selector {
            None => (parameter.latest(), None),
            Some(Selector::Version(number)) => {
                let version = parameter.version(number).ok_or_else(|| missing(format!("version {number}")))?;
                (version, Some(format!(":{number}")))
            }
            Some(Selector::Label(label)) => {
                let version = parameter.labelled(&label).ok_or_else(|| missing(format!("label {label}")))?;
                (version, Some(format!(":{label}")))
            }
        };
        let version = version.clone();
        Ok(Got { selector, ..self.got(parameter, version, decrypt)? })
    }

    /// Returns the values of those that are there; what cannot be a name is not.
    ///
    /// # Errors
    /// When a value does not open.
    pub fn get_all(&self, region: &str, ids: &[String], decrypt: bool) -> Result<FoundParameters, ParameterError> {
        let mut found = FoundParameters::default();
        for (n, id) in ids.iter().enumerate() {
            // A name that is asked for twice is answered once.
            if ids[..n].contains(id) {
                continue;
            }
            match self.get(region, id, decrypt) {
                Ok(got) => found.values.push(got),
                Err(error) if error.names_nothing() => found.invalid.push(id.clone()),
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    pub(crate) fn got(
        &self,
        parameter: Arc<Parameter>,
        version: Arc<Version>,
        decrypt: bool,
    ) -> Result<Got, ParameterError> {
        let value = match &version.clear {
            Some(clear) => Value::Clear(SecretText::new(clear)),
            None if !decrypt => Value::Sealed(version.sealed.clone()),
            None => {
                let opened = self.inner.sealer.unseal(&parameter.row_of(version.number), &version.sealed);
                Value::Clear(opened.map_err(|_| ParameterError::Decryption(parameter.name().to_owned()))?)
            }
        };
        Ok(Got { parameter, version, selector: None, value })
    }
}

/// Returns the key of the parameter that `id` names, unless it names one version of it only.
pub(crate) fn whole_key_of(inner: &ParameterTruth, region: &str, id: &str) -> Option<Key> {
    Id::parse(id).filter(|id| id.selector.is_none()).and_then(|_| key_of(inner, region, id))
}

/// Returns the key of the parameter that `id` names, if it is there. An ARN names the parameter of
/// its own region only, which must be `region`.
pub(crate) fn key_of(inner: &ParameterTruth, region: &str, id: &str) -> Option<Key> {
    let parsed = Id::parse(id)?;
    let elsewhere = parsed.region.is_some_and(|r| r != region) || parsed.account.is_some_and(|a| a != inner.account);
    if elsewhere {
        return None;
    }
    // A path has a slash in front; without one it names nothing.
    if parsed.region.is_none() && parsed.name.contains('/') && !parsed.name.starts_with('/') {
        return None;
    }
    let parameters = inner.parameters.read();
    let present = |name: String| Some((region.to_owned(), name)).filter(|key| parameters.contains_key(key));
    // Neither an ARN nor a name of one level says whether there was a slash. Such names are kept without one; those
    // of an earlier platform have what they were given.
    let bare = parsed.name.trim_start_matches('/');
    present(name::bare(&format!("/{bare}")).to_owned()).or_else(|| present(format!("/{bare}")))
}
